"""How a value differs from the right one, in words: where no listed mistake tells it."""

from __future__ import annotations

import base64
import re
import reprlib
from collections.abc import Callable
from typing import Any

__all__ = ["Short", "a", "how_differs", "how_texts_differ", "short"]


class Short(reprlib.Repr):
    """Shows any value in few characters."""

    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # Python writes out no number of thousands of digits
            return f"<int of {x.bit_length():,} bits>"


short = Short()
short.maxstring = short.maxother = 70
short.maxdict = short.maxlist = 12

SMALL = 16 * 1024  # bytes that are looked at in every way
NUMBER = re.compile(r"-?\d+(\.\d+)?")
SCALES = {2: "double", 4: "four times", 8: "eight times", 10: "ten times", 1000: "a thousand times"}


def how_differs(came: Any, right: Any) -> str:
    """Return in what a value differs from the right one, as half a sentence about "it"."""
    if {type(came), type(right)} == {int, float} and came != right:
        return f"it is {came}, and {right} is right"
    if type(came) is not type(right):
        return other_type(came, right)
    if isinstance(right, str):
        return how_texts_differ(came, right)
    if isinstance(right, bytes):
        return how_bytes_differ(came, right)
    if isinstance(right, int):
        return how_numbers_differ(came, right)
    if isinstance(right, dict):
        return how_dicts_differ(came, right)
    if isinstance(right, (list, tuple)):
        return how_lists_differ(list(came), list(right))
    return f"it is {short.repr(came)}, and {short.repr(right)} is right"


def other_type(came: Any, right: Any) -> str:
    shown = a(came) if came is None else f"{a(came)}, {short.repr(came)}"
    said = f"it is {shown}, and {a(right)} is right"
    if isinstance(right, (str, int)) and not isinstance(right, bool):
        said += f", {short.repr(right)}"
    if isinstance(right, bytes):
        if came == right.hex():
            return f"{said}: those are its hexadecimal digits as text"
        if came in (str(right), repr(list(right))):
            return f"{said}: that is Python's spelling of it"
        if came in (right.decode("utf-8", "replace"), right.decode("latin-1")):
            return f"{said}: it was decoded"
        if isinstance(came, list) and came == list(right):
            return f"{said}: bytes(...) makes bytes of a list"
    elif isinstance(right, str) and came == right.encode():
        return f"{said}: decode() makes a str of it"
    if str(came) == str(right):
        return f"{said}: the value is right, its type is not"
    return said


# Texts


def how_texts_differ(came: str, right: str) -> str:
    """Return in what a text differs from the right one, as half a sentence about "it"."""
    if not came:
        return "it is empty"
    found = _number_in(came, right) if NUMBER.fullmatch(right) else ""
    if found:
        return found
    if came.lower() == right.lower():
        return "it has the right letters, and their case is another"
    if came.split() == right.split():
        return "only blanks or line breaks differ"
    if came == right[::-1]:
        return "it is the right one in reverse order"
    mine, its = words(came), words(right)
    if mine != its and sorted(mine) == sorted(its):
        return "it has the right words in another order"
    if came[:1] == came[-1:] and came[:1] in "'\"" and came[1:-1] == right:
        return f"{came[:1]} stands around it, and that is no part of the value"
    return edit(came, right, lambda part: f"{short.repr(part)}", "character")


def words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text.lower())


def _number_in(came: str, right: str) -> str:
    if came.strip() == right:
        return "blanks or line breaks stand around the number"
    if NUMBER.fullmatch(came):
        if "." in right or "." in came:
            whole = "it is the right number in another form: a whole one is right"
            return whole if float(came) == float(right) else ""
        return how_numbers_differ(int(came), int(right))
    for base, name in ((16, "hexadecimal"), (2, "binary"), (8, "octal")):
        try:
            same = int(came, base) == int(right)
        except ValueError:
            continue
        if same:
            return f"it is the right number in {name} digits, and decimal ones are right"
    if re.search(rf"(?<!\d){re.escape(right)}(?!\d)", came):
        return "the right number is in it, and something stands around it"
    return f"{short.repr(came)} is no number"


