"""How far someone is, in a small file beside the notebook.

A convenience, never a proof: when it is damaged or cannot be written, checks go on without it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astra_nb.log.records import Outcome
from astra_nb.recordings.files import write

FILE_NAME = "astra-nb-progress.json"
MAX_SIZE = 1_000_000  # bytes; a larger file is not ours
STATES = ["right", "not attempted", "not yet"]
EARLIER = "right before"  # only in what remember() returns
NO_PROGRESS = "ASTRA_NB_NO_PROGRESS"  # environment variable; with any value nothing is kept


def read_states(folder: Path) -> dict[str, str]:
    """Return the state of each exercise by its name; damaged parts are left out."""
    states = _read(folder, "exercises")
    return {name: state for name, state in states.items() if state in STATES}


def read_answers() -> dict[str, str]:
    """Return the answer to each question that a prediction asked in the current folder."""
    rows = ((q, each) for q, each in _read(Path.cwd(), "predictions").items())
    answers = {question: each.get("answer") for question, each in rows if isinstance(each, dict)}
    return {question: each for question, each in answers.items() if isinstance(each, str)}


def remember_answer(question: str, answer: str, outcome: str) -> None:
    """Note the answer to a question in the current folder; "" forgets the one before."""
    found = _read(Path.cwd(), "predictions")
    answers = {each: found[each] for each in found if each != question}
    if answer:
        answers[question] = {"answer": answer, "outcome": outcome}
    if answers or found:
        _write("predictions", answers)


def _read(folder: Path, part: str = "") -> dict[str, Any]:
    path = folder / FILE_NAME
    content = None
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if not os.environ.get(NO_PROGRESS) and path.stat().st_size <= MAX_SIZE:
            content = json.loads(path.read_text(encoding="utf-8"))
    if part and isinstance(content, dict):
        content = content.get(part)
    return content if isinstance(content, dict) else {}


def _write(part: str, value: dict[str, Any]) -> None:
    if not os.environ.get(NO_PROGRESS):
        text = json.dumps(_read(Path.cwd()) | {part: value}, indent=1, sort_keys=True)
        with contextlib.suppress(OSError):
            write(Path.cwd() / FILE_NAME, text + "\n")


def remember(name: str, outcome: Outcome) -> dict[str, str]:
    """Note the outcome of a check in the current folder; return the states of all exercises.

    What was right once stays right, as `EARLIER` in what is returned: to try out something else
    takes nothing away. A machine that was too busy changes nothing.
    """
    states = read_states(Path.cwd())
    if states.get(name) == "right":
        return states | {name: "right" if outcome == "right" else EARLIER}
    if outcome != "too busy":
        states[name] = outcome
        _write("exercises", states)
    return states


def sentence(states: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Return how many exercises of a notebook, of which these are the titles, are right."""
    if not titles:
        return ""
    earlier = [title for name, title in titles.items() if states.get(name) == EARLIER]
    left = [title for name, title in titles.items() if states.get(name) not in ("right", EARLIER)]
    but = f" ({', '.join(earlier)} with an earlier answer)" if earlier else ""
    ending = f"; still to do: {', '.join(left)}." if left else "." if earlier else ". All done."
    right = f"{len(titles) - len(left)} of {len(titles)} right"
    return f"Progress in this notebook: {right}{but}{ending}"
