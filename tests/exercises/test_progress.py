"""How far someone is: kept beside the notebook, and never more than is so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astra_nb.exercises.progress import (
    FILE_NAME,
    MAX_SIZE,
    NO_PROGRESS,
    keep,
    read,
    remember,
    sentence,
)

TITLES = {"echo": "Echo", "greet": "Greet on open"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(states: dict[str, str]) -> str:
    return sentence(states, TITLES)


def test_states_are_kept_beside_the_notebook(folder: Path) -> None:
    remember("echo", "not yet")
    states = remember("greet", "right")
    assert states == read()["exercises"] == {"echo": "not yet", "greet": "right"}
    assert said(states) == "Progress in this notebook: 1 of 2 right; still to do: Echo."
    assert said(remember("echo", "right")) == "Progress in this notebook: 2 of 2 right. All done."
    content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    assert content == {"exercises": {"echo": "right", "greet": "right"}}
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


def test_what_was_right_stays_right_but_not_yet_is_not_all_done(folder: Path) -> None:
    remember("echo", "right")
    once = "Progress in this notebook: 1 of 2 right (Echo with an earlier answer)"
    for outcome in ("not yet", "not attempted", "too busy"):
        assert said(remember("echo", outcome)) == f"{once}; still to do: Greet on open."
    assert read() == {"exercises": {"echo": "right"}}
    remember("greet", "right")
    assert said(remember("echo", "not yet")) == (
        "Progress in this notebook: 2 of 2 right (Echo with an earlier answer)."
    )
    assert said(remember("greet", "right")).endswith("2 of 2 right. All done.")


def test_a_machine_that_was_too_busy_changes_nothing(folder: Path) -> None:
    assert remember("echo", "too busy") == {}
    assert not (folder / FILE_NAME).exists()
    remember("echo", "not yet")
    assert remember("echo", "too busy") == {"echo": "not yet"}


def test_exercises_of_no_notebook_have_no_progress() -> None:
    assert sentence({}, {}) == ""


@pytest.mark.parametrize(
    "damaged",
    [
        *("", "{", "[]", '{"exercises": 3}', '{"exercises": {"echo": []}}', "[" * 100_000, "\0"),
        '{"exercises": {"echo": "done"}}',
        '{"exercises": {}}' + " " * MAX_SIZE,
    ],
    ids=range(9),
)
def test_a_damaged_file_is_begun_again(folder: Path, damaged: str) -> None:
    (folder / FILE_NAME).write_text(damaged, encoding="utf-8")
    assert remember("greet", "right") == {"greet": "right"}


def test_a_folder_that_cannot_be_written_stops_nothing(folder: Path) -> None:
    (folder / FILE_NAME).mkdir()
    assert remember("echo", "right") == {"echo": "right"}
    assert read() == {}


def test_other_parts_of_the_file_stay() -> None:
    remember("echo", "right")
    keep("predictions", {"How many?": {"answer": "3"}})
    remember("greet", "right")
    assert read() == {
        "exercises": {"echo": "right", "greet": "right"},
        "predictions": {"How many?": {"answer": "3"}},
    }


def test_nothing_is_kept_where_that_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    remember("echo", "right")
    monkeypatch.setenv(NO_PROGRESS, "1")
    keep("predictions", {"How many?": {"answer": "3"}})
    assert read() == {}
    monkeypatch.delenv(NO_PROGRESS)
    assert read() == {"exercises": {"echo": "right"}}
