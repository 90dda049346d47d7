"""The bytes of one direction, from segments in any order."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.recordings import tcp
from astra_nb.recordings.tcp import HalfStream

START = 2**32 - 7  # so that numbers begin again at 0 on the way


def feed(half: HalfStream, *segments: tuple[int, bytes], syn: bool = True) -> list[bytes | int]:
    """Take segments, each with its offset in the stream, and return what they yield."""
    found: list[bytes | int] = []
    if syn:
        found += half.add(START - 1, b"", syn=True, fin=False)
    for offset, payload in segments:
        found += half.add((START + offset) % 2**32, payload, syn=False, fin=False)
    return found


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        pytest.param([(0, b"abc"), (3, b"def")], [b"abc", b"def"], id="in order"),
        pytest.param([(3, b"def"), (0, b"abc")], [b"abc", b"def"], id="another order"),
        pytest.param(
            [(6, b"ghi"), (3, b"def"), (9, b"j"), (0, b"abc")],
            [b"abc", b"def", b"ghi", b"j"],
            id="backwards",
        ),
        pytest.param([(0, b"abc"), (0, b"abc"), (3, b"d")], [b"abc", b"d"], id="twice"),
        pytest.param([(0, b"abc"), (1, b"bcde")], [b"abc", b"de"], id="overlap"),
        pytest.param([(2, b"cdef"), (0, b"abcd")], [b"abcd", b"ef"], id="overlap, waiting"),
        pytest.param([(3, b"de"), (3, b"defg"), (0, b"abc")], [b"abc", b"defg"], id="longer"),
        pytest.param([(3, b"defg"), (3, b"de"), (0, b"abc")], [b"abc", b"defg"], id="shorter"),
        pytest.param([(0, b"abc"), (2, b"X"), (-1, b"?")], [b"abc"], id="keep-alive, other bytes"),
        pytest.param([(0, b"a"), (2**31 - 9, b"far")], [b"a"], id="far beyond any window"),
    ],
)
def test_segments(segments: list[tuple[int, bytes]], expected: list[bytes]) -> None:
    half = HalfStream()
    assert feed(half, *segments) == expected
    assert half.held == 0


def test_a_capture_that_begins_later_begins_with_its_first_segment() -> None:
    assert feed(HalfStream(), (100, b"abc"), (103, b"d"), syn=False) == [b"abc", b"d"]


@given(st.data(), st.binary(min_size=1, max_size=200))
def test_any_pieces_in_any_order_make_the_stream(data: st.DataObject, stream: bytes) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    ends = sorted({0, len(stream), *cuts})
    pieces = [(a, stream[a : b + data.draw(st.integers(0, 9))]) for a, b in pairwise(ends)]
    pieces += data.draw(st.lists(st.sampled_from(pieces), max_size=4))
    half = HalfStream()
    found = feed(half, *data.draw(st.permutations(pieces)))
    assert b"".join(each for each in found if isinstance(each, bytes)) == stream
    assert list(half.end()) == []


def test_a_gap_that_was_acknowledged_is_counted() -> None:
    half = HalfStream()
    assert feed(half, (0, b"abc"), (8, b"ijk")) == [b"abc"]
    assert half.held == 3
    for _ in range(tcp.PATIENCE):
        assert list(half.acknowledged((START + 11) % 2**32)) == []
    assert list(half.acknowledged((START + 11) % 2**32)) == [5, b"ijk"]
    assert half.held == 0
    assert feed(half, (3, b"defgh"), (11, b"l"), syn=False) == [b"l"]


def test_bytes_that_nobody_acknowledged_are_waited_for() -> None:
    half = HalfStream()
    feed(half, (0, b"abc"), (8, b"ijk"))
    for _ in range(50):
        assert list(half.acknowledged((START + 3) % 2**32)) == []
    assert feed(half, (3, b"defgh"), syn=False) == [b"defgh", b"ijk"]


@pytest.mark.parametrize("size", [1, 10_000])
def test_what_waits_is_bounded(size: int) -> None:
    half = HalfStream()
    found = feed(half, (0, b"a"), *((2 + at * size, bytes(size)) for at in range(300)))
    assert found[:2] == [b"a", 1]
    assert len(found) == 302
    assert half.held == 0


def test_the_end_counts_what_never_came() -> None:
    half = HalfStream()
    feed(half, (0, b"abc"), (5, b"f"), (8, b"i"))
    assert list(half.add((START + 12) % 2**32, b"", syn=False, fin=True)) == []
    assert not half.has_ended
    assert list(half.end()) == [2, b"f", 2, b"i", 3]
    assert half.has_ended
    assert list(half.end()) == []


def test_a_connection_that_begins_again_on_the_same_ports() -> None:
    half = HalfStream()
    assert not half.begins_again(START - 1)
    feed(half)
    assert not half.begins_again(START - 1)  # the SYN was sent again
    feed(half, (0, b"abc"), syn=False)
    assert half.begins_again(random.Random(1).randrange(2**32))
