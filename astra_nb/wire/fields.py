"""The fields of a frame, one by one: where each lies, what it holds, what that means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .frames import Frame
from .opcodes import BINARY, TEXT
from .text import counted, preview, spaced_hex

__all__ = ["Field", "fields"]

SHOWN_PAYLOAD = 60  # characters


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a frame (RFC 6455, section 5.2).

    Attributes:
        name: The field's name in the RFC.
        first_bit: Its first bit, counted from the frame's first.
        bit_count: How many bits of it there are.
        value: What it holds, as text.
        meaning: What that says, as one sentence.
        section: The section of RFC 6455 that defines it.
    """

    name: str
    first_bit: int
    bit_count: int
    value: str
    meaning: str
    section: str

    @property
    def start(self) -> int:
        """Offset of the first byte it lies in."""
        return self.first_bit // 8

    @property
    def end(self) -> int:
        """Offset behind the last byte it lies in."""
        return (self.first_bit + self.bit_count + 7) // 8

    def bits(self, frame: Frame) -> str:
        """Write its bits in `frame`, the most significant first."""
        data = frame.raw[self.start : self.end]
        shown = "".join(f"{byte:08b}" for byte in data)
        skip = self.first_bit % 8
        return shown[skip : skip + self.bit_count]


OPCODES = {
    "continuation": "This frame goes on with the message that an earlier frame began.",
    "text": "A text message begins here; all of it is UTF-8.",
    "bytes": "A message of bytes begins here.",
    "close": "This end asks to close the connection, or answers that it will.",
    "ping": "The other end must answer with a PONG frame that holds the same payload.",
    "pong": "This answers a PING frame, or says unasked that this end is there.",
    "reserved": "This opcode has no meaning yet; the other end must fail the connection.",
}
OPCODE_SECTIONS = {
    "continuation": "5.4",
    "text": "5.6",
    "bytes": "5.6",
    "close": "5.5.1",
    "ping": "5.5.2",
    "pong": "5.5.3",
    "reserved": "5.2",
}


def fields(frame: Frame) -> list[Field]:
    """Take a frame apart; of a cut frame the fields that are there, the last one maybe in part."""
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
    yield Field(
        "opcode",
        4,
        4,
        f"{frame.opcode:#x} ({name})",
        OPCODES[frame.type],
        OPCODE_SECTIONS[frame.type],
    )


def second_byte(frame: Frame) -> Iterator[Field]:
    yield Field(
        "MASK",
        8,
        1,
        f"{frame.masked:d}",
        "The payload is masked; every client does that."
        if frame.masked
        else "The payload is not masked; no server masks.",
        "5.3",
    )
    short = frame.raw[1] & 0x7F
    if short < 126:
        meaning = f"The payload has {counted(short, 'byte')}."
    else:
        meaning = f"The length stands in the next {2 if short == 126 else 8} bytes."
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
        yield Field(
            "payload",
            start * 8,
            len(frame.payload) * 8,
            preview(frame.payload, frame.type, SHOWN_PAYLOAD),
            payload_meaning(frame),
            "5.2",
        )


def payload_meaning(frame: Frame) -> str:
    if not frame.complete:
        return (
            f"Cut: {len(frame.payload):,} of {frame.payload_length:,} bytes of the payload "
            f"are there."
        )
    if frame.rsv1:
        return "The payload, as the extension made it."
    if frame.opcode == TEXT:
        return "The text, as UTF-8." if frame.fin else "The beginning of the text, as UTF-8."
    if frame.type == "close":
        return "Two bytes of close code, then the reason as UTF-8."
    return "The payload, any bytes."
