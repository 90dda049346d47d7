"""The answer of a check, as text, as HTML, and as data that stays in the notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from astra_nb.log import FrameLog

from .finding import Finding

__all__ = ["ANSWER_TYPE", "Answer", "Card", "Note", "State"]

State = Literal["right", "not attempted", "not yet"]

ANSWER_TYPE = "application/vnd.astra-nb.answer+json"  # read by `astra-nb report`

# A mark and a colour beside the word, never instead of it.
MARKS: dict[State, tuple[str, str]] = {
    "right": ("✓", "#2e7d32"),
    "not attempted": ("○", "#757575"),
    "not yet": ("→", "#b26a00"),
}
BOX = (
    "border-left: 4px solid {colour}; padding: 0.2em 0 0.2em 0.9em; margin: 0.4em 0; "
    "max-width: 60em; line-height: 1.45;"
)
CELL = "text-align: left; padding: 0.1em 0.9em 0.1em 0; vertical-align: top;"
CODE = re.compile("`([^`]+)`")
CALL = re.compile(r"\b\w+\.(?:hint|solution)\(\d?\)")
STEP = (
    "display: inline-block; width: 1.4em; height: 0.5em; margin-right: 0.25em; "
    "border-radius: 2px; box-sizing: border-box; border: 1px solid #888;"
)
DONE = " border-color: #43a047; background: #43a047;"  # seen on a dark page and on a light one
FRAMES = ("from", "type", "payload", "remark")
LINES = ("line", "code", "remark")
NAMES = ("name", "value")
VARIABLES = "Your variables then:"
MONO = "font-family: var(--jp-code-font-family, monospace); font-size: 0.95em;"
BOLD = " font-weight: bold;"
KEPT = " white-space: pre;"  # indentation is part of a line


class Card:
    """Something shown in a notebook: as text by itself, as HTML where that can be shown."""

    def __str__(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


@dataclass(frozen=True, repr=False)
class Answer(Card):
    """What a check says.

    Attributes:
        name: Name of the exercise.
        title: Its title.
        state: "right", "not attempted" or "not yet".
        finding: The one thing to say, when the state is "not yet".
        section: Where to read again.
        progress: How far this notebook's exercises are, as one sentence; "" where none is kept.
        steps: Which exercises of this notebook are right, in their order.
        log: Log of the check's server; None for exercises without one.
    """

    name: str
    title: str
    state: State
    finding: Finding | None = None
    section: str = ""
    progress: str = ""
    output: str = ""
    steps: tuple[bool, ...] = ()
    log: FrameLog | None = field(default=None, compare=False)

    @property
    def right(self) -> bool:
        """Whether the exercise is done."""
        return self.state == "right"

    def __bool__(self) -> bool:
        return self.right

    @property
    def key(self) -> str:
        """Short name of the misunderstanding; "" when there is none."""
        return self.finding.key if self.finding is not None else ""

    def __str__(self) -> str:
        blocks = [f"{self.title}: {self.state}.", *self._paragraphs()]
        finding = self.finding
        if finding is not None:
            facts = [f"{name + ':':<10}{value}" for name, value in self._facts()]
            if facts:
                blocks.append("\n".join(f"  {fact}" for fact in facts))
            if finding.frames:
                blocks.append(_table_text(f"{finding.frames_are}:", finding.frames))
            if finding.ran:
                blocks.append(_table_text(_ran(finding), _ran_rows(finding, "line ")))
            if finding.variables:
                blocks.append(_table_text(VARIABLES, finding.variables))
            if finding.clue:
                blocks.append(finding.clue)
            if finding.advice:
                blocks.append(finding.advice)
        if self.output:
            blocks.append("Your code printed:\n" + _indented(self.output))
        blocks += self._ending()
        return "\n\n".join(blocks)

    def _paragraphs(self) -> list[str]:
        if self.finding is not None:
            return [self.finding.headline]
        if self.state == "not attempted":
            return [f"Nothing is written here yet. A first step: {self.name}.hint()"]
        return []

    def _facts(self) -> list[tuple[str, str]]:
        assert self.finding is not None
        pairs = (
            ("Expected", self.finding.expected),
            ("Came", self.finding.came),
            ("Where", self.finding.where),
        )
        return [(name, value) for name, value in pairs if value]

    def _ending(self) -> list[str]:
        lines = []
        if self.finding is not None and self.section:
            lines.append(f"Read again: {self.section}.")
        if self.progress:
            lines.append(self.progress)
        return ["\n".join(lines)] if lines else []

    def _repr_html_(self) -> str:
        mark, colour = MARKS[self.state]
        heading = (
            f'<p style="margin: 0.2em 0"><strong><span aria-hidden="true">{mark} </span>'
            f"{escape(self.title)}: {self.state}.</strong></p>"
        )
        parts = [heading, *map(_paragraph, self._paragraphs())]
        finding = self.finding
        if finding is not None:
            parts.append(_facts_html(self._facts()))
            parts.append(_table_html(finding.frames_are, FRAMES, finding.frames))
            parts.append(_table_html(_ran(finding).rstrip(":"), LINES, _ran_rows(finding)))
            parts.append(_table_html(VARIABLES.rstrip(":"), NAMES, finding.variables))
            if finding.clue:
                parts.append(_prose(finding.clue))
            if finding.advice:
                parts.append(_prose(finding.advice))
        parts += [_paragraph(line) for block in self._ending() for line in block.splitlines()]
        parts.append(_steps_html(self.steps))
        if self.output:
            parts.append(_printed_html(self.output))
        label = escape(f"{self.title}: {self.state}", quote=True)
        return (
            f'<div role="region" aria-label="{label}" style="{BOX.format(colour=colour)}">'
            f"{''.join(parts)}</div>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {
            "text/plain": str(self),
            "text/html": self._repr_html_(),
            ANSWER_TYPE: {
                "exercise": self.name,
                "title": self.title,
                "state": self.state,
                "key": self.key,
                "headline": self.finding.headline if self.finding is not None else "",
            },
        }


def _paragraph(text: str) -> str:
    said = CALL.sub(r"<code>\g<0></code>", escape(text))
    return f'<p style="margin: 0.4em 0">{said}</p>'


def _steps_html(steps: tuple[bool, ...]) -> str:
    """Draw how far the notebook is; the sentence above says the same to a screen reader."""
    if not steps:
        return ""
    boxes = "".join(f'<span style="{STEP}{DONE if step else ""}"></span>' for step in steps)
    return f'<div aria-hidden="true" style="line-height: 1">{boxes}</div>'


def _printed_html(output: str) -> str:
    return (
        '<details open style="margin: 0.5em 0"><summary>Your code printed:</summary>'
        f'<pre style="margin: 0.2em 0 0.2em 1.1em; {MONO}">{escape(output)}</pre></details>'
    )


def _prose(text: str) -> str:
    """A paragraph of ours, in which `code` stands between backticks."""
    return CODE.sub(r"<code>\1</code>", _paragraph(text))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip("\n").splitlines())


def _ran_rows(finding: Finding, before: str = "") -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (f"{before}{number}" if number else "", text, f"<- raised {raised}" if raised else "")
        for number, text, raised in finding.ran
    )


def _ran(finding: Finding) -> str:
    return f"The lines that ran {finding.ran_for}:"


def _table_text(heading: str, rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows whose last cell is of any width."""
    last = len(rows[0]) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append(f"  {'  '.join(cells)}  {row[last]}".rstrip())
    return "\n".join((heading, *lines))


