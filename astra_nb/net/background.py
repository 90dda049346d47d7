"""Background event loop: one daemon thread for the connections of servers and blocking clients.

The thread starts with the first user and ends with the last. Protocol objects are used on
it only, so they need no lock. A second thread, as long-lived, looks whether code blocks the first.

An interrupt may come between any two steps of the calling thread. So each user has a key of its
own before it asks for anything, and what it began is undone by that key.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Hashable
from time import monotonic
from typing import Any, TypeVar

from astra_nb.errors import LocalError, WrongThread
from astra_nb.locks import Latch, make_lock

from .blocking import STEP, Watch, place_of

__all__ = ["BackgroundLoop", "acquire", "give_up", "loop_of", "release"]

T = TypeVar("T")

THREAD_NAME = "astra_nb event loop"
WATCH_NAME = "astra_nb watch over the event loop"
START_TIMEOUT = 1.0  # seconds until an interrupted start is known to have failed
JOIN_TIMEOUT = 5.0  # seconds
WATCH_STEP = 1.0  # seconds between two looks for code that blocks the loop while nobody waits
CANCEL_TIMEOUT = 1.0  # seconds that tasks have to end when the loop does


class BackgroundLoop:
    """An event loop in a named daemon thread, which `acquire` starts."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # Called with a sentence when code on the loop blocks it or tries to end it.
        self.listeners: set[Callable[[str], object]] = set()
        self.thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._ending = False
        self._runs = Latch()
        self._ended = Latch()
        self._watch = Watch(lambda: self.thread.ident, self._tell)

    def start(self) -> None:
        """Start the thread, unless it has started."""
        if self.thread.ident is None:
            self.thread.start()

    def give_up_start(self) -> None:
        """Close the loop, unless the thread has started: what interrupted `start` hides that."""
        if not self._runs.wait(START_TIMEOUT):
            self.loop.close()

    def end(self) -> None:
        """End the thread after the calls that are queued already. Any thread may call this."""
        self._ending = True
        with contextlib.suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(self.loop.stop)

    def join(self) -> None:
        """Wait until the thread has ended, for a few seconds at most, if it is about to."""
        # A RuntimeError: it was interrupted while it started.
        with contextlib.suppress(RuntimeError):
            if self._ending and not self.is_current_thread and not self._watch.is_blocked:
                self.thread.join(JOIN_TIMEOUT)

    def _run(self) -> None:
        self._runs.set()
        if self.loop.is_closed():
            return
        asyncio.set_event_loop(self.loop)
        # Started here, where no interrupt comes.
        watcher = threading.Thread(target=self._keep_watch, name=WATCH_NAME, daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads: only those who wait will notice
            watcher.start()
        # A handler may stop the loop, or call sys.exit() in a task: it is the loop of all.
        while not self._ending:
            self._survive(self.loop.run_forever)
        for ending in (self._end_tasks, self.loop.shutdown_asyncgens):
            task = asyncio.Task(ending(), loop=self.loop)
            while not task.done():
                self._survive(lambda task=task: self.loop.run_until_complete(task))  # type: ignore[misc]
        asyncio.set_event_loop(None)
        self.loop.close()
        self._ended.set()
        if watcher.ident is not None:
            watcher.join()

    def _keep_watch(self) -> None:
        """Look whether code on the loop blocks it, also while nobody waits for the loop.

        A loop that waits for sockets is not woken for that.
        """
        while not self._ended.wait(WATCH_STEP):
            if place_of(self.thread.ident) is None:
                continue
            with contextlib.suppress(RuntimeError):  # the loop is closed
                answered = self._ask()
                while self.listeners and not (answered.wait(STEP) or self.has_ended):
                    self._watch.look()

    def _survive(self, run: Callable[[], object]) -> None:
        try:
            run()
        except BaseException as exc:  # noqa: BLE001  (whatever it is, others need the loop)
            what = "".join(traceback.format_exception_only(exc)).strip()
            self._tell(
                f"A task or a callback on the event loop raised {what}; the loop keeps running."
            )
            traceback.print_exception(exc, file=sys.stderr)

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            # Bounded: a handler may catch even its cancellation.
            await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT)

    def _tell(self, text: str) -> None:
        for listener in list(self.listeners):
            listener(text)

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller runs on this loop's thread."""
        return threading.get_ident() == self.thread.ident

    @property
    def has_ended(self) -> bool:
        """Whether nothing runs on the loop any more."""
        return self.loop.is_closed() or (
            self.thread.ident is not None and not self.thread.is_alive()
        )

    # Waiting in other threads

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the loop's thread and return its result or raise its exception.

        Any thread may call this.

        Raises:
            LoopBlocked: Code on the loop does not give it back.
            RuntimeError: The loop has ended.
        """
        if self.is_current_thread:
            return function()
        results: list[T] = []
        errors: list[BaseException] = []
        done = Latch()

        def run() -> None:
            try:
                results.append(function())
            except BaseException as exc:  # noqa: BLE001  (the caller gets it)
                errors.append(exc)
            done.set()

        self.loop.call_soon_threadsafe(run)
        self.wait(done.wait)
        if errors:
            raise errors[0]
        return results[0]

    def wait(self, done: Callable[[float], bool], timeout: float | None = None) -> bool:
        """Wait for something that the loop does, for as long as the loop goes on.

        Any thread but the loop's may call this. `done` waits for a number of seconds at most, and
        returns whether it is done, as this does.

        Raises:
            LoopBlocked: Code on the loop does not give it back.
            RuntimeError: The loop has ended.
        """
        deadline = None if timeout is None else monotonic() + timeout
        answered: Latch | None = None
        while True:
            left = STEP if deadline is None else max(deadline - monotonic(), 0.0)
            if done(min(STEP, left)):
                return True
            if left == 0:
                return False
            if self.has_ended:
                if done(0):
                    return True
                raise RuntimeError("the event loop has ended")
            if answered is None or answered.is_set():
                answered = self._ask()
            else:
                self._watch.look()
                self._watch.check()

    def _ask(self) -> Latch:
        """Return a latch that the loop sets in its next turn."""
        answered = Latch()

        def answer() -> None:
            self._watch.reset()
            answered.set()

        self.loop.call_soon_threadsafe(answer)
        return answered

    def settle(self, timeout: float = STEP) -> None:
        """Wait, for a while, until the loop has run what other threads have queued so far."""
        if self.is_current_thread:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            if not self._ask().wait(timeout):
                self._watch.look()

    def forbid_wait(self) -> None:
        """Raise `WrongThread` for a blocking call on the loop's own thread."""
        if self.is_current_thread:
            raise WrongThread(
                "this call blocks, and it was made on the thread that runs the event loop, "
                "which would wait for itself; in an async def handler, await its async counterpart"
            )

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and return its result; cancel it when the wait ends earlier.

        Any thread but the loop's may call this.

        Raises:
            WrongThread: Called on the loop's thread; the coroutine is closed.
            TimeoutError: The result did not come in time.
            LocalError: Something on the loop has cancelled the coroutine.
            LoopBlocked: Code on the loop does not give it back.
            RuntimeError: The loop has ended.
        """
        tasks: list[asyncio.Task[T]] = []
        done = Latch()

        def start() -> None:
            # Not `create_task`: a handler may have given the loop a factory that fails.
            tasks.append(asyncio.Task(coroutine, loop=self.loop))
            tasks[0].add_done_callback(lambda _: done.set())

        def cancel() -> None:
            for task in tasks:
                task.add_done_callback(lambda task: task.cancelled() or task.exception())
                task.cancel()

        try:
            self.forbid_wait()
            self.loop.call_soon_threadsafe(start)
            if not self.wait(done.wait, timeout):
                raise TimeoutError
            if tasks[0].cancelled():
                raise LocalError(
                    "this call was cancelled by code on the event loop, such as a handler that "
                    "cancels all tasks; all servers and clients of this kernel share that loop"
                )
            return tasks[0].result()
        except WrongThread:
            coroutine.close()
            raise
        except BaseException:
            try:
                self.loop.call_soon_threadsafe(cancel)
            except RuntimeError:
                coroutine.close()
            raise


_lock = make_lock()
_current: BackgroundLoop | None = None
_loops: dict[Hashable, BackgroundLoop] = {}  # of each user


def acquire(user: Hashable, own: BackgroundLoop | None = None) -> BackgroundLoop:
    """Return the running loop, or a user's own; start it if there is none.

    `release` must be called even if this raises, with the same key.
    """
    global _current
    with _lock:
        found = own or _current
        if found is None or found.has_ended:
            found = BackgroundLoop()
        try:
            if own is None:
                _current = found
            _loops[user] = found
            found.start()
        except BaseException:  # no more threads, or an interrupt
            found.give_up_start()
            raise
        return found


def loop_of(user: Hashable) -> BackgroundLoop | None:
    """Return the loop of a user; None before `acquire` and after `release`."""
    return _loops.get(user)


def release(user: Hashable) -> None:
    """Stop using a loop; the last user's release ends its thread. Idempotent.

    Any thread may call this. `join` waits for the end of the thread.
    """
    global _current
    with _lock:
        found = _loops.pop(user, None)
        if found is None or found in _loops.values():
            return
        if _current is found:
            _current = None
    found.end()


def give_up(blocked: BackgroundLoop) -> None:
    """Start another loop for the next user; the users of this one keep it."""
    global _current
    with _lock:
        if _current is blocked:
            _current = None


def forget_after_fork() -> None:
    """Forget the parent's loop, in a forked child.

    The child has only the thread that forked. The loop must not be touched, because its selector
    is shared with the parent.
    """
    global _current
    _current = None
    _loops.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_after_fork)
