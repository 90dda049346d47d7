"""Differences: how a value differs from the right one, as a clause about "it"."""

from __future__ import annotations

import operator
import re
import reprlib
from itertools import takewhile
from typing import Any

from astra_nb.wire.text import counted

__all__ = ["how_differs", "same", "short"]

LONG = 16  # characters or bytes that `short` shows whole, escapes and all
BRACES = re.compile(r"\{[A-Za-z_][\w.\[\]()]*\}")  # of an f-string without its f

_limits = reprlib.Repr()
_limits.maxstring = _limits.maxother = 70
_limits.maxdict = _limits.maxlist = _limits.maxtuple = 12


def short(value: object) -> str:
    """Show any value on one line, in few characters."""
    try:
        shown = _limits.repr(value)
    except ValueError:  # Python does not write out an int of thousands of digits
        shown = "\n"
    return f"<{type(value).__name__}>" if "\n" in shown else shown


def same(came: Any, right: Any) -> bool:
    """Return whether a value is the right one, of its type; a list may be a tuple, 1 be True."""
    if isinstance(right, dict) and isinstance(came, dict):
        return came.keys() == right.keys() and all(same(came[key], right[key]) for key in right)
    if isinstance(right, (list, tuple)) and type(came) in (list, type(right)):
        return len(came) == len(right) and all(map(same, came, right))
    kinds = (bool, int) if isinstance(right, bool) else (type(right),)
    return type(came) in kinds and bool(came == right)


def how_differs(came: Any, right: Any, *, name: str = "it") -> str:
    """Return in what any value differs from the right one, which is not the same."""
    said, both = "", (came, right)
    if all(isinstance(each, (list, tuple)) for each in both):
        said = _first_item(dict(enumerate(came)), dict(enumerate(right)), name)
        if len(came) != len(right):
            said = f"{name} has {counted(len(came), 'item')}, not {len(right)}; {said}"
    elif all(isinstance(each, dict) for each in both):
        said = _first_item(came, right, name)
    elif came and type(came) is type(right) and isinstance(right, (str, bytes)):
        said = _run(came, right, name)
    alike = type(came) is not type(right) and short(came).strip("'") == short(right).strip("'")
    plain = f"{name} is {short(came)}, but {short(right)} is right"
    return said or plain + ": only the type differs" * alike


def _first_item(came: dict[Any, Any], right: dict[Any, Any], name: str) -> str:
    """Compare two dicts or lists, up to the first item that is not the same."""
    for key in {**right, **came}:
        if key not in came or key not in right:
            return f"{name} {'lacks' if key in right else 'has an extra'} item {short(key)}"
        if not same(came[key], right[key]):
            of_item = f" of {name}" if name != "it" else ""
            return how_differs(came[key], right[key], name=f"item {short(key)}{of_item}")
    return ""  # a tuple in place of a list


def _run(came: Any, right: Any, name: str) -> str:
    """Compare two texts, or two runs of bytes."""
    if isinstance(right, str) and BRACES.search(came) and not BRACES.search(right):
        return f"{name} has braces: an f before the quotes fills in what is in braces"
    if came.lower() == right.lower():
        return f"{name} differs in the case of the letters alone"
    start = _alike(came, right)
    end = _alike(came[start:][::-1], right[start:][::-1])
    has, lacks = came[start : len(came) - end], right[start : len(right) - end]
    place = f"after {short(right[max(0, start - 8) : start])}" if start else "at the beginning"
    if (not has or not lacks) and not came.isdigit():
        return f"{name} {'has an extra' if has else 'lacks'} {short(has or lacks)} {place}"
    is_long = max(len(came), len(right)) > LONG
    return f"{place} {name} has {short(has)} where {short(lacks)} is right" if is_long else ""


def _alike(one: Any, other: Any) -> int:
    """Return how many items at the beginning are the same."""
    return len([*takewhile(bool, map(operator.eq, one, other))])
