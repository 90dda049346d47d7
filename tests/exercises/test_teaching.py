"""What the teacher's guide shows is run: its exercise, and its tests in a cell."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

from astra_nb import Server, connect
from tests.exercises.answers import EXERCISES, answer_of
from tests.helpers import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "teaching.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def block(part: str) -> str:
    source: str = next(block for block in BLOCKS if part in block)
    code = source[source.index("def ") :]
    assert len([line for line in code.splitlines() if line.strip()]) < 25
    return source


def test_the_handler_exercise_of_the_guide_works() -> None:
    namespace: dict[str, Any] = {}
    exec(block("HandlerExercise("), namespace)
    backwards = namespace["backwards"]

    assert backwards.selftest() == []
    answer = backwards.check(answer_of(backwards, EXERCISES["echo"].solution_text))
    assert answer.key == "known-mistake"
    assert "That is the word as it came." in str(answer)


def test_the_function_exercise_of_the_guide_works() -> None:
    namespace: dict[str, Any] = {}
    exec(block("FunctionExercise("), namespace)
    exercise = namespace["count_payload"]

    assert exercise.selftest() == []
    answer = exercise.check(lambda payload: len(payload) * 8)
    assert "Those are bits" in str(answer)
    answer = exercise.check(lambda payload: max(len(payload) - 1, -1))
    assert "The last byte is not counted." in str(answer)


def test_the_lines_for_a_cell_work() -> None:
    source = next(block for block in BLOCKS if "with scenario(handle_socket)" in block)
    handler = answer_of(EXERCISES["echo"], EXERCISES["echo"].solution_text)
    exec(source, {"handle_socket": handler})


def test_the_lines_for_a_prediction_work(capsys: pytest.CaptureFixture[str]) -> None:
    ask, check = (block for block in BLOCKS if "unasked" in block)
    namespace: dict[str, Any] = {}
    exec(ask, namespace)
    namespace["unasked"].answer = "pong, close"
    with Server(port=0) as server:
        server.websocket("/", lambda socket: socket.send_ping("Are you there?"))
        with connect(server.url) as client:
            client.wait_closed(timeout=5)
        server.log.wait_for(kind="closed")
        exec(check, namespace | {"server": server})
    said = "Right. You said pong, close; it was pong, close."
    assert capsys.readouterr().out.splitlines()[-1] == said


def test_the_lines_for_otter_work() -> None:
    """Otter runs a case as a doctest in the notebook's names; so does this."""
    source = next(block for block in BLOCKS if "OK_FORMAT" in block)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    [case] = namespace["test"]["suites"][0]["cases"]
    right = answer_of(EXERCISES["echo"], EXERCISES["echo"].solution_text)

    def failures(handler: Any) -> int:
        test = doctest.DocTestParser().get_doctest(
            case["code"], {"handle_socket": handler}, "q1", None, None
        )
        return doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None).failed

    assert failures(right) == 0
    assert failures(lambda socket: socket.recv()) == 1


def test_the_table_names_every_notebook() -> None:
    from astra_nb.exercises import NOTEBOOKS

    for name in NOTEBOOKS:
        assert f"`{name}`" in GUIDE
