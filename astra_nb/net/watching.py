"""Frames that pass by: put on record as they are, judged by nobody.

No I/O, no clock, no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from astra_nb.log.pieces import Recorder, keep
from astra_nb.wire.frames import decode, frame_length, split
from astra_nb.wire.opcodes import CLOSE, CONTINUATION
from astra_nb.wire.text import counted

from .receiving import CUT, LONGEST_HEADER

__all__ = ["FrameWatch"]

MAX_KEPT = 16 * 2**20  # bytes of a frame that are collected before it is on record
MAX_INFLATED = 16 * 2**20  # bytes of a frame's payload, decompressed
KEPT = 64 * 1024  # bytes on record of a frame that is longer
RSV1 = 0x40  # of the first frame of a compressed message (RFC 7692, section 6)


@dataclass
class FrameWatch:
    """Puts on record the frames of one direction."""

    recorders: Sequence[Recorder]  # called with each run of frames, in their order
    on_close: Callable[[bytes], None]  # called with the payload of each CLOSE frame
    inflater: PerMessageDeflate | None = None  # where permessage-deflate was agreed on
    _tail: bytearray = field(default_factory=bytearray)  # of a frame that is not complete yet
    _skip: int = 0  # bytes of a frame on record that have not come yet
    _lost: str = ""  # why messages cannot be decompressed any more

    def unfinished(self, data: bytes = b"") -> int:
        """Return how many of the next bytes belong to a frame under way; 0 when there is none."""
        if self._skip or not self._tail:
            return self._skip
        length = frame_length(bytes(self._tail[:LONGEST_HEADER]) + data[:LONGEST_HEADER])
        return len(data) + 1 if length is None else length - len(self._tail)

    def take(self, data: bytes) -> None:
        """Take a chunk of any length."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        tail, cut, count = self._tail, 0, 0
        if tail:
            length = frame_length(bytes(tail[:LONGEST_HEADER]) + data[:LONGEST_HEADER])
            if length is None or length > len(tail) + len(data):
                self._take_part(data, length)
                return
            cut, count = length - len(tail), 1
            if tail[0] & 0x0F == CLOSE:
                self.on_close(decode(bytes(tail) + data[:cut]).payload)
        size = len(data)
        while (length := frame_length(data, cut)) is not None and cut + length <= size:
            if data[cut] & 0x0F == CLOSE:
                self.on_close(decode(data[cut : cut + length]).payload)
            cut += length
            count += 1
        if count:
            before = bytes(tail)
            tail.clear()
            if self.inflater is None:
                self._record(keep(before, data, cut), count)
            else:
                self._record_inflated(before + data[:cut])
        if cut < size:
            self._take_part(data[cut:], length)

    def end(self) -> None:
        """Put on record what there is of a cut frame: called when TCP has ended."""
        if self._tail:
            self._record(bytes(self._tail), 1, CUT)
            self._tail.clear()

    def _take_part(self, data: bytes, length: int | None) -> None:
        """Take a part of a frame whose whole length is known or not."""
        tail = self._tail
        tail += data
        if length is not None and length > MAX_KEPT and len(tail) >= KEPT:
            rest = length - len(tail)
            self._record(
                bytes(tail[:KEPT]),
                1,
                f"passed on, but not kept: it has {counted(length, 'byte')}, of which the first "
                f"{KEPT:,} are on record",
            )
            if self.inflater is not None and (tail[0] & RSV1 or tail[0] & 0x0F == CONTINUATION):
                self._lose("a frame that was not kept came before")
            tail.clear()
            self._skip = rest

    def _record(self, *run: Any) -> None:
        for recorder in self.recorders:
            recorder(*run)

    # permessage-deflate

    def _record_inflated(self, data: bytes) -> None:
        for frame in split(data):
            message = None
            is_data = frame.opcode in (0, 1, 2)
            if is_data and not self._lost:
                message = self._inflate(frame.opcode, frame.payload, frame.fin, frame.rsv1)
            if is_data and self._lost:
                self._record(frame.raw, 1, self._lost)
            else:
                self._record(frame.raw, 1, "", (message,))

    def _inflate(self, opcode: int, payload: bytes, fin: bool, rsv1: bool) -> bytes | None:
        assert self.inflater is not None
        frame = Frame(Opcode(opcode), payload, fin, rsv1)
        try:
            inflated = self.inflater.decode(frame, max_size=MAX_INFLATED)
        except (ProtocolError, PayloadTooBig, AssertionError) as exc:
            why = "it would be too long" if isinstance(exc, PayloadTooBig) else str(exc)
            self._lose(why)
            return None
        return None if inflated is frame else bytes(inflated.data)

    def _lose(self, why: str) -> None:
        self._lost = f"passed on, but neither it nor what follows can be decompressed: {why}"
