"""Subscriptions of a log's readers: each is called once per reading, at no cost in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

__all__ = ["Subscription", "Subscriptions"]

logger = logging.getLogger("astra_nb.log")


Subscription = Callable[[], object]


class Subscriptions:
    """The readers of one log. Every method may be called from any thread.

    Attributes:
        armed: Those that have read since they were called; empty when none is to be called.
    """

    def __init__(self) -> None:
        self.armed: tuple[Subscription, ...] = ()
        self._all: tuple[Subscription, ...] = ()
        # Re-entrant, because the collector may run a finalizer in here, and that may print.
        self._lock = threading.RLock()

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
