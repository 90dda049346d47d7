"""How a value differs from the right one: a true clause about "it", whatever the value is."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.exercises.diagnosis.difference import how_differs, same, short


class Odd:
    """A value that cannot be compared, of several lines."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __repr__(self) -> str:
        return "two\nlines"


CASES: tuple[tuple[Any, Any, str], ...] = (
    # Texts
    ("", "5", "it is '', but '5' is right"),
    ("6", "5", "it is '6', but '5' is right"),
    ("-3", "3", "it has an extra '-' at the beginning"),
    ("Plum", "plum", "it differs in the case of the letters alone"),
    ("plum\n", "plum", r"it has an extra '\n' after 'plum'"),
    ("Hello!", "Hello, plum!", "it lacks ', plum' after 'Hello'"),
    ("ello", "Hello", "it lacks 'H' at the beginning"),
    ("Hello", "Hillo", "it is 'Hello', but 'Hillo' is right"),
    ("Hi, plum and pear", "Hello, plum and pear", "after 'H' it has 'i' where 'ello' is right"),
    ("x" * 20, "y" * 20, f"at the beginning it has '{'x' * 20}' where '{'y' * 20}' is right"),
    ("Hello, {name}", "Hello, plum", "it has braces: an f before the quotes fills in"),
    # Bytes
    (b"", b"ab", "it is b'', but b'ab' is right"),
    (b"0aff", b"\x0a\xff", r"it is b'0aff', but b'\n\xff' is right"),
    (b"ab", b"a\xffb", r"it lacks b'\xff' after b'a'"),
    (b"abXcd", b"abcd", "it has an extra b'X' after b'ab'"),
    (b"abXd", b"abcd", "it is b'abXd', but b'abcd' is right"),
    (bytes(70_000), bytes(69_999) + b"x", r"it has b'\x00' where b'x' is right"),
    # Types
    ("6162", b"ab", "it is '6162', but b'ab' is right"),
    ("1", 1, "it is '1', but 1 is right: only the type differs"),
    (None, b"x", "it is None, but b'x' is right"),
    (bytearray(b"x"), b"x", "it is bytearray(b'x'), but b'x' is right"),
    (10**5000, "x", "it is <int>, but 'x' is right"),
    (Odd(), "x", "it is <Odd>, but 'x' is right"),
    (0, True, "it is 0, but True is right"),
    # What holds values
    ({"a": 1}, {"a": 1, "b": 2}, "it lacks item 'b'"),
    ({"a": 1, "c": 2}, {"a": 1}, "it has an extra item 'c'"),
    ({"fin": 128, "x": 1}, {"fin": True, "x": 1}, "item 'fin' is 128, but True is right"),
    ({"x": b"ab"}, {"x": b"abc"}, "item 'x' lacks b'c' after b'ab'"),
    ([1, 2], [2, 1], "item 0 is 1, but 2 is right"),
    ([1], [1, 2], "it lacks item 1"),
    ([1, 2, 3], [1], "it has an extra item 1"),
    ([("text", b"ab")], [("text", b"abc")], "item 1 of item 0 lacks b'c' after b'ab'"),
    ((None, 1), ("nobody", 1), "item 0 is None, but 'nobody' is right"),
    ((1,), [1], "it is (1,), but [1] is right"),
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
        ("Plums", "plum"),
        ("{name", "name"),
        ("{b}", "{a}"),
        (b"{a}", b"a"),
        (10**80 + 10**40, 10**80),
    ],
)
def test_close_by_it_is_not_said(came: Any, right: Any) -> None:
    said = how_differs(came, right)
    assert "case" not in said
    assert "braces" not in said
    assert "type" not in said


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


def test_a_value_is_shown_in_few_characters() -> None:
    assert len(short(b"x" * 100_000)) < 80
    assert len(short(list(range(100_000)))) < 80
    assert (short(10**5000), short([10**5000])) == ("<int>", "<list>")
    assert short(Odd()) == "<Odd>"
