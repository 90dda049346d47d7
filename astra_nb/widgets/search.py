"""The search of a whole log for the filter of a view, newest first, a bounded piece at a time.

A page holds previews of the newest rows. What stands further behind in a payload, and rows that
a flood left out of the page or that have left it, are found here. Only plain text is searched
for: Python's regular expressions can take exponential time, and would stop the kernel with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from astra_nb.log import FrameLog
from astra_nb.log.criteria import record_text
from astra_nb.log.records import FrameRecord, Record
from astra_nb.log.rows import details
from astra_nb.wire.text import CUT, visible_utf8

__all__ = ["Found", "Wanted", "search"]

ROWS = 500  # that are found at once
SECONDS = 0.1  # of one piece; the rest of the kernel waits for so long
WINDOW = 500  # records that are decoded between two looks at the clock
BEFORE, BEHIND = 12, 60  # bytes of a payload that are shown around a match
LONGEST = 1000  # characters that are searched for

HEX = re.compile(r"[0-9a-f]{2}( [0-9a-f]{2})+")

CHIPS = {
    "continuation": ("text", "bytes"),
    "reserved": ("errors",),
    "opened": ("handshake",),
    "closed": ("close",),
    "error": ("errors",),
    "notice": ("output",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a view's filter lets through.

    Attributes:
        text: What a record must contain, in any case; "" for anything. Bytes in hex, such as
            "6e 65", are found in payloads too.
        types: The types that are chosen, as the view names them; none for all.
        direction: "received", "sent", or "" for both.
        connection: Number of the connection, or 0 for all.
    """

    text: str = ""
    types: frozenset[str] = frozenset()
    direction: str = ""
    connection: int = 0

    @classmethod
    def from_page(cls, content: Mapping[str, object]) -> Wanted:
        """Read what a page sent, which may be anything."""
        text, direction = content.get("text"), content.get("direction")
        types, connection = content.get("types"), content.get("connection")
        return cls(
            text[:LONGEST].lower() if isinstance(text, str) else "",
            frozenset(map(str, types)) if isinstance(types, list) else frozenset(),
            direction if isinstance(direction, str) else "",
            connection if isinstance(connection, int) else 0,
        )

    def place(self, record: Record) -> int | None:
        """Tell where a record matches: an offset in its payload, -1 for elsewhere, None if not."""
        if self.connection and record.connection != self.connection:
            return None
        if self.direction and getattr(record, "direction", "") != self.direction:
            return None
        if self.types and self.types.isdisjoint(chips_of(record)):
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
        # A preview is dear, and says more than the payload only of a close.
        shown = details(record) if record.type == "close" else record.verdict
        return -1 if text in shown.lower() else None


@dataclass(slots=True)
class Found:
    """What a piece of a search found.

    Attributes:
        records: Oldest first.
        contexts: For each, what stands around the match in its payload; "" for elsewhere.
        searched: How many records were looked at.
        below: Where to go on: only records with a lower number are left; 0 when none are.
    """

    records: list[Record] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    searched: int = 0
    below: int = 0


def search(log: FrameLog, wanted: Wanted, *, after: int = 0, below: int = 0) -> Found:
    """Search the newest records, until there are enough or the time is up.

    Args:
        log: The log.
        wanted: What is searched for.
        after: Only records with a higher number.
        below: Only records with a lower number; 0 for all.
    """
    found = Found()
    oldest = next(iter(log), None)
    lowest = max(after, oldest.number - 1 if oldest is not None else log.last_number)
    top = min(log.last_number, below - 1) if below > 0 else log.last_number
    deadline = perf_counter() + SECONDS
    while top > lowest:
        bottom = max(lowest, top - WINDOW)
        for record in reversed(log.between(bottom, top)):
            found.searched += 1
            place = wanted.place(record)
            if place is not None:
                found.records.append(record)
                found.contexts.append(context(record, place))
            if len(found.records) == ROWS or perf_counter() > deadline:
                bottom = record.number - 1
                break
        top = bottom
        if len(found.records) == ROWS or perf_counter() > deadline:
            break
    found.below = top + 1 if top > lowest else 0
    found.records.reverse()
    found.contexts.reverse()
    return found


def context(record: Record, place: int) -> str:
    """Show what stands around a place in a payload, on one line."""
    if place < 0 or not isinstance(record, FrameRecord):
        return ""
    payload = record.payload
    start, end = max(0, place - BEFORE), min(len(payload), place + BEHIND)
    if record.type == "text":
        # Whole characters only: what is cut off here is no fault of the payload.
        while start < place and payload[start] & 0xC0 == 0x80:
            start += 1
        while end < len(payload) and payload[end] & 0xC0 == 0x80:
            end += 1
    part = visible_utf8(payload[start:end])
    before, behind = CUT if start else "", CUT if end < len(payload) else ""
    return f'byte {place:,}: "{before}{part}{behind}"'


def chips_of(record: Record) -> tuple[str, ...]:
    """Name the chips of the view that a record belongs to."""
    name = record.frame.type if isinstance(record, FrameRecord) else record.kind
    return CHIPS.get(name, (name,))
