from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from astra_nb.errors import WrongThread
from astra_nb.log.criteria import criteria
from astra_nb.log.records import Record
from astra_nb.log.ring import Ring
from astra_nb.log.waiting import Search, Subscriptions, check_wait, refuse_on, wait, wait_async

from .samples import in_thread, text_frame


def test_a_subscription_is_called_once_until_it_is_armed_again() -> None:
    subscriptions, calls = Subscriptions(), []
    subscription = subscriptions.add(lambda: calls.append("called"))
    subscriptions.wake()
    subscriptions.wake()
    assert len(calls) == 1
    subscriptions.arm(subscription)
    subscriptions.arm(subscription)
    subscriptions.wake()
    assert len(calls) == 2


def test_arming_one_leaves_the_others_as_they_are() -> None:
    subscriptions, calls = Subscriptions(), []
    first = subscriptions.add(lambda: calls.append("first"))
    subscriptions.add(lambda: calls.append("second"))
    subscriptions.wake()
    subscriptions.arm(first)
    subscriptions.wake()
    assert calls == ["first", "second", "first"]
    subscriptions.arm_all()
    subscriptions.wake()
    assert calls[3:] == ["first", "second"]


def test_a_removed_subscription_is_not_called() -> None:
    subscriptions, calls = Subscriptions(), []
    subscription = subscriptions.add(lambda: calls.append("called"))
    subscriptions.remove(subscription)
    subscriptions.remove(subscription)
    subscriptions.wake()
    subscriptions.arm(subscription)
    assert subscriptions.armed == ()
    subscriptions.arm_all()
    assert subscriptions.armed == ()
    assert calls == []


def test_the_same_callback_can_be_added_twice() -> None:
    subscriptions, calls = Subscriptions(), []

    def callback() -> None:
        calls.append("called")

    first = subscriptions.add(callback)
    subscriptions.add(callback)
    subscriptions.wake()
    assert len(calls) == 2
    subscriptions.remove(first)
    subscriptions.arm_all()
    subscriptions.wake()
    assert len(calls) == 3


def test_an_error_of_one_callback_is_logged_and_the_others_are_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    subscriptions, calls = Subscriptions(), []

    def broken() -> None:
        raise RuntimeError("broken view")

    subscriptions.add(broken)
    subscriptions.add(lambda: calls.append("called"))
    subscriptions.wake()
    assert calls == ["called"]
    assert "a subscriber of the log raised" in caplog.text
    assert "broken view" in caplog.text


class Log:
    """The parts of a log that a wait needs."""

    def __init__(self) -> None:
        self.ring = Ring(1000, 10**6)
        self.subscriptions = Subscriptions()

    def append(self, count: int) -> None:
        for _ in range(count):
            number = self.ring.snapshot().last_number + 1
            self.ring.fresh.append((1.0, 1, "server", "sent", text_frame(number), 1, "", None))
            self.subscriptions.wake()

    def search(self, text: str | None = None, count: int = 1, after: int = 0) -> Search:
        return Search(self.ring, criteria(text=text), count, after)

    def subscribed(self) -> bool:
        self.subscriptions.arm_all()
        return self.subscriptions.armed != ()


def number_of(record: Record | None) -> int:
    return 0 if record is None else record.number


def test_a_search_goes_on_where_it_ended() -> None:
    log = Log()
    search = log.search("1", count=3)
    log.append(9)
    assert search.step() is None
    assert (search.found, search.after) == (1, 9)
    log.append(5)
    assert number_of(search.step()) == 11
    assert search.found == 3


@pytest.mark.parametrize(
    ("numbers", "error", "message"),
    [
        ({"count": "2"}, TypeError, "count is a whole number, not '2'"),
        ({"count": True}, TypeError, "count is a whole number, not True"),
        ({"count": 1.0}, TypeError, "count is a whole number, not 1.0"),
        (
            {"after": None},
            TypeError,
            "after is a whole number, not None; record.number is the number",
        ),
        ({"timeout": "2"}, TypeError, "timeout is a number of seconds, or None for no limit, not"),
        ({"timeout": True}, TypeError, "timeout is a number of seconds, or None for no limit, not"),
        (
            {"timeout": math.nan},
            ValueError,
            "timeout is nan, a time that never comes; use None for no limit",
        ),
    ],
)
def test_the_numbers_of_a_wait_are_checked(
    numbers: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        check_wait(**{"count": 1, "after": 0, "timeout": 1.0, **numbers})


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 10**12, 0, -0.5, 10**400, -(10**400)])
def test_a_timeout_may_be_none_without_end_or_have_passed(timeout: float | None) -> None:
    timeout = check_wait(1, 0, timeout)
    log = Log()
    log.append(1)
    assert number_of(wait(log.search("1"), log.subscriptions, lambda: None, timeout)) == 1
    assert number_of(asyncio.run(wait_async(log.search("1"), log.subscriptions, timeout))) == 1


