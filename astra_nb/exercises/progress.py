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

__all__ = [
    "FILE_NAME",
    "NO_PROGRESS",
    "read_answers",
    "read_states",
    "remember",
    "remember_answer",
    "sentence",
]

FILE_NAME = "astra-nb-progress.json"
MAX_SIZE = 1_000_000  # bytes; a larger file is not ours
STATES = ("right", "not attempted", "not yet")
EARLIER = "right before"  # only in what remember() returns
NO_PROGRESS = "ASTRA_NB_NO_PROGRESS"  # environment variable; with any value nothing is kept


def read_states(folder: Path) -> dict[str, str]:
    """Return the state of each exercise by its name; damaged parts are left out."""
    return _states(_read(folder))


def _states(content: Mapping[str, Any]) -> dict[str, str]:
    states = content.get("exercises")
    if not isinstance(states, dict):
        return {}
    return {name: state for name, state in states.items() if state in list(STATES)}


def read_answers() -> dict[str, str]:
    """Return the answer to each question that a prediction asked in the current folder."""
    answers = _read(Path.cwd()).get("predictions")
    return {
        question: each["answer"]
        for question, each in (answers.items() if isinstance(answers, dict) else ())
        if isinstance(each, dict) and isinstance(each.get("answer"), str)
    }


def remember_answer(question: str, answer: str, outcome: str) -> None:
    """Note the answer to a question in the current folder; "" forgets the one before."""
    content = _read(Path.cwd())
    found = content.get("predictions")
    answers = dict(found) if isinstance(found, dict) else {}
    answers.pop(question, None)
    if answer:
        answers[question] = {"answer": answer, "outcome": outcome}
    if answers or found:
        _write({**content, "predictions": answers})


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE_NAME
    try:
        if os.environ.get(NO_PROGRESS) or path.stat().st_size > MAX_SIZE:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _write(content: dict[str, Any]) -> None:
    if os.environ.get(NO_PROGRESS):
        return
    with contextlib.suppress(OSError):
        text = json.dumps(content, indent=1, sort_keys=True)
        write(Path.cwd() / FILE_NAME, text + "\n")


def remember(name: str, outcome: Outcome) -> dict[str, str]:
    """Note the outcome of a check in the current folder; return the states of all exercises.

    What was right once stays right, as `EARLIER` in what is returned: to try out something else
    takes nothing away. A machine that was too busy changes nothing.
    """
    content = _read(Path.cwd())
    states = _states(content)
    if states.get(name) == "right":
        return states | {name: "right" if outcome == "right" else EARLIER}
    if outcome != "too busy":
        states[name] = outcome
        _write({**content, "exercises": states})
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
