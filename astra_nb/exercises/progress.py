"""How far someone is, in a small file beside the notebook.

The file is a convenience, never a proof: when it is damaged or cannot be written, checks go on
without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

__all__ = ["FILE_NAME", "read_states", "remember", "sentence"]

FILE_NAME = "astra-nb-progress.json"
MAX_SIZE = 1_000_000  # bytes; a larger file is none of ours
STATES = ("right", "not attempted", "not yet")


def read_states(folder: Path | None = None) -> dict[str, str]:
    """Return the state of each exercise by its name; damaged parts are left out."""
    path = (folder or Path.cwd()) / FILE_NAME
    try:
        if path.stat().st_size > MAX_SIZE:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
        states = content["exercises"]
        return {str(name): state for name, state in states.items() if state in STATES}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def remember(name: str, state: str, folder: Path | None = None) -> dict[str, str]:
    """Note the state of an exercise, and give all states.

    What was right once stays right: to try out something else afterwards takes nothing away.
    """
    folder = folder or Path.cwd()
    states = read_states(folder)
    if states.get(name) != "right":
        states[name] = state
        with contextlib.suppress(OSError):
            _write(folder, json.dumps({"exercises": states}, indent=1, sort_keys=True) + "\n")
    return states


def _write(folder: Path, text: str) -> None:
    # A file of its own first: two kernels may write at once, and none may leave half a file.
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".astra-nb-progress-")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, folder / FILE_NAME)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def sentence(states: dict[str, str], names: list[str], titles: dict[str, str]) -> str:
    """Return how many of these exercises are right, and which come next."""
    if not names:
        return ""
    done = [name for name in names if states.get(name) == "right"]
    left = [titles.get(name, name) for name in names if name not in done]
    text = f"Progress in this notebook: {len(done)} of {len(names)} right"
    return f"{text}; still to do: {', '.join(left)}." if left else f"{text}. All done."
