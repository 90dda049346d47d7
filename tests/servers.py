"""Servers for tests: on a free port, with either kind of handler, gone at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from astra_nb import AsyncWebSocket, Server, WebSocket

Kind = str
KINDS = ("def", "async def")

Script = Callable[["Steps"], Awaitable[None]]


class Steps:
    """One handle for both kinds of socket, so that a handler is written once.

    Every method can be awaited: with a blocking socket the call is over by then.
    """

    def __init__(self, socket: WebSocket | AsyncWebSocket) -> None:
        self.socket = socket

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.socket, name)
        if isinstance(self.socket, AsyncWebSocket) or not callable(method):
            return method

        async def done(*arguments: Any, **options: Any) -> Any:
            return method(*arguments, **options)

        return done


def handler_of(kind: Kind, script: Script) -> Callable[[Any], Any]:
    """Make a handler of this kind of a script that awaits its steps."""

    async def handle_async(socket: AsyncWebSocket) -> None:
        await script(Steps(socket))

    def handle(socket: WebSocket) -> None:
        coroutine = script(Steps(socket))
        try:
            coroutine.send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return
        raise AssertionError("a blocking step cannot wait for a loop")

    return handle_async if kind == "async def" else handle


async def echo(socket: Steps) -> None:
    """Send each text and binary message back as it came."""
    while True:
        message = await socket.recv()
        if message.type in ("text", "bytes"):
            await socket.send(message.type, message.value)


@contextmanager
def serving(handler: Callable[[Any], Any], path: str = "/", **options: Any) -> Iterator[Server]:
    """Run a server with one route on a free port."""
    server = Server(port=0)
    server.websocket(path, handler, **options)
    with server:
        yield server


def run_async(coroutine: Any, timeout: float = 20.0) -> Any:
    """Run a coroutine on a loop of its own, with a deadline."""
    return asyncio.run(asyncio.wait_for(coroutine, timeout))