class Two:
    """An integer that is no `int`, as NumPy's are."""

    def __index__(self) -> int:
        return 2


class Several:
    """As an array is: what comparing it returns is neither true nor false."""

    def __ne__(self, other: object) -> Any:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


def test_count_and_after_may_be_integers_of_other_kinds() -> None:
    two: Any = Two()
    check_wait(two, two, None)
    log = Log()
    log.append(5)
    search = log.search(count=two, after=two)
    assert number_of(wait(search, log.subscriptions, lambda: None, 0)) == 4


def test_an_array_is_no_timeout() -> None:
    timeout: Any = Several()
    with pytest.raises(TypeError, match=r"^timeout is a number of seconds, or None for no limit"):
        check_wait(1, 0, timeout)


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_begins_at_one(count: int) -> None:
    with pytest.raises(ValueError, match=rf"^count is {count}; the first matching record has the"):
        check_wait(count, 0, 1.0)


def test_how_a_search_is_described() -> None:
    log = Log()
    assert log.search().described() == "a record"
    assert log.search("a", count=2).described() == "2 times a record with text 'a'"


def test_what_is_there_is_found_without_waiting() -> None:
    log = Log()
    log.append(3)
    assert number_of(wait(log.search("2"), log.subscriptions, lambda: None, timeout=0)) == 2
    assert number_of(asyncio.run(wait_async(log.search("3"), log.subscriptions, 0))) == 3
    assert not log.subscribed()


def test_what_does_not_come_in_time_is_none() -> None:
    log = Log()
    log.append(1)
    assert wait(log.search(after=1), log.subscriptions, lambda: None, timeout=0.001) is None
    assert asyncio.run(wait_async(log.search(after=1), log.subscriptions, 0.001)) is None
    assert not log.subscribed()


@pytest.mark.parametrize("timeout", [None, 30])
def test_a_thread_waits_for_what_another_one_appends(timeout: float | None) -> None:
    log = Log()
    search = log.search("200")
    with in_thread(lambda: wait(search, log.subscriptions, lambda: None, timeout)) as waiter:
        log.append(300)
    assert number_of(waiter.result) == 200
    assert not log.subscribed()


def test_pending_frames_are_appended_before_the_first_look() -> None:
    log = Log()
    found = wait(log.search(), log.subscriptions, lambda: log.append(1), timeout=0)
    assert number_of(found) == 1


def test_a_task_waits_for_what_a_thread_appends() -> None:
    log = Log()

    async def scenario() -> None:
        waiting = asyncio.create_task(wait_async(log.search("5"), log.subscriptions, 30))
        await asyncio.sleep(0)
        with in_thread(lambda: log.append(9)):
            assert number_of(await waiting) == 5

    asyncio.run(scenario())
    assert not log.subscribed()


def test_a_cancelled_wait_leaves_no_subscription() -> None:
    log = Log()

    async def scenario() -> None:
        waiting = asyncio.create_task(wait_async(log.search(), log.subscriptions, None))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())
    assert not log.subscribed()


def test_a_search_that_took_too_long_says_what_came() -> None:
    search = Search(Ring(10, 10), criteria(type="ping"), 2, 0)
    said = "2 times a record with type 'ping' did not come"
    timed_out = search.timed_out(0.5, "the last ones", recording=True)
    assert str(timed_out) == f"{said} within 0.5 s: 0 of 2 came; the last ones"
    timed_out = search.timed_out(None, "none", recording=False)
    assert str(timed_out) == (
        f"{said}: 0 of 2 came; this log records nothing (recording is False); none"
    )


def test_a_wait_on_a_loop_of_connections_is_refused() -> None:
    async def on_a_loop() -> None:
        refuse_on(())
        with pytest.raises(WrongThread, match=r"await log\.wait_for_async"):
            refuse_on({asyncio.get_running_loop()})

    refuse_on(())
    asyncio.run(on_a_loop())
