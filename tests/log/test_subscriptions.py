from __future__ import annotations

import pytest

from astra_nb.log.subscriptions import Subscriptions


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
