"""How a value differs from the right one is said in words, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.exercises.comparing import how_differs

CASES: tuple[tuple[Any, Any, str], ...] = (
    ("", "5", "it is empty"),
    ("0x5", "5", "in hexadecimal digits"),
    ("0b101", "5", "in binary digits"),
    ("6", "5", "that is 1 too many"),
    ("44", "300", "its lower byte alone"),
    ("5 bytes", "5", "something stands around it"),
    ("five", "5", "is no number"),
    ("Plum", "plum", "their case is another"),
    ("plum\n", "plum", "only blanks or line breaks differ"),
    ("mulp", "plum", "in reverse order"),
    ("'plum'", "plum", "stands around it"),
    ("plum, hello", "hello, plum", "the right words in another order"),
    ("Hello, plum", "Hello, plum!", "'!' is missing at the end"),
    ("Hello plum!", "Hello, plum!", "',' is missing behind 'Hello'"),
    (b"\x00\x01", b"\x01\x00", "in reverse order"),
    (b"\xffab\xff", b"ab\xff\xff", "the right bytes in another order"),
    (b"0aff", b"\x0a\xff", "hexadecimal digits"),
    (b"\xc3\xbf", b"\xff", "encoded anew in UTF-8"),
    (b"ab", b"a\xffb", "what is no UTF-8 got lost"),
    (b"Ifmmp!", bytes(byte ^ 7 for byte in b"Ifmmp!"), "XORed with the same byte (07)"),
    (b"\x01abcde", b"abcdef", "it begins 1 byte too early"),
    (b"bcdefg", b"abcdef", "it begins 1 byte too late"),
    (b"abc", b"abcd", "it has 3 bytes, and 4 are right"),
    ("6162", b"ab", "its hexadecimal digits as text"),
    ("ab", b"ab", "it was decoded"),
    (b"ab", "ab", "decode() makes a str"),
    ("1", 1, "the value is right, its type is not"),
    (0xE803, 1000, "its two bytes are taken in the wrong order"),
    (-3, 3, "the sign is wrong"),
    ({"a": 1}, {"a": 1, "b": 2}, "'b' missing"),
    ({"a": 1, "c": 2}, {"a": 1}, "'c' is too many"),
    ([1, 2], [2, 1], "the right items in another order"),
    ([1], [1, 2], "it has 1 item, and 2 are right; 2 is missing"),
    ([("text", b"ab")], [("text", b"abc")], "in its second item it has 2 bytes"),
    ((None, 1), ("nobody", 1), "item 0 (counted from 0) is None, and a str is right, 'nobody'"),
)


@pytest.mark.parametrize(("came", "right", "says"), CASES)
def test_the_difference_is_said(came: Any, right: Any, says: str) -> None:
    assert says in how_differs(came, right)
