"""A connection without a network: bytes go in, and all it does is kept."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from websockets.uri import parse_uri

from astra_nb.log import FrameLog
from astra_nb.log.records import Record
from astra_nb.net import receiving
from astra_nb.net.client_connection import ClientConnection
from astra_nb.net.connection import Connection
from astra_nb.net.inbox import TaskInbox
from astra_nb.net.options import connect_options
from astra_nb.net.policy import Policy
from astra_nb.net.routes import make_route
from astra_nb.net.server_connection import ServerConnection
from astra_nb.wire.handshake import head_end
from astra_nb.wire.messages import Message

__all__ = ["Outcome", "Side", "feed", "opening"]

Side = Literal["server", "client"]
MAX_MESSAGE_SIZE = 4096
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


class MemoryTransport(asyncio.Transport):
    """Keeps what is written.

    Attributes:
        written: All bytes.
        ended: Whether this end has sent FIN, or has closed.
        dead: Whether nothing can be received any more.
    """

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 9)})
        self.written = bytearray()
        self.ended = False
        self.dead = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.ended and not self.dead:
            raise AssertionError(f"{bytes(data)!r:.80} was written after the end")
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = self.dead = True

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.dead

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading


@dataclass
class Outcome:
    """The result of feeding a stream.

    Attributes:
        records: The log.
        messages: What a handler would have received.
        written: Every byte the connection sent after its part of the opening handshake.
        fed: Every byte it received after the other part.
        opened: Whether the opening handshake ended with 101.
        compressed: Whether permessage-deflate was agreed on in it.
        closed: Whether it came to its defined end.
    """

    records: list[Record]
    messages: list[Message]
    written: bytes
    fed: bytes
    opened: bool
    compressed: bool
    closed: bool


def opening(side: Side, *, compressed: bool) -> bytes:
    """Return the other end's opening handshake for `side`, with the key of the RFC's sample."""
    if side == "server":
        return (
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: " + KEY + b"\r\n"
            b"Sec-WebSocket-Version: 13\r\n" + (DEFLATE if compressed else b"") + b"\r\n"
        )
    accept = base64.b64encode(hashlib.sha1(KEY + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + (DEFLATE if compressed else b"") + b"\r\n"
    )


def handler(socket: Any) -> None:
    """Placeholder for a handler; it is never called here."""


def make(side: Side, log: FrameLog, inbox: TaskInbox, *, compressed: bool) -> Connection:
    compression: Literal["deflate"] | None = "deflate" if compressed else None
    if side == "client":
        options = connect_options(
            {
                "compression": compression,
                "max_message_size": MAX_MESSAGE_SIZE,
                "timeout": 60,
                "close_timeout": 60,
            }
        )
        client = ClientConnection(parse_uri("ws://127.0.0.1:9/"), options, number=1, tap=log)
        client.inbox = inbox
        # The answer was made for the key of the sample in RFC 6455, section 1.3.
        client.protocol.key = KEY.decode()
        return client
    gate = Policy("127.0.0.1", max_message_size=MAX_MESSAGE_SIZE, open_timeout=60, close_timeout=60)
    gate.routes = [make_route("/", handler, compression=compression)]

    def on_open(connection: Connection, *_: object) -> None:
        connection.inbox = inbox

    return ServerConnection(
        gate,
        next_number=lambda: 1,
        tap=log,
        on_open=on_open,
        on_ask=lambda *_: None,
    )


async def feed(
    side: Side,
    head: bytes,
    chunks: Sequence[bytes],
    *,
    compressed: bool,
    fast_path: bool = True,
) -> Outcome:
    """Feed a connection the other end's handshake and then the chunks, as TCP would; then FIN."""
    usual, receiving.fast_path = receiving.fast_path, fast_path
    try:
        return await _feed(side, head, chunks, compressed=compressed)
    finally:
        receiving.fast_path = usual


async def _feed(side: Side, head: bytes, chunks: Sequence[bytes], *, compressed: bool) -> Outcome:
    log = FrameLog(redact=None)  # the bytes on record are compared
    inbox = TaskInbox(lambda: connection.resume_reading())
    connection = make(side, log, inbox, compressed=compressed)
    inbox.on_idle = connection.answer_close
    transport = MemoryTransport()
    connection.connection_made(transport)
    connection.data_received(head)
    opened = any(log.filter(kind="opened"))
    start = bytes(transport.written).find(b"\r\n\r\n") + 4 if opened else len(transport.written)
    messages: list[Message] = []
    end = head_end(head)
    fed = bytearray(b"" if end is None else head[end:])
    for chunk in chunks:
        if transport.dead:
            break
        fed += chunk
        connection.data_received(chunk)
        take_all(inbox, messages)
    if not transport.dead:
        connection.eof_received()
    connection.connection_lost(None)
    take_all(inbox, messages)
    await asyncio.sleep(0)
    return Outcome(
        list(log),
        messages,
        bytes(transport.written[start:]),
        bytes(fed),
        opened,
        bool(connection.protocol.extensions),
        connection.state.error is not None and connection.lost.done(),
    )


def take_all(inbox: TaskInbox, messages: list[Message]) -> None:
    """Take what is unread, as a handler that keeps up; then more of a compressed chunk comes."""
    while inbox.messages:
        messages += inbox.messages
        inbox.messages.clear()
        inbox.caught_up()
    if inbox.on_idle is not None:
        inbox.on_idle()
        messages += inbox.messages
        inbox.messages.clear()
