"""The throttle runs while something happens, and leaves no thread when nothing does."""

from __future__ import annotations

import gc
import linecache
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from astra_nb.widgets import throttle
from astra_nb.widgets.throttle import Throttle
from tests.helpers import wait_until


class Owner:
    def __init__(self, interval: float = 0.001, quiet: float = 0.05) -> None:
        self.beats: list[bool] = []
        self.threads: set[int] = set()
        self.throttle = Throttle(self.beat, interval=interval, quiet=quiet)

    def beat(self, quiet: bool) -> None:
        self.beats.append(quiet)
        self.threads.add(threading.get_ident())


def views() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "astra_nb view"]


def test_a_wake_is_passed_on_and_quiet_is_told_once() -> None:
    owner = Owner()
    assert views() == []
    owner.throttle.wake()
    wait_until(lambda: owner.beats == [False, True])
    wait_until(lambda: not views(), what="the end of the thread")
    owner.throttle.wake()
    wait_until(lambda: owner.beats == [False, True, False, True])


def test_many_wakes_make_few_beats_in_one_thread() -> None:
    owner = Owner(interval=0.05, quiet=0.2)
    start = time.monotonic()
    while time.monotonic() - start < 0.3:
        owner.throttle.wake()
    wait_until(lambda: owner.beats[-1:] == [True])
    took = time.monotonic() - start
    assert len(owner.beats) <= took / 0.05 + 2
    assert len(owner.threads) == 1


def test_stop_ends_the_thread_for_good() -> None:
    owner = Owner(quiet=60)
    owner.throttle.wake()
    wait_until(lambda: bool(owner.beats))
    owner.throttle.stop()
    assert views() == []
    owner.throttle.wake()
    assert views() == []


def test_the_thread_holds_no_owner() -> None:
    owner = Owner(quiet=60)
    throttle, beats = owner.throttle, owner.beats
    throttle.wake()
    wait_until(lambda: bool(beats))
    del owner
    gc.collect()
    throttle.wake()
    wait_until(lambda: not views(), what="the end of the thread")


def test_an_error_in_a_beat_does_not_end_it_for_good() -> None:
    beats: list[int] = []
    errors: list[object] = []

    class Fails:
        def beat(self, quiet: bool) -> None:
            beats.append(1)
            if len(beats) == 1:
                raise RuntimeError("once")

    fails = Fails()
    throttle = Throttle(fails.beat, interval=0.001, quiet=0.01)
    hook, threading.excepthook = threading.excepthook, lambda arguments: errors.append(arguments)
    try:
        throttle.wake()
        wait_until(lambda: not views())
    finally:
        threading.excepthook = hook
    assert len(errors) == 1
    throttle.wake()
    wait_until(lambda: len(beats) >= 2)
    throttle.stop()


def test_an_interrupt_of_stop_holds_up_no_one_who_wakes() -> None:
    for line in range(1, 100):
        owner = Owner(quiet=60)
        owner.throttle.wake()
        wait_until(lambda owner=owner: bool(owner.beats))  # type: ignore[misc]
        hit = interrupted_before(line, owner.throttle.stop)
        waking = threading.Thread(target=owner.throttle.wake)
        waking.start()
        waking.join(10)
        assert not waking.is_alive(), f"interrupted before line {line}"
        owner.throttle.stop()
        assert views() == []
        if not hit:
            assert line > 3
            return
    raise AssertionError("stop() runs more lines than were tried")


def interrupted_before(line: int, call: Callable[[], None]) -> bool:
    """Interrupt a call before the n-th line in the throttle or `threading`; return whether it was.

    No signal comes between "with" and the first line after it, nor before "try:".
    """
    left, traced = line, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in (throttle.__file__, threading.__file__):
            return None
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if event == "line" and not source.startswith(("with ", "try:")):
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(traced)
    return False
