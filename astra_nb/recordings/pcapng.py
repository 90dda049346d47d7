"""pcapng files: written with invented TCP around each frame, and their packets read.

Wireshark and tshark read them. Each packet has a comment, which begins with "astra_nb" and holds
the other fields of its record as JSON, so that a file read again is the same log.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from astra_nb.log import LogView
from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandshakeRecord,
    OpenedRecord,
    Record,
    Side,
)
from astra_nb.wire.messages import other_end

from . import jsonl
from .pcap import MAX_PACKET, Packet, check_link_type
from .reading import needs_extra
from .segments import ACK, FIN, PSH, RAW, RST, SYN, Address, Segment, address_of

__all__ = ["MAGIC", "OwnRecords", "is_own", "packets", "write_file"]

MAGIC = bytes.fromhex("0a0d0d0a")
MARK = "astra_nb "
MAX_INTERFACES = 1000
MAX_COMMENT = 60_000  # bytes of an option, which has 65,535 at most
MAX_PAYLOAD = 65_000  # bytes of a packet of IPv4, which has 65,535 at most
MORE = {"more": True}  # the rest of a record whose bytes do not fit into one packet
CLIENT_PORTS = 49152  # the first one that nobody has registered (RFC 6335, section 6)
LOOPBACK = {4: b"\x7f\0\0\1", 16: bytes(15) + b"\1"}
INVENTED = (
    b"GET / HTTP/1.1\r\nHost: invented\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n",
)


def library() -> Any:
    """Return the module of python-pcapng with the blocks."""
    try:
        import pcapng.blocks
        import pcapng.scanner
        import pcapng.writer
    except ImportError as exc:
        raise needs_extra("python-pcapng", "a pcapng file") from exc
    return pcapng


# Writing


def write_file(view: LogView, file: BinaryIO) -> None:
    """Write the records of a view as a pcapng file.

    Raises:
        ImportError: python-pcapng is not installed.
    """
    blocks = library().blocks
    header = blocks.SectionHeader(
        options={"shb_userappl": "astra_nb", "opt_comment": "addresses and TCP are made up"}
    )
    header.new_member(blocks.InterfaceDescription, link_type=RAW, snaplen=0)
    writer = library().writer.FileWriter(file, header)
    for time, segment, comment in Packets(view):
        stamp = round(time * 10**6)  # the usual resolution; a float holds no more
        text = MARK + json.dumps(comment)
        parts = [text[at : at + MAX_COMMENT] for at in range(0, len(text), MAX_COMMENT)]
        writer.write_block(
            header.new_member(
                blocks.EnhancedPacket,
                timestamp_high=stamp >> 32,
                timestamp_low=stamp & 0xFFFFFFFF,
                packet_data=segment.packet(),
                options={"opt_comment": parts},
            )
        )


@dataclass
class Flow:
    """The invented TCP connection of one connection on a log."""

    ends: dict[Side, Address]
    sent: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    def segment(self, sender: Side, flags: int, payload: bytes = b"") -> Segment:
        peer = other_end(sender)
        ack = 0 if flags & SYN and not flags & ACK else self.sent[peer] % 2**32
        seq = self.sent[sender] % 2**32
        self.sent[sender] += len(payload) + bool(flags & (SYN | FIN))
        return Segment(self.ends[sender], self.ends[peer], seq, ack, flags, payload)


class Packets:
    """The packets of a log: a time, a segment, and what its comment tells, for each."""

    def __init__(self, view: LogView) -> None:
        self._view = view
        self._flows: dict[int, Flow] = {}

    def __iter__(self) -> Iterator[tuple[float, Segment, object]]:
        ends = addresses(self._view)
        for record in self._view:
            time, number = record.time, record.connection
            if number not in self._flows:
                flow = self._flows[number] = Flow(ends[number])
                yield time, flow.segment("client", SYN), None
                yield time, flow.segment("server", SYN | ACK), None
                yield time, flow.segment("client", ACK), None
                if isinstance(record, FrameRecord):  # the log does not hold its handshake any more
                    yield time, flow.segment("client", PSH | ACK, INVENTED[0]), None
                    yield time, flow.segment("server", PSH | ACK, INVENTED[1]), None
            yield from self._packets(record, self._flows[number])

    def _packets(self, record: Record, flow: Flow) -> Iterator[tuple[float, Segment, object]]:
        values = json.loads(jsonl.to_line(record))
        raw, flags = b"", ACK
        sender: Side = "client"
        if isinstance(record, (FrameRecord, HandshakeRecord)):
            is_frame = isinstance(record, FrameRecord)
            raw = record.frame.raw if isinstance(record, FrameRecord) else record.raw
            sender, flags = record.sender, PSH | ACK
            del values["frame" if is_frame else "raw"]
            values["bytes"] = len(raw)
        elif isinstance(record, ClosedRecord):
            sender = record.first or record.side
            flags = RST | ACK if record.tcp == "reset" else FIN | ACK
        yield record.time, flow.segment(sender, flags, raw[:MAX_PAYLOAD]), values
        for at in range(MAX_PAYLOAD, len(raw), MAX_PAYLOAD):
            yield record.time, flow.segment(sender, flags, raw[at : at + MAX_PAYLOAD]), MORE
        if isinstance(record, ClosedRecord) and record.tcp != "reset":
            yield record.time, flow.segment(other_end(sender), FIN | ACK), None


def addresses(view: LogView) -> dict[int, dict[Side, Address]]:
    """Return the addresses of each connection's ends: those on the log, and made-up ones."""
    found: dict[int, dict[Side, Address]] = {}
    for record in view:
        ends = found.setdefault(record.connection, {})
        address = None
        if isinstance(record, OpenedRecord):
            address = address_of(record.peer, 80)
            end: Side = other_end(record.side)
        elif isinstance(record, HandshakeRecord) and "server" not in ends:
            host = next((value for name, value in record.headers if name.lower() == "host"), "")
            address, end = address_of(host, 80), "server"
        if address is not None:
            ends[end] = address
    for number, ends in found.items():
        size = len(next(iter(ends.values()))[0]) if ends else 4
        port = CLIENT_PORTS + number % (2**16 - CLIENT_PORTS)
        for end, address in (("client", (LOOPBACK[size], port)), ("server", (LOOPBACK[size], 80))):
            if len(ends.get(end, address)[0]) != size or end not in ends:
                ends[end] = address
    return found


