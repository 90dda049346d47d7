"""No sentence of a check is untrue: what misled the checks before does not any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from astra_nb import WebSocket
from astra_nb.exercises import HandlerExercise, Script, echo
from tests.exercises.answers import EXERCISES, answer_of
from tests.helpers import run_python


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


ECHO = """\
    async for message in socket:
        if message.type in ("text", "bytes"):
            await socket.send(message.type, message.value)
"""
RIGHT = {
    "a comment speaks of a call": "async def handle_socket(socket):\n"
    "    # socket.recv() is awaited below\n" + ECHO,
    "a call is gathered": "import asyncio\n\nasync def handle_socket(socket):\n"
    "    async for message in socket:\n        if message.type in ('text', 'bytes'):\n"
    "            await asyncio.gather(socket.send(message.type, message.value))\n",
    "a call is a task": "import asyncio\n\nasync def handle_socket(socket):\n"
    "    async for message in socket:\n        if message.type in ('text', 'bytes'):\n"
    "            sending = asyncio.create_task(socket.send(message.type, message.value))\n"
    "            await sending\n",
    "a comment speaks of Thread(": "def handle_socket(socket):\n    # no Thread( is needed\n"
    "    for message in socket:\n        if message.type in ('text', 'bytes'):\n"
    "            socket.send(message.type, message.value)\n",
    "an attribute of its own": "class State:\n    online = False\n\nstate = State()\n\n"
    "def handle_socket(socket):\n    state.online = True\n    for message in socket:\n"
    "        if message.type in ('text', 'bytes'):\n"
    "            socket.send(message.type, message.value)\n",
    "a type of its own": "class Note:\n    type = 'add'\n\n"
    "def handle_socket(socket):\n    note = Note()\n    for message in socket:\n"
    "        if note.type == 'add' and message.type in ('text', 'bytes'):\n"
    "            socket.send(message.type, message.value)\n",
    "a bytearray": "def handle_socket(socket):\n    for message in socket:\n"
    "        if message.type == 'text':\n            socket.send_text(message.value)\n"
    "        elif message.type == 'bytes':\n"
    "            socket.send_bytes(bytearray(message.value))\n",
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_only_looks_wrong_is_right(kind: str) -> None:
    answer = echo.check(answer_of(echo, RIGHT[kind]))
    assert answer.outcome == "right", str(answer)


WRONG = {
    "a comment speaks of a call": (
        "async def handle_socket(socket):\n    # socket.recv() is awaited below\n"
        "    await socket.recv()\n",
        "never awaited",
    ),
    "a comment speaks of Thread(": (
        "def handle_socket(socket):\n    # Thread(\n    while True:\n        socket.recv()\n",
        "hread",
    ),
    "an attribute of its own": (
        "class State:\n    pass\n\nstate = State()\n\ndef handle_socket(socket):\n"
        "    state.online = True\n    while True:\n        socket.recv()\n",
        "nobody looks",
    ),
    "finally runs": (
        "def handle_socket(socket):\n    try:\n        socket.recv()\n        1 / 0\n"
        "    finally:\n        print('the end')\n",
        "did not run",
    ),
    "a type of its own": (
        "class Note:\n    type = 'note'\n\ndef handle_socket(socket):\n    for message in socket:\n"
        "        if Note.type == 'add':\n            socket.send(message.type, message.value)\n",
        "no type of a message",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_is_told_nothing_that_is_not_so(kind: str) -> None:
    source, untrue = WRONG[kind]
    answer = echo.check(answer_of(echo, source))
    assert answer.outcome == "not yet"
    assert untrue not in f"{answer}{answer.details()}", str(answer)


def test_nothing_is_said_of_other_clients_where_the_client_itself_spoke_last() -> None:
    source = "count = 0\n\ndef handle_socket(socket):\n    global count\n    count += 1\n"
    source += "    mine = count\n    for message in socket:\n"
    source += "        if message.type in ('text', 'bytes') and mine != 4:\n"
    source += "            socket.send(message.type, message.value)\n"
    answer = echo.check(answer_of(echo, source))
    assert answer.key == "nothing", str(answer)
    assert "No answer came to text" in str(answer)


CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def run(cell):
    return shell.run_cell(cell, store_history=True)
run("from astra_nb.exercises import echo, greet")
ECHO = '''def handle_socket(socket):
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)
'''
run(ECHO)
print("FIRST", run("echo.check(handle_socket)").result.outcome)
run({broken!r})
answer = run("greet.check(handle_socket)").result
print("THEN", answer.key, answer.finding.headline)
print("STILL", run("echo.check(handle_socket)").result.outcome)
run(ECHO + "an_error")
print("TWICE", run("echo.check(handle_socket); echo.check(handle_socket)").result.outcome)
run('''def handle_socket(socket):
    socket.recv()
''')
print("AGAIN", run("echo.check(handle_socket)").result.key)
run("an_error")
print("LATER", run("echo.check(handle_socket)").result.key)
"""


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("def handle_socket(socket)\n    pass\n", "SyntaxError"),
        ("import no_such_module\ndef handle_socket(socket):\n    pass\n", "ModuleNotFoundError"),
    ],
)
def test_an_error_in_the_cell_above_is_named(tmp_path: Path, broken: str, error: str) -> None:
    done = run_python("-c", CELLS.format(broken=broken), cwd=tmp_path, timeout=60)
    assert "FIRST right" in done.stdout, done.stderr
    said = f"The cell above ended with {error}; this is still the answer to Echo."
    assert f"THEN cell-failed {said}" in done.stdout
    # What was right stays right, and so does what the failed cell itself has made.
    assert "STILL right" in done.stdout
    assert "TWICE right" in done.stdout
    assert "AGAIN returned" in done.stdout
    assert "LATER cell-failed" in done.stdout


