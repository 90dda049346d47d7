"""Records as rows of a table: plain text for terminals and screen readers, HTML for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from astra_nb import seeded
from astra_nb.wire.text import as_printed, counted, preview, visible

from .criteria import type_of
from .records import FrameRecord, Record

__all__ = [
    "COLUMNS",
    "USUAL_COLUMNS",
    "Column",
    "cells",
    "check_columns",
    "counts",
    "details",
    "html",
    "last_records",
    "text",
]

LONGEST = 200  # characters of a peer's text in a row
ARROWS = {"received": "<- received", "sent": "-> sent"}

# Every colour has a fallback, so that the table reads well without Jupyter, light or dark. The
# class is there twice to outweigh JupyterLab's own rules for tables in outputs.
STYLE = """
.astra-nb-log.astra-nb-log table { border-collapse: collapse; margin: 0; width: auto;
  color: var(--jp-content-font-color1, var(--vscode-editor-foreground, inherit));
  font: 12px/1.5 var(--jp-code-font-family, ui-monospace, monospace); }
.astra-nb-log.astra-nb-log caption { caption-side: top; text-align: left; padding: 2px 8px;
  font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  color: var(--jp-content-font-color2, inherit); }
.astra-nb-log.astra-nb-log :is(th, td) { padding: 1px 8px; text-align: left; vertical-align: top;
  white-space: nowrap; border: 0; background: none; font-weight: 400; max-width: none; }
.astra-nb-log.astra-nb-log thead th { font-weight: 600;
  border-bottom: 1px solid var(--jp-border-color1, currentColor); }
.astra-nb-log.astra-nb-log .right { text-align: right; font-variant-numeric: tabular-nums; }
.astra-nb-log.astra-nb-log td code { white-space: pre-wrap; overflow-wrap: anywhere;
  unicode-bidi: isolate; font: inherit; color: inherit; background: none; padding: 0; }
