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
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from astra_nb import FrameLog, Server, WebSocket, connect
from astra_nb.cli import main
from astra_nb.exercises import echo, greet
from astra_nb.exercises.answer import Answer
from astra_nb.exercises.class_report import Found, Report, read_folder
from astra_nb.exercises.finding import Finding
from astra_nb.log.records import HandlerErrorRecord, NoticeRecord

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


HOSTILE = "a\x1b]0;evil\x07\x1b[2J\u202eb\u2066c\ud800\x00\x9b31m\u200b\ufeff"
ACTS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def hostile_places(folder: Path) -> None:
    """Write the hostile text to each place of a file that a report shows."""
    new = nbformat.v4

    def write(name: str, data: dict[str, Any]) -> None:
        output = new.new_output("display_data", data)
        cells = [new.new_code_cell("check", outputs=[output])]
        text = nbformat.writes(new.new_notebook(cells=cells))  # JSON escapes what UTF-8 has not
        (folder / f"{name}.ipynb").write_bytes(text.encode("utf-8", "backslashreplace"))

    rich = {"exercise": "echo", "state": "not yet", "key": "k", "headline": "h"}
    kind = "application/vnd.astra-nb.answer+json"
    for field in ("exercise", "key", "headline"):
        write(field, {kind: {**rich, field: HOSTILE}})
    write("title", {"text/plain": f"{HOSTILE.replace(chr(58), '')}: not yet.\n{HOSTILE}"})
    write("list", {"text/plain": [f"{HOSTILE}: not yet.\n", HOSTILE]})
    log = FrameLog()
    log.append(0, NoticeRecord, text=f"Check of exercise {HOSTILE}: not yet: {HOSTILE}")
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
    assert len(report.files) == 11
    assert not [
        each for each in report.found if each.state.startswith("cannot") != (each.file == "wrong")
    ]
    page, table = ((tmp_path / f"report.{kind}").read_text("utf-8") for kind in ("html", "csv"))
    assert (page, table) == (report.html(), report.csv())
    for shown in (capsys.readouterr().out, page, table):
        assert ACTS.search(shown) is None
        assert r"\x1b]0;evil" in shown
        assert r"\u202e" in shown
        assert r"\ud800" in shown


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_names_that_a_pipe_cannot_hold_do_not_end_the_report(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "Paweł.ipynb").write_text('{"cells": []}')
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from astra_nb.cli import main; raise SystemExit(main())"),
            *("report", str(tmp_path)),
        ],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    name = "Paweł" if encoding == "utf-8" else r"Pawe\u0142"
    assert f"{name}: no check was run" in done.stdout.decode(encoding)


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
    rows = list(csv.reader(io.StringIO(Report([Found(cell, "e", cell, cell, cell)]).csv())))
    assert rows[1] == [written, "e", written, written, written]


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
    states = [each.state for each in read_folder(tmp_path).found]
    assert states == ["cannot be read: [Errno 13] Permission denied", "no check was run"]


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
