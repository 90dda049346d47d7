"""Background event loop: one daemon thread for the connections of servers and blocking clients.

The thread starts with the first user and ends with the last. Protocol objects are used on
it only, so they need no lock.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from astra_nb.errors import WrongThread

__all__ = ["BackgroundLoop", "acquire", "release"]

T = TypeVar("T")

THREAD_NAME = "astra_nb event loop"
JOIN_TIMEOUT = 5.0  # seconds
CANCEL_TIMEOUT = 1.0  # seconds that tasks have to end when the loop does


class BackgroundLoop:
    """An event loop in a named daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.users = 0
        self.thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            if tasks:
                # Bounded: a handler may catch even its cancellation.
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_TIMEOUT))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            self.loop.close()

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller runs on this loop's thread."""
        return threading.get_ident() == self.thread.ident

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the loop's thread and return its result or raise its exception.

        Any thread may call this.
        """
        if self.is_current_thread:
            return function()
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function())
            except BaseException as exc:  # noqa: BLE001  (the caller gets it)
                result.set_exception(exc)

        self.loop.call_soon_threadsafe(run)
        return result.result()

    def settle(self, timeout: float = 0.2) -> None:
        """Wait until the loop has run what other threads have queued so far.

        Args:
            timeout: Seconds to wait at most; the loop may be busy with a handler.
        """
        if self.is_current_thread:
            return
        done = threading.Event()
        try:
            self.loop.call_soon_threadsafe(done.set)
        except RuntimeError:
            return  # the loop was closed just now
        done.wait(timeout)

    def forbid_wait(self) -> None:
        """Refuse a blocking call on the loop's own thread: it would wait for itself.

        Raises:
            WrongThread: Called on the loop's thread.
        """
        if self.is_current_thread:
            raise WrongThread(
                "this call blocks, and it was made on the thread that runs the event loop, "
                "which would wait for itself; in an async def handler use the awaitable twin"
            )

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and return its result.

        Any thread but the loop's may call this.

        Args:
            coroutine: Cancelled when the wait ends without its result.
            timeout: Seconds to wait; None for no limit.

        Raises:
            WrongThread: Called on the loop's thread; the coroutine is closed.
            TimeoutError: The result did not come in time.
        """
        try:
            self.forbid_wait()
        except WrongThread:
            coroutine.close()
            raise
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise


_lock = threading.Lock()
_current: BackgroundLoop | None = None


def acquire() -> BackgroundLoop:
    """Return the running loop; start it if there is none. Pair each call with one `release`."""
    global _current
    with _lock:
        if _current is None:
            _current = BackgroundLoop()
        _current.users += 1
        return _current


def release(background: BackgroundLoop) -> None:
    """Stop using a loop; the last user's release ends its thread and joins it.

    Any thread may call this. On the loop's own thread nothing is joined: it ends after the calls
    that are queued already.
    """
    global _current
    with _lock:
        background.users -= 1
        if background.users > 0:
            return
        if _current is background:
            _current = None
    background.loop.call_soon_threadsafe(background.loop.stop)
    if not background.is_current_thread:
        background.thread.join(JOIN_TIMEOUT)


def forget_after_fork() -> None:
    """Forget the parent's loop, in a forked child.

    The child has only the thread that forked. The loop must not be touched, because its selector
    is shared with the parent.
    """
    global _lock, _current
    _lock = threading.Lock()
    _current = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_after_fork)
