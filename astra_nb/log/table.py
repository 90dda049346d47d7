"""Tables of records: plain text for terminals and screen readers, static HTML for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from astra_nb.wire.text import counted

from .records import Record
from .rows import Column, check_columns, rows

__all__ = ["check_columns", "counts", "html", "last_records", "text"]

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


def text(
    records: Sequence[Record], columns: Sequence[Column], origin: float, left_out: int = 0
) -> str:
    """Return records as lines under a heading; `left_out` is how many came before them."""
    titles = [column.title for column in columns]
    table = [titles, *rows(records, columns, origin)]
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
        lines.insert(0, f"{counted(left_out, 'record')} before these are left out.")
    if not records:
        lines.append("(no records)")
    return "\n".join(lines)


def html(
    records: Sequence[Record], columns: Sequence[Column], origin: float, left_out: int = 0
) -> str:
    """Return records as an HTML table with a caption, without scripts or markup of a peer."""
    caption = counted(len(records) + left_out, "record")
    if left_out:
        caption = (
            f"the newest {len(records):,} of {caption}; {left_out:,} before these are left out"
        )
    head = "".join(
        f'<th scope="col"{aligned(column)}>{escape(column.title)}</th>' for column in columns
    )
    body = "\n".join(
        "<tr>"
        + "".join(html_cell(cell, column) for cell, column in zip(row, columns, strict=True))
        + "</tr>"
        for row in rows(records, columns, origin)
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
