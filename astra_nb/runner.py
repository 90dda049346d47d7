"""A running server: its sockets, its connections, and the handlers at work on them.

It does not refer to the `Server`, so that one that nothing refers to can be collected.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterable, Iterator
from typing import Any, cast

from .answering import Answering
from .errors import LoopBlocked
from .handlers import GRACE, Handlers
from .jupyter.handler_output import install, uninstall
from .locks import Latch
from .log import FrameLog
from .log.records import NoticeRecord
from .net import background
from .net.accepting import Acceptor
from .net.addresses import websocket_url
from .net.connection import Connection
from .net.policy import Policy
from .net.server_connection import ServerConnection
from .websocket import WebSocket

__all__ = ["Runner"]

LISTENING_CONNECTION = 0  # number of the records that belong to no connection


class Runner:
    """A running server.

    Args:
        numbers: The connections' numbers. The server's, so that on the log of a server that runs
            again a number still means one connection.
        loop: A loop for this server alone, which ends with it; None shares the one of all. With
            its own, a handler that never gives the loop back holds up no other server.
        tls: Makes it a server of wss://; None of ws://.

    Attributes:
        ended: Set when all is gone.
        cell: The notebook cell that called `run()`, or None.
        panels: What shows the server, and is closed when another server replaces it.
    """

    def __init__(
        self,
        policy: Policy,
        log: FrameLog | None,
        hostname: str,
        port: int,
        cell: str | None,
        numbers: Iterator[int],
        *,
        loop: background.BackgroundLoop | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy
        self.log = log
        self.hostname = hostname
        self.port = port
        self.asked_port = port  # 0 when the system chose the port
        self.cell = cell
        self.running = False
        self.ended = Latch()
        self.panels: Iterable[Any] = ()
        self._numbers = numbers
        self._own_loop = loop
        self._connections: set[ServerConnection] = set()
        self._tls = tls
        self._acceptor = Acceptor(
            self._make_connection,
            self._notice,
            dismiss=self._connections.discard,
            tls=tls,
            tls_timeout=lambda: policy.open_timeout,
        )
        self._handlers = Handlers(log)
        self._answering = Answering(policy, self._handlers.lend_context, self._handlers.report)
        self._ending: asyncio.Task[None] | None = None
        self._unfinished = [True]  # popped by the thread that finishes

    def run(self) -> None:
        """Listen. Any thread but the loop's. What was begun is undone when this raises."""
        try:
            self._background = background.acquire(self, self._own_loop)
            self._background.forbid_wait()
            self._handlers.background = self._background
            self.port = self._acceptor.bind(self.hostname, self.port)
            self._background.call(self._listen)
            url = websocket_url(self.hostname, self.port, secure=self._tls is not None)
            self._notice(f"Listening at {url}")
        except BaseException:
            self.shutdown()
            raise

    def _listen(self) -> None:
        # On the loop's thread, which no interrupt reaches.
        install()
        self.running = True
        self._background.listeners.add(self._notice)
        self._acceptor.start()

    def _make_connection(self) -> ServerConnection:
        connection = ServerConnection(
            self.policy,
            next_number=self._numbers.__next__,
            tap=self.log,
            on_open=self._handlers.start,
            on_closed=self._closed,
            on_ask=self._answering.ask,
        )
        self._connections.add(connection)
        return connection

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(cast(ServerConnection, connection))
        self._handlers.forget(connection.number)

    def _notice(self, text: str) -> None:
        if self.log is not None:
            self.log.append(LISTENING_CONNECTION, NoticeRecord, text=text)

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
        connections = list(self._connections)
        return sum(
            connection.sender.broadcast(frame, opcode, payload) for connection in connections
        )

    def settle(self) -> None:
        """Wait, up to 0.2 s, until the loop has done what other threads have asked of it so far."""
        if self.running:
            self._background.settle()

    def forbid_wait(self) -> None:
        """Refuse a blocking call on the loop's own thread, with `WrongThread`."""
        if self.running:
            self._background.forbid_wait()

    # The end

    def shutdown(self, code: int = 1001, reason: str = "") -> None:
        """Close all, wait until all is gone, and give the port back. Idempotent, bounded.

        All of it happens on the loop's thread: an interrupt ends only the wait for it.

        Raises:
            LoopBlocked: A handler blocks the loop; the port was given back, and the connections
                are closed when the handler ends.
        """
        threads = list(self._handlers.threads.values())
        current = threading.current_thread()
        loop = background.loop_of(self)
        if loop is None:  # not begun, or ended
            self._finish()
            return
        try:
            loop.loop.call_soon_threadsafe(self._start_shutdown, code, reason, current)
            if loop.is_current_thread:
                return
            loop.wait(self.ended.wait)
        except RuntimeError:  # the loop has ended, and everything on it
            self._finish()
        except LoopBlocked:
            background.give_up(loop)
            self._finish()
            raise
        stuck = set(self._handlers.threads.values())
        for thread in threads:
            if thread is not current and thread not in stuck:
                thread.join(GRACE)
        loop.join()

    def shutdown_soon(self) -> None:
        """Close all without waiting. Any thread, a garbage collection's among them: no lock."""
        loop = background.loop_of(self)
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.loop.call_soon_threadsafe(self._start_shutdown, 1001, "")

    def _start_shutdown(
        self, code: int, reason: str, caller: threading.Thread | None = None
    ) -> None:
        if self._ending is None:
            self._handlers.ending = True
            # Kept, because the loop itself holds tasks only weakly.
            loop = asyncio.get_running_loop()
            self._ending = loop.create_task(self._shutdown(code, reason, caller))
            self._ending.add_done_callback(lambda _: self._finish())
        if self.ended.is_set():  # it was given up, and the loop ends now
            for connection in self._connections:
                connection.transport.abort()

    async def _shutdown(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        await self._acceptor.stop()
        connections = list(self._connections)
        for connection in connections:
            if connection.state.is_open:
                connection.close_in_turn(code, reason)
            elif not connection.is_established:
                connection.transport.abort()
        waiting = [connection.lost for connection in connections]
        if waiting:
            await asyncio.wait(waiting, timeout=self.policy.close_timeout)
        for connection in list(self._connections):
            connection.transport.abort()
        await self._answering.end()
        await self._handlers.end(self._notice, caller)

    def _finish(self) -> None:
        try:
            self._unfinished.pop()
        except IndexError:
            return
        self._acceptor.close()
        if self.running:
            self._notice("Stopped listening")
            self.running = False
            uninstall()
            self._background.listeners.discard(self._notice)
        background.release(self)
        self.ended.set()

    def forget_after_fork(self) -> None:
        """In a forked child: give back the copies of the listening sockets, touch nothing else."""
        self._acceptor.close()
        self.running = False
        self.ended.set()
