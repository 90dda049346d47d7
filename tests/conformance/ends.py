"""The four ends under test, and the raw socket that speaks to them in bytes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from astra_nb import Server, connect, connect_async
from astra_nb.errors import ConnectionClosed
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord, OpenedRecord, Record

from .octets import KEY, WireFrame, mask_all, read_frames

__all__ = ["ENDS", "End", "Options", "Peer", "Side", "client_end", "server_end"]

Side = Literal["server", "client"]
DEADLINE = 10.0  # seconds that anything may take before a test fails
LARGEST = 17 * 2**20
ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Options:
    """What an exchange switches on.

    Attributes:
        extensions: Value of `Sec-WebSocket-Extensions` that the raw side sends, or "".
        compression: What the end under test was given for `compression`.
        max_message_size: Its limit in bytes.
    """

    extensions: str = ""
    compression: Literal["deflate"] | None = None
    max_message_size: int | None = LARGEST


@dataclass
class Peer:
    """A raw socket past the opening handshake, on the other side of the end under test.

    Attributes:
        side: Which end is under test.
        sock: The raw socket.
        records: Gives what the end under test has in its log for this connection.
        head: What the end under test said in the opening handshake.
        sent: Every byte sent since the handshake.
        received: Every byte received since the handshake.
    """

    side: Side
    sock: socket.socket
    records: Callable[[], list[Record]]
    head: bytes = b""
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)

    def wire(self, data: bytes, key: bytes = KEY) -> bytes:
        """Mask a server's frames where this side of the wire wants that."""
        return mask_all(data, key) if self.side == "server" else data

    def send(self, data: bytes) -> None:
        """Send bytes as they are, as far as the other end takes them."""
        self.sent += data
        self.sock.sendall(data)

    def read_until(self, done: Callable[[bytearray], bool]) -> None:
        """Receive until `done` says so of all that came; fail at the deadline or the end."""
        while not done(self.received):
            data = self.sock.recv(1 << 20)
            assert data, f"TCP ended early, after {bytes(self.received[-200:])!r}"
            self.received += data

    def read_to_end(self) -> None:
        """Receive until the other end closes TCP; the deadline is the socket's."""
        while data := self.sock.recv(1 << 20):
            self.received += data

    def frames(self) -> list[WireFrame]:
        return list(read_frames(bytes(self.received)))

    def frame_records(self, direction: str) -> list[FrameRecord]:
        return [
            record
            for record in self.records()
            if isinstance(record, FrameRecord) and record.direction == direction
        ]

    def closed_record(self) -> ClosedRecord:
        """Return the record that ends the connection."""
        last = self.records()[-1]
        assert isinstance(last, ClosedRecord), last
        return last


# --- the server's end -------------------------------------------------------------------------


async def echo_async(ws: Any) -> None:
    async for message in ws:
        if message.type in ("text", "bytes"):
            await ws.send(message.type, message.value)


def echo(ws: Any) -> None:
    for message in ws:
        if message.type in ("text", "bytes"):
            ws.send(message.type, message.value)


@contextmanager
def server_end(handler: Callable[[Any], Any]) -> Iterator[Callable[[Options], Any]]:
    """Run a server; give a function that opens a raw connection to it."""
    server = Server(port=0)
    server.log.max_bytes = 256 * 2**20
    server.websocket("/plain", handler)
    server.websocket("/deflate", handler, compression="deflate")

    @contextmanager
    def open_peer(options: Options) -> Iterator[Peer]:
        server.log.clear()  # reading it would take longer with each case
        server.max_message_size = options.max_message_size
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"127.0.0.1:{sock.getsockname()[1]}"
            path = "/deflate" if options.compression else "/plain"
            extensions = options.extensions
            sock.sendall(
                (
                    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                    f"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    f"Sec-WebSocket-Version: 13\r\n"
                    + (f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else "")
                    + "\r\n"
                ).encode()
            )
            head, rest = read_head(sock)
            assert head.startswith(b"HTTP/1.1 101 "), head
            number = next(
                record.connection
                for record in server.log
                if isinstance(record, OpenedRecord) and record.peer == name
            )

            def records() -> list[Record]:
                server.log.wait_for(kind="closed", connection=number, timeout=DEADLINE)
                return list(server.log.filter(connection=number))

            yield Peer("server", sock, records, head, received=bytearray(rest))

    with server:
        yield open_peer


# --- the client's end -------------------------------------------------------------------------


def run_blocking(url: str, log: FrameLog, options: Options) -> None:
    client = connect(
        url,
        log=log,
        compression=options.compression,
        max_message_size=options.max_message_size,
    )
    with contextlib.suppress(ConnectionClosed):  # a reply came too late
        echo(client)
    client.close()


def run_awaited(url: str, log: FrameLog, options: Options) -> None:
    async def run() -> None:
        client = await connect_async(
            url,
            log=log,
            compression=options.compression,
            max_message_size=options.max_message_size,
        )
        with contextlib.suppress(ConnectionClosed):  # a reply came too late
            await echo_async(client)
        await client.wait_closed()

    asyncio.run(run())


@contextmanager
def client_end(
    program: Callable[[str, FrameLog, Options], None],
) -> Iterator[Callable[[Options], Any]]:
    """Listen; give a function that lets a client connect and is the server to it, in bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(DEADLINE)
        port = listening.getsockname()[1]

        @contextmanager
        def open_peer(options: Options) -> Iterator[Peer]:
            log = FrameLog(max_bytes=256 * 2**20)
            problems: list[BaseException] = []

            def run() -> None:
                try:
                    program(f"ws://127.0.0.1:{port}/", log, options)
                except BaseException as exc:  # noqa: BLE001  (shown by the test's own thread)
                    problems.append(exc)

            thread = threading.Thread(target=run, name="client under test")
            thread.start()
            try:
                sock, _ = listening.accept()
                with sock:
                    sock.settimeout(DEADLINE)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    head, rest = read_head(sock)
                    answer_request(sock, head, options.extensions)

                    def records() -> list[Record]:
                        log.wait_for(kind="closed", timeout=DEADLINE)
                        return list(log)

                    yield Peer("client", sock, records, head, received=bytearray(rest))
            finally:
                thread.join(DEADLINE)
            assert not thread.is_alive(), "the client did not end"
            assert not problems, problems

        yield open_peer


def answer_request(sock: socket.socket, head: bytes, extensions: str) -> None:
    key = next(
        line.partition(b":")[2].strip()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_GUID).digest())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: "
        + accept
        + b"\r\n"
        + (f"Sec-WebSocket-Extensions: {extensions}\r\n".encode() if extensions else b"")
        + b"\r\n"
    )


def read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(4096)
        assert part, f"TCP ended inside the head: {data!r}"
        data += part
    head, separator, rest = data.partition(b"\r\n\r\n")
    return head + separator, rest


ENDS: dict[str, Callable[[], AbstractContextManager[Callable[[Options], Any]]]] = {
    "server, def": lambda: server_end(echo),
    "server, async def": lambda: server_end(echo_async),
    "client, blocking": lambda: client_end(run_blocking),
    "client, awaited": lambda: client_end(run_awaited),
}
End = Callable[[Options], AbstractContextManager[Peer]]
