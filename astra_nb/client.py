"""The client end of a WebSocket, in the kernel: `connect()` and its awaitable twin."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import weakref
from collections.abc import Callable, Generator
from typing import Any, Unpack

from websockets.uri import WebSocketURI

from . import seeded
from .async_websocket import AsyncWebSocket
from .errors import HandshakeFailed
from .log import FrameLog
from .net import background
from .net.client_connection import ClientConnection
from .net.curl import parse_curl
from .net.dialing import dial
from .net.inbox import TaskInbox, ThreadInbox
from .net.options import ConnectOptions, check_log, connect_options
from .net.policy import check_seeded_way
from .net.redirects import next_hop
from .net.tls import check_tls_used, warn_insecure
from .net.uris import parse_address
from .websocket import WebSocket

__all__ = ["connect", "connect_async"]

_numbers = itertools.count(1)


class _Connect:
    """Opens a connection to a WebSocket server: `connect(url)`, `connect.from_curl(text)`."""

    __name__ = "connect"

    def __call__(
        self, url: str, *, log: FrameLog | None = None, **options: Unpack[ConnectOptions]
    ) -> WebSocket:
        """Open a connection to a WebSocket server (RFC 6455, section 4.1).

        The socket is a context manager, which closes with 1000 at its end. Any thread may call.

        Args:
            url: Address such as "ws://127.0.0.1:8080/"; "http://" means "ws://", as in a browser,
                and blanks and other characters that no address holds are percent-encoded.
            origin: Value of the `Origin` header, as a browser would send it; None sends none.
            headers: Further headers of the request, as a mapping or, for several of one name, as
                pairs of a name and a value. One of the names that a request has already (`Host`,
                `Origin`, `Upgrade`, `Connection`, `Sec-WebSocket-Version`) replaces its value,
                which shows what a server refuses. From a `Sec-WebSocket-Key` of your own the
                answer is checked. `Sec-WebSocket-Protocol` and `-Extensions` are the arguments
                `subprotocols` and `compression`.
            cookies: Names and values of the `Cookie` header, as a mapping or as pairs.
            subprotocols: Those this end speaks, the preferred first.
            compression: "deflate" to offer permessage-deflate (RFC 7692); or its parameters, such
                as {"server_max_window_bits": 10, "client_no_context_takeover": True}.
            max_message_size: Bytes a message may have; None for any size.
            automatic_pong: Whether PING frames are answered by themselves.
            keepalive: Seconds between PING frames that this end sends by itself; a connection on
                which one stays unanswered for as long is closed with 1011 (this library's choice:
                the RFC names no code). None for never.
            timeout: Seconds for TCP, TLS, a proxy, redirects and the opening handshake together;
                None for no limit.
            close_timeout: Seconds to wait for the other end after a CLOSE frame was sent; None for
                no limit.
            redirects: How many redirects may be followed; none goes from wss:// to ws://, and
                what sounds like a secret and a `Host` of your own go to the first host only.
            ssl: What to trust on wss://: the path of a file with the certificate of an authority
                (CA), an `ssl.SSLContext`, or False to check nothing, which warns each time.
            client_certificate: A file with a certificate and its key that identify this end; or
                (certificate, key), or (certificate, key, password).
            proxy: Address of a proxy, such as "http://127.0.0.1:3128" (HTTP CONNECT) or
                "socks5h://127.0.0.1:1080"; True takes what the environment names, and none on the
                way to this machine; None for none.
            unix: Path of a Unix domain socket on which the server listens; the address then only
                says what is asked for.
            sock: A connected stream socket to use, which the connection closes.
            faults: Rules to break on purpose, such as ["request without Host"] or ["late CLOSE"];
                `astra_nb.faults` has them all.
            log: Where frames are recorded; None makes a new log.

        Raises:
            InvalidMessage: The address is not that of a WebSocket.
            LocalError: An option has a value that it cannot have. Nothing was sent.
            ConnectFailed: The name has no address, or TCP, a proxy or TLS could not be connected.
            HandshakeFailed: The server did not answer with 101. It has the answer's `status`,
                `headers` and `body`, and the `log`.
            LoopBlocked: An `async def` handler of this kernel blocks the event loop.
        """
        uri, checked, log = _checked(url, options, log)
        user = object()
        made: list[ClientConnection] = []

        try:
            loop = background.acquire(user)
            connection = loop.run(
                _open(uri, checked, log, ThreadInbox, made, lambda _: background.release(user))
            )
            assert isinstance(connection.inbox, ThreadInbox)
            socket = WebSocket(connection, connection.inbox, log, loop)
            log.senders.add(socket)
            log.before_wait = loop.forbid_wait
            # A client that nothing refers to any more closes with 1001.
            weakref.finalize(socket, _leave, connection).atexit = False
            return socket
        except BaseException:  # an interrupt may come anywhere
            _give_up(user, made)
            raise

    def from_curl(
        self, command: str, *, log: FrameLog | None = None, **options: Unpack[ConnectOptions]
    ) -> WebSocket:
        """Open the connection that a browser's "Copy as cURL" describes.

        The key, the version and the other headers of the handshake itself are made anew; origin,
        cookies, subprotocols and what else the page sent are kept.

        Args:
            command: Such as "curl 'wss://example.org/' -H 'Origin: https://example.org'", as for
                bash or for Windows' command line. It holds the cookies of your login.
            log: As for `connect`.
            options: As for `connect`; they replace what the command says.

        Raises:
            LocalError: The command has an option that means nothing here; nothing was sent.
            AstraError: What `connect` raises.
        """
        url, found = parse_curl(command)
        merged: ConnectOptions = {**found, **options}
        return self(url, log=log, **merged)


connect = _Connect()


def _give_up(user: object, made: list[ClientConnection]) -> None:
    loop = background.loop_of(user)
    if loop is None:
        return

    def abort() -> None:
        for connection in made:
            if connection.transport is not None:
                connection.transport.abort()

    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.loop.call_soon_threadsafe(abort)
    background.release(user)
    loop.join()


class connect_async:  # noqa: N801  (reads as a function, like `connect`)
    """Open a connection on the running event loop: `await` it, or use it with `async with`.

    Takes the arguments of `connect` and raises what it raises, when awaited.
    """

    def __init__(
        self, url: str, *, log: FrameLog | None = None, **options: Unpack[ConnectOptions]
    ) -> None:
        self._uri, self._options, self._log = _checked(url, options, log)
        self._socket: AsyncWebSocket | None = None

    @classmethod
    def from_curl(
        cls, command: str, *, log: FrameLog | None = None, **options: Unpack[ConnectOptions]
    ) -> connect_async:
        """See `connect.from_curl`."""
        url, found = parse_curl(command)
        merged: ConnectOptions = {**found, **options}
        return cls(url, log=log, **merged)

    def __await__(self) -> Generator[Any, None, AsyncWebSocket]:
        return self._connect().__await__()

    async def _connect(self) -> AsyncWebSocket:
        connection = await _open(self._uri, self._options, self._log, TaskInbox, [])
        assert isinstance(connection.inbox, TaskInbox)
        self._log.own_loops.add(connection.loop)
        return AsyncWebSocket(connection, connection.inbox, self._log)

    async def __aenter__(self) -> AsyncWebSocket:
        self._socket = await self._connect()
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        assert self._socket is not None
        await self._socket.close()


def _checked(
    url: str, options: ConnectOptions, log: object
) -> tuple[WebSocketURI, ConnectOptions, FrameLog]:
    """Check all that was given, before anything is sent."""
    uri, checked = parse_address(url), connect_options(options)
    if not checked["redirects"]:
        check_tls_used(checked["ssl"], uri)
    if options.get("ssl") is False:
        warn_insecure("ssl", stacklevel=4)
    return uri, checked, check_log(log)


async def _open(
    uri: WebSocketURI,
    options: ConnectOptions,
    log: FrameLog,
    inbox: type[TaskInbox] | type[ThreadInbox],
    made: list[ClientConnection],
    on_lost: Callable[[object], None] | None = None,
) -> ClientConnection:
    """Open a connection, by way of redirects; each has a number of its own in the log."""
    loop = asyncio.get_running_loop()
    timeout = options["timeout"]
    deadline = None if timeout is None else loop.time() + timeout
    hops = [uri]

    def make() -> ClientConnection:
        connection = ClientConnection(
            hops[-1],
            options,
            number=next(_numbers if seeded.current is None else seeded.current.connections),
            tap=log,
            deadline=deadline,
        )
        if inbox is ThreadInbox:
            connection.inbox = ThreadInbox(connection.resume_reading_soon)
        else:
            connection.inbox = TaskInbox(connection.resume_reading)
        made.append(connection)  # as soon as TCP is connected, and before TLS
        return connection

    while True:
        if seeded.current is not None:
            check_seeded_way(hops[-1].host, options["proxy"])
        connection = await dial(hops[-1], options, make, deadline)
        try:
            await asyncio.shield(connection.answered)
            if on_lost is not None:  # not before: a redirect ends a connection as well
                connection.lost.add_done_callback(on_lost)
            return connection
        except HandshakeFailed as exc:
            await asyncio.shield(connection.lost)
            exc.log = log
            try:
                target = next_hop(hops, connection.response, options)
            except HandshakeFailed as refused:
                refused.headers, refused.body, refused.log = exc.headers, exc.body, log
                raise refused from None
            if target is None:
                raise
            uri, options = target
            hops.append(uri)
        except BaseException:
            connection.transport.abort()
            raise


def _leave(connection: ClientConnection) -> None:
    loop = connection.loop
    if not connection.lost.done():
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(connection.close_in_turn, 1001)