# Reading


class Bounded:
    """A stream that gives no more bytes at once than a block may have."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_PACKET:
            raise ValueError(f"it claims a length of {size:,} bytes")
        return self._file.read(size)


def packets(file: BinaryIO) -> Iterator[Packet]:
    """Yield the packets of a file.

    Raises:
        ValueError: The file is broken; the message names the block, counted from 1.
        ImportError: python-pcapng is not installed.
    """
    pcapng = library()
    scanner = iter(pcapng.scanner.FileScanner(Bounded(file)))
    number = 0
    while True:
        number += 1
        start = file.tell()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the library's, about its own options
                block = next(scanner, None)
            if block is None:
                break
            packet = packet_of(block)
        except Exception as exc:  # the library raises many kinds for broken blocks
            raise ValueError(f"block {number} of the file is broken: {str(exc)!r:.200}") from exc
        if packet is not None:
            yield packet
    if file.tell() != start:
        raise ValueError(f"block {number} of the file is cut")


def packet_of(block: Any) -> Packet | None:
    blocks = library().blocks
    if isinstance(block, blocks.InterfaceDescription):
        check_link_type(block.link_type)
    section = getattr(block, "section", None)  # keeps these blocks
    if section and len(section.interfaces) + len(section.interface_stats) > MAX_INTERFACES:
        raise ValueError(f"more than {MAX_INTERFACES:,} interfaces")
    if not isinstance(block, (blocks.EnhancedPacket, blocks.ObsoletePacket, blocks.SimplePacket)):
        return None
    interface = block.section.interfaces[block.interface_id]
    time = 0.0  # simple packets have none
    comments: tuple[str, ...] = ()
    if not isinstance(block, blocks.SimplePacket):
        options = interface.options
        base, exponent = 10, options["if_tsresol"][0] if "if_tsresol" in options else 6
        if exponent & 0x80:
            base, exponent = 2, exponent & 0x7F
        time = ((block.timestamp_high << 32) + block.timestamp_low) / base**exponent
        time += options.get("if_tsoffset", 0)
        comments = tuple(block.options.get_all("opt_comment"))
    return Packet(jsonl.seconds(time), interface.link_type, block.packet_data, comments)


def is_own(packet: Packet) -> bool:
    """Return whether this package has written a packet."""
    return bool(packet.comments) and packet.comments[0].startswith(MARK)


class OwnRecords:
    """Reads the records of packets that this package has written."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._raw = bytearray()
        self._missing = 0
        self._last = 0

    def take(self, packet: Packet, payload: bytes) -> Iterator[Record]:
        """Yield the record that a packet completes.

        Raises:
            ValueError: Its comment is not that of a record.
        """
        try:
            values = json.loads("".join(packet.comments)[len(MARK) :])
        except RecursionError as exc:
            raise ValueError("a comment of astra_nb is nested too deeply") from exc
        if values is None:
            return  # invented
        if values == MORE:
            if not self._missing:
                raise ValueError("a packet goes on with a record that has not begun")
        elif self._missing:
            self.end()
        elif isinstance(values, dict):
            self._values, self._raw = values, bytearray()
            self._missing = jsonl.integer(0)(values.pop("bytes", 0))
        self._raw += payload
        self._missing -= len(payload)
        if self._missing <= 0:
            yield self._record()

    def _record(self) -> Record:
        values, self._missing = self._values, 0
        kind = values.get("kind")
        if kind in ("frame", "handshake"):
            values["frame" if kind == "frame" else "raw"] = self._raw.hex()
        record = jsonl.from_values(values)
        if record.number <= self._last:
            raise ValueError(f"two records have the number {record.number}")
        self._last = record.number
        return record

    def end(self) -> None:
        """Check that no record is under way.

        Raises:
            ValueError: One is.
        """
        if self._missing:
            raise ValueError(f"{self._missing:,} bytes of a record are missing")
