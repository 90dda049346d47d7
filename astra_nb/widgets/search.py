"""Search a whole log for the filter of a view, newest first, a bounded piece at a time.

A page holds previews of the newest rows. What comes later in a payload, and rows that a flood left
out of the page or that have left it, are found here. Only plain text is searched for: Python's
regular expressions can take exponential time, and would stop the kernel with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from astra_nb.log import FrameLog
from astra_nb.log.criteria import Criteria, record_text
from astra_nb.log.records import FrameRecord, Record
from astra_nb.log.table import details
from astra_nb.wire.text import CUT, visible_utf8

from .bridge import Message

__all__ = ["Found", "Query", "search"]

ROWS = 500  # that are found at once
SECONDS = 0.1  # of one piece; the rest of the kernel waits for so long
WINDOW = 500  # records that are decoded between two looks at the clock
BEFORE, AFTER = 12, 60  # bytes of a payload that are shown around a match
LONGEST = 1000  # characters that are searched for

HEX = re.compile(r"[0-9a-f]{2}( [0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class Query:
    """What a view's filter lets through.

    Attributes:
        text: What a record must contain, in any case; "" for anything. Bytes in hex, such as
            "6e 65", are found in payloads too.
        criteria: What else a record must be.
    """

    text: str = ""
    criteria: Criteria = field(default_factory=Criteria)

    @classmethod
    def from_page(cls, message: Message) -> Query:
        """Read what a page sent, which may be anything; what cannot be read is left out."""
        types = message.fields.get("types")
        direction, connection = message.text("direction"), message.integer("connection")
        return cls(
            message.text("text")[:LONGEST].lower(),
            Criteria(
                type=frozenset(map(str, types)) if isinstance(types, list) and types else None,
                direction=frozenset({direction}) if direction else None,
                connection=frozenset({connection}) if connection else None,
            ),
        )

    def place(self, record: Record) -> int | None:
        """Return where a record matches: an offset in its payload, -1 elsewhere, None nowhere."""
        if not self.criteria.matches(record):
            return None
        if not self.text:
            return -1
        if isinstance(record, FrameRecord):
            return self._place_in_frame(record)
        return -1 if self.text in f"{details(record)}\n{record_text(record)}".lower() else None

    def _place_in_frame(self, record: FrameRecord) -> int | None:
        payload, text = record.payload, self.text
        if text.isascii():
            at = payload.lower().find(text.encode())
        else:
            decoded = payload.decode("utf-8", "surrogateescape")
            before, found, _ = decoded.lower().partition(text)
            at = len(decoded[: len(before)].encode("utf-8", "surrogateescape")) if found else -1
        if at < 0 and HEX.fullmatch(text):
            at = payload.find(bytes.fromhex(text))
        if at >= 0:
            return at
        # A preview takes time, and has more than the payload only for a close.
        shown = details(record) if record.type == "close" else record.verdict
        return -1 if text in shown.lower() else None


@dataclass(slots=True)
class Found:
    """What a piece of a search found.

    Attributes:
        records: Oldest first.
        contexts: For each, the text around the match in its payload; "" for elsewhere.
        searched: How many records were looked at.
        below: Where to go on: only records with a lower number are left; 0 when none are.
    """

    records: list[Record] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    searched: int = 0
    below: int = 0


def search(log: FrameLog, query: Query, *, after: int = 0, below: int = 0) -> Found:
    """Search the newest records, until there are enough or the time is up.

    Args:
        log: The log.
        query: What is searched for.
        after: Only records with a higher number.
        below: Only records with a lower number; 0 for all.
    """
    found = Found()
    oldest = next(iter(log), None)
    lowest = max(after, oldest.number - 1 if oldest is not None else log.last_number)
    top = min(log.last_number, below - 1) if below > 0 else log.last_number
    deadline = perf_counter() + SECONDS
    for record in newest_first(log, lowest, top):
        found.searched += 1
        place = query.place(record)
        if place is not None:
            found.records.append(record)
            found.contexts.append(context(record, place))
        if len(found.records) == ROWS or perf_counter() > deadline:
            found.below = record.number if record.number > lowest + 1 else 0
            break
    found.records.reverse()
    found.contexts.reverse()
    return found


def newest_first(log: FrameLog, lowest: int, top: int) -> Iterator[Record]:
    """Yield the records after `lowest` up to `top`; few are decoded ahead of the clock."""
    while top > lowest:
        bottom = max(lowest, top - WINDOW)
        yield from reversed(log.between(bottom, top))
        top = bottom


def context(record: Record, place: int) -> str:
    """Return the text around a place in a payload, on one line."""
    if place < 0 or not isinstance(record, FrameRecord):
        return ""
    payload = record.payload
    start, end = max(0, place - BEFORE), min(len(payload), place + AFTER)
    if record.type == "text":
        # Whole characters only: what is cut off here is not a fault of the payload.
        while start < place and payload[start] & 0xC0 == 0x80:
            start += 1
        while end < len(payload) and payload[end] & 0xC0 == 0x80:
            end += 1
    part = visible_utf8(payload[start:end])
    left, right = CUT if start else "", CUT if end < len(payload) else ""
    return f'byte {place:,}: "{left}{part}{right}"'