""".strip()


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the log's first record, and since the row before."""

    elapsed: float
    delta: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table."""

    name: str  # for `LogView.text`
    title: str
    cell: Callable[[Record, Moment], str]
    right: bool = False  # whether it is aligned to the right


def of_frame(cell: Callable[[FrameRecord], str]) -> Callable[[Record, Moment], str]:
    """Return a cell that is empty for records other than frames."""
    return lambda record, moment: cell(record) if record.kind == "frame" else ""


def time_of_day(record: Record, moment: Moment) -> str:
    return datetime.fromtimestamp(record.time).strftime("%H:%M:%S.%f")[:-3]


def direction(record: Record, moment: Moment) -> str:
    return ARROWS.get(getattr(record, "direction", ""), "")


def details(record: Record, moment: Moment | None = None) -> str:
    """Return a record on one line, with escapes for characters that cannot be seen."""
    match record.kind:
        case "frame":
            return frame_details(record)
        case "handshake":
            return short(record.start_line)
        case "opened":
            agreed = f", subprotocol {short(record.subprotocol)}" if record.subprotocol else ""
            if record.extensions:
                agreed += f", extensions {short(', '.join(record.extensions))}"
            return f"{short(record.path)} with {short(record.peer)}{agreed}"
        case "closed":
            return record.why_closed
        case "error":
            return short(record.summary)
        case "output":
            shown = as_printed(record.text.removesuffix("\n"), LONGEST)
            return shown if record.stream == "stdout" else f"{short(record.stream)}: {shown}"
        case "notice":
            return short(record.text)
        case "check":
            found = f", {record.misconception}" if record.misconception else ""
            return short(f"{record.exercise}: {record.outcome}{found}")


def frame_details(record: FrameRecord) -> str:
    frame = record.frame
    notes = []
    if record.message is not None:
        notes.append(f"compressed {len(record.message):,} to {len(frame.payload):,} bytes")
    if not frame.complete:
        notes.append(f"only {counted(len(frame.raw), 'byte')}")
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
        Column("relative", "seconds", lambda record, moment: f"{moment.elapsed:+.3f}", right=True),
        Column("delta", "delta", lambda record, moment: f"{moment.delta:+.3f}", right=True),
        Column("connection", "conn", lambda record, moment: str(record.connection), right=True),
        Column("direction", "direction", direction),
        Column("type", "type", lambda record, moment: type_of(record)),
        Column("fin", "FIN", of_frame(lambda record: f"{record.frame.fin:d}"), right=True),
        Column("rsv", "RSV", of_frame(lambda r: f"{r.frame.raw[0] >> 4 & 7:03b}"), right=True),
        Column("mask", "MASK", of_frame(lambda record: f"{record.frame.masked:d}"), right=True),
        Column("key", "masking key", of_frame(lambda r: (r.frame.masking_key or b"").hex(" "))),
        Column("length", "length", of_frame(lambda r: f"{r.frame.payload_length:,}"), right=True),
        Column("payload", "payload", details),
    )
}
USUAL_COLUMNS = (
    "number", "relative", "connection", "direction", "type", "fin", "mask", "length", "payload",
)  # fmt: skip


def check_columns(names: Sequence[str] | None) -> list[Column]:
    """Return columns by their names, or the usual ones; raise `ValueError` for what is not one."""
    if names is None:
        names = USUAL_COLUMNS
        if seeded.current is not None:  # where the numbers fall depends on the threads
            names = names[1:]
    if isinstance(names, str):
        names = [names]
    for name in names:
        if name not in COLUMNS:
            raise ValueError(
                f"{name!r} is not a column; choose from {', '.join(map(repr, COLUMNS))}"
            )
    if not names:
        raise ValueError(f"a table needs a column; choose from {', '.join(map(repr, COLUMNS))}")
    return [COLUMNS[name] for name in names]


def cells(records: Iterable[Record], columns: Sequence[Column], origin: float) -> list[list[str]]:
    """Return the cells of each record.

    A clock that is set back adds no time. The monotonic clock would not need that, but it stops
    while a machine sleeps, and to store it as well would cost each frame.
    """
    rows: list[list[str]] = []
    previous = origin
    for record in records:
        step = record.time - previous
        origin += min(step, 0.0)
        moment = Moment(record.time - origin, max(step, 0.0) if rows else 0.0)
        rows.append([column.cell(record, moment) for column in columns])
        previous = record.time
    return rows


def text(
    records: Sequence[Record], columns: Sequence[Column], origin: float, left_out: int = 0
) -> str:
    """Return records as lines under a heading; `left_out` is how many came before them."""
    titles = [column.title for column in columns]
    table = [titles, *cells(records, columns, origin)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    widths[-1] = len(titles[-1]) if not columns[-1].right else widths[-1]
    table.insert(1, ["-" * width for width in widths])
    lines = [
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in table
    ]
    if left_out:
        lines.insert(0, f"{counted(left_out, 'earlier record')} not shown.")
    if not records:
        lines.append("(no records)")
    return "\n".join(lines)


def html(
    records: Sequence[Record], columns: Sequence[Column], origin: float, left_out: int = 0
) -> str:
    """Return records as an HTML table with a caption, without scripts or markup of a peer."""
    caption = counted(len(records) + left_out, "record")
    if left_out:
        caption = f"the newest {len(records):,} of {caption}; {left_out:,} earlier not shown"
    head = "".join(
        f'<th scope="col"{aligned(column)}>{escape(column.title)}</th>' for column in columns
    )
    body = "\n".join(
        "<tr>"
        + "".join(html_cell(cell, column) for cell, column in zip(row, columns, strict=True))
        + "</tr>"
        for row in cells(records, columns, origin)
    )
    # The classes keep a page's MathJax from reading a payload such as "$x$" as a formula.
    return (
        f'<div class="astra-nb-log tex2jax_ignore mathjax_ignore"><style>{STYLE}</style>\n'
        f"<table><caption>Log: {caption}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def html_cell(cell: str, column: Column) -> str:
    if column.name == "number":
        return f'<th scope="row" class="right">{escape(cell)}</th>'
    if column.name == "direction":
        cell = cell.replace("<-", "←").replace("->", "→")
    if column.name == "payload":
        return f"<td><code>{escape(cell)}</code></td>"
    return f"<td{aligned(column)}>{escape(cell)}</td>"


def aligned(column: Column) -> str:
    return ' class="right"' if column.right else ""


def counts(frames: int, others: int) -> str:
    """Return "1 frame, 2 other records"."""
    return f"{counted(frames, 'frame')}, {counted(others, 'other record')}"


def last_records(records: Sequence[Record], origin: float) -> str:
    """Return the last records for an error message."""
    if not records:
        return "there are no records"
    return f"the last records:\n{text(records, check_columns(None), origin)}"