def edit(came: Any, right: Any, show: Callable[[Any], str], unit: str) -> str:
    """Return what is left when what is the same at both ends is taken off."""
    start = 0
    for mine, its in zip(came, right, strict=False):
        if mine != its:
            break
        start += 1
    end = 0
    while end < min(len(came), len(right)) - start and came[-1 - end] == right[-1 - end]:
        end += 1
    has, lacks = came[start : len(came) - end], right[start : len(right) - end]
    at = "at the beginning" if not start else "at the end" if not end else ""
    if not at:
        at = f"behind {show(right[max(0, start - 8) : start])}"
    if not has:
        return f"{show(lacks)} is missing {at}{counted(lacks, unit)}"
    if not lacks:
        return f"{show(has)} is too much {at}{counted(has, unit)}"
    if start or end:
        return f"{at} it has {show(has)} where {show(lacks)} is right"
    return f"it is {show(has)}, and {show(lacks)} is right: nothing of it is the same at either end"


def counted(part: Any, unit: str) -> str:
    return f" ({len(part):,} {unit}s)" if len(part) > 3 else ""


# Bytes


def how_bytes_differ(came: bytes, right: bytes) -> str:
    if not came:
        return "it is empty"
    if len(right) <= SMALL and len(came) <= 4 * SMALL:
        for found, said in BYTES:
            if found(came, right):
                return said
    if len(came) == len(right) > 4:
        mask = bytes(one ^ other for one, other in zip(came, right, strict=True))
        for period, key in ((1, "the same byte"), (4, "the same four bytes")):
            if (
                len(mask) > period + 3
                and mask == (mask[:period] * (len(mask) // period + 1))[: len(mask)]
            ):
                return (
                    f"each byte is XORed with {key} ({mask[:period].hex(' ')}) too often: masked "
                    "or unmasked with another key"
                )
    for shift in range(1, 15):
        if len(came) != len(right) or len(right) < shift + 3:
            break
        if came[shift:] == right[: len(right) - shift]:
            return f"it begins {_bytes(shift)} too early, with {came[:shift].hex(' ')}"
        if came[: len(came) - shift] == right[shift:]:
            return f"it begins {_bytes(shift)} too late"
    if len(came) == len(right):
        wrong = [i for i, pair in enumerate(zip(came, right, strict=True)) if pair[0] != pair[1]]
        first = wrong[0]
        many = f"; {len(wrong):,} of {len(right):,} bytes differ" if len(wrong) > 1 else ""
        return (
            f"byte {first} (counted from 0) is 0x{came[first]:02x}, and 0x{right[first]:02x} is "
            f"right{many}"
        )
    said = edit(came, right, lambda part: short.repr(part), "byte")
    return f"it has {_bytes(len(came))}, and {len(right):,} are right: {said}"


BYTES: tuple[tuple[Callable[[bytes, bytes], bool], str], ...] = (
    (lambda came, right: came == right[::-1], "it is the right one in reverse order"),
    (
        lambda came, right: came == right.hex().encode(),
        "those are its hexadecimal digits, and not the bytes themselves",
    ),
    (lambda came, right: came == base64.b64encode(right), "it was put into base64"),
    (
        lambda came, right: came == right.decode("latin-1").encode(),
        "each byte was made a character, and that was encoded anew in UTF-8; decode nothing",
    ),
    (
        lambda came, right: came in (
            right.decode("utf-8", "replace").encode(), right.decode("utf-8", "ignore").encode()
        ),
        "it was decoded and encoded anew, and what is no UTF-8 got lost; decode nothing",
    ),
    (lambda came, right: came == str(right).encode(), "that is Python's spelling of the bytes"),
    (
        lambda came, right: len(right) > 1 and sorted(came) == sorted(right),
        "it has the right bytes in another order",
    ),
)  # fmt: skip


def _bytes(count: int) -> str:
    return f"{count:,} byte{'s' if count != 1 else ''}"


# Numbers, and what is put together


def how_numbers_differ(came: int, right: int) -> str:
    said = f"it is {came}, and {right} is right"
    if came == -right:
        return f"{said}: the sign is wrong"
    if abs(came - right) <= 6:
        return f"{said}: that is {abs(came - right)} too {'many' if came > right else 'few'}"
    if right > 255 and came == right & 0xFF:
        return f"{said}: that is its lower byte alone"
    if right > 255 and came == right >> 8:
        return f"{said}: that is its upper byte alone"
    if 255 < right < 65536 and came == int.from_bytes(right.to_bytes(2, "big"), "little"):
        return f"{said}: its two bytes are taken in the wrong order"
    for factor, name in SCALES.items():
        if came == right * factor:
            return f"{said}: that is {name} of it"
        if came and right == came * factor:
            return f"{said}: the right one is {name} of that"
    more = "more" if came > right else "less"
    return f"{said}: that is {abs(came - right):,} {more}"


def how_dicts_differ(came: dict[Any, Any], right: dict[Any, Any]) -> str:
    missing = [repr(key) for key in right if key not in came]
    added = [repr(key) for key in came if key not in right]
    both = [key for key in right if key in came]
    wrong = [key for key in both if came[key] != right[key]] or [
        key for key in both if not same(came[key], right[key])
    ]
    parts = [f"{', '.join(missing)} missing"] if missing else []
    parts += [f"{', '.join(added)} {'is' if len(added) == 1 else 'are'} too many"] if added else []
    if len(wrong) == 1:
        parts.append(item(repr(wrong[0]), came[wrong[0]], right[wrong[0]]))
    elif wrong:
        parts.append(f"{', '.join(map(repr, wrong))} differ")
    return "; ".join(parts) or "only the kind of a value differs"


PLACES = ("first item", "second item", "third item", "last items")


def how_lists_differ(came: list[Any], right: list[Any]) -> str:
    if len(came) == len(right):
        wrong = [i for i, one in enumerate(came) if not same(one, right[i])]
        if not wrong:
            return "only the kind of a value differs"
        if sorted(map(repr, came)) == sorted(map(repr, right)):
            return "it has the right items in another order"
        return item(f"item {wrong[0]} (counted from 0)", came[wrong[0]], right[wrong[0]])
    count = f"it has {len(came):,} item{'s' if len(came) != 1 else ''}, and {len(right):,} "
    count += "is right" if len(right) == 1 else "are right"
    shorter, longer = sorted((came, right), key=len)
    first = next((i for i, one in enumerate(shorter) if not same(one, longer[i])), len(shorter))
    if first < len(right) and first < len(came):
        return f"{count}; {item(f'item {first} (counted from 0)', came[first], right[first])}"
    which = "too much" if len(came) > len(right) else "missing"
    return f"{count}; {short.repr(longer[first])} is {which}"


def item(name: str, came: Any, right: Any) -> str:
    """Return how one item of several differs."""
    if isinstance(right, tuple) and isinstance(came, (tuple, list)) and len(came) == len(right):
        wrong = next((i for i, one in enumerate(came) if not same(one, right[i])), 0)
        inner = item(f"its {PLACES[min(wrong, 3)]}", came[wrong], right[wrong])
        return f"{name} is {short.repr(came)}, and {short.repr(right)} is right: {inner}"
    if isinstance(right, (bool, type(None))) and type(came) is type(right):
        return f"{name} is {came!r}, and {right!r} is right"
    said = how_differs(came, right)
    return f"{name} {said[3:]}" if said.startswith("it is ") else f"in {name} {said}"


def same(came: Any, right: Any) -> bool:
    if isinstance(right, tuple) and isinstance(came, list):
        came = tuple(came)
    try:
        return type(came) is type(right) and bool(came == right)
    except Exception:  # noqa: BLE001  (whatever a student's value does when compared)
        return False


def a(value: object) -> str:
    """Name the type of a value, with its article."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"