def _facts_html(facts: list[tuple[str, str]]) -> str:
    if not facts:
        return ""
    rows = "".join(
        f'<tr style="background: none"><th scope="row" style="{CELL}">{escape(name)}</th>'
        f'<td style="{CELL} {MONO}">{escape(value)}</td></tr>'
        for name, value in facts
    )
    return f'<table style="border: none; margin: 0.3em 0; {CELL}">{rows}</table>'


def _table_html(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with what is remarkable in bold: rows whose last cell has something to say."""
    if not rows:
        return ""
    marked = len(heads) > 2
    if marked and not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
        marked = False
    head = "".join(f'<th scope="col" style="{CELL}">{name}</th>' for name in heads)
    body = ""
    for row in rows:
        bold = BOLD if marked and row[-1] else ""
        cells = [f'<td style="{CELL} {MONO}{bold}{KEPT}">{escape(cell)}</td>' for cell in row[:-1]]
        cells.append(f'<td style="{CELL} {MONO}{bold}">{escape(row[-1])}</td>')
        body += f'<tr style="background: none">{"".join(cells)}</tr>'
    return (
        f'<table style="border: none; margin: 0.3em 0"><caption style="text-align: left">'
        f"{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


@dataclass(frozen=True, repr=False)
class Note(Card):
    """A hint or a solution."""

    heading: str
    text: str
    more: str = ""
    code: bool = False

    def __str__(self) -> str:
        parts = [self.heading, self.text, self.more]
        return "\n\n".join(part.rstrip("\n") for part in parts if part)

    def _repr_html_(self) -> str:
        body = (
            f'<pre style="margin: 0.3em 0; {MONO}">{escape(self.text)}</pre>'
            if self.code
            else _prose(self.text)
        )
        more = _paragraph(self.more) if self.more else ""
        label = escape(self.heading, quote=True)
        return (
            f'<div role="region" aria-label="{label}" style="{BOX.format(colour="#1565c0")}">'
            f"<p style='margin: 0.2em 0'><strong>{escape(self.heading)}</strong></p>{body}{more}"
            f"</div>"
        )
