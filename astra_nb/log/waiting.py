"""Waiting for what comes in a log: its subscriptions, and the search for a record.

A subscription is called once per reading of the log, at no cost in between.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import partial
from operator import index
from time import monotonic

from astra_nb.errors import WaitTimeout, WrongThread
from astra_nb.locks import Latch, make_rlock
from astra_nb.quantities import as_integer, as_seconds

from .criteria import Criteria
from .records import Record
from .ring import Ring

__all__ = [
    "Search",
    "Subscription",
    "Subscriptions",
    "check_wait",
    "refuse_on",
    "wait",
    "wait_async",
]

logger = logging.getLogger("astra_nb.log")

Subscription = Callable[[], object]


@dataclass(eq=False)
class Subscriptions:
    """The readers of one log. Every method may be called from any thread."""

    armed: tuple[Subscription, ...] = ()  # those that have read since they were called
    _all: tuple[Subscription, ...] = ()
    # Re-entrant, because the collector may run a finalizer in here, and that may print.
    _lock: threading.RLock = field(default_factory=make_rlock)

    def add(self, callback: Callable[[], object]) -> Subscription:
        """Add a callback, armed."""
        subscription = partial(callback)  # the same callback may be added twice
        with self._lock:
            self._all += (subscription,)
            self.armed += (subscription,)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription; a second call does nothing."""
        with self._lock:
            self._all = tuple(known for known in self._all if known is not subscription)
            self.armed = tuple(known for known in self.armed if known is not subscription)

    def arm(self, subscription: Subscription) -> None:
        """Call this subscription again when something comes."""
        with self._lock:
            if subscription in self._all and subscription not in self.armed:
                self.armed += (subscription,)

    def arm_all(self) -> None:
        """Call every subscription again when something comes."""
        if self.armed is not self._all:
            with self._lock:
                self.armed = self._all

    def wake(self) -> None:
        """Call those that are armed, and disarm them."""
        with self._lock:
            woken, self.armed = self.armed, ()
        for subscription in woken:
            try:
                subscription()
            except Exception:
                # It runs in a connection, which must not fail for an error of a reader.
                logger.exception("a subscriber of the log raised")


@dataclass(eq=False)
class Search:
    """Search for the count-th matching record; each step starts where the last one ended."""

    ring: Ring
    wanted: Criteria
    count: int
    after: int
    found: int = 0

    def __post_init__(self) -> None:
        self.count, self.after = index(self.count), index(self.after)

    def step(self) -> Record | None:
        snapshot = self.ring.snapshot()
        for record in snapshot.records(self.after, self.wanted):
            self.after = record.number
            self.found += 1
            if self.found == self.count:
                return record
        self.after = max(self.after, snapshot.last_number)
        return None

    def described(self) -> str:
        what = f"a record with {self.wanted}" if str(self.wanted) else "a record"
        return what if self.count == 1 else f"{self.count} times {what}"

    def timed_out(self, timeout: float | None, last: str, *, recording: bool) -> WaitTimeout:
        """Return the error of a search that has not ended in time, with what the log has last."""
        within = "" if timeout is None else f" within {timeout:g} s"
        silent = "" if recording else "; this log records nothing (recording is False)"
        return WaitTimeout(
            f"{self.described()} did not come{within}: {self.found} of {self.count} came"
            f"{silent}; {last}"
        )


def check_wait(count: int, after: int, timeout: float | None) -> float | None:
    """Check the numbers of a wait (`TypeError`, `ValueError`); return the timeout as a float."""
    for name, number in (("count", count), ("after", after)):
        if as_integer(number) is None:
            way_out = "; record.number is the number of a record" if name == "after" else ""
            raise TypeError(f"{name} is a whole number, not {number!r:.80}{way_out}")
    if index(count) < 1:
        raise ValueError(f"count is {count}; the first matching record has the count 1")
    checked = as_seconds(timeout)
    if checked is None and timeout is not None:
        if isinstance(timeout, float):
            raise ValueError("timeout is nan, a time that never comes; use None for no limit")
        raise TypeError(
            f"timeout is a number of seconds, or None for no limit, not {timeout!r:.80}"
        )
    return checked


def refuse_on(loops: Container[object]) -> None:
    """Raise `WrongThread` where a blocking wait would block one of these event loops."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running in loops:
        raise WrongThread(
            "this wait would block the event loop that delivers the records; write "
            "await log.wait_for_async(...), or from astra_nb.testing await expect_frame_async(...) "
            "or another one that ends in _async"
        )


def wait(
    search: Search,
    subscriptions: Subscriptions,
    before_read: Callable[[], None],
    timeout: float | None,
) -> Record | None:
    """Block until the search ends; return None when that takes more than `timeout` seconds."""
    deadline = None if timeout is None else monotonic() + timeout
    news = Latch()
    subscription = subscriptions.add(lambda: news.set())
    try:
        before_read()
        while (record := search.step()) is None:
            if not news.wait(None if deadline is None else deadline - monotonic()):
                return None
            news = Latch()
            subscriptions.arm(subscription)
        return record
    finally:
        subscriptions.remove(subscription)


async def wait_async(
    search: Search, subscriptions: Subscriptions, timeout: float | None
) -> Record | None:
    """Wait as `wait` does, without blocking the running event loop."""
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    subscription = subscriptions.add(partial(loop.call_soon_threadsafe, news.set))
    try:
        async with asyncio.timeout(timeout):
            while (record := search.step()) is None:
                await news.wait()
                news.clear()
                subscriptions.arm(subscription)
        return record
    except TimeoutError:
        return None
    finally:
        subscriptions.remove(subscription)
