"""A check answers whatever the handler does, says what it found, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, Server, WebSocket, connect
from astra_nb.exercises import NOTEBOOKS, compute_key, echo, greet, guard, join_fragments
from astra_nb.exercises.scripted_client import Client
from astra_nb.exercises.stage import REST
from astra_nb.net import addresses
from astra_nb.net.inbox import ThreadInbox
from tests.exercises.answers import EXERCISES, answer_of
from tests.helpers import wait_until


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
    assert answer.outcome == "right", str(answer)
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
    assert answer.outcome == "right", str(answer)


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
        "too-many|too-early|repeated|wrong-value",
    ),
    "floods with frames after a message": (
        "def handle_socket(socket):\n    socket.recv()\n    while True:\n"
        "        socket.send_text('x')\n",
        "wrong-value|repeated",
    ),
    "floods with frames after a message, async": (
        "async def handle_socket(socket):\n    await socket.recv()\n    while True:\n"
        "        await socket.send_text('x')\n",
        "wrong-value|repeated|stuck",
    ),
    "exits": ("def handle_socket(socket):\n    exit()\n", "forbidden"),
    "exits at once": ("import os\ndef handle_socket(socket):\n    os._exit(1)\n", "forbidden"),
    "exits, async": (
        "import sys\nasync def handle_socket(socket):\n    sys.exit(1)\n",
        "forbidden",
    ),
    "forks": ("import os\ndef handle_socket(socket):\n    os.fork()\n", "forbidden"),
    "kills": (
        "import os, signal\ndef handle_socket(socket):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "forbidden",
    ),
    "aborts": ("import os\ndef handle_socket(socket):\n    os.abort()\n", "forbidden"),
    "raises a signal": (
        "import signal\ndef handle_socket(socket):\n    signal.raise_signal(signal.SIGKILL)\n",
        "forbidden",
    ),
    "binds the same port": (
        "import socket as tcp\ndef handle_socket(socket):\n"
        "    host, port = socket.request.headers['Host'].split(':')\n"
        "    tcp.create_server((host, int(port)))\n",
        "raised",
    ),
    "raises": ("def handle_socket(socket):\n    raise BaseException('no')\n", "raised"),
    "serves on the same port": (
        "from astra_nb import Server\ndef handle_socket(socket):\n"
        "    port = int(socket.request.headers['Host'].split(':')[1])\n"
        "    Server(port=port).run()\n",
        "raised",
    ),
    "checks itself": (
        "from astra_nb.exercises import echo\ndef handle_socket(socket):\n"
        "    echo.check(handle_socket)\n",
        "forbidden",
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
    assert answer.outcome == "not yet", str(answer)
    assert not key or answer.key in key.split("|"), str(answer)
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
    assert answer.key == "stuck", str(answer)
    assert "still at line" in str(answer)
    wait_until(no_check_is_left, what="the end of the check's threads")


# What a handler's threads do is its own doing, too


BESIDE = {
    "exits": ("import os, threading", "os._exit(7)", "SystemExit"),
    "exits politely": ("import sys, threading", "sys.exit(7)", ""),
    "forks": ("import os, threading", "os.fork()", "NotAllowed"),
    "aborts": ("import os, threading", "os.abort()", "SystemExit"),
    "kills": ("import os, threading", "os.kill(os.getpid(), 9)", "NotAllowed"),
}


@pytest.mark.parametrize("kind", BESIDE)
@pytest.mark.parametrize("start", ["Thread", "Pool"])
def test_a_thread_of_a_handler_ends_nothing_but_itself(
    kind: str, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    imports, call, _ = BESIDE[kind]
    begin = (
        "    thread = threading.Thread(target=beside)\n    thread.start()\n    thread.join()\n"
        if start == "Thread"
        else "    with ThreadPoolExecutor(1) as pool:\n        pool.submit(beside).exception()\n"
    )
    answer = echo.check(
        answer_of(
            echo,
            f"{imports}\nfrom concurrent.futures import ThreadPoolExecutor\n\n"
            f"def beside():\n    print('beside')\n    {call}\n\n"
            f"def handle_socket(socket):\n{begin}    for message in socket:\n"
            "        if message.type in ('text', 'bytes'):\n"
            "            socket.send(message.type, message.value)\n",
        )
    )
    assert answer.outcome == "right", str(answer)
    assert "beside" in answer.printed
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


def test_the_process_is_as_before_after_a_check() -> None:
    before = [os._exit, os.abort, signal.raise_signal, threading.excepthook, threading.Thread.start]
    assert echo.check(echo_back).right
    assert before == [
        os._exit, os.abort, signal.raise_signal, threading.excepthook, threading.Thread.start,
    ]  # fmt: skip
    assert not guard.in_check.get()


def test_what_is_replaced_is_put_back_by_the_last_check_that_ends() -> None:
    before = threading.excepthook
    one, other = contextlib.ExitStack(), contextlib.ExitStack()
    one.enter_context(guard.at_work())
    other.enter_context(guard.at_work())
    one.close()  # before the one that began later
    assert threading.excepthook is not before
    other.close()
    assert threading.excepthook is before


def test_what_something_else_has_replaced_meanwhile_is_left() -> None:
    before = threading.excepthook
    try:
        with guard.at_work():
            threading.excepthook = print
        assert threading.excepthook is print
    finally:
        threading.excepthook = before


def no_check_is_left() -> bool:
    return not any("astra_nb" in each.name for each in threading.enumerate())


def test_what_a_handler_prints_is_shown_with_the_answer() -> None:
    def handle_socket(socket: WebSocket) -> None:
        print("I am here")
        echo_back(socket)

    answer = echo.check(handle_socket)
    assert answer.right
    assert answer.printed.startswith("I am here\n")


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


def test_an_answer_that_is_long_on_its_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine: every handler waits, and nothing has come."""
    read = Client.read

    async def read_later(client: Client, changed: threading.Event) -> None:
        transport = client.socket._connection.transport
        transport.pause_reading()
        asyncio.get_running_loop().call_later(2 * REST, transport.resume_reading)
        await read(client, changed)

    monkeypatch.setattr(Client, "read", read_later)
    assert echo.check(answer_of(echo, echo.solution_text)).outcome == "right"


