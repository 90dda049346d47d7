"""Snapshots of a ring: its entries at one moment, decoded while they are read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple, TypeGuard

from astra_nb.wire.frames import decode, frame_length
from astra_nb.wire.messages import Side
from astra_nb.wire.opcodes import CLOSE, CONTINUATION

from .criteria import Criteria
from .payload_redaction import Redact, redacted, redacted_fragments
from .pieces import Pieces
from .records import Direction, FrameRecord, Record, frame_record
from .scan import Scan

__all__ = ["Block", "Deferred", "Entry", "Run", "Snapshot", "weight", "weight_of"]

# Frames that are looked through for the rest of a message. One with more fragments is hidden.
MAX_JOINED = 20_000


@dataclass(frozen=True, slots=True)
class Deferred:
    """A record other than a frame: its class and fields, until its number is known, and its bytes.

    It stays so until someone reads it: what it is made of takes less memory than the record.
    """

    make: Callable[..., Record]
    fields: Mapping[str, object]  # all but number, time and connection
    weight: int

    def build(self, number: int, time: float, connection: int) -> Record:
        return self.make(number=number, time=time, connection=connection, **self.fields)

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


VERDICT = itemgetter(6)  # of an entry


def weight(data: bytes | Pieces | Deferred, messages: tuple[bytes | None, ...] | None) -> int:
    """Return the bytes that an entry keeps in memory: the wire's, and decompressed payloads."""
    plain = 0 if messages is None else sum([len(each) for each in messages if each is not None])
    return len(data) + plain


def weight_of(record: Record) -> int:
    """Return the bytes and characters that a record other than a frame keeps in memory, about."""
    values = (getattr(record, field.name) for field in fields(record))
    return sum(len(value) for value in values if isinstance(value, (str, bytes)))


class Block(NamedTuple):
    """Entries with consecutive numbers, and their sums; the size is in bytes kept in memory."""

    first: int
    numbers: int
    others: int
    size: int
    entries: tuple[Entry, ...]


class Run(NamedTuple):
    """Records that were stored together, not decoded.

    Attributes:
        number: The first one's number.
        numbers: How many records they are.
        time: Seconds since the epoch.
        connection: The number of their connection.
        direction: "received" or "sent" for frames; None for another record.
        size: Bytes that they keep on the wire.
        verdict: Why these frames were refused or ignored, or "".
    """

    number: int
    numbers: int
    time: float
    connection: int
    direction: Direction | None
    size: int
    verdict: str


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
        scan = None if wanted is None else Scan(wanted, self.redact)
        shown = self._decode(after, scan)
        if self.redact is not None:
            shown = self._redacted(self.redact, shown)
        return shown if wanted is None else filter(wanted.matches, shown)

    def _redacted(self, redact: Redact, records: Iterator[Record]) -> Iterator[Record]:
        fragments: dict[int, Record] = {}  # of messages under way, redacted
        for record in records:
            if not _is_fragment(record):
                yield redacted(redact, record)
                continue
            if record.number not in fragments:
                made = redacted_fragments(redact, self._message_of(record))
                fragments.update((each.number, each) for each in made)
            yield fragments.pop(record.number)

    def _decode(self, after: int, scan: Scan | None) -> Iterator[Record]:
        start = max(self.first, after + 1)
        begin = bisect_right(self.blocks, start, key=lambda block: block.first) - 1
        for block in self.blocks[max(begin, 0) :]:
            number = block.first
            for entry in block.entries:
                if number + entry[5] > start and (
                    scan is None or scan.may_hold(entry[1], entry[3], is_frame=entry[2] is not None)
                ):
                    yield from expand(entry, number, start, scan)
                number += entry[5]

    def _message_of(self, fragment: FrameRecord) -> list[FrameRecord]:
        """Return those fragments of a fragment's message that are here, oldest first."""
        message = [fragment]
        if fragment.frame.opcode == CONTINUATION:
            for each in self._data_frames(fragment, backwards=True):
                if each.frame.fin:
                    break
                message.append(each)
                if each.frame.opcode != CONTINUATION:
                    break
            message.reverse()
        if not fragment.frame.fin:
            for each in self._data_frames(fragment, backwards=False):
                if each.frame.opcode != CONTINUATION:
                    break
                message.append(each)
                if each.frame.fin:
                    break
        return message

    def _data_frames(self, frame: FrameRecord, *, backwards: bool) -> Iterator[FrameRecord]:
        """Decode data frames of a sender before or after this one of it, the next one first."""
        sender = frame.connection, frame.side, frame.direction
        here = bisect_right(self.blocks, frame.number, key=lambda block: block.first)
        nearest = reversed if backwards else iter
        left = MAX_JOINED
        for block in nearest(self.blocks[:here] if backwards else self.blocks[here - 1 :]):
            firsts = accumulate((entry[5] for entry in block.entries), initial=block.first)
            for number, entry in nearest(list(zip(firsts, block.entries, strict=False))):
                is_beyond = (
                    number >= frame.number if backwards else (number + entry[5] <= frame.number)
                )
                if entry[1:4] != sender or is_beyond:
                    continue
                # Forwards only what is looked at is decoded: the end of a message is mostly near.
                some = expand(entry, number, self.first if backwards else frame.number + 1)
                for each in reversed(list(some)) if backwards else some:
                    is_before = each.number < frame.number
                    if each.number == frame.number or is_before != backwards:
                        continue
                    left -= 1
                    if not left:
                        return
                    if isinstance(each, FrameRecord) and each.frame.opcode < CLOSE:
                        yield each

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

        Args:
            after: A number.
            notable: Whether to leave out frames without a verdict.
        """
        after = max(after, self.first - 1)
        begin = bisect_right(self.blocks, after + 1, key=lambda block: block.first) - 1
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


def expand(entry: Entry, number: int, start: int, scan: Scan | None = None) -> Iterator[Record]:
    """Decode the records of an entry whose first number is `number`, from `start` on.

    Args:
        scan: Chooses among the frames; None for all.
    """
    time, connection, side, direction, data, count, verdict, messages = entry
    if isinstance(data, Deferred):
        yield data.build(number, time, connection)
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
