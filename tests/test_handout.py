"""Handouts and slides of the notebooks: all that is stored, nothing from elsewhere."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from tests.helpers import REPOSITORY
from tools.handout import handout, slides

FRAMES = REPOSITORY / "notebooks" / "03-frames.ipynb"


def headings(path: Path) -> int:
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return len(re.findall(r"^##? ", "\n".join(texts), re.MULTILINE))


@pytest.mark.parametrize("kind", [handout, slides])
def test_outputs_are_there_and_nothing_is_loaded_from_elsewhere(
    kind: Callable[[Path], str],
) -> None:
    page = kind(FRAMES)
    assert '<Frame: text, FIN 1, MASK 0, length 5, "Hello">' in html.unescape(page)
    scripts = re.findall(r"<(?:script|link)[^>]*(?:src|href)=\"([^\"]*)\"", page)
    assert all(each.startswith("reveal.js/") for each in scripts), scripts
    assert "cdn" not in page.lower()


def test_each_heading_begins_a_slide() -> None:
    page = slides(FRAMES)
    assert page.count("<section><section") >= headings(FRAMES) > 5


def test_a_panel_is_what_is_stored_beside_it() -> None:
    page = handout(REPOSITORY / "notebooks" / "01-websocket-server.ipynb")
    assert "widget-view" not in page
    assert "<table" in page


def test_what_a_notebook_folds_away_is_printed() -> None:
    page = handout(FRAMES)
    assert re.search(r"<details open[^>]*><summary>Why\?", page)
    assert "<details><summary>Why?" not in page
