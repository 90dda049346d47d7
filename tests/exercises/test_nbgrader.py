"""The whole way through nbgrader: generate, submit, autograde, feedback."""

from __future__ import annotations

import csv
from html import unescape
from pathlib import Path

import nbformat
import pytest

from astra_nb.exercises import NOTEBOOKS
from astra_nb.exercises.cards import ANSWER_TYPE
from astra_nb.exercises.class_report import read_folder
from tests.exercises.answers import EXERCISES
from tests.helpers import REPOSITORY, python_environment, run_python
from tools.make_exercise_notebooks import ASSIGNMENT, nbgrader, source_notebook, write_sources

NOTEBOOK, SEEDED = "1-first-steps", "4-by-hand"
SOLUTIONS = {name: each.solution_text for name, each in EXERCISES.items()}
HOSTILE = {
    "echo": "def handle_socket(socket):\n    exit()\n",
    "greet": "import os\n\ndef handle_socket(socket):\n    os.fork()\n",
    "five_types": "def handle_socket(socket):\n    while True:\n        pass\n",
    "count_bytes": SOLUTIONS["count_bytes"],
}
WRONG = "def handle_socket(socket):\n    message = socket.recv()\n    socket.send_text('x')\n"
# Right for the key of RFC 6455, section 1.3, which is the same for everyone.
WRONG_KEY = f"""{SOLUTIONS["compute_key"]}

right = accept


def accept(key):
    return right(key) if key.startswith("dGhl") else right(key)[::-1]
"""


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


def submit(
    course: Path,
    student: str,
    answers: dict[str, str],
    notebook: str = NOTEBOOK,
    without: tuple[str, ...] = (),
) -> Path:
    """Fill in the student's notebook as a student would; leave some cells out."""
    content = nbformat.read(course / "release" / ASSIGNMENT / f"{notebook}.ipynb", as_version=4)
    content.cells = [cell for cell in content.cells if cell.id not in without]
    for cell in content.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("-answer")
        cell.source = answers.get(name or cell.id, cell.source)
    path = course / "submitted" / student / ASSIGNMENT / f"{notebook}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(content, path)
    return path


def grades(path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def results(path: Path) -> dict[str, str]:
    """Return what was shown of each check in an executed notebook, as text, without progress."""
    return {
        output.data[ANSWER_TYPE]["exercise"]: output.data["text/plain"].partition("Progress")[0]
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", ())
        if ANSWER_TYPE in output.get("data", {})
    }


@pytest.mark.timeout(400)
def test_submissions_get_the_expected_points(tmp_path: Path) -> None:
    source = tmp_path / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    for name in (NOTEBOOK, SEEDED):
        nbformat.write(source_notebook(name), source / f"{name}.ipynb")
    nbgrader(tmp_path, "generate_assignment", ASSIGNMENT)
    submit(tmp_path, "right", SOLUTIONS)
    half = {"echo": SOLUTIONS["echo"], "greet": SOLUTIONS["greet"], "count_bytes": WRONG}
    submit(tmp_path, "half", half)
    submit(tmp_path, "empty", {})
    submit(tmp_path, "hostile", HOSTILE)
    submit(tmp_path, "bare", SOLUTIONS, without=("imports",))
    by_hand = {**SOLUTIONS, "compute_key": WRONG_KEY}
    ada = submit(tmp_path, "ada", {**by_hand, "student": "student = 'ada'"}, SEEDED)
    submit(tmp_path, "bob", {**by_hand, "student": "student = 'bob'"}, SEEDED)
    submit(tmp_path, "nameless", by_hand, SEEDED, without=("imports", "student"))

    nbgrader(tmp_path, "autograde", ASSIGNMENT)
    nbgrader(tmp_path, "generate_feedback", ASSIGNMENT)
    nbgrader(tmp_path, "export", f"--to={tmp_path / 'grades.csv'}")

    assert grades(tmp_path / "grades.csv") == {
        "right": 8.0,
        "half": 4.0,
        "empty": 0.0,
        "hostile": 2.0,
        "bare": 8.0,
        "ada": 8.0,
        "bob": 8.0,
        "nameless": 8.0,
    }
    for student, said in (
        ("right", "Echo: right."),
        ("half", "Count bytes: not yet."),
        ("empty", "Echo: not attempted."),
        ("hostile", "Your handler raised SystemExit"),
    ):
        feedback = tmp_path / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html"
        assert said in feedback.read_text(encoding="utf-8"), student

    # Feedback shows a failure once, and the report of the class has it.
    report = read_folder(tmp_path)
    wrong = report.students["half"]["count_bytes"]
    page = (tmp_path / "feedback" / "half" / ASSIGNMENT / f"{NOTEBOOK}.html").read_text("utf-8")
    assert unescape(page).count(wrong.headline) == 1
    assert "most recent call last" not in page
    assert page.count("Count bytes: not yet; see above.") == 1
    assert wrong.outcome == "not yet"
    assert sum(each.outcome == "right" for each in report.students["bare"].values()) == 4

    # Each student has other values, and the grader's are the student's.
    graded = {
        student: results(tmp_path / "autograded" / student / ASSIGNMENT / f"{SEEDED}.ipynb")
        for student in ("ada", "bob", "nameless")
    }
    assert len({each["compute_key"] for each in graded.values()}) == 3
    command = ("-m", "nbconvert", "--to=notebook", "--execute", "--inplace", ada)
    done = run_python(*command, environment=python_environment(JUPYTER_PREFER_ENV_PATH="1"))
    assert done.returncode == 0, done.stderr
    assert results(ada) == graded["ada"]


@pytest.mark.timeout(200)
def test_a_cell_that_calls_exit_costs_the_whole_assignment(tmp_path: Path) -> None:
    """As docs/teaching.md says: a cell of the notebook, not a handler, ends the grader's kernel."""
    source = tmp_path / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(source_notebook(NOTEBOOK), source / f"{NOTEBOOK}.ipynb")
    nbgrader(tmp_path, "generate_assignment", ASSIGNMENT)
    last = {"count_bytes": SOLUTIONS["count_bytes"] + "exit()\n"}
    submit(tmp_path, "gone", {**SOLUTIONS, **last})
    with pytest.raises(RuntimeError, match="Kernel died"):
        nbgrader(tmp_path, "autograde", ASSIGNMENT)
    nbgrader(tmp_path, "export", f"--to={tmp_path / 'grades.csv'}")
    assert grades(tmp_path / "grades.csv") == {"gone": 0.0}
    assert not list(tmp_path.glob("autograded/gone/*/*.ipynb"))


PARALLEL = """
import os, sys
from astra_nb.exercises import echo
source = echo.solution_text
namespace = {}
exec(source, namespace)
answer = echo.check(namespace["handle_socket"])
print(answer.outcome if answer else answer)
"""


def test_thirty_checks_at_once_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def check(number: int) -> str:
        done = run_python("-c", PARALLEL, cwd=tmp_path, timeout=150)
        return done.stdout.strip() or done.stderr

    with ThreadPoolExecutor(30) as pool:
        states = list(pool.map(check, range(30)))
    assert states == ["right"] * 30
