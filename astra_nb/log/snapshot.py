"""Snapshots of a ring: its entries at one moment, decoded while they are read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple, TypeGuard

from astra_nb.wire.opcodes import CLOSE, CONTINUATION

from .criteria import Criteria
from .entries import FIRST, Block, Deferred, expand, frames, joined
from .fragments import Fragments
from .payload_redaction import Redact, hide_connection_init, is_shown, redacted, redacted_fragments
from .records import Direction, FrameRecord, Record
from .scan import Scan

__all__ = ["Run", "Snapshot"]

VERDICT = itemgetter(6)  # of an entry


class Run(NamedTuple):
    """Records that were stored together, not decoded."""

    number: int  # of the first one
    numbers: int  # how many records they are
    time: float  # in seconds since the epoch
    connection: int
    direction: Direction | None  # None for other records than frames
    size: int  # bytes that they keep on the wire
    verdict: str  # why these frames were refused or ignored, or ""


class Snapshot(NamedTuple):
    """The entries of a ring at one moment; reading them takes no lock."""

    first: int
    blocks: list[Block]
    dropped: int
    last_number: int
    origin: float
    redact: Redact | None = None

    def records(self, after: int = 0, wanted: Criteria | None = None) -> Iterator[Record]:
        """Decode the records with a number above `after`, oldest first; all, or those wanted."""
        scan = None if wanted is None else Scan(wanted, self.redact)
        shown = self._decode(after, scan)
        if self.redact is not None:
            shown = self._redacted(self.redact, shown)
        return shown if wanted is None else filter(wanted.matches, shown)

    def _redacted(self, redact: Redact, records: Iterator[Record]) -> Iterator[Record]:
        by_default = redact is hide_connection_init
        whole = Fragments(self.blocks, self.first)
        fragments: dict[int, Record] = {}  # of messages under way, redacted
        for record in records:
            if by_default and isinstance(record, FrameRecord) and is_shown(record):
                yield record
            elif not _is_fragment(record):
                yield redacted(redact, record)
            else:
                if record.number not in fragments:
                    made = redacted_fragments(redact, whole.message_of(record))
                    fragments.update((each.number, each) for each in made)
                yield fragments.pop(record.number)

    def _decode(self, after: int, scan: Scan | None) -> Iterator[Record]:
        start = max(self.first, after + 1)
        begin = bisect_right(self.blocks, start, key=FIRST) - 1
        for block in self.blocks[max(begin, 0) :]:
            if scan is not None and start <= block.first and not scan.may_be_in(block.entries):
                continue
            number = block.first
            for entry in block.entries:
                count = entry[5]
                if number + count > start:
                    if scan is None:
                        yield from expand(entry, number, start)
                    elif not scan.may_hold(entry[1], entry[3]):
                        pass
                    elif isinstance(entry[4], Deferred):
                        yield from expand(entry, number)
                    else:
                        data = joined(entry)
                        if places := scan.candidates(data, count, entry[7]):
                            yield from frames(entry, data, places, number, start)
                number += count

    def count(self, after: int = 0) -> int:
        """Return how many records have a number above `after`."""
        start = max(self.first, after + 1)
        return sum(
            block.first + block.numbers - max(block.first, start)
            for block in self.blocks
            if block.first + block.numbers > start
        )

    def spans(self) -> list[tuple[int, int]]:
        """Return the first and the last number of each stretch without a gap, oldest first."""
        spans: list[tuple[int, int]] = []
        for block in self.blocks:
            first, last = max(block.first, self.first), block.first + block.numbers - 1
            if spans and spans[-1][1] + 1 == first:
                first = spans.pop()[0]
            spans.append((first, last))
        return spans

    def runs(self, after: int = 0, *, notable: bool = False) -> Iterator[Run]:
        """Yield the records that end after a number, oldest first; nothing is decoded.

        With `notable`, frames without a verdict are left out.
        """
        after = max(after, self.first - 1)
        begin = bisect_right(self.blocks, after + 1, key=FIRST) - 1
        for block in self.blocks[max(begin, 0) :]:
            if notable and not block.others and not any(map(VERDICT, block.entries)):
                continue
            number = block.first
            for time, connection, _, direction, data, count, verdict, _ in block.entries:
                number += count
                if number - 1 <= after or (notable and direction is not None and not verdict):
                    continue
                first = max(number - count, after + 1)
                yield Run(first, number - first, time, connection, direction, len(data), verdict)

    def kinds(self) -> tuple[int, int]:
        """Return how many frames and how many other records there are."""
        others = sum(block.others for block in self.blocks)
        return self.count() - others, others

    def after_all_but(self, limit: int) -> int:
        """Return the number after which there are only the newest `limit` records."""
        left = limit
        for block in reversed(self.blocks):
            if left <= block.numbers:
                return block.first + block.numbers - 1 - left
            left -= block.numbers
        return 0


def _is_fragment(record: Record) -> TypeGuard[FrameRecord]:
    if not isinstance(record, FrameRecord):
        return False
    frame = record.frame
    return frame.opcode == CONTINUATION or (frame.opcode < CLOSE and not frame.fin)
