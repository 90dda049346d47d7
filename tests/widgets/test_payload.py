"""What is typed is read as its format says, or refused with the place that is wrong."""

from __future__ import annotations

import re

import pytest

from astra_nb.errors import InvalidMessage
from astra_nb.widgets.payload import parse_payload


@pytest.mark.parametrize(
    ("typed", "format", "value"),
    [
        ("Hello, <b>", "text", "Hello, <b>"),
        ("", "text", ""),
        ("00 58 0e 43 2d", "hex", bytes([0, 0x58, 14, 0x43, 0x2D])),
        ("0x00,0x58", "hex", b"\x00\x58"),
        (r"\x00\xff", "hex", b"\x00\xff"),
        ("00:ff-0A", "hex", b"\x00\xff\x0a"),
        ("", "hex", b""),
        ("[0, 88, 14, 67, 45]", "byte table", [0, 88, 14, 67, 45]),
        ("{17 38 80 0 85}", "byte table", [17, 38, 80, 0, 85]),
        ("0xff 007", "byte table", [255, 7]),
        ("", "byte table", []),
        ("SGVs bG8=", "base64", b"Hello"),
    ],
)
def test_formats(typed: str, format: str, value: object) -> None:
    assert parse_payload(typed, format) == value


@pytest.mark.parametrize(
    ("typed", "format", "message"),
    [
        ("zz", "hex", "'z' is not a hex digit; write bytes as two digits each"),
        ("123", "hex", "there are 3 hex digits, and a byte has two"),
        ("1, two", "byte table", "item 1 of the byte table is 'two'"),
        ("1, 256", "byte table", "item 1 of the byte table is 256"),
        ("-1", "byte table", "item 0 of the byte table is '-1'"),
        ("abc", "base64", "this is not base64"),
        ("ab*=", "base64", "this is not base64"),
    ],
)
def test_refusals_name_the_place(typed: str, format: str, message: str) -> None:
    with pytest.raises(InvalidMessage, match=re.escape(message)):
        parse_payload(typed, format)
