"""Each prediction of each notebook: asked before it is told, and right, wrong and unanswered."""

from __future__ import annotations

import ast
import json
import re
import subprocess
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
def done_by_player() -> subprocess.CompletedProcess[str]:
    """All notebooks are run once, in one process, whether or not it fails."""
    return run_python(PLAYER, *NOTEBOOKS, timeout=170)


def played() -> dict[str, list[tuple[str, list[str], Any]]]:
    """What each prediction came to."""
    done = done_by_player()
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, list[tuple[str, list[str], Any]]] = json.loads(done.stdout)
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
    for question, found, _ in outcomes:
        assert found == ["no answer", "not right", "right"], question


def test_no_question_is_asked_twice() -> None:
    """An answer is kept under its question."""
    questions = [question for outcomes in played().values() for question, _, _ in outcomes]
    assert sorted(questions) == sorted(set(questions))


@each_notebook
def test_a_question_is_not_in_the_text_too(path: Path) -> None:
    said = "".join("".join(c["source"]) for c in cells(path) if c["cell_type"] == "markdown")
    assert "**Predict.**" not in said


def literal(node: ast.expr) -> object:
    """Return the value of an expression without names, such as `[1002] * 3`; else None."""
    if any(isinstance(each, ast.Name) and each.id != "bytes" for each in ast.walk(node)):
        return None
    try:
        code = compile(ast.Expression(node), "<literal>", "eval")
        return eval(code, {"__builtins__": {}, "bytes": bytes})
    except (NameError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        return None


def names_it(value: object, truth: object) -> bool:
    """Whether a literal is the truth of a prediction, or holds it."""
    if isinstance(value, (list, tuple, set)) and not isinstance(truth, list):
        return any(names_it(each, truth) for each in value)
    if isinstance(truth, dict):
        return isinstance(value, bytes) and bytes.fromhex(truth["bytes"]) in value
    if isinstance(truth, list) and isinstance(value, (list, tuple)):
        starts = range(len(value))
        return any(list(value[start : start + len(truth)]) == truth for start in starts)
    return type(value) in (int, str) and str(value) == str(truth)


def given_away(source: str, truth: object) -> list[str]:
    """Return the comparisons with the truth in the code of a cell."""
    if source.startswith("%"):  # a cell of Lua
        return []
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if names_it(literal(side), truth)
    ]


def written(text: str, question: str, truth: object) -> list[str]:
    """Return the places where a text, code or prose, has a truth of two digits or more.

    What is folded away counts as hidden, and what the question itself says tells nothing.
    """
    text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    said = truth["bytes"] if isinstance(truth, dict) else str(truth)
    if not re.fullmatch(r"\d{2,}|([0-9a-f]{2} ?)+", said) or said in question:
        return []
    return re.findall(rf".*(?<![\w.]){said}(?![\w.]).*", text)


@pytest.mark.parametrize(
    ("source", "truth"),
    [
        ("assert client.close_code == 1005", 1005),
        ("assert codes == [1002] * 11 + [1007]", 1007),
        ("assert (len(a), len(b)) == (1, 0)", 1),
        ("assert seen == {b'Hi'}", {"bytes": "48 69"}),
        ("assert raw == bytes([0x88, 2, 0x03, 0xE8])", {"bytes": "88 02 03 e8"}),
        ("assert sensor == 1 * 256 + 2", 258),
        ("assert types == ['close', 'ping', 'pong', 'close']", ["ping", "pong"]),
        ("who.check(next(who for who, code in answers.items() if code == 403))", "403"),
    ],
)
def test_a_comparison_with_the_truth_is_found(source: str, truth: object) -> None:
    assert given_away(source, truth)
    assert not given_away(source, 4711)


@each_notebook
def test_no_answer_is_on_the_screen_when_its_question_is_asked(path: Path) -> None:
    """Neither in the cells from the form to the truth and the code after it, nor in the prose."""
    every = cells(path)
    asked = {name: at for name, [at] in places(path, r"^(\w+) = predict\(").items()}
    told = [(at, name) for name, [at] in places(path, r"^ *(\w+)\.check\(").items()]
    order = {(at, name): "".join(every[at]["source"]).index(f"{name}.check(") for at, name in told}
    told.sort(key=lambda each: (each[0], order[each]))
    found = []
    for (at, name), (question, _, truth) in zip(told, played()[path.name], strict=True):
        code_after = [n for n in range(at + 1, len(every)) if every[n]["cell_type"] == "code"][:1]
        for number in [*range(asked[name] - 1, at + 2), *code_after]:
            source = "".join(every[number]["source"])
            if every[number]["cell_type"] == "markdown":
                found += [(name, line) for line in written(source, question, truth)]
            elif number > asked[name]:
                found += [(name, line) for line in given_away(source, truth)]
                if number <= at:
                    found += [(name, line) for line in written(source, question, truth)]
    assert found == []


@each_notebook
def test_the_name_of_a_prediction_is_used_for_nothing_else(path: Path) -> None:
    """Its cell may be run again later."""
    bound = [
        node.id
        for cell in cells(path)
        if cell["cell_type"] == "code" and not cell["source"][0].startswith("%")
        for node in ast.walk(ast.parse("".join(cell["source"])))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    assert [n for n in places(path, r"^(\w+) = predict\(") if bound.count(n) > 1] == []
