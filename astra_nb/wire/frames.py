"""Decode the bytes of RFC 6455 frames, whole or cut, valid or not.

The decoder never refuses anything. It says what the bytes are; whether the other end may send
them is the protocol's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .messages import CloseFrame

__all__ = ["Frame", "FrameType", "apply_mask", "decode", "frame_length", "split"]

FrameType = Literal["text", "bytes", "continuation", "ping", "pong", "close", "reserved"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

TYPES: dict[int, FrameType] = {
    CONTINUATION: "continuation",
    TEXT: "text",
    BINARY: "bytes",
    CLOSE: "close",
    PING: "ping",
    PONG: "pong",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it was on the wire (RFC 6455, section 5.2).

    Attributes:
        raw: The bytes on the wire: header, masking key, payload as it was sent.
        fin: FIN bit.
        rsv1: RSV1 bit.
        rsv2: RSV2 bit.
        rsv3: RSV3 bit.
        opcode: Opcode, 0 to 15.
        masked: MASK bit.
        masking_key: The four bytes of the key (fewer when the frame was cut inside it), or None
            when the MASK bit is 0.
        payload_length: Payload length in bytes, as the header declares it.
        header_length: Bytes before the payload, 2 to 14: what there is of them in a cut frame.
        payload: The payload, unmasked; shorter than `payload_length` in a cut frame.
        complete: Whether every declared byte is there.
    """

    raw: bytes
    fin: bool
    rsv1: bool
    rsv2: bool
    rsv3: bool
    opcode: int
    masked: bool
    masking_key: bytes | None
    payload_length: int
    header_length: int
    payload: bytes
    complete: bool

    @property
    def header(self) -> bytes:
        """The bytes before the payload, masking key included."""
        return self.raw[: self.header_length]

    @property
    def masked_payload(self) -> bytes:
        """The payload as it was on the wire."""
        return self.raw[self.header_length :]

    @property
    def type(self) -> FrameType:
        """The name of the opcode."""
        return TYPES.get(self.opcode, "reserved")

    @property
    def is_control(self) -> bool:
        """Whether the opcode is that of a control frame (RFC 6455, section 5.5)."""
        return self.opcode >= 0x8

    @property
    def close(self) -> CloseFrame | None:
        """The code and reason of a CLOSE frame; None when it is none, or its payload holds none.

        A reason that is not UTF-8 is decoded with replacement characters.
        """
        if self.opcode != CLOSE or len(self.payload) < 2:
            return None
        code = int.from_bytes(self.payload[:2], "big")
        return CloseFrame(code, self.payload[2:].decode("utf-8", "replace"))


def apply_mask(payload: bytes, key: bytes) -> bytes:
    """XOR a payload with a masking key; the same call masks and unmasks (section 5.3)."""
    if not payload or not any(key):
        return payload
    length = len(payload)
    repeated = (key * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")
    return masked.to_bytes(length, "little")


def frame_length(data: bytes | bytearray | memoryview, offset: int = 0) -> int | None:
    """Give the length in bytes of the frame that starts at `offset`, from its header alone.

    Returns:
        Header, key and declared payload together; None while the header is cut before the
        length is known.
    """
    if len(data) < offset + 2:
        return None
    second = data[offset + 1]
    key = 4 if second & 0x80 else 0
    length = second & 0x7F
    if length < 126:
        return 2 + key + length
    size = 2 if length == 126 else 8
    if len(data) < offset + 2 + size:
        return None
    return 2 + size + key + int.from_bytes(data[offset + 2 : offset + 2 + size], "big")


def decode(data: bytes, offset: int = 0) -> Frame:
    """Decode the frame that starts at `offset`; what is missing of a cut frame is left out.

    Raises:
        ValueError: There is no byte at `offset`.
    """
    if offset >= len(data):
        raise ValueError(f"no byte at offset {offset}: the data ends after {len(data)}")
    first = data[offset]
    total = frame_length(data, offset)
    if total is None:
        raw = bytes(data[offset:])
        masked = len(raw) > 1 and raw[1] >= 0x80
        length, header_length, declared = 0, len(raw), False
    else:
        raw = bytes(data[offset : offset + total])
        masked = raw[1] >= 0x80
        short = raw[1] & 0x7F
        size = 0 if short < 126 else 2 if short == 126 else 8
        header_length = 2 + size + (4 if masked else 0)
        length, declared = total - header_length, True
    key: bytes | None = None
    if masked:
        key = raw[header_length - 4 : header_length] if declared else b""
    payload = raw[header_length:]
    if key is not None and len(key) == 4:
        payload = apply_mask(payload, key)
    return Frame(
        raw=raw,
        fin=bool(first & 0x80),
        rsv1=bool(first & 0x40),
        rsv2=bool(first & 0x20),
        rsv3=bool(first & 0x10),
        opcode=first & 0x0F,
        masked=masked,
        masking_key=key,
        payload_length=length,
        header_length=min(header_length, len(raw)),
        payload=payload,
        complete=declared and len(raw) == total,
    )


def split(data: bytes) -> Iterator[Frame]:
    """Decode every frame in a run of bytes; the last one may be cut."""
    offset = 0
    while offset < len(data):
        frame = decode(data, offset)
        yield frame
        offset += len(frame.raw)
