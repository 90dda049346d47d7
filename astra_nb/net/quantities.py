"""Checks of numbers that a user gives: seconds and sizes. NumPy's are taken as well."""

from __future__ import annotations

from astra_nb.errors import LocalError
from astra_nb.locks import as_seconds
from astra_nb.payloads import as_integer

__all__ = ["check_seconds", "check_size", "check_wait"]


def check_seconds(name: str, seconds: object) -> float:
    """Return a positive number of seconds as a float.

    Raises:
        LocalError: It is anything else.
    """
    checked = as_seconds(seconds)
    if checked is None or not checked > 0:
        raise LocalError(f"{name} is a positive number of seconds, not {seconds!r:.80}")
    return checked


def check_wait(timeout: object) -> float | None:
    """Return the timeout of a wait, which may be over already, as a float; None for no limit.

    Raises:
        LocalError: It is not a number of seconds.
    """
    checked = as_seconds(timeout)
    if checked is None and timeout is not None:
        raise LocalError(
            f"timeout is a number of seconds, or None for no limit, not {timeout!r:.80}"
        )
    return checked


def check_size(name: str, size: object) -> int | None:
    """Return a number of bytes, or None for any.

    Raises:
        LocalError: It is anything else.
    """
    checked = as_integer(size)
    if size is None or (checked is not None and checked >= 0):
        return checked
    raise LocalError(f"{name} is a number of bytes, or None for any, not {size!r:.80}")
