"""Seconds and sizes that a user gives are taken in every form that is one, and no other."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from astra_nb.errors import LocalError
from astra_nb.net.http_answers import make_answer
from astra_nb.net.tap_message import Passing
from astra_nb.quantities import as_integer, as_seconds, check_seconds, check_size, check_wait
from astra_nb.testing import deterministic
from astra_nb.testing.values import check_number
from astra_nb.wire.messages import Message


class Integer:
    """As NumPy's integers are one."""

    def __init__(self, number: int = 7) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


def test_integers() -> None:
    assert [as_integer(number) for number in (5, -1, Integer())] == [5, -1, 7]
    assert [as_integer(number) for number in (True, 1.0, "1", None)] == [None] * 4


def test_integers_of_other_kinds_wherever_a_user_gives_one() -> None:
    assert make_answer("", Integer(404), ()).status == 404
    passing = Passing("client", Message("text", "Hello"), 1)
    passing.cut(after=Integer(1))  # type: ignore[arg-type]
    assert passing.actions == ["ended TCP after 1 byte of it"]
    check_number("code", Integer(), 9)
    with deterministic(Integer()) as by_other, deterministic(7) as by_own:  # type: ignore[arg-type]
        assert repr(by_other) == repr(by_own)


def test_seconds_as_a_float() -> None:
    assert [as_seconds(number) for number in (2, 0.5, -1)] == [2.0, 0.5, -1.0]
    assert [as_seconds(10**400), as_seconds(-(10**400))] == [math.inf, -math.inf]
    assert [as_seconds(number) for number in (math.nan, True, "1", None, 1j)] == [None] * 5


def test_seconds_may_be_any_positive_number() -> None:
    assert [check_seconds("s", value) for value in (0.001, math.inf)] == [0.001, math.inf]
    assert check_seconds("s", 10**400) == math.inf
    assert repr(check_seconds("s", 5)) == "5.0"
    assert check_seconds("s", Fraction(1, 2)) == 0.5


@pytest.mark.parametrize("value", [0, -1, -(10**400), math.nan, True, "1", Decimal(1), None])
def test_what_is_no_positive_number_of_seconds(value: object) -> None:
    with pytest.raises(LocalError, match=r"^s is a positive"):
        check_seconds("s", value)


@pytest.mark.parametrize("timeout", [0, -1, 0.5, -math.inf, math.inf, Fraction(1, 2), None])
def test_a_wait_may_be_over_already_or_have_no_end(timeout: Any) -> None:
    assert check_wait(timeout) == timeout


def test_a_wait_of_more_seconds_than_a_float_holds() -> None:
    assert check_wait(10**400) == math.inf
    assert check_wait(-(10**400)) == -math.inf


@pytest.mark.parametrize("timeout", [math.nan, "1", b"2", True, [1], 1j, Decimal(1)])
def test_a_wait_of_anything_but_seconds_is_refused(timeout: object) -> None:
    with pytest.raises(
        LocalError, match=r"^timeout is a number of seconds, or None for no limit, "
    ):
        check_wait(timeout)


def test_a_size() -> None:
    assert [check_size("size", size) for size in (None, 0, 2**70)] == [None, 0, 2**70]
    assert check_size("size", Integer()) == 7


@pytest.mark.parametrize("size", ["1000", -1, 1.5, True, math.inf])
def test_what_is_not_a_size(size: object) -> None:
    with pytest.raises(LocalError, match=r"^size is a number of bytes"):
        check_size("size", size)
