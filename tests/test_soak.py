"""The soak finds nothing, and finds what is put in."""

from __future__ import annotations

import asyncio
import random

import pytest

from astra_nb.net.writing import Writer
from soak import __main__ as module
from soak.__main__ import Problem, compare, make_session, soak


def test_a_short_soak_finds_nothing() -> None:
    told: list[str] = []
    came = asyncio.run(soak(640, 40, 1, 0.3, told.append))
    assert came >= 640
    assert told == []  # one line for each 20,000


def test_a_soak_ends_when_its_time_is_over() -> None:
    assert asyncio.run(soak(10**9, 0, 1, 0)) == 0


def test_frames_that_change_places_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Writer._take

    def take_backwards(writer: Writer) -> tuple[bytes, int, tuple[bytes | None, ...] | None]:
        if writer._plain is None:  # each frame is a header and a payload
            pairs = zip(writer._frames[::2], writer._frames[1::2], strict=True)
            writer._frames = [part for pair in reversed(list(pairs)) for part in pair]
        return take(writer)

    monkeypatch.setattr(Writer, "_take", take_backwards)
    with pytest.raises(Problem, match=" came, not '"):
        asyncio.run(soak(640, 40, 1, 0))


def test_a_log_that_has_lost_a_frame_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = module.texts
    monkeypatch.setattr(module, "texts", lambda records, way: texts(records, way)[1:])
    with pytest.raises(Problem, match="sent something else"):
        asyncio.run(soak(160, 40, 1, 0))


def test_an_end_without_a_record_is_found() -> None:
    session = make_session(0, 0, random.Random(1))
    with pytest.raises(Problem, match="0 closed records"):
        compare(session, [], [])
