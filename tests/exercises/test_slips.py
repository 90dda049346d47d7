"""Python's known traps are named with their line; what is no slip is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from astra_nb.exercises import echo
from astra_nb.exercises.slips import slip_in
from tests.exercises.answers import answer_of

BEGIN = "import threading\n\ndef handle_socket(socket):\n    message = socket.recv()\n"

SLIPS: tuple[tuple[str, str], ...] = (
    ('if message.type == "ping" or "pong": pass', "is always true"),
    ('if message.type == "binary": pass', "'binary' is no type of a message"),
    ('if message.type in ("text", "Bytes"): pass', "'Bytes' is no type of a message"),
    ("if message.type == str: pass", "message.type is a str"),
    ("later = socket.recv", "the parentheses are missing"),
    ("socket.close", "the parentheses are missing"),
    ("threading.Thread(target=print(1)).start()", "calls print here and now"),
    ('if message.type is "text": pass', "values are compared with =="),
    ("def inner(found=[]): return found", "every call of inner shares it"),
)
FINE: tuple[str, ...] = (
    'if message.type == "ping" or message.type == "pong": pass',
    'if message.type in ("text", "bytes"): pass',
    "if message.type == socket.path: pass",
    "threading.Thread(target=print, args=(1,)).start()",
    "if message.value is None: pass",
    "word = message.value or 'nobody'",
    "def inner(found=()): return found",
    "socket.close()",
)


def handler(line: str) -> Callable[..., Any]:
    found: Callable[..., Any] = answer_of(echo, f"{BEGIN}    {line}\n")
    return found


@pytest.mark.filterwarnings("ignore:.*with a literal:SyntaxWarning")
@pytest.mark.filterwarnings('ignore:.*"is" with:SyntaxWarning')
@pytest.mark.parametrize(("line", "says"), SLIPS)
def test_a_slip_is_named_with_its_line(line: str, says: str) -> None:
    said = slip_in(handler(line))
    assert says in said
    assert said.startswith("Line 5: ")


@pytest.mark.parametrize("line", FINE)
def test_what_is_no_slip_is_left_alone(line: str) -> None:
    assert slip_in(handler(line)) == ""


@pytest.mark.parametrize("answer", [None, 5, print, "text", object()])
def test_what_has_no_source_has_no_slips(answer: object) -> None:
    assert slip_in(answer) == ""


def test_a_slip_is_part_of_the_answer() -> None:
    source = (
        "def handle_socket(socket):\n    for message in socket:\n"
        '        if message.type == "string":\n            socket.send_text(message.value)\n'
    )
    answer = echo.check(answer_of(echo, source))
    assert "Line 3: 'string' is no type of a message" in str(answer)
    assert "&#x27;string&#x27; is no type" in answer._repr_html_()
