"""Locks and waits that a fork or an interrupt cannot leave locked.

A forked child has only the thread that forked, so a lock that another one held is never released.
An interrupt (`KeyboardInterrupt`) may come between any two steps of the main thread's Python code.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref

__all__ = ["Latch", "make_lock", "make_rlock", "seconds"]

_locks: weakref.WeakSet[threading.Lock] = weakref.WeakSet()


def make_lock() -> threading.Lock:
    """Return a lock that a fork sets free in the child."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def make_rlock() -> threading.RLock:
    """Return a re-entrant lock that a fork sets free in the child."""
    lock = threading.RLock()
    _locks.add(lock)  # type: ignore[arg-type]
    return lock


class Latch:
    """An event that is set once; for one waiting thread.

    `threading.Event` has a lock inside: a waiter that is interrupted at the wrong moment keeps it,
    and then `set` blocks for ever, on the event loop's thread that would be. This `set` never
    blocks. A second waiter may notice only after its timeout.
    """

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()
        self._is_set = False

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Set it, and wake the waiter."""
        self._is_set = True
        with contextlib.suppress(RuntimeError):  # open already
            self._gate.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it is set, or a timeout as for `seconds` is over; return whether it is."""
        if not self._is_set:
            self._gate.acquire(timeout=seconds(timeout))
        if self._is_set:
            self.set()  # for the next waiter
        return self._is_set


def seconds(timeout: float | None) -> float:
    """Return a timeout as locks take it: None and infinity are no limit, below 0 is 0."""
    if timeout is None or timeout > threading.TIMEOUT_MAX:
        return -1
    return max(timeout, 0)


def _free_all() -> None:
    for lock in list(_locks):
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001  (as in `logging`)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
