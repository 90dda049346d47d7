"""Listening sockets of a server, and the acceptance of clients, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .addresses import bind

__all__ = ["Acceptor"]

RETRY = 0.2  # seconds until the next try after a client could not be accepted
RESTART = 0.02  # seconds until clients are accepted again after a handler cancelled that


P = TypeVar("P", bound=asyncio.Protocol)


@dataclass
class Acceptor(Generic[P]):
    """Accepts the TCP connections of clients."""

    make_connection: Callable[[], P]  # returns the protocol of a client's connection
    notice: Callable[[str], None]  # called with a sentence for the log
    dismiss: Callable[[P], object] = lambda _: None  # called with one that was never connected
    tls: ssl.SSLContext | None = None  # where clients have to begin TLS
    tls_timeout: Callable[[], float] = lambda: 10.0  # returns the seconds that they may take for it
    _securing: set[asyncio.Task[None]] = field(default_factory=set)
    _listening: list[sockets.socket] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: bool = False
    _is_told: bool = False  # that a client could not be let in

    def bind(self, hostname: str, port: int) -> int:
        """Listen, as `addresses.bind`; return the port. Any thread; `close` gives it back."""
        bind(hostname, port, self._listening)
        return int(self._listening[0].getsockname()[1])

    def start(self) -> None:
        """Accept clients from now on. On the loop's thread."""
        for listening in self._listening:
            self._start(listening)

    def _start(self, listening: sockets.socket) -> None:
        def again(task: asyncio.Task[None]) -> None:
            self._tasks.remove(task)
            # A handler has cancelled all tasks of the loop. Or the loop has, at its end: then the
            # timer never fires.
            loop.call_later(RESTART, self._start, listening)

        if self._stopping:
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._accept(listening))
        self._tasks.append(task)
        task.add_done_callback(again)

    async def _accept(self, listening: sockets.socket) -> None:
        # One at a time: asyncio's own server tries as often as the backlog is long, and reports
        # each time, while the process is out of file descriptors.
        loop = asyncio.get_running_loop()
        while not self._stopping:
            try:
                client, _ = await loop.sock_accept(listening)
            except ConnectionError:
                continue  # it has gone away again
            except OSError as exc:
                self._tell_once(exc)
                await asyncio.sleep(RETRY)
                continue
            if self.tls is None:
                await self._let_in(client)
            else:  # which may take as long as the client likes
                task = loop.create_task(self._let_in(client))
                self._securing.add(task)
                task.add_done_callback(self._securing.discard)

    async def _let_in(self, client: sockets.socket) -> None:
        made: list[P] = []

        def make() -> P:
            made.append(self.make_connection())
            return made[0]

        limit = None if self.tls is None else self.tls_timeout()
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                make, client, ssl=self.tls, ssl_handshake_timeout=limit
            )
        except BaseException as exc:
            client.close()
            for connection in made:
                self.dismiss(connection)
            if not isinstance(exc, OSError):  # such as the end of the server
                raise
            if self.tls is not None:
                self.notice(_no_tls(exc))

    def _tell_once(self, exc: OSError) -> None:
        if not self._is_told:
            self._is_told = True
            self.notice(
                f"A client had to wait: it could not be accepted ({exc.strerror}). Each "
                f"connection and each open file takes a file descriptor; close some. "
                f"The server keeps trying, and will not repeat this message."
            )

    async def stop(self) -> None:
        """Accept no client any more, and give the port back."""
        self._stopping = True
        for listening in self._listening:
            # A client that was accepted just now is not lost by the cancelling below.
            with contextlib.suppress(NotImplementedError, ValueError):
                asyncio.get_running_loop().remove_reader(listening)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks = [*self._tasks, *self._securing]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.close()

    def close(self) -> None:
        """Close the listening sockets, and so give the port back. Any thread."""
        self._stopping = True
        for listening in self._listening:
            listening.close()


def _no_tls(exc: OSError) -> str:
    reason = getattr(exc, "reason", None) or exc.strerror or str(exc) or type(exc).__name__
    return (
        f"A client did not begin TLS ({str(reason).replace('_', ' ').lower()}); the address of "
        f"this server begins with wss://, and the client has to trust its certificate."
    )
