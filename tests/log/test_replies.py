from __future__ import annotations

from typing import Any

import pytest

from astra_nb.log.records import FrameRecord
from astra_nb.log.replies import Reply, replies
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.opcodes import PING, PONG


def frame(number: int, direction: Any, data: bytes, **fields: Any) -> FrameRecord:
    given = {"connection": 1, "side": "server", **fields}
    return FrameRecord(
        number=number, time=number / 8, direction=direction, frame=decode(data), **given
    )


def ping(payload: bytes) -> bytes:
    return encode(PING, payload)


def pong(payload: bytes) -> bytes:
    return encode(PONG, payload)


def test_round_trip_times_are_those_of_pings_that_this_end_sent() -> None:
    records = [
        frame(1, "sent", ping(b"a")),
        frame(3, "received", pong(b"a")),
        frame(4, "received", ping(b"b")),
        frame(5, "sent", pong(b"b")),
    ]
    assert replies(records) == [Reply(1, 3, 0.25, True), Reply(4, 5, 0.125, False)]
    set_back = [frame(9, "sent", ping(b"a")), frame(2, "received", pong(b"a"))]
    assert replies(set_back) == [Reply(9, 2, 0.0, True)]


@pytest.mark.parametrize(
    ("records", "pairs"),
    [
        ([("sent", ping(b"a")), ("sent", pong(b"a"))], []),
        ([("received", pong(b"a")), ("sent", ping(b"a"))], []),
        ([("sent", ping(b"a")), ("received", pong(b"b"))], []),
        (
            [("sent", ping(b"a")), ("sent", ping(b"b")), ("received", pong(b"b"))],
            [(2, 3)],
        ),
        (
            [
                ("sent", ping(b"a")),
                ("sent", ping(b"b")),
                ("received", pong(b"b")),
                ("received", pong(b"a")),
            ],
            [(2, 3)],
        ),
        (
            [
                ("sent", ping(b"a")),
                ("sent", ping(b"b")),
                ("received", pong(b"a")),
                ("received", pong(b"b")),
            ],
            [(1, 3), (2, 4)],
        ),
        (
            [("sent", ping(b"")), ("sent", ping(b"")), ("received", pong(b""))],
            [(2, 3)],
        ),
        (
            [("sent", ping(b"a")), ("received", pong(b"a")), ("received", pong(b"a"))],
            [(1, 2)],
        ),
    ],
)
def test_which_pong_answers_which_ping(
    records: list[tuple[str, bytes]], pairs: list[tuple[int, int]]
) -> None:
    found = replies(frame(n, direction, data) for n, (direction, data) in enumerate(records, 1))
    assert [(reply.ping, reply.pong) for reply in found] == pairs


def test_a_pong_of_another_connection_answers_nothing() -> None:
    records = [frame(1, "sent", ping(b"a")), frame(2, "received", pong(b"a"), connection=2)]
    assert replies(records) == []


def test_a_refused_frame_answers_nothing() -> None:
    records = [frame(1, "sent", ping(b"a")), frame(2, "received", pong(b"a"), verdict="refused")]
    assert replies(records) == []
