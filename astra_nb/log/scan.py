"""Which frames of a run can meet some criteria, found without making records of all.

A frame that is left out here cannot match. One that is not left out may still not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from astra_nb.wire.frames import apply_mask
from astra_nb.wire.opcodes import CLOSE, CONTINUATION, TYPES

from .criteria import Criteria
from .payload_redaction import Redact, hide_connection_init, may_be_redacted

__all__ = ["Scan"]

OTHER = re.compile("[\ufffd\ud800-\udfff]")


FIN = 0x80


class Scan:
    """Looks at the headers and payloads of frames as far as the criteria ask for it.

    Args:
        wanted: The criteria.
        redact: What will be made of each record: where that can be anything, any may match.
    """

    __slots__ = ("_all", "_opcodes", "_redacts", "_search", "_wanted")

    def __init__(self, wanted: Criteria, redact: Redact | None) -> None:
        self._wanted = wanted
        self._all = redact is not None and redact is not hide_connection_init
        self._redacts = redact is not None
        types = wanted.type
        self._opcodes = (
            None
            if types is None
            else frozenset(code for code in range(16) if TYPES.get(code, "reserved") in types)
        )
        self._search = payload_search(wanted.text)

    def may_hold(self, connection: int, direction: str | None, *, is_frame: bool) -> bool:
        """Return whether records of this connection and direction can match."""
        wanted = self._wanted
        return self._all or (
            (wanted.connection is None or connection in wanted.connection)
            and (wanted.direction is None or not is_frame or direction in wanted.direction)
            and (wanted.kind is None or not is_frame or "frame" in wanted.kind)
            and (self._opcodes is None or not is_frame or bool(self._opcodes))
        )

    def candidates(
        self, data: bytes, count: int, messages: tuple[bytes | None, ...] | None
    ) -> Iterator[tuple[int, int]]:
        """Yield the index and the offset of each frame that can match.

        Args:
            data: The bytes of `count` frames; a single one may be cut.
            messages: For each frame its payload after decompression, or None.
        """
        opcodes, search = self._opcodes, self._search
        offset = 0
        for index in range(count):
            start = offset
            if len(data) < start + 2:  # cut: the only one
                yield index, start
                return
            opcode, second = data[start] & 0x0F, data[start + 1]
            length = second & 0x7F
            offset += 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length = int.from_bytes(data[offset : offset + size], "big")
                offset += size
            key = b""
            if second & 0x80:
                key = data[offset : offset + 4]
                offset += 4
            begin, offset = offset, offset + length
            if self._all:
                yield index, start
                continue
            if opcodes is not None and opcode not in opcodes:
                continue
            if search is None or opcode == CLOSE or len(data) < offset:
                yield index, start
                continue
            if self._redacts and (opcode == CONTINUATION or data[start] < FIN):
                yield index, start  # judged by the whole message
                continue
            payload = messages[index] if messages is not None else None
            if payload is None:
                payload = data[begin:offset]
                if key:
                    payload = apply_mask(payload, key)
            if search(payload) or (self._redacts and may_be_redacted(payload)):
                yield index, start


def payload_search(text: str | re.Pattern[str] | None) -> Callable[[bytes], object] | None:
    """Return a function that says whether a payload, read as UTF-8, matches; None for any."""
    if text is None:
        return None
    if isinstance(text, re.Pattern):
        return lambda payload: text.search(payload.decode("utf-8", "replace"))
    # A character begins where no other one goes on, so bytes are found where the text is; but a
    # replacement character stands for bytes that are something else.
    if OTHER.search(text):
        return lambda payload: text in payload.decode("utf-8", "replace")
    needle = text.encode()
    return lambda payload: needle in payload
