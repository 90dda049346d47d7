"""Differences: how a value differs from the right one, as a clause about "it"."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable
from typing import Any

__all__ = ["a", "how_differs", "same", "short"]

BRACES = re.compile(r"\{[A-Za-z_][\w.\[\]()]*\}")  # of an f-string without its f
NUMBER = re.compile(r"-?\d{1,100}")
LOSSY = ("ignore", "replace")  # ways to decode bytes that are not UTF-8
SMALL = 16 * 1024  # bytes that are looked at in every way

_limits = reprlib.Repr()
_limits.maxstring = _limits.maxother = 70
_limits.maxdict = _limits.maxlist = _limits.maxtuple = 12

TEXTS: tuple[tuple[Callable[[str, str], object], str], ...] = (
    (lambda came, right: came.startswith("Message("),
     "it is the whole Message, and the payload is message.value"),
    (lambda came, right: BRACES.search(came) and not BRACES.search(right),
     "braces are in it: an f before the quotes fills in what is in braces"),
    (lambda came, right: came.lower() == right.lower(), "the case of the letters changed"),
    (lambda came, right: came.split() == right.split(), "only blanks or line breaks differ"),
    (lambda came, right: came in (repr(right), repr(right.encode("utf-8", "replace"))),
     "it is Python's spelling of the value, quotes and all"),
    (lambda came, right: sorted(came.split()) == sorted(right.split()),
     "it has the right words in another order"),
    (lambda came, right: right.encode("ascii", "ignore") == came.replace("?", "").encode(
        "ascii", "ignore"), "characters beyond ASCII were lost"),
)  # fmt: skip
BYTES: tuple[tuple[Callable[[bytes, bytes], object], str], ...] = (
    (lambda came, right: came == right.hex().encode(), "it is hexadecimal digits, not the bytes"),
    (lambda came, right: came == right.decode("latin-1").encode(),
     "each byte from 0x80 on has become two"),
    (lambda came, right: came in (right.decode("utf-8", how).encode() for how in LOSSY),
     "bytes that are not UTF-8 were lost"),
    (lambda came, right: came == str(right).encode(), "it is Python's spelling of the bytes"),
    (lambda came, right: sorted(came) == sorted(right), "it has the right bytes in another order"),
)  # fmt: skip


def short(value: object) -> str:
    """Show any value on one line, in few characters."""
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python does not write it out
        return f"<int of {value.bit_length():,} bits>"
    shown = _limits.repr(value)
    return f"<{type(value).__name__}>" if "\n" in shown else shown


def a(value: object) -> str:
    """Name the type of a value, with its article."""
    name = "None" if value is None else type(value).__name__
    article = "an" if name[:1] in "aeiouAEIOU" else "a"
    return name if name in ("None", "bytes") else f"{article} {name}"


def same(came: Any, right: Any) -> bool:
    """Return whether a value is the right one, of its type; a list may be a tuple, 1 be True."""
    if isinstance(right, dict) and isinstance(came, dict):
        return came.keys() == right.keys() and all(same(came[key], right[key]) for key in right)
    if isinstance(right, (list, tuple)) and type(came) in (list, type(right)):
        return len(came) == len(right) and all(map(same, came, right))
    kinds = (bool, int) if isinstance(right, bool) else (type(right),)
    return type(came) in kinds and bool(came == right)


def how_differs(came: Any, right: Any) -> str:
    """Return in what any value differs from the right one, which is not the same."""
    said, plain = "", f"it is {short(came)}, but {short(right)} is right"
    if isinstance(right, (list, tuple)) and isinstance(came, (list, tuple)):
        said = _items(dict(enumerate(came)), dict(enumerate(right)), "item ")
    elif isinstance(right, dict) and isinstance(came, dict):
        said = _items(came, right, "")
    elif type(came) is type(right) and isinstance(right, (str, bytes)):
        return _runs(came, right)
    if not said and type(came) is not type(right) and not isinstance(right, bool):
        said = f"it is {a(came)}{f', {short(came)}' * (came is not None)}, but {a(right)} is right"
        alike = short(came).strip("'") == short(right).strip("'")
        return f"{said}: only the type differs" if alike else said
    if type(right) is int and abs(came - right) <= 6:
        return f"{plain}: that is {abs(came - right)} too {'many' if came > right else 'few'}"
    return said or plain


def _runs(came: Any, right: Any) -> str:
    """Compare two texts, or two runs of bytes."""
    is_text = isinstance(right, str)
    if is_text and NUMBER.fullmatch(right) and NUMBER.fullmatch(came) and int(came) != int(right):
        return how_differs(int(came), int(right))
    if not came or came in (right[::-1], right * 2):
        how = "the right one in reverse order" if came == right[::-1] else "there twice"
        return f"it is {how if came else 'empty'}"
    forms: Any = TEXTS if is_text else BYTES if max(len(right), len(came)) <= SMALL else ()
    for holds, said in forms:
        if holds(came, right):
            return str(said)
    start = _alike(came, right)
    end = _alike(came[start:][::-1], right[start:][::-1])
    has, lacks = came[start : len(came) - end], right[start : len(right) - end]
    at = "at the beginning" if not start else "at the end" if not end else ""
    at = at or f"after {short(right[max(0, start - 8) : start])}"
    if not has or not lacks:
        return f"{short(has or lacks)} is {'extra' if has else 'missing'} {at}"
    where = f"{at} " if start or end else ""
    return f"{where}it has {short(has)} where {short(lacks)} is right"


def _alike(one: Any, other: Any) -> int:
    """Return how many items at the beginning are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, pair in pairs if pair[0] != pair[1]), min(len(one), len(other)))


def _items(came: dict[Any, Any], right: dict[Any, Any], name: str) -> str:
    missing = [f"{key!r:.40}" for key in right if key not in came]
    added = [f"{key!r:.40}" for key in came if key not in right]
    wrong = [key for key in right if key in came and not same(came[key], right[key])]
    both = ((missing, "missing"), (added, "too many"))
    parts = [f"{name}{', '.join(keys[:5])} {what}" for keys, what in both if keys]
    for key in wrong[:1]:
        said, item = how_differs(came[key], right[key]), f"{name}{key!r}"
        parts.append(f"{item} {said[3:]}" if said.startswith("it ") else f"in {item}, {said}")
    return "; ".join(parts)
