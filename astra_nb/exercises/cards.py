"""Cards: the result of a check, a hint or a solution, as text, as HTML and as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.log.records import Outcome
from astra_nb.wire.text import as_printed

from .diagnosis.misconceptions import Finding, Table

__all__ = ["ANSWER_TYPE", "Answer", "Note", "aligned"]

ANSWER_TYPE = "application/vnd.astra-nb.answer+json"  # read by `astra-nb report`
# Code between backticks, or a call of ours.
CODE = re.compile(r"`([^`]+)`|\b(\w+\.(?:hint|solution)\(\d?\))")
# A mark and a colour beside the word, never instead of it; and what is said without a finding.
MARKS: dict[str, tuple[str, str, str]] = {
    "right": ("✓", "#2e7d32", ""),
    "not attempted": ("○", "#757575", "Nothing is written here yet. A first step: {}.hint()"),
    "not yet": ("→", "#b26a00", ""),
    "too busy": ("…", "#757575", "This machine is too busy to judge. Run the check again."),
}
BOX = "border-left: 4px solid {}; padding: 0.2em 0.9em; margin: 0.4em 0; max-width: 60em"
MONO = "font-family: var(--jp-code-font-family, monospace); font-size: 0.95em;"
CELL = f"{MONO} white-space: pre-wrap; overflow-wrap: anywhere; text-align: left; min-width: 5ch"


@dataclass(frozen=True, repr=False)
class Note:
    """A hint, a solution, or details."""

    heading: str
    text: str
    more: str = ""
    code: bool = False

    def __repr__(self) -> str:
        return joined("\n\n", self.heading, self.text.rstrip("\n"), self.more)

    def _repr_html_(self) -> str:
        code = f'<pre style="margin: 0.3em 0; {MONO}">{escape(self.text)}</pre>'
        text = code if self.code else prose(self.text)
        return box(self.heading, "", "#1565c0", text, prose(self.more))


@dataclass(frozen=True, repr=False)
class Answer:
    """The result of a check of the exercise with this name and title.

    Attributes:
        finding: What to say, when the outcome is "not yet".
        section: Where to read again.
        progress: How far this notebook's exercises are, as one sentence; "" where none is kept.
        printed: What the student's code printed.
        log: Log of the check; of a handler, that of its server.
    """

    name: str
    title: str
    outcome: Outcome
    finding: Finding | None = None
    section: str = ""
    progress: str = ""
    printed: str = ""
    log: FrameLog | None = field(default=None, compare=False)

    @property
    def right(self) -> bool:
        """Whether the exercise is done."""
        return self.outcome == "right"

    def __bool__(self) -> bool:
        return self.right

    @property
    def key(self) -> str:
        """Short name of the misconception; or ""."""
        return self.finding.key if self.finding else ""

    def __repr__(self) -> str:
        facts = (f"  {name:<8}  {text}" for name, text in self._facts())
        folded = ", ".join(map(summary, self._folded()))
        ending = (self.progress, f"More by .details(): {folded}." if folded else "")
        says = joined("\n", *self._says(), *facts)
        return joined("\n\n", f"{self.title}: {self.outcome}.", says, joined("\n", *ending))

    def _repr_html_(self) -> str:
        facts = [f"{name}\n{text}" for name, text in self._facts()]
        folded = (
            f"<details><summary>{escape(summary(each))}</summary>"
            f"{html_table(each.heads, each.rows)}</details>"
            for each in self._folded()
        )
        parts = (*map(prose, self._says()), html_table((), [facts]), *folded, prose(self.progress))
        mark, colour, _ = MARKS[self.outcome]
        return box(f"{self.title}: {self.outcome}.", mark, colour, *parts)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        headline = self.finding.headline if self.finding else ""
        data = {"exercise": self.name, "title": self.title, "state": self.outcome}
        data |= {"key": self.key, "headline": headline}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), ANSWER_TYPE: data}

    def details(self) -> Note:
        """Show what is folded: frames or calls, what was printed, where to read again."""
        tables = (
            "\n  ".join((f"{each.caption}:", *aligned((each.heads, *each.rows))))
            for each in self._folded()
        )
        text = joined("\n\n", *tables) or "There are none."
        return Note(f"{self.title}: details", text, code=True)

    def _says(self) -> tuple[str, ...]:
        if found := self.finding:
            return found.headline, found.advice
        return (MARKS[self.outcome][2].format(self.name),)

    def _facts(self) -> list[tuple[str, str]]:
        names = ("expected", "came", "where") if self.finding else ()
        return [(name, text) for name in names if (text := getattr(self.finding, name))]

    def _folded(self) -> Iterator[Table]:
        yield from self.finding.tables if self.finding else ()
        if self.printed:
            lines = tuple((as_printed(line, 200),) for line in self.printed.splitlines())
            yield Table("What your code printed", (), lines)
        if self.finding and self.section:
            yield Table("Read again", (), ((self.section,),))


def box(heading: str, mark: str, colour: str, *parts: str) -> str:
    # The heading is a role: elements would be listed in JupyterLab's table of contents.
    return (
        f'<div role="region" aria-label="{escape(heading)}" style="{BOX.format(colour)}">'
        f'<div role="heading" aria-level="3"><strong><span aria-hidden="true">{mark} </span>'
        f"{escape(heading)}</strong></div>{''.join(parts)}</div>"
    )


def prose(text: str) -> str:
    code = CODE.sub(lambda match: f"<code>{match[1] or match[2]}</code>", escape(text))
    return f'<p style="margin: 0.4em 0">{code}</p>' if text else ""


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    html = ""
    for cell, row in (('th scope="col"', heads), *(("td", row) for row in rows)):
        cells = "".join(f'<{cell} style="{CELL}">{escape(t)}</{cell[:2]}>' for t in row)
        html += f'<tr style="background: none">{cells}</tr>' if row else ""
    return f"<table>{html}</table>" if html else ""


def summary(table: Table) -> str:
    return f"{table.caption} ({len(table.rows)})" if len(table.rows) > 1 else table.caption


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines with columns; an empty row is left out."""
    rows = [row for row in rows if row]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def joined(separator: str, *parts: str) -> str:
    return separator.join(filter(None, parts))
