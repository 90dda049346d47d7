"""Frames as bytes, made and read here without the package that is tested.

The cases are written as a server sends frames: unmasked. `mask_all` makes of them what a client
sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["KEY", "WireFrame", "chop", "frame", "mask_all", "read_frames"]

KEY = b"\x37\xfa\x21\x3d"  # the masking key of the samples in RFC 6455, section 5.7


@dataclass(frozen=True)
class WireFrame:
    """A frame as it was read from the wire, payload unmasked."""

    first: int
    masked: bool
    payload: bytes
    raw: bytes

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def unmasked(self) -> bytes:
        """The same frame as a server would have sent it."""
        return bytes((self.first,)) + length_field(len(self.payload)) + self.payload


def length_field(length: int, mask_bit: int = 0) -> bytes:
    if length < 126:
        return bytes((mask_bit | length,))
    if length < 65536:
        return bytes((mask_bit | 126,)) + length.to_bytes(2, "big")
    return bytes((mask_bit | 127,)) + length.to_bytes(8, "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """Make an unmasked frame; `rsv` holds RSV1 to RSV3 as 4, 2 and 1."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    return bytes((first,)) + length_field(len(payload)) + payload


def xor(payload: bytes, key: bytes) -> bytes:
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    both = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return both.to_bytes(len(payload), "big")


def header_size(data: bytes, offset: int) -> int | None:
    """Return the bytes before the payload, key included; None when they are not all there."""
    if len(data) < offset + 2:
        return None
    second = data[offset + 1]
    size = 2 + {126: 2, 127: 8}.get(second & 0x7F, 0) + (4 if second & 0x80 else 0)
    return size if len(data) >= offset + size else None


def declared_length(data: bytes, offset: int) -> int:
    short = data[offset + 1] & 0x7F
    if short < 126:
        return short
    end = offset + (4 if short == 126 else 10)
    return int.from_bytes(data[offset + 2 : end], "big")


def mask_all(data: bytes, key: bytes = KEY) -> bytes:
    """Make of a server's frames those of a client; the last one may be cut in its payload."""
    result = bytearray()
    offset = 0
    while offset < len(data):
        size = header_size(data, offset)
        if size is None:
            raise ValueError(f"a header is cut at offset {offset}: cut after masking instead")
        length = declared_length(data, offset)
        payload = data[offset + size : offset + size + length]
        result += bytes((data[offset], data[offset + 1] | 0x80))
        result += data[offset + 2 : offset + size] + key + xor(payload, key)
        offset += size + length
    return bytes(result)


def read_frames(data: bytes) -> Iterator[WireFrame]:
    """Take frames apart.

    Raises:
        ValueError: The last one is cut: whoever wrote these bytes did not finish.
    """
    offset = 0
    while offset < len(data):
        size = header_size(data, offset)
        if size is None or offset + size + declared_length(data, offset) > len(data):
            raise ValueError(f"a frame is cut: {data[offset:][:40]!r}")
        end = offset + size + declared_length(data, offset)
        masked = data[offset + 1] >= 0x80
        payload = data[offset + size : end]
        if masked:
            payload = xor(payload, data[offset + size - 4 : offset + size])
        yield WireFrame(data[offset], masked, payload, data[offset:end])
        offset = end


def chop(data: bytes, size: int) -> list[bytes]:
    """Cut bytes into pieces of `size`; 0 leaves them whole."""
    if not size:
        return [data]
    return [data[start : start + size] for start in range(0, len(data), size)]
