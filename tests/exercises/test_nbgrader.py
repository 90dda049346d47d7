"""The whole way through nbgrader: generate, submit, autograde, feedback."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import nbformat
import pytest

from astra_nb.exercises import NOTEBOOKS
from tests.exercises.answers import EXERCISES
from tests.helpers import REPOSITORY, run_python
from tools.make_exercise_notebooks import ASSIGNMENT, nbgrader, source_notebook, write_sources

NOTEBOOK = "1-first-steps"
HOSTILE = {
    "echo": "def handle_socket(socket):\n    exit()\n",
    "greet": "import os\n\ndef handle_socket(socket):\n    os.fork()\n",
    "five_types": "def handle_socket(socket):\n    while True:\n        pass\n",
    "count_bytes": EXERCISES["count_bytes"].solution_text,
}
WRONG = "def handle_socket(socket):\n    message = socket.recv()\n    socket.send_text('x')\n"


def test_the_stored_notebooks_are_those_of_the_exercises(tmp_path: Path) -> None:
    write_sources(tmp_path)
    stored = REPOSITORY / "notebooks" / "exercises"
    for name in NOTEBOOKS:
        made = (tmp_path / f"{name}.ipynb").read_text(encoding="utf-8")
        source = (stored / "source" / ASSIGNMENT / f"{name}.ipynb").read_text(encoding="utf-8")
        assert made == source, f"python {Path('tools/make_exercise_notebooks.py')}"
        release = (stored / "release" / ASSIGNMENT / f"{name}.ipynb").read_text(encoding="utf-8")
        assert "BEGIN SOLUTION" not in release
        assert "HIDDEN TESTS" not in release
        assert "expect_right" not in release


def submit(course: Path, student: str, answers: dict[str, str]) -> None:
    """Fill in the student's notebook as a student would."""
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    path = folder / f"{NOTEBOOK}.ipynb"
    shutil.copyfile(course / "release" / ASSIGNMENT / path.name, path)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("-answer")
        if name in answers:
            cell.source = answers[name]
    nbformat.write(notebook, path)


@pytest.mark.timeout(400)
def test_submissions_get_the_expected_points(tmp_path: Path) -> None:
    solutions = {each.name: each.solution_text for each in NOTEBOOKS[NOTEBOOK]}
    source = tmp_path / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(source_notebook(NOTEBOOK), source / f"{NOTEBOOK}.ipynb")
    nbgrader(tmp_path, "generate_assignment", ASSIGNMENT)
    submit(tmp_path, "right", solutions)
    half = {"echo": solutions["echo"], "greet": solutions["greet"], "count_bytes": WRONG}
    submit(tmp_path, "half", half)
    submit(tmp_path, "empty", {})
    submit(tmp_path, "hostile", HOSTILE)

    nbgrader(tmp_path, "autograde", ASSIGNMENT)
    nbgrader(tmp_path, "generate_feedback", ASSIGNMENT)
    nbgrader(tmp_path, "export", f"--to={tmp_path / 'grades.csv'}")

    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"right": 8.0, "half": 4.0, "empty": 0.0, "hostile": 2.0}
    for student, said in (
        ("right", "Echo: right."),
        ("half", "Count bytes: not yet."),
        ("empty", "Echo: not attempted."),
        ("hostile", "tried to end Python"),
    ):
        feedback = tmp_path / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html"
        assert said in feedback.read_text(encoding="utf-8"), student


PARALLEL = """
import os, sys
from astra_nb.exercises import echo
source = echo.solution_text
namespace = {}
exec(source, namespace)
answer = echo.check(namespace["handle_socket"])
print(answer.state if answer else answer)
"""


def test_thirty_checks_at_once_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def check(number: int) -> str:
        done = run_python("-c", PARALLEL, cwd=tmp_path, timeout=150)
        return done.stdout.strip() or done.stderr

    with ThreadPoolExecutor(30) as pool:
        states = list(pool.map(check, range(30)))
    assert states == ["right"] * 30
