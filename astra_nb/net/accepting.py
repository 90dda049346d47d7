"""Listening sockets of a server, and the acceptance of clients, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from collections.abc import Callable

from .addresses import bind

__all__ = ["Acceptor"]

RETRY = 0.2  # seconds until the next try after a client could not be accepted


class Acceptor:
    """Lets clients in.

    Args:
        make_connection: Returns the protocol of a client's connection.
        notice: Called with a sentence for the log.
    """

    def __init__(
        self, make_connection: Callable[[], asyncio.Protocol], notice: Callable[[str], None]
    ) -> None:
        self._make_connection = make_connection
        self._notice = notice
        self._listening: list[sockets.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._is_told = False  # that a client could not be let in

    def bind(self, hostname: str, port: int) -> int:
        """Listen, and return the port. Any thread; `close` gives back what was bound.

        Raises:
            AddressInUse: As `addresses.bind`, with the others that it raises.
        """
        bind(hostname, port, self._listening)
        return int(self._listening[0].getsockname()[1])

    def start(self) -> None:
        """Accept clients from now on. On the loop's thread."""
        for listening in self._listening:
            self._start(listening)

    def _start(self, listening: sockets.socket) -> None:
        def again(task: asyncio.Task[None]) -> None:
            self._tasks.remove(task)
            if not self._stopping:  # a handler has cancelled all tasks of the loop
                self._start(listening)

        task = asyncio.get_running_loop().create_task(self._accept(listening))
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
            try:
                await loop.connect_accepted_socket(self._make_connection, client)
            except OSError:
                client.close()

    def _tell_once(self, exc: OSError) -> None:
        if not self._is_told:
            self._is_told = True
            self._notice(
                f"A client had to wait: it could not be accepted ({exc.strerror}). Each "
                f"connection and each open file takes a file descriptor; close some. "
                f"The server goes on trying, and does not say this again."
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
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.close()

    def close(self) -> None:
        """Give the port back. Any thread."""
        self._stopping = True
        for listening in self._listening:
            listening.close()
