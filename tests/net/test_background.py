"""The background loop: who starts and ends its thread, calls from other threads, and forks."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from astra_nb.errors import LocalError, LoopBlocked, WrongThread
from astra_nb.net import background, blocking
from astra_nb.net.background import (
    WATCH_NAME,
    BackgroundLoop,
    acquire,
    forget_after_fork,
    give_up,
    loop_of,
    release,
)
from tests.helpers import run_python, wait_until

WRONG_THREAD = (
    "this call blocks, and it was made on the thread that runs the event loop, "
    "which would wait for itself; in an async def handler, await its async counterpart"
)


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    """The shared loop, with one user."""
    yield acquire("the fixture")
    end("the fixture")


def end(user: str) -> BackgroundLoop:
    """Release a user's loop and wait for its end, if it was the last user."""
    found = loop_of(user)
    assert found is not None
    release(user)
    found.join()
    return found


def has_ended(background: BackgroundLoop) -> bool:
    return not background.thread.is_alive() and background.loop.is_closed()


# Users


def test_the_thread_starts_with_the_first_user_and_ends_with_the_last() -> None:
    first = acquire("a")
    assert (first.thread.name, first.thread.daemon) == ("astra_nb event loop", True)
    assert acquire("b") is first
    assert loop_of("b") is first
    end("a")
    assert first.thread.is_alive()
    assert first.call(lambda: 1) == 1
    end("b")
    assert has_ended(first)
    assert loop_of("b") is None
    third = acquire("c")
    assert third is not first
    end("c")
    assert has_ended(third)


def test_a_release_without_a_loop_does_nothing(loop: BackgroundLoop) -> None:
    release("nobody")
    acquire("a")
    release("a")
    release("a")
    assert loop.call(lambda: "still there") == "still there"


def test_users_in_many_threads_share_one_loop() -> None:
    together = threading.Barrier(8)
    found: list[BackgroundLoop] = []

    def use() -> None:
        user = object()
        together.wait(10)
        found.append(acquire(user))
        together.wait(10)
        release(user)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    found[0].join()
    assert len(set(map(id, found))) == 1
    assert has_ended(found[0])


def test_a_loop_of_its_own_ends_without_the_shared_one(loop: BackgroundLoop) -> None:
    own = BackgroundLoop()
    assert acquire("own", own) is own
    assert own.loop is not loop.loop
    end("own")
    assert has_ended(own)
    assert acquire("again") is loop
    end("again")
    assert loop.call(lambda: 1) == 1


def test_without_a_thread_there_is_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            acquire("a")
    release("a")
    assert acquire("b").call(lambda: 1) == 1
    end("b")


def test_with_one_thread_and_no_second_one_there_is_a_loop_without_a_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == WATCH_NAME:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert acquire("a").call(lambda: 1) == 1
    assert has_ended(end("a"))


def test_a_call_that_code_on_the_loop_cancels_is_told(loop: BackgroundLoop) -> None:
    async def cancelled() -> None:
        loop.loop.call_soon(lambda: [task.cancel() for task in asyncio.all_tasks(loop.loop)])
        await asyncio.sleep(60)

    with pytest.raises(LocalError, match=r"^this call was cancelled by code on the event loop, "):
        loop.run(cancelled())


def watchers() -> int:
    return sum(thread.name == WATCH_NAME for thread in threading.enumerate())


