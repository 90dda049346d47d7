"""Ring buffer of a frame log: cheap to append to, exact in what it keeps.

To append costs one tuple in a list. Records are numbered and evicted later, for up to `BATCH`
tuples at a time.
"""

from __future__ import annotations

import threading

from astra_nb.locks import make_rlock
from astra_nb.quantities import as_integer

from .entries import Block, Deferred, Entry, entry_of, weight
from .payload_redaction import Redact
from .records import Record
from .snapshot import Snapshot

__all__ = ["BATCH", "Ring", "check_bound"]

BATCH = 256  # entries in a block at most
BLOCK_SIZE = 1024 * 1024  # bytes; a block that has them takes no further entries


class Ring:
    """The newest frames and other records, bounded by frames and by bytes.

    A writer appends to `fresh` and calls `settle` now and then. Every method may be called from
    any thread.
    """

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self.max_frames = check_bound("max_frames", max_frames)
        self.max_bytes = check_bound("max_bytes", max_bytes)
        self.fresh: list[Entry] = []  # that have no numbers yet
        self.blocks: list[Block] = []  # the other entries, oldest first
        self.redact: Redact | None = None  # makes the record that is shown; None shows all
        self._next = 1
        self._frames = 0
        self._others = 0
        self._size = 0
        self._dropped = 0
        self._origin = 0.0  # time of the first record since the last clear()
        self._skip = 0  # evicted frames of the oldest entry, whose later frames stay
        # Re-entrant, because the collector may run a finalizer in here, and that may print.
        self._lock = make_rlock()
        self._settler = 0  # the thread that settles; after a fork it may be gone

    def push_other(self, connection: int, now: float, deferred: Deferred) -> int:
        """Store a record other than a frame and return its number.

        It is 0 for one that is stored while `settle` runs: it is numbered after that.
        """
        entry: Entry = (now, connection, None, None, deferred, 1, "", None)
        with self._lock:
            self.fresh.append(entry)
            self.settle()
            for block in reversed(self.blocks):
                number = block.first + block.numbers
                for candidate in reversed(block.entries):
                    number -= candidate[5]
                    if candidate is entry:
                        return number
        return 0

    def load(self, record: Record) -> None:
        """Store a record that has its number and time; the number is above all before."""
        with self._lock:
            self.settle()
            self._next = record.number
            self._add((entry_of(record),))

    def count_dropped(self, frames: int) -> None:
        """Count frames as evicted that were never stored."""
        with self._lock:
            self._dropped += frames

    def settle(self) -> None:
        """Number the fresh entries, and evict whole blocks that are over the bounds."""
        with self._lock:
            if self._settler != threading.get_ident():
                self._settle()

    def _settle(self) -> None:
        try:
            self._settler = threading.get_ident()
            # Slices, not a swap: another thread may hold this very list to append to it.
            while count := min(len(self.fresh), BATCH):
                batch = tuple(self.fresh[:count])
                del self.fresh[:count]
                self._add(batch)
            self._evict_blocks()
            if self._size > self.max_bytes + 2 * BLOCK_SIZE:
                self._evict_entries()  # one chunk can be decompressed to a block of any size
        finally:
            self._settler = 0

    def snapshot(self) -> Snapshot:
        """Settle everything, evict to the frame, and return what is left; nothing is decoded."""
        with self._lock:
            self.settle()
            self._evict_entries()
            first = self.blocks[0].first + self._skip if self.blocks else self._next
            return Snapshot(
                first,
                list(self.blocks),
                self._dropped,
                self._next - 1,
                self._origin,
                self.redact,
            )

    def clear(self) -> None:
        """Remove every record; numbers go on, and nothing counts as dropped."""
        with self._lock:
            self.settle()
            self.blocks.clear()
            self._frames = self._others = self._size = self._skip = self._dropped = 0
            self._origin = 0.0

    def _add(self, batch: tuple[Entry, ...]) -> None:
        numbers = sum([entry[5] for entry in batch])
        size = sum(
            [len(each[4]) if each[7] is None else weight(each[4], each[7]) for each in batch]
        )
        others = sum([entry[2] is None for entry in batch])
        last = self.blocks[-1] if self.blocks else None
        if (
            last is not None
            and last.first + last.numbers == self._next
            and len(last.entries) + len(batch) <= BATCH
            and last.size < BLOCK_SIZE
        ):
            self.blocks[-1] = Block(
                last.first,
                last.numbers + numbers,
                last.others + others,
                last.size + size,
                last.entries + batch,
            )
        else:
            self.blocks.append(Block(self._next, numbers, others, size, batch))
        self._origin = self._origin or batch[0][0]
        self._next += numbers
        self._frames += numbers - others
        self._others += others
        self._size += size

    def _evict_blocks(self) -> None:
        while self.blocks:
            oldest = self.blocks[0]
            frames = oldest.numbers - oldest.others - self._skip
            if (
                self._frames - frames <= self.max_frames
                and self._others - oldest.others <= self.max_frames
                and self._size - oldest.size <= self.max_bytes
            ):
                return
            del self.blocks[0]
            self._count_out(frames, oldest.others, oldest.size)

    def _evict_entries(self) -> None:
        """Evict entries, the last one in part, until no bound is exceeded."""
        while self.blocks and (
            self._frames > self.max_frames
            or self._others > self.max_frames
            or self._size > self.max_bytes
        ):
            oldest = self.blocks[0]
            entry, *rest = oldest.entries
            surplus = self._frames - self.max_frames
            frames = 0 if entry[2] is None else entry[5] - self._skip
            others = 1 if entry[2] is None else 0
            bounded = self._size <= self.max_bytes and self._others <= self.max_frames
            if frames > surplus and bounded:
                self._frames -= surplus
                self._dropped += surplus
                self._skip += surplus
                return
            size = weight(entry[4], entry[7])
            self._count_out(frames, others, size)
            if not rest:
                del self.blocks[0]
                continue
            self.blocks[0] = Block(
                oldest.first + entry[5],
                oldest.numbers - entry[5],
                oldest.others - others,
                oldest.size - size,
                tuple(rest),
            )

    def _count_out(self, frames: int, others: int, size: int) -> None:
        self._frames -= frames
        self._dropped += frames
        self._others -= others
        self._size -= size
        self._skip = 0


def check_bound(name: str, value: int) -> int:
    """Return a bound of a ring; raise `ValueError` unless it is an integer of 0 or more."""
    checked = as_integer(value)
    if checked is None or checked < 0:
        raise ValueError(f"{name} is an integer of 0 or more, not {value!r}")
    return checked
