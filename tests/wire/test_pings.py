from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.wire.pings import UnansweredPings


def pings(*payloads: bytes, limit: int | None = None) -> UnansweredPings[int]:
    """Pings with the values 1, 2, 3 and so on."""
    waiting: UnansweredPings[int] = UnansweredPings(limit)
    for number, payload in enumerate(payloads, 1):
        waiting.ping(payload, number)
    return waiting


def test_a_pong_answers_the_ping_with_its_payload_once() -> None:
    waiting = pings(b"a")
    assert b"a" in waiting
    assert waiting.pong(b"a") == 1
    assert b"a" not in waiting
    assert waiting.pong(b"a") is None
    assert len(waiting) == 0


def test_an_unsolicited_pong_answers_nothing_and_settles_nothing() -> None:
    waiting = pings(b"a", b"b")
    assert waiting.pong(b"c") is None
    assert len(waiting) == 2


def test_a_pong_settles_the_pings_before_the_one_it_answers() -> None:
    waiting = pings(b"a", b"b", b"c")
    assert waiting.pong(b"b") == 2
    assert waiting.pong(b"a") is None
    assert waiting.pong(b"c") == 3


def test_pongs_in_the_order_of_the_pings() -> None:
    waiting = pings(b"a", b"b", b"c")
    assert [waiting.pong(payload) for payload in (b"a", b"b", b"c")] == [1, 2, 3]


@pytest.mark.parametrize("payloads", [(b"", b""), (b"a", b"b", b"a")])
def test_of_the_same_payload_the_newest_is_answered(payloads: tuple[bytes, ...]) -> None:
    waiting = pings(*payloads)
    assert waiting.pong(payloads[-1]) == len(payloads)
    assert len(waiting) == 0


def test_a_repeated_ping_counts_as_sent_last() -> None:
    waiting = pings(b"a", b"b", b"a")
    assert waiting.pong(b"b") == 2
    assert waiting.pong(b"a") == 3


def test_above_the_limit_the_oldest_is_dropped() -> None:
    waiting = pings(b"a", b"b", b"c", limit=2)
    assert len(waiting) == 2
    assert waiting.pong(b"a") is None
    assert waiting.pong(b"b") == 2


def test_without_a_limit_all_are_kept() -> None:
    waiting = pings(*(str(number).encode() for number in range(1000)))
    assert len(waiting) == 1000
    assert waiting.pong(b"0") == 1


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([b"", b"a", b"b", b"c"])), max_size=40))
def test_it_finds_what_a_search_from_the_newest_finds(frames: list[tuple[bool, bytes]]) -> None:
    waiting: UnansweredPings[int] = UnansweredPings()
    plain: list[tuple[bytes, int]] = []
    for number, (is_ping, payload) in enumerate(frames):
        if is_ping:
            waiting.ping(payload, number)
            plain.append((payload, number))
            continue
        found = max((i for i, (sent, _) in enumerate(plain) if sent == payload), default=None)
        assert waiting.pong(payload) == (None if found is None else plain[found][1])
        plain = plain if found is None else plain[found + 1 :]
