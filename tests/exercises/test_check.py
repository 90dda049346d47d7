"""A check answers whatever the handler does, says what it found, and leaves nothing behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, Server, WebSocket, connect
from astra_nb.exercises import NOTEBOOKS, compute_key, echo, greet, join_fragments
from astra_nb.exercises.answer import ANSWER_TYPE
from astra_nb.exercises.progress import FILE_NAME
from astra_nb.net import addresses
from tests.exercises.answers import EXERCISES, answer_of
from tests.helpers import held_port, run_python, wait_until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def echo_back(socket: WebSocket) -> None:
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)


async def echo_back_async(socket: AsyncWebSocket) -> None:
    async for message in socket:
        if message.type in ("text", "bytes"):
            await socket.send(message.type, message.value)


# Handlers of every kind


class Echo:
    def __call__(self, socket: WebSocket) -> None:
        echo_back(socket)

    def method(self, socket: WebSocket) -> None:
        echo_back(socket)


@pytest.mark.parametrize(
    "handler",
    [echo_back, echo_back_async, Echo(), Echo().method],
    ids=["def", "async def", "object", "method"],
)
def test_every_kind_of_handler_can_be_right(handler: Callable[..., Any]) -> None:
    answer = echo.check(handler)
    assert answer.state == "right", str(answer)
    assert answer


ASYNC = {
    "greet": """
async def handle_socket(socket):
    await socket.send_text("Welcome!")
    async for message in socket:
        if message.type == "text":
            await socket.send_text(f"Hello, {message.value}!")
""",
    "answer_pings": """
async def handle_socket(socket):
    async for message in socket:
        if message.type == "ping":
            await socket.send_pong(message.value)
        elif message.type == "text":
            await socket.send_text(message.value)
""",
    "broadcast": """
members = set()

async def handle_socket(socket):
    members.add(socket)
    try:
        async for message in socket:
            if message.type in ("text", "bytes"):
                for member in list(members):
                    if member is not socket:
                        await member.send(message.type, message.value)
    finally:
        members.discard(socket)
""",
    "slow_reader": """
import asyncio

outboxes = {}

async def send_all(socket, outbox):
    while (message := await outbox.get()) is not None:
        await socket.send(message.type, message.value)

async def handle_socket(socket):
    outbox = outboxes[socket] = asyncio.Queue(maxsize=32)
    sender = asyncio.create_task(send_all(socket, outbox))
    try:
        async for message in socket:
            if message.type in ("text", "bytes"):
                for member, waiting in list(outboxes.items()):
                    try:
                        if member is not socket:
                            waiting.put_nowait(message)
                    except asyncio.QueueFull:
                        await member.drop()
    finally:
        del outboxes[socket]
        sender.cancel()
