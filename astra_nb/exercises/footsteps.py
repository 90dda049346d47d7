"""Which lines of a student's code ran, for which message, and what was raised there."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import contextvars
import dis
import inspect
import linecache
import queue
import sys
import textwrap
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from astra_nb.async_websocket import AsyncWebSocket
from astra_nb.websocket import WebSocket
from astra_nb.wire.messages import Message

from . import guard
from .comparing import short
from .lines import Line, line_at

__all__ = ["Footsteps", "Trip"]

KEPT_TRIPS = 4
KEPT_LINES = 200  # of a trip, each counted once
SHOWN_HEAD, SHOWN_TAIL = 8, 6  # lines
SHOWN_VARIABLES = 8
SHOWN_ERROR = 90  # characters

RECV = {WebSocket.recv.__code__, AsyncWebSocket.recv.__code__}
SOCKETS = {code.co_filename for code in RECV}
SHARED = (list, set, dict, deque, queue.Queue)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
# How loops and coroutines end; nobody wrote that.
SILENT = (StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError, guard.Stopped)

_mine: contextvars.ContextVar[Footsteps | None] = contextvars.ContextVar(
    "astra_nb_footsteps", default=None
)


@dataclass
class Trip:
    """What ran from one message to the next.

    Attributes:
        message: What recv() gave before; None for what ran before the first recv().
        lines: Numbers of the lines, each once, in the order in which they first ran.
        raised: What was raised at a line, whether or not it was caught.
    """

    message: Message | None = None
    lines: dict[int, None] = field(default_factory=dict)
    raised: dict[int, str] = field(default_factory=dict)


class Footsteps:
    """Follows one call of a student's function, line by line, in the file it was written in.

    Nothing is followed where a debugger or a measurement of coverage already is.

    Attributes:
        trips: The newest, oldest first.
    """

    def __init__(self, code: CodeType | None) -> None:
        self.code = code
        self.filename = code.co_filename if code is not None else ""
        self.trips: deque[Trip] = deque([Trip()], maxlen=KEPT_TRIPS)
        self._following = False
        self._variables: dict[str, Any] = {}
        self._globals: dict[str, Any] = {}
        self._last = 0

    @contextlib.contextmanager
    def followed(self, *, in_task: bool = False) -> Iterator[None]:
        """Follow what the calling thread runs inside, or the calling task.

        A thread with tasks goes on looking out for others of them, to its end.
        """
        if not self.filename or sys.gettrace() not in (None, _trace):
            yield
            return
        _mine.set(self)
        self._following = True
        sys.settrace(_trace)
        try:
            yield
        finally:
            self._following = False
            if not in_task:
                sys.settrace(None)

    def step(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Note one step; a trace function of `sys.settrace`."""
        trip = self.trips[-1]
        if event == "line":
            self._last = frame.f_lineno
            if len(trip.lines) < KEPT_LINES:
                trip.lines[frame.f_lineno] = None
        elif event == "exception" and not issubclass(arg[0], SILENT):
            trip.raised.setdefault(frame.f_lineno, _said(arg[1]))
        elif event == "return" and frame.f_code is self.code:
            self.remember(frame)
        return self.step

    def interrupt(self, thread: threading.Thread) -> None:
        """Raise `Stopped` in the function, at its next step. Any thread.

        A thread inside a call of the operating system, such as `time.sleep(1000)`, hears of it when
        the call returns.
        """
        if not self._following:
            guard.interrupt(thread)
            return
        # Not by guard.interrupt: in Python 3.11 a thread that is traced comes to no end while an
        # exception waits for another thread that sleeps.
        frame, inside = sys._current_frames().get(thread.ident or 0), []
        while frame is not None:
            inside.append(frame)
            if frame.f_code is self.code:
                for each in inside:
                    each.f_trace, each.f_trace_opcodes = self._stop, True
                return
            frame = frame.f_back

    def _stop(self, frame: FrameType, event: str, arg: Any) -> Any:
        self._following = False  # Python ends a trace that raises
        raise guard.Stopped

    def receive(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Begin a trip when recv() gives a message; a trace function of `sys.settrace`."""
        if event == "return" and isinstance(arg, Message):
            self.trips.append(Trip(arg, {self._last: None} if self._last else {}))
        return self.receive

    def remember(self, frame: FrameType | None) -> None:
        """Note the function's variables, at its end and where it uses its socket."""
        while frame is not None and frame.f_code is not self.code:
            frame = frame.f_back
        if frame is not None:
            self._variables = dict(frame.f_locals)
            self._globals = frame.f_globals

    def variables(self) -> tuple[tuple[str, str], ...]:
        """The function's variables when they were noted last, and the global ones that it uses."""
        if self.code is None:
            return ()
        own = self.code.co_varnames[self.code.co_argcount :]
        values = self._variables
        shown = [(name, short.repr(values[name])) for name in own if name in values]
        outside = [
            (f"{name} (global)", short.repr(self._globals[name]))
            for name in globals_in(self.code)
            if name in self._globals and not callable(self._globals[name])
        ]
        # Modules, sockets and the like: what they look like says nothing.
        told = [
            [pair for pair in pairs if not pair[1].startswith("<")] for pairs in (shown, outside)
        ]
        return (*told[0][-SHOWN_VARIABLES:], *told[1][:SHOWN_VARIABLES])

    def last_of(self, *types: str) -> int:
        """Index of the newest trip for a message of these types; the last for none."""
        for index in range(-1, -len(self.trips) - 1, -1):
            message = self.trips[index].message
            if message is not None and message.type in types:
                return index
        return -1

    @property
    def loops(self) -> bool:
        """Whether the function has a loop at all."""
        with contextlib.suppress(OSError, TypeError, SyntaxError):
            tree = ast.parse(textwrap.dedent(inspect.getsource(self.code)))  # type: ignore[arg-type]
            return any(isinstance(node, LOOPS) for node in ast.walk(tree))
        return False

    @property
    def shares(self) -> bool:
        """Whether the function uses anything global that others could use too."""
        if self.code is None:
            return True
        found = (self._globals.get(name) for name in globals_in(self.code))
        return any(isinstance(value, SHARED) for value in found)

    @property
    def last_line(self) -> Line | None:
        """The line that ran last."""
        return line_at(self.filename, self._last) if self._last else None

    def rows(self, index: int = -1) -> tuple[tuple[str, str, str], ...]:
        """A trip as rows: the line's number, its text, and what was raised there.

        Args:
            index: Which trip; -1 is the last.
        """
        trip = self.trips[index]
        begins = beginnings("".join(linecache.getlines(self.filename)))
        numbers = list(dict.fromkeys(begins.get(number, number) for number in trip.lines))
        raised = {begins.get(number, number): said for number, said in trip.raised.items()}
        texts = textwrap.dedent(
            "".join(linecache.getline(self.filename, n).rstrip("\n") + "\n" for n in numbers)
        ).splitlines()
        if not any(texts):
            return ()
        rows = [
            (str(number), text, raised.get(number, ""))
            for number, text in zip(numbers, texts, strict=False)
        ]
        if len(rows) > SHOWN_HEAD + SHOWN_TAIL + 1:
            left = len(rows) - SHOWN_HEAD - SHOWN_TAIL
            gap = ("", f"({left} more lines)", "")
            rows = [*rows[:SHOWN_HEAD], gap, *rows[-SHOWN_TAIL:]]
        return tuple(rows)


def globals_in(code: CodeType) -> list[str]:
    """Names that a function takes from outside, those of functions in it included."""
    names = [each.argval for each in dis.get_instructions(code) if each.opname.endswith("_GLOBAL")]
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return list(dict.fromkeys([*names, *(name for each in inner for name in globals_in(each))]))


def beginnings(source: str) -> dict[int, int]:
    """Where the statement of each line begins, for those that have several lines."""
    found: dict[int, int] = {}
    with contextlib.suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.stmt):
                body = getattr(node, "body", None)
                end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
                found |= dict.fromkeys(range(node.lineno + 1, end + 1), node.lineno)
    return found


def _said(error: BaseException) -> str:
    text = type(error).__name__
    with contextlib.suppress(Exception):  # a student's exception may fail to say what it is
        text = f"{text}: {error}".rstrip(": ")
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_ERROR else f"{line[: SHOWN_ERROR - 1]}…"


def _trace(frame: FrameType, event: str, arg: Any) -> Any:
    code = frame.f_code
    steps = _mine.get()
    if steps is None:
        return None
    if code.co_filename in SOCKETS:
        steps.remember(frame.f_back)
        return steps.receive if code in RECV else None
    # What stands inside one line, such as a comprehension, would only be that line again.
    if code.co_filename != steps.filename or code.co_name.startswith("<"):
        return None
    return steps.step
