"""Run notebooks in one IPython without a page, and answer each prediction in all three ways.

    python tests/predictions/play.py NOTEBOOK...

Before each cell that follows a panel, each server sends a text on each of its connections, as
someone who tries the panel does. Each cell is run twice in a row, as with Ctrl+Enter.

Prints JSON: for each notebook the questions in their order, each with what its checks came to and
with the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from IPython.core.interactiveshell import InteractiveShell

from astra_nb import AstraError
from astra_nb.jupyter.handler_output import CellRun
from astra_nb.predictions.answers import Kind, Value, truth_of
from astra_nb.predictions.prediction import Outcome, Prediction
from astra_nb.server import Server

Played = list[tuple[str, list[Outcome | None], object]]


def typed(value: Value) -> str:
    """Return a value as a person would type it."""
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return str(value)


def wrong(kind: Kind, value: Value, choices: tuple[str, ...]) -> str:
    """Return an answer of the same kind that is not right."""
    if kind == "choice":
        return next(choice for choice in choices if choice != value)
    if kind == "close code":
        return "1000" if value != 1000 else "1001"
    if isinstance(value, bytes):
        return typed(value + b"\0")
    if isinstance(value, tuple):
        return typed((*value, "reserved"))
    assert isinstance(value, int)
    return str(value + 1)


def answering(check: Any, played: Played) -> Any:
    """Return a `check` that is made without an answer, with a wrong one, and with the right one."""

    def check_each_way(self: Prediction, truth: Any) -> None:
        value = truth_of(self.kind, truth, self.choices).value
        outcomes = []
        for answer in ("", wrong(self.kind, value, self.choices), typed(value)):
            self.answer = answer
            check(self, truth)
            outcomes.append(self.outcome)
        truth = {"bytes": value.hex(" ")} if isinstance(value, bytes) else value
        if (self.question, outcomes, truth) not in played:  # a cell that was run again
            played.append((self.question, outcomes, truth))

    return check_each_way


def try_the_panel(names: dict[str, Any]) -> None:
    """Send what a panel sends when its button is pressed: a text from the server."""
    for value in list(names.values()):
        if isinstance(value, Server):
            for socket in value.connections:
                if not socket.would_wait:  # as the panel does: its client reads nothing
                    with contextlib.suppress(AstraError):  # it has just closed
                        socket.send_text("from the panel")


async def play(cells: list[dict[str, Any]]) -> Played:
    """Run the cells of a notebook in their order; returns what its predictions came to.

    Raises:
        RuntimeError: A cell failed.
    """
    played: Played = []
    check = Prediction.check
    Prediction.check = answering(check, played)  # type: ignore[method-assign]
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    has_panel = False
    try:
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        for cell, run in itertools.product(code, (1, 2)):
            source = "".join(cell["source"])
            if has_panel:
                try_the_panel(shell.user_ns)
            # Which a kernel takes from the message that a page sends.
            this = CellRun(cell["id"], str(run))
            with mock.patch("astra_nb.settings.current_run", return_value=this):
                result = await shell.run_cell_async(
                    source, transformed_cell=shell.transform_cell(source)
                )
            if not result.success:
                error = result.error_before_exec or result.error_in_exec
                raise RuntimeError(f"cell {cell['id']}, run {run}: {error!r}") from error
            has_panel = has_panel or ".panel(" in source
    finally:
        Prediction.check = check  # type: ignore[method-assign]
    return played


def main(paths: list[str]) -> None:
    notebooks = {Path(path).name: json.loads(Path(path).read_text("utf-8")) for path in paths}
    captures = Path(paths[0]).resolve().parent / "captures"
    os.chdir(tempfile.mkdtemp())
    os.symlink(captures, "captures")  # which a notebook reads

    async def play_all() -> dict[str, Played]:
        return {name: await play(notebook["cells"]) for name, notebook in notebooks.items()}

    # Once for all of them: what handlers print is recorded as long as nothing else takes its place.
    with contextlib.redirect_stdout(io.StringIO()):
        played = asyncio.run(play_all())
    print(json.dumps(played))


if __name__ == "__main__":
    main(sys.argv[1:])
