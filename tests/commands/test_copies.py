"""Copies of the notebooks: without outputs, never over what is there, a newer version beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from astra_nb.commands import copies
from astra_nb.commands.copies import Copied, copy_notebooks, find_notebooks
from astra_nb.errors import LocalError


def write(path: Path, *sources: str, output: str = "2\n") -> None:
    """Write a notebook that was run."""
    new = nbformat.v4
    shown = [new.new_output("stream", text=output)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [
        new.new_code_cell(source, id=f"c{number}", outputs=shown, execution_count=number)
        for number, source in enumerate(sources, 1)
    ]
    nbformat.write(new.new_notebook(cells=[new.new_markdown_cell("# 1", id="t"), *cells]), path)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def names(paths: list[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder as the repository's: two notebooks, a picture, and the project's own config."""
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    for name in ("01-first.ipynb", "02-second.ipynb", ".ipynb_checkpoints/01-first.ipynb"):
        write(folder / name, "1 + 1")
    (folder / "images" / "bits.svg").write_text("<svg/>")
    (folder / "nbval_sanitize.cfg").write_text("[port]")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mine" / "deeper"


def test_all_that_a_reader_needs_is_copied(source: Path, folder: Path) -> None:
    copied = copy_notebooks(source, folder)

    assert names(copied.new) == ["01-first.ipynb", "02-second.ipynb", "images/bits.svg"]
    assert (folder / "images" / "bits.svg").read_text() == "<svg/>"
    assert not (folder / "nbval_sanitize.cfg").exists()
    assert copied.describe(folder) == f"Copied 3 files to {folder}."


def test_a_copy_has_no_outputs_and_is_a_valid_notebook(source: Path, folder: Path) -> None:
    copy_notebooks(source, folder)

    copied, original = read(folder / "01-first.ipynb"), read(source / "01-first.ipynb")
    nbformat.validate(copied)
    assert [cell["source"] for cell in copied["cells"]] == [
        cell["source"] for cell in original["cells"]
    ]
    text, code = copied["cells"]
    assert text == original["cells"][0]
    assert (code["outputs"], code["execution_count"]) == ([], None)
    assert original["cells"][1]["outputs"]


def test_a_copy_is_never_overwritten_and_a_missing_one_comes_back(
    source: Path, folder: Path
) -> None:
    copy_notebooks(source, folder)
    mine = read(folder / "01-first.ipynb")
    mine["cells"][1]["source"] = "1 + 2"
    text = json.dumps(mine)
    (folder / "01-first.ipynb").write_text(text)
    (folder / "02-second.ipynb").unlink()

    copied = copy_notebooks(source, folder)

    assert (folder / "01-first.ipynb").read_text() == text
    assert names(copied.new) == ["02-second.ipynb"]
    assert (copied.newer, copied.kept) == ([], [])
    assert copied.describe(folder) == f"Copied 1 file to {folder}."


def test_a_newer_version_is_put_beside_a_copy_once(source: Path, folder: Path) -> None:
    copy_notebooks(source, folder)
    mine = (folder / "01-first.ipynb").read_bytes()
    write(source / "01-first.ipynb", "1 + 1", "2 + 2")

    copied = copy_notebooks(source, folder)

    assert names(copied.newer) == ["01-first-newer.ipynb"]
    assert copied.describe(folder) == (
        f"The notebooks are in {folder}.\nNewer versions, beside yours: 01-first-newer.ipynb."
    )
    assert (folder / "01-first.ipynb").read_bytes() == mine
    assert read(folder / "01-first-newer.ipynb")["cells"][2]["source"] == ["2 + 2"]
    assert copy_notebooks(source, folder) == Copied()

    write(source / "01-first.ipynb", "1 + 1", "3 + 3")
    assert names(copy_notebooks(source, folder).newer) == ["01-first-newer-2.ipynb"]
    assert copy_notebooks(source, folder) == Copied()


def test_other_outputs_are_not_a_newer_version(source: Path, folder: Path) -> None:
    copy_notebooks(source, folder)
    write(source / "01-first.ipynb", "1 + 1", output="3\n")
    assert copy_notebooks(source, folder) == Copied()


def test_a_copy_made_by_hand_is_known_by_its_cells(source: Path, folder: Path) -> None:
    write(folder / "01-first.ipynb", "1 + 1", output="")
    assert names(copy_notebooks(source, folder).newer) == []


@pytest.mark.parametrize(
    "damaged", ["my own work", "[]", '{"cells": 3, "metadata": {}}', "[" * 9999]
)
def test_a_file_that_is_not_a_notebook_stays_too(source: Path, folder: Path, damaged: str) -> None:
    folder.mkdir(parents=True)
    (folder / "01-first.ipynb").write_text(damaged)
    assert names(copy_notebooks(source, folder).newer) == ["01-first-newer.ipynb"]
    assert (folder / "01-first.ipynb").read_text() == damaged


def test_files_are_copied_byte_for_byte_for_a_course(source: Path, folder: Path) -> None:
    copy_notebooks(source, folder, "exercises", without_outputs=False)
    assert (folder / "01-first.ipynb").read_bytes() == (source / "01-first.ipynb").read_bytes()
    (folder / "01-first.ipynb").write_text("my own work")

    copied = copy_notebooks(source, folder, "exercises", without_outputs=False)

    assert names(copied.kept) == ["01-first.ipynb"]
    assert copied.describe(folder) == (
        f"The notebooks are in {folder}.\n"
        "Kept yours where it differs: 01-first.ipynb. "
        "For a fresh copy name another folder (astra-nb exercises FOLDER) or rename yours."
    )


def test_the_source_itself_is_opened_in_place(source: Path) -> None:
    assert copy_notebooks(source, source) == Copied()
    assert read(source / "01-first.ipynb")["cells"][1]["outputs"]


def test_a_folder_that_is_a_file_is_named_with_a_way_out(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.write_text("a file")

    with pytest.raises(LocalError) as caught:
        copy_notebooks(source, folder)

    assert str(caught.value) == (
        f"the notebooks cannot be copied to {folder} "
        f"(File exists: {folder}). "
        "Name a folder that you can write to: astra-nb lab FOLDER"
    )


def test_missing_notebooks_are_named_with_the_way_to_bring_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "__file__", str(tmp_path / "astra_nb" / "commands" / "copies.py"))
    with pytest.raises(LocalError, match="pip install --force-reinstall"):
        find_notebooks()
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(LocalError, match="git checkout -- notebooks"):
        find_notebooks()


def test_students_get_no_output_and_no_solution(tmp_path: Path) -> None:
    copied = copy_notebooks(find_notebooks(), tmp_path / "lessons")
    names = [path.as_posix() for path in copied.new]
    assert "exercises/release/websockets/1-first-steps.ipynb" in names
    for name in names:
        if not name.endswith(".ipynb"):
            continue
        notebook = read(tmp_path / "lessons" / name)
        assert not any(cell.get("outputs") for cell in notebook["cells"]), name
        assert "BEGIN SOLUTION" not in json.dumps(notebook), name
