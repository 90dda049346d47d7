"""Peers in bytes: a raw client of a server, and a raw server of a client."""

from __future__ import annotations

import socket as sockets
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.conformance.ends import answer_request, read_head
from tests.conformance.octets import WireFrame, frame, mask_all, read_frames

__all__ = ["Peer", "raw_client", "raw_server"]

DEADLINE = 20.0  # seconds


class Peer:
    """A raw socket past the opening handshake; frames are given as a server sends them."""

    def __init__(self, sock: sockets.socket, *, masks: bool, rest: bytes = b"") -> None:
        self.sock = sock
        self.masks = masks
        self._received = bytearray(rest)

    def send(self, *frames: bytes) -> None:
        data = b"".join(frames)
        self.sock.sendall(mask_all(data) if self.masks else data)

    def read_frame(self) -> WireFrame:
        """Read the next frame."""
        while True:
            for size in range(2, len(self._received) + 1):
                try:
                    (one,) = read_frames(bytes(self._received[:size]))
                except ValueError:
                    continue  # cut
                del self._received[:size]
                return one
            data = self.sock.recv(65536)
            assert data, "TCP ended before a whole frame came"
            self._received += data

    def read_to_end(self) -> list[WireFrame]:
        """Read the frames that come before TCP ends."""
        while data := self.sock.recv(65536):
            self._received += data
        return list(read_frames(bytes(self._received)))

    def answer_close(self) -> None:
        """Read frames up to a CLOSE frame, and send it back."""
        while (one := self.read_frame()).opcode != 8:
            pass
        self.send(frame(8, one.payload))

    def reset(self) -> None:
        """End TCP with RST."""
        self.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@contextmanager
def raw_client(port: int, path: str = "/", *headers: str) -> Iterator[Peer]:
    """Connect to a server and do the opening handshake."""
    with sockets.create_connection(("127.0.0.1", port), DEADLINE) as sock:
        sock.sendall(
            b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n%b\r\n"
            % (path.encode(), "".join(f"{header}\r\n" for header in headers).encode())
        )
        _, rest = read_head(sock)
        yield Peer(sock, masks=True, rest=rest)


@contextmanager
def raw_server(script: Callable[[Peer], object], answer: bytes | None = None) -> Iterator[str]:
    """Listen for one client; give the address.

    Args:
        script: What the server does after the opening handshake, on a thread of its own.
        answer: What is sent in place of the right answer to the opening handshake.
    """
    problems: list[BaseException] = []

    def serve() -> None:
        try:
            sock, _ = listening.accept()
            with sock:
                sock.settimeout(DEADLINE)
                head, rest = read_head(sock)
                if answer is None:
                    answer_request(sock, head, "")
                else:
                    sock.sendall(answer)
                script(Peer(sock, masks=False, rest=rest))
        except BaseException as exc:  # noqa: BLE001  (shown by the test's own thread)
            problems.append(exc)

    with sockets.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(DEADLINE)
        thread = threading.Thread(target=serve, name="raw server")
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            thread.join(DEADLINE)
    assert problems == []
