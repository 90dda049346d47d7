"""Calls of a user's function: on the loop or in a thread, with a limit."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from typing import Any

import pytest

from astra_nb.net.calls import call
from tests.servers import run_async

seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="not set")


def called(function: Any, *arguments: Any, timeout: float = 10) -> Any:
    context = contextvars.copy_context()
    context.run(seen.set, "set")
    return run_async(call(function, arguments, context, timeout))


def test_a_def_function_runs_in_a_thread_of_its_own_and_in_the_context() -> None:
    name, value, where = called(
        lambda each: (each, seen.get(), threading.current_thread().name), "Ada"
    )
    assert (name, value, where) == ("Ada", "set", "astra_nb request")


def test_an_async_function_runs_on_the_loop_and_in_the_context() -> None:
    async def function(name: str) -> tuple[str, str, bool]:
        await asyncio.sleep(0)
        return name, seen.get(), threading.current_thread() is threading.main_thread()

    assert called(function, "Ada") == ("Ada", "set", True)
    assert called(functools.partial(function, "Eve")) == ("Eve", "set", True)


def test_what_a_def_function_returns_is_awaited() -> None:
    async def later() -> int:
        return 7

    assert called(lambda: later()) == 7


@pytest.mark.parametrize("error", [KeyError("a"), SystemExit(3)])
def test_what_is_raised_reaches_the_caller(error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def main() -> BaseException:
        try:
            await call(fail, (), contextvars.copy_context(), 10)
        except BaseException as exc:  # noqa: BLE001
            return exc
        raise AssertionError("nothing was raised")

    assert run_async(main()) is error


def test_a_stop_iteration_is_an_error_as_well() -> None:
    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
        called(lambda: next(iter([])))


def test_an_async_function_that_takes_too_long_is_cancelled() -> None:
    cancelled = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await call(stubborn, (), contextvars.copy_context(), 0.01)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    run_async(main())
    assert cancelled == [True]


@pytest.mark.parametrize("fails", [False, True])
def test_a_thread_that_takes_too_long_goes_on_by_itself(fails: bool) -> None:
    go_on, ended = threading.Event(), threading.Event()

    def slow() -> None:
        go_on.wait(10)
        ended.set()
        if fails:
            raise ValueError("nobody waits for this")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await call(slow, (), contextvars.copy_context(), 0.01)
        go_on.set()
        await asyncio.to_thread(ended.wait, 10)
        for _ in range(3):
            await asyncio.sleep(0.01)

    run_async(main())


def test_a_thread_may_outlive_the_loop() -> None:
    go_on = threading.Event()
    with pytest.raises(TimeoutError):
        called(lambda: go_on.wait(10), timeout=0.01)
    go_on.set()


def test_a_caller_that_is_cancelled_cancels_the_function() -> None:
    async def main() -> None:
        started = asyncio.Event()
        ended = asyncio.Event()

        async def function() -> None:
            started.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        task = asyncio.create_task(call(function, (), contextvars.copy_context(), 60))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

    run_async(main())
