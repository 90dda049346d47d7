"""The form: what the page sets, what it is told, and its text where there are no widgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import pytest

from astra_nb import predict
from astra_nb.predictions.form import Form
from astra_nb.predictions.prediction import Prediction
from tests.widgets.conftest import RecordingComm

QUESTION = "How many frames?"
CELLS = [1]  # the number of the cell that runs is the last


@pytest.fixture(autouse=True)
def in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Set up what `predict` takes for a kernel; yield what it displays."""
    displayed: list[object] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("comm.create_comm", RecordingComm)
    monkeypatch.setattr(
        "astra_nb.jupyter.handler_output.shell",
        lambda: SimpleNamespace(kernel=object(), execution_count=CELLS[-1]),
    )
    monkeypatch.setattr("IPython.display.display", lambda shown, raw=False: displayed.append(shown))
    yield displayed
    ipywidgets.Widget.close_all()


def form_of(prediction: Prediction) -> Form:
    assert prediction.form is not None
    return prediction.form


def test_what_the_page_sets_is_noted_and_told(in_a_kernel: list[object]) -> None:
    prediction = predict(QUESTION)
    form = form_of(prediction)
    assert in_a_kernel == [form]
    assert (form.question, form.hint, form.status) == (QUESTION, "a whole number", "")
    form.answer = "2"
    assert form.status == "Noted: 2. Now run the next cell."
    prediction.check(2)
    assert form.status == "Right. You said 2; it is 2."
    shown = in_a_kernel[-1]
    assert isinstance(shown, dict)
    assert shown["text/plain"] == "Right. You said 2; it is 2."


def test_what_cannot_be_read_leaves_the_answer_from_before(in_a_kernel: list[object]) -> None:
    prediction = predict(QUESTION)
    form = form_of(prediction)
    form.answer = "two"
    unread = "'two' is not an answer here. Expected: a whole number."
    assert (form.status, form.done) == (unread, 0)
    form.answer = "2"
    assert form.done == 1
    form.answer = "two"
    assert (form.status, form.done) == (f"{unread} Your answer is still: 2.", 1)
    assert form_of(predict(QUESTION)).answer == "2"
    prediction.check(2)
    shown = in_a_kernel[-1]
    assert isinstance(shown, dict)
    assert shown["text/plain"] == "Right. You said 2; it is 2."
    form.answer = ""
    assert (form.status, form.done) == ("No answer noted.", 1)
    prediction.check(2)
    assert prediction.outcome == "no answer"


def test_only_the_last_open_question_of_a_cell_sends_to_the_next_cell() -> None:
    CELLS.append(CELLS[-1] + 1)
    first, second, third = (form_of(predict(f"{n}. {QUESTION}")) for n in (1, 2, 3))
    second.answer = "2"
    assert second.status == "Noted: 2. Now answer the other 2 questions of this cell."
    first.answer = "1"
    assert (first.status, first.done) == (
        "Noted: 1. Now answer the other question of this cell.",
        0,
    )
    assert second.status == "Noted: 2."
    third.answer = "3"
    assert (third.status, third.done) == ("Noted: 3. Now run the next cell.", 1)
    assert (first.status, second.status) == ("Noted: 1.", "Noted: 2.")
    first.answer = "4"
    assert (first.status, first.done) == ("Noted: 4. Now run the next cell.", 1)
    CELLS.append(CELLS[-1] + 1)
    alone = form_of(predict(f"4. {QUESTION}"))
    alone.answer = "1"
    assert (alone.status, alone.done) == ("Noted: 1. Now run the next cell.", 1)


def test_in_a_cell_that_is_run_again_an_answer_from_before_counts() -> None:
    CELLS.append(CELLS[-1] + 1)
    predict(f"1. {QUESTION}").answer = "1"
    predict(f"2. {QUESTION}")
    CELLS.append(CELLS[-1] + 1)
    _, second = (form_of(predict(f"{n}. {QUESTION}")) for n in (1, 2))
    second.answer = "2"
    assert second.status == "Noted: 2. Now run the next cell."


def test_after_a_restart_the_form_has_the_answer() -> None:
    form_of(predict(QUESTION, ["yes", "no"])).answer = "yes"
    form = form_of(predict(QUESTION, ["yes", "no"]))
    assert (form.answer, form.status) == ("yes", 'Your answer from before: "yes".')
    assert form.choices == ["yes", "no"]


def test_without_widgets_it_is_its_question() -> None:
    prediction = predict(QUESTION)
    bundle = form_of(prediction)._repr_mimebundle_()
    assert bundle["text/plain"] == str(prediction)
    assert "application/vnd.jupyter.widget-view+json" in bundle
