"""Fields of a frame: the bits of each, its value, and its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .frames import Frame
from .opcodes import BINARY, TEXT, FrameType
from .text import counted, preview, spaced_hex

__all__ = ["Field", "fields"]

SHOWN_PAYLOAD = 60  # characters


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a frame (RFC 6455, section 5.2)."""

    name: str  # as in the RFC
    first_bit: int  # counted from the frame's first
    bit_count: int
    value: str  # as text
    meaning: str  # as one sentence
    section: str  # of RFC 6455

    @property
    def start(self) -> int:
        """Offset of the first byte that holds a bit of it."""
        return self.first_bit // 8

    @property
    def end(self) -> int:
        """Offset after the last byte that holds a bit of it."""
        return (self.first_bit + self.bit_count + 7) // 8

    def bits(self, frame: Frame) -> str:
        """Return its bits in `frame` as text, the most significant first."""
        data = frame.raw[self.start : self.end]
        shown = "".join(f"{byte:08b}" for byte in data)
        skip = self.first_bit % 8
        return shown[skip : skip + self.bit_count]


# Meaning and section of each type of frame.
OPCODES: dict[FrameType, tuple[str, str]] = {
    "continuation": ("This frame continues the message that an earlier frame began.", "5.4"),
    "text": ("A text message begins here; all of it is UTF-8.", "5.6"),
    "bytes": ("A binary message begins here.", "5.6"),
    "close": ("This end asks to close the connection, or answers that it will.", "5.5.1"),
    "ping": ("The other end must answer with a PONG frame that holds the same payload.", "5.5.2"),
    "pong": ("This answers a PING frame, or is an unsolicited heartbeat.", "5.5.3"),
    "reserved": ("This opcode has no meaning yet; the other end must fail the connection.", "5.2"),
}


def fields(frame: Frame) -> list[Field]:
    """Return the fields of a frame; the last one of a cut frame may be there in part."""
    found = list(first_byte(frame))
    if len(frame.raw) > 1:
        found += second_byte(frame)
        found += rest(frame)
    return found


def first_byte(frame: Frame) -> Iterator[Field]:
    if frame.fin:
        last = "This is the last frame of its message."
        if frame.opcode in (TEXT, BINARY):
            last = "This frame is a whole message."
        elif frame.is_control:
            last = "A control frame is never fragmented."
    else:
        last = "More frames of this message follow."
    yield Field("FIN", 0, 1, f"{frame.fin:d}", last, "5.4")
    for position, bit in enumerate((frame.rsv1, frame.rsv2, frame.rsv3), start=1):
        meaning = "No extension uses this bit."
        if bit:
            meaning = "Only an extension can give this bit a meaning."
        if bit and position == 1 and not frame.is_control:
            meaning += " With permessage-deflate: the message is compressed (RFC 7692)."
        yield Field(f"RSV{position}", position, 1, f"{bit:d}", meaning, "5.2")
    name = {"bytes": "binary", "close": "connection close"}.get(frame.type, frame.type)
    yield Field("opcode", 4, 4, f"{frame.opcode:#x} ({name})", *OPCODES[frame.type])


def second_byte(frame: Frame) -> Iterator[Field]:
    meaning = "The payload is not masked; a server never masks."
    if frame.masked:
        meaning = "The payload is masked; a client always masks."
    yield Field("MASK", 8, 1, f"{frame.masked:d}", meaning, "5.3")
    short = frame.raw[1] & 0x7F
    if short < 126:
        meaning = f"The payload has {counted(short, 'byte')}."
    else:
        meaning = f"The length is in the next {2 if short == 126 else 8} bytes."
    yield Field("payload length", 9, 7, str(short), meaning, "5.2")


def rest(frame: Frame) -> Iterator[Field]:
    header = len(frame.header)
    short = frame.raw[1] & 0x7F
    size = 0 if short < 126 else 2 if short == 126 else 8
    there = min(size, header - 2)
    if there:
        meaning = f"The payload has {counted(frame.payload_length, 'byte')}."
        if there < size:
            meaning = f"Cut: {there} of the {size} bytes of the length are there."
        number = int.from_bytes(frame.raw[2 : 2 + there], "big")
        value = f"{number:,}" if there == size else spaced_hex(frame.raw[2 : 2 + there])
        yield Field("extended payload length", 16, there * 8, value, meaning, "5.2")
    start = 2 + size
    if frame.masking_key:
        key = frame.masking_key
        meaning = "Byte i of the payload is XORed with byte i mod 4 of this key."
        if len(key) < 4:
            meaning = f"Cut: {len(key)} of the 4 bytes of the key are there."
        yield Field("masking key", start * 8, len(key) * 8, spaced_hex(key), meaning, "5.3")
        start += 4
    if frame.payload:
        shown = preview(frame.payload, frame.type, SHOWN_PAYLOAD)
        bits = len(frame.payload) * 8
        yield Field("payload", start * 8, bits, shown, payload_meaning(frame), "5.2")


def payload_meaning(frame: Frame) -> str:
    if not frame.complete:
        return (
            f"Cut: {len(frame.payload):,} of {frame.payload_length:,} bytes of the payload "
            f"are there."
        )
    if frame.rsv1:
        return "The payload, as the extension left it."
    if frame.opcode == TEXT:
        return "The text, as UTF-8." if frame.fin else "The beginning of the text, as UTF-8."
    if frame.type == "close":
        return "Two bytes of close code, then the reason as UTF-8."
    return "The payload, any bytes."
