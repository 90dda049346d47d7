"""A throttle: calls for many wakes, at most so many times a second, in a thread while needed."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from time import monotonic

from astra_nb.locks import Latch, make_rlock

__all__ = ["Throttle"]


class Throttle:
    """Calls a method soon after `wake()`, at most so many times a second, in one thread.

    The thread ends by itself when nothing woke it for a while, and is started again when
    something does. It holds no reference to the owner while it waits. Any thread may call any
    method.

    Args:
        update: A bound method, called with whether things have fallen quiet. Its owner is held
            weakly.
        interval: Seconds between two calls at least.
        quiet: Seconds without a `wake()` after which it is called once more, and the thread ends.
    """

    def __init__(
        self, update: Callable[[bool], None], *, interval: float = 0.05, quiet: float = 1.0
    ) -> None:
        self._update = weakref.WeakMethod(update)
        self._interval = interval
        self._quiet = quiet
        # Latches, not a condition: an interrupt of `stop()` could leave its lock locked, and the
        # event loop, which wakes, would wait for it.
        self._news = Latch()
        self._stopped = Latch()
        self._starting = make_rlock()  # re-entrant: the collector may run a finalizer that prints
        self._woken = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have the method called soon, because there is something new."""
        self._woken = True
        self._news.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None or self._stopped.is_set():
                return
            self._thread = threading.Thread(target=self._run, name="astra_nb view", daemon=True)
            try:
                self._thread.start()
            except BaseException as exc:
                self._thread = None
                if not isinstance(exc, RuntimeError):  # the interpreter is shutting down
                    raise

    def stop(self) -> None:
        """End the thread and wait for it, two seconds at most; further wakes do nothing."""
        self._stopped.set()
        self._news.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(2)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._thread = None
            if self._woken:  # between the last turn and here
                self.wake()

    def _turn(self) -> bool:
        """Wait for a wake, call the method, and pause; return whether to go on."""
        awake = self._news.wait(self._quiet)
        if self._stopped.is_set():
            return False
        self._news = Latch()
        self._woken = False
        started = monotonic()
        update = self._update()
        if update is None:
            return False
        update(not awake)
        del update
        if not awake:
            return False
        self._stopped.wait(self._interval - (monotonic() - started))
        return True
