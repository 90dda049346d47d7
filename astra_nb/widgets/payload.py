"""What a person typed into the payload field, read as text, hex, a byte table or base64."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from astra_nb.errors import InvalidMessage
from astra_nb.payloads import encode_bytes

__all__ = ["FORMATS", "as_text", "parse_numbers", "parse_payload"]

NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|\d+")


def parse_payload(typed: str, format: str) -> str | bytes | list[int]:
    """Read a payload in one of the formats.

    Args:
        typed: What was typed. Hex may have blanks, colons or `0x` between its bytes; a byte table
            is numbers from 0 to 255, with commas or blanks between them, in brackets or not.

    Returns:
        A `str` for text, a list of integers for a byte table, else bytes: the form in which a
        socket's `send_*` methods take it.

    Raises:
        InvalidMessage: It is not what the format says; the message names the place.
    """
    return PARSERS.get(format, parse_base64)(typed)


def parse_hex(typed: str) -> bytes:
    digits = re.sub(r"0[xX]|\\x|[\s:,-]", "", typed)
    wrong = re.search(r"[^0-9a-fA-F]", digits)
    if wrong:
        raise InvalidMessage(
            f"{wrong.group()!r} is not a hex digit; write bytes as two digits each, "
            f"such as 00 58 0e 43 2d, or choose another payload format"
        )
    if len(digits) % 2:
        raise InvalidMessage(
            f"there are {len(digits)} hex digits, and a byte has two; "
            f"write a leading zero, such as 0e for 14"
        )
    return bytes.fromhex(digits)


def parse_numbers(typed: str) -> list[int]:
    """Read whole numbers, such as "3, 7".

    Raises:
        InvalidMessage: Something else is among them.
    """
    words = words_of(typed)
    for word in words:
        if not re.fullmatch("[0-9]{1,15}", word):
            raise InvalidMessage(f"{word!r} is not a whole number; write numbers such as 3, 7")
    return [int(word) for word in words]


def words_of(typed: str) -> list[str]:
    return re.findall(r"[^\s,;]+", typed)


def parse_table(typed: str) -> list[int]:
    table = []
    for position, word in enumerate(words_of(typed.strip().strip("[](){}"))):
        if not NUMBER.fullmatch(word):
            raise InvalidMessage(
                f"item {position} of the byte table is {word!r}; each item is a number from 0 to "
                f"255, such as 0, 88, 14, 67, 45"
            )
        # int(word, 0) refuses 007.
        table.append(int(word, 16) if word[:2] in ("0x", "0X") else int(word))
    encode_bytes(table)
    return table


def parse_base64(typed: str) -> bytes:
    compact = re.sub(r"\s", "", typed)
    try:
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidMessage(
            f"this is not base64 ({exc}); its characters are A to Z, a to z, 0 to 9, + and /, "
            f"in groups of four, padded with ="
        ) from exc


PARSERS: dict[str, Callable[[str], str | bytes | list[int]]] = {
    "text": str, "hex": parse_hex, "byte table": parse_table, "base64": parse_base64,
}  # fmt: skip
FORMATS = tuple(PARSERS)


def as_text(value: str | bytes | list[int]) -> str:
    """Return the text that bytes in UTF-8 are.

    Raises:
        InvalidMessage: They are not.
    """
    if isinstance(value, str):
        return value
    data = bytes(value)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidMessage(
            f"byte {exc.start} of the payload, 0x{data[exc.start]:02x}, is not UTF-8, so it cannot "
            f"be a text message; send it as bytes"
        ) from exc
