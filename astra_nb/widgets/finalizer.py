"""A call when an object is gone, which keeps neither the object nor the caller alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable

__all__ = ["call_when_gone"]


def call_when_gone(watched: object, method: Callable[[], None]) -> None:
    """Call a bound method once `watched` was collected, unless its owner went first.

    The call may come in any thread. It does not come when the interpreter ends.
    """
    weakref.finalize(watched, call_weakly, weakref.WeakMethod(method)).atexit = False


def call_weakly(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    call = method()
    if call is not None:
        call()
