"""One Lua state, sandboxed, on a budget, entered by one thread at a time.

Only numbers, strings and booleans pass between Python and Lua, so that Lua code never holds a
Python object. The Lua side is in the `.lua` files beside this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

from astra_nb.errors import LocalError, LuaError
from astra_nb.extras import install_command
from astra_nb.locks import make_lock

__all__ = ["LuaState", "Request", "Value"]

Value = bytes | int | float | bool | None

MAX_MEMORY = 128 * 2**20  # bytes of one Lua state
RESERVE = 2 * 2**20  # bytes for what passes between Python and Lua
CELL_INSTRUCTIONS = 500_000_000  # about 3.5 s of computing, measured
HANDLER_INSTRUCTIONS = 50_000_000  # between two socket calls; other connections wait
CELL_SECONDS = 20  # of computing; for the few library functions that no hook sees
HANDLER_SECONDS = 5
MAX_ERROR = 4000  # bytes of an error's message, and of its trace
TURN_POLL = 0.002  # seconds between two looks at whether the state is free


@dataclass(frozen=True, slots=True)
class Request:
    """A call that a task waits for."""

    name: str
    arguments: tuple[Any, ...]


class LuaState:
    """One Lua state.

    Except for `forget`, methods that take or return a task must be called within `turn` or
    `turn_on_loop`.
    """

    def __init__(self) -> None:
        lua = _import_lupa()
        self._lua = lua.LuaRuntime(
            encoding=None,  # Lua's strings are bytes
            source_encoding="utf-8",
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_filter=_no_attribute,
            max_memory=MAX_MEMORY,
        )
        self._errors = (lua.LuaError, lua.LuaMemoryError)
        self._lock = make_lock()
        self._forgotten: deque[int] = deque()
        self._tasks = self._load()

    def _load(self) -> Any:
        # A pending keyboard interrupt is raised where Lua enters Python.
        budget = self._part("budget", lambda: None, _write)
        sandbox = self._part("sandbox", budget)
        self._part("patterns", budget, sandbox)
        printing = self._part("pprint", budget)
        sandbox[b"environment"][b"pprint"] = printing[b"pprint"]
        http = self._part("http", budget, sandbox)
        tasks = self._part("tasks", budget, sandbox, http, printing[b"show"])
        # No code looks here any more, and none should find anything here.
        self._lua.execute(b"local all = _G for name in next, all do all[name] = nil end")
        return tasks

    def _part(self, name: str, *arguments: Any) -> Any:
        source = (resources.files(__package__) / f"{name}.lua").read_bytes()
        return self._lua.execute(source, *arguments, name=f"=astra_nb/{name}.lua".encode())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the state exclusively; waits until it is free. Any thread but an event loop's."""
        with self._lock:
            self._drop_forgotten()
            yield

    @asynccontextmanager
    async def turn_on_loop(self) -> AsyncIterator[None]:
        """Hold the state exclusively; the event loop is not blocked while it is not free."""
        # The holder may be another thread, which has no event loop.
        while not self._lock.acquire(blocking=False):  # noqa: ASYNC110
            await asyncio.sleep(TURN_POLL)
        try:
            self._drop_forgotten()
            yield
        finally:
            self._lock.release()

    def start_cell(self, source: str, name: str) -> int:
        """Make a task of a cell's code; raise `LuaError` if it is not valid Lua."""
        code = source.encode()
        self._make_room(len(code))
        started = self._enter(b"start_cell", code, b"=" + name.encode())
        if isinstance(started, tuple):
            raise LuaError(_page(started[1]))
        return int(started)

    def start_handler(self, handler: int, socket: int) -> int:
        """Make a task of a handler for one connection."""
        self._make_room(0)
        return int(self._enter(b"start_handler", handler, socket))

    def step(self, task: int, refill: bool, is_cell: bool, *answer: Value) -> Request | None:
        """Run a task up to its next request, and return that; None when the task has ended.

        Args:
            task: As returned by `start_cell` or `start_handler`.
            refill: Whether its budget starts again.
            is_cell: Whether it has the budget of a cell or that of a handler.
            answer: Answer to the last request: True and values, or False and a message.

        Raises:
            LuaError: The code raised, or was stopped.
            KeyboardInterrupt: The user interrupted.
        """
        # A payload comes as a string and ends as a table, at 16 bytes for each byte.
        self._make_room(sum(len(value) for value in answer if isinstance(value, bytes)))
        instructions = CELL_INSTRUCTIONS if is_cell else HANDLER_INSTRUCTIONS
        seconds = CELL_SECONDS if is_cell else HANDLER_SECONDS
        outcome = self._enter(b"step", task, refill, instructions, seconds, *answer)
        kind, *rest = outcome if isinstance(outcome, tuple) else (outcome,)
        if kind == b"request":
            return Request(rest[0].decode(), tuple(rest[1:]))
        if kind == b"done":
            return None
        if kind == b"interrupted":
            raise KeyboardInterrupt
        message, trace = rest
        raise LuaError(_page(message), _page(trace))

    def forget(self, task: int) -> None:
        """Release a task. Any thread, within a turn or not."""
        self._forgotten.append(task)

    def _enter(self, name: bytes, *arguments: Value) -> Any:
        try:
            return self._tasks[name](*arguments)
        except self._errors as exc:
            raise LuaError(str(exc)[:MAX_ERROR] or "not enough memory") from None

    def _drop_forgotten(self) -> None:
        while self._forgotten:
            self._enter(b"forget", self._forgotten.popleft())

    def _make_room(self, size: int) -> None:
        # What lupa allocates on the way in is unprotected: without room it ends the process.
        needed = size + RESERVE
        if self._lua.get_memory_used(total=True) + needed > MAX_MEMORY:
            self._lua.gccollect()
            if self._lua.get_memory_used(total=True) + needed > MAX_MEMORY:
                raise LuaError(
                    f"not enough memory: this Lua holds more than "
                    f"{(MAX_MEMORY - needed) // 2**20} MiB of its {MAX_MEMORY // 2**20}; "
                    f"%reload_ext astra_nb starts a new one"
                )


def _write(line: bytes) -> None:
    # A stream may be closed or refuse the text; that is not an error of the Lua code.
    with contextlib.suppress(Exception):
        sys.stdout.write(_text(line))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _page(data: bytes) -> str:
    """Return an error's text, cut after `MAX_ERROR` bytes."""
    rest = len(data) - MAX_ERROR
    return _text(data) if rest <= 0 else f"{_text(data[:MAX_ERROR])}... ({rest:,} bytes more)"


def _no_attribute(*_: object) -> str:
    raise AttributeError("Lua has no way into Python")


def _import_lupa() -> Any:
    try:
        import lupa.lua54
    except ImportError as exc:
        raise LocalError(
            f"Lua cells need the package lupa with Lua 5.4: {install_command('lua')}"
        ) from exc
    return lupa.lua54
