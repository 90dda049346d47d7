"""Numbers that a user gives: integers, seconds and sizes. NumPy's are taken as well."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

from .errors import LocalError

__all__ = ["as_integer", "as_seconds", "check_seconds", "check_size", "check_wait"]


def as_integer(value: object) -> int | None:
    """Return an `int` or another integer, such as NumPy's, as an `int`; None for all else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def as_seconds(number: Any) -> float | None:
    """Return a number of seconds as a float, infinity for a greater one; None for what is none.

    NumPy's numbers are numbers too. True, False and nan are not.
    """
    if isinstance(number, bool) or not isinstance(number, numbers.Real) or number != number:
        return None
    try:
        return float(number)
    except OverflowError:
        return -math.inf if number < 0 else math.inf


def check_seconds(name: str, seconds: object) -> float:
    """Return a positive number of seconds as a float; raise `LocalError` for anything else."""
    checked = as_seconds(seconds)
    if checked is None or not checked > 0:
        raise LocalError(f"{name} is a positive number of seconds, not {seconds!r:.80}")
    return checked


def check_wait(timeout: object) -> float | None:
    """Return the timeout of a wait, which may be over already, as a float; None for no limit."""
    checked = as_seconds(timeout)
    if checked is None and timeout is not None:
        raise LocalError(
            f"timeout is a number of seconds, or None for no limit, not {timeout!r:.80}"
        )
    return checked


def check_size(name: str, size: object) -> int | None:
    """Return a number of bytes, or None for any; raise `LocalError` for anything else."""
    checked = as_integer(size)
    if size is None or (checked is not None and checked >= 0):
        return checked
    raise LocalError(f"{name} is a number of bytes, or None for any, not {size!r:.80}")
