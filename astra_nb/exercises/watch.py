"""Looks over a handler's shoulder: did it return or raise, and at which line does it stand."""

from __future__ import annotations

import asyncio
import functools
import inspect
import linecache
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from astra_nb.errors import ConnectionClosed
from astra_nb.net.routes import is_async

from .footsteps import Footsteps
from .guard import Stopped
from .lines import Line, code_of, line_in, line_of_coroutine, line_of_error

__all__ = ["Run", "Watch"]

BESIDE = re.compile(
    r"Thread\(|Timer\(|\.submit\(|to_thread\(|run_in_executor\(|create_task\(|ensure_future\(|"
    r"gather\(|TaskGroup\(|call_later\(|call_soon"
)


@dataclass
class Run:
    """One call of a handler.

    Attributes:
        ended: Whether it is over.
        result: What it returned.
        error: What it raised, or None.
        open_at_end: Whether the connection was still open when it was over.
        steps: Which of its lines ran.
    """

    socket: Any
    thread: threading.Thread
    steps: Footsteps
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
                self.steps.interrupt(self.thread)


@dataclass
class Watch:
    """Notes what becomes of each call of one handler.

    Attributes:
        runs: The calls, by the number of the connection.
        elsewhere: What ended threads and tasks that the handler began.
    """

    handler: Callable[..., Any]
    runs: dict[int, Run] = field(default_factory=dict)
    elsewhere: list[BaseException] = field(default_factory=list)

    @functools.cached_property
    def works_beside(self) -> bool:
        """Whether the handler begins threads or tasks, or might: the cell around it tells."""
        code = code_of(self.handler)
        source = "".join(linecache.getlines(code.co_filename)) if code is not None else ""
        return not source or BESIDE.search(source) is not None

    def is_its_own(self, error: BaseException | None) -> bool:
        """Whether an error came out of the handler's file; if so it is noted."""
        if error is None or line_of_error(error, code_of(self.handler)) is None:
            return False
        if not isinstance(error, (Stopped, ConnectionClosed)):
            self.elsewhere.append(error)
        return True

    def watched(self) -> Callable[..., Any]:
        """Return the handler, of the same kind, with this watch around it."""
        if is_async(self.handler):

            async def watched_async(socket: Any) -> None:
                run = self._begin(socket, asyncio.current_task())
                try:
                    with run.steps.followed(in_task=True):
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
                with run.steps.followed():
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
        steps = Footsteps(code_of(self.handler))
        run = Run(socket, threading.current_thread(), steps, task)
        self.runs[socket.id] = run
        return run

    def line(self, run: Run) -> Line | None:
        """Return where a handler stands that has not ended."""
        code = code_of(self.handler)
        if code is None or run.ended:
            return None
        frame = sys._current_frames().get(run.thread.ident or 0)
        found = line_in(frame, code)
        if found is not None or run.task is None:
            return found
        return line_of_coroutine(run.task.get_coro(), code)

    def forgot_await(self, run: Run | None = None) -> Line | None:
        """Find a line of an async def handler that calls its socket without await.

        Args:
            run: The call in which that matters; of several lines one that ran there is taken.
        """
        if not is_async(self.handler):
            return None
        try:
            lines, first = inspect.getsourcelines(inspect.unwrap(self.handler))
        except (OSError, TypeError):
            return None
        name = next(iter(inspect.signature(self.handler).parameters), "socket")
        calls = rf"(await\s+|await\s*\(\s*)?\b{re.escape(name)}\.(recv|send\w*|close)\("
        source = "".join(lines)
        found = [
            Line(max(first, 1) + at, lines[at].strip())
            for match in re.finditer(calls, source)
            if not match[1]
            for at in [source.count("\n", 0, match.start())]
        ]
        ran = run.steps.trips[-1].lines if run is not None else {}
        return next((line for line in found if line.number in ran), found[0] if found else None)
