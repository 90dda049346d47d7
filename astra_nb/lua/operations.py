"""The server and socket calls of Lua code, carried out in Python."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from astra_nb.async_websocket import AsyncWebSocket
from astra_nb.errors import InvalidMessage, LocalError
from astra_nb.server import Server
from astra_nb.wire.messages import CloseFrame, Message

from .runtime import Value

__all__ = ["Connections", "Servers", "values_of"]


class Connections:
    """The connections that Lua code knows, by number. Its calls run on the event loop."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[AsyncWebSocket, asyncio.AbstractEventLoop]] = {}

    def add(self, socket: AsyncWebSocket) -> int:
        """Register a connection and return its number. On the event loop only."""
        number = next(self._numbers)
        self._open[number] = socket, asyncio.get_running_loop()
        return number

    def remove(self, number: int) -> None:
        """Forget a connection whose handler has ended."""
        self._open.pop(number, None)

    def get(self, number: int) -> tuple[AsyncWebSocket, asyncio.AbstractEventLoop]:
        """Return the connection of this number, and the loop that owns it."""
        found = self._open.get(number)
        if found is None:
            raise LocalError("the handler of this socket has ended, and its connection with it")
        return found

    async def carry_out(self, own: int, name: str, number: int, *arguments: Value) -> list[Value]:
        """Make one call of a socket, from the handler of connection `own`, or 0 for a cell."""
        socket, _ = self.get(number)
        if name == "recv":
            if own != number:
                raise LocalError("the messages of a socket go to its own handler")
            return values_of(await socket.recv(arguments[0]))  # type: ignore[arg-type]
        if name == "send_close":
            code, reason = arguments
            text = None if reason is None else _decode(reason, "close reason")
            await socket.send_close(code, text)  # type: ignore[arg-type]
        elif name == "send_text":
            await socket.send_text(_decode(arguments[0], "text"))
        else:
            send: Callable[[Any], Awaitable[None]] = {
                "send_bytes": socket.send_bytes,
                "send_ping": socket.send_ping,
                "send_pong": socket.send_pong,
            }[name]
            await send(arguments[0])
        return []


class Servers:
    """The servers that Lua code has made, by number. Any thread but an event loop's.

    Attributes:
        calls: What Lua code may call, by name; each returns what Lua gets from it.
    """

    def __init__(self, handler: Callable[[int, str], Callable[..., Any]]) -> None:
        self._handler = handler
        self._numbers = itertools.count(1)
        self._servers: dict[int, Server] = {}
        self.calls: dict[str, Callable[..., list[Value]]] = {
            "new": self.new,
            "websocket": self.websocket,
            "run": self.run,
            "shutdown": self.shutdown,
        }

    @property
    def latest(self) -> Server | None:
        """The server that was made last."""
        return next(reversed(self._servers.values()), None)

    def new(self) -> list[Value]:
        number = next(self._numbers)
        self._servers[number] = Server()
        return [number]

    def websocket(self, number: int, path: bytes, handler: int, where: bytes) -> list[Value]:
        self._servers[number].websocket(
            _decode(path, "path"), self._handler(handler, where.decode("utf-8", "replace"))
        )
        return []

    def run(self, number: int, hostname: bytes, port: int) -> list[Value]:
        server = self._servers[number]
        server.hostname, server.port = _decode(hostname, "hostname"), port
        server.run()
        return [server.port]

    def shutdown(self, number: int) -> list[Value]:
        self._servers[number].shutdown()
        return []

    def shutdown_all(self) -> None:
        for number in list(self._servers):
            self.shutdown(number)


def values_of(message: Message) -> list[Value]:
    """Return a message as Lua values: type, payload, close code and close reason."""
    value = message.value
    kind = message.type.encode()
    if isinstance(value, CloseFrame):
        return [kind, None, value.code, value.reason.encode()]
    return [kind, value.encode() if isinstance(value, str) else value]


def _decode(value: Value, what: str) -> str:
    assert isinstance(value, bytes), "Lua has checked it"
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise InvalidMessage(
            f"the {what} is not valid UTF-8: byte {exc.start + 1} of {len(value)} is "
            f"0x{value[exc.start]:02X}; send it with send_bytes, or correct the string"
        ) from None
