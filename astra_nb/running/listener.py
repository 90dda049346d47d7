"""What listens in the background: its sockets, its life, and how it ends.

A `Runner` serves WebSockets, a `TapRunner` stands before a server. Neither refers to the object
that a user holds, so that one that nothing refers to can be collected.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar

from astra_nb.errors import AddressUnavailable, LoopBlocked
from astra_nb.jupyter.browser_address import Environment, no_listening
from astra_nb.locks import Latch
from astra_nb.log import FrameLog
from astra_nb.log.records import NoticeRecord
from astra_nb.net import background
from astra_nb.net.accepting import Acceptor
from astra_nb.net.addresses import websocket_url

__all__ = ["Listener"]

LISTENING_CONNECTION = 0  # number of the records that belong to no connection
JOIN = 0.5  # seconds to wait for a thread that has been told to end


C = TypeVar("C", bound=asyncio.Protocol)


class Listener(ABC, Generic[C]):
    """Something that listens, once.

    Args:
        cell: What it is replaced by: another that the same cell runs; None for nothing.
        loop: A loop for this listener alone, which ends with it; None shares the one of all. With
            its own, a handler that never gives the loop back holds up no other.
        tls: Makes it one of wss://; None of ws://.

    Attributes:
        what: What it is to its user.
        ended: Set when all is gone.
        panels: What shows it, and is closed when another replaces it.
    """

    what: ClassVar[str]
    open_timeout: float  # seconds that TLS with a client may take
    close_timeout: float  # seconds to wait for the other end after a CLOSE frame was sent

    def __init__(
        self,
        log: FrameLog,
        hostname: str,
        port: int,
        cell: str | None,
        *,
        loop: background.BackgroundLoop | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.log = log
        self.hostname = hostname
        self.port = port
        self.asked_port = port  # 0 when the system chose the port
        self.cell = cell
        self.running = False
        self.ended = Latch()
        self.panels: Iterable[Any] = ()
        self._own_loop = loop
        self._connections: set[C] = set()
        self._tls = tls
        self._acceptor = Acceptor(
            self._make_connection,
            self._notice,
            dismiss=self._connections.discard,
            tls=tls,
            tls_timeout=lambda: self.open_timeout,
        )
        self._ending: asyncio.Task[None] | None = None
        self._unfinished = [True]  # popped by the thread that finishes

    @abstractmethod
    def _make_connection(self) -> C:
        """Return the connection of a client, and add it to `_connections`."""

    @abstractmethod
    async def _shutdown(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        """Close every connection; clients are not accepted any more."""

    @abstractmethod
    def _abort(self) -> None:
        """End TCP on every connection."""

    def _begin(self) -> None:
        """Called on the loop's thread, before the first client is accepted."""

    def _end(self) -> None:
        """Called once, when a listener that has begun has ended."""

    def _threads(self) -> set[threading.Thread]:
        """Return the threads that work for it."""
        return set()

    def run(self) -> None:
        """Listen. Any thread but the loop's. What was begun is undone when this raises."""
        around = Environment(platform=sys.platform)
        if around.is_lite:
            raise AddressUnavailable(no_listening(around))
        try:
            self._background = background.acquire(self, self._own_loop)
            self._background.forbid_wait()
            self.port = self._acceptor.bind(self.hostname, self.port)
            self._background.call(self._listen)
            self._notice(f"Listening at {self.url}")
        except BaseException:
            self.shutdown()
            raise

    @property
    def url(self) -> str:
        """Address at which a client on this machine reaches it."""
        return websocket_url(self.hostname, self.port, secure=self._tls is not None)

    def _listen(self) -> None:
        # On the loop's thread, which no interrupt reaches.
        self._begin()
        self.running = True
        self._background.listeners.add(self._notice)
        self._acceptor.start()

    def _notice(self, text: str) -> None:
        self.log.append(LISTENING_CONNECTION, NoticeRecord, text=text)

    # Seen from other threads

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
        threads = self._threads()
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
        for thread in threads - self._threads() - {current}:
            thread.join(JOIN)
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
            # Kept, because the loop itself holds tasks only weakly; and not by `create_task`: a
            # handler may have given the loop a factory that fails.
            self._ending = asyncio.Task(self._stop(code, reason, caller))
            self._ending.add_done_callback(lambda _: self._finish())
        if self.ended.is_set():  # it was given up, and the loop ends now
            self._abort()

    async def _stop(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        await self._acceptor.stop()
        await self._shutdown(code, reason, caller)

    def _finish(self) -> None:
        try:
            self._unfinished.pop()
        except IndexError:
            return
        try:
            self._acceptor.close()
            if self.running:
                self.running = False
                self._background.listeners.discard(self._notice)
                self._end()
                self._notice("Stopped listening")
        finally:  # whatever that raises: others wait for the end
            background.release(self)
            self.ended.set()

    def forget_after_fork(self) -> None:
        """In a forked child: give back the copies of the listening sockets, touch nothing else."""
        self._acceptor.close()
        self.running = False
        self.ended.set()
