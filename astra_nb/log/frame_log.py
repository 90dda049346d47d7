"""The frame log of a server or a client: connections append, anyone reads and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, takewhile
from os import PathLike
from time import time
from typing import Any, ClassVar, NoReturn, Unpack
from weakref import WeakSet, WeakValueDictionary

from astra_nb import seeded
from astra_nb.wire.messages import Side

from . import table, waiting
from .criteria import Criteria, Predicate, Wanted, criteria
from .entries import Deferred, weight, weight_of
from .payload_redaction import Redact, hide_connection_init
from .pieces import Pieces
from .records import Direction, Record
from .ring import BATCH, Ring, check_bound
from .snapshot import Run, Snapshot
from .view import LogView
from .waiting import Search, Subscriptions, check_wait

__all__ = ["FrameLog"]

LARGE = 4096  # bytes; runs of this size are counted, so that bounds hold in between, about
MAX_UNSETTLED = 1024 * 1024  # bytes in such runs
LAST_RECORDS = 10  # shown when a wait ends without what was waited for

_serials = count(1)
_living: WeakValueDictionary[int, FrameLog] = WeakValueDictionary()


class FrameLog(LogView):
    """A bounded log of frames and of other records of connections.

    To append is cheap; frames are decoded when the log is read. Every method may be called from
    any thread.

    Args:
        max_frames: How many of the newest frames are kept, and as many other records.
        max_bytes: How many bytes of them are kept, in whole runs: headers, payloads, and what a
            compressed message is when it is decompressed.
        recording: Whether anything is recorded at all.
        redact: See the attribute.

    Attributes:
        recording: Settable at any time; what passes while it is False leaves no trace.
        before_read: Called before each reading; the owner of the log appends pending frames in it.
        senders: Sockets whose `flush()` is called before that; clients may share a log.
        before_wait: Called before each blocking wait; the owner raises in it for a thread that
            must not block.
        own_loops: Event loops of connections that no thread of ours runs; a blocking wait on one
            of them is refused.
    """

    # The package sets this, so that the log need not import the widgets.
    panel_factory: ClassVar[Callable[[FrameLog], Any]]

    def __init__(
        self,
        *,
        max_frames: int = 100_000,
        max_bytes: int = 64 * 2**20,
        recording: bool = True,
        redact: Redact | None = hide_connection_init,
    ) -> None:
        self._ring = Ring(max_frames, max_bytes)
        self.redact = redact
        self._fresh = self._ring.fresh
        self._seeded = seeded.current
        _living[next(_serials)] = self
        self._unsettled = 0  # bytes in large runs since the ring was last settled, about
        self._subscriptions = Subscriptions()
        self.recording = recording
        self.before_read: Callable[[], None] | None = None
        self.senders: WeakSet[Any] = WeakSet()
        self.before_wait: Callable[[], None] | None = None
        self.own_loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    # Writing

    def append_frames(
        self,
        connection: int,
        side: Side,
        direction: Direction,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None:
        """Record a run of frames that one connection sent or received.

        Args:
            connection: The number of the connection.
            side: Which end keeps this log.
            direction: "received" or "sent", seen from that end.
            data: The bytes of `count` whole frames, in one piece or in two; or, with a count of
                1, a cut or broken one.
            count: How many frames they are, 1 or more.
            verdict: Why these frames were refused or ignored; "" when they were accepted.
            messages: For each frame its payload after decompression, or None where it is the same.
        """
        if self.recording:
            fresh = self._fresh
            now = time() if self._seeded is None else self._seeded.time(connection, "frame")
            fresh.append((now, connection, side, direction, data, count, verdict, messages))
            size = len(data) if messages is None else weight(data, messages)
            if size >= LARGE:
                self._unsettled += size
            if len(fresh) >= BATCH or self._unsettled >= MAX_UNSETTLED:
                self._unsettled = 0
                self._ring.settle()
            if self._subscriptions.armed:
                self._subscriptions.wake()

    def append(self, connection: int, record_type: Callable[..., Record], **fields: object) -> int:
        """Record something other than a frame, with the current time.

        Args:
            connection: The number of the connection; 0 for the server itself.
            record_type: The class of the record.
            fields: Its fields other than number, time and connection.

        Returns:
            The record's number; 0 when it was not kept, or has none yet because a finalizer
            appended it.
        """
        if not self.recording:
            return 0
        now = time()
        if self._seeded is not None:
            now = self._seeded.time(connection, getattr(record_type, "kind", "handshake"))
        weight = sum(len(value) for value in fields.values() if isinstance(value, (str, bytes)))
        deferred = Deferred(record_type, fields, weight)
        deferred.build(0, now, connection)  # so that a wrong field is the caller's error
        number = self._ring.push_other(connection, now, deferred)
        if self._subscriptions.armed:
            self._subscriptions.wake()
        return number

    def clear(self) -> None:
        """Forget all records; numbers go on where they were, and `dropped` is 0 again."""
        self._ring.clear()

    # Bounds

    @property
    def max_frames(self) -> int:
        """How many of the newest frames are kept; a smaller bound evicts at once."""
        return self._ring.max_frames

    @max_frames.setter
    def max_frames(self, value: int) -> None:
        self._ring.max_frames = check_bound("max_frames", value)
        self._ring.snapshot()

    @property
    def max_bytes(self) -> int:
        """How many bytes are kept; a smaller bound evicts at once."""
        return self._ring.max_bytes

    @max_bytes.setter
    def max_bytes(self, value: int) -> None:
        self._ring.max_bytes = check_bound("max_bytes", value)
        self._ring.snapshot()

    @property
    def redact(self) -> Redact | None:
        """A function that makes of each record the one that is shown, exported and waited for.

        It gets a record and returns it, or another of the same number, such as
        `record.with_payload(...)`. It is called each time a record is read, in the reader's
        thread, and never while frames pass. A record for which it fails is hidden. For a message
        in fragments it gets one record with the whole payload and the first one's number; FIN is 0
        while the last one has not come, and the opcode 0 when the first one is not in the log any
        more; what it makes of the payload is cut into the fragments again. By default it hides the
        payload of `connection_init` in graphql-ws (`hide_connection_init` of
        `astra_nb.log.payload_redaction`, which another function may call); None shows everything.
        """
        return self._ring.redact

    @redact.setter
    def redact(self, value: Redact | None) -> None:
        self._ring.redact = value

    @property
    def dropped(self) -> int:
        """How many frames were evicted because of the bounds."""
        return self._ring.snapshot().dropped

    @property
    def last_number(self) -> int:
        """The number of the newest record; 0 before there was any."""
        return self._ring.snapshot().last_number

    # Reading

    @property
    def origin(self) -> float:
        return self._ring.snapshot().origin

    def records(self, after: int = 0) -> Iterator[Record]:
        return self._look().records(after)

    def matching(self, wanted: Criteria, after: int = 0) -> Iterator[Record]:
        return self._look().records(after, wanted)

    def find(self, number: int) -> Record | None:
        """Return the record with this number, or None when it is not in the log."""
        record = next(self._look().records(number - 1), None) if number > 0 else None
        return record if record is not None and record.number == number else None

    def between(self, after: int, to: int) -> list[Record]:
        """Return the records with a number above `after`, up to and with `to`, oldest first."""
        return list(takewhile(lambda record: record.number <= to, self._look().records(after)))

    def spans(self) -> list[tuple[int, int]]:
        """Return the numbers that are in the log: the first and the last of each stretch."""
        return self._ring.snapshot().spans()

    def runs(self, after: int = 0, *, notable: bool = False) -> Iterator[Run]:
        """Iterate over the records with a number above `after` as they were stored, undecoded.

        Args:
            after: A record's number, or 0.
            notable: Whether to leave out frames that were neither refused nor ignored.
        """
        return self._ring.snapshot().runs(after, notable=notable)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function when there is something new; return a function that ends that.

        It is called with no arguments in the thread that appends, and then not again until the
        log has been read. So it must be quick, and must not read the log itself.
        """
        return partial(self._subscriptions.remove, self._subscriptions.add(callback))

    def wait_for(
        self,
        predicate: Predicate | None = None,
        *,
        count: int = 1,
        after: int = 0,
        timeout: float | None = 5.0,
        **wanted: Unpack[Wanted],
    ) -> Record:
        """Wait until a record matches, and return it; what is in the log already counts.

        May be called from any thread but that of the connections' event loop.

        Args:
            predicate: A function that gets a record, as for `filter`.
            count: Which of the matching records to wait for: 1 for the first.
            after: Only records with a number above this count.
            timeout: Seconds to wait; None waits for ever.
            wanted: `kind`, `type`, `direction`, `connection` and `text`, as for `filter`.

        Raises:
            WaitTimeout: The record did not come in time. The message shows the last records.
            WrongThread: The wait would block the event loop that the records come on.
            ValueError: As for `filter`, or a count below 1.
            TypeError: As for `filter`, or a number of another type.
        """
        timeout = check_wait(count, after, timeout)
        search = Search(self._ring, criteria(predicate, **wanted), count, after)
        waiting.refuse_on(self.own_loops)
        if self.before_wait is not None:
            self.before_wait()
        found = waiting.wait(search, self._subscriptions, self._bring, timeout)
        return found or self._fail(search, timeout)

    async def wait_for_async(
        self,
        predicate: Predicate | None = None,
        *,
        count: int = 1,
        after: int = 0,
        timeout: float | None = 5.0,
        **wanted: Unpack[Wanted],
    ) -> Record:
        """Wait as `wait_for` does, without blocking the running event loop.

        Raises:
            WaitTimeout: The record did not come in time. The message shows the last records.
            ValueError: As for `filter`, or a count below 1.
            TypeError: As for `filter`, or a number of another type.
        """
        timeout = check_wait(count, after, timeout)
        search = Search(self._ring, criteria(predicate, **wanted), count, after)
        found = await waiting.wait_async(search, self._subscriptions, timeout)
        return found or self._fail(search, timeout)

    def panel(self) -> Any:
        """Make a live panel of this log; of one that was read from a file too."""
        return FrameLog.panel_factory(self)

    # Exports

    @classmethod
    def from_jsonl(cls, source: str | PathLike[str]) -> FrameLog:
        """Return a log from JSON Lines that `to_jsonl` wrote: the same records, times and numbers.

        Args:
            source: A path, or the text itself: a string that is empty, holds a line break or
                starts with "{".

        Raises:
            ValueError: A line that is not a record; the message names it.
            OSError: The file cannot be read.
        """
        return cls.of(cls.files.read(source))

    @classmethod
    def of(cls, records: Sequence[Record]) -> FrameLog:
        """Return a log of records, with their times and numbers, which rise."""
        log = cls()
        log.max_frames = max(log.max_frames, len(records))
        log.max_bytes = max(log.max_bytes, sum(map(weight_of, records)))
        for record in records:
            log.load(record)
        return log

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        max_frames: int = 1_000_000,
        max_bytes: int = 256 * 2**20,
        progress: Callable[[int, int], object] | None = None,
    ) -> FrameLog:
        """Return a log from a file, in the format that the path's suffix names.

        `.jsonl`, `.har` (also of Chrome, Firefox, Playwright and mitmproxy), `.pcapng` and `.pcap`,
        as `docs/recordings.md` describes them. A file is read as a stream and may be larger than
        memory: the newest records are kept, and a notice at the end of the log counts the others.
        Secrets in handshakes are hidden as in a log of one's own connections.

        Args:
            path: The file.
            max_frames: How many of the newest frames are kept, and as many other records.
            max_bytes: How many bytes of them are kept.
            progress: Called now and then with the bytes read and the file's size; None shows a bar
                for a large file, if tqdm is installed.

        Raises:
            ValueError: A suffix that names no format, or a file that is broken: the message names
                the line, the entry, the packet or the block.
            ImportError: The format needs a package that is not installed.
            OSError: The file cannot be read.
        """
        log = cls(max_frames=max_frames, max_bytes=max_bytes)
        cls.files.load(log, path, progress)
        return log

    def load(self, record: Record) -> None:
        """Store a record that has its number and time; the number is above all before."""
        self._ring.load(record)

    def count_dropped(self, frames: int) -> None:
        """Count frames of a file as dropped that the bounds left no room for."""
        self._ring.count_dropped(frames)

    def _bring(self) -> None:
        for sender in list(self.senders):
            sender.flush()
        if self.before_read is not None:
            self.before_read()

    def _look(self) -> Snapshot:
        self._subscriptions.arm_all()  # first, so that nothing in between goes unnoticed
        self._bring()
        return self._ring.snapshot()

    def __len__(self) -> int:
        return self._look().count()

    def __bool__(self) -> bool:
        return True  # "no log" is None

    def _newest(self, limit: int | None, after: int = 0) -> tuple[list[Record], int]:
        snapshot = self._look()
        first = after if limit is None else max(after, snapshot.after_all_but(limit))
        return list(snapshot.records(first)), snapshot.count(after) - snapshot.count(first)

    def _counts(self) -> str:
        snapshot = self._look()
        return f"{table.counts(*snapshot.kinds())}, {snapshot.dropped:,} dropped"

    def _fail(self, search: Search, timeout: float | None) -> NoReturn:
        last = table.last_records(self.since(0, LAST_RECORDS), self.origin)
        raise search.timed_out(timeout, last, recording=self.recording)


def living_logs() -> dict[int, FrameLog]:
    """Return the logs that something still refers to, oldest first, by a number of their own."""
    # The references are copied in one step: another thread may make a log meanwhile.
    found = sorted((each.key, each) for each in _living.valuerefs())
    return {number: log for number, each in found if (log := each()) is not None}
