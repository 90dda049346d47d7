"""The client end of a WebSocket, in the kernel: `connect()` and its awaitable twin."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import weakref
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Unpack

from websockets.uri import WebSocketURI

from .async_websocket import AsyncWebSocket
from .errors import HandshakeFailed, LocalError
from .log import FrameLog
from .net import background
from .net.client_connection import ClientConnection, connect_failed
from .net.connection import Connection
from .net.inbox import TaskInbox, ThreadInbox
from .net.options import ConnectOptions, connect_options
from .net.uris import parse_address
from .websocket import WebSocket

__all__ = ["connect", "connect_async"]

_numbers = itertools.count(1)


def connect(
    url: str, *, log: FrameLog | None = None, **options: Unpack[ConnectOptions]
) -> WebSocket:
    """Open a connection to a WebSocket server (RFC 6455, section 4.1).

    The socket is a context manager, which closes with 1000 at its end. Any thread may call this.

    Args:
        url: Address such as "ws://127.0.0.1:8080/"; "http://" means "ws://", as in a browser, and
            blanks and other characters that no address holds are percent-encoded.
        origin: Value of the `Origin` header, as a browser would send it; None sends none.
        headers: Further headers of the request, as a mapping or, for several of one name, as
            pairs of a name and a value. One of the names that a request has already (`Host`,
            `Origin`, `Upgrade`, `Connection`, `Sec-WebSocket-Version`) replaces its value, which
            shows what a server refuses. From a `Sec-WebSocket-Key` of your own the answer is
            checked. `Sec-WebSocket-Protocol` and `-Extensions` are the next two arguments.
        subprotocols: Those this end speaks, the preferred first.
        compression: "deflate" to offer permessage-deflate (RFC 7692).
        max_message_size: Bytes a message may have; None for any size.
        automatic_pong: Whether PING frames are answered by themselves.
        timeout: Seconds for TCP, TLS and the opening handshake together; None for no limit.
        close_timeout: Seconds to wait for the other end after a CLOSE frame was sent; None for no
            limit.
        log: Where frames are recorded; None makes a new log.

    Raises:
        InvalidMessage: The address is not that of a WebSocket.
        LocalError: An option has a value that it cannot have. Nothing was sent.
        ConnectFailed: The name has no address, or TCP or TLS could not be connected.
        HandshakeFailed: The server did not answer with 101.
        LoopBlocked: An `async def` handler of this kernel blocks the event loop.
    """
    uri, checked, log = parse_address(url), connect_options(options), _log(log)
    user = object()
    made: list[ClientConnection] = []

    def give_back(_: Connection) -> None:
        background.release(user)

    try:
        loop = background.acquire(user)
        connection = loop.run(_open(uri, checked, log, ThreadInbox, made, give_back))
        assert isinstance(connection.inbox, ThreadInbox)
        socket = WebSocket(connection, connection.inbox, connection.request, log, loop)
        log.senders.add(socket)
        log.before_wait = loop.forbid_wait
        # A client that nothing refers to any more closes with 1001.
        weakref.finalize(socket, _leave, connection).atexit = False
        return socket
    except BaseException:  # an interrupt may come anywhere
        _give_up(user, made)
        raise


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
        self._uri, self._options, self._log = (
            parse_address(url),
            connect_options(options),
            _log(log),
        )
        self._socket: AsyncWebSocket | None = None

    def __await__(self) -> Generator[Any, None, AsyncWebSocket]:
        return self._connect().__await__()

    async def _connect(self) -> AsyncWebSocket:
        connection = await _open(self._uri, self._options, self._log, TaskInbox, [])
        assert isinstance(connection.inbox, TaskInbox)
        self._log.own_loops.add(connection.loop)
        return AsyncWebSocket(connection, connection.inbox, connection.request, self._log)

    async def __aenter__(self) -> AsyncWebSocket:
        self._socket = await self._connect()
        return self._socket

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._socket is not None
        await self._socket.close()


async def _open(
    uri: WebSocketURI,
    options: ConnectOptions,
    log: FrameLog,
    inbox: type[TaskInbox] | type[ThreadInbox],
    made: list[ClientConnection],
    on_closed: Callable[[Connection], None] | None = None,
) -> ClientConnection:
    loop = asyncio.get_running_loop()
    timeout = options["timeout"]
    deadline = None if timeout is None else loop.time() + timeout
    ssl = None
    if uri.secure:
        from ssl import create_default_context  # only for wss://

        ssl = create_default_context()

    def make() -> ClientConnection:
        connection = ClientConnection(
            uri, options, number=next(_numbers), tap=log, deadline=deadline
        )
        connection.on_closed = on_closed
        if inbox is ThreadInbox:
            connection.inbox = ThreadInbox(connection.resume_reading_soon)
        else:
            connection.inbox = TaskInbox(connection.resume_reading)
        made.append(connection)  # as soon as TCP is connected, and before TLS
        return connection

    try:
        async with asyncio.timeout_at(deadline):
            _, connection = await loop.create_connection(
                make,
                uri.host,
                uri.port,
                ssl=ssl,
                # Or else asyncio has a limit of its own, of 60 s.
                ssl_handshake_timeout=(timeout or math.inf) if ssl else None,
            )
    except OSError as exc:
        raise connect_failed(uri, exc, timeout, has_tcp=bool(made)) from exc
    try:
        await asyncio.shield(connection.answered)
    except HandshakeFailed:
        await asyncio.shield(connection.lost)
        raise
    except BaseException:
        connection.transport.abort()
        raise
    return connection


def _log(log: object) -> FrameLog:
    if log is None:
        return FrameLog()
    if isinstance(log, FrameLog):
        return log
    raise LocalError(f"log is a FrameLog, or None for a new one, not {type(log).__name__}")


def _leave(connection: ClientConnection) -> None:
    loop = connection.loop
    if not connection.lost.done():
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(connection.close_in_turn, 1001)
