"""A running server: its sockets, its connections, and the handlers at work on them."""

from __future__ import annotations

import asyncio
import functools
import ssl
import threading
from collections.abc import Iterator

from astra_nb.jupyter.handler_output import install, uninstall
from astra_nb.log import FrameLog
from astra_nb.net.background import BackgroundLoop
from astra_nb.net.policy import Policy
from astra_nb.net.server_connection import ServerConnection
from astra_nb.websocket import WebSocket

from .answering import Answering
from .handlers import Handlers
from .listener import Listener

__all__ = ["Runner"]


class Runner(Listener[ServerConnection]):
    """A running server.

    The numbers of connections are the `Server`'s, so that in the log of one that runs again each
    still means one connection.
    """

    what = "server"

    def __init__(
        self,
        policy: Policy,
        log: FrameLog,
        hostname: str,
        port: int,
        cell: str | None,
        numbers: Iterator[int],
        *,
        loop: BackgroundLoop | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy
        super().__init__(log, hostname, port, cell, loop=loop, tls=tls)
        self._numbers = numbers
        self._handlers = Handlers(log)
        self._answering = Answering(policy, self._handlers.lend_context, self._handlers.report)

    @property
    def open_timeout(self) -> float:  # type: ignore[override]
        return self.policy.open_timeout

    @property
    def close_timeout(self) -> float:  # type: ignore[override]
        return self.policy.close_timeout

    def _begin(self) -> None:
        self._handlers.background = self._background
        install()

    def _end(self) -> None:
        uninstall()

    def _threads(self) -> set[threading.Thread]:
        return set(self._handlers.threads.values())

    def _make_connection(self) -> ServerConnection:
        connection = ServerConnection(
            self.policy,
            next_number=self._numbers.__next__,
            tap=self.log,
            on_open=self._handlers.start,
            on_ask=self._answering.ask,
        )
        self._connections.add(connection)
        connection.lost.add_done_callback(functools.partial(self._forget, connection))
        return connection

    def _forget(self, connection: ServerConnection, _: object) -> None:
        self._connections.discard(connection)
        self._handlers.forget(connection.number)

    # Seen from other threads

    def sockets(self) -> list[WebSocket]:
        """Blocking sockets of the open connections, oldest first."""
        return self._background.call(self._open_sockets) if self.running else []

    def _open_sockets(self) -> list[WebSocket]:
        return [
            self._handlers.socket_of(connection)
            for connection in sorted(self._connections, key=lambda each: each.number)
            if connection.state.is_open and not connection.close_asked
        ]

    def broadcast(self, frame: tuple[bytes, int, bytes]) -> int:
        """Send one frame, serialized already, on every open connection."""
        return self._background.call(lambda: self._broadcast(*frame)) if self.running else 0

    def _broadcast(self, frame: bytes, opcode: int, payload: bytes) -> int:
        senders = [connection.sender for connection in self._connections]
        return sum(sender.broadcast(frame, opcode, payload) for sender in senders)

    # The end

    def _start_shutdown(
        self, code: int, reason: str, caller: threading.Thread | None = None
    ) -> None:
        self._handlers.ending = True
        super()._start_shutdown(code, reason, caller)

    def _abort(self) -> None:
        for connection in list(self._connections):
            connection.transport.abort()

    async def _shutdown(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        connections = list(self._connections)
        for connection in connections:
            if connection.state.is_open:
                connection.close_in_turn(code, reason)
            elif not connection.is_established:
                connection.transport.abort()
        waiting = [connection.lost for connection in connections]
        if waiting:
            await asyncio.wait(waiting, timeout=self.policy.close_timeout)
        self._abort()
        await self._answering.end()
        await self._handlers.end(self._notice, caller)
