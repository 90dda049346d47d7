"""Telling readers that there is something new: once, and at no cost while they are busy."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

__all__ = ["Subscription", "Subscriptions"]

logger = logging.getLogger("astra_nb.log")


class Subscription:
    """One reader's wish to be told."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback


class Subscriptions:
    """The readers of one log. Every method may be called from any thread.

    Attributes:
        armed: Those that have read since they were told; empty when nobody has to be told.
    """

    def __init__(self) -> None:
        self.armed: tuple[Subscription, ...] = ()
        self._all: tuple[Subscription, ...] = ()
        # Re-entrant, because the collector may run a finalizer in here, and that may print.
        self._lock = threading.RLock()

    def add(self, callback: Callable[[], None]) -> Subscription:
        """Take a callback, armed."""
        subscription = Subscription(callback)
        with self._lock:
            self._all += (subscription,)
            self.armed += (subscription,)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Tell a reader nothing any more; a second call does nothing."""
        with self._lock:
            self._all = tuple(known for known in self._all if known is not subscription)
            self.armed = tuple(known for known in self.armed if known is not subscription)

    def arm(self, subscription: Subscription) -> None:
        """Tell this reader again when something comes."""
        with self._lock:
            if subscription in self._all and subscription not in self.armed:
                self.armed += (subscription,)

    def arm_all(self) -> None:
        """Tell every reader again when something comes."""
        if self.armed is not self._all:
            with self._lock:
                self.armed = self._all

    def wake(self) -> None:
        """Tell those that are armed, and disarm them."""
        with self._lock:
            woken, self.armed = self.armed, ()
        for subscription in woken:
            try:
                subscription.callback()
            except Exception:
                # The one who appends is a connection, and it must not fail for a reader's fault.
                logger.exception("a subscriber of the log raised")
