"""Expectations that block and the same ones awaited, made of one coroutine function."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from astra_nb.errors import WaitTimeout
from astra_nb.log import FrameLog
from astra_nb.log.records import Record
from astra_nb.log.view import LogView
from astra_nb.log.waiting import check_wait

__all__ = ["Source", "awaitable", "blocking", "log_of", "wait_for"]

Source = Any
"""A log, or an object that has one as its attribute `log`: a server, a socket, a scenario."""

P = ParamSpec("P")
R = TypeVar("R")


class _Here(threading.local):
    """How many blocking expectations run in this thread: a value's function may call one."""

    blocking = 0


_here = _Here()


async def wait_for(
    source: Source,
    matches: Callable[[Record], bool],
    connection: int | None,
    count: int,
    after: int,
    timeout: float | None,
) -> Record | None:
    """Return a record that matches, or None when it does not come; a view is only looked at."""
    log = log_of(source)
    if not isinstance(log, FrameLog):
        check_wait(count, after, timeout)
        found = log.filter(predicate=matches, connection=connection).since(after)
        return found[count - 1] if len(found) >= count else None
    with contextlib.suppress(WaitTimeout):
        wanted = {"connection": connection, "count": count, "after": after, "timeout": timeout}
        if _here.blocking:
            return log.wait_for(matches, **wanted)  # type: ignore[arg-type]
        return await log.wait_for_async(matches, **wanted)  # type: ignore[arg-type]
    return None


def blocking(expect: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Make a function of an expectation that blocks in its waits."""

    @wraps(expect)
    def block(*args: P.args, **options: P.kwargs) -> R:
        _here.blocking += 1
        try:
            expect(*args, **options).send(None)  # to its end: nothing in it is awaited
        except StopIteration as end:
            return cast(R, end.value)
        finally:
            _here.blocking -= 1
        raise AssertionError("a blocking expectation awaits nothing")

    return block


def awaitable(blocking: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return the awaitable twin of a blocking expectation."""
    expect: Callable[P, Coroutine[Any, Any, R]] = blocking.__wrapped__  # type: ignore[attr-defined]
    expect.__doc__ = f"Expect as `{blocking.__name__}` does, without blocking the event loop."
    expect.__name__ = expect.__qualname__ = f"{blocking.__name__}_async"
    return expect


def log_of(source: Source) -> LogView:
    """Return the log that a source is or has; raise `TypeError` if it is neither."""
    log = source if isinstance(source, LogView) else getattr(source, "log", None)
    if not isinstance(log, LogView):
        raise TypeError(
            f"an expectation looks at a log, a server or a socket, not at {source!r:.60}"
        )
    return log
