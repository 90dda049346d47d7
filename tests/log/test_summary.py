from __future__ import annotations

from typing import Any

import pytest

from astra_nb.log import FrameLog
from astra_nb.log.records import FrameRecord, OpenedRecord
from astra_nb.log.summary import Reply, replies, summarise
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.opcodes import PING, PONG

from .samples import CLOSE, HELLO, conversation


def frame(number: int, direction: Any, data: bytes, **fields: Any) -> FrameRecord:
    given = {"connection": 1, "side": "server", **fields}
    return FrameRecord(
        number=number, time=number / 8, direction=direction, frame=decode(data), **given
    )


def ping(payload: bytes) -> bytes:
    return encode(PING, payload)


def pong(payload: bytes) -> bytes:
    return encode(PONG, payload)


def test_a_whole_connection() -> None:
    log = conversation()
    summaries = summarise(log)
    assert list(summaries) == [1]
    summary = summaries[1]
    assert (summary.id, summary.state, summary.rtt) == (1, "closed", [])
    assert (summary.peer, summary.path, summary.subprotocol) == ("127.0.0.1:51324", "/chat", "chat")
    assert summary.received.frames == 3
    assert summary.received.bytes == 11 + 9 + 4
    assert summary.sent.frames == 3
    assert summary.sent.bytes == 7 + 7 + 8
    assert summary.why_closed.startswith("The server closed first with 1000 (normal closure), ")


def test_the_states_of_a_connection() -> None:
    log = conversation()
    states = [
        summarise(log[:end])[1].state if end > 1 else "none" for end in range(1, len(log) + 1)
    ]
    assert states == ["none", *["connecting"] * 2, *["open"] * 8, "closing", "closed"]


def test_a_connection_whose_opening_was_dropped_is_open() -> None:
    summary = summarise([frame(1, "sent", HELLO)])[1]
    assert (summary.state, summary.peer, summary.why_closed) == ("open", "", "")


def test_a_refused_close_closes_nothing() -> None:
    summary = summarise([frame(1, "received", CLOSE, verdict="refused: not masked")])[1]
    assert (summary.state, summary.received.frames) == ("open", 1)


def test_a_frame_after_the_end_leaves_the_state_as_it_is() -> None:
    late = frame(99, "received", CLOSE)
    assert summarise([*conversation(), late])[1].state == "closed"


def test_connections_are_kept_apart() -> None:
    log = FrameLog()
    for connection in (2, 3):
        log.append(connection, OpenedRecord, side="server", peer=f"peer {connection}", path="/")
        log.append_frames(connection, "server", "sent", HELLO * connection, connection)
    summaries = summarise(log)
    assert [(s.id, s.peer, s.sent.frames) for s in summaries.values()] == [
        (2, "peer 2", 2),
        (3, "peer 3", 3),
    ]


def test_round_trip_times_are_those_of_pings_that_this_end_sent() -> None:
    records = [
        frame(1, "sent", ping(b"a")),
        frame(3, "received", pong(b"a")),
        frame(4, "received", ping(b"b")),
        frame(5, "sent", pong(b"b")),
    ]
    assert replies(records) == [Reply(1, 1, 3, 0.25, True), Reply(1, 4, 5, 0.125, False)]
    assert summarise(records)[1].rtt == [0.25]
    set_back = [frame(9, "sent", ping(b"a")), frame(2, "received", pong(b"a"))]
    assert replies(set_back) == [Reply(1, 9, 2, 0.0, True)]


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
