"""Looks over a handler's shoulder: did it return or raise, and at which line does it stand."""

from __future__ import annotations

import asyncio
import functools
import inspect
import linecache
import re
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import CodeType, FrameType
from typing import Any

from astra_nb.routes import is_async

from .guard import Stopped, interrupt

__all__ = ["Line", "Run", "Watch", "code_of", "line_in", "line_of_error"]


@dataclass(frozen=True)
class Line:
    """A line of the student's code.

    Attributes:
        number: Its number in the cell or file, from 1.
        text: Its text; "" when that cannot be had.
        waits: What it waits for: "recv", "send", "server" while it starts a server of its own,
            or "" for none of them.
        doing: What it does there, such as "sleeps"; "" when that cannot be told.
        owner: Number of the connection whose socket it receives from; 0 when it does not.
    """

    number: int
    text: str
    waits: str = ""
    doing: str = ""
    owner: int = 0

    def __str__(self) -> str:
        return f"line {self.number}: {self.text}" if self.text else f"line {self.number}"


@dataclass
class Run:
    """One call of a handler.

    Attributes:
        ended: Whether it is over.
        result: What it returned.
        error: What it raised, or None.
        open_at_end: Whether the connection was still open when it was over.
    """

    socket: Any
    thread: threading.Thread
    task: asyncio.Task[Any] | None = None
    ended: bool = False
    result: Any = None
    error: BaseException | None = None
    open_at_end: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self) -> None:
        """Note that the handler is over. On the handler's thread."""
        while not self.ended:
            try:
                with self._lock:
                    self.open_at_end = self.socket.state == "open"
                    self.ended = True
            except Stopped:
                continue  # it came too late to stop anything

    def interrupt(self) -> None:
        """Raise `Stopped` in the handler, if it is not over. Any other thread."""
        with self._lock:
            if not self.ended:
                interrupt(self.thread)


@dataclass
class Watch:
    """Notes what becomes of each call of one handler."""

    handler: Callable[..., Any]
    runs: dict[int, Run] = field(default_factory=dict)

    def watched(self) -> Callable[..., Any]:
        """Give the handler, of the same kind, with this watch around it."""
        if is_async(self.handler):

            async def watched_async(socket: Any) -> None:
                run = self._begin(socket, asyncio.current_task())
                try:
                    run.result = await self.handler(socket)
                except Stopped:
                    pass
                except BaseException as error:
                    run.error = error
                    raise
                finally:
                    run.end()

            return watched_async

        def watched(socket: Any) -> None:
            run = self._begin(socket, None)
            try:
                run.result = self.handler(socket)
            except Stopped:
                pass
            except BaseException as error:
                run.error = error
                raise
            finally:
                run.end()

        return watched

    def _begin(self, socket: Any, task: asyncio.Task[Any] | None) -> Run:
        run = Run(socket, threading.current_thread(), task)
        self.runs[socket.id] = run
        return run

    def line(self, run: Run) -> Line | None:
        """Tell where a handler stands that has not ended."""
        code = code_of(self.handler)
        if code is None or run.ended:
            return None
        frame = sys._current_frames().get(run.thread.ident or 0)
        found = line_in(frame, code)
        if found is not None or run.task is None:
            return found
        return line_of_coroutine(run.task.get_coro(), code)

    def forgot_await(self) -> bool:
        """Tell whether an async def handler calls its socket without await."""
        if not is_async(self.handler):
            return False
        try:
            source = inspect.getsource(inspect.unwrap(self.handler))
        except (OSError, TypeError):
            return False
        name = next(iter(inspect.signature(self.handler).parameters), "socket")
        calls = rf"(await\s+|await\s*\(\s*)?\b{re.escape(name)}\.(recv|send\w*|close)\("
        return any(not match[1] for match in re.finditer(calls, source))


def code_of(function: object) -> CodeType | None:
    """Find the code of a function, a method, a partial, or an object that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        called = vars(type(function)).get("__call__")
        code = getattr(called, "__code__", None)
    return code if isinstance(code, CodeType) else None


def line_in(frame: FrameType | None, code: CodeType) -> Line | None:
    """Find the innermost frame of the student's file, from a frame outwards."""
    waits, called, owner = "", ("", ""), 0
    while frame is not None:
        if frame.f_code.co_filename == code.co_filename:
            line = _line(code.co_filename, frame.f_lineno, waits)
            return replace(line, doing="" if waits else doing(called, line.text), owner=owner)
        if waits_in(frame) == "recv":
            owner = getattr(frame.f_locals.get("self"), "id", 0)
        waits = waits_in(frame) or waits
        called = (frame.f_globals.get("__name__", ""), frame.f_code.co_name)
        frame = frame.f_back
    return None


CALLED = {
    ("queue", "get"): "waits for something in a queue",
    ("queue", "put"): "waits for room in a queue that is full",
    ("queue", "join"): "waits until a queue is worked off",
    ("threading", "join"): "waits for a thread to end",
    ("threading", "wait"): "waits for what another thread should set",
}
# What is written in C has no frame; its line tells it.
WRITTEN = (
    (r"\bsleep\(", "sleeps"),
    (r"\bwith \w*lock|\.acquire\(", "waits for a lock that someone else holds"),
    (r"\.get\(\)", "waits for something in a queue"),
    (r"^while (True|1)\b", "goes round a loop without an end"),
)


def doing(called: tuple[str, str], text: str) -> str:
    """Tell what a line that does not come to an end is doing; "" when that cannot be told."""
    by_line = (said for written, said in WRITTEN if re.search(written, text, re.IGNORECASE))
    return CALLED.get(called) or next(by_line, "")


def waits_in(frame: FrameType) -> str:
    """Tell what a call of ours waits for, as `Line.waits` says it."""
    module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
    if not module.startswith("astra_nb."):
        return ""
    if module == "astra_nb.server":
        return "server"
    return "recv" if name == "recv" else "send" if name.startswith("send") else ""


def line_of_coroutine(coroutine: Any, code: CodeType) -> Line | None:
    """Find the innermost line of the student's file at which a suspended coroutine waits."""
    found: Line | None = None
    waits = ""
    chain = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None:
            chain.append(frame)
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    for frame in chain:
        if frame.f_code.co_filename == code.co_filename:
            found = _line(code.co_filename, frame.f_lineno, "")
        else:
            waits = waits or waits_in(frame)
    return None if found is None else Line(found.number, found.text, waits)


def line_of_error(error: BaseException, code: CodeType | None) -> Line | None:
    """Find the innermost line of the student's file that an error passed through."""
    if code is None:
        return None
    found = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == code.co_filename:
            found = _line(code.co_filename, number, "")
    return found


def _line(filename: str, number: int, waits: str) -> Line:
    return Line(number, linecache.getline(filename, number).strip(), waits)
