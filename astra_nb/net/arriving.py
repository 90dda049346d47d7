"""What can be said of a frame before all of it has come: its length's form, and its text so far.

No I/O, no clock, no thread.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from astra_nb.log.joiner import Joiner
from astra_nb.wire.opcodes import CONTINUATION, TEXT

from .whole_frames import apply_mask

__all__ = ["LONG_FORM", "ArrivingText", "is_shortest", "length_fault"]

LONG_FORM = "payload length is not in its shortest form (RFC 6455, section 5.2)"
TOP_BIT = "most significant bit of the payload length is not 0 (RFC 6455, section 5.2)"


def is_shortest(data: bytes | bytearray, offset: int = 0) -> bool:
    """Return whether a payload length has its shortest form (RFC 6455, section 5.2)."""
    form = data[offset + 1] & 0x7F
    if form == 126:
        return int.from_bytes(data[offset + 2 : offset + 4], "big") >= 126
    if form == 127:
        return int.from_bytes(data[offset + 2 : offset + 10], "big") >= 65536
    return True


def length_fault(data: bytes | bytearray) -> str:
    """Return what is wrong with the payload length of a header, or ""."""
    if not is_shortest(data):
        return LONG_FORM
    return TOP_BIT if data[1] & 0x7F == 127 and data[2] & 0x80 else ""


@dataclass
class ArrivingText:
    """Decodes one text frame while it arrives (RFC 6455, section 8.1)."""

    joiner: Joiner  # knows the message under way
    _decoder: codecs.IncrementalDecoder | None = None
    _seen: int = 0  # bytes of the frame's payload that were decoded

    def check(self, frame: bytes | bytearray) -> None:
        """Decode what is new of an uncompressed frame whose header is whole."""
        opcode, under_way = frame[0] & 0x0F, self.joiner.under_way
        in_text = (
            under_way == "text" if opcode == CONTINUATION else opcode == TEXT and under_way is None
        )
        if not in_text:
            return
        form = frame[1] & 0x7F
        masked = bool(frame[1] & 0x80)
        header = 2 + (0 if form < 126 else 2 if form == 126 else 8) + (4 if masked else 0)
        seen = self._seen
        new = bytes(frame[header + seen :])
        if not new:
            return
        if masked:
            key = bytes(frame[header - 4 : header])
            new = apply_mask(new, key[seen % 4 :] + key[: seen % 4])
        if self._decoder is None:
            self._decoder = self.joiner.new_decoder()
        self._decoder.decode(new)
        self._seen += len(new)
