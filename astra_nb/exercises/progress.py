"""How far someone is, in a small file beside the notebook.

A convenience, never a proof: when it is damaged or cannot be written, checks go on without it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from astra_nb.log.records import Outcome
from astra_nb.recordings.files import write

__all__ = ["FILE_NAME", "read_states", "remember", "sentence"]

FILE_NAME = "astra-nb-progress.json"
MAX_SIZE = 1_000_000  # bytes; a larger file is not ours
STATES = ("right", "not attempted", "not yet")
EARLIER = "right before"  # only in what remember() returns


def read_states(folder: Path) -> dict[str, str]:
    """Return the state of each exercise by its name; damaged parts are left out."""
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > MAX_SIZE:
            return {}
        states = json.loads(path.read_text(encoding="utf-8"))["exercises"]
        return {str(name): state for name, state in states.items() if state in STATES}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


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
        with contextlib.suppress(OSError):
            text = json.dumps({"exercises": states}, indent=1, sort_keys=True)
            write(Path.cwd() / FILE_NAME, text + "\n")
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
