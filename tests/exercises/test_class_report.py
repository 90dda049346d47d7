"""The report of a class, from notebooks and logs, also damaged and hostile ones."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from astra_nb import FrameLog, Server, WebSocket, connect
from astra_nb.commands import cli
from astra_nb.commands.cli import main
from astra_nb.exercises.cards import ANSWER_TYPE, Answer
from astra_nb.exercises.class_report import (
    PREDICTION_TYPE,
    Found,
    Report,
    changes,
    read_folder,
)
from astra_nb.exercises.diagnosis.misconceptions import Finding, Misconception
from astra_nb.log.records import CheckRecord, HandlerErrorRecord, NoticeRecord
from astra_nb.wire.text import visible

OWN_TAGS = set(
    "html head meta title style body h1 h2 p table thead tbody tr th td ol ul li".split()
)


def echo_back(socket: WebSocket) -> None:
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)


FINDING = Finding(Misconception.RETURNED, "Only the first message was answered.")
RIGHT = Answer("echo", "Echo", "right")
WRONG = Answer("echo", "Echo", "not yet", FINDING)
EMPTY = Answer("greet", "Greet on open", "not attempted")
BUSY = Answer("greet", "Greet on open", "too busy")


def notebook(path: Path, *answers: Answer) -> None:
    write_cells(path, *(shown(answer._repr_mimebundle_()) for answer in answers))


def write_cells(path: Path, *outputs: dict[str, Any], source: str = "check") -> None:
    """Write a notebook with one cell for each output."""
    new = nbformat.v4
    cells = [new.new_code_cell(source, outputs=[nbformat.from_dict(each)]) for each in outputs]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = nbformat.writes(new.new_notebook(cells=cells))  # JSON escapes what UTF-8 has not
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


def shown(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def error(name: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": "", "traceback": []}


def outcomes(folder: Path) -> dict[str, dict[str, str]]:
    """Return the outcome that counts, by student and exercise."""
    return {
        student: {name: each.outcome for name, each in results.items()}
        for student, results in read_folder(folder).students.items()
    }


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "class"
    notebook(folder / "ada" / "1.ipynb", WRONG, RIGHT)
    notebook(folder / "ada" / "2.ipynb", EMPTY)
    notebook(folder / "bob.ipynb", WRONG, BUSY)
    write_cells(folder / "eve.ipynb", error("NameError"), source="echo.check(handle_socket)")
    notebook(folder / "new.ipynb")
    (folder / "broken.ipynb").write_text("{", encoding="utf-8")
    log = FrameLog()
    log.append(
        0, CheckRecord, exercise="echo", title="Echo", outcome="not yet", misconception="returned"
    )
    log.to_jsonl(folder / "kim.jsonl")
    return folder


def test_one_row_for_each_student_and_one_column_for_each_exercise(course: Path) -> None:
    assert read_folder(course).text().splitlines() == [
        "6 students, 2 exercises",
        "student  echo              greet          right",
        "ada      right             not attempted  1 of 2",
        "bob      not yet           too busy       0 of 2",
        "broken                                    0 of 2",
        "eve      error: NameError                 0 of 2",
        "kim      not yet                          0 of 2",
        "new                                       0 of 2",
        "",
        "Misunderstood most:",
        "  2 students: echo, returned. Only the first message was answered.",
        "",
        "Without a result:",
        "  broken: cannot be read: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)",
        "  new: no result of a check",
    ]


def test_names_are_those_of_exercises_and_titles_do_not_matter(tmp_path: Path) -> None:
    notebook(tmp_path / "ada.ipynb", Answer("chat", "Chat: echo", "right"))
    notebook(tmp_path / "bob.ipynb", Answer("my echo", "x\ny: right.", "right"))
    assert outcomes(tmp_path) == {"ada": {"chat": "right"}, "bob": {"my echo": "right"}}
    assert read_folder(tmp_path).exercises == ["chat", "my echo"]


def test_in_nbgraders_folders_the_student_is_the_folder_below(tmp_path: Path) -> None:
    for number, answer in enumerate((RIGHT, EMPTY)):
        place = Path("websockets", f"{number}.ipynb")
        notebook(tmp_path / "source" / place, answer)
        notebook(tmp_path / "release" / place, answer)
        notebook(tmp_path / "submitted" / "ada" / place, answer)
        notebook(tmp_path / "submitted" / "bob" / place, answer)
        notebook(tmp_path / "autograded" / "ada" / place, answer)
    notebook(tmp_path / "autograded" / "bob" / "websockets" / "0.ipynb", WRONG)
    assert outcomes(tmp_path) == {
        "ada": {"echo": "right", "greet": "not attempted"},
        "bob": {"echo": "not yet", "greet": "not attempted"},
    }
    assert set(outcomes(tmp_path / "submitted")) == {"ada", "bob"}
    assert set(outcomes(tmp_path / "submitted" / "ada")) == {"websockets"}


def test_of_several_notebooks_of_a_student_the_best_result_counts(tmp_path: Path) -> None:
    notebook(tmp_path / "ada" / "1-Copy1.ipynb", RIGHT)
    notebook(tmp_path / "ada" / "1.ipynb", WRONG)
    notebook(tmp_path / "ada" / "3.ipynb", Answer("echo", "Echo", "too busy"))
    assert outcomes(tmp_path) == {"ada": {"echo": "right"}}
    notebook(tmp_path / "ada" / "1-Copy1.ipynb", RIGHT, WRONG)
    assert outcomes(tmp_path) == {"ada": {"echo": "not yet"}}


def test_a_notebook_that_a_grader_ran_has_the_last_result_and_no_error(tmp_path: Path) -> None:
    """The card and the assertion stand in one cell there."""
    new = nbformat.v4
    card = new.new_output("display_data", WRONG._repr_mimebundle_())
    raised = new.new_output("error", ename="AssertionError", evalue=str(WRONG), traceback=[])
    cell = new.new_code_cell("echo.check(handle_socket)", outputs=[card, raised])
    nbformat.write(new.new_notebook(cells=[cell]), tmp_path / "ada.ipynb")
    assert outcomes(tmp_path) == {"ada": {"echo": "not yet"}}


def test_the_error_of_a_cell_without_a_check_is_not_in_the_table(tmp_path: Path) -> None:
    write_cells(tmp_path / "ada.ipynb", error("NameError"), source="def f(): x")
    write_cells(tmp_path / "bob.ipynb", error("NameError"), source=".check(")
    write_cells(
        tmp_path / "eve.ipynb", error("SyntaxError"), source="import x\n\necho.check(handle_socket)"
    )
    assert outcomes(tmp_path) == {"ada": {}, "bob": {}, "eve": {"echo": "error: SyntaxError"}}


def test_copies_that_jupyter_keeps_and_unknown_outcomes_do_not_count(tmp_path: Path) -> None:
    notebook(tmp_path / ".ipynb_checkpoints" / "ada-checkpoint.ipynb", RIGHT)
    write_cells(tmp_path / "bob.ipynb", shown({ANSWER_TYPE: {"exercise": "x", "state": "best"}}))
    assert outcomes(tmp_path) == {"bob": {}}


def test_moodle_gets_a_row_for_each_student_a_column_for_each_exercise_and_a_total(
    course: Path,
) -> None:
    assert read_folder(course).csv().splitlines() == [
        "student,echo,greet,total",
        *("ada,1,0,1", "bob,0,0,0", "broken,,,0", "eve,0,,0", "kim,0,,0", "new,,,0"),
    ]


def test_canvas_gets_its_own_columns_and_the_points_possible(course: Path) -> None:
    rows = list(csv.reader(io.StringIO(read_folder(course).canvas("WebSockets"))))
    assert rows[:3] == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "WebSockets"],
        ["    Points Possible", "", "", "", "", "2"],
        ["ada", "", "", "ada", "", "1"],
    ]
    assert {len(row) for row in rows} == {6}


def test_the_command_prints_and_writes_all(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(course)]) == 0
    printed = capsys.readouterr().out
    report = read_folder(course)
    assert printed.startswith(report.text())
    page = (course / "report.html").read_text(encoding="utf-8")
    assert '<th scope="row">ada</th><td>✓ right</td>' in page
    assert "<td> error: NameError</td>" in page
    assert 'http-equiv="refresh"' not in page
    assert (course / "report.csv").read_text(encoding="utf-8") == report.csv()
    canvas = (course / "canvas.csv").read_text(encoding="utf-8")
    assert canvas == report.canvas("WebSocket exercises")


def test_a_folder_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    assert "astra-nb: the report cannot be made" in capsys.readouterr().err


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert read_folder(tmp_path).text() == "No notebook and no log is there."


# Watching


def pauses(*steps: Callable[[], object]) -> Callable[[], None]:
    """Return a pause that does one step each time, and is ended by Ctrl+C after the last one."""
    left = iter(steps)

    def pause() -> None:
        step = next(left, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    return pause


def test_a_change_is_seen_and_nothing_else(tmp_path: Path) -> None:
    ada = tmp_path / "ada.ipynb"
    pause = pauses(
        lambda: None,
        lambda: notebook(ada, WRONG),
        lambda: notebook(ada, WRONG),
        lambda: notebook(ada, RIGHT),
        ada.unlink,
    )
    seen = []
    with pytest.raises(KeyboardInterrupt):
        for report in changes(tmp_path, pause):
            seen.append([each.outcome for each in report.found])
    assert seen == [[], ["not yet"], ["right"], []]


def test_watching_prints_again_and_the_page_renews_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = []

    def change() -> None:
        pages.append((tmp_path / "report.html").read_text(encoding="utf-8"))
        notebook(tmp_path / "ada.ipynb", RIGHT)

    monkeypatch.setattr(cli, "wait", pauses(change, change, lambda: None))
    assert main(["report", "--watch", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Watching") == 2
    assert printed.index("No notebook") < printed.index("ada      right")
    assert all('<meta http-equiv="refresh" content="10">' in page for page in pages)
    assert ["ada" in page for page in pages] == [False, True]


def test_a_table_that_cannot_be_written_does_not_end_the_watch(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = course / "report.csv"
    table.mkdir()

    def change() -> None:
        table.rmdir()
        notebook(course / "new.ipynb", RIGHT)

    monkeypatch.setattr(cli, "wait", pauses(change))
    assert main(["report", "--watch", str(course)]) == 0
    assert "report.csv" in capsys.readouterr().err
    assert "new,1,,1" in table.read_text(encoding="utf-8")


# Files of strangers


def test_nothing_in_a_file_is_markup_or_a_formula(tmp_path: Path) -> None:
    notebook(tmp_path / "=1+1.ipynb", Answer("<script>alert(1)</script>", "=cmd()", "right"))
    report = read_folder(tmp_path)
    assert "<script" not in report.html()
    assert "&lt;script&gt;" in report.html()
    for table in (report.csv(), report.canvas("=A1")):
        assert re.search("(^|,)=", table, re.M) is None
        assert "'=1+1" in table


def test_wide_and_indented_formulas_are_kept_from_a_spreadsheet(tmp_path: Path) -> None:
    for name in ("\uff1d1+1", " =1+1", "\uff20SUM(1)"):
        notebook(tmp_path / f"{name}.ipynb", Answer("echo", name, "right"))
    lines = read_folder(tmp_path).csv().splitlines()[1:]
    assert len(lines) == 3
    assert all(line.startswith("'") for line in lines)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read: Expecting value"),
        (b"[]", "cannot be read: this is not a notebook"),
        (b'{"cells": null}', "cannot be read: this is not a notebook"),
        (b'{"cells": [1, null]}', "cannot be read: this is not a notebook"),
        (b'{"cells": [{"outputs": [{"data": 5}]}]}', "cannot be read: this is not a notebook"),
        (b"[" * 200_000, "cannot be read: maximum recursion depth"),
        (b"\xff\xfe", "cannot be read: 'utf-8' codec"),
        (b'\xef\xbb\xbf{"cells": []}', "no result of a check"),
        (b'{"cells": [{"cell_type": "markdown", "source": "Hello"}]}', "no result of a check"),
    ],
)
def test_a_file_that_is_no_notebook_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.ipynb").write_bytes(content)
    [found] = read_folder(tmp_path).found
    assert found.outcome.startswith(says)


def test_links_and_pipes_and_long_names_do_no_harm(tmp_path: Path) -> None:
    notebook(tmp_path / "ada.ipynb", Answer("e" * 100_000, "Echo", "right"))
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "self.ipynb").symlink_to("self.ipynb")
    (tmp_path / "nowhere.ipynb").symlink_to("is not there.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    report = read_folder(tmp_path)
    assert list(report.students) == ["ada"]
    assert max(map(len, report.text().splitlines())) < 100


HOSTILE = "a\x1b]0;evil\x07\x1b[2J\u202eb\u2066c\ud800\x00\x9b31m\u200b\ufeff"
ACTS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def hostile_places(folder: Path) -> None:
    """Write the hostile text to each place of a file that a report shows."""
    rich = {"exercise": "echo", "title": "Echo", "state": "not yet", "key": "k", "headline": "h"}
    for field in ("exercise", "title", "key", "headline"):
        write_cells(folder / f"{field}.ipynb", shown({ANSWER_TYPE: {**rich, field: HOSTILE}}))
    write_cells(folder / "state.ipynb", shown({ANSWER_TYPE: {**rich, "state": HOSTILE}}))
    other = {"exercise": 5, "state": "right", "key": [HOSTILE]}
    write_cells(folder / "kinds.ipynb", shown({ANSWER_TYPE: other}))
    write_cells(folder / "cell.ipynb", error(HOSTILE), source=f"{HOSTILE}.check(")
    log = FrameLog()
    check = {"exercise": HOSTILE, "title": HOSTILE, "outcome": "not yet"}
    log.append(0, CheckRecord, **check, misconception=HOSTILE)
    log.append(0, NoticeRecord, text=HOSTILE)
    log.to_jsonl(folder / "check.jsonl")
    log = FrameLog()
    log.append(1, HandlerErrorRecord, summary=f"{HOSTILE}: {HOSTILE}", traceback="")
    log.to_jsonl(folder / "error.jsonl")
    (folder / "wrong.jsonl").write_text(f'{{"kind": {json.dumps(HOSTILE)}}}\n')
    (folder / "\x1b[2J\u202ename.ipynb").write_text('{"cells": []}')
    (folder / os.fsdecode(b"bad\xff.ipynb")).write_text('{"cells": []}')
    (folder / os.fsdecode(b"bad\xfe.jsonl")).write_text("")


def test_nothing_in_a_file_acts_on_the_terminal_the_table_or_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile_places(tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    report = read_folder(tmp_path)
    assert len(report.students) == 13
    assert [each.file for each in report.found if each.outcome.startswith("cannot")] == ["wrong"]
    page, table, canvas = (
        (tmp_path / name).read_text("utf-8") for name in ("report.html", "report.csv", "canvas.csv")
    )
    assert (page, table) == (report.html(), report.csv())
    for shown in (capsys.readouterr().out, page, table, canvas):
        assert ACTS.search(shown) is None
        assert r"\u202e" in shown
    for shown in (page, table):
        assert r"\x1b]0;evil" in shown
        assert r"\ud800" in shown


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_names_that_a_pipe_cannot_hold_do_not_end_the_report(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "Paweł.ipynb").write_text('{"cells": []}')
    done = subprocess.run(
        [
            *(sys.executable, "-m", "astra_nb.commands.cli"),
            *("report", str(tmp_path)),
        ],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    name = "Paweł" if encoding == "utf-8" else r"Pawe\u0142"
    assert f"{name}: no result of a check" in done.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("  =1", "'  =1"),
        ("\uff0b1", "'\uff0b1"),
        ("\ufe661", "'\ufe661"),
        ("\u207a1", "'\u207a1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ("\t=1", r"\t=1"),
        ("\n=1", r"\n=1"),
        ("a=1; b-c", "a=1; b-c"),
    ],
)
def test_what_a_spreadsheet_would_run_is_text(cell: str, written: str) -> None:
    report = Report([Found(cell, "f", False, cell, "right")])
    assert list(csv.reader(io.StringIO(report.csv()))) == [
        ["student", written, "total"],
        [written, "1", "1"],
    ]
    rows = list(csv.reader(io.StringIO(report.canvas(visible(cell)))))
    assert rows[0][5] == rows[2][0] == rows[2][3] == written


def test_a_report_that_cannot_be_written_keeps_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    page.write_text("before")

    def fail(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert main(["report", str(tmp_path)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert page.read_text() == "before"
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_file_that_may_not_be_looked_at_does_not_end_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ada.ipynb").write_text('{"cells": []}')
    (tmp_path / "bob.ipynb").write_text('{"cells": []}')
    is_file = Path.is_file

    def looked_at(path: Path) -> bool:
        if path.name == "ada.ipynb":
            raise PermissionError(errno.EACCES, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", looked_at)
    states = [each.outcome for each in read_folder(tmp_path).found]
    assert states == ["cannot be read: [Errno 13] Permission denied", "no result of a check"]


def test_every_tag_of_the_page_is_its_own(tmp_path: Path) -> None:
    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in OWN_TAGS, tag
            assert not any(name.startswith("on") for name, _ in attrs), attrs

    evil = '"><img src=x onerror=alert(1)><svg onload=alert(2)>'
    notebook(tmp_path / f"{evil}.ipynb")
    finding = Finding(Misconception.RETURNED, evil)
    notebook(tmp_path / "bob.ipynb", Answer(evil, evil, "not yet", finding))
    write_cells(tmp_path / "kim.ipynb", error(evil), source=f"{evil}.check(")
    Tags().feed(read_folder(tmp_path).html())


def test_a_log_without_a_check_is_told(tmp_path: Path) -> None:
    with Server(port=0) as server:
        server.websocket("/", echo_back)
        with connect(server.url) as client:
            client.send_text("Hello")
            client.recv(5)
            server.log.to_jsonl(tmp_path / "kim.jsonl")
    report = read_folder(tmp_path)
    assert [each.outcome for each in report.found] == ["no result of a check"]
    assert report.lists()["Misunderstood most"] == []
    assert FrameLog.from_jsonl(tmp_path / "kim.jsonl")


# ------------------------------------------------------------------- predictions


def told(question: str, state: str) -> dict[str, Any]:
    return shown({PREDICTION_TYPE: {"question": question, "state": state}})


@pytest.fixture
def predicted(tmp_path: Path) -> Path:
    write_cells(
        tmp_path / "ada" / "1.ipynb", told("How many?", "right"), told("Which code?", "not right")
    )
    write_cells(tmp_path / "ada" / "1-Copy1.ipynb", told("How many?", "no answer"))
    notebook(tmp_path / "bob" / "e.ipynb", RIGHT)
    write_cells(tmp_path / "bob" / "1.ipynb", told("Which code?", "not right"))
    return tmp_path


def test_predictions_are_counted_beside_the_exercises(predicted: Path) -> None:
    assert read_folder(predicted).text().splitlines() == [
        "2 students, 1 exercise",
        "student  echo   right   predicted",
        "ada             0 of 1  1 of 2",
        "bob      right  1 of 1  0 of 1",
        "",
        "Predicted wrongly most:",
        "  2 students: Which code?",
    ]
    page = read_folder(predicted).html()
    assert '<th scope="col">predicted</th>' in page
    assert "<li>2 students: Which code?</li>" in page


def test_a_prediction_is_never_a_point(predicted: Path) -> None:
    assert read_folder(predicted).csv() == "student,echo,total\nada,,0\nbob,1,1\n"


def test_the_check_of_a_prediction_that_raised_is_not_an_exercise(tmp_path: Path) -> None:
    new = nbformat.v4
    raised = new.new_output("error", ename="NameError", evalue="", traceback=[])
    cells = [
        new.new_code_cell('frames = predict("How many frames?")'),
        new.new_code_cell("frames.check(server.log.frames)", outputs=[raised]),
    ]
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "ada.ipynb")
    assert read_folder(tmp_path).exercises == []


@pytest.mark.parametrize("state", ["", "done", None, [], {}])
def test_a_damaged_prediction_is_left_out(tmp_path: Path, state: Any) -> None:
    write_cells(tmp_path / "ada.ipynb", shown({PREDICTION_TYPE: {"question": "?", "state": state}}))
    write_cells(tmp_path / "bob.ipynb", shown({PREDICTION_TYPE: []}))
    report = read_folder(tmp_path)
    assert "predicted" not in report.rows()[0]
    assert report.lists()["Without a result"] == [
        "ada: no result of a check",
        "bob: no result of a check",
    ]


def test_a_question_is_text_and_never_markup(tmp_path: Path) -> None:
    write_cells(tmp_path / "ada.ipynb", told("<script>alert(1)</script>" * 99, "not right"))
    assert "<script" not in read_folder(tmp_path).html()
