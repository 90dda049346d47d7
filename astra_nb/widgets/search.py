"""Search a whole log for what a view's filter lets through, newest first, a piece at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from time import perf_counter

import regex

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.criteria import Criteria, record_text
from astra_nb.log.records import FrameRecord, Record
from astra_nb.log.table import details
from astra_nb.wire.text import CUT, visible_utf8

from .bridge import Message

__all__ = ["Found", "Query", "context", "search"]

SECONDS = 0.1  # of one piece; the rest of the kernel waits for so long
WINDOW = 500  # records that are decoded between two looks at the clock
BEFORE, AFTER = 12, 100  # bytes of a payload that are shown around a match
SHOWN = 60  # of them are in sight for sure, so that a match before needs no context
LONGEST = 1000  # characters that are searched for

HEX = regex.compile(r"[0-9a-f]{2}( [0-9a-f]{2})+")

Place = tuple[int, int]  # a match: its first byte in the payload and its length; (-1, 0) elsewhere
ELSEWHERE: Place = (-1, 0)


@dataclass(frozen=True, slots=True)
class Query:
    """What a view's filter lets through.

    Attributes:
        text: What a record must contain, in any case; "" for anything. Bytes in hex, such as
            "6e 65", are found in payloads too.
        pattern: A regular expression instead of the text; None for the text.
        errors: Whether only the records with a number of `marked` are let through.
        marked: The numbers of the errors.
    """

    text: str = ""
    pattern: regex.Pattern[str] | None = None
    errors: bool = False
    marked: frozenset[int] = frozenset()
    criteria: Criteria = field(default_factory=Criteria)

    @classmethod
    def from_page(cls, message: Message, errors: list[int]) -> Query:
        """Read what a page sent, which may be anything; what cannot be read is left out.

        Raises:
            LocalError: The text is not a regular expression, and should be one.
        """
        types, text = message.fields.get("types"), message.text("text")[:LONGEST]
        direction, connection = message.text("direction"), message.integer("connection")
        pattern = None
        if message.fields.get("regex") is True and text:
            try:
                pattern = regex.compile(text, regex.IGNORECASE)
            except regex.error as exc:
                raise LocalError(f"This is not a regular expression: {exc}.") from exc
        only = message.fields.get("errors") is True
        return cls(
            text.lower(),
            pattern,
            only,
            frozenset(errors if only else ()),
            Criteria(
                type=frozenset(map(str, types)) if isinstance(types, list) and types else None,
                direction=frozenset({direction}) if direction else None,
                connection=frozenset({connection}) if connection else None,
            ),
        )

    def place(self, record: Record) -> Place | None:
        """Return where a record matches; None when it does not.

        Raises:
            LocalError: The regular expression takes too long.
        """
        if self.errors and record.number not in self.marked:
            return None
        if not self.criteria.matches(record):
            return None
        if self.pattern is not None:
            return self._place_of_pattern(record)
        if not self.text:
            return ELSEWHERE
        if isinstance(record, FrameRecord):
            return self._place_in_frame(record)
        found = self.text in f"{details(record)}\n{record_text(record)}".lower()
        return ELSEWHERE if found else None

    def _place_of_pattern(self, record: Record) -> Place | None:
        assert self.pattern is not None
        try:
            if isinstance(record, FrameRecord):
                text = record.payload.decode("utf-8", "surrogateescape")
                found = self.pattern.search(text, timeout=SECONDS)
                if found:
                    start = len(text[: found.start()].encode("utf-8", "surrogateescape"))
                    return start, len(found[0].encode("utf-8", "surrogateescape"))
            shown = f"{details(record)}\n{record_text(record)}"
            return ELSEWHERE if self.pattern.search(shown, timeout=SECONDS) else None
        except TimeoutError:
            raise LocalError(
                f"This regular expression takes more than {SECONDS} s for record "
                f"{record.number}; write one without a repetition inside a repetition."
            ) from None

    def _place_in_frame(self, record: FrameRecord) -> Place | None:
        payload, text = record.payload, self.text
        size = len(text.encode("utf-8", "replace"))  # a page may send any surrogate
        if text.isascii():
            at = payload.lower().find(text.encode())
        else:
            decoded = payload.decode("utf-8", "surrogateescape")
            before, found, _ = decoded.lower().partition(text)
            at = len(decoded[: len(before)].encode("utf-8", "surrogateescape")) if found else -1
        if at < 0 and HEX.fullmatch(text):
            wanted = bytes.fromhex(text)
            at, size = payload.find(wanted), len(wanted)
        if at >= 0:
            return at, size
        # A preview takes time, and has more than the payload only for a close.
        shown = details(record) if record.type == "close" else record.verdict
        return ELSEWHERE if text in shown.lower() else None


@dataclass(slots=True)
class Found:
    """What a piece of a search found.

    Attributes:
        numbers: Of the records, oldest first.
        searched: How many records were looked at.
        below: Where to go on: only records with a lower number are left; 0 when none are.
    """

    numbers: list[int] = field(default_factory=list)
    searched: int = 0
    below: int = 0


def search(log: FrameLog, query: Query, *, after: int = 0, below: int = 0) -> Found:
    """Search the newest records, until the time is up.

    Args:
        after: Only records with a higher number.
        below: Only records with a lower number; 0 for all.

    Raises:
        LocalError: The regular expression takes too long.
    """
    found = Found()
    oldest = next(iter(log), None)
    lowest = max(after, oldest.number - 1 if oldest is not None else log.last_number)
    top = min(log.last_number, below - 1) if below > 0 else log.last_number
    deadline = perf_counter() + SECONDS
    for record in newest_first(log, lowest, top):
        found.searched += 1
        if query.place(record) is not None:
            found.numbers.append(record.number)
        if perf_counter() > deadline:
            found.below = record.number if record.number > lowest + 1 else 0
            break
    found.numbers.reverse()
    return found


def newest_first(log: FrameLog, lowest: int, top: int) -> Iterator[Record]:
    """Yield the records after `lowest` up to `top`; few are decoded ahead of the clock."""
    spans = log.spans()
    while top > lowest:
        # A stranger's file may leave out more numbers than anyone can step over.
        before = bisect_right(spans, top, key=itemgetter(0)) - 1
        top = min(top, spans[before][1]) if before >= 0 else lowest
        bottom = max(lowest, top - WINDOW)
        yield from reversed(log.between(bottom, top))
        top = bottom


def context(record: Record, place: Place | None) -> str:
    """Return the text around a match that a preview does not show, on one line; or ""."""
    if place is None or place[0] < SHOWN or not isinstance(record, FrameRecord):
        return ""
    payload, (at, _) = record.payload, place
    start, end = max(0, at - BEFORE), min(len(payload), at + AFTER)
    if record.type == "text":
        # Whole characters only: what is cut off here is not a fault of the payload.
        while start < at and payload[start] & 0xC0 == 0x80:
            start += 1
        while end < len(payload) and payload[end] & 0xC0 == 0x80:
            end += 1
    part = visible_utf8(payload[start:end])
    left, right = CUT if start else "", CUT if end < len(payload) else ""
    return f'byte {at:,}: "{left}{part}{right}"'
