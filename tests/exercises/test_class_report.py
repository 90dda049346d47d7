"""The report of a class, from notebooks and logs, also damaged and hostile ones."""

from __future__ import annotations

import csv
import io
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from astra_nb import FrameLog, Server, WebSocket, connect
from astra_nb.cli import main
from astra_nb.exercises import echo, greet
from astra_nb.exercises.answer import Answer
from astra_nb.exercises.class_report import read_folder
from astra_nb.exercises.finding import Finding
from astra_nb.log.records import HandlerErrorRecord

OWN_TAGS = set(
    "html head meta title style body h1 h2 p table thead tbody tr th td ol ul li".split()
)


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


def test_wide_and_indented_formulas_are_kept_from_a_spreadsheet(tmp_path: Path) -> None:
    for name in ("\uff1d1+1", " =1+1", "\uff20SUM(1)"):
        evil: Any = Answer("echo", name, "right")
        notebook(tmp_path / f"{name}.ipynb", evil)
    lines = read_folder(tmp_path).csv().splitlines()[1:]
    assert len(lines) == 3
    assert all(line.startswith("'") for line in lines)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read: Expecting value"),
        (b"[]", "cannot be read: this is no notebook"),
        (b'{"cells": null}', "cannot be read: this is no notebook"),
        (b'{"cells": [1, null]}', "cannot be read: this is no notebook"),
        (b'{"cells": [{"outputs": [{"data": 5}]}]}', "cannot be read: this is no notebook"),
        (b"[" * 200_000, "cannot be read: maximum recursion depth"),
        (b"\xff\xfe", "cannot be read: 'utf-8' codec"),
        (b'\xef\xbb\xbf{"cells": []}', "no check was run"),
        (b'{"cells": [{"cell_type": "markdown", "source": "Hello"}]}', "no check was run"),
    ],
)
def test_a_file_that_is_no_notebook_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.ipynb").write_bytes(content)
    [found] = read_folder(tmp_path).found
    assert found.state.startswith(says)


def test_links_and_pipes_and_long_names_do_no_harm(tmp_path: Path) -> None:
    evil: Any = Answer("e" * 100_000, "Echo", "right")
    notebook(tmp_path / "ada.ipynb", evil)
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "self.ipynb").symlink_to("self.ipynb")
    (tmp_path / "nowhere.ipynb").symlink_to("is not there.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    report = read_folder(tmp_path)
    assert report.files == ["ada"]
    assert max(map(len, report.text().splitlines())) < 100


def test_every_tag_of_the_page_is_its_own(tmp_path: Path) -> None:
    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in OWN_TAGS, tag
            assert not any(name.startswith("on") for name, _ in attrs), attrs

    evil = '"><img src=x onerror=alert(1)><svg onload=alert(2)>'
    notebook(tmp_path / f"{evil}.ipynb")
    answer = Answer(evil, evil, "not yet", Finding(evil, evil))
    notebook(tmp_path / "bob.ipynb", answer)
    notebook(tmp_path / "kim.ipynb", answer, rich=False)
    Tags().feed(read_folder(tmp_path).html())


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
