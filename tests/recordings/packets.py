"""Captures that are made up: segments in packets of each link type, in files of both formats."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from astra_nb import FrameLog
from astra_nb.recordings.segments import ACK, FIN, PSH, RST, SYN, Address, Segment

CLIENT: Address = (bytes([127, 0, 0, 1]), 50123)
SERVER: Address = (bytes([127, 0, 0, 1]), 8080)
REQUEST = (
    b"GET /room?token=planted-7c1f HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"


class Conversation:
    """Segments of one TCP connection, in their order."""

    def __init__(self, client: Address = CLIENT, server: Address = SERVER, start: int = 1000):
        self.ends = {"client": client, "server": server}
        self.next = {"client": start, "server": 2**32 - 20}
        self.segments: list[Segment] = []

    def add(self, sender: str, payload: bytes = b"", flags: int = ACK) -> Segment:
        """Add a segment."""
        peer = "server" if sender == "client" else "client"
        segment = Segment(
            self.ends[sender], self.ends[peer],
            self.next[sender] % 2**32, self.next[peer] % 2**32, flags, payload,
        )  # fmt: skip
        self.next[sender] += len(payload) + bool(flags & (SYN | FIN))
        self.segments.append(segment)
        return segment

    def opened(self, response: bytes = RESPONSE, request: bytes = REQUEST) -> Conversation:
        """Add TCP's handshake and the opening handshake."""
        self.add("client", flags=SYN)
        self.add("server", flags=SYN | ACK)
        self.add("client", request, PSH | ACK)
        self.add("server", response, PSH | ACK)
        return self

    def closed(self) -> Conversation:
        """Add the end of TCP, the client first."""
        self.add("client", flags=FIN | ACK)
        self.add("server", flags=FIN | ACK)
        return self

    def reset(self) -> Conversation:
        """Add a reset by the server."""
        self.add("server", flags=RST | ACK)
        return self


def pcap(packets: Iterable[bytes], link_type: int = 101, *, order: str = "<") -> bytes:
    """Return a classic pcap file; the packets are half a second apart."""
    file = struct.pack(f"{order}IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 2**18, link_type)
    for position, packet in enumerate(packets):
        seconds, half = divmod(position, 2)
        head = (1_700_000_000 + seconds, half * 500_000, len(packet), len(packet))
        file += struct.pack(f"{order}IIII", *head) + packet
    return file


def opened(path: Path, *conversations: Conversation) -> FrameLog:
    """Return the log of a capture of conversations."""
    segments = [segment for each in conversations for segment in each.segments]
    path.write_bytes(pcap(segment.packet() for segment in segments))
    return FrameLog.open(path)
