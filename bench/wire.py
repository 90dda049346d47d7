"""The few bytes that the load generator needs, built before the clock starts."""

from __future__ import annotations

import base64
import os
import socket

__all__ = [
    "BINARY",
    "CLOSE",
    "TEXT",
    "Connection",
    "masked_frame",
    "open_connection",
    "unmasked_length",
]

TEXT = 0x81
BINARY = 0x82
CLOSE = 0x88


def header(first: int, length: int, mask_bit: int) -> bytes:
    if length < 126:
        return bytes((first, mask_bit | length))
    if length < 65536:
        return bytes((first, mask_bit | 126)) + length.to_bytes(2, "big")
    return bytes((first, mask_bit | 127)) + length.to_bytes(8, "big")


def masked_frame(payload: bytes, first: int = TEXT) -> bytes:
    """Build a client's frame with its own masking key."""
    key = os.urandom(4)
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return header(first, len(payload), 0x80) + key + masked.to_bytes(len(payload), "big")


def unmasked_length(payload_size: int) -> int:
    """Return the length of a server's frame, header included."""
    return len(header(TEXT, payload_size, 0)) + payload_size


class Connection:
    """One open connection of the load generator.

    Attributes:
        sock: The socket, past the opening handshake.
        early: Bytes that came with the handshake's response.
    """

    __slots__ = ("early", "sock")

    def __init__(self, sock: socket.socket, early: bytes) -> None:
        self.sock = sock
        self.early = early


def request(port: int, path: str = "/") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def open_connection(port: int, *, source: str = "127.0.0.1", path: str = "/") -> Connection:
    """Connect and do the opening handshake.

    Args:
        port: Port of the server on 127.0.0.1.
        source: Address to connect from; any of 127.0.0.0/8, so that ports do not run short.
        path: Path of the request.

    Raises:
        ConnectionError: The server did not answer with 101.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source != "127.0.0.1":
            sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        sock.sendall(request(port, path))
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = sock.recv(4096)
            if not chunk:
                raise ConnectionError(f"the server closed instead of answering: {data!r}")
            data += chunk
        head, _, early = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"the server refused: {head[:80]!r}")
    except BaseException:
        sock.close()
        raise
    return Connection(sock, early)
