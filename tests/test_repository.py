"""What holds for the whole repository: its notebooks, what is shipped, what is not said."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import zipfile
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns

from tests.helpers import REPOSITORY, python_environment, run_python

# The exercises below are nbgrader's: handed out without outputs, tested in tests/exercises.
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
SANITIZE = REPOSITORY / "notebooks" / "nbval_sanitize.cfg"

MOST_CODE_CELLS = 30
MOST_LINES = 15
MOST_IGNORED = 2  # cells of one notebook whose output is not compared
MOST_PATTERNS = 10
NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}

# Written in two parts, so that this file is not its own first finding.
HOME = re.compile("|".join(("/ho" + r"me/[A-Za-z]", "/Us" + r"ers/[A-Za-z]", "/ro" + r"ot/\S")))
ABSOLUTE = re.compile("|".join((HOME.pattern, "/tm" + r"p/\S", r"\b[A-Za-z]:\\+Us" + "ers")))
SECRET = re.compile(r"(?i)[?&]token=[^<&\s]|authorization: (?!<hidden>)\S|\bcookie: (?!<hidden>)\S")

notebook_files = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: str(path.relative_to(REPOSITORY))
)


@cache
def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


@cache
def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    paths = [REPOSITORY / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def texts(node: object) -> list[str]:
    """All texts of an output, however deep."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        return [text for value in node.values() for text in texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in texts(value)]
    return []


