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
from astra_nb.log.records import Record, Side
from astra_nb.wire.messages import other_end

from . import jsonl
from .handshakes import field as field_of
from .pcap import MAX_PACKET, Packet, check_link_type
from .reading import needs_extra
from .segments import ACK, FIN, PSH, RAW, RST, SYN, Address, Segment, address_of

__all__ = ["MAGIC", "OwnRecords", "is_own", "packets", "write_file"]

MAGIC = bytes.fromhex("0a0d0d0a")
MARK = "astra_nb "
MAX_INTERFACES = 1000
MAX_COMMENT = 60_000  # bytes of an option, which has 65,535 at most
MAX_PAYLOAD = 65_000  # bytes of a packet of IPv4, which has 65,535 at most
NOTHING = "null"  # the comment of what is invented
MORE = '{"more": true}'  # the rest of a record whose bytes do not fit into one packet
CLIENT_PORTS = 49152  # the first one that nobody has registered (RFC 6335, section 6)
LOOPBACK = {4: b"\x7f\0\0\1", 16: bytes(15) + b"\1"}
Step = tuple[Side, int, bytes]
OPENING: tuple[Step, ...] = (
    ("client", SYN, b""), ("server", SYN | ACK, b""), ("client", ACK, b""),
)  # fmt: skip
INVENTED: tuple[Step, ...] = (
    ("client", PSH | ACK, b"GET / HTTP/1.1\r\nHost: invented\r\nUpgrade: websocket\r\n"
     b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"),
    ("server", PSH | ACK, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
     b"Connection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"),
)  # fmt: skip


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
    """Write the records of a view as a pcapng file; raise `ImportError` without python-pcapng."""
    blocks = library().blocks
    header = blocks.SectionHeader(
        options={"shb_userappl": "astra_nb", "opt_comment": "addresses and TCP are made up"}
    )
    header.new_member(blocks.InterfaceDescription, link_type=RAW, snaplen=0)
    writer = library().writer.FileWriter(file, header)
    for time, segment, comment in packets_of(view):
        stamp = round(time * 10**6)  # the usual resolution; a float holds no more
        text = MARK + comment
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
    """The invented TCP connection of one connection in a log."""

    ends: dict[Side, Address]
    sent: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    def segment(self, sender: Side, flags: int, payload: bytes = b"") -> Segment:
        peer = other_end(sender)
        ack = 0 if flags & SYN and not flags & ACK else self.sent[peer] % 2**32
        seq = self.sent[sender] % 2**32
        self.sent[sender] += len(payload) + bool(flags & (SYN | FIN))
        return Segment(self.ends[sender], self.ends[peer], seq, ack, flags, payload)


def packets_of(view: LogView) -> Iterator[tuple[float, Segment, str]]:
    """Yield the packets of a log: a time, a segment, and what its comment tells."""
    known = addresses(view)
    flows: dict[int, Flow] = {}
    for record in view:
        time, number = record.time, record.connection
        if number not in flows:
            flow = flows[number] = Flow(ends_of(number, known.get(number, {})))
            opening = OPENING
            if record.kind == "frame":  # the log does not hold its handshake any more
                opening += INVENTED
            for sender, flags, payload in opening:
                yield time, flow.segment(sender, flags, payload), NOTHING
        for segment, comment in record_packets(record, flows[number]):
            yield time, segment, comment


def record_packets(record: Record, flow: Flow) -> Iterator[tuple[Segment, str]]:
    comment = jsonl.to_line(record).rstrip()
    raw, flags = b"", ACK
    sender: Side = "client"
    if record.kind == "frame" or record.kind == "handshake":
        name, raw = ("frame", record.frame.raw) if record.kind == "frame" else ("raw", record.raw)
        sender, flags = record.sender, PSH | ACK
        comment = comment.replace(f'"{name}": "{raw.hex()}"', f'"bytes": {len(raw)}', 1)
    elif record.kind == "closed":
        sender = record.first or record.side
        flags = RST | ACK if record.tcp == "reset" else FIN | ACK
    yield flow.segment(sender, flags, raw[:MAX_PAYLOAD]), comment
    for at in range(MAX_PAYLOAD, len(raw), MAX_PAYLOAD):
        yield flow.segment(sender, flags, raw[at : at + MAX_PAYLOAD]), MORE
    if flags & FIN:
        yield flow.segment(other_end(sender), FIN | ACK), NOTHING


def addresses(view: LogView) -> dict[int, dict[Side, Address]]:
    """Return the addresses that the log holds, of the ends of each connection."""
    found: dict[int, dict[Side, Address]] = {}
    for record in view.filter(kind=("handshake", "opened")):
        end: Side = "server"
        text = ""
        if record.kind == "opened":
            end, text = other_end(record.side), record.peer
        elif record.kind == "handshake":
            text = field_of(record.headers, "host")
        address = address_of(text, 80)
        if address is not None:
            found.setdefault(record.connection, {})[end] = address
    return found


def ends_of(number: int, known: dict[Side, Address]) -> dict[Side, Address]:
    """Return the addresses of both ends of a connection, made up where they are not known."""
    size = max([len(host) for host, _ in known.values()], default=4)
    made_up: dict[Side, Address] = {
        "client": (LOOPBACK[size], CLIENT_PORTS + number % (2**16 - CLIENT_PORTS)),
        "server": (LOOPBACK[size], 80),
    }
    return made_up | {end: each for end, each in known.items() if len(each[0]) == size}


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
    """Yield the packets of a file; a `ValueError` names the broken block, counted from 1."""
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
    if isinstance(block, blocks.UnknownBlock):
        return None  # such as Apple's, of processes; it has no attributes that could be asked for
    if isinstance(block, blocks.InterfaceDescription):
        check_link_type(block.link_type)
    section = getattr(block, "section", None)  # keeps these blocks
    if section and len(section.interfaces) + len(section.interface_stats) > MAX_INTERFACES:
        raise ValueError(f"more than {MAX_INTERFACES:,} interfaces")
    if not isinstance(block, (blocks.EnhancedPacket, blocks.ObsoletePacket, blocks.SimplePacket)):
        return None
    interface = block.section.interfaces.get(block.interface_id)
    if interface is None:
        raise ValueError(f"it is of interface {block.interface_id}, which no block describes")
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
        """Yield the record that a packet completes; a comment of no record raises `ValueError`."""
        try:
            values = json.loads("".join(packet.comments)[len(MARK) :])
        except RecursionError as exc:
            raise ValueError("a comment of astra_nb is nested too deeply") from exc
        if values is None:
            return  # invented
        if values == json.loads(MORE):
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
        """Raise `ValueError` if a record is under way."""
        if self._missing:
            raise ValueError(f"{self._missing:,} bytes of a record are missing")
