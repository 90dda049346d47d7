"""What differs on Windows, as far as another system can try it: each difference by itself."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from astra_nb.errors import AddressInUse
from astra_nb.net import addresses
from tests.helpers import REPOSITORY, python_environment

# The whole way of a message, without what Windows does not have.
WITHOUT = """
import asyncio
import os

for name in ("fork", "forkpty", "register_at_fork", "geteuid", "getuid", "killpg", "uname"):
    delattr(os, name)


class Proactor(asyncio.SelectorEventLoop):
    def _missing(self, *arguments):
        raise NotImplementedError

    add_reader = add_writer = add_signal_handler = remove_signal_handler = _missing
    create_unix_connection = create_unix_server = _missing


asyncio.new_event_loop = Proactor

from astra_nb import FrameLog, connect, connect_async, http
from astra_nb.exercises import echo
from astra_nb.testing import expect_close_async, expect_frame, expect_frame_async

POLISH = "Zażółć gęślą jaźń"


def handle_socket(socket):
    print("opened")
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)


async def handle_async(socket):
    async for message in socket:
        if message.type in ("text", "bytes"):
            await socket.send(message.type, message.value)


async def on_its_own_loop(url):
    async with connect_async(url) as client:
        await client.send_text(POLISH)
        await expect_frame_async(client, "text", POLISH, sender="server")
        await client.close(4000, POLISH)
        await expect_close_async(client, 4000, POLISH, sender="server")


first, second = http.server.new(port=0), http.server.new()
for server, handler in ((first, handle_socket), (second, handle_async)):
    server.websocket("/", handler)
    second.port = first.port
    server.run()
    with connect(server.url) as client:
        client.send_text(POLISH)
        expect_frame(client, "text", POLISH, sender="server")
    with asyncio.Runner(loop_factory=Proactor) as runner:
        runner.run(on_its_own_loop(server.url))
    server.log.to_jsonl("log.jsonl")
    assert FrameLog.from_jsonl("log.jsonl").text() == server.log.text()
    assert POLISH in server.log.text()
    assert echo.check(handler)
assert second.running and not first.running  # replaced
second.shutdown()

try:
    print(POLISH)
except UnicodeEncodeError:
    print("as on Windows: a pipe is cp1252")
"""


def test_a_python_without_fork_and_its_loop_without_readers_does_everything(
    tmp_path: Path,
) -> None:
    environment = python_environment(PYTHONIOENCODING="cp1252", PYTHONUTF8="0", LC_ALL="C")
    (tmp_path / "without.py").write_text(WITHOUT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "without.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stderr.decode("cp1252") == ""
    assert b"Replaced the server" in done.stdout
    assert done.stdout.decode("cp1252").splitlines()[-1] == "as on Windows: a pipe is cp1252"
    assert done.returncode == 0


def test_each_text_file_names_its_encoding() -> None:
    missing = []
    for path in sorted((REPOSITORY / "astra_nb").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            if ast.unparse(function) == "FrameLog.open":  # which reads bytes
                continue
            modes = node.args[isinstance(function, ast.Name) :]
            binary = any(isinstance(a, ast.Constant) and "b" in str(a.value) for a in modes)
            named = binary or any(keyword.arg == "encoding" for keyword in node.keywords)
            if name in ("open", "read_text", "write_text", "fdopen") and not named:
                missing.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    assert missing == []


def test_only_where_it_is_harmless_a_port_may_be_taken_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With this option Windows lets a second program listen on the same port, and take its clients.
    monkeypatch.setattr(addresses, "os", SimpleNamespace(name="nt", getpid=os.getpid))
    (sock,) = addresses.bind("127.0.0.1", 0)
    with sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
        port = sock.getsockname()[1]
        with pytest.raises(AddressInUse):
            addresses.bind("127.0.0.1", port)
        assert not addresses.is_free("127.0.0.1", port)
    assert addresses.is_free("127.0.0.1", port)
