"""The sockets a panel can send on: a server's connections, and clients in the kernel."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable
from typing import Any, Literal

from astra_nb.client import connect
from astra_nb.errors import AstraError, LocalError, NotOpen, WaitTimeout
from astra_nb.locks import make_lock
from astra_nb.log import FrameLog
from astra_nb.net.addresses import is_loopback, websocket_url
from astra_nb.net.uris import parse_address, where
from astra_nb.server import Server
from astra_nb.websocket import WebSocket
from astra_nb.wire.redaction import redact_path
from astra_nb.wire.text import shortened, visible

__all__ = ["EVERYONE", "Senders", "To"]

To = int | Literal["everyone"] | None
EVERYONE: Literal["everyone"] = "everyone"
LONGEST = 200  # characters of a path or an address
SCHEME = re.compile(r"[A-Za-z]+://")
NOTED = 2.0  # seconds until the server has noted a connection that is open at the client

TOO_SLOW = (
    "the other end reads too slowly, so nothing was sent: a click does not wait for it; let it "
    "read, close the connection, or send from a cell, which waits"
)


class Senders:
    """The ends a panel can send from. Any thread may call any method.

    Args:
        server: Whose connections the panel sends on; held weakly, so that a panel keeps no server
            alive.
        client: A client whose log the panel shows; further ones are recorded in the same log.

    Attributes:
        url: The address of the last client, as it is shown: secrets are hidden.
    """

    def __init__(
        self,
        server: Server | None = None,
        client: WebSocket | None = None,
        log: FrameLog | None = None,
    ) -> None:
        self._server = None if server is None else weakref.ref(server)
        self._log = log
        self._given = client
        # By the number that the log has for the connection.
        self._clients: dict[int, WebSocket] = {} if client is None else {client.id: client}
        self._url = "" if client is None else url_of(client)
        self.url = redact_path(self._url)
        self._lock = make_lock()

    @property
    def of_server(self) -> bool:
        """Whether this is the panel of a server."""
        return self._server is not None

    @property
    def server(self) -> Server | None:
        """The server; None when nothing refers to it any more, or there never was one."""
        return None if self._server is None else self._server()

    @property
    def clients(self) -> dict[int, WebSocket]:
        """The clients that are not closed, by the number of their connection in the log."""
        with self._lock:
            closed = [number for number, each in self._clients.items() if each.state == "closed"]
            for number in closed:
                del self._clients[number]
            return dict(self._clients)

    def targets(self, most: int = 1000) -> list[dict[str, Any]]:
        """Return the newest connections that can be sent on, as JSON, oldest first.

        Each has its number `id`, `path`, `peer`, and whether the panel has its client (`client`)
        and its server's end (`server`).
        """
        clients = self.clients
        found = {number: target(client, number) for number, client in clients.items()}
        server = self.server  # in one step: it may be collected in between
        for each in server.connections[-most:] if server else ():
            found[each.id] = target(each, each.id)
        for number, one in found.items():
            one["client"] = number in clients
            one["server"] = self.of_server
        return sorted(found.values(), key=lambda one: int(one["id"]))

    def sockets(self, to: To, by: int | None) -> list[WebSocket]:
        """Return the sockets to send on.

        Args:
            to: The number of a connection; "everyone"; None for the newest.
            by: The number of the connection whose client sends, instead of the server.

        Raises:
            NotOpen: There is no such socket; the message says how to get one.
        """
        clients = self.clients
        if by is not None or not self.of_server:
            wanted = by if by is not None else to
            if isinstance(wanted, int) and wanted not in clients:
                raise NotOpen(
                    f"the panel has no open client on #{wanted}, so nothing was sent; connect one"
                )
            chosen = [clients[wanted]] if isinstance(wanted, int) else list(clients.values())
            if chosen:
                return chosen if wanted == EVERYONE else chosen[-1:]
            raise NotOpen("nothing is connected, so nothing was sent; press Connect")
        server = self.server
        if server is None or not server.running:
            raise NotOpen("the server is not running, so nothing was sent; call server.run()")
        connections = server.connections
        if not connections:
            raise NotOpen(
                "nothing is connected, so nothing was sent; press Connect for a client in the "
                f"kernel, or let a client connect to {server.url}"
            )
        if to == EVERYONE:
            return connections
        if to is None:
            return connections[-1:]
        found = [each for each in connections if each.id == to]
        if not found:
            raise NotOpen(f"connection #{to} is closed, so nothing was sent; choose another one")
        return found

    def perform(
        self, to: To, by: int | None, act: Callable[[WebSocket], object], *, ends: bool = False
    ) -> list[int]:
        """Do something with each chosen socket; return the numbers of their connections.

        Args:
            ends: Whether it ends the connection, and so never waits for a peer that does not read.

        Raises:
            NotOpen: There is no socket, or its other end reads too slowly.
            AstraError: It failed on every socket.
        """
        done: list[int] = []
        failed: AstraError | None = None
        for socket in self.sockets(to, by):
            if not ends and socket.would_wait:
                continue
            try:
                act(socket)
                done.append(by if by is not None else socket.id)
            except AstraError as exc:  # of several, one may just have closed
                failed = exc
        if not done:
            raise failed or NotOpen(TOO_SLOW)
        return done

    def resolve(self, address: str) -> str:
        """Return the last client's address for "" and for what is shown of it; else the same."""
        return self._url if address in ("", self.url) and not self.of_server else address

    def connect(self, address: str, **options: Any) -> int:
        """Open a client in the kernel; return the number of its connection in the log.

        Args:
            address: For a server's panel a path, or its whole address; for a client's an address,
                "" or `url` for the last one.
            options: Of `astra_nb.connect`.

        Raises:
            LocalError: The server does not run.
            AstraError: The server cannot be reached, or refused the handshake.
        """
        # A page sends the address that it is shown, and secrets are hidden in that.
        server, url = self.server, self.resolve(address)
        if self.of_server:
            if server is None or not server.running:
                raise LocalError(
                    "the server is not running, so no client can connect; run it first"
                )
            url = server.url.rstrip("/") + "/" + path_at(server, address).lstrip("/")
        log = FrameLog(recording=False) if self.of_server else self._log
        after = 0 if server is None else server.log.last_number
        client = connect(url, log=log, **options)
        threading.Thread(
            target=read_on, args=(client,), name="astra_nb panel's client", daemon=True
        ).start()
        self._url, self.url = url, redact_path(url)
        number = client.id if server is None else number_at(server, client, after)
        with self._lock:
            self._clients[number] = client
        return number

    def close(self) -> int:
        """Close the clients that the panel opened with 1000, and wait a bounded time for each.

        Returns:
            How many they were.
        """
        opened = {number: each for number, each in self.clients.items() if each is not self._given}
        for number, client in opened.items():
            client.close()
            with self._lock:
                self._clients.pop(number, None)
        return len(opened)