""",
}


@pytest.mark.parametrize("name", ASYNC)
def test_async_solutions_are_right_too(name: str) -> None:
    exercise = EXERCISES[name]
    answer = exercise.check(answer_of(exercise, ASYNC[name]))
    assert answer.state == "right", str(answer)


# Whatever a handler does


HOSTILE = {
    "spins": ("def handle_socket(socket):\n    while True:\n        pass\n", "stuck"),
    "spins, async": ("async def handle_socket(socket):\n    while True:\n        pass\n", "stuck"),
    "spins, and catches all": (
        "def handle_socket(socket):\n    while True:\n        try:\n            1 / 0\n"
        "        except:\n            pass\n",
        "stuck",
    ),
    "waits for ever": (
        "def handle_socket(socket):\n    socket.recv()\n    socket.recv()\n    socket.recv()\n"
        "    socket.recv()\n    socket.recv()\n",
        "nothing",
    ),
    "floods with prints": (
        "def handle_socket(socket):\n    while True:\n        print('x' * 100)\n",
        "stuck",
    ),
    "floods with frames": (
        "def handle_socket(socket):\n    while True:\n        socket.send_text('x')\n",
        "flood",
    ),
    "exits": ("def handle_socket(socket):\n    exit()\n", "exit"),
    "exits at once": ("import os\ndef handle_socket(socket):\n    os._exit(1)\n", "exit"),
    "exits, async": ("import sys\nasync def handle_socket(socket):\n    sys.exit(1)\n", "exit"),
    "forks": ("import os\ndef handle_socket(socket):\n    os.fork()\n", "forked"),
    "kills": (
        "import os, signal\ndef handle_socket(socket):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "forked",
    ),
    "aborts": ("import os\ndef handle_socket(socket):\n    os.abort()\n", "exit"),
    "raises a signal": (
        "import signal\ndef handle_socket(socket):\n    signal.raise_signal(signal.SIGKILL)\n",
        "forked",
    ),
    "binds the same port": (
        "import socket as tcp\ndef handle_socket(socket):\n"
        "    host, port = socket.request.headers['Host'].split(':')\n"
        "    tcp.create_server((host, int(port)))\n",
        "own-server",
    ),
    "raises": ("def handle_socket(socket):\n    raise BaseException('no')\n", "raised"),
    "serves on the same port": (
        "from astra_nb import Server\ndef handle_socket(socket):\n"
        "    port = int(socket.request.headers['Host'].split(':')[1])\n"
        "    Server(port=port).run()\n",
        "own-server",
    ),
    "checks itself": (
        "from astra_nb.exercises import echo\ndef handle_socket(socket):\n"
        "    echo.check(handle_socket)\n",
        "forked",
    ),
    "clears the log": (
        "def handle_socket(socket):\n    for message in socket:\n"
        "        if message.type != 'close':\n"
        "            socket.send_text('no')\n            socket.log.clear()\n",
        "",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_check_answers_whatever_the_handler_does(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, key = HOSTILE[kind]
    answer = echo.check(answer_of(echo, source))
    assert answer.state == "not yet", str(answer)
    assert not key or answer.key == key, str(answer)
    assert len(str(answer)) < 4000
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


def test_a_server_that_starts_slowly_is_no_stuck_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slow(hostname: str, port: int) -> str:
        go_on.wait(60)
        return ""

    monkeypatch.setattr(addresses, "_holder", slow)  # on a busy machine it takes its time
    source, _ = HOSTILE["serves on the same port"]
    try:
        answer = echo.check(answer_of(echo, source))
    finally:
        go_on.set()
    assert answer.key == "own-server", str(answer)
    assert "starts a server of its own at line 4" in str(answer)
    wait_until(no_check_is_left, what="the end of the check's threads")


def no_check_is_left() -> bool:
    return not any("astra_nb" in each.name for each in threading.enumerate())


def test_what_a_handler_prints_is_shown_with_the_answer() -> None:
    def handle_socket(socket: WebSocket) -> None:
        print("I am here")
        echo_back(socket)

    answer = echo.check(handle_socket)
    assert answer.right
    assert "Your code printed:\n  I am here" in str(answer)


def test_other_servers_go_on_while_an_async_handler_spins() -> None:
    spinning = answer_of(echo, "async def handle_socket(socket):\n    while True:\n        pass\n")
    with Server(port=0) as server:
        server.websocket("/", echo_back_async)
        with connect(server.url) as client:
            answers: list[Any] = []
            check = threading.Thread(target=lambda: answers.append(echo.check(spinning)))
            check.start()
            while check.is_alive():
                client.send_text("still there?")
                assert client.recv(5).value == "still there?"
            check.join()
    assert answers[0].key == "stuck"


def test_a_sleeping_handler_is_left_behind_and_the_answer_comes() -> None:
    go_on = threading.Event()

    def handle_socket(socket: WebSocket) -> None:
        go_on.wait(60)

    try:
        answer = echo.check(handle_socket)
        assert answer.key == "stuck"
        assert "go_on.wait(60)" in str(answer)
        assert echo.check(echo_back).right
    finally:
        go_on.set()
    wait_until(no_check_is_left, what="the end of the check's threads")


# What is no handler


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (3, "A handler is a function that takes a socket, not int 3"),
        (None, "A handler is a function that takes a socket"),
        ("handle_socket", "A handler is a function that takes a socket"),
        (lambda: 1 + 1, "cannot be called with the socket alone"),
        (lambda socket, more: socket.send_text(more), "with the socket alone (missing"),
    ],
)
def test_what_is_no_handler_gets_a_clear_message(answer: Any, says: str) -> None:
    found = echo.check(answer)
    assert found.key == "no-handler"
    assert says in str(found)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("abc", "A function is checked here, not str"),
        (echo_back_async, "An async def function gives a coroutine"),
        (lambda: "x", "cannot be called with these arguments"),
    ],
)
def test_what_is_no_function_gets_a_clear_message(answer: Any, says: str) -> None:
    found = compute_key.check(answer)
    assert found.key == "no-function"
    assert says in str(found)


def test_a_taken_port_is_not_the_handlers_fault() -> None:
    with held_port() as port:
        found = echo.check(echo_back, port=port)
    assert found.key == "no-server"
    assert "That is not your handler's doing." in str(found)
    assert str(port) in str(found)


@pytest.mark.parametrize(
    "body",
    ["...", "pass", "raise NotImplementedError", '"""Echo."""', "# YOUR CODE HERE\n    pass"],
)
@pytest.mark.parametrize("start", ["def", "async def"])
def test_a_function_without_a_body_is_not_attempted(start: str, body: str) -> None:
    handler = answer_of(echo, f"{start} handle_socket(socket):\n    {body}\n")
    assert echo.check(handler).state == "not attempted"
    assert echo.check(...).state == "not attempted"


def test_a_stub_that_raises_later_is_not_attempted() -> None:
    source = (
        "def handle_socket(socket):\n    message = socket.recv()\n    raise NotImplementedError\n"
    )
    assert echo.check(answer_of(echo, source)).state == "not attempted"


# What nobody should see


def test_a_handler_finds_no_answer_in_what_it_can_reach() -> None:
    """Walk the frames and the modules' globals, and look for what is to be answered."""
    found: list[str] = []

    def handle_socket(socket: WebSocket) -> None:
        import sys

        frame = sys._getframe()
        reachable: list[dict[str, Any]] = []
        while frame is not None:
            reachable += [dict(frame.f_locals), frame.f_globals]
            frame = frame.f_back  # type: ignore[assignment]
        reachable += [vars(m) for n, m in list(sys.modules.items()) if n.startswith("astra_nb")]
        socket.send_text("Welcome!")
        for message in socket:
            if message.type == "text":
                wanted = f"Hello, {message.value}!"
                found.extend(
                    name
                    for names in reachable
                    for name, value in list(names.items())
                    if name not in ("wanted", "message") and wanted in repr(value)[:100_000]
                )
                socket.send_text(wanted)

    assert greet.check(handle_socket).right
    assert found == []


