"""Captures of a network, pcapng or pcap: TCP connections found, and read as WebSockets."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from astra_nb.log.records import Record, Side
from astra_nb.wire.messages import other_end

from . import pcap, pcapng
from .captured import CapturedConnection, NotWebSocket
from .pcap import Packet
from .reading import Reading
from .segments import ACK, FIN, RST, SYN, Address, Segment, Unread
from .tcp import HalfStream

__all__ = ["read_file"]

MAX_CONNECTIONS = 10_000  # at a time; the one without packets for longest is given up
MAX_HELD = 128 * 2**20  # bytes that wait for others, of all connections
NOT_READ = {"TLS": "TLS connections", "other": "TCP connections without a WebSocket handshake"}


def read_file(reading: Reading) -> Iterator[Record]:
    """Yield the records of a pcapng file of this package or any other, or of a classic pcap file.

    A `ValueError` names the broken block or packet; without python-pcapng it is `ImportError`.
    """
    magic = reading.file.read(4)
    reading.file.seek(0)
    if magic in pcap.MAGICS:
        packets = pcap.packets(reading.file)
    elif magic == pcapng.MAGIC:
        packets = pcapng.packets(reading.file)
    else:
        raise ValueError(f"the file is neither pcapng nor pcap: it begins with {magic.hex(' ')!r}")
    last = 0
    for record in records_of(packets, reading):
        # Those of this package have their numbers, unless they are mixed with others.
        last = max(last + 1, record.number)
        yield record if record.number == last else replace(record, number=last)


def records_of(packets: Iterable[Packet], reading: Reading) -> Iterator[Record]:
    """Yield the records of packets, those of strangers with the number 1."""
    own = pcapng.OwnRecords()
    streams = Streams(reading)
    time = 0.0
    for number, packet in enumerate(packets, start=1):
        time = packet.time
        try:
            segment = Segment.of(packet.link_type, packet.data)
        except Unread as exc:
            if str(exc):
                reading.left_out[str(exc)] += 1
            continue
        if pcapng.is_own(packet):
            try:
                yield from own.take(packet, segment.payload)
            except ValueError as exc:
                raise ValueError(f"packet {number} of the file is broken: {exc}") from exc
        else:
            yield from streams.take(segment, time)
    own.end()
    yield from streams.end(time)


def new_halves() -> dict[Side, HalfStream]:
    return {"client": HalfStream(), "server": HalfStream()}


@dataclass(eq=False)
class Stream:
    """One TCP connection; `reader` is None when it is not a WebSocket."""

    client: Address
    reader: CapturedConnection | None
    halves: dict[Side, HalfStream] = field(default_factory=new_halves)
    ended: list[Side] = field(default_factory=list)

    @property
    def held(self) -> int:
        waiting = sum(half.held for half in self.halves.values())
        return waiting + (0 if self.reader is None else self.reader.held)


class Streams:
    """The TCP connections of a capture."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._streams: OrderedDict[frozenset[Address], Stream] = OrderedDict()
        self._ended: OrderedDict[frozenset[Address], None] = OrderedDict()  # the latest ones
        self._numbers = count(1)
        self._held = 0

    def take(self, segment: Segment, time: float) -> Iterator[Record]:
        """Yield the records that a segment completes."""
        key = frozenset((segment.source, segment.target))
        stream = self._streams.get(key)
        if stream is not None and segment.flags & (SYN | ACK) == SYN:
            client = stream.halves["client"]
            if stream.reader is None or client.begins_again(segment.seq):
                yield from self._close(key, "", time)
                stream = None
        if stream is None:
            # After the end of a connection come its last segments, again or late.
            if not segment.flags & SYN and (not segment.payload or key in self._ended):
                return
            self._ended.pop(key, None)
            ends = segment.source, segment.target
            is_answer = segment.flags & (SYN | ACK) == SYN | ACK
            stream = self._streams[key] = self._new(*(reversed(ends) if is_answer else ends))
            if len(self._streams) > MAX_CONNECTIONS:
                oldest, given_up = next(iter(self._streams.items()))
                if given_up.reader is not None and given_up.reader.number:
                    self._reading.left_out["rests of connections: too many open at a time"] += 1
                yield from self._close(oldest, "", time)
        self._streams.move_to_end(key)
        if stream.reader is None:
            return
        sender: Side = "client" if segment.source == stream.client else "server"
        held = stream.held
        yield from self._bytes(stream, sender, segment, time)
        self._held += stream.held - held
        if self._held > MAX_HELD:
            yield from self._close(key, "", time)
            self._reading.left_out["connections cut for lack of memory"] += 1
        elif segment.flags & RST:
            yield from self._close(key, "reset", time)
        elif len(stream.ended) == 2:
            yield from self._close(key, stream.ended[0], time)

    def end(self, time: float) -> Iterator[Record]:
        """Yield the records of connections that are open at the end of the capture."""
        for key in list(self._streams):
            yield from self._close(key, "", time)

    def _new(self, client: Address, server: Address) -> Stream:
        host = ipaddress.ip_address(server[0])
        peer = f"[{host}]:{server[1]}" if host.version == 6 else f"{host}:{server[1]}"
        return Stream(client, CapturedConnection(self._numbers, peer))

    def _bytes(
        self, stream: Stream, sender: Side, segment: Segment, time: float
    ) -> Iterator[Record]:
        half, other = stream.halves[sender], other_end(sender)
        syn, fin = bool(segment.flags & SYN), bool(segment.flags & FIN)
        pieces = half.add(segment.seq, segment.payload, syn=syn, fin=fin)
        yield from self._read(stream, sender, pieces, time)
        if segment.flags & ACK:
            pieces = stream.halves[other].acknowledged(segment.ack)
            yield from self._read(stream, other, pieces, time)
        if half.has_ended and sender not in stream.ended:
            stream.ended.append(sender)

    def _read(
        self, stream: Stream, sender: Side, pieces: Iterator[bytes | int], time: float
    ) -> Iterator[Record]:
        for piece in pieces:
            if stream.reader is None:
                continue
            try:
                yield from stream.reader.receive(sender, piece, time)
            except NotWebSocket as exc:
                stream.reader = None
                stream.halves = new_halves()
                self._reading.left_out[NOT_READ[str(exc)]] += 1

    def _close(self, key: frozenset[Address], how: str, time: float) -> Iterator[Record]:
        stream = self._streams.pop(key)
        self._held -= stream.held
        for sender, half in stream.halves.items():
            yield from self._read(stream, sender, half.end(), time)
            if half.has_ended and sender not in stream.ended:
                stream.ended.append(sender)  # its FIN came, after a gap that is known now
        if not how and len(stream.ended) == len(stream.halves):
            how = stream.ended[0]
        if stream.reader is not None:
            try:
                yield from stream.reader.end(how, time)
            except NotWebSocket as exc:
                self._reading.left_out[NOT_READ[str(exc)]] += 1
        if how:
            self._ended[key] = None
            if len(self._ended) > MAX_CONNECTIONS:
                self._ended.popitem(last=False)
