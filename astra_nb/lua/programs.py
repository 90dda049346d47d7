"""Lua programs: a cell's code, run in the calling thread, and handlers, run by the server's loop.

Both are Lua coroutines that yield their requests. Between two requests the Lua state is free for
other programs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from astra_nb.async_websocket import AsyncWebSocket
from astra_nb.errors import AstraError, ConnectionClosed, LocalError, LuaError, NotOpen
from astra_nb.log.records import NoticeRecord
from astra_nb.server import Server

from .operations import Connections, Servers
from .runtime import LuaState, Request, Value

__all__ = ["Lua"]

Answer = tuple[Value, ...]
START: Answer = ()


class Lua:
    """A separate Lua 5.4 with the tutorial's modules; all its code shares one state.

    Lua code reaches neither Python nor files nor processes. Code that does not end is stopped
    after a number of instructions.

    Raises:
        LocalError: The package lupa is missing.
    """

    def __init__(self) -> None:
        self._state = LuaState()
        self._connections = Connections()
        self._servers = Servers(self._make_handler)

    @property
    def server(self) -> Server | None:
        """The server that Lua code made last, with its log and its panel; None before any."""
        return self._servers.latest

    def run(self, source: str, name: str = "cell") -> None:
        """Run Lua code to its end; its servers stay. Any thread but an event loop's.

        Args:
            source: The code.
            name: Its name in error messages.

        Raises:
            LuaError: It is not valid Lua, it raised, or it was stopped.
        """
        state = self._state
        with state.turn():
            task = state.start_cell(source, name)
        try:
            answer, refill = START, True
            while True:
                with state.turn():
                    request = state.step(task, refill, True, *answer)
                if request is None:
                    return
                answer, refill = self._answer_cell(request)
        finally:
            state.forget(task)

    def shutdown(self) -> None:
        """Shut down all servers that Lua code has made."""
        self._servers.shutdown_all()

    def _answer_cell(self, request: Request) -> tuple[Answer, bool]:
        try:
            if call := self._servers.calls.get(request.name):
                return (True, *call(*request.arguments)), False
            _, loop = self._connections.get(request.arguments[0])
            answer = self._connections.carry_out(0, request.name, *request.arguments)
            return (True, *asyncio.run_coroutine_threadsafe(answer, loop).result()), True
        except (AstraError, OSError) as exc:
            return _refusal(exc), False

    def _make_handler(
        self, handler: int, where: str
    ) -> Callable[[AsyncWebSocket], Coroutine[Any, Any, None]]:
        async def handle(socket: AsyncWebSocket) -> None:
            await self._run_handler(handler, socket)

        handle.__name__ = f"the Lua function {where}"
        return handle

    async def _run_handler(self, handler: int, socket: AsyncWebSocket) -> None:
        state, connections = self._state, self._connections
        number = connections.add(socket)
        task = 0
        told: ConnectionClosed | NotOpen | None = None
        try:
            async with state.turn_on_loop():
                task = state.start_handler(handler, number)
            answer, refill = START, True
            while True:
                async with state.turn_on_loop():
                    request = state.step(task, refill, False, *answer)
                if request is None:
                    return
                try:
                    answer = await self._answer_handler(number, request)
                    refill = request.name not in self._servers.calls
                except (AstraError, OSError) as exc:
                    # Of this connection; what another one tells is an error here.
                    if isinstance(exc, (ConnectionClosed, NotOpen)) and number in request.arguments:
                        told = exc
                    answer, refill = _refusal(exc), False
                    # Code that catches every error must not block the event loop.
                    await asyncio.sleep(0)
        except LuaError as exc:
            if told is None or not str(exc).endswith(str(told)):
                raise
            # Not caught: the usual end of a loop around recv. The documented listing also has three
            # ways to close, one after the other, and runs as it is: the first one counts.
            if isinstance(told, NotOpen) and socket.log is not None:
                socket.log.append(socket.id, NoticeRecord, text=f"The handler ended: {told}.")
        finally:
            connections.remove(number)
            if task:
                state.forget(task)

    async def _answer_handler(self, own: int, request: Request) -> Answer:
        if request.name == "new":
            return (True, *self._servers.new())
        if request.name in self._servers.calls:
            raise LocalError(f"server:{request.name}(...) belongs in a cell, not in a handler")
        return (True, *await self._connections.carry_out(own, request.name, *request.arguments))


def _refusal(exc: Exception) -> Answer:
    return (False, str(exc).encode("utf-8", "backslashreplace"))
