"""Entries of a ring, and the records that they are decoded to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from operator import itemgetter
from typing import NamedTuple

from astra_nb.wire.frames import decode, frame_length
from astra_nb.wire.messages import Side

from .pieces import Pieces
from .records import Direction, FrameRecord, Record, frame_record

__all__ = [
    "FIRST",
    "Block",
    "Deferred",
    "Entry",
    "entry_of",
    "expand",
    "frames",
    "joined",
    "offsets",
    "weight",
    "weight_of",
]


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


class Block(NamedTuple):
    """Entries with consecutive numbers, and their sums; the size is in bytes kept in memory."""

    first: int
    numbers: int
    others: int
    size: int
    entries: tuple[Entry, ...]


FIRST = itemgetter(0)  # of a block: its first number


def weight(data: bytes | Pieces | Deferred, messages: tuple[bytes | None, ...] | None) -> int:
    """Return the bytes that an entry keeps in memory: the wire's, and decompressed payloads."""
    plain = 0 if messages is None else sum([len(each) for each in messages if each is not None])
    return len(data) + plain


def weight_of(record: Record) -> int:
    """Return the bytes and characters that a record keeps in memory, about."""
    if isinstance(record, FrameRecord):
        return weight(record.frame.raw, (record.message,))
    values = (getattr(record, field.name) for field in fields(record))
    return sum(len(value) for value in values if isinstance(value, (str, bytes)))


def entry_of(record: Record) -> Entry:
    """Return a record as an entry, which may get another number."""
    if isinstance(record, FrameRecord):
        return (
            record.time, record.connection, record.side, record.direction,
            record.frame.raw, 1, record.verdict, (record.message,),
        )  # fmt: skip
    deferred = Deferred(lambda number, **_: replace(record, number=number), {}, weight_of(record))
    return (record.time, record.connection, None, None, deferred, 1, "", None)


def joined(entry: Entry) -> bytes:
    """Return the bytes of an entry's frames in one piece."""
    data = entry[4]
    assert not isinstance(data, Deferred)
    return data.join() if isinstance(data, Pieces) else data


def expand(entry: Entry, number: int, start: int = 0) -> Iterator[Record]:
    """Decode the records of an entry whose first number is `number`, from `start` on."""
    if isinstance(entry[4], Deferred):
        return iter((entry[4].build(number, entry[0], entry[1]),))
    data = joined(entry)
    places = ((0, 0),) if entry[5] == 1 else offsets(data, entry[5])
    return frames(entry, data, places, number, start)


def frames(
    entry: Entry, data: bytes, places: Iterable[tuple[int, int]], number: int, start: int
) -> Iterator[FrameRecord]:
    """Decode those frames of an entry that begin at `places`: their indices and offsets."""
    time, connection, side, direction, _, _, verdict, messages = entry
    assert side is not None
    assert direction is not None
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