def test_a_self_test_says_what_is_not_as_it_should_be() -> None:
    def scenario(script: Script) -> None:
        client = script.client()
        client.send("text", "a")
        client.expect("text", "b", mistakes={"b": "That is right."})

    exercise = HandlerExercise(
        name="odd",
        title="Odd",
        rfc="section 5.6",
        prompt="",
        hints=[],
        stub="def handle_socket(socket):\n    socket.recv()\n",
        solution_text="def handle_socket(s):\n    for m in s: s.send_text('b')\n",
        scenarios=[scenario],
        wrong=[("def handle_socket(socket):\n    socket.recv()\n", "nothing")],
    )
    assert exercise.selftest() == [
        "odd: wrong answer 1 gets 'not attempted', not 'nothing'.",
        "odd: 'That is right.' can never be said.",
    ]


def answering(script: Script) -> None:
    """One answer."""
    client = script.client()
    client.send("text", "a")
    client.expect("text", "b")


def an_exercise(**given: Any) -> HandlerExercise:
    solution = "def handle_socket(socket):\n    for m in socket:\n        socket.send_text('b')\n"
    options: dict[str, Any] = {
        "name": "odd", "title": "Odd", "rfc": "section 5.6", "prompt": "", "hints": [],
        "solution_text": solution, "scenarios": [answering],
    }  # fmt: skip
    return HandlerExercise(**options | given)


def test_a_self_test_tells_the_teachers_mistakes() -> None:
    echo = "def handle_socket(socket):\n    for m in socket:\n        socket.send_text(m.value)\n"
    (solution,) = an_exercise(solution_text=echo.replace("m.value", "'c'")).selftest()
    assert solution.startswith("odd: the solution gets 'wrong-value', not 'right'. ")
    assert '(expected text "b"; came text "c"; One answer)' in solution
    wrong = [
        (echo, "nothing"),
        ("def handle(socket): pass", "nothing"),
        ("?", "nothing"),
    ]
    assert an_exercise(wrong=wrong).selftest() == [
        "odd: wrong answer 1 gets 'to-itself', not 'nothing'.",
        "odd: wrong answer 2 does not run: NameError: it defines no 'handle_socket'.",
        "odd: wrong answer 3 does not run: SyntaxError: invalid syntax (<odd, wrong answer 3>, "
        "line 1).",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scenarios": []}, "without a scenario any answer would be right"),
        (
            {"advice": {"silent": "Look."}},
            "no finding has the key 'silent'; choose from cell-failed, ",
        ),
    ],
)
def test_an_exercise_that_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^exercise odd: {said}"):
        an_exercise(**given)


def test_of_several_answers_the_missing_one_is_told() -> None:
    def countdown(script: Script) -> None:
        """Several answers to one message."""
        client = script.client()
        client.send("text", "3")
        for text in "321":
            client.expect("text", text)

    def handle_socket(socket: WebSocket) -> None:
        for message in socket:
            if message.type == "text":
                socket.send_text("3")
                socket.send_text("2")

    answer = an_exercise(scenarios=[countdown]).check(handle_socket)
    assert answer.finding is not None
    assert answer.finding.headline.startswith('The client got nothing where text "1" was')


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_passes_its_self_test(name: str) -> None:
    assert EXERCISES[name].selftest() == []


def test_advice_for_no_finding_is_refused() -> None:
    with pytest.raises(ValueError, match="no finding has the key 'wrog-value'"):
        replace(echo, advice={"wrog-value": "Look again."})
