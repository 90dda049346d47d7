"""`astra-nb connect` and `astra-nb tap`, with scripts and with a person at a terminal."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from astra_nb import FrameLog, Server, connect
from astra_nb.commands.cli import main
from astra_nb.commands.console import Screen, row
from astra_nb.log.recorder import FrameRecorder
from astra_nb.log.records import NoticeRecord
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import Message
from tests.helpers import free_port, python_environment


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that echoes what it gets, and closes when it is told a code."""
    server = Server(port=0)

    @server.websocket("/", subprotocols=["chat"])
    def echo(socket: Any) -> None:
        for message in socket:
            if message.type == "text" and message.value.startswith("close "):
                socket.send_close(int(message.value.split()[1]), "as asked")
            elif message.type == "text" and message.value == "header":
                socket.send_text(socket.request.headers.get("X-Room", "none"))
            elif message.type in ("text", "bytes"):
                socket.send(message.type, message.value)

    with server:
        yield server


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    out, err = capsys.readouterr()
    return out.splitlines(), err


def test_lines_of_a_script_and_texts_alone_on_standard_output(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ["hello", "/ping beat", "/bytes 00 ff", "//slash", "header"]
    options = [word for line in script for word in ("-x", line)]
    assert main(["connect", server.url, *options, "-s", "chat", "-H", "X-Room: 7"]) == 0
    out, err = lines(capsys)
    assert out == ["hello", "/slash", "7"]
    assert "subprotocol chat" in err
    assert "< pong 62 65 61 74" in err
    assert "< bytes 00 ff" in err
    assert "The client closed first with 1000" in err
    assert "\x1b" not in err


def test_json_lines(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["connect", server.url, "--json", "-x", "a", "-x", "/bytes 01", "-x", "/pong x"]) == 0
    )
    found = [json.loads(line) for line in lines(capsys)[0]]
    assert found[:2] == [{"type": "text", "value": "a"}, {"type": "bytes", "hex": "01"}]
    assert {key: found[2][key] for key in ("type", "code", "reason")} == {
        "type": "closed", "code": 1000, "reason": "",
    }  # fmt: skip


def test_exit_statuses(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect", server.url, "-x", "close 4001", "-w", "20"]) == 3
    assert "4001 (private code)" in lines(capsys)[1]
    assert main(["connect", server.url, "-x", "/close 1000 bye"]) == 0
    assert main(["connect", f"ws://127.0.0.1:{free_port()}"]) == 1
    assert "no TCP connection" in lines(capsys)[1]
    assert main(["connect", server.url + "nowhere"]) == 1
    assert "404 Not Found" in lines(capsys)[1]
    assert main(["connect", server.url, "-H", "no colon"]) == 1
    assert "has no colon" in lines(capsys)[1]
    with pytest.raises(SystemExit, match="2"):
        main(["connect", server.url, "--save", "/nowhere/log.har", "-x", "a"])
    assert "there is no folder" in lines(capsys)[1]
    with pytest.raises(SystemExit) as misunderstood:
        main(["connect", server.url, "--save", "log.xyz"])
    assert misunderstood.value.code == 2
    assert ".jsonl, .har, .pcapng, .html" in lines(capsys)[1]
    with pytest.raises(SystemExit) as misunderstood:
        main(["connect"])
    assert misunderstood.value.code == 2


def test_what_cannot_be_done_is_told_and_the_rest_goes_on(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ["/nonsense", "/bytes xy", "/close soon", "/close 1005", "/help", "still here"]
    options = [word for line in script for word in ("-x", line)]
    assert main(["connect", server.url, *options, "--proxy", "none"]) == 0
    out, err = lines(capsys)
    assert out == ["still here"]
    assert "there is no command /nonsense" in err
    assert "/bytes takes bytes in hex" in err
    assert "/close takes a code and a reason" in err
    assert "1005" in err
    assert "Lines that begin with / are commands" in err


def test_a_pipe_ends_with_its_input_and_the_log_is_saved(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    run = subprocess.run(
        [sys.executable, "-m", "astra_nb.commands.cli", "connect", server.url, "--save", str(path)],
        input="one\r\ntwo\nno end", capture_output=True, text=True, timeout=60,
        env=python_environment(), check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, "one\ntwo\nno end\n")
    sent = [each for each in FrameLog.from_jsonl(path).messages if each.direction == "sent"]
    assert [each.value for each in sent if each.type == "text"] == ["one", "two", "no end"]


def test_an_interrupt_ends_it_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "astra_nb.commands.cli", "connect", url],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=python_environment(),
        )  # fmt: skip
        with process, silent.accept()[0] as peer:
            assert process.stderr is not None
            assert peer.recv(1) == b"G"  # of the request, which gets no answer
            process.send_signal(2)
            assert process.stderr.read() == ""
    assert process.returncode == 130


def test_a_person_at_a_terminal(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    with create_pipe_input() as keys:
        with create_app_session(input=keys, output=DummyOutput()):
            keys.send_text("hello\r/ping\rclose 4000\r")
            assert main(["connect", server.url]) == 3
    with create_pipe_input() as keys:
        with create_app_session(input=keys, output=DummyOutput()):
            keys.send_text("\x04")  # Ctrl+D
            assert main(["connect", server.url]) == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_and_escapes_only_where_they_are_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    screen = Screen(False, out, out)
    screen.message(Message("text", "\x1b[2J evil"))
    screen.message(Message("close", None))
    assert out.getvalue().count("\x1b[36m") == 2
    assert "\x1b[2J" not in out.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Screen(False, out, out).message(Message("text", "plain"))
    assert out.getvalue() == "< plain\n"


def test_a_record_is_a_line() -> None:
    log = FrameLog()
    log.append(1, NoticeRecord, text="a\x1b")
    FrameRecorder(log, 12, "server", "received").record(encode(1, b"hello"), 1)
    screen = Screen(False, io.StringIO(), io.StringIO())
    assert [row(one, log.origin, screen).split()[2:] for one in log] == [
        ["1", "notice", "a\\x1b"],
        ["12", "<-", "received", "text", "1", "0", "5", '"hello"'],
    ]
    assert row(log[1], 0.0, Screen(False, Terminal(), Terminal())).startswith("\x1b[36m")


def test_tap_prints_what_passes_until_it_is_ended(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    command = [sys.executable, "-u", "-m", "astra_nb.commands.cli", "tap", server.url]
    process = subprocess.Popen(
        [*command, "--json", "--leg", "client", "--save", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=python_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        listening = json.loads(process.stdout.readline())
        with connect(listening["url"]) as client:
            client.send_text("through")
            assert client.recv().value == "through"
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["kind"] != "closed":
            seen.append(json.loads(process.stdout.readline()))
        assert [one["kind"] for one in seen].count("frame") == 4
        assert {one["side"] for one in seen} == {"server"}
    finally:
        process.send_signal(2)
        assert process.wait(20) == 0
        process.stdout.close()
        process.stderr.close()
    assert len(FrameLog.from_jsonl(path).frames) == 8


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
def test_streams_that_the_caller_has_closed(server: Server, closed: str) -> None:
    command = f"exec '{sys.executable}' -m astra_nb.commands.cli connect {server.url} {closed}"
    ended = subprocess.run(
        ["sh", "-c", command], input="Hello\n", capture_output=True, text=True,
        env=python_environment(), timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "options", [["-w", "nan"], ["-w", "-1"], ["--save", "no such folder/log.har"]]
)
def test_what_could_not_be_done_at_the_end_is_refused_before(
    server: Server, options: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["connect", server.url, "-x", "Hello", *options])
    assert not server.log.filter(kind="opened")