def test_values_known_by_heart_are_found_out() -> None:
    seen: dict[bytes, Any] = {}

    def collect(frames: Any) -> Any:
        raw = b"|".join(frame.raw for frame in frames)
        if raw not in seen:
            seen[raw] = answer_of(join_fragments, join_fragments.solution_text)(frames)
        return seen[raw]

    assert join_fragments.check(collect).right
    known = dict(seen)

    def by_heart(frames: Any) -> Any:
        return known.get(b"|".join(frame.raw for frame in frames), [])

    answer = join_fragments.check(by_heart)
    assert answer.key == "known-by-heart"


# Texts


def test_an_answer_reads_well_in_each_form() -> None:
    answer = echo.check(answer_of(echo, "def handle_socket(socket):\n    socket.recv()\n"))
    text, page = str(answer), answer._repr_html_()
    assert text.startswith(
        "Echo: not yet.\n\nYour handler returned, and that closed the connection. "
    )
    assert 'Read again: section "Echo" of this notebook; RFC 6455, section 5.6.' in text
    assert text == repr(answer)
    assert 'role="region" aria-label="Echo: not yet"' in page
    assert '<th scope="col"' in page
    assert answer._repr_mimebundle_()[ANSWER_TYPE]["key"] == "returned"


def test_progress_is_drawn_too_and_calls_are_code(folder: Path) -> None:
    page = echo.check(echo_back)._repr_html_()
    drawing = page[page.index('<div aria-hidden="true"') :]
    assert drawing.count("<span") == 4
    assert drawing.count("background") == 1
    assert "<code>echo.hint()</code>" in echo.check(...)._repr_html_()
    assert "<code>echo.hint(2)</code>" in echo.hint()._repr_html_()


def test_what_is_printed_comes_last_and_can_be_folded() -> None:
    source = "def handle_socket(socket):\n    print('<b>I am here</b>')\n"
    page = echo.check(answer_of(echo, source))._repr_html_()
    assert page.endswith("&lt;b&gt;I am here&lt;/b&gt;\n</pre></details></div>")
    assert page.index("Read again") < page.index("<details open")


def test_what_a_stranger_sends_is_never_markup() -> None:
    source = "def handle_socket(socket):\n    socket.send_text('<img src=x onerror=alert(1)>')\n"
    page = echo.check(answer_of(echo, source))._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page


def test_hints_and_solution() -> None:
    assert str(echo.hint()).startswith("Echo: hint 1 of 3\n\n")
    assert "Another one: echo.hint(2)" in str(echo.hint(1))
    assert "echo.solution()" in str(echo.hint(3))
    for wrong in (0, 4, "2", True, None):
        assert "There are 3: echo.hint(1) to echo.hint(3)." in str(echo.hint(wrong))  # type: ignore[arg-type]
    assert str(echo.solution()).endswith(echo.solution_text.rstrip("\n"))
    assert "<pre" in echo.solution()._repr_html_()


# Progress


def test_progress_survives_and_what_is_right_stays_right(folder: Path) -> None:
    first = echo.check(echo_back)
    assert "Progress in this notebook: 1 of 4 right; still to do: Greet on open" in str(first)
    again = echo.check(lambda socket: socket.recv())
    assert again.state == "not yet"
    assert "1 of 4 right" in str(again)
    states = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    assert states == {"exercises": {"echo": "right"}}
    other = run_python(
        "-c",
        "from astra_nb.exercises import greet; print(greet.check(...))",
        cwd=folder,
    )
    assert "1 of 4 right" in other.stdout, other.stderr


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[]", '{"exercises": 3}', '{"exercises": {"echo": []}}', "[" * 100_000, "\0"],
)
def test_a_damaged_file_is_begun_anew(folder: Path, damaged: str) -> None:
    (folder / FILE_NAME).write_text(damaged, encoding="utf-8")
    assert "1 of 4 right" in str(echo.check(echo_back))


def test_a_folder_that_cannot_be_written_stops_nothing(folder: Path) -> None:
    (folder / FILE_NAME).mkdir()
    assert echo.check(echo_back).right


def test_exercises_are_in_notebooks() -> None:
    assert sorted(NOTEBOOKS) == [
        "1-first-steps", "2-control-frames", "3-protocols", "4-by-hand",
    ]  # fmt: skip


def test_the_log_of_a_check_says_which_exercise_it_was() -> None:
    answer = echo.check(echo_back)
    assert answer.log is not None
    assert "Check of exercise echo: right" in answer.log.to_jsonl()
