"""Each prediction of each notebook: asked before it is told, and right, wrong and unanswered."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPOSITORY, run_python

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
PLAYER = REPOSITORY / "tests" / "predictions" / "play.py"
MOST = 8  # predictions of one notebook
FEWEST = 3

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def places(path: Path, pattern: str) -> dict[str, list[int]]:
    """Return in which cells each name occurs that a pattern finds."""
    found: dict[str, list[int]] = {}
    for number, cell in enumerate(cells(path)):
        if cell["cell_type"] == "code":
            for name in re.findall(pattern, "".join(cell["source"]), re.MULTILINE):
                found.setdefault(name, []).append(number)
    return found


@cache
def played() -> dict[str, list[tuple[str, list[str]]]]:
    """What each prediction came to; all notebooks are run once, in one process."""
    done = run_python(PLAYER, *NOTEBOOKS, timeout=170)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, list[tuple[str, list[str]]]] = json.loads(done.stdout)
    return result


@each_notebook
def test_each_is_asked_once_and_told_once_in_a_later_cell(path: Path) -> None:
    asked = places(path, r"^(\w+) = predict\(")
    told = places(path, r"^ *(\w+)\.check\(")
    assert FEWEST <= len(asked) <= MOST
    assert asked.keys() == told.keys()
    for name in asked:
        [before], [after] = asked[name], told[name]
        assert before < after, name


@each_notebook
def test_right_wrong_and_no_answer_are_told_apart(path: Path) -> None:
    outcomes = played()[path.name]
    assert len(outcomes) == len(places(path, r"^(\w+) = predict\("))
    for question, found in outcomes:
        assert found == ["no answer", "not right", "right"], question


def test_no_question_is_asked_twice() -> None:
    """An answer is kept under its question."""
    questions = [question for outcomes in played().values() for question, _ in outcomes]
    assert sorted(questions) == sorted(set(questions))


@each_notebook
def test_a_question_is_not_in_the_text_too(path: Path) -> None:
    said = "".join("".join(c["source"]) for c in cells(path) if c["cell_type"] == "markdown")
    assert "**Predict.**" not in said
