"""Make the exercise notebooks from the exercises: for the teacher, and for students.

    python tools/make_exercise_notebooks.py

writes `notebooks/exercises/source/` in nbgrader's form, and has nbgrader make
`notebooks/exercises/release/` of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat

from astra_nb.exercises import NOTEBOOKS, Exercise

REPOSITORY = Path(__file__).resolve().parent.parent
EXERCISES = REPOSITORY / "notebooks" / "exercises"
ASSIGNMENT = "websockets"
POINTS = 2  # for each exercise
STUB_BODY = "    ...\n"

TITLES = {
    "1-first-steps": "First steps",
    "2-control-frames": "Control frames",
    "3-protocols": "Small protocols",
    "4-by-hand": "Bytes by hand",
}
INTRODUCTION = """\
# {title}

Write each answer into its cell, run it, and run the check below it. A check talks to your code \
and says what it found. Run it as often as you like.

{seeded}\
Stuck? `{first}.hint()` says a bit, `{first}.hint(2)` a bit more, and `{first}.solution()` shows \
one way to write it. Every handler may be a `def`, or an `async def` with `await`."""
SECTION = """\
## {title}

{prompt}

RFC 6455, {rfc}."""
CHECK = """\
from astra_nb.exercises import {name}
{name}.check({function}{seed})
### BEGIN HIDDEN TESTS
from astra_nb.testing import expect_right
expect_right({name}, {function}{seed})
### END HIDDEN TESTS"""

# Where copying is easy the values of a check depend on the student. The cell with the name is
# unknown to nbgrader, so that it is graded as it was submitted; the name of one that is gone is "".
SEEDED = {"4-by-hand"}
SEED_TEXT = """\
Write your name into the cell below first: each name has its own values, and yours are graded.

"""
SEED_CELL = 'student = "..."  # your name'
WITHOUT_SEED_CELL = """\
### BEGIN HIDDEN TESTS
student = globals().get("student", "")
### END HIDDEN TESTS
"""


def source_notebook(name: str) -> nbformat.NotebookNode:
    """Make the teacher's notebook: solutions and tests between nbgrader's marks."""
    new = nbformat.v4
    exercises = NOTEBOOKS[name]
    names = ", ".join(each.name for each in exercises)
    seeded = name in SEEDED
    first = INTRODUCTION.format(
        title=TITLES[name], first=exercises[0].name, seeded=SEED_TEXT if seeded else ""
    )
    cells = [
        new.new_markdown_cell(first, id="introduction"),
        *([new.new_code_cell(SEED_CELL, id="student")] if seeded else []),
        new.new_code_cell(f"from astra_nb.exercises import {names}", id="imports"),
    ]
    for each in exercises:
        text = SECTION.format(title=each.title, prompt=each.prompt, rfc=each.rfc)
        seed = ", seed=student" if seeded else ""
        check = CHECK.format(name=each.name, function=each.function, seed=seed)
        check = (WITHOUT_SEED_CELL if seeded else "") + check
        cells += [
            new.new_markdown_cell(text, id=f"{each.name}-text"),
            new.new_code_cell(
                marked_solution(each), id=f"{each.name}-answer", metadata=marks(each, answer=True)
            ),
            new.new_code_cell(check, id=f"{each.name}-check", metadata=marks(each, answer=False)),
            new.new_code_cell(f"# {each.name}.hint()", id=f"{each.name}-hint"),
        ]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return new.new_notebook(cells=cells, metadata=metadata)


def marked_solution(exercise: Exercise) -> str:
    """Put nbgrader's marks around what students write."""
    head = exercise.stub.removesuffix(STUB_BODY)
    assert exercise.solution_text.startswith(head), f"{exercise.name} begins unlike its stub"
    body = exercise.solution_text.removeprefix(head)
    return f"{head}    ### BEGIN SOLUTION\n{body}    ### END SOLUTION"


def marks(exercise: Exercise, *, answer: bool) -> dict[str, object]:
    """Return nbgrader's metadata of a cell."""
    found: dict[str, object] = {
        "grade": not answer,
        "grade_id": f"{exercise.name}-{'answer' if answer else 'check'}",
        "locked": not answer,
        "schema_version": 3,
        "solution": answer,
        "task": False,
    }
    if not answer:
        found["points"] = POINTS
    return {"nbgrader": found}


def write_sources(folder: Path) -> None:
    """Write the teacher's notebooks of the assignment into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(NOTEBOOKS):
        nbformat.write(source_notebook(name), folder / f"{name}.ipynb")


def nbgrader(course: Path, *arguments: str) -> None:
    """Run nbgrader in a course's folder.

    Raises:
        RuntimeError: It failed; the message holds what it printed.
    """
    command: Sequence[str] = [
        sys.executable, "-m", "nbgrader", *arguments, f"--CourseDirectory.root={course}"
    ]  # fmt: skip
    environment = {
        **os.environ,
        # nbgrader starts `alembic` by its name, from the folder of this Python.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_CONFIG_DIR": str(course / ".jupyter"),
        "IPYTHONDIR": str(course / ".ipython"),
    }
    done = subprocess.run(
        command, cwd=course, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"nbgrader {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def main() -> int:
    write_sources(EXERCISES / "source" / ASSIGNMENT)
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        shutil.copytree(EXERCISES / "source", course / "source")
        nbgrader(course, "generate_assignment", ASSIGNMENT)
        shutil.copytree(course / "release", EXERCISES / "release", dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
