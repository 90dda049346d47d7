"""Where a thread is, and when that counts as blocking the loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from astra_nb.errors import LoopBlocked
from astra_nb.net import blocking
from astra_nb.net.background import BackgroundLoop, acquire, release
from astra_nb.net.blocking import BLOCKED_AFTER, NOTICE_AFTER, STUCK_AFTER, Place, Watch, place_of
from tests.helpers import run_python, wait_until

HERE = str(Path(__file__))


@contextmanager
def waiting() -> Iterator[BackgroundLoop]:
    """Yield a loop of its own that is blocked by a function named `hold`."""
    go_on = threading.Event()
    loop = BackgroundLoop()
    acquire("a", loop)

    def helper() -> None:
        go_on.wait(60)  # here

    def hold() -> None:
        helper()

    loop.loop.call_soon_threadsafe(hold)
    wait_until(lambda: place_of(loop.thread.ident))
    try:
        yield loop
    finally:
        go_on.set()
        release("a")
        loop.join()


def test_the_place_is_the_callers_innermost_line_and_its_outermost_function() -> None:
    with waiting() as loop:
        place = wait_until(lambda: place_of(loop.thread.ident))
        assert place is not None
        assert (place.function, place.file) == ("hold", HERE)
        assert place.source == "go_on.wait(60)  # here"
        assert str(place) == f"hold() at line {place.line} of {HERE}: go_on.wait(60)  # here"


def test_a_place_without_its_source_leaves_it_out() -> None:
    assert str(blocking.Place("talk", "<gone>", 3, "")) == "talk() at line 3 of <gone>"


def test_code_without_lines_is_at_its_first_one() -> None:
    go_on = threading.Event()
    code = compile("wait(60)", "generated", "exec").replace(co_linetable=b"")
    thread = threading.Thread(target=exec, args=(code, {"wait": go_on.wait}))
    thread.start()
    there = Place("<module>", "generated", 1, "")
    wait_until(lambda: place_of(thread.ident) == there)
    go_on.set()
    thread.join()


def test_a_loop_that_waits_for_sockets_is_nowhere() -> None:
    loop = BackgroundLoop()
    acquire("a", loop)
    loop.call(lambda: None)
    wait_until(lambda: place_of(loop.thread.ident) is None)
    release("a")
    loop.join()
    assert place_of(loop.thread.ident) is None
    assert place_of(None) is None


@pytest.mark.parametrize("name", ["nest_asyncio", "nest_asyncio2"])
def test_a_loop_that_may_be_nested_is_nowhere_either(name: str) -> None:
    # In a process of its own, because the loop's class stays patched.
    done = run_python(
        "-c",
        f"""
import asyncio, {name}
{name}.apply(asyncio.new_event_loop())
from astra_nb.net.background import acquire, release
from astra_nb.net.blocking import place_of

async def where():
    return place_of(loop.thread.ident)

loop = acquire("a")
print(loop.loop.run_forever.__module__, loop.run(where()).function)
while place_of(loop.thread.ident) is not None:
    pass
release("a")
loop.join()
""",
    )
    assert done.stdout == f"{name} where\n", done.stderr


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a watch says; each look counts, however soon."""
    monkeypatch.setattr(blocking, "STEP", 0.0)
    return []


def test_a_long_turn_is_told_once_and_then_blocks(told: list[str]) -> None:
    with waiting() as loop:
        watch = Watch(lambda: loop.thread.ident, told.append)
        for _ in range(NOTICE_AFTER):
            assert told == []
            watch.look()
        for _ in range(BLOCKED_AFTER - NOTICE_AFTER):
            watch.check()
            assert not watch.is_blocked
            watch.look()
        with pytest.raises(LoopBlocked, match=r"^the event loop is blocked by hold\(\) at"):
            watch.check()
        [text] = told
        assert text.startswith("The event loop is blocked by hold() at line ")
        assert "a `def` handler may block (a rule of a tap may not: `message.delay(1)`)" in text
        watch.reset()
        watch.check()


def test_a_busy_thread_in_nobodys_code_is_given_longer(told: list[str]) -> None:
    watch = Watch(lambda: None, told.append)
    for _ in range(STUCK_AFTER - 1):
        watch.look()
        watch.check()
    watch.look()
    with pytest.raises(LoopBlocked, match=r"^the event loop is blocked; "):
        watch.check()
    assert told == []


def test_looks_of_many_threads_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "STEP", 60.0)
    with waiting() as loop:
        watch = Watch(lambda: loop.thread.ident, lambda text: None)
        for _ in range(BLOCKED_AFTER):
            watch.look()
        assert not watch.is_blocked
