"""Two raw ends with a tap between them, all in the hands of one test."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from astra_nb.tap import Tap, tap

__all__ = ["ANSWER", "REQUEST", "Ends", "read_head", "two_ends"]

DEADLINE = 20.0  # seconds
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the sample of RFC 6455, section 1.3
REQUEST = (
    "GET /chat?room=7 HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{{more}}\r\n"
)
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{more}\r\n"
)


@dataclass
class Ends:
    """A client and a server, each a raw socket, and the tap between them."""

    tap: Tap
    client: socket.socket
    server: socket.socket

    def sockets(self, sender: str) -> tuple[socket.socket, socket.socket]:
        """Return the socket of a sender, and of its receiver."""
        pair = self.client, self.server
        return pair if sender == "client" else (pair[1], pair[0])

    def upgrade(self, asked: str = "", answered: str = "") -> tuple[bytes, bytes]:
        """Open a WebSocket; return the request and the answer as they arrived."""
        host = f"127.0.0.1:{self.tap.port}"
        self.client.sendall(REQUEST.format(host=host, more=asked).encode())
        request = read_head(self.server)
        self.server.sendall(ANSWER.format(more=answered).encode())
        return request, read_head(self.client)

    def send(self, sender: str, data: bytes, expected: bytes | None = None) -> bytes:
        """Send bytes; return as many as are expected at the far end."""
        one, other = self.sockets(sender)
        sending = threading.Thread(target=one.sendall, args=(data,))
        sending.start()
        try:
            return read(other, len(data if expected is None else expected))
        finally:
            sending.join(DEADLINE)

    def close(self) -> None:
        self.client.close()
        self.server.close()


@contextmanager
def two_ends(
    *, tls: tuple[ssl.SSLContext, ssl.SSLContext | bool] | None = None, **options: Any
) -> Iterator[Ends]:
    """Stand a tap between a client and a server.

    Args:
        tls: The contexts of the server and of a tap that trusts it; the server then speaks TLS.
        options: Of `tap`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(DEADLINE)
        where = f"127.0.0.1:{listening.getsockname()[1]}"
        if tls is not None:
            options["upstream_ssl"] = tls[1]
        with tap(f"{'ws' if tls is None else 'wss'}://{where}/chat?room=7", **options) as t:
            client = socket.create_connection(("127.0.0.1", t.port), DEADLINE)
            server, _ = listening.accept()
            server.settimeout(DEADLINE)
            if tls is not None:
                server = tls[0].wrap_socket(server, server_side=True)
            ends = Ends(t, client, server)
            try:
                yield ends
            finally:
                ends.close()


def read_head(sock: socket.socket) -> bytes:
    """Read up to the empty line, byte by byte: what follows is for others."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, f"TCP ended after {head!r}"
        head += byte
    return head


def read(sock: socket.socket, size: int) -> bytes:
    """Read so many bytes."""
    data = bytearray()
    while len(data) < size:
        chunk = sock.recv(min(65536, size - len(data)))
        assert chunk, f"TCP ended after {len(data)} of {size} bytes"
        data += chunk
    return bytes(data)


def read_to_end(sock: socket.socket) -> tuple[bytes, str]:
    """Read all there is, and how TCP ended: "eof" or "reset"."""
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        return data, "reset"
    return data, "eof"


def reset(sock: socket.socket) -> None:
    """End TCP with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
