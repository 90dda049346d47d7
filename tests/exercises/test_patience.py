"""Patience counts what this process was given, and says when that was too little."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from astra_nb.exercises import patience
from astra_nb.exercises.patience import LIMIT, Patience, TooBusy, run_delay


class Clock:
    """Stands for the clock and for the system's count of delays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.delay = 7.0
        self.used = 3.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "process_time", lambda: self.used)
        monkeypatch.setattr(patience, "run_delay", lambda: self.delay)

    def pass_by(self, seconds: float, delayed: float = 0.0, used: float = 0.0) -> None:
        self.now += seconds
        self.used += used
        self.delay += delayed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_an_idle_process_counts_by_the_clock(clock: Clock) -> None:
    counted = Patience()
    for _ in range(10):
        clock.pass_by(0.02)
        counted.tick()
    assert counted.given == pytest.approx(0.2)


def test_time_that_others_had_does_not_count(clock: Clock) -> None:
    counted = Patience()
    for _ in range(10):
        clock.pass_by(0.02, delayed=0.015)
        counted.tick()
    assert counted.given == pytest.approx(0.05)


def test_a_machine_that_stood_still_counts_as_one_look(clock: Clock) -> None:
    counted = Patience()
    clock.pass_by(5)
    assert counted.tick() == pytest.approx(0.05)


def test_what_the_process_used_it_was_given(clock: Clock) -> None:
    counted = Patience()
    clock.pass_by(2, delayed=1.5, used=0.5)
    assert counted.tick() == pytest.approx(0.5)


def test_several_threads_that_were_delayed_at_once_count_a_little(clock: Clock) -> None:
    counted = Patience()
    clock.pass_by(0.02, delayed=0.06)
    assert 0 < counted.tick() < 0.001


def test_at_the_limit_a_starved_process_is_too_busy(clock: Clock) -> None:
    counted = Patience()
    with pytest.raises(TooBusy):
        for _ in range(2000):
            clock.pass_by(0.02, delayed=0.018)
            counted.tick()
    assert clock.now - 100 == pytest.approx(LIMIT, abs=0.05)


def test_at_the_limit_a_process_that_had_its_time_goes_on(clock: Clock) -> None:
    counted = Patience()
    for _ in range(2000):
        clock.pass_by(0.02)
        counted.tick()
    assert counted.given == pytest.approx(40)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone counts the delays of threads")
def test_the_system_counts_delays_and_they_only_grow() -> None:
    before = run_delay()
    spin = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(4)]
    while any(other.poll() is None for other in others):
        pass
    assert run_delay() >= before > 0 or before == 0


def test_where_nothing_is_counted_there_is_no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "TASKS", "/nowhere")
    assert run_delay() == 0
