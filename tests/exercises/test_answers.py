"""What is right is right in every style, stubs are not attempted, wrong answers are told why."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pytest

from astra_nb.exercises.diagnosis.misconceptions import Misconception
from tests.exercises.answers import (
    EXERCISES,
    Right,
    Wrong,
    answer_of,
    right_answers,
    wrong_answers,
)

RIGHT_ANSWERS = right_answers()
WRONG_ANSWERS = wrong_answers()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_is_right(name: str) -> None:
    exercise = EXERCISES[name]
    answer = exercise.check(answer_of(exercise, exercise.solution_text))
    assert answer.outcome == "right", str(answer)


@pytest.mark.parametrize(
    "right", RIGHT_ANSWERS, ids=lambda right: f"{right.exercise}: {right.title}"
)
def test_a_right_answer_may_be_written_in_many_ways(right: Right) -> None:
    exercise = EXERCISES[right.exercise]
    answer = exercise.check(answer_of(exercise, right.source))
    assert answer.outcome == "right", str(answer)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_stub_is_not_attempted(name: str) -> None:
    exercise = EXERCISES[name]
    answer = exercise.check(answer_of(exercise, exercise.stub))
    assert answer.outcome == "not attempted", str(answer)
    assert "Nothing is written here yet." in str(answer)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize(
    "wrong", WRONG_ANSWERS, ids=lambda wrong: f"{wrong.exercise}: {wrong.title}"
)
def test_a_wrong_answer_gets_its_message(wrong: Wrong) -> None:
    exercise = EXERCISES[wrong.exercise]
    answer = exercise.check(answer_of(exercise, wrong.source))
    assert answer.outcome == "not yet", str(answer)
    assert answer.key in wrong.key.split("|"), str(answer)
    assert answer.finding is not None
    told = f"{answer.finding.headline} {answer.finding.advice}"  # not what stands on any card
    assert any(said in told for said in wrong.says.split("|")), str(answer)
    if "async" in wrong.source:
        gc.collect()  # here, where a coroutine that nobody awaited may complain


def test_what_is_wanted_of_an_answer_can_be_said_at_all() -> None:
    keys = {key for wrong in WRONG_ANSWERS for key in wrong.key.split("|")}
    assert keys <= {each.value for each in Misconception}


def test_each_exercise_has_what_it_needs() -> None:
    count = Counter(wrong.exercise for wrong in WRONG_ANSWERS)
    styles = Counter(right.exercise for right in RIGHT_ANSWERS)
    assert len(EXERCISES) >= 12
    for name, exercise in EXERCISES.items():
        assert 2 <= len(exercise.hints) <= 4, name
        assert exercise.rfc.startswith("section"), name
        assert exercise.prompt, name
        assert count[name] >= 6, f"{name} has {count[name]} wrong answers"
        assert styles[name] >= 3, f"{name} has {styles[name]} right answers"
