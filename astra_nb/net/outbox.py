"""Sends of other threads on their way to a connection: ordered, bounded, done on its loop.

The counterpart of the inbox. Sends wait here while the peer reads too slowly, and until the loop
has its turn; what is called on the loop's own thread comes after them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from astra_nb.locks import Latch, make_rlock

__all__ = ["Outbox"]

MAX_BYTES = 1024 * 1024  # handed over by threads and not yet written
MAX_ENTRIES = 4096
ENTRIES_A_TURN = 1024  # taken before other connections get their turn
COUNTED_SIZE = 4096  # bytes; smaller payloads are bounded by MAX_ENTRIES


@dataclass(eq=False)
class Outbox:
    """Calls that wait for their turn on a connection.

    An interrupt may come between any two steps of a sender, and a fork at any moment. So threads
    wait by latches, not by a condition, whose lock an interrupt can leave locked for the loop.
    """

    loop: asyncio.AbstractEventLoop
    is_writable: Callable[[], bool]  # whether the peer reads fast enough; from any thread
    # Called on the loop's thread with how many frames could not be sent, because the connection had
    # closed after their senders had looked.
    on_unsent: Callable[[int], None]
    _entries: deque[tuple[Callable[..., object], tuple[Any, ...], int]] = field(
        default_factory=deque
    )
    _wake_scheduled: bool = False
    _taking: bool = False
    # Re-entrant, because the collector may run a finalizer in here, and that may send.
    _lock: RLock = field(default_factory=make_rlock)  # of the next one
    _bytes: int = 0  # of the counted payloads that wait
    _waiters: list[Latch] = field(default_factory=list)  # of threads that wait for room or the end

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, and nothing is being done: all that was put has had its turn."""
        # In this order: an entry is taken out after `_taking` is set.
        return not self._entries and not self._taking

    @property
    def is_full(self) -> bool:
        """Whether as much waits as may, in bytes or in entries."""
        return self._bytes > MAX_BYTES or len(self._entries) > MAX_ENTRIES

    @property
    def waiting(self) -> tuple[int, int]:
        """How many calls wait, and the bytes of the counted payloads. Any thread."""
        return len(self._entries), self._bytes

    @property
    def has_room(self) -> bool:
        """Whether a thread may add an entry without a wait."""
        return self.is_writable() and not self.is_full

    def put(self, action: Callable[..., object], *arguments: Any, size: int = 0) -> None:
        """Add a call with a payload of `size` bytes, whether there is room or not. Any thread.

        The action is called on the loop's thread, in its turn, and returns False when it could not
        send. A closed loop raises `RuntimeError`.
        """
        entry = action, arguments, size
        if size > COUNTED_SIZE:
            with self._lock:
                self._bytes += size  # and no interrupt comes before the next statement is done
                self._entries.append(entry)
        else:
            self._entries.append(entry)
        if not self._wake_scheduled:
            try:
                self._wake_scheduled = True
                self.loop.call_soon_threadsafe(self._take_some)
            except BaseException:
                self._wake_scheduled = False  # or nothing would be taken any more
                raise

    def wait(self, predicate: Callable[[], bool]) -> None:
        """Block until a condition holds that the connection brings about.

        Any thread but the loop's. The condition is looked at when entries were taken, and when
        `notify` is called.
        """
        while True:
            news = Latch()
            self._waiters.append(news)  # before the look, so that no change goes unnoticed
            try:
                if predicate():
                    return
                news.wait()
            finally:
                self._waiters.remove(news)

    # On the loop's thread

    def _take_some(self) -> None:
        # Cleared first: a thread that adds an entry from here on schedules another turn.
        self._wake_scheduled = False
        if self.take(ENTRIES_A_TURN):
            self._wake_scheduled = True
            self.loop.call_soon(self._take_some)

    def take(self, limit: int | None = None) -> bool:
        """Do what waits, as far as the peer reads fast enough; return whether a limit was reached.

        Does nothing when an entry calls it: what waits comes after that entry.
        """
        if self._taking:
            return False
        entries, is_writable = self._entries, self.is_writable
        unsent = taken = count = 0
        self._taking = True
        try:
            while entries and is_writable() and count != limit:
                count += 1
                action, arguments, size = entries.popleft()
                if size > COUNTED_SIZE:
                    taken += size
                try:
                    if action(*arguments) is False:
                        unsent += 1
                except Exception as exc:  # noqa: BLE001  (those after it have their turn)
                    problem = {"message": "a send that waited for its turn", "exception": exc}
                    self.loop.call_exception_handler(problem)
        finally:
            self._taking = False
            if taken:
                with self._lock:
                    self._bytes -= taken
            self.notify()
        if unsent:
            self.on_unsent(unsent)
        return count == limit

    def notify(self) -> None:
        """Called when the peer reads again or the connection has ended: wake waiting threads."""
        for waiter in tuple(self._waiters):
            waiter.set()
