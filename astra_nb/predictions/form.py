"""The form in which a question is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["Form"]

STATIC = Path(__file__).parent / "static"


class Form(anywidget.AnyWidget):
    """A question with a field, or with buttons to choose from.

    Attributes:
        status: What came of it, as one sentence; a screen reader speaks it.
        done: How often an answer left no question of its cell open; the page then moves the focus
            to the next cell.
    """

    _esm = STATIC / "form.js"
    _css = STATIC / "form.css"

    question = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    done = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        question: str,
        hint: str,
        choices: Sequence[str],
        answer: str,
        status: str,
        note: Callable[[str], tuple[str, bool]],
    ) -> None:
        """Make a form.

        Args:
            note: Called with each answer; returns the sentence for `status`, and whether each
                question of the cell has an answer now.
        """
        super().__init__(
            question=question, hint=hint, choices=list(choices), answer=answer, status=status
        )
        self._take = note
        self.observe(self._note, "answer")

    def _note(self, _: Any) -> None:
        self.status, is_done = self._take(self.answer)
        self.done += is_done

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**options)
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        return {**data, "text/plain": f"Predict: {self.question} ({self.hint})"}