def test_the_log_is_told_of_a_blocked_loop_while_nobody_waits(
    loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in background, blocking:
        monkeypatch.setattr(module, "STEP", 0.01)
    go_on, told = threading.Event(), threading.Event()
    texts: list[str] = []

    def hold() -> None:
        go_on.wait(60)

    def listen(text: str) -> None:
        texts.append(text)
        told.set()

    for turn in 1, 2:
        loop.listeners.add(listen)
        loop.loop.call_soon_threadsafe(hold)
        assert told.wait(10)
        loop.listeners.discard(listen)  # and then nobody looks any more
        assert len(texts) == turn
        assert texts[-1].startswith("The event loop is blocked by hold() at line ")
        go_on.set()
        assert loop.call(lambda: 1) == 1
        go_on.clear()
        told.clear()
    assert watchers() == 1


def test_the_watch_does_not_wake_a_loop_that_waits_for_sockets(
    loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = BackgroundLoop()
    looks: list[int] = []

    def look(ident: int | None) -> None:
        looks.append(1)

    monkeypatch.setattr(background, "place_of", look)
    monkeypatch.setattr(background, "WATCH_STEP", 0.001)
    monkeypatch.setattr(BackgroundLoop, "_ask", lambda self: pytest.fail("the loop was woken"))
    acquire("own", own)
    wait_until(lambda: len(looks) > 10)
    end("own")


def test_the_watch_ends_with_a_loop_that_is_blocked_until_then(loop: BackgroundLoop) -> None:
    own = acquire("own", BackgroundLoop())
    own.listeners.add(lambda text: None)
    go_on = threading.Event()
    own.loop.call_soon_threadsafe(go_on.wait, 60)
    release("own")
    assert watchers() == 2
    go_on.set()
    own.join()
    assert has_ended(own)
    assert watchers() == 1


def test_the_loops_own_thread_may_release_it_and_ends_after_the_queued_calls() -> None:
    found = acquire("a")
    called: list[str] = []

    def leave() -> None:
        found.loop.call_soon(called.append, "queued")
        end("a")
        called.append("released")

    found.loop.call_soon_threadsafe(leave)
    wait_until(lambda: has_ended(found))
    assert called == ["released", "queued"]


def test_tasks_are_cancelled_at_the_end_and_may_clean_up() -> None:
    found = acquire("a")
    ended: list[str] = []
    started = threading.Event()

    async def task(name: str) -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    tasks = [found.call(lambda name=name: found.loop.create_task(task(name))) for name in "ab"]  # type: ignore[misc]
    assert started.wait(5)
    found.settle(5)
    end("a")
    assert has_ended(found)
    assert sorted(ended) == ["a", "b"]
    assert all(each.cancelled() for each in tasks)


def test_generators_are_closed_at_the_end() -> None:
    found = acquire("a")
    ended: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ended.append("closed")

    async def take() -> int:
        return await anext(generator)

    generator = numbers()
    assert found.run(take()) == 1
    end("a")
    assert ended == ["closed"]


STUBBORN = """
import asyncio
from astra_nb.net import background, blocking
background.CANCEL_TIMEOUT = 0.05
found = background.acquire("a")

async def stay():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

task = found.call(lambda: found.loop.create_task(stay()))
found.settle(5)
background.release("a")
found.join()
print(found.thread.is_alive())
"""


def test_a_task_that_catches_its_cancellation_does_not_keep_the_thread() -> None:
    assert run_python("-c", STUBBORN).stdout == "False\n"


# Calls from other threads


def test_a_call_runs_on_the_loops_thread(loop: BackgroundLoop) -> None:
    assert loop.call(threading.current_thread) is loop.thread
    assert loop.call(asyncio.get_running_loop) is loop.loop
    assert loop.call(lambda: loop.is_current_thread) is True
    assert loop.is_current_thread is False


@pytest.mark.parametrize("error", [ValueError("told"), KeyboardInterrupt("told")])
def test_a_call_raises_what_its_function_raises(loop: BackgroundLoop, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        loop.call(fail)
    assert caught.value is error
    assert loop.call(lambda: "still there") == "still there"


def test_a_call_on_the_loops_thread_is_made_at_once(loop: BackgroundLoop) -> None:
    assert loop.call(lambda: [1, loop.call(lambda: 2)]) == [1, 2]


def test_settling_waits_for_what_was_queued_before(loop: BackgroundLoop) -> None:
    done: list[int] = []
    for number in range(100):
        loop.loop.call_soon_threadsafe(done.append, number)
    loop.settle(5)
    assert done == list(range(100))


def test_settling_is_bounded_when_the_loop_is_busy(loop: BackgroundLoop) -> None:
    go_on = threading.Event()
    busy = threading.Event()
    done: list[str] = []

    def work() -> None:
        busy.set()
        go_on.wait(10)
        done.append("worked")

    loop.loop.call_soon_threadsafe(work)
    assert busy.wait(5)
    loop.settle(0.01)
    assert done == []
    go_on.set()
    loop.settle(5)
    assert done == ["worked"]


def test_settling_on_the_loops_thread_returns_at_once(loop: BackgroundLoop) -> None:
    later: list[str] = []

    def settle() -> list[str]:
        loop.loop.call_soon(later.append, "later")
        loop.settle(60)
        return list(later)

    assert loop.call(settle) == []


def test_settling_a_loop_that_has_ended_returns_at_once() -> None:
    acquire("a")
    end("a").settle(60)


def test_a_blocking_call_is_refused_on_the_loops_thread_only(loop: BackgroundLoop) -> None:
    loop.forbid_wait()
    with pytest.raises(WrongThread) as caught:
        loop.call(loop.forbid_wait)
    assert str(caught.value) == WRONG_THREAD


async def answer(value: object) -> object:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def test_a_coroutine_is_run_to_its_result(loop: BackgroundLoop) -> None:
    assert loop.run(answer(42)) == 42
    assert loop.run(answer(42), 5) == 42
    with pytest.raises(LookupError, match="told"):
        loop.run(answer(LookupError("told")))


def test_a_coroutine_is_not_run_on_the_loops_thread(loop: BackgroundLoop) -> None:
    coroutine = answer(42)
    with pytest.raises(WrongThread) as caught:
        loop.call(lambda: loop.run(coroutine))
    assert str(caught.value) == WRONG_THREAD
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)  # it was closed, so nothing warns that it was never awaited


def test_a_coroutine_is_cancelled_when_the_wait_for_it_ends(loop: BackgroundLoop) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    def tasks() -> int:
        return loop.call(lambda: len(asyncio.all_tasks()))

    with pytest.raises(TimeoutError):
        loop.run(wait(), 0.01)
    wait_until(lambda: tasks() == 0)


# A loop that is blocked, or that something tries to end


def test_what_ends_a_loop_is_told_and_the_loop_goes_on(
    loop: BackgroundLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    loop.listeners.add(told.append)

    def leave() -> None:
        raise SystemExit(3)

    loop.loop.call_soon_threadsafe(leave)
    loop.loop.call_soon_threadsafe(loop.loop.stop)
    assert loop.call(lambda: "still there") == "still there"
    assert told == [
        "A task or a callback on the event loop raised SystemExit: 3; the loop keeps running."
    ]
    assert "in leave" in capsys.readouterr().err


def test_a_wait_for_a_blocked_loop_ends_and_the_next_user_gets_another(
    loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "STEP", 0.001)
    monkeypatch.setattr(blocking, "STEP", 0.001)
    go_on = threading.Event()

    def hold() -> None:
        go_on.wait(60)

    loop.loop.call_soon_threadsafe(hold)
    with pytest.raises(LoopBlocked, match=r"by hold\(\) at line"):
        loop.run(answer(42))
    give_up(loop)
    assert acquire("another") is not loop
    give_up(loop)
    assert end("another").has_ended
    monkeypatch.undo()
    turned = threading.Event()
    loop.loop.call_soon_threadsafe(turned.set)
    go_on.set()
    assert turned.wait(60)
    assert loop.run(answer(42)) == 42


def test_a_wait_for_a_loop_that_has_ended_ends() -> None:
    acquire("a")
    ended = end("a")
    assert ended.wait(lambda seconds: seconds == 0) is True  # done in its last moment
    with pytest.raises(RuntimeError, match=r"^the event loop has ended$"):
        ended.wait(lambda seconds: False)
    with pytest.raises(RuntimeError, match="closed"):
        ended.run(answer(42))


def test_a_thread_that_starts_after_its_loop_was_given_up_ends() -> None:
    late = BackgroundLoop()
    late.loop.close()  # as after an interrupt of its start
    late.start()
    late.thread.join(5)
    assert has_ended(late)


# Forks


def test_a_child_forgets_the_parents_loop() -> None:
    parents = acquire("a")
    forget_after_fork()  # as in a child
    own = acquire("b")
    assert own is not parents
    assert loop_of("a") is None
    end("b")
    assert has_ended(own)
    assert parents.call(lambda: 1) == 1
    parents.end()
    parents.join()
    assert has_ended(parents)


FORK = f"""
import os, signal
from astra_nb.net import background, blocking
loop = background.acquire("a")
with background._lock:  # as when another thread holds it
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        own = background.acquire("b")
        right = own is not loop and own.call(lambda: 1) == 1
        background.release("b")
        os._exit(0 if right else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(code, "(blocked)" if code == -{int(signal.SIGALRM)} else "", loop.call(lambda: "parent"))
background.release("a")
loop.join()
"""


def test_a_forked_process_has_a_loop_and_a_lock_of_its_own() -> None:
    done = run_python("-W", "ignore::DeprecationWarning", "-c", FORK)
    assert (done.stdout, done.stderr) == ("0  parent\n", "")


def test_the_module_names_what_others_use() -> None:
    assert set(background.__all__) == {"BackgroundLoop", "acquire", "give_up", "loop_of", "release"}
