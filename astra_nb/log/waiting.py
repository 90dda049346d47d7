"""Waiting for a record, in a thread or on an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

from .criteria import Criteria
from .records import Record
from .ring import Ring
from .subscriptions import Subscriptions

__all__ = ["Search", "wait", "wait_async"]


class Search:
    """Search for the count-th matching record; each step starts where the last one ended."""

    def __init__(self, ring: Ring, wanted: Criteria, count: int, after: int) -> None:
        if count < 1:
            raise ValueError(f"count is {count}; the first matching record has the count 1")
        self.ring = ring
        self.wanted = wanted
        self.count = count
        self.found = 0
        self.after = after

    def step(self) -> Record | None:
        for record in self.ring.snapshot().records(self.after):
            self.after = record.number
            if self.wanted.matches(record):
                self.found += 1
                if self.found == self.count:
                    return record
        return None

    def described(self) -> str:
        what = f"a record with {self.wanted}" if str(self.wanted) else "a record"
        return what if self.count == 1 else f"{self.count} times {what}"


def wait(
    search: Search,
    subscriptions: Subscriptions,
    before_read: Callable[[], None] | None,
    timeout: float | None,
) -> Record | None:
    """Block until the search ends; return None when that takes more than `timeout` seconds."""
    deadline = None if timeout is None else monotonic() + timeout
    news = threading.Event()
    subscription = subscriptions.add(news.set)
    try:
        if before_read is not None:
            before_read()
        while (record := search.step()) is None:
            if not news.wait(None if deadline is None else max(deadline - monotonic(), 0)):
                return None
            news.clear()
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
