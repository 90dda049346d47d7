"""Rows hold what the records say; the page's tests read the same batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astra_nb import FrameLog
from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OpenedRecord,
    OutputRecord,
    Record,
)
from astra_nb.widgets import log_rows
from astra_nb.widgets.log_rows import (
    FIELDS,
    Tail,
    as_json,
    is_error,
    row,
    rows_between,
    rows_numbered,
)
from astra_nb.wire.frames import decode
from astra_nb.wire.messages import CloseFrame

BATCH = Path(__file__).parent.parent / "js" / "batch.json"

MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, section 5.7


def records() -> list[Record]:
    """One record of each kind, and frames with each mark."""
    frames: list[Record] = [
        FrameRecord(
            number=5, time=100.5, connection=1, side="server", direction="received",
            frame=decode(MASKED_HELLO),
        ),
        FrameRecord(
            number=6, time=100.625, connection=1, side="server", direction="sent",
            frame=decode(b"\x89\x02hi"),
        ),
        FrameRecord(
            number=7, time=100.75, connection=2, side="client", direction="received",
            frame=decode(b"\x73\x05ab"), verdict="refused: invalid opcode",
        ),
        FrameRecord(
            number=8, time=100.75, connection=1, side="server", direction="received",
            frame=decode(b"\x01\x03\x1b<\x00"), message=b"unpacked",
        ),
    ]  # fmt: skip
    return [
        NoticeRecord(number=1, time=100.0, connection=0, text="Listening"),
        HandshakeRecord(
            number=2, time=100.25, connection=1, side="server", direction="received",
            raw=b"", start_line="GET /\u202e HTTP/1.1", headers=(),
        ),
        OpenedRecord(
            number=3, time=100.25, connection=1, side="server", peer="127.0.0.1:5", path="/"
        ),
        OutputRecord(number=4, time=100.25, connection=1, stream="stdout", text="hi\n"),
        *frames,
        HandlerErrorRecord(
            number=9, time=101.0, connection=1, summary="ValueError: x", traceback="..."
        ),
        ClosedRecord(
            number=10, time=101.0, connection=1, side="server", first="client",
            sent=CloseFrame(1000), received=CloseFrame(1000, "done"),
        ),
    ]  # fmt: skip


def test_the_batch_that_the_pages_tests_read() -> None:
    batch = json.loads(json.dumps(as_json([row(each) for each in records()])))
    assert {len(values) for values in batch["rows"]} == {len(FIELDS)}
    stored = json.loads(BATCH.read_text(encoding="utf-8"))
    assert stored == batch, f"store this in {BATCH.name}: {json.dumps(batch)}"


def test_a_large_payload_adds_a_preview_only() -> None:
    frame = decode(b"\x82\x7f" + (10 * 2**20).to_bytes(8, "big") + bytes(10 * 2**20))
    record = FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="sent", frame=frame
    )
    assert len(json.dumps(row(record))) < 1000


PING = b"\x89\x02hi"


def numbers(rows: list[list[object]]) -> list[object]:
    return [each[0] for each in rows]


def test_what_is_an_error() -> None:
    bad = [record.number for record in records() if is_error(record)]
    assert bad == [7, 9]
    own = FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="sent",
        frame=decode(PING), verdict="raw bytes",
    )  # fmt: skip
    assert not is_error(own)
    late = FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="received",
        frame=decode(PING), verdict="ignored: the connection has failed",
    )  # fmt: skip
    assert not is_error(late)
    refused = ClosedRecord(number=1, time=0.0, connection=1, side="server", status=403)
    dropped = ClosedRecord(number=1, time=0.0, connection=1, side="server", tcp="reset")
    assert is_error(refused)
    assert is_error(dropped)
    assert [row(each)[FIELDS.index("note")] for each in (refused, dropped)] == ["refused", "failed"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x81\x06\\\n\xff\xfe!!", "\\xff"),  # after escapes
        (b"\x81\x05ok\xe2(\xa1", "("),  # cannot follow 0xe2
        (b"\x81\x03ok\xe2", "\\xe2"),  # cut off
        (b"\x88\x05\x03\xe8ok\xff", "\\xff"),
        (b"\x81\x7e\x00\xa1" + b"\xc3\xa4" * 80 + b"\xff", "\\xff"),
        (b"\x81\x7e\x00\xa1" + b"a" * 160 + b"\xff", None),  # beyond what the row shows
        (b"\x82\x01\xff", None),
    ],
)
def test_the_byte_that_breaks_utf8_is_marked(raw: bytes, shown: str | None) -> None:
    record = FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="received",
        frame=decode(raw), verdict="refused: not UTF-8",
    )  # fmt: skip
    values = row(record)
    text, mark = values[FIELDS.index("text")], values[FIELDS.index("mark")]
    assert isinstance(text, str)
    assert (text[slice(*mark)] if isinstance(mark, tuple) else None) == shown


def test_rows_come_by_their_numbers_with_what_they_answer() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", PING, 1)
    log.append_frames(1, "server", "sent", b"\x82\x00" * 3000, 3000)
    log.append_frames(1, "server", "received", b"\x8a\x02hi", 1)
    assert numbers(rows_numbered(log, [5, 7, 2999])) == [5, 7, 2999]
    assert numbers(rows_numbered(log, [4000])) == []
    assert len(rows_numbered(log, range(1, 3001))) == log_rows.MOST_ROWS
    far = rows_numbered(log, [3002])[0][FIELDS.index("answer")]
    assert far == 0  # the PING is too far before it
    assert rows_numbered(log, [1])[0][FIELDS.index("answer")] == 0


def test_the_tail_goes_on_where_it_was_and_a_flood_is_cut() -> None:
    log, tail = FrameLog(), Tail()
    assert tail.rows(log, 10) == []
    log.append_frames(1, "server", "sent", PING, 1)
    assert numbers(tail.rows(log, 10)) == [1]
    log.append_frames(1, "server", "received", b"\x8a\x02hi", 1)
    [pong] = tail.rows(log, 10)
    answer = pong[FIELDS.index("answer")]
    assert isinstance(answer, list)
    assert (answer[0], answer[2]) == (1, "RTT")
    log.append_frames(1, "server", "sent", PING * 500, 500)
    assert numbers(tail.rows(log, 10)) == list(range(493, 503))
    assert tail.last == 502


def test_the_last_fragment_shows_the_message() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", b"\x01\x03one", 1)
    log.append_frames(1, "server", "sent", b"\x80\x04 two", 1)
    part = FIELDS.index("part")
    first, last = rows_between(log, 1, 2)
    assert (first[7], first[part]) == ('"one"', [1, "text", 1, False, 3])
    assert (last[7], last[part]) == ('"one two"', [1, "text", 2, True, 7])
