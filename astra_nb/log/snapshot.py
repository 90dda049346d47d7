"""Snapshots of a ring: its entries at one moment, decoded while they are read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from astra_nb.wire.frames import decode, frame_length
from astra_nb.wire.messages import Side

from .criteria import Criteria
from .payload_redaction import Redact, redacted
from .pieces import Pieces
from .records import Direction, Record, frame_record
from .scan import Scan

__all__ = ["Block", "Deferred", "Entry", "Snapshot", "weight"]


@dataclass(frozen=True, slots=True)
class Deferred:
    """A record other than a frame: how to build it once its number is known, and its bytes."""

    build: Callable[[int], Record]
    weight: int

    def __len__(self) -> int:
        return self.weight


# time, connection, side, direction, data, how many numbers it takes, verdict, messages.
# A plain tuple: a named one costs three times as much to make.
Entry = tuple[
    float,
    int,
    Side | None,
    Direction | None,
    bytes | Pieces | Deferred,
    int,
    str,
    tuple[bytes | None, ...] | None,
]


def weight(data: bytes | Pieces | Deferred, messages: tuple[bytes | None, ...] | None) -> int:
    """Return the bytes that an entry keeps in memory: the wire's, and decompressed payloads."""
    plain = 0 if messages is None else sum([len(each) for each in messages if each is not None])
    return len(data) + plain


class Block(NamedTuple):
    """Entries with consecutive numbers, and their sums; the size is in bytes kept in memory."""

    first: int
    numbers: int
    others: int
    size: int
    entries: tuple[Entry, ...]


class Snapshot(NamedTuple):
    """The entries of a ring at one moment; reading them takes no lock."""

    first: int
    blocks: list[Block]
    dropped: int
    last_number: int
    origin: float
    redact: Redact | None = None

    def records(self, after: int = 0, wanted: Criteria | None = None) -> Iterator[Record]:
        """Decode the records with a number above `after`, oldest first.

        Args:
            after: A record's number, or 0.
            wanted: What they must meet; None for all.
        """
        start = max(self.first, after + 1)
        redact = self.redact
        scan = None if wanted is None else Scan(wanted, redact)
        begin = bisect_right(self.blocks, start, key=lambda block: block.first) - 1
        for block in self.blocks[max(begin, 0) :]:
            number = block.first
            for entry in block.entries:
                if number + entry[5] > start and (
                    scan is None or scan.may_hold(entry[1], entry[3], is_frame=entry[2] is not None)
                ):
                    for record in expand(entry, number, start, scan):
                        shown = record if redact is None else redacted(redact, record)
                        if wanted is None or wanted.matches(shown):
                            yield shown
                number += entry[5]

    def count(self, after: int = 0) -> int:
        """Return how many records have a number above `after`."""
        start = max(self.first, after + 1)
        return sum(
            block.first + block.numbers - max(block.first, start)
            for block in self.blocks
            if block.first + block.numbers > start
        )

    def kinds(self) -> tuple[int, int]:
        """Return how many frames and how many other records there are."""
        others = sum(block.others for block in self.blocks)
        return self.count() - others, others

    def bytes_after(self, number: int) -> int:
        """Return the bytes on the wire of the entries that end after `number`."""
        total = 0
        for block in reversed(self.blocks):
            if block.first + block.numbers - 1 <= number:
                break
            end = block.first - 1
            for entry in block.entries:
                end += entry[5]
                if end > number:
                    total += len(entry[4])
        return total

    def after_all_but(self, limit: int) -> int:
        """Return the number after which there are only the newest `limit` records."""
        left = limit
        for block in reversed(self.blocks):
            if left <= block.numbers:
                return block.first + block.numbers - 1 - left
            left -= block.numbers
        return 0


def expand(entry: Entry, number: int, start: int, scan: Scan | None = None) -> Iterator[Record]:
    """Decode the records of an entry whose first number is `number`, from `start` on.

    Args:
        scan: Chooses among the frames; None for all.
    """
    time, connection, side, direction, data, count, verdict, messages = entry
    if isinstance(data, Deferred):
        yield data.build(number)
        return
    if isinstance(data, Pieces):
        data = data.join()
    assert side is not None
    assert direction is not None
    places = offsets(data, count) if scan is None else scan.candidates(data, count, messages)
    for index, offset in places:
        if number + index >= start:
            yield frame_record(
                number + index,
                time,
                connection,
                side,
                direction,
                decode(data, offset),
                verdict,
                None if messages is None else messages[index],
            )


def offsets(data: bytes, count: int) -> Iterator[tuple[int, int]]:
    """Yield the index and the offset of each frame in a run."""
    offset = 0
    for index in range(count):
        yield index, offset
        offset += frame_length(data, offset) or 0