def test_a_handler_that_is_long_to_wake_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine: its thread has a message, and still stands in recv()."""
    take, first = ThreadInbox.take, [2 * REST]

    def take_slowly(inbox: ThreadInbox, timeout: float | None = None) -> Any:
        message = take(inbox, timeout)
        threading.Event().wait(first.pop() if first else 0)
        return message

    monkeypatch.setattr(ThreadInbox, "take", take_slowly)
    assert echo.check(answer_of(echo, echo.solution_text)).outcome == "right"


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
        ("abc", "A function is checked here, not 'abc'"),
        (echo_back_async, "An async def function returns a coroutine"),
        (lambda: "x", "cannot be called with these arguments"),
    ],
)
def test_what_is_no_function_gets_a_clear_message(answer: Any, says: str) -> None:
    found = compute_key.check(answer)
    assert found.key == "no-function"
    assert says in str(found)


@pytest.mark.parametrize(
    "body",
    [
        "...",
        "pass",
        "raise NotImplementedError",
        "raise NotImplementedError()",
        '"""Echo."""',
        "# YOUR CODE HERE\n    pass",
    ],
)
@pytest.mark.parametrize("start", ["def", "async def"])
def test_a_function_without_a_body_is_not_attempted(start: str, body: str) -> None:
    handler = answer_of(echo, f"{start} handle_socket(socket):\n    {body}\n")
    assert echo.check(handler).outcome == "not attempted"
    assert echo.check(...).outcome == "not attempted"


# What nobody should see


def test_a_handler_finds_no_answer_in_what_it_can_reach() -> None:
    """Walk the frames and the modules' globals, and look for what is to be answered."""
    found: list[str] = []
    seen: set[object] = set()

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
                new = message.value not in seen  # else it is the handler's own answer
                seen.add(message.value)
                found.extend(
                    name
                    for names in reachable
                    for name, value in list(names.items())
                    if new and name not in ("wanted", "message") and wanted in repr(value)[:100_000]
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
    assert answer.outcome == "not yet"


def test_hints_and_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(echo.hint()).startswith("Echo: hint 1 of 3\n\n")
    assert "Another one: echo.hint(2)" in str(echo.hint(1))
    assert "echo.solution()" in str(echo.hint(3))
    for wrong in (0, 4, "2", True, None):
        assert "There are 3: echo.hint(1) to echo.hint(3)." in str(echo.hint(wrong))  # type: ignore[arg-type]
    assert str(echo.solution()).endswith(echo.solution_text.rstrip("\n"))
    monkeypatch.setenv("ASTRA_NB_NO_SOLUTIONS", "1")
    assert "switched off" in str(echo.solution())
    assert "solution" not in str(echo.hint(3))


def test_exercises_are_in_notebooks() -> None:
    assert sorted(NOTEBOOKS) == [
        "1-first-steps", "2-control-frames", "3-protocols", "4-by-hand",
    ]  # fmt: skip


@pytest.mark.parametrize(("handler", "outcome"), [(echo_back, "right"), (..., "not attempted")])
def test_the_log_of_a_check_says_which_exercise_it_was(handler: Any, outcome: str) -> None:
    answer = echo.check(handler)
    assert answer.log is not None
    [record] = [each for each in answer.log if each.kind == "check"]
    assert (record.exercise, record.outcome, record.misconception) == ("echo", outcome, "")
