"""Expectations as generators: each yields its waits, so that it can block or be awaited."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from typing import Any, ParamSpec, TypeVar, cast

from astra_nb.errors import WaitTimeout
from astra_nb.log import FrameLog
from astra_nb.log.records import Record
from astra_nb.log.view import LogView
from astra_nb.log.waiting import check_wait

__all__ = ["Source", "Steps", "Wait", "awaitable", "blocking", "log_of"]

Source = Any
"""A log, or an object that has one as its attribute `log`: a server, a socket, a scenario."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait of an expectation, for a record that matches; None when it does not come."""

    source: Source
    matches: Callable[[Record], bool]
    connection: int | None
    count: int
    after: int
    timeout: float | None

    def block(self) -> Record | None:
        log = log_of(self.source)
        if not isinstance(log, FrameLog):
            return self._look(log)
        with contextlib.suppress(WaitTimeout):
            return log.wait_for(self.matches, **self._numbers())
        return None

    async def follow(self) -> Record | None:
        log = log_of(self.source)
        if not isinstance(log, FrameLog):
            return self._look(log)
        with contextlib.suppress(WaitTimeout):
            return await log.wait_for_async(self.matches, **self._numbers())
        return None

    def _numbers(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("connection", "count", "after", "timeout")}

    def _look(self, view: LogView) -> Record | None:
        check_wait(self.count, self.after, self.timeout)
        chosen = view.filter(predicate=self.matches, connection=self.connection)
        found = chosen.since(self.after)
        return found[self.count - 1] if len(found) >= self.count else None


Steps = Generator[Wait, Record | None, R]
"""An expectation: yields each wait, gets what it found, and returns or raises at its end."""


def blocking(steps: Callable[P, Steps[R]]) -> Callable[P, R]:
    """Make a function of an expectation that blocks in its waits."""

    @wraps(steps)
    def expect(*args: P.args, **options: P.kwargs) -> R:
        expectation = steps(*args, **options)
        found = None
        while True:
            try:
                wait = expectation.send(found)
            except StopIteration as end:
                return cast(R, end.value)
            found = wait.block()

    return _without_steps(expect)


def awaitable(blocking: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make the awaitable twin of a blocking expectation."""
    steps: Callable[P, Steps[R]] = blocking.__wrapped__  # type: ignore[attr-defined]

    @wraps(steps)
    async def expect(*args: P.args, **options: P.kwargs) -> R:
        expectation = steps(*args, **options)
        found = None
        while True:
            try:
                wait = expectation.send(found)
            except StopIteration as end:
                return cast(R, end.value)
            found = await wait.follow()

    expect.__doc__ = f"Expect as `{steps.__name__}` does, without blocking the event loop."
    expect.__name__ = expect.__qualname__ = f"{steps.__name__}_async"
    return _without_steps(expect)


def _without_steps(expect: Callable[P, R]) -> Callable[P, R]:
    shown = signature(expect).replace(return_annotation=Signature.empty)
    vars(expect)["__signature__"] = shown
    return expect


def log_of(source: Source) -> LogView:
    """Return the log that a source is or has."""
    log = source if isinstance(source, LogView) else getattr(source, "log", None)
    if not isinstance(log, LogView):
        raise TypeError(
            f"an expectation looks at a log, a server or a socket, not at {source!r:.60}"
        )
    return log
