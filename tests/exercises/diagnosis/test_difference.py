"""How a value differs from the right one: a true clause about "it", whatever the value is."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.exercises.diagnosis.difference import a, how_differs, same, short


class Odd:
    """A value that cannot be compared, of several lines."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __repr__(self) -> str:
        return "two\nlines"


CASES: tuple[tuple[Any, Any, str], ...] = (
    # Texts
    ("", "5", "it is empty"),
    ("6", "5", "it is 6, but 5 is right: that is 1 too many"),
    ("-3", "3", "it is -3, but 3 is right: that is 6 too few"),
    ("2000", "5", "it is 2000, but 5 is right"),
    ("007", "7", "'00' is extra at the beginning"),
    ("Plum", "plum", "the case of the letters changed"),
    ("plum\n", "plum", "only blanks or line breaks differ"),
    ("mulp", "plum", "it is the right one in reverse order"),
    ("'plum'", "plum", "it is Python's spelling of the value, quotes and all"),
    ("plum hello", "hello plum", "it has the right words in another order"),
    ("Hello plum", "Hello, plum!", "at the end it has ' plum' where ', plum!' is right"),
    ("Hello", "Hello!!", "'!!' is missing at the end"),
    ("Hell", "Hello", "'o' is missing at the end"),
    ("ello", "Hello", "'H' is missing at the beginning"),
    ("Hello", "Hillo", "after 'H' it has 'e' where 'i' is right"),
    ("abc", "xyz", "it has 'abc' where 'xyz' is right"),
    # Bytes
    ("Message(type='text')", "plum", "it is the whole Message"),
    ("Hello, {name}", "Hello, plum", "an f before the quotes fills in"),
    ("plumplum", "plum", "it is there twice"),
    ("Gr??e", "Grüße", "characters beyond ASCII were lost"),
    (b"", b"ab", "it is empty"),
    (b"\x00\x01", b"\x01\x00", "it is the right one in reverse order"),
    (b"0aff", b"\x0a\xff", "it is hexadecimal digits, not the bytes"),
    (b"\xc3\xbf", b"\xff", "each byte from 0x80 on has become two"),
    ("a\ufffdb".encode(), b"a\xffb", "bytes that are not UTF-8 were lost"),
    (b"ab", b"a\xffb", "bytes that are not UTF-8 were lost"),
    (b"\x01\x02\x03", b"\x02\x03\x01", "it has the right bytes in another order"),
    (b"b'ab'", b"ab", "it is Python's spelling of the bytes"),
    (b"ab", b"a\xffb", "bytes that are not UTF-8 were lost"),
    (b"acb\x00", b"abc\x00", "it has the right bytes in another order"),
    (b"abc", b"abcd", "b'd' is missing at the end"),
    (b"abXcd", b"abcd", "b'X' is extra after b'ab'"),
    (b"abXd", b"abcd", "after b'ab' it has b'X' where b'c' is right"),
    (bytes(70_000), bytes(69_999) + b"x", "b'\\x00' where b'x' is right"),
    # Types
    ("6162", b"ab", "it is a str, '6162', but bytes is right"),
    ("1", 1, "it is a str, '1', but an int is right: only the type differs"),
    (None, b"x", "it is None, but bytes is right"),
    (bytearray(b"x"), b"x", "it is a bytearray, bytearray(b'x'), but bytes is right"),
    (10**5000, "x", "it is an int, <int of 16,610 bits>, but a str is right"),
    (Odd(), "x", "it is an Odd, <Odd>, but a str is right"),
    (0, True, "it is 0, but True is right"),
    (False, True, "it is False, but True is right"),
    # What holds values
    ({"a": 1}, {"a": 1, "b": 2}, "'b' missing"),
    ({"a": 1, "c": 2}, {"a": 1}, "'c' too many"),
    ({"fin": 128, "x": 1}, {"fin": True, "x": 1}, "'fin' is 128, but True is right"),
    ({"x": b"ab"}, {"x": b"abc"}, "in 'x', b'c' is missing at the end"),
    ([1, 2], [2, 1], "item 0 is 1, but 2 is right"),
    ([1], [1, 2], "item 1 missing"),
    ([1, 2, 3], [1], "item 1, 2 too many"),
    ([("text", b"ab")], [("text", b"abc")], "in item 0, in item 1, b'c' is missing at the end"),
    ((None, 1), ("nobody", 1), "item 0 is None, but a str is right"),
    ((1,), [1], "it is a tuple, (1,), but a list is right"),
)


@pytest.mark.parametrize(
    ("came", "right", "says"),
    CASES,
    ids=[f"{index}: {case[2]:.40}" for index, case in enumerate(CASES)],
)
def test_the_difference_is_said(came: Any, right: Any, says: str) -> None:
    said = how_differs(came, right)
    assert says in said
    assert "\n" not in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("came", "right"),
    [
        ("plums", "plum"),
        (b"0afe", b"\x0a\xff"),
        ("{name", "name"),
        ("Grue", "Grüße"),
        (b"\xc3\xbe", b"\xff"),
        ("Hello, plumb!", "Hello, plum!"),
        ([2, 1, 0], [1, 2]),
    ],
)
def test_close_by_it_is_not_said(came: Any, right: Any) -> None:
    said = how_differs(came, right)
    for claim in ("case", "blanks", "reverse", "hexadecimal", "braces", "become two", "ASCII"):
        assert claim not in said


@pytest.mark.parametrize(
    ("came", "right"),
    [
        (1, 1),
        (1, True),
        (["client", 1000], ("client", 1000)),
        ([["text", b"a"]], [("text", b"a")]),
        ({"fin": 1, "payload": b""}, {"fin": True, "payload": b""}),
    ],
)
def test_what_counts_as_right(came: Any, right: Any) -> None:
    assert same(came, right)


@pytest.mark.parametrize(
    ("came", "right"),
    [
        (1.0, 1),
        (True, 1),
        (2, True),
        ((1, 2), [1, 2]),
        ([1, 2, 3], [1, 2]),
        (bytearray(b"a"), b"a"),
        ({"payload": bytearray(b"a")}, {"payload": b"a"}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ([("a", 1)], {"a": 1}),
        ("a", b"a"),
        (None, ""),
    ],
)
def test_what_does_not(came: Any, right: Any) -> None:
    assert not same(came, right)


def test_a_type_is_named_with_its_article() -> None:
    values: list[object] = [1, "", None, b"", []]
    assert [a(value) for value in values] == ["an int", "a str", "None", "bytes", "a list"]


def test_a_value_is_shown_in_few_characters() -> None:
    assert len(short(b"x" * 100_000)) < 80
    assert len(short(list(range(100_000)))) < 80
    assert short(10**5000) == "<int of 16,610 bits>"
    assert short(Odd()) == "<Odd>"
