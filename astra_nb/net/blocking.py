"""Find out which code keeps the event loop's thread, and whether it does so for too long."""

from __future__ import annotations

import asyncio
import linecache
import selectors
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from os.path import dirname
from typing import NamedTuple

import websockets

from astra_nb.errors import LoopBlocked

__all__ = ["LIBRARIES", "STEP", "Place", "Watch", "place_of"]

STEP = 0.2  # seconds between two looks at the thread
NOTICE_AFTER = 5  # looks in a row that find the same turn of the loop in someone's code
BLOCKED_AFTER = 25  # such looks until a wait ends: 5 s, and more on a machine that is busy
STUCK_AFTER = 300  # looks at one turn, whatever code it is in: a minute

# What runs a handler is not what blocks.
_OURS = (
    dirname(dirname(__file__)), dirname(asyncio.__file__), dirname(websockets.__file__),
    selectors.__file__, threading.__file__,
)  # fmt: skip
_NESTED = ("nest_asyncio", "nest_asyncio2")  # names of modules that replace the loop's own methods
# Folders of libraries: one of them blocks because of the line that calls it.
LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))

WAY_OUT = (
    "the servers and clients of this kernel wait for it; await instead, as in "
    "`await asyncio.sleep(1)`, or write the handler with `def`: a `def` handler may block (a rule "
    "of a tap may not: `message.delay(1)`)"
)


class Place(NamedTuple):
    """Where a thread is."""

    function: str  # the outermost that is not the event loop's: the handler
    file: str  # that of the innermost line that is not a library's
    line: int  # its number
    source: str  # its text, or ""

    def __str__(self) -> str:
        source = f": {self.source}" if self.source else ""
        return f"{self.function}() at line {self.line} of {self.file}{source}"


def place_of(thread: int | None) -> Place | None:
    """Return where a thread, by its `ident`, is in code that is not the event loop's, or None."""
    frame = sys._current_frames().get(thread or 0)  # noqa: SLF001  (documented for debuggers)
    outside = []
    while frame is not None:
        is_loop = frame.f_globals.get("__name__") in _NESTED
        if not is_loop and not frame.f_code.co_filename.startswith(_OURS):
            outside.append(frame)
        frame = frame.f_back
    if not outside:
        return None
    own = [each for each in outside if not each.f_code.co_filename.startswith(LIBRARIES)]
    inner, *_ = own or outside
    *_, outer = own or outside
    # Some instructions, and those of generated code, have no line.
    file, line = inner.f_code.co_filename, inner.f_lineno or inner.f_code.co_firstlineno
    return Place(outer.f_code.co_name, file, line, linecache.getline(file, line).strip())


@dataclass
class Watch:
    """Judges from looks at a loop's thread whether one turn of the loop takes too long.

    Looks are counted, not seconds: where the machine gives this process no time, there are fewer.
    Any thread may call every method.
    """

    ident: Callable[[], int | None]  # returns that of the loop's thread
    tell: Callable[[str], None]  # called once for each turn that takes long, with a sentence
    _next_look: float = 0.0
    _looks: int = 0  # at this turn
    _held: int = 0  # of these, the last ones in a row that found someone's code
    _place: Place | None = None

    def reset(self) -> None:
        """The loop has begun another turn."""
        self._looks = self._held = 0

    def look(self) -> None:
        """Look at the thread, unless someone has just now."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + STEP * 0.9
        self._place = place = place_of(self.ident())
        self._looks += 1
        self._held = held = 0 if place is None else self._held + 1
        if held == NOTICE_AFTER:  # not of what another thread has made of it meanwhile
            self.tell(f"The event loop is blocked by {place}. Meanwhile {WAY_OUT}.")

    @property
    def is_blocked(self) -> bool:
        """Whether this turn takes too long to wait for its end."""
        return self._held >= BLOCKED_AFTER or self._looks >= STUCK_AFTER

    def check(self) -> None:
        """Raise `LoopBlocked` when this turn takes too long."""
        if self.is_blocked:
            by = "" if self._place is None else f" by {self._place}"
            raise LoopBlocked(
                f"the event loop is blocked{by}; {WAY_OUT}. server.shutdown() abandons it, and "
                f"run() then starts a new one"
            )
