"""Answers as people write them in a cell: the solutions, and the wrong ones with what is said."""

from __future__ import annotations

import itertools
import linecache
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astra_nb.exercises import NOTEBOOKS, Exercise

WRONG = Path(__file__).parent / "wrong"
RIGHT = Path(__file__).parent / "right"
EXERCISES = {each.name: each for exercises in NOTEBOOKS.values() for each in exercises}

_cells = itertools.count(1)


@dataclass(frozen=True)
class Wrong:
    """A wrong answer. Where two keys or texts would do, `|` stands between them."""

    exercise: str
    title: str
    key: str
    says: str
    source: str


@dataclass(frozen=True)
class Right:
    """A right answer in a style of its own."""

    exercise: str
    title: str
    source: str


def right_answers() -> list[Right]:
    """Read all of them; each begins with a line: === title."""
    return [
        Right(path.stem, *block.split("\n", 1))
        for path in sorted(RIGHT.glob("*.txt"))
        for block in path.read_text(encoding="utf-8").split("=== ")[1:]
    ]


def wrong_answers() -> list[Wrong]:
    """Read all of them; each begins with a line: === title | key | part of what is said."""
    found = []
    for path in sorted(WRONG.glob("*.txt")):
        for block in path.read_text(encoding="utf-8").split("=== ")[1:]:
            first, source = block.split("\n", 1)
            title, key, says = first.split(" | ")
            found.append(Wrong(path.stem, title, key, says, source))
    return found


def answer_of(exercise: Exercise, source: str) -> Any:
    """Run a cell, and return the function it defines; its lines can be found as in a notebook."""
    name = f"<ipython-input-{next(_cells)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, name, "exec"), namespace)
    return namespace[exercise.function]
