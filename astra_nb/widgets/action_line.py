"""The line under the buttons: what the last click did, and the code that does the same."""

from __future__ import annotations

import anywidget
import traitlets

from .esm import STATIC, join_modules
from .while_busy import Greeter

__all__ = ["ActionLine"]


class ActionLine(Greeter, anywidget.AnyWidget):
    """Says what a click did or why it could not, and shows its line of code to copy.

    The page says hello to it for the whole panel, so that clicks get through while a cell runs.

    Attributes:
        sentence: What happened.
        failed: Whether that is an error.
        code: One or more lines of Python.
    """

    _esm = join_modules(STATIC / "js" / "action_line.js")
    _css = STATIC / "panel.css"

    sentence = traitlets.Unicode("").tag(sync=True)
    failed = traitlets.Bool(False).tag(sync=True)
    code = traitlets.Unicode("").tag(sync=True)

    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Show a sentence."""
        self.failed = failed
        self.sentence = sentence

    def __repr__(self) -> str:
        return f"ActionLine({self.sentence!r})"
