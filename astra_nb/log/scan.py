"""Which frames of a run can meet some criteria, found without making records of all.

A frame that is left out here cannot match. One that is not left out may still not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from astra_nb.wire.frames import apply_mask
from astra_nb.wire.opcodes import CLOSE, CONTINUATION, TYPES

from .criteria import Criteria
from .entries import Deferred, Entry
from .payload_redaction import Redact, hide_connection_init, may_be_redacted
from .pieces import Pieces

__all__ = ["Scan"]

OTHER = re.compile("[\ufffd\ud800-\udfff]")
CODE = re.compile(r"\d{0,5} ")  # how a text begins that is not in the reason of a close alone
FIN = 0x80
SHORTEST = 8  # bytes of a text; of a shorter one too little is left


class Scan:
    """Looks at the headers and payloads of frames as far as the criteria ask for it.

    `redact` is what will be made of each record: where that can be anything, any may match.
    """

    __slots__ = ("_all", "_everywhere", "_opcodes", "_redacts", "_search", "_trace", "_wanted")

    def __init__(self, wanted: Criteria, redact: Redact | None) -> None:
        self._wanted = wanted
        self._all = redact is not None and redact is not hide_connection_init
        text = wanted.text
        # What is hidden by default reads `*`; no other text comes in.
        self._redacts = redact is not None and not (isinstance(text, str) and "*" not in text)
        types = wanted.type
        self._opcodes = (
            None
            if types is None
            else frozenset(code for code in range(16) if TYPES.get(code, "reserved") in types)
        )
        self._search = payload_search(text)
        self._trace = b"" if self._all or not isinstance(text, str) else trace_of(text)
        self._everywhere = self._all or (
            (wanted.connection, wanted.direction, wanted.kind, types) == (None,) * 4
        )

    def may_hold(self, connection: int, direction: str | None) -> bool:
        """Return whether records of this connection can match; only frames have a direction."""
        wanted, is_frame = self._wanted, direction is not None
        return self._everywhere or (
            (wanted.connection is None or connection in wanted.connection)
            and (wanted.direction is None or not is_frame or direction in wanted.direction)
            and (wanted.kind is None or not is_frame or "frame" in wanted.kind)
            and (self._opcodes is None or not is_frame or bool(self._opcodes))
        )

    def may_be_in(self, entries: Iterable[Entry]) -> bool:
        """Return whether one of these entries, looked at all at once, can match."""
        if not self._trace:
            return True
        parts: list[bytes] = []
        for entry in entries:
            data = entry[4]
            if isinstance(data, Deferred) or entry[7] is not None:
                return True
            parts.append(data.join() if isinstance(data, Pieces) else data)
        return self._trace in differences(b"".join(parts))

    def candidates(
        self, data: bytes, count: int, messages: tuple[bytes | None, ...] | None
    ) -> list[tuple[int, int]]:
        """Return the index and the offset of each frame that can match; a single one may be cut.

        `messages` has for each frame its payload after decompression, or None.
        """
        opcodes, search, redacts, take_all = self._opcodes, self._search, self._redacts, self._all
        found: list[tuple[int, int]] = []
        size, offset = len(data), 0
        for index in range(count):
            start = offset
            if size < start + 2:  # cut: the only one
                found.append((index, start))
                break
            first, second = data[start], data[start + 1]
            begin, length = start + 2, second & 0x7F
            if length > 125:
                begin += 2 if length == 126 else 8
                length = int.from_bytes(data[start + 2 : begin], "big")
            if second > 127:
                begin += 4
            offset = begin + length
            opcode = first & 0x0F
            if take_all:
                pass
            elif opcodes is not None and opcode not in opcodes:
                continue
            elif (
                search is not None
                and opcode != CLOSE
                and offset <= size
                # A fragment is judged by the whole message.
                and not (redacts and (first < FIN or opcode == CONTINUATION))
            ):
                payload = None if messages is None else messages[index]
                if payload is None:
                    payload = data[begin:offset]
                    if second > 127:
                        payload = apply_mask(payload, data[begin - 4 : begin])
                if not search(payload) and not (redacts and may_be_redacted(payload)):
                    continue
            found.append((index, start))
        return found


def trace_of(text: str) -> bytes:
    """Return what every frame with this text has in its `differences`; b"" for nothing certain."""
    payload = b"" if OTHER.search(text) or "*" in text or CODE.match(text) else text.encode()
    return differences(payload)[:-4] if len(payload) >= SHORTEST else b""


def differences(data: bytes) -> bytes:
    """Return each byte XORed with the fourth one after it, which masking leaves as it is.

    A masking key has four bytes (RFC 6455, section 5.3). The last four have no such byte.
    """
    number = int.from_bytes(data, "little")
    return (number ^ number >> 32).to_bytes(len(data), "little")


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
