"""A throttle: calls for many wakes, at most so many times a second, in a thread while needed."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from time import monotonic

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
        self._condition = threading.Condition()
        self._woken = False
        self._stopped = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have the method called soon, because there is something new."""
        with self._condition:
            self._woken = True
            if self._stopped:
                return
            if self._thread is not None:
                self._condition.notify()
                return
            thread = threading.Thread(target=self._run, name="astra_nb view", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down
                return
            self._thread = thread

    def stop(self, *, wait: bool = True) -> None:
        """End the thread and wait for it, two seconds at most; further wakes do nothing."""
        with self._condition:
            self._stopped = True
            self._condition.notify()
            thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join(2)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            with self._condition:
                self._thread = None
                again = self._woken and not self._stopped
            if again:  # woken between the last turn and here
                self.wake()

    def _turn(self) -> bool:
        """Wait for a wake, call the method, and pause; return whether to go on."""
        with self._condition:
            awake = self._condition.wait_for(lambda: self._woken or self._stopped, self._quiet)
            if self._stopped:
                return False
            self._woken = False
        started = monotonic()
        update = self._update()
        if update is None:
            return False
        update(not awake)
        del update
        if not awake:
            return False
        with self._condition:
            self._condition.wait_for(
                lambda: self._stopped, max(0.0, self._interval - (monotonic() - started))
            )
        return True
