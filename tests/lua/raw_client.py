"""A client that is the same to the last byte at each run: its masking key is fixed."""

from __future__ import annotations

import socket
from typing import Self

from astra_nb import Server
from astra_nb.wire.frames import Frame, decode
from astra_nb.wire.opcodes import CLOSE, PONG

KEY = bytes([0x11, 0x22, 0x33, 0x44])
TIMEOUT = 10.0  # seconds until a read fails


class RawClient:
    """One WebSocket connection over a bare socket."""

    def __init__(self, server: Server, path: str = "/") -> None:
        self._socket = socket.create_connection((server.hostname, server.port), TIMEOUT)
        self._data = b""
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {server.hostname}:{server.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def send(self, opcode: int, payload: bytes = b"") -> None:
        assert len(payload) < 126
        masked = bytes(byte ^ KEY[index % 4] for index, byte in enumerate(payload))
        self._socket.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + KEY + masked)

    def read(self) -> Frame:
        """Wait for the next frame and take it."""
        while not self._data or not decode(self._data).complete:
            self._more()
        frame = decode(self._data)
        self._data = self._data[len(frame.raw) :]
        return frame

    def read_to_close(self) -> list[Frame]:
        """Take all frames up to the CLOSE frame; answer it, and each PING before it."""
        frames = []
        while True:
            frame = self.read()
            frames.append(frame)
            if frame.type == "ping":
                self.send(PONG, frame.payload)
            elif frame.type == "close":
                self.send(CLOSE, frame.payload)
                return frames

    def end(self) -> None:
        """Wait until the server has ended its direction of TCP."""
        assert not self._data + self._socket.recv(1), "a frame that the script does not expect"

    def _more(self) -> None:
        data = self._socket.recv(65536)
        assert data, "the server ended the TCP connection"
        self._data += data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
