"""Calls of a user's function that answers a request: awaited on the loop, or in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Callable
from typing import Any

from .routes import is_async

__all__ = ["call"]


async def call(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    context: contextvars.Context,
    timeout: float,
) -> Any:
    """Return what a function returns, or raise what it raises. On the loop's thread.

    A `def` function runs in a daemon thread of its own, so that it may block; what it returns is
    awaited on the loop if it can be. After `timeout` seconds a coroutine is cancelled, while a
    thread goes on by itself.
    """
    loop = asyncio.get_running_loop()

    async def run() -> tuple[Any, BaseException | None]:
        try:
            if is_async(function):
                result = function(*arguments)
            else:
                result = await _in_thread(function, arguments, context)
            return (await result if inspect.isawaitable(result) else result), None
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # noqa: BLE001  (a SystemExit of a task would end the loop)
            return None, exc

    task = loop.create_task(run(), context=context.copy())
    try:
        # Not wait_for(): a function may catch its cancellation.
        done, _ = await asyncio.wait({task}, timeout=timeout)
    finally:
        task.cancel()
    if not done:
        raise TimeoutError
    result, error = task.result()
    if error is not None:
        raise error
    return result


async def _in_thread(
    function: Callable[..., Any], arguments: tuple[Any, ...], context: contextvars.Context
) -> Any:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def finish(result: Any, error: BaseException | None) -> None:
        if not done.done():  # somebody still waits
            done.set_result((result, error))

    def run() -> None:
        result, error = None, None
        try:
            result = function(*arguments)
        except BaseException as exc:  # noqa: BLE001  (the caller gets it)
            error = exc
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(
        target=context.copy().run, args=(run,), name="astra_nb request", daemon=True
    ).start()
    result, error = await done
    if error is not None:
        raise error
    return result
