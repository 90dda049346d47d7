"""`astra-nb open` and `astra-nb convert`: what is printed, and exit statuses for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from astra_nb import FrameLog, Server, connect
from astra_nb.commands.cli import main
from astra_nb.log.records import NoticeRecord
from tests.helpers import python_environment


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with a text, a ping, and a closing handshake."""
    server = Server(port=0)
    server.websocket("/", lambda socket: list(socket))
    log = FrameLog()
    with server, connect(server.url, log=log) as client:
        client.send_text("Hello")
        client.send_ping(b"beat")
        client.close(4000, "done")
    path = tmp_path_factory.mktemp("kept") / "log.jsonl"
    log.to_jsonl(path)
    return path


def test_open_prints_the_log(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["open", str(kept)]) == 0
    assert capsys.readouterr().out == FrameLog.open(kept).text() + "\n"
    assert main(["open", str(kept), "--sequence", "--limit", "3"]) == 0
    assert "4000" in capsys.readouterr().out


def test_filters_are_options(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for name, options in {
        "types": ["-t", "text", "-t", "ping"],
        "direction": ["-k", "frame", "-d", "sent"],
        "text": ["--text", "Hell"],
        "regex": ["--regex", "b.at", "-d", "sent"],
        "limit": ["-l", "1"],
        "none": ["-c", "999999"],
    }.items():
        status = main(["open", str(kept), "--json", *options])
        records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        found[name] = status, len(records)
    assert found == {
        "types": (0, 2), "direction": (0, 3), "text": (0, 1), "regex": (0, 1), "limit": (0, 1),
        "none": (3, 0),
    }  # fmt: skip
    assert main(["open", str(kept), "-t", "text", "--columns", "type", "payload"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == 'text  "Hello"'


@pytest.mark.parametrize("options", [["-c", "-1"], ["-l", "-3"], ["-l", "x"]])
def test_a_number_that_is_none_is_not_understood(kept: Path, options: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["open", str(kept), *options])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_an_output_on_a_full_disk_is_an_error_in_one_line(kept: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "astra_nb.commands.cli", "open", str(kept)]
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=python_environment(),
            timeout=60, check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (
        1, "astra-nb: [Errno 28] No space left on device\n",
    )  # fmt: skip


def test_convert_to_other_formats_and_back(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    har, back = tmp_path / "log.har", tmp_path / "back.jsonl"
    assert main(["convert", str(kept), str(har)]) == 0
    assert capsys.readouterr().out.endswith(f"{har}: {len(FrameLog.open(kept).frames)} frames\n")
    assert main(["convert", str(har), str(back), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["to"] == str(back)
    assert FrameLog.open(back).messages == FrameLog.open(kept).messages


def test_what_is_not_possible_has_the_status_1(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}\n")
    assert main(["open", str(broken)]) == 1
    assert "line 1 is not a record" in capsys.readouterr().err
    assert main(["open", str(tmp_path / "missing.har")]) == 1
    assert "cannot be opened" in capsys.readouterr().err
    assert main(["convert", str(kept), str(tmp_path / "log.xyz")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    with pytest.raises(SystemExit) as misunderstood:
        main(["open", str(kept), "--regex", "("])
    assert misunderstood.value.code == 2


@pytest.mark.parametrize("records", [1, 5000])
def test_a_reader_that_has_gone_is_no_error(records: int, tmp_path: Path) -> None:
    """5,000 do not fit into a pipe; a single one is written when the process flushes its output."""
    log = FrameLog()
    for _ in range(records):
        log.append(0, NoticeRecord, text="x" * 50)
    path = tmp_path / "log.jsonl"
    log.save(path)
    process = subprocess.Popen(
        [sys.executable, "-m", "astra_nb.commands.cli", "open", str(path), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=python_environment(),
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
