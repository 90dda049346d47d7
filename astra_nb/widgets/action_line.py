"""The line under the buttons: what the last click did, and the code that does the same."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from .esm import STATIC, join_modules
from .while_busy import AnswersWhileBusy

__all__ = ["ActionLine"]


class ActionLine(AnswersWhileBusy, anywidget.AnyWidget):
    """Says what a click did or why it could not, and shows its line of code to copy.

    It also greets the panel's other controls for the page, so that their clicks get through
    while a cell runs.

    Attributes:
        sentence: What happened.
        failed: Whether that is an error.
        code: One or more lines of Python.
        controls: The widgets to greet.
    """

    _esm = join_modules(STATIC / "js" / "action_line.js")
    _css = STATIC / "panel.css"

    sentence = traitlets.Unicode("").tag(sync=True)
    failed = traitlets.Bool(False).tag(sync=True)
    code = traitlets.Unicode("").tag(sync=True)
    controls = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def greet(self, controls: list[Any]) -> None:
        """Let the page say hello to these widgets."""
        self.controls = [control.model_id for control in controls]

    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Show a sentence."""
        self.failed = failed
        self.sentence = sentence

    def __repr__(self) -> str:
        return f"ActionLine({self.sentence!r})"