# ------------------------------------------------------------------- notebooks


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@notebook_files
def test_a_notebook_is_valid_and_its_cells_have_ids(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    ids = [cell.get("id") for cell in notebook.cells]

    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert None not in ids
    assert len(set(ids)) == len(ids)


@notebook_files
def test_a_notebook_was_run_in_order_on_a_fresh_kernel(path: Path) -> None:
    cells = code_cells(path)

    assert all(cell.source.strip() for cell in cells), "an empty code cell"
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@notebook_files
def test_a_notebook_is_short(path: Path) -> None:
    cells = code_cells(path)
    long = {c.id: n for c in cells if (n := len(c.source.splitlines())) > MOST_LINES}

    assert len(cells) <= MOST_CODE_CELLS
    assert long == {}


@notebook_files
def test_a_notebook_has_all_that_the_series_promises(path: Path) -> None:
    """Goal and section, bytes first, a live view, checks, and an end."""
    cells = read(path).cells
    code = [cell.source for cell in code_cells(path)]
    live = [
        n
        for n, source in enumerate(code)
        if re.search(r"(panel|browser_client)\((bits=True)?\)", source)
    ]
    raw = [n for n, cell in enumerate(code_cells(path)) if cell.id.startswith("raw")]

    assert re.match(r"# \d+\. .+\n\n\*\*Goal\.\*\* ", cells[0].source)
    assert "\n**In the standard.** RFC 6455: section" in cells[0].source
    assert raw
    assert live
    assert raw[0] < live[0]
    assert sum(source.count("assert ") for source in code) >= 5
    assert any("shutdown()" in source for source in code[-2:])


@notebook_files
def test_a_notebook_stores_no_path_secret_or_widget_state(path: Path) -> None:
    notebook = read(path)
    said = [text for cell in notebook.cells for text in texts(cell.get("outputs", []))]
    said += [cell.source for cell in notebook.cells]

    assert [match.group() for text in said if (match := ABSOLUTE.search(text))] == []
    assert [match.group() for text in said if (match := SECRET.search(text))] == []
    assert "widgets" not in notebook.metadata
    assert [c.id for c in notebook.cells if "execution" in c.metadata] == []


@notebook_files
def test_a_notebook_stores_only_the_errors_it_means_to_show(path: Path) -> None:
    unmeant = [
        cell.id
        for cell in code_cells(path)
        if any(output.output_type == "error" for output in cell.outputs)
        and "raises-exception" not in cell.metadata.get("tags", [])
    ]

    assert unmeant == []


@notebook_files
def test_what_a_comparison_leaves_out_is_rare_and_explained(path: Path) -> None:
    """A cell whose output is not compared says why in its metadata, under `not_compared`."""
    cells = code_cells(path)
    ignored = [c for c in cells if NOT_COMPARED.intersection(c.metadata.get("tags", []))]

    assert [c.id for c in cells if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)_", c.source)] == []
    assert [c.id for c in ignored if not c.metadata.get("not_compared", "").strip()] == []
    assert len(ignored) <= MOST_IGNORED


def sanitize_patterns() -> dict[str, str]:
    return dict(get_sanitize_patterns(SANITIZE.read_text()))


def test_each_sanitised_pattern_is_explained_and_still_needed() -> None:
    said = [text for path in NOTEBOOKS for cell in code_cells(path) for text in texts(cell.outputs)]
    # A section and its two lines under a comment.
    sections = re.findall(r"^\[.+\]$", SANITIZE.read_text(), re.MULTILINE)
    explained = re.findall(r"^#.*\S.*\n\[.+\]$", SANITIZE.read_text(), re.MULTILINE)
    patterns = sanitize_patterns()

    assert len(explained) == len(sections) == len(patterns) <= MOST_PATTERNS
    assert [p for p in patterns if not any(re.search(p, text) for text in said)] == []


def sanitized(text: str) -> str:
    for pattern, replacement in sanitize_patterns().items():
        text = re.sub(pattern, replacement, text)
    return text


def change_a_byte(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Change one letter that a cell stored, and leave out the cells after that one."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            stored = output.text if output.output_type == "stream" else ""
            for place, letter in enumerate(stored):
                other = "b" if letter == "a" else "a"
                changed = stored[:place] + other + stored[place + 1 :]
                if letter.isalpha() and sanitized(changed) != sanitized(stored):
                    output.text = changed
                    notebook.cells = notebook.cells[: index + 1]
                    return notebook
    raise AssertionError("no cell of this notebook stores a printed text to compare")


def compare(notebook: nbformat.NotebookNode, folder: Path) -> tuple[int, str]:
    """Run a notebook as `make test` does, and give pytest's exit status and report."""
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    run = run_python(
        "-m", "pytest", "-p", "no:cacheprovider", "--color=no", f"--rootdir={folder}",
        "--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITIZE}",
        "--nbval-cell-timeout=60", path,
        cwd=folder, timeout=120,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


def test_a_changed_byte_in_a_stored_output_turns_the_comparison_red(tmp_path: Path) -> None:
    changed = change_a_byte(copy.deepcopy(read(NOTEBOOKS[0])))
    whole = copy.deepcopy(read(NOTEBOOKS[0]))
    whole.cells = whole.cells[: len(changed.cells)]

    assert compare(whole, tmp_path)[0] == 0
    status, report = compare(changed, tmp_path)

    assert status == 1, report
    assert re.search(r"mismatch 'std(out|err)'", report), report
    assert re.search(r"\b1 failed", report)


# ----------------------------------------------------------------- what is tested


PACKAGE = REPOSITORY / "astra_nb"
# Modules, or folders with a slash at the end, that have no test file of their own, and why.
WITHOUT_OWN_TESTS = {
    "async_websocket.py": "tests/test_websocket.py tests both kinds of sockets side by side",
    "exercises/catalog/": "each by right and wrong answers: tests/exercises/test_answers.py",
    "exercises/diagnosis/evidence.py": "frozen facts: tests/exercises/diagnosis/test_rules.py",
    "exercises/diagnosis/misconceptions.py": "keys, advice: the same",
    "exercises/exercise.py": "whole checks: tests/exercises/test_check.py, test_truth.py",
    "exercises/guard.py": "what code may not do: tests/exercises/test_check.py",
    "exercises/harness.py": "the server of a check: tests/exercises/test_check.py",
    "exercises/scripted_client.py": "plays scenarios: tests/exercises/test_answers.py",
    "exercises/stage.py": "how clients wait: tests/exercises/test_check.py, test_scenario.py",
    "lua/operations.py": "what Lua programs call: tests/lua/test_programs.py",
    "lua/runtime.py": "sandbox and budget: tests/lua/test_sandbox.py, test_long_work.py",
    "recordings/handshakes.py": "heads of others: tests/recordings/test_captured.py",
    "recordings/json_values.py": "JSON of others: tests/recordings/test_har_reading.py",
    "recordings/reading.py": "bounds and progress: tests/recordings/test_formats.py",
    "running/answering.py": "hooks and pages of a server: tests/test_serving.py",
    "running/listener.py": "what servers and taps share: tests/test_server.py, test_tap.py",
    "running/runner.py": "the life of a server: tests/test_server.py",
    "running/tap_runner.py": "the life of a tap: tests/test_tap.py",
    "settings.py": "what is set on a server: tests/test_server.py, test_serving.py",
}


def own_tests(module: Path) -> Path:
    place = module.relative_to(PACKAGE)
    return REPOSITORY / "tests" / place.parent / f"test_{place.stem}.py"


def test_every_module_has_a_test_file_of_its_own() -> None:
    missing = {
        module.relative_to(PACKAGE).as_posix()
        for module in tracked_files()
        if module.is_relative_to(PACKAGE)
        and module.suffix == ".py"
        and module.stem != "__init__"
        and not own_tests(module).exists()
    }
    explained = {
        name: {
            module
            for module in missing
            if module == name or (name[-1] == "/" and module.startswith(name))
        }
        for name in WITHOUT_OWN_TESTS
    }

    assert sorted(missing - set().union(*explained.values())) == []
    assert [name for name, modules in explained.items() if not modules] == [], "stale"
    assert all(WITHOUT_OWN_TESTS.values())


# --------------------------------------------------------------- what is shipped


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = run_python(
        "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=REPOSITORY, timeout=120
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_all_that_the_package_needs_and_nothing_else(
    wheel: zipfile.ZipFile,
) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = {
        path.relative_to(REPOSITORY).as_posix()
        for path in tracked_files()
        if path.is_relative_to(REPOSITORY / "astra_nb")
    }
    notebooks = {
        "astra_nb/_notebooks/" + path.relative_to(REPOSITORY / "notebooks").as_posix()
        for path in tracked_files()
        if path.is_relative_to(REPOSITORY / "notebooks")
    }

    assert names == package | notebooks
    assert any(name.startswith("astra_nb/widgets/static/") for name in names)
    assert "astra_nb/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel.namelist())


def test_teachers_get_the_solutions_out_of_an_installed_wheel(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path / "site")
    command = ("-m", "astra_nb.commands.cli", "exercises", "--with-solutions", tmp_path / "mine")
    done = run_python(
        *command, cwd=tmp_path, environment=python_environment(PYTHONPATH=str(tmp_path / "site"))
    )
    assert done.returncode == 0, done.stderr
    [first, *others] = sorted((tmp_path / "mine").iterdir())
    assert len(others) == 3
    assert "### BEGIN SOLUTION" in first.read_text(encoding="utf-8")


# -------------------------------------------------------------- what is not said


def test_no_file_names_a_folder_of_the_machine_it_was_made_on() -> None:
    here = re.compile(re.escape(f"{REPOSITORY}/") + "|" + re.escape(f"{Path.home()}/"))
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [
            f"{path.relative_to(REPOSITORY)}: {match.group()}"
            for pattern in (HOME, here)
            if (match := pattern.search(text))
        ]

    assert found == []


def test_the_lock_files_name_no_registry() -> None:
    lock = json.loads((REPOSITORY / "package-lock.json").read_text())
    constraints = (REPOSITORY / "binder" / "constraints.txt").read_text(encoding="utf-8")

    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert "==" in constraints
    assert "://" not in constraints


def test_each_test_that_the_guide_to_reliability_names_is_there() -> None:
    guide = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
    tests = "\n".join(path.read_text("utf-8") for path in (REPOSITORY / "tests").rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", guide))
    assert len(named) > 30
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_a_run_with_marks_of_its_own_leaves_out_the_hub_and_the_book() -> None:
    """Such marks replace those of pyproject.toml, which leave both out."""
    sources = [(REPOSITORY / name).read_text("utf-8") for name in ("Makefile", "tools/lowest.py")]
    marks = re.findall(r'"((?:not )?(?:browser|hub) and [^"]*)"', "\n".join(sources))
    assert len(marks) == 3
    for each in marks:
        assert {"not hub", "not book"} <= set(each.split(" and ")), each
