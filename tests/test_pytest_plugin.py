"""The plugin of pytest, with notebooks of a stranger's kind and tests of a stranger's kind."""

from __future__ import annotations

import random
import re
from pathlib import Path

import nbformat
import pytest

from tests.helpers import REPOSITORY, python_environment, run_python

PAGE = (REPOSITORY / "docs" / "notebooks-as-tests.md").read_text(encoding="utf-8")
CELLS = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)[:3]
HOOK = "from astra_nb.testing import show_frames_on_failure\nshow_frames_on_failure()"
FAILING = "client.send_text('Ben')\nclient.recv(timeout=5)\nassert client.close_code == 1001"


def notebook(*sources: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source.strip()) for source in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )


def run_pytest(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    run = run_python(
        "-m", "pytest", "-p", "no:cacheprovider", "-p", "astra_nb.pytest_plugin", "--color=no",
        "-p", "nbval.plugin", f"--rootdir={folder}", *arguments, cwd=folder, timeout=120,
        # Those of this repository's tests are slow to import.
        environment=python_environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The page's lesson with its outputs, stored as the page says; behind it cells that fail."""
    path = tmp_path_factory.mktemp("lesson") / "lesson.ipynb"
    nbformat.write(notebook(*CELLS, FAILING, HOOK, FAILING), path)
    run = run_python(
        "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "--allow-errors", path,
        timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def compared(lesson: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of nbval on the lesson twice, and on one whose last two cells fail, shuffled."""
    folder = tmp_path_factory.mktemp("compared")
    failing = notebook(*CELLS, "print('now')", "client.close()\nassert client.close_code == 1001")
    failing.cells[-2].outputs = [nbformat.v4.new_output("stream", text="as it was stored")]
    lesson = nbformat.from_dict({**lesson, "cells": lesson.cells[: len(CELLS)]})
    names = ["once", "twice", "failing"]
    random.Random(6455).shuffle(names)
    for name in names:
        nbformat.write(failing if name == "failing" else lesson, folder / f"{name}.ipynb")
    options = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=60", "-rA")
    status, report = run_pytest(folder, *options, *(folder / f"{name}.ipynb" for name in names))
    assert status == 1, report
    return report


def test_a_lesson_compares_twice_and_shuffled_without_a_sanitize_file(
    lesson: nbformat.NotebookNode, compared: str
) -> None:
    shown = str(lesson.cells[len(CELLS) - 1].outputs)
    assert re.search(r"masking key [0-9a-f]{2} ", shown)
    assert "+1.002" in shown
    for name in ("once", "twice"):
        passed = re.findall(rf"^PASSED {name}\.ipynb::", compared, re.MULTILINE)
        assert len(passed) == len(CELLS), compared
    assert re.findall(r"^FAILED (\w+)\.ipynb::", compared, re.MULTILINE) == ["failing"] * 2


def test_a_cell_that_fails_shows_the_frames_and_why_it_closed(compared: str) -> None:
    differs, raises = compared.split("WebSocket frames")[1:]
    for told in (differs, raises):
        assert "The last rows of the server's log:" in told
        assert "The last rows of the client's log:" in told
    assert "Connection 1: not closed so far." in differs
    assert "The client closed first with 1000 (normal closure)" in raises


def test_without_nbval_a_cell_shows_them_where_it_is_told_to(
    lesson: nbformat.NotebookNode,
) -> None:
    without, told = ("\n".join(lesson.cells[n].outputs[0].traceback) for n in (-3, -1))
    assert "The last rows of" not in without
    assert "The last rows of the client's log:" in told
    assert '"Hello, Ben!"' in told
    assert "Hello, Ada!" not in told  # of an earlier cell


def test_a_test_that_fails_shows_the_frames_of_that_test(tmp_path: Path) -> None:
    (tmp_path / "test_greeting.py").write_text(
        "from astra_nb.testing import scenario\n"
        "def greet(socket):\n"
        "    socket.send_text('Hello')\n"
        "def test_good():\n"
        "    with scenario(greet) as client:\n"
        "        client.send_text('of the good one')\n"
        "def test_bad():\n"
        "    with scenario(greet) as client:\n"
        "        client.recv(10)\n"
        "        client.wait_closed(10)\n"
        "        assert client.close_code == 1001\n"
        "def test_without_a_websocket():\n"
        "    assert 1 == 2\n",
        encoding="utf-8",
    )
    status, report = run_pytest(tmp_path, "test_greeting.py")
    assert status == 1
    assert report.count("WebSocket frames") == 1
    assert "The server closed first with 1000 (normal closure)" in report
    assert "of the good one" not in report
