"""A captured TCP connection read as a WebSocket: its handshake, frames and end as records."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from astra_nb.log.records import ClosedRecord, FrameRecord, NoticeRecord, Record, Side
from astra_nb.wire.frames import Frame, decode, frame_length, whole_frames
from astra_nb.wire.handshake import head_end, parse_head
from astra_nb.wire.messages import CloseFrame, other_end
from astra_nb.wire.opcodes import CLOSE, CONTINUATION
from astra_nb.wire.text import counted
from astra_nb.wire.why_closed import read_close

from .handshakes import SIDE, Handshake, direction_of
from .handshakes import field as field_of

__all__ = ["CapturedConnection", "NotWebSocket"]

MAX_HEAD = 64 * 1024  # bytes
MAX_FRAME = 64 * 2**20  # bytes; of a longer one the beginning is kept
MAX_KEPT = 64 * 1024  # bytes of it
MAX_MESSAGE = 64 * 2**20  # bytes of a frame's payload once it is decompressed
METHODS = (b"GET ", b"CONNECT ")
STATUS = re.compile(r"[1-5][0-9]{2}")
TLS = b"\x16\x03"  # how its first record begins (RFC 8446, section 5.1)


class NotWebSocket(Exception):
    """The connection is not a WebSocket that can be read; the message says what it is."""


@dataclass(eq=False)
class Half:
    """What one end has sent."""

    data: bytearray = field(default_factory=bytearray)  # that is not read yet
    searched: int = 0  # bytes at the start of it that hold no end of a head
    # Further bytes to pass over: the rest of a frame that is not kept, or of an answer's body.
    skip: int = 0
    lost: bool = False  # whether it is unknown where the next frame begins
    broken: bool = False  # whether the message under way has a frame that is not there
    compressed: bool = False  # whether that message is compressed
    inflater: zlib._Decompress | None = None  # decompresses its messages
    resets: bool = False  # whether each of them is compressed on its own
    close: CloseFrame | None = None
    fault: str = ""  # what is wrong in that frame

    def pass_over(self) -> None:
        """Take what is to be passed over, as far as it has come."""
        passed = min(self.skip, len(self.data))
        self.skip -= passed
        del self.data[:passed]


class CapturedConnection:
    """Reads what the two ends of one connection sent. Numbers of its records are given later.

    It takes its own of `numbers` once it turns out to be a WebSocket; `peer` is the server.
    """

    def __init__(self, numbers: Iterator[int], peer: str) -> None:
        self._numbers = numbers
        self.number = 0
        self.halves: dict[Side, Half] = {"client": Half(), "server": Half()}
        self.handshake = Handshake(0, peer)
        self.asked = ""  # the request's method, while its response has not come
        self.is_open = self.is_refused = False
        self.is_plain = False  # whether what is asked for is no WebSocket
        self.is_known = self.has_passed = False  # whether a WebSocket was asked for, or others
        self.status: int | None = None  # of a refusal
        self.first: Side | None = None

    @property
    def held(self) -> int:
        """Bytes that wait to be read."""
        return sum(len(half.data) for half in self.halves.values())

    def receive(self, sender: Side, data: bytes | int, time: float) -> Iterator[Record]:
        """Yield the records that the next bytes of an end complete.

        In place of bytes, an integer says how many are missing from the capture here. It raises
        `NotWebSocket` when they do not begin an opening handshake.
        """
        half = self.halves[sender]
        if isinstance(data, int):
            yield from self._gap(sender, data, time)
            return
        if half.lost:  # a segment mostly begins with a frame
            if not _fits(data, sender):
                return
            half.lost = False
        half.data += data
        held = 0
        while not self.is_open and not self.is_refused and held != self.held:
            held = self.held
            yield from self._heads(time)
        if self.is_open:
            for end in (sender, other_end(sender)):
                yield from self._frames(end, time)
        elif self.is_refused:
            half.data.clear()  # the body of the refusal
        elif self.held > MAX_HEAD:
            raise NotWebSocket("other")

    def end(self, how: str, time: float) -> Iterator[Record]:
        """Yield the records of the connection's end.

        `how` is the end that closed TCP first, "reset", or "" for the end of the capture.
        `NotWebSocket` is raised when only other things were asked for.
        """
        if self.has_passed and not self.is_known:
            raise NotWebSocket("other")
        for sender, half in self.halves.items():
            if half.data and self.is_open and not half.lost:
                raw = bytes(half.data)
                half.data.clear()
                yield self._record(sender, decode(raw), time, "cut: the rest was not captured")
        if how and self.number:
            yield self._closed(time, how)

    def _closed(self, time: float, how: str) -> ClosedRecord:
        sent, received = (self.halves[end].close for end in (SIDE, other_end(SIDE)))
        finished = (sent and received) or self.is_refused
        return ClosedRecord(
            number=1, time=time, connection=self.number, side=SIDE,
            first=self.first or "", sent=sent, received=received,
            tcp="closed" if finished else "reset" if how == "reset"
            else "dropped by client" if how == "client" else "dropped by server",
            status=self.status, sent_fault=self.halves[SIDE].fault,
            received_fault=self.halves[other_end(SIDE)].fault,
        )  # fmt: skip

    def _heads(self, time: float) -> Iterator[Record]:
        for half in self.halves.values():
            half.pass_over()  # of the body of an answer
        sender: Side = "server" if self.asked else "client"
        half = self.halves[sender]
        data = half.data
        end = head_end(data, half.searched)
        if sender == "client" and not any(data.startswith(each[: len(data)]) for each in METHODS):
            raise NotWebSocket("TLS" if data.startswith(TLS) else "other")
        half.searched = len(data) if end is None else 0
        if end is None:
            return
        head = bytes(data[:end])
        start_line, headers = parse_head(head)
        if sender == "client":
            upgrade = field_of(headers, "upgrade").lower()
            self.asked = start_line.partition(" ")[0]
            self.is_plain = self.asked != "CONNECT" and "websocket" not in upgrade
            if self.is_plain:  # a page perhaps, and its WebSocket next
                self.has_passed = True
                del data[:end]
                return
            self.is_known = True
            self.number = self.number or next(self._numbers)
            self.handshake.connection = self.number
        del data[:end]
        if self.is_plain:
            self._pass(half, start_line, headers)
            return
        record = self.handshake.head(sender, head, time)
        yield record
        if sender == "server":
            if record.status == 101:
                self.is_open = True
                self._negotiated(field_of(headers, "sec-websocket-extensions"))
                yield self.handshake.opened(head, time)
            elif self.asked == "CONNECT" and record.status is not None and record.status < 300:
                self.asked = ""
            elif record.status is None or record.status >= 200:
                self.is_refused, self.status = True, record.status
                size = body_size(headers, record.status)
                if size is not None:  # another request may follow, as after a 401
                    yield self._closed(time, "closed")
                    self.is_refused, self.status, self.number, self.asked = False, None, 0, ""
                    self.handshake = Handshake(0, self.handshake.peer)
                    half.skip = size

    def _pass(self, half: Half, start_line: str, headers: list[tuple[str, str]]) -> None:
        """Take the answer to what was no request for a WebSocket."""
        code = start_line.split(" ")[1:2]
        status = int(code[0]) if code and STATUS.fullmatch(code[0]) else None
        if status is not None and status < 200:
            return
        size = body_size(headers, status)
        if size is None:
            raise NotWebSocket("other")
        half.skip, self.asked, self.is_plain = size, "", False

    def _negotiated(self, extensions: str) -> None:
        if "permessage-deflate" in extensions:
            for sender, half in self.halves.items():
                half.inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                half.resets = f"{sender}_no_context_takeover" in extensions

    def _frames(self, sender: Side, time: float) -> Iterator[Record]:
        half = self.halves[sender]
        while half.data:
            half.pass_over()
            length = frame_length(half.data)
            if length is not None and length > MAX_FRAME and half.data:
                raw = bytes(half.data[: min(MAX_KEPT, length)])
                half.skip = length
                verdict = f"longer than {MAX_FRAME:,} bytes: the rest is not kept"
                yield self._record(sender, decode(raw), time, verdict)
            elif length is None or len(half.data) < length:
                return
            else:
                raw = bytes(half.data[:length])
                del half.data[:length]
                yield self._record(sender, decode(raw), time)

    def _record(self, sender: Side, frame: Frame, time: float, verdict: str = "") -> FrameRecord:
        half = self.halves[sender]
        message = None
        if frame.opcode < CLOSE:
            if frame.opcode != CONTINUATION:
                half.broken, half.compressed = False, frame.rsv1 and half.inflater is not None
            half.broken = half.broken or bool(verdict)
            if half.broken:
                verdict = verdict or "part of a message that is not whole in the capture"
            if half.compressed:
                message = None if verdict else inflated(half, frame)
                if message is None:
                    verdict = verdict or "cannot be decompressed: what it refers to is missing"
                    half.broken = True
                    # Later messages may be whole: one that refers to what is missing is an error.
                    half.inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        elif frame.opcode == CLOSE and half.close is None:
            half.close, half.fault = read_close(frame.payload)
            self.first = self.first or sender
        return FrameRecord(
            number=1, time=time, connection=self.number, side=SIDE,
            direction=direction_of(sender), frame=frame, verdict=verdict, message=message,
        )  # fmt: skip

    def _gap(self, sender: Side, size: int, time: float) -> Iterator[Record]:
        if self.is_refused:
            return  # of the refusal's body
        if not self.is_open and size <= self.halves[sender].skip:
            self.halves[sender].skip -= size
            return
        if not self.is_open:
            raise NotWebSocket("other")
        half = self.halves[sender]
        length = frame_length(half.data)
        rest = half.skip or (length or 0) - len(half.data)
        known = bool(half.skip or (length and half.data)) and size <= rest
        if half.data:
            raw = bytes(half.data)
            half.data.clear()
            yield self._record(sender, decode(raw), time, "cut: bytes of it were not captured")
        half.skip = rest - size if known else 0
        half.lost = not known
        half.broken = half.broken or half.lost
        half.inflater = half.inflater and zlib.decompressobj(-zlib.MAX_WBITS)
        after = (
            "" if known else "; frames are read again from the next segment that holds whole ones"
        )
        text = f"gap: {counted(size, 'byte')} that the {sender} sent are not in the capture{after}"
        yield NoticeRecord(number=1, time=time, connection=self.number, text=text)


def body_size(headers: list[tuple[str, str]], status: int | None) -> int | None:
    """Return the length of an answer's body in bytes; None where only reading it tells."""
    length = field_of(headers, "content-length")
    if status in (204, 304):
        return 0
    is_known = (
        length.isdecimal() and len(length) < 16 and not field_of(headers, "transfer-encoding")
    )
    return int(length) if is_known else None


def inflated(half: Half, frame: Frame) -> bytes | None:
    """Return the payload of a frame once it is decompressed (RFC 7692, section 7.2.2), or None."""
    if half.inflater is None:
        return None
    data = frame.payload + (b"\x00\x00\xff\xff" if frame.fin else b"")
    try:
        plain = half.inflater.decompress(data, MAX_MESSAGE)
    except zlib.error:
        return None
    if half.inflater.unconsumed_tail:
        return None
    if frame.fin and (half.resets or half.inflater.eof):
        half.inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    return plain


def _fits(data: bytes, sender: Side) -> bool:
    """Return whether a segment is nothing but whole frames, as this end may send them."""
    cut, count = whole_frames(data)
    offset = 0
    for _ in range(count):
        frame = decode(data, offset)
        offset += len(frame.raw)
        if frame.type == "reserved" or frame.masked != (sender == "client") or frame.rsv2:
            return False
    return 0 < cut == len(data)
