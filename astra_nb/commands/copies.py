"""Copies of the notebooks in a folder of the user's: nothing that is there is overwritten."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

from astra_nb.errors import LocalError
from astra_nb.wire.text import counted

__all__ = ["Copied", "copy_notebooks", "find_notebooks"]

# What is next to the notebooks for the project's own checks.
NOT_FOR_READERS = {
    "nbval_sanitize.cfg",
    ".ipynb_checkpoints",
    "__pycache__",
    "conftest.py",
    "nbgrader_config.py",
    "source",  # of the exercises: it holds the solutions
}
METADATA = "astra_nb"  # a copy remembers which version of a notebook it is, whatever is done to it


@dataclass
class Copied:
    """What a copy did, as paths inside the folder."""

    command: str = "lab"
    new: list[Path] = field(default_factory=list)
    # The user's own, which are not as the original is.
    kept: list[Path] = field(default_factory=list)
    newer: list[Path] = field(default_factory=list)

    def describe(self, folder: Path) -> str:
        lines = [f"The notebooks are in {folder}."]
        if self.new:
            lines = [f"Copied {counted(len(self.new), 'file')} to {folder}."]
        if self.kept:
            lines.append(
                f"Kept yours where it differs: {listed(self.kept)}. For a fresh copy name another "
                f"folder (astra-nb {self.command} FOLDER) or rename yours."
            )
        if self.newer:
            lines.append(f"Newer versions, beside yours: {listed(self.newer)}.")
        return "\n".join(lines)


def listed(paths: list[Path]) -> str:
    return ", ".join(path.as_posix() for path in paths)


def find_notebooks(*below: str) -> Path:
    """Return the folder of notebooks, or one below: the repository's own, or the installed copy."""
    package = Path(__file__).resolve().parent.parent
    folder, remedy = package / "_notebooks", "pip install --force-reinstall --no-deps FILE.whl"
    if (package.parent / "pyproject.toml").is_file():
        folder, remedy = package.parent / "notebooks", "git checkout -- notebooks"
    folder = folder.joinpath(*below)
    if not any(folder.glob("*.ipynb")):
        raise LocalError(f"the notebooks are gone from {folder}. This brings them back: {remedy}")
    return folder


def copy_notebooks(
    source: Path, folder: Path, command: str = "lab", *, without_outputs: bool = True
) -> Copied:
    """Copy files; leave existing ones as they are.

    Notebooks are copied without their outputs, which would show each answer before its question.
    When a copy that is there is of an earlier version, the newer one is put beside it, once, as
    `NAME-newer.ipynb`.

    Raises:
        LocalError: The folder cannot be written, or is a file.
    """
    copied = Copied(command)
    if folder.exists() and folder.samefile(source):
        return copied
    try:
        for name in readers_files(source):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if without_outputs and name.suffix == ".ipynb":
                _copy_lesson(source / name, folder, name, copied)
            elif not (folder / name).exists():
                shutil.copyfile(source / name, folder / name)
                copied.new.append(name)
            elif (folder / name).read_bytes() != (source / name).read_bytes():
                copied.kept.append(name)
    except OSError as error:
        raise LocalError(
            f"the notebooks cannot be copied to {folder} ({error.strerror}: {error.filename}). "
            f"Name a folder that you can write to: astra-nb {copied.command} FOLDER"
        ) from error
    return copied


def readers_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not NOT_FOR_READERS.intersection(name.parts):
            yield name


def _copy_lesson(original: Path, folder: Path, name: Path, copied: Copied) -> None:
    notebook = without_outputs(json.loads(original.read_text(encoding="utf-8")))
    names = (
        name.with_stem(f"{name.stem}-newer{n}") for n in chain([""], map("-{}".format, count(2)))
    )
    version = notebook["metadata"][METADATA]["version"]
    for number, place in enumerate(chain([name], names)):
        if not (folder / place).exists():
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            (folder / place).write_text(text, encoding="utf-8")
            (copied.newer if number else copied.new).append(place)
            return
        if version in versions(folder / place):
            return


def without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook as it was before it was run, with its version in its metadata."""
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    version = {METADATA: {"version": version_of(notebook)}}
    return {**notebook, "cells": cells, "metadata": {**notebook["metadata"], **version}}


def version_of(notebook: dict[str, Any]) -> str:
    """Return a name for what a notebook's cells say, whatever they show."""
    said = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def versions(path: Path) -> set[str]:
    """Return the version that a copy was made from, and the one that its cells are like."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return {notebook["metadata"].get(METADATA, {}).get("version"), version_of(notebook)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()  # the user's own, or damaged
