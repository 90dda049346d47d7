"""Columns of a table of records: their titles, and the cell of each record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from astra_nb.wire.text import preview, visible

from .criteria import type_of
from .records import (
    ClosedRecord,
    Direction,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OpenedRecord,
    OutputRecord,
    Record,
)

__all__ = ["COLUMNS", "USUAL_COLUMNS", "Column", "check_columns", "details", "rows"]

LONGEST = 200  # characters of a peer's text in a row
ARROWS: dict[Direction, str] = {"received": "<- received", "sent": "-> sent"}


@dataclass(frozen=True, slots=True)
class Moment:
    """The times that a cell counts from: the log's first record, and the row before."""

    origin: float
    previous: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes:
        name: Its name for `LogView.text`.
        title: Its heading.
        cell: Returns its text for a record.
        right: Whether it is aligned to the right.
    """

    name: str
    title: str
    cell: Callable[[Record, Moment], str]
    right: bool = False


def of_frame(cell: Callable[[FrameRecord], str]) -> Callable[[Record, Moment], str]:
    """Return a cell that is empty for records other than frames."""

    def cell_of_frame(record: Record, moment: Moment) -> str:
        return cell(record) if isinstance(record, FrameRecord) else ""

    return cell_of_frame


def time_of_day(record: Record, moment: Moment) -> str:
    return datetime.fromtimestamp(record.time).strftime("%H:%M:%S.%f")[:-3]


def direction(record: Record, moment: Moment) -> str:
    if isinstance(record, (FrameRecord, HandshakeRecord)):
        return ARROWS[record.direction]
    return ""


def key(record: FrameRecord) -> str:
    return "" if record.frame.masking_key is None else record.frame.masking_key.hex(" ")


def rsv(record: FrameRecord) -> str:
    frame = record.frame
    return f"{frame.rsv1:d}{frame.rsv2:d}{frame.rsv3:d}"


def details(record: Record, moment: Moment | None = None) -> str:
    """Return a record on one line, with escapes for characters that cannot be seen."""
    match record:
        case FrameRecord():
            return frame_details(record)
        case HandshakeRecord():
            return short(record.start_line)
        case OpenedRecord():
            agreed = f", subprotocol {short(record.subprotocol)}" if record.subprotocol else ""
            if record.extensions:
                agreed += f", extensions {short(', '.join(record.extensions))}"
            return f"{short(record.path)} with {short(record.peer)}{agreed}"
        case ClosedRecord():
            return record.why_closed
        case HandlerErrorRecord():
            return short(record.summary)
        case OutputRecord():
            shown = short(record.text.removesuffix("\n"))
            return shown if record.stream == "stdout" else f"{short(record.stream)}: {shown}"
        case NoticeRecord():
            return short(record.text)


def frame_details(record: FrameRecord) -> str:
    frame = record.frame
    notes = []
    if record.message is not None:
        notes.append(f"compressed {len(record.message):,} to {len(frame.payload):,} bytes")
    if not frame.complete:
        notes.append(f"cut after {len(frame.raw):,} bytes")
    if record.verdict:
        notes.append(short(record.verdict))
    shown = preview(record.payload, frame.type)
    return " ".join((shown, *(f"[{note}]" for note in notes))).lstrip()


def short(text: str) -> str:
    return visible(text, LONGEST)


COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column("number", "#", lambda record, moment: str(record.number), right=True),
        Column("time", "time", time_of_day),
        Column("relative", "seconds", lambda r, m: f"{r.time - m.origin:+.3f}", right=True),
        Column("delta", "delta", lambda r, m: f"{r.time - m.previous:+.3f}", right=True),
        Column("connection", "conn", lambda record, moment: str(record.connection), right=True),
        Column("direction", "direction", direction),
        Column("type", "type", lambda record, moment: type_of(record)),
        Column("fin", "FIN", of_frame(lambda record: f"{record.frame.fin:d}"), right=True),
        Column("rsv", "RSV", of_frame(rsv), right=True),
        Column("mask", "MASK", of_frame(lambda record: f"{record.frame.masked:d}"), right=True),
        Column("key", "masking key", of_frame(key)),
        Column("length", "length", of_frame(lambda r: f"{r.frame.payload_length:,}"), right=True),
        Column("payload", "payload", details),
    )
}
USUAL_COLUMNS = (
    "number", "relative", "connection", "direction", "type", "fin", "mask", "length", "payload",
)  # fmt: skip


def check_columns(names: Sequence[str] | None) -> list[Column]:
    """Return columns by their names; None returns the usual ones.

    Raises:
        ValueError: A column that does not exist, or none at all.
    """
    if names is None:
        names = USUAL_COLUMNS
    if isinstance(names, str):
        names = [names]
    for name in names:
        if name not in COLUMNS:
            raise ValueError(f"{name!r} is not a column; there are {', '.join(map(repr, COLUMNS))}")
    if not names:
        raise ValueError(f"a table needs a column; there are {', '.join(map(repr, COLUMNS))}")
    return [COLUMNS[name] for name in names]


def rows(records: Iterable[Record], columns: Sequence[Column], origin: float) -> list[list[str]]:
    """Return the cells of each record."""
    cells = []
    previous: float | None = None
    for record in records:
        moment = Moment(origin, record.time if previous is None else previous)
        cells.append([column.cell(record, moment) for column in columns])
        previous = record.time
    return cells
