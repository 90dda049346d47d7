"""Rows hold what the records say; the page's tests read the same batch."""

from __future__ import annotations

import json
from pathlib import Path

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
from astra_nb.widgets.rows import FIELDS, rows_for_page
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
            number=7, time=100.75, connection=2, side="client", direction="sent",
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
    batch = json.loads(json.dumps(rows_for_page(records())))
    assert {len(row) for row in batch["rows"]} == {len(FIELDS)}
    stored = json.loads(BATCH.read_text(encoding="utf-8"))
    assert stored == batch, f"store this in {BATCH.name}: {json.dumps(batch)}"


def test_no_records_make_no_rows() -> None:
    assert rows_for_page([]) == {"fields": FIELDS, "rows": []}


def test_a_large_payload_adds_a_preview_only() -> None:
    frame = decode(b"\x82\x7f" + (10 * 2**20).to_bytes(8, "big") + bytes(10 * 2**20))
    record = FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="sent", frame=frame
    )
    assert len(json.dumps(rows_for_page([record]))) < 1000
