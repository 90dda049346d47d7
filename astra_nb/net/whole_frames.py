"""The fast path of what is received: whole, final, uncompressed TEXT and BINARY frames.

It decides nothing. A frame about which a rule of RFC 6455 could say anything else than "this is a
message" is left to the protocol, with all that comes after it.

No I/O, no clock, no thread.
"""

from __future__ import annotations

from typing import Any

# The C function, or the Python one where there is no compiler. It is not documented, and the only
# thing of `websockets` that we use without that: our own takes three times as long.
from websockets.frames import apply_mask  # type: ignore[attr-defined]

from astra_nb.wire.messages import Message, UnsetMessage

__all__ = ["apply_mask", "plain_frame_length", "take_messages"]

FIN_TEXT, FIN_BINARY = 0x81, 0x82
LONG = 2048  # bytes of a payload from which a view costs less than a copy


def take_messages(data: bytes, start: int, masked: bool, limit: float) -> tuple[list[Message], int]:
    """Take apart the whole frames that are just a message each, up to the first other byte.

    Args:
        data: What has come; a frame begins at `start`, no fragmented message is under way, and no
            extension was agreed on.
        start: Where to begin.
        masked: Whether the frames must be masked (RFC 6455, section 5.1).
        limit: Bytes that a payload may have; infinity for any.

    Returns:
        The messages, and where the last of their frames ends.
    """
    messages: list[Message] = []
    append = messages.append
    unset, whole, unmask = UnsetMessage, Message, apply_mask
    message: Any  # an `UnsetMessage`, and then a `Message`
    size = len(data)
    view: memoryview | None = None
    mask_bit, key = (0x80, 4) if masked else (0, 0)
    end = start
    try:
        while end < size:
            first = data[end]
            length = data[end + 1] - mask_bit
            # A wrong mask bit makes the length negative, or greater than 127.
            if 0 <= length < 126:
                begin = end + 2 + key
            elif length == 126:
                length = data[end + 2] << 8 | data[end + 3]
                begin = end + 4 + key
                if length < 126:
                    break
            elif length == 127:
                length = int.from_bytes(data[end + 2 : end + 10], "big")
                begin = end + 10 + key
                if length < 65536:
                    break
            else:
                break
            stop = begin + length
            if stop > size or length > limit:
                break
            if not masked:
                payload = data[begin:stop]
            elif length < LONG:
                payload = unmask(data[begin:stop], data[begin - 4 : begin])
            else:
                view = view or memoryview(data)
                payload = unmask(view[begin:stop], data[begin - 4 : begin])
            if first == FIN_TEXT:
                message = unset()
                message.type = "text"
                message.value = payload.decode()
            elif first == FIN_BINARY:
                message = unset()
                message.type = "bytes"
                message.value = payload
            else:
                break
            message.__class__ = whole
            append(message)
            end = stop
    except (IndexError, UnicodeDecodeError):
        pass  # a header that was cut; a text that the protocol's user has to refuse
    return messages, end


def plain_frame_length(data: bytes, start: int, masked: bool, limit: float) -> int:
    """Return the length in bytes of the frame that begins at `start` and is not whole yet.

    0 when there is not all of its header, or when it will not be just a message.
    """
    if data[start] not in (FIN_TEXT, FIN_BINARY) or len(data) < start + 2:
        return 0
    length, size = data[start + 1] - (0x80 if masked else 0), 0
    if length == 126:
        size, shortest = 2, 126
    elif length == 127:
        size, shortest = 8, 65536
    elif not 0 <= length < 126:
        return 0
    if size:
        extended = data[start + 2 : start + 2 + size]
        length = int.from_bytes(extended, "big")
        if len(extended) < size or length < shortest:
            return 0
    return 0 if length > limit else 2 + size + (4 if masked else 0) + length
