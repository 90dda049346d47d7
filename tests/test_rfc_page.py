"""docs/rfc6455.md: the rows of RFC 6455, the notebooks' cells that break them, and their text."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tests.helpers import REPOSITORY
from tools import rfc_page

ROWS = rfc_page.rows()
CELLS = rfc_page.cells()
FAULTS = (REPOSITORY / "docs" / "faults.md").read_text(encoding="utf-8")


def said(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def sections(text: str) -> set[str]:
    return set(re.findall(r"\b\d+(?:\.\d+)+\b", text))


def test_the_page_is_that_of_the_rows_and_the_cells() -> None:
    assert rfc_page.PAGE.read_text(encoding="utf-8") == rfc_page.page(), "make rfc-page"


def test_there_are_29_rows_with_a_level_and_an_end() -> None:
    assert [row.number for row in ROWS] == list(range(1, 30))
    levels = {level for row in ROWS for level in row.level.split(", ")}
    assert levels == {"MUST", "MUST NOT", "SHOULD", "advice"}
    assert {row.broken_by for row in ROWS} == {"client", "server", "both"}
    assert all(sections(row.section) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_each_row_is_broken_by_a_cell_whose_notebook_names_its_section(row: rfc_page.Row) -> None:
    broken_by = [cell for cell in CELLS if row.number in cell.rows]

    assert broken_by
    for cell in broken_by:
        assert sections(row.section) & sections(said(cell.notebook)), cell.id


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.notebook.stem} {cell.id}")
def test_a_cell_that_breaks_a_rule_asserts_what_came_of_it(cell: rfc_page.Cell) -> None:
    assert re.search(r"^ *assert ", cell.source, re.MULTILINE)
    assert set(cell.rows) <= {row.number for row in ROWS}


def test_each_row_has_its_call_among_the_faults() -> None:
    told = {
        int(number): (rule, by)
        for number, rule, by in re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \|", FAULTS, re.MULTILINE)
    }
    assert sorted(told) == [row.number for row in ROWS]
    for row in ROWS:
        rule, by = told[row.number]
        assert by == row.broken_by, row
        assert sections(row.section) & sections(rule), row
