"""The sockets a panel can send on, and the line of code for what it does with them."""

from __future__ import annotations

import threading
import weakref
from typing import Literal

from astra_nb.client import connect
from astra_nb.errors import LocalError, NotOpen
from astra_nb.log import FrameLog
from astra_nb.server import Server
from astra_nb.websocket import WebSocket

from .commands import Command

__all__ = ["ALL", "Sender", "Senders"]

Sender = Literal["server", "client"]

ALL = 0  # the target that means every connection


class Senders:
    """The two ends a panel can send from: the server, and clients it opens in the kernel.

    The server is held weakly, so that a panel keeps no server alive. Any thread may call any
    method.
    """

    def __init__(self, server: Server) -> None:
        self._server = weakref.ref(server)
        self._clients: list[WebSocket] = []
        self._lock = threading.Lock()

    @property
    def server(self) -> Server | None:
        """The server; None when nothing refers to it any more."""
        return self._server()

    @property
    def clients(self) -> list[WebSocket]:
        """The panel's own clients that are not closed, oldest first."""
        with self._lock:
            self._clients = [each for each in self._clients if each.state != "closed"]
            return list(self._clients)

    def sockets(self, sender: Sender) -> list[WebSocket]:
        """Return the sockets one end can send on now."""
        if sender == "client":
            return self.clients
        server = self.server
        return [] if server is None else server.connections

    def open_client(self, path: str) -> WebSocket:
        """Open a client in the kernel that reads everything it receives.

        Raises:
            LocalError: The server does not run.
            AstraError: The server cannot be reached, or refused the handshake.
        """
        server = self.server
        if server is None or not server.running:
            raise LocalError("the server does not run, so no client can connect; call server.run()")
        url = server.url.rstrip("/") + "/" + path.lstrip("/")
        client = connect(url, log=FrameLog(recording=False))
        # A client that does not read would hold the server's sends up after a while.
        threading.Thread(
            target=read_on, args=(client,), name="astra_nb panel's client", daemon=True
        ).start()
        with self._lock:
            self._clients.append(client)
        return client

    def close_clients(self) -> None:
        """Close the panel's clients with 1000, and wait for each a bounded time."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    def _chosen(self, sender: Sender, target: int) -> list[WebSocket]:
        sockets = [each for each in self.sockets(sender) if target in (ALL, each.id)]
        if sockets:
            return sockets
        if target != ALL:
            raise NotOpen(
                f"connection #{target} is closed, so nothing was sent; choose another target"
            )
        server = self.server
        if server is None or not server.running:
            raise NotOpen("the server does not run, so nothing was sent; call server.run()")
        raise NotOpen(
            "nothing is connected, so nothing was sent; press \N{LEFT DOUBLE QUOTATION MARK}open a "
            "client\N{RIGHT DOUBLE QUOTATION MARK}, or let a client connect to " + server.url
        )

    def perform(self, sender: Sender, target: int, command: Command) -> list[int]:
        """Perform a command on each chosen socket; return the numbers of their connections.

        One whose peer reads too slowly is left out: a click must not stop the kernel.

        Raises:
            NotOpen: There is no socket to send on; the message says how to get one.
            AstraError: The command failed on a socket.
        """
        done = []
        for socket in self._chosen(sender, target):
            if command.ends or not socket.would_wait:
                command.perform(socket)
                done.append(socket.id)
        if not done:
            raise NotOpen(
                "the other end reads too slowly, so nothing was sent: a click does not wait for "
                "it; let it read, close the connection, or send from a cell, which waits"
            )
        return done

    def code(self, sender: Sender, target: int, command: Command) -> str:
        """Return code that does the same, for a notebook in which the server is `server`."""
        if sender == "client":
            return "; ".join(f"client.{part}" for part in command.code)
        calls = "; ".join(f"socket.{part}" for part in command.code)
        if target == ALL:
            return f"for socket in server.connections: {calls}"
        return f"socket = {{s.id: s for s in server.connections}}[{target}]; {calls}"


def read_on(client: WebSocket) -> None:
    for _ in client:
        pass
