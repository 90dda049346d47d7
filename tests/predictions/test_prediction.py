"""A question before, the answer told after: right, not right, none, off, and after a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import astra_nb
from astra_nb import Server, connect, predict
from astra_nb.exercises.class_report import PREDICTION_TYPE
from astra_nb.exercises.progress import FILE_NAME
from astra_nb.predictions.prediction import OFF, Prediction, bundle

QUESTION = "How many frames does the client send?"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(OFF, raising=False)
    return tmp_path


def test_the_question_is_printed_where_there_is_no_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict(QUESTION)
    predict("Who closes?", ["client", "server"])
    assert capsys.readouterr().out == (
        f"Predict: {QUESTION} (a whole number)\nPredict: Who closes? (one of: client, server)\n"
    )


def test_the_truth_is_a_query_on_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(port=0) as server:
        server.websocket("/", lambda socket: socket.send_ping("Are you there?"))
        frames = predict(QUESTION)
        frames.answer = "2"
        with connect(server.url) as client:
            client.wait_closed(timeout=5)
        server.log.wait_for(kind="closed")
        frames.check(server.log.filter(kind="frame", direction="received"))
    assert capsys.readouterr().out.endswith(
        "\nRight. You said 2 frames; there were 2: pong, close.\n"
    )
    assert frames.outcome == "right"


@pytest.mark.parametrize(
    ("answer", "outcome", "sentence"),
    [
        ("3", "right", "Right. You said 3; it is 3."),
        ("4", "not right", "Not right. You said 4; it is 3."),
        ("", "no answer", "You gave no answer; it is 3."),
    ],
)
def test_each_outcome_has_its_sentence_and_goes_on(
    answer: str, outcome: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prediction = predict(QUESTION)
    prediction.answer = answer
    prediction.check(3)
    assert capsys.readouterr().out.splitlines()[-1] == sentence
    assert prediction.outcome == outcome


def test_an_answer_is_there_again_after_a_restart(folder: Path) -> None:
    predict(QUESTION).answer = "3"
    again = predict(QUESTION)
    assert again.answer == "3"
    again.check(3)
    assert again.outcome == "right"
    kept = json.loads((folder / FILE_NAME).read_text())["predictions"]
    assert kept == {QUESTION: {"answer": "3", "outcome": "right"}}
    assert predict("Another one?").answer == ""


def test_answers_are_kept_beside_each_other_and_an_empty_one_forgets_its_own() -> None:
    first, second = predict("How many?"), predict("Which?", "frames")
    first.answer, second.answer = "3", "pong"
    assert (predict("How many?").answer, predict("Which?", "frames").answer) == ("3", "pong")
    first.answer = ""
    assert (predict("How many?").answer, predict("Which?", "frames").answer) == ("", "pong")


def test_no_answer_leaves_no_file(folder: Path) -> None:
    predict(QUESTION).answer = ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "damaged", ["[]", '{"predictions": 3}', '{"predictions": {"How many?": 3, "b": {"answer": 3}}}']
)
def test_damaged_answers_are_left_out(folder: Path, damaged: str) -> None:
    (folder / FILE_NAME).write_text(damaged, encoding="utf-8")
    assert [predict(question).answer for question in ("How many?", "b")] == ["", ""]
    predict("How many?").answer = "4"
    assert predict("How many?").answer == "4"


def test_a_question_that_is_asked_in_another_way_has_no_answer_yet() -> None:
    predict(QUESTION).answer = "3"
    assert predict(QUESTION, "frames").answer == ""


def test_an_answer_that_cannot_be_read_is_refused_and_the_one_before_stays() -> None:
    prediction = predict(QUESTION)
    prediction.answer = "3"
    with pytest.raises(ValueError, match="'three' is not an answer here"):
        prediction.answer = "three"
    assert prediction.answer == "3"


def test_turned_off_it_asks_and_tells_and_keeps_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(QUESTION).answer = "3"
    monkeypatch.setenv(OFF, "1")
    prediction = predict(QUESTION)
    prediction.check(3)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"Predict: {QUESTION} (a whole number)",
        "It is 3.",
    ]
    assert prediction.outcome == "not asked"


@pytest.mark.parametrize("question", ["", "x" * 301, None, 3])
def test_a_question_is_a_text(question: Any) -> None:
    with pytest.raises(ValueError, match="a question is a text of 1 to 300 characters"):
        predict(question)


def test_what_a_check_shows_is_text_html_and_data() -> None:
    shown = bundle("How <many>?", "not right", "Not right. You said <b>; it is 3.")
    assert shown["text/plain"] == "Not right. You said <b>; it is 3."
    assert "You said &lt;b&gt;;" in shown["text/html"]
    assert shown[PREDICTION_TYPE] == {"question": "How <many>?", "state": "not right"}


def test_it_is_a_name_of_the_package_and_loads_no_widgets() -> None:
    assert "predict" in astra_nb.__all__
    assert astra_nb.predict is predict
    assert repr(Prediction(QUESTION)) == f"<prediction: {QUESTION}>"
    with pytest.raises(AttributeError, match="has no attribute 'prediction_market'"):
        astra_nb.prediction_market  # noqa: B018
