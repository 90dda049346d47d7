"""Lines of a student's code: where a handler stands, and where an error came from."""

from __future__ import annotations

import functools
import inspect
import linecache
import re
import traceback
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import Any

__all__ = ["Line", "code_of", "line_at", "line_in", "line_of_coroutine", "line_of_error"]


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
            line = line_at(code.co_filename, frame.f_lineno, waits)
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
    """Return what a line that does not come to an end is doing; "" when that cannot be told."""
    by_line = (said for written, said in WRITTEN if re.search(written, text, re.IGNORECASE))
    return CALLED.get(called) or next(by_line, "")


def waits_in(frame: FrameType) -> str:
    """Return what a call of ours waits for, as `Line.waits` says it."""
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
            found = line_at(code.co_filename, frame.f_lineno, "")
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
            found = line_at(code.co_filename, number)
    return found


def line_at(filename: str, number: int, waits: str = "") -> Line:
    """Return a line of a file, or of a notebook's cell."""
    return Line(number, linecache.getline(filename, number).strip(), waits)
