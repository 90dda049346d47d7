"""What a record answers, which message it is a part of, and which times are true."""

from __future__ import annotations

from typing import Any

from astra_nb.log.records import FrameRecord, HandshakeRecord, NoticeRecord, Record
from astra_nb.widgets import related_records
from astra_nb.widgets.related_records import Answer, Relations
from astra_nb.wire.frames import decode, encode

TYPES = {"text": 1, "bytes": 2, "continuation": 0, "ping": 9, "pong": 10, "close": 8}


def frame(
    number: int, direction: Any, type: str, payload: bytes = b"", **given: Any
) -> FrameRecord:
    return FrameRecord(
        number=number, time=float(number), connection=given.pop("connection", 1), side="server",
        direction=direction, frame=decode(encode(TYPES[type], payload, fin=given.pop("fin", True))),
        **given,
    )  # fmt: skip


def answers(*records: Record) -> list[Answer | None]:
    relations = Relations()
    return [relations.add(record)[0] for record in records]


def test_a_pong_answers_its_ping_and_has_a_time_only_for_ours() -> None:
    assert answers(
        frame(1, "sent", "ping", b"a"), frame(2, "sent", "ping", b"b"),
        frame(3, "received", "ping", b"a"), frame(4, "sent", "pong", b"a"),
        frame(5, "received", "pong", b"b"), frame(6, "received", "pong", b"a"),
    )[3:] == [Answer(3, None, ""), Answer(2, 3.0, "RTT"), None]  # fmt: skip


def test_a_close_answers_the_other_ends() -> None:
    found = answers(frame(1, "sent", "close"), frame(2, "received", "close"))
    assert found == [None, Answer(1, 1.0, "")]
    other = answers(frame(1, "sent", "close"), frame(2, "received", "close", connection=2))
    assert other == [None, None]


def test_a_response_answers_its_request() -> None:
    def head(number: int, status: int | None) -> HandshakeRecord:
        return HandshakeRecord(
            number=number, time=float(number), connection=1, side="server", raw=b"",
            direction="received" if status is None else "sent", start_line="", headers=(),
            status=status,
        )  # fmt: skip

    assert answers(head(1, None), head(2, 101), head(3, 101)) == [None, Answer(1, 1.0, ""), None]


def test_a_reply_is_known_by_its_id_and_by_nothing_else() -> None:
    def text(number: int, direction: Any, payload: str, **given: Any) -> FrameRecord:
        return frame(number, direction, "text", payload.encode(), **given)

    assert answers(
        text(1, "received", '{"id": 41, "method": "subscribe"}'),
        text(2, "received", '{"type": "subscribe", "id": "x"}'),
        text(3, "sent", '{"id": 41, "result": {}}'),
        text(4, "sent", '{"type": "next", "id": "x"}'),
        text(5, "sent", '{"type": "complete", "id": "x"}'),
    ) == [None, None, Answer(1, 2.0, "id 41"), Answer(2, 2.0, "id x"), Answer(2, 3.0, "id x")]
    for payload in (
        '{"id": [1], "result": 1}',
        '["id"]',
        '{"id": 7, "result": 1}',
        '"id"',
        '{"id"',
    ):
        assert answers(text(1, "received", '{"id": 41, "method": "m"}'),
                       text(2, "sent", payload)) == [None, None]  # fmt: skip
    assert answers(frame(1, "received", "text", b"Hello"), frame(2, "sent", "text", b"Hello")) == [
        None, None,
    ]  # fmt: skip


def test_few_requests_are_kept() -> None:
    known = Relations()
    for number in range(2 * related_records.MOST_REQUESTS):
        known.add(frame(number, "sent", "text", b'{"id": %d, "method": "m"}' % number))
    assert len(known.requests) == related_records.MOST_REQUESTS


def test_fragments_know_their_message() -> None:
    known = Relations()
    parts = [
        known.add(record)[1]
        for record in (
            frame(1, "sent", "text", b"a" * 1500, fin=False),
            frame(2, "sent", "ping"),
            frame(3, "received", "continuation", b"other"),
            frame(4, "sent", "continuation", b"b" * 1500, fin=False),
            frame(5, "sent", "continuation", b"c"),
            frame(6, "sent", "continuation", b"d"),
        )
    ]
    shown = [part and (part.first, part.type, part.index, part.last, part.size) for part in parts]
    assert shown == [
        (1, "text", 1, False, 1500), None, None, (1, "text", 2, False, 3000),
        (1, "text", 3, True, 3001), None,
    ]  # fmt: skip
    assert parts[4] is not None
    assert len(parts[4].head) == related_records.KEPT


def test_what_was_refused_is_related_to_nothing() -> None:
    ping, pong = frame(1, "sent", "ping"), frame(2, "received", "pong", verdict="refused: x")
    assert answers(ping, pong) == [None, None]
    assert answers(NoticeRecord(number=1, time=0.0, connection=0, text="x")) == [None]
