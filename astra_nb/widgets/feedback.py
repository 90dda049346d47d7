"""Feedback on the last click: what it did, and the code that does the same."""

from __future__ import annotations

import anywidget
import traitlets

from .bridge import BridgedWidget
from .esm import STATIC, join_modules

__all__ = ["Feedback"]


class Feedback(BridgedWidget, anywidget.AnyWidget):
    """What a click did or why it could not, with its line of code to copy.

    Its page says hello for the controls around it, so that clicks get through while a cell runs.

    Attributes:
        sentence: What happened.
        failed: Whether that is an error.
        code: One or more lines of Python.
    """

    _esm = join_modules(STATIC / "js" / "feedback.js")
    _css = STATIC / "panel.css"

    sentence = traitlets.Unicode("").tag(sync=True)
    failed = traitlets.Bool(False).tag(sync=True)
    code = traitlets.Unicode("").tag(sync=True)

    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Show a sentence."""
        self.failed = failed
        self.sentence = sentence

    def __repr__(self) -> str:
        return f"Feedback({self.sentence!r})"
