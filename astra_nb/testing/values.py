"""Expected payloads, and the checks of what an expectation is given."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from json import dumps, loads
from typing import Any, cast, get_args

from astra_nb.log.records import FrameRecord
from astra_nb.payloads import BytesValue, encode_bytes
from astra_nb.quantities import as_integer
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.opcodes import FrameType
from astra_nb.wire.text import preview, visible

__all__ = ["SHOWN", "Value", "check_number", "check_text", "check_type", "check_value"]

SHOWN = 60  # characters of a value in a message

Value = BytesValue | re.Pattern[str] | re.Pattern[bytes] | Callable[[Any], object]


def check_type(type: str | None) -> None:
    """Raise `ValueError` for a type that no frame has."""
    if type not in (None, *get_args(FrameType)):
        known = ", ".join(map(repr, get_args(FrameType)))
        raise ValueError(f"{type!r} is not the type of a frame; choose from {known}")


def check_text(what: str, text: object) -> None:
    """Raise `TypeError` for what is neither a text nor None."""
    if text is not None and not isinstance(text, str):
        raise TypeError(f"{what} is a str, not {text!r:.{SHOWN}}")


def check_number(what: str, number: object, highest: int) -> None:
    """Raise `TypeError` or `ValueError` for what is not a number from 0 to `highest`."""
    checked = as_integer(number)
    if checked is None:
        raise TypeError(f"{what} is a whole number, not {number!r:.{SHOWN}}")
    if not 0 <= checked <= highest:
        raise ValueError(f"{what} is a number from 0 to {highest:,}, not {number}")


def check_value(
    type: str | None, value: Value | None, json: object
) -> tuple[str, Callable[[FrameRecord], bool]]:
    """Return how an expected payload is shown, and a function that finds it."""
    check_type(type)
    if json is not ...:
        if value is not None:
            raise TypeError("the payload is given once: as a value, or with json=")
        try:
            said = dumps(json, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as exc:
            # Not !r, which goes as deep as the value.
            raise TypeError(
                f"json={reprlib.repr(json):.{SHOWN}} cannot be written as JSON: {exc}"
            ) from None
        wanted = _canonical(said)
        return (
            f" JSON {visible(said, SHOWN)}",
            lambda frame: _canonical(frame.payload) == wanted,
        )
    if value is None:
        return "", lambda frame: True
    if isinstance(value, re.Pattern):
        shown = f" like {value.pattern!r:.{SHOWN}}"
        if isinstance(value.pattern, bytes):
            return shown, lambda frame: value.search(frame.payload) is not None
        return shown, lambda frame: value.search(_text(frame)) is not None
    if callable(value):
        return f" that {getattr(value, '__name__', 'the function')} accepts", lambda frame: bool(
            value(_text(frame) if frame.type == "text" else frame.payload)
        )
    if type == "close" and isinstance(value, (int, CloseFrame)):
        raise TypeError(f"a close code is expected so: expect_close(source, {value!r:.{SHOWN}})")
    if isinstance(value, Mapping):
        raise TypeError(f"a dict is expected as JSON: write json={value!r:.{SHOWN}}")
    payload = encode_bytes(value)
    return (
        f" {preview(payload, cast(FrameType, type or 'bytes'))}",
        lambda frame: frame.payload == payload,
    )


def _text(frame: FrameRecord) -> str:
    return frame.payload.decode("utf-8", "replace")


def _canonical(text: str | bytes) -> str | None:
    """Return JSON in the one form that all equal values have; None when it is not JSON."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        return dumps(loads(text, parse_float=_number), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _number(digits: str) -> float:
    number = float(digits)
    return int(number) if number.is_integer() else number
