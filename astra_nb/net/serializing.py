"""Frames that this end sends, as the parts that one `join` puts together.

No I/O, no clock, no thread.
"""

from __future__ import annotations

import secrets

from .whole_frames import apply_mask

__all__ = ["MAX_SHORT", "SHORT", "put_frame"]

MAX_SHORT = 125  # bytes whose number is in the second byte (RFC 6455, section 5.2)
# Headers of short, final, unmasked frames by opcode and length of the payload.
SHORT = tuple(
    tuple(bytes((0x80 | opcode, length)) for length in range(MAX_SHORT + 1)) for opcode in range(16)
)


def put_frame(parts: list[bytes], opcode: int, payload: bytes, fin: bool, masked: bool) -> int:
    """Append a frame without an extension to `parts`, and return its length in bytes.

    Args:
        masked: Whether this end masks its frames: a client does (RFC 6455, section 5.1).
    """
    length = len(payload)
    if length <= MAX_SHORT and fin and not masked:
        parts += (SHORT[opcode][length], payload)
        return 2 + length
    first, mask_bit = fin << 7 | opcode, masked << 7
    if length <= MAX_SHORT:
        header = bytes((first, mask_bit | length))
    elif length < 65536:
        header = bytes((first, mask_bit | 126, length >> 8, length & 0xFF))
    else:
        header = bytes((first, mask_bit | 127)) + length.to_bytes(8, "big")
    if masked:
        key = secrets.token_bytes(4)  # unpredictable (RFC 6455, section 10.3)
        header += key
        payload = apply_mask(payload, key)
    parts += (header, payload)
    return len(header) + length
