"""`predict`: ask before the truth is shown, and `check`: say whether the answer was right."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from astra_nb.exercises import progress
from astra_nb.exercises.cards import BOX
from astra_nb.exercises.class_report import PREDICTION_TYPE
from astra_nb.jupyter import handler_output

from .answers import Truth, Value, hint, kind_of, read, said, truth_of

if TYPE_CHECKING:
    from .form import Form

__all__ = ["Prediction", "predict"]

OFF = "ASTRA_NB_NO_PREDICTIONS"  # environment variable; any value leaves only questions and truths
LONGEST = 300  # characters of a question
OTHERS = " Now answer the other"

Outcome = Literal["right", "not right", "no answer", "not asked"]
# A mark and a colour beside the words, never instead of them.
MARKS: dict[Outcome, tuple[str, str, str]] = {
    "right": ("✓", "#2e7d32", "Right. You said {said}; {truth}."),
    "not right": ("→", "#b26a00", "Not right. You said {said}; {truth}."),
    "no answer": ("○", "#757575", "You gave no answer; {truth}."),
    "not asked": ("", "#757575", "{Truth}."),
}


class Prediction:
    """A question that was asked, and the answer to it.

    Attributes:
        question: The question.
        kind: "number", "bytes", "frames", "close code" or "choice".
        choices: What there is to choose from.
        outcome: What the last check said: "right", "not right", "no answer", or "not asked"
            where predictions are off; None before the first.
    """

    def __init__(self, question: str, answer: str | Sequence[str] = "number") -> None:
        if not isinstance(question, str) or not 0 < len(question) <= LONGEST:
            raise ValueError(
                f"a question is a text of 1 to {LONGEST} characters, not {question!r:.80}"
            )
        self.question = question
        self.kind, self.choices = kind_of(answer)
        self.outcome: Outcome | None = None
        self._text = ""
        self._value: Value | None = None
        self._of_cell: list[Prediction] = [self]
        self.form: Form | None = None
        if not is_off():
            kept: Any = progress.read().get("predictions", {}).get(self.question)
            # Nothing is kept or it is damaged, or the question was asked in another way then.
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                self._take(kept["answer"])

    @property
    def answer(self) -> str:
        """The answer as it was typed; "" for none. Set it where there is no form.

        Raises:
            ValueError: When it is set to what is not an answer of this kind.
        """
        return self._text

    @answer.setter
    def answer(self, text: str) -> None:
        self._take(str(text))
        self._keep("open")

    def _take(self, text: str) -> None:
        self._value = read(self.kind, text, self.choices) if text.strip() else None
        self._text = text.strip()

    def _keep(self, outcome: str) -> None:
        """Keep the answer beside the notebook; "" forgets the one before."""
        before = progress.read().get("predictions", {})
        answers = {each: before[each] for each in before if each != self.question}
        if self._text:
            answers[self.question] = {"answer": self._text, "outcome": outcome}
        if answers or before:
            progress.keep("predictions", answers)

    def check(self, truth: Any) -> None:
        """Show what was true, and whether the answer was right.

        Args:
            truth: A value of the kind that was asked for, or records of a log, such as
                `server.log.filter(type="pong")`: they are counted for a number, listed for frames,
                and for bytes and a close code the last one counts.

        Raises:
            TypeError: The truth is of another kind.
            ValueError: No answer can be that.
        """
        found = truth_of(self.kind, truth, self.choices)
        self.outcome = "not asked" if is_off() else "no answer"
        if self._value is not None and not is_off():
            self.outcome = "right" if self._value == found.value else "not right"
            self._keep(self.outcome)
        sentence = self._sentence(found)
        if self.form is not None and self.outcome in ("right", "not right"):
            self.form.status = sentence
        if handler_output.shell() is None:
            print(sentence)
        else:
            from IPython.display import display

            display(bundle(self.question, self.outcome, sentence), raw=True)  # type: ignore[no-untyped-call]

    def _sentence(self, truth: Truth) -> str:
        own = "" if self._value is None else said(self.kind, self._value, truth.noun)
        there = truth.sentence if own else truth.alone or truth.sentence
        whole = {"said": own, "truth": there, "Truth": there[:1].upper() + there[1:]}
        return MARKS[self.outcome or "no answer"][2].format(**whole)

    def ask(self) -> None:
        """Show the question: as a form where there is a page, else as text."""
        shell = handler_output.shell()
        if is_off() or getattr(shell, "kernel", None) is None:
            print(self)
            return
        self._of_cell = _asked_in(shell.execution_count)
        self._of_cell.append(self)
        from IPython.display import display

        from .form import Form  # ipywidgets is loaded when someone is asked

        before = self.shown_answer()
        self.form = Form(
            self.question,
            hint(self.kind, self.choices),
            self.choices,
            self.answer,
            f"Your answer from before: {before}." if before else "",
            self._note,
        )
        display(self.form)  # type: ignore[no-untyped-call]

    def _note(self, text: str) -> tuple[str, bool]:
        """Take the answer of the form; return what came of it, and whether its cell is done."""
        try:
            self.answer = text
        except ValueError as error:
            before = self.shown_answer()
            return f"{error} Your answer is still: {before}." if before else str(error), False
        noted = self.shown_answer()
        if not noted:
            return "No answer noted.", False
        for other in self._of_cell:
            if other.form is not None:  # only the newest sentence says what comes next
                other.form.status = other.form.status.partition(OTHERS)[0]
        left = sum(not each.shown_answer() for each in self._of_cell)
        if left:
            questions = "question" if left == 1 else f"{left} questions"
            return f"Noted: {noted}.{OTHERS} {questions} of this cell.", False
        return f"Noted: {noted}. Now run the next cell.", True

    def shown_answer(self) -> str:
        """Return the answer as it was understood; "" for none."""
        return "" if self._value is None else said(self.kind, self._value)

    def __str__(self) -> str:
        return f"Predict: {self.question} ({hint(self.kind, self.choices)})"

    def __repr__(self) -> str:
        return f"<prediction: {self.question}>"


def bundle(question: str, outcome: Outcome, sentence: str) -> dict[str, Any]:
    """Return what a check shows: text, HTML and data."""
    mark, colour, _said = MARKS[outcome]
    html = (
        f'<div style="{BOX.format(colour)}"><span aria-hidden="true">{mark} </span>'
        f"{escape(sentence)}</div>"
    )
    data = {"question": question, "state": outcome}
    return {"text/plain": sentence, "text/html": html, PREDICTION_TYPE: data}


def predict(question: str, answer: str | Sequence[str] = "number") -> Prediction:
    """Ask a question, before the cell that shows the truth calls `check` with it.

    The answer is kept beside the notebook, so that it is there after a restart of the kernel.
    Without a page, as in a terminal or in CI, the question is printed and nothing waits for an
    answer; `prediction.answer = "3"` gives one. The environment variable
    `ASTRA_NB_NO_PREDICTIONS` turns the forms off.

    Args:
        question: One question, as plain text.
        answer: "number", "bytes" (typed in hex), "frames" (types of frames in their order),
            "close code", or a list of texts to choose from.

    Raises:
        TypeError: The choices are not texts.
        ValueError: The question is empty or too long, there is no such kind of answer, or there
            are fewer than two choices.
    """
    prediction = Prediction(question, answer)
    prediction.ask()
    return prediction


_latest: tuple[int, list[Prediction]] = (0, [])


def _asked_in(execution: int) -> list[Prediction]:
    """Return the list of the predictions of one execution of a cell, which they share."""
    global _latest
    if _latest[0] != execution:
        _latest = (execution, [])
    return _latest[1]


def is_off() -> bool:
    """Return whether predictions are turned off."""
    return bool(os.environ.get(OFF))