def path_at(server: Server, address: object) -> str:
    """Return a path of a server, from the path or from the whole address that somebody pasted.

    Raises:
        LocalError: It is the address of another server.
        InvalidMessage: It is no address.
    """
    if not isinstance(address, str):
        raise LocalError(f"a path is a str such as '/', not {type(address).__name__}")
    if not SCHEME.match(address.strip()):
        return address
    uri, own = parse_address(address), parse_address(server.url)
    if uri.port != own.port or not (uri.host == own.host or is_loopback(uri.host)):
        raise LocalError(
            f"this panel's clients connect to its own server, at {where(own)}, and not to "
            f"{where(uri)}; connect(url).panel() is a panel for that"
        )
    return uri.resource_name


def number_at(server: Server, client: WebSocket, after: int) -> int:
    """Return the number that a server gave to the connection of a client in this process.

    Args:
        after: The last record before the client connected; an earlier one had the same port.
    """
    own = client.local_address
    try:
        opened = server.log.wait_for(
            lambda record: getattr(record, "peer", "") == own,
            kind="opened",
            after=after,
            timeout=NOTED,
        )
    except WaitTimeout:  # the log records nothing
        same = [each.id for each in server.connections if each.remote_address == own]
        return same[-1] if same else -client.id
    return opened.connection


def target(socket: WebSocket, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "peer": socket.remote_address,
        "path": visible(shortened(socket.request.path, LONGEST)),
    }


def url_of(client: WebSocket) -> str:
    # Not the address of the other end: that may be a proxy's, and TLS asks for the name.
    uri = getattr(client._connection.protocol, "uri", None)  # noqa: SLF001
    if uri is None:  # a server's end
        return f"ws://{client.remote_address}{client.request.path}"
    return websocket_url(uri.host, uri.port, uri.resource_name, secure=uri.secure)


def read_on(client: WebSocket) -> None:
    # A client that does not read would hold the server's sends up after a while.
    for _ in client:
        pass
