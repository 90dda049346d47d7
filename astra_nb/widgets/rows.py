"""Log records as rows for the page: JSON lists, with the names of their fields once.

A flood sends twenty batches a second, so a row is a list; `static/js/rows.js` names its values.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from astra_nb.log.records import ClosedRecord, FrameRecord, HandlerErrorRecord, Record
from astra_nb.log.table import details
from astra_nb.wire.text import preview, visible

__all__ = ["rows_for_page"]

FIELDS = (
    "number", "time", "connection", "kind", "direction", "sender", "text", "note",
    "type", "fin", "rsv", "masked", "key", "length", "complete", "refused", "changed", "check",
)  # fmt: skip
NOT_A_FRAME = ("", False, 0, False, "", 0, False, False, False, 0)  # the fields from "type" on

PREVIEW = 120  # characters
NOTE = 400  # characters


def rows_for_page(records: Sequence[Record]) -> dict[str, Any]:
    """Return records, oldest first, as JSON; strangers' text is cut and made visible."""
    return {"fields": FIELDS, "rows": [row(record) for record in records]}


def row(record: Record) -> tuple[object, ...]:
    if not isinstance(record, FrameRecord):
        direction, sender = getattr(record, "direction", ""), getattr(record, "sender", "")
        start = (record.number, record.time, record.connection, record.kind, direction, sender)
        return (*start, details(record), visible(note_of(record), NOTE), *NOT_A_FRAME)
    frame = record.frame
    return (
        record.number,
        record.time,
        record.connection,
        record.kind,
        record.direction,
        record.sender,
        preview(record.payload, frame.type, PREVIEW),
        visible(record.verdict, NOTE),
        frame.type,
        frame.fin,
        frame.raw[0] >> 4 & 7,
        frame.masked,
        "" if frame.masking_key is None else frame.masking_key.hex(" "),
        frame.payload_length,
        frame.complete,
        bool(record.verdict),
        record.message is not None,
        # By this a PONG is known as the answer to a PING.
        zlib.crc32(frame.payload) if frame.type in ("ping", "pong") else 0,
    )


def note_of(record: Record) -> str:
    if isinstance(record, ClosedRecord):
        return record.detail
    return "the traceback is in the inspector" if isinstance(record, HandlerErrorRecord) else ""
