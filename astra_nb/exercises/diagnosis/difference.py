"""Differences: how a value differs from the right one, as a clause about "it"."""

from __future__ import annotations

import base64
import re
import reprlib
from collections.abc import Callable
from typing import Any

__all__ = ["a", "how_differs", "same", "short"]

NUMBER = re.compile(r"-?\d{1,100}")
SMALL = 16 * 1024  # bytes that are looked at in every way


class _Short(reprlib.Repr):
    """Shows any value on one line, in few characters."""

    def repr_int(self, x: int, level: int) -> str:
        bits = x.bit_length()  # Python writes out no number of thousands of digits
        return f"<int of {bits:,} bits>" if bits > 10_000 else super().repr_int(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        shown = super().repr_instance(x, level)
        return f"<{type(x).__name__}>" if "\n" in shown else shown


_short = _Short()
_short.maxstring = _short.maxother = 70
_short.maxdict = _short.maxlist = _short.maxtuple = 12
short = _short.repr

TEXTS: tuple[tuple[Callable[[str], object], str], ...] = (
    (str.lower, "it has the right letters, but not their case"),
    (str.split, "only blanks or line breaks differ"),
    (lambda text: text.strip("'\""), "only the quotes around it differ"),
    (lambda text: sorted(text.split()), "it has the right words in another order"),
)
BYTES: tuple[tuple[Callable[[bytes], bytes], str], ...] = (
    (lambda right: right.hex().encode(), "those are its hexadecimal digits, not the bytes"),
    (base64.b64encode, "it is the right one in base64"),
    (lambda right: right.decode("latin-1").encode(), "each byte from 0x80 on has become two"),
    (
        lambda right: right.decode("utf-8", "replace").encode(),
        "bytes that are not UTF-8 were replaced",
    ),
    (lambda right: right.decode("utf-8", "ignore").encode(), "bytes that are not UTF-8 were lost"),
    (lambda right: bytes(sorted(right)), "its bytes are sorted"),
    (lambda right: str(right).encode(), "that is Python's spelling of the bytes"),
)


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
    found = ["it is the right one in reverse order"] if came == right[::-1] else []
    if isinstance(right, str):
        if NUMBER.fullmatch(right) and NUMBER.fullmatch(came) and int(came) != int(right):
            return how_differs(int(came), int(right))
        found += [said for form, said in TEXTS if form(came) == form(right)]
    elif max(len(right), len(came)) <= SMALL:
        found += [said for form, said in BYTES if came == form(right)]
    if isinstance(right, bytes) and len(came) == len(right) and sorted(came) == sorted(right):
        found.append("it has the right bytes in another order")
    if not came or found:
        return found[0] if came else "it is empty"
    start = _alike(came, right)
    end = _alike(came[start:][::-1], right[start:][::-1])
    has, lacks = came[start : len(came) - end], right[start : len(right) - end]
    at = "at the beginning" if not start else "at the end" if not end else ""
    at = at or f"after {short(right[max(0, start - 8) : start])}"
    if isinstance(right, bytes) and len(came) != len(right):
        at += f" (its length is {len(came):,}, not {len(right):,})"
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
