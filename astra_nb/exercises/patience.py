"""Patience: time as this process was given it, so that a busy machine is nobody's mistake."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

__all__ = ["LIMIT", "Patience", "TooBusy"]

LIMIT = 30.0  # seconds by the wall clock, for a whole check
LONGEST_TICK = 0.05  # seconds that the time between two looks may count for
TASKS = "/proc/self/task"


class TooBusy(Exception):
    """The machine gave this process too little time to judge an answer."""


def run_delay() -> float:
    """Return the seconds that this process's threads were ready to run and did not; 0 if unknown.

    Linux counts that for each thread, in nanoseconds (`schedstat`, second number).
    """
    total = 0
    for task in os.listdir(TASKS) if os.path.isdir(TASKS) else ():
        with contextlib.suppress(OSError, IndexError, ValueError):  # it has just ended
            numbers = Path(f"{TASKS}/{task}/schedstat").read_text(encoding="ascii")
            total += int(numbers.split()[1])
    return total / 1e9


class Patience:
    """Counts for one check how long it has waited, in seconds that this process was given."""

    def __init__(self) -> None:
        self.given = 0.0
        self._began = self._before = time.monotonic()
        self._delay, self._used = run_delay(), time.process_time()

    def tick(self) -> float:
        """Count the time since the last call, and return all of it.

        Raises:
            TooBusy: The check has come to its limit, most of which other processes had.
        """
        now, delay, used = time.monotonic(), run_delay(), time.process_time()
        passed, kept_waiting = now - self._before, max(delay - self._delay, 0.0)
        idle = min(max(passed - kept_waiting, passed / 50), LONGEST_TICK)
        self.given += max(idle, min(used - self._used, passed))
        self._before, self._delay, self._used = now, delay, used
        if now - self._began > LIMIT and self.given < LIMIT / 2:
            raise TooBusy
        return self.given
