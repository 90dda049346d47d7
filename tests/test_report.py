"""The report of a class, from notebooks and logs, also damaged and hostile ones."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import nbformat
import pytest

from astra_nb import FrameLog, Server, WebSocket, connect
from astra_nb.cli import main
from astra_nb.exercises import echo, greet
from astra_nb.exercises.answer import Answer
from astra_nb.report import read_folder
from astra_nb.wire.records import HandlerErrorRecord


def echo_back(socket: WebSocket) -> None:
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)


def once(socket: WebSocket) -> None:
    message = socket.recv()
    socket.send(message.type, message.value)


def notebook(path: Path, *answers: Answer, rich: bool = True) -> None:
    new = nbformat.v4
    cells = []
    for answer in answers:
        data = answer._repr_mimebundle_() if rich else {"text/plain": str(answer)}
        cells.append(new.new_code_cell("check", outputs=[new.new_output("display_data", data)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new.new_notebook(cells=cells), path)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "class"
    right, wrong, empty = echo.check(echo_back), echo.check(once), greet.check(...)
    notebook(folder / "ada" / "1.ipynb", right, empty)
    notebook(folder / "bob.ipynb", wrong, empty)
    notebook(folder / "eve.ipynb", wrong, rich=False)
    notebook(folder / "new.ipynb")
    (folder / "broken.ipynb").write_text("{", encoding="utf-8")
    assert wrong.log is not None
    wrong.log.to_jsonl(folder / "log of kim.jsonl")
    return folder


def test_who_did_what_and_how_far(course: Path) -> None:
    report = read_folder(course)
    states = {(each.file, each.exercise): each.state for each in report.found}
    assert states["ada/1", "echo"] == "right"
    assert states["ada/1", "greet"] == "not attempted"
    assert states["bob", "echo"] == "not yet"
    assert states["eve", "Echo"] == "not yet"
    assert states["log of kim", "echo"] == "not yet"
    assert states["new", ""] == "no check was run"
    assert states["broken", ""].startswith("cannot be read: ")
    assert report.misunderstandings(1)[0][:2] == ("echo", "first-only")
    assert report.misunderstandings(1)[0][3] == 2


def test_the_command_prints_and_writes_both(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(course)]) == 0
    printed = capsys.readouterr().out
    assert "6 files" in printed
    assert "2 files: echo, first-only." in printed
    page = (course / "report.html").read_text(encoding="utf-8")
    assert '<th scope="row">ada/1</th><td>✓ right</td>' in page
    rows = list(csv.DictReader(io.StringIO((course / "report.csv").read_text(encoding="utf-8"))))
    assert {"file": "ada/1", "exercise": "echo", "state": "right"}.items() <= rows[0].items()


def test_a_folder_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    assert "astra-nb: the report cannot be made" in capsys.readouterr().err


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert read_folder(tmp_path).text() == "No notebook and no log is there."


def test_nothing_in_a_file_is_markup_or_a_formula(tmp_path: Path) -> None:
    evil: Any = Answer("<script>alert(1)</script>", "=cmd()", "right")
    notebook(tmp_path / "=1+1.ipynb", evil)
    report = read_folder(tmp_path)
    assert "<script" not in report.html()
    assert "&lt;script&gt;" in report.html()
    assert "\n=1+1" not in report.csv()
    assert "'=1+1" in report.csv()


def test_a_log_without_a_check_says_what_is_in_it(tmp_path: Path) -> None:
    with Server(port=0) as server:
        server.websocket("/", echo_back)
        with connect(server.url) as client:
            client.send_text("Hello")
            client.recv(5)
            server.log.append(1, HandlerErrorRecord, summary="ValueError: no", traceback="")
            server.log.to_jsonl(tmp_path / "kim.jsonl")
    report = read_folder(tmp_path)
    assert [each.state for each in report.found] == ["a log of 2 frames, 1 handler error"]
    assert report.misunderstandings() == [("", "ValueError", "ValueError: no", 1)]
    assert FrameLog.from_jsonl(tmp_path / "kim.jsonl")
