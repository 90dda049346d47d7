"""Write docs/rfc6455.md: each rule that an endpoint can break, and the cells that break it.

`make rfc-page`. The rules are in `tools/rfc6455.toml`; a code cell names the rows that it breaks in
its metadata, under `rfc6455`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
ROWS = Path(__file__).with_name("rfc6455.toml")
PAGE = ROOT / "docs" / "rfc6455.md"

INTRODUCTION = """\
# RFC 6455, rule by rule

Each group of rules in sections 4 to 10 of [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455) that
an endpoint can break, how strong the RFC's word is (MUST, SHOULD, or advice: security
considerations without such a word), and the notebook cells that break it on purpose. Each of those
cells asserts the record of the breach, or shows why no peer could notice it.

[Breaking rules](faults.md) has the call for each row. This page is made by `make rfc-page`.

| # | section | rule | level | broken by | notebook: cells |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """A group of rules; `unnoticed` says why no peer could notice its breach."""

    number: int
    section: str
    rule: str
    level: str
    broken_by: str
    unnoticed: str = ""


@dataclass(frozen=True)
class Cell:
    """A code cell, and the rows that it breaks."""

    notebook: Path
    id: str
    source: str
    rows: tuple[int, ...]


def rows() -> list[Row]:
    return [Row(**row) for row in tomllib.loads(ROWS.read_text(encoding="utf-8"))["row"]]


def cells() -> list[Cell]:
    """Return the code cells that name rows, in their order."""
    return [
        Cell(path, cell.id, cell.source, tuple(cell.metadata["rfc6455"]))
        for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if "rfc6455" in cell.metadata
    ]


def page() -> str:
    lines, notes = [], []
    every = cells()
    for row in rows():
        shown: dict[Path, list[str]] = {}
        for cell in every:
            if row.number in cell.rows:
                shown.setdefault(cell.notebook, []).append(f"`{cell.id}`")
        links = "; ".join(
            f"[{int(path.name[:2])}](../notebooks/{path.name}): {', '.join(ids)}"
            for path, ids in shown.items()
        )
        mark = " (\\*)" if row.unnoticed else ""
        lines.append(
            f"| {row.number} | {row.section} | {row.rule}{mark} | {row.level} | {row.broken_by} "
            f"| {links} |"
        )
        if row.unnoticed:
            notes.append(f"- Row {row.number}: {row.unnoticed}")
    return (
        INTRODUCTION
        + "\n".join(lines)
        + "\n\n(\\*) No peer could notice the breach:\n\n"
        + "\n".join(notes)
        + "\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
