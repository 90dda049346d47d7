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


def read() -> dict[str, dict[str, Any]]:
    """Return the parts of the file in the current folder; damaged ones are left out."""
    found: Any = None
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if not os.environ.get(NO_PROGRESS) and os.path.getsize(FILE_NAME) <= MAX_SIZE:
            found = json.loads(Path(FILE_NAME).read_text(encoding="utf-8"))
    parts = found.items() if isinstance(found, dict) else ()
    return {name: part for name, part in parts if isinstance(part, dict)}


def keep(name: str, part: dict[str, Any]) -> None:
    """Write a part of the file; the others stay."""
    if not os.environ.get(NO_PROGRESS):
        text = json.dumps(read() | {name: part}, indent=1, sort_keys=True)
        with contextlib.suppress(OSError):
            write(FILE_NAME, text + "\n")


def remember(name: str, outcome: Outcome) -> dict[str, str]:
    """Note the outcome of a check in the current folder; return the states of all exercises.

    What was right once stays right, as `EARLIER` in what is returned: to try out something else
    takes nothing away. A machine that was too busy changes nothing.
    """
    kept = read().get("exercises", {})
    states = {each: state for each, state in kept.items() if state in STATES}
    if states.get(name) == "right":
        return states | {name: "right" if outcome == "right" else EARLIER}
    if outcome != "too busy":
        states[name] = outcome
        keep("exercises", states)
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
