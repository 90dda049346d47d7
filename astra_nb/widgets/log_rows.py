"""Log records as rows for the page: JSON lists, with the names of their values in `FIELDS`.

`static/js/rows.js` reads them. A row says what a record is related to, so it is made of a stretch
of the log and not of one record alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord, HandlerErrorRecord, Record
from astra_nb.log.table import details
from astra_nb.wire.opcodes import FrameType
from astra_nb.wire.text import preview, visible, visible_utf8

from .payload_pages import bad_bytes
from .related_records import Answer, Part, Relations

__all__ = ["FIELDS", "MOST_ROWS", "Tail", "is_error", "note_of", "row", "rows_between"]

FIELDS = (
    "number", "time", "connection", "kind", "type", "direction", "sender", "text", "note", "bad",
    "fin", "rsv", "masked", "length", "answer", "part", "mark",
)  # fmt: skip

PREVIEW = 160  # characters
NOTE = 400  # characters
MOST_ROWS = 400  # that are made at once
BEFORE = 600  # records before a stretch that are looked at for what they are related to
NEAR = 20  # of them, while frames pour in
IGNORED = "ignored"  # how a verdict on a frame begins that was not read at all


def is_error(record: Record) -> bool:
    """Return whether a record is a refused frame or handshake, a handler's error or a bad end."""
    if isinstance(record, FrameRecord):
        return is_bad_verdict(record.verdict, record.direction)
    return isinstance(record, HandlerErrorRecord) or (
        isinstance(record, ClosedRecord) and note_of(record) != "clean"
    )


def is_bad_verdict(verdict: str, direction: str | None) -> bool:
    """Return whether frames with this verdict were refused; our own raw bytes were not."""
    return bool(verdict) and direction == "received" and not verdict.startswith(IGNORED)


def row(record: Record, answer: Answer | None = None, part: Part | None = None) -> list[object]:
    """Return the values of `FIELDS`; strangers' text is cut and made visible."""
    frame = record.frame if isinstance(record, FrameRecord) else None
    text = frame_text(record, part) if isinstance(record, FrameRecord) else details(record)
    return [
        record.number,
        record.time,
        record.connection,
        record.kind,
        frame.type if frame else record.kind,
        getattr(record, "direction", ""),
        getattr(record, "sender", ""),
        text,
        visible(note_of(record), NOTE),
        is_error(record),
        *((frame.fin, frame.raw[0] >> 4 & 7, frame.masked, frame.payload_length) if frame
          else (False, 0, False, 0)),
        [answer.number, answer.seconds, answer.words] if answer else 0,
        [part.first, part.type, part.index, part.last, part.size] if part else 0,
        bad_byte(record, text) or 0,
    ]  # fmt: skip


def frame_text(record: FrameRecord, part: Part | None) -> str:
    if part is None:
        return preview(record.payload, record.frame.type, PREVIEW)
    type: FrameType = "text" if part.type == "text" else "bytes"
    # The last fragment shows the message, as far as it was kept.
    return preview(part.head if part.last else record.payload, type, PREVIEW)


def bad_byte(record: Record, text: str) -> tuple[int, int] | None:
    """Return where a row's text shows the byte that breaks UTF-8, if it does."""
    if not isinstance(record, FrameRecord) or not record.verdict:
        return None
    bad = bad_bytes(record)
    if bad is None:
        return None
    skip = 2 if record.type == "close" else 0
    before, byte = record.payload[skip : bad["at"]], record.payload[bad["at"] : bad["at"] + 1]
    # A character has at most four bytes.
    if len(before) >= 4 * PREVIEW or len(before.decode("utf-8", "surrogateescape")) >= PREVIEW:
        return None
    start = text.index('"') + 1 + len(visible_utf8(before))
    return start, start + len(visible_utf8(byte))


def note_of(record: Record) -> str:
    """Return a frame's verdict, or how a connection ended: "clean" is that of section 7.1.4."""
    if isinstance(record, FrameRecord):
        return record.verdict
    if isinstance(record, ClosedRecord):
        both_closed = record.sent is not None and record.received is not None
        return "refused" if record.status is not None else "clean" if both_closed else "failed"
    return ""


def rows_of(records: Iterable[Record], relations: Relations) -> list[list[object]]:
    return [row(record, *relations.add(record)) for record in records]


def rows_between(log: FrameLog, first: int, last: int) -> list[list[object]]:
    """Return the rows from one number to another, with what they answer in the records before."""
    relations = Relations()
    for record in log.between(first - 1 - BEFORE, first - 1):
        relations.add(record)
    return rows_of(log.between(first - 1, last), relations)


def rows_numbered(log: FrameLog, numbers: Sequence[int]) -> list[list[object]]:
    """Return the rows with these numbers, which rise; neighbours are read together."""
    rows: list[list[object]] = []
    wanted = list(numbers[:MOST_ROWS])
    while wanted:
        stretch = [n for n in wanted if n < wanted[0] + MOST_ROWS]
        del wanted[: len(stretch)]
        chosen = set(stretch)
        rows += [each for each in rows_between(log, stretch[0], stretch[-1]) if each[0] in chosen]
    return rows


@dataclass
class Tail:
    """The newest rows of a log, batch by batch; only those that a page could show are made.

    Attributes:
        last: The number up to which rows were made.
    """

    last: int = 0
    relations: Relations = field(default_factory=Relations)

    def rows(self, log: FrameLog, limit: int) -> list[list[object]]:
        """Return the rows that came since the last call, the newest `limit` of them."""
        records = log.since(self.last, limit)
        if not records:
            return []
        if records[0].number != self.last + 1:  # a flood left records out, or it is the first call
            self.relations = Relations()
            before = records[0].number - 1
            for record in log.between(before - NEAR, before):
                self.relations.add(record)
        self.last = records[-1].number
        return rows_of(records, self.relations)


def as_json(rows: list[list[object]]) -> dict[str, Any]:
    """Return rows with the names of their values."""
    return {"fields": FIELDS, "rows": rows}
