"""Encode and decode frames (RFC 6455, section 5.2), whole or cut, valid or not.

Neither direction judges: `decode` reads any bytes, `encode` writes what it is told to. Whether an
end may send a frame is the protocol's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, cast

from .messages import CloseFrame
from .opcodes import CLOSE, TYPES, FrameType
from .text import preview

__all__ = [
    "MAX_CLOSE_REASON",
    "MAX_CONTROL_PAYLOAD",
    "Frame",
    "apply_mask",
    "decode",
    "encode",
    "frame_length",
    "split",
    "whole_frames",
]

MAX_CONTROL_PAYLOAD = 125  # bytes (RFC 6455, section 5.5)
MAX_CLOSE_REASON = 123  # bytes; the code takes two of the 125


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """A frame as it was on the wire (RFC 6455, section 5.2).

    Attributes:
        raw: The bytes on the wire: header, masking key, payload as it was sent.
        header_length: Bytes before the payload, 2 to 14; fewer in a frame that was cut in them.
        masking_key: The four bytes of the key (fewer when the frame was cut inside it), or None
            when the MASK bit is 0.
        payload_length: Payload length in bytes, as the header declares it; 0 in a frame that was
            cut before its end.
        payload: The payload, unmasked; shorter than `payload_length` in a cut frame.
        complete: Whether there are as many bytes as the header declares.
    """

    raw: bytes
    header_length: int
    masking_key: bytes | None
    payload_length: int
    payload: bytes
    complete: bool

    @property
    def fin(self) -> bool:
        """FIN bit: this is the last frame of its message."""
        return self.raw[0] >= 0x80

    @property
    def rsv1(self) -> bool:
        """RSV1 bit: 0 unless an extension gives it a meaning."""
        return self.raw[0] & 0x40 != 0

    @property
    def rsv2(self) -> bool:
        """RSV2 bit: 0 unless an extension gives it a meaning."""
        return self.raw[0] & 0x20 != 0

    @property
    def rsv3(self) -> bool:
        """RSV3 bit: 0 unless an extension gives it a meaning."""
        return self.raw[0] & 0x10 != 0

    @property
    def opcode(self) -> int:
        """Opcode, 0 to 15."""
        return self.raw[0] & 0x0F

    @property
    def masked(self) -> bool:
        """MASK bit; False in a frame that was cut before it."""
        return self.masking_key is not None

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
        """The code and reason of a CLOSE frame; None for other frames, and when it holds no code.

        A reason that is not UTF-8 is decoded with replacement characters.
        """
        if self.opcode != CLOSE or len(self.payload) < 2:
            return None
        code = int.from_bytes(self.payload[:2], "big")
        return CloseFrame(code, self.payload[2:].decode("utf-8", "replace"))

    def __repr__(self) -> str:
        return (
            f"<Frame: {self.type}, FIN {self.fin:d}, MASK {self.masked:d}, "
            f"length {self.payload_length}, {preview(self.payload, self.type) or 'no payload'}>"
        )


from_bytes = int.from_bytes  # looked up once


class _Unset:
    """A `Frame` whose fields are being set: a frozen dataclass takes four times as long to make."""

    __slots__ = tuple(field.name for field in fields(Frame))


_new: Callable[[type[_Unset]], Any] = object.__new__


def apply_mask(payload: bytes, key: bytes) -> bytes:
    """Return a payload XORed with a masking key: masks and unmasks (RFC 6455, section 5.3)."""
    length = len(payload)
    repeated = key * (length // 4 + 1)
    masked = from_bytes(payload, "little") ^ from_bytes(repeated[:length], "little")
    return masked.to_bytes(length, "little")


def encode(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = None,
    length: int | None = None,
) -> bytes:
    """Return the bytes of a frame on the wire, also of one that breaks the rules.

    Args:
        opcode: 0 to 15, reserved ones too.
        payload: The payload, unmasked; the caller encodes text, compresses, and limits it.
        fin: The FIN bit.
        rsv: The RSV bits: 4 for RSV1, 2 for RSV2, 1 for RSV3, and their sums.
        key: Masking key of four bytes; None for a frame that is not masked.
        length: Payload length that the header declares, in bytes; None for the true one.

    Raises:
        ValueError: A part that does not fit into its field.
    """
    declared = len(payload) if length is None else length
    usual = key is None and length is None and not rsv
    if usual and declared < 126 and 0 <= opcode <= 15:
        return bytes((fin << 7 | opcode, declared)) + payload  # on the way of every echo
    if not 0 <= opcode <= 15 or not 0 <= rsv <= 7:
        raise ValueError(f"an opcode is 0 to 15 and rsv 0 to 7, not {opcode} and {rsv}")
    if not 0 <= declared < 2**64:
        raise ValueError(f"a payload length of {declared:,} does not fit into 8 bytes")
    first = fin << 7 | rsv << 4 | opcode
    size = 0 if declared < 126 else 2 if declared < 2**16 else 8
    short = {0: declared, 2: 126, 8: 127}[size]
    extended = declared.to_bytes(size, "big") if size else b""
    header = bytes((first, (key is not None) << 7 | short)) + extended
    if key is None:
        return header + payload
    if len(key) != 4:
        raise ValueError(f"a masking key has 4 bytes, not {len(key)}")
    return header + key + apply_mask(payload, key)


def frame_length(data: bytes | bytearray | memoryview, offset: int = 0) -> int | None:
    """Return the length in bytes of the frame that starts at `offset`, from its header alone.

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
    """Return the frame that starts at `offset`; of a cut frame, the part that is there.

    Raises:
        ValueError: There is no byte at `offset`.
    """
    if not 0 <= offset < len(data):
        raise ValueError(f"no byte at offset {offset}: the data has {len(data)}")
    size = len(data) - offset
    second = data[offset + 1] if size > 1 else 0
    length, start = second & 0x7F, 2
    if length > 125:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[offset + 2 : offset + start], "big")
    if size < start:
        raw = data[offset:]
        return Frame(raw, size, b"" if second > 127 else None, 0, b"", False)
    key = None
    if second > 127:
        key = data[offset + start : offset + start + 4]
        start += 4
    total = start + length
    raw = data[offset : offset + total]
    payload = raw[start:]
    if key and payload:
        payload = apply_mask(payload, key)
    frame = _new(_Unset)
    frame.raw = raw
    frame.header_length = min(start, size)
    frame.masking_key = key
    frame.payload_length = length
    frame.payload = payload
    frame.complete = total <= size
    frame.__class__ = Frame
    return cast(Frame, frame)


def split(data: bytes) -> Iterator[Frame]:
    """Yield every frame in a run of bytes; the last one may be cut."""
    offset = 0
    while offset < len(data):
        frame = decode(data, offset)
        yield frame
        offset += len(frame.raw)


def whole_frames(data: bytes | bytearray) -> tuple[int, int]:
    """Return where the last whole frame in these bytes ends, and how many there are."""
    cut = count = 0
    while (length := frame_length(data, cut)) is not None and cut + length <= len(data):
        cut += length
        count += 1
    return cut, count
