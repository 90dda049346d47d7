"""Which lines ran is told, for which message, with what was raised, and nothing is disturbed."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from astra_nb.exercises import (
    broadcast,
    count_bytes,
    echo,
    greet,
    join_fragments,
    masked_frame,
    slow_reader,
)
from astra_nb.exercises.answer import Answer
from tests.exercises.answers import answer_of


def ran(answer: Answer) -> list[str]:
    assert answer.finding is not None, str(answer)
    return [text.strip() for _, text, _ in answer.finding.ran]


def test_the_lines_for_the_last_message_are_told_in_their_order() -> None:
    source = """\
def handle_socket(socket):
    for message in socket:
        if message.type == "text":
            socket.send_text(message.value)
        elif message.type == "binary":
            socket.send_bytes(message.value)
"""
    answer = echo.check(answer_of(echo, source))
    assert ran(answer) == [
        "for message in socket:",
        'if message.type == "text":',
        'elif message.type == "binary":',
    ]
    assert answer.finding is not None
    assert answer.finding.ran_for == "for bytes 00 58 0e 43 2d"
    assert answer.finding.variables == (
        ("message", r"Message(type='bytes', value=b'\x00X\x0eC-')"),
    )
    text, page = str(answer), answer._repr_html_()
    assert "The lines that ran for bytes 00 58 0e 43 2d:\n  line 2  for message in socket:" in text
    assert "elif message.type == &quot;binary&quot;:" in page


def test_an_exception_that_was_swallowed_stands_at_its_line() -> None:
    source = """\
def handle_socket(socket):
    for message in socket:
        try:
            socket.send_text(str(len(message.value.encode())))
        except:
            pass
"""
    answer = count_bytes.check(answer_of(count_bytes, source))
    assert answer.finding is not None
    [raised] = [said for _, text, said in answer.finding.ran if "encode()" in text]
    assert raised == "AttributeError: 'bytes' object has no attribute 'encode'"
    assert "<- raised AttributeError" in str(answer)


def test_the_lines_are_those_of_the_handler_that_got_the_message() -> None:
    source = """\
members = set()

def handle_socket(socket):
    members.add(socket)
    for message in socket:
        for member in list(members):
            if member.remote_address.split(":")[0] != "127.0.0.1":
                member.send(message.type, message.value)
"""
    answer = broadcast.check(answer_of(broadcast, source))
    assert ran(answer)[-1] == 'if member.remote_address.split(":")[0] != "127.0.0.1":'


def test_what_was_too_many_comes_with_the_lines_that_sent_it() -> None:
    source = """\
async def handle_socket(socket):
    await socket.send_text("Welcome!")
    async for message in socket:
        if message.type == "text":
            await socket.send_text(f"Hello, {message.value}!")
            await socket.send_text("How do you do?")
"""
    answer = greet.check(answer_of(greet, source))
    assert answer.key == "too-many"
    assert ran(answer)[-1] == 'await socket.send_text("How do you do?")'


def test_a_statement_of_several_lines_is_one() -> None:
    source = """\
def build(text, key):
    header = bytes(
        [
            0x81,
            len(text),
        ]
    )
    return (
        header
        + key
    )
"""
    answer = masked_frame.check(answer_of(masked_frame, source))
    assert ran(answer) == ["header = bytes(", "return ("]
    assert answer.finding is not None
    assert answer.finding.variables == (("header", r"b'\x81\x05'"),)


def test_many_lines_are_cut_in_the_middle() -> None:
    steps = "".join(f"    part{number} = {number}\n" for number in range(40))
    answer = join_fragments.check(
        answer_of(join_fragments, f"def join(frames):\n{steps}    return []\n")
    )
    lines = ran(answer)
    assert lines[0] == "part0 = 0"
    assert "(27 more lines)" in lines
    assert lines[-1] == "return []"


def test_what_a_function_keeps_from_call_to_call_is_told() -> None:
    source = """\
found = []

def join(frames):
    for frame in frames:
        if frame.opcode < 8:
            found.append((frame.type, frame.payload))
    return found
"""
    answer = join_fragments.check(answer_of(join_fragments, source))
    assert answer.key == "keeps-state"
    assert "The first call of join was right" in str(answer)


def test_a_list_that_was_changed_is_told() -> None:
    source = """\
def join(frames):
    messages = []
    while frames:
        frame = frames.pop()
        messages.append((frame.type, frame.payload))
    return messages
"""
    answer = join_fragments.check(answer_of(join_fragments, source))
    assert "join changed the list that it was given" in str(answer)


def test_a_thread_that_ended_by_an_exception_is_told() -> None:
    source = """\
import queue
import threading

outboxes = {}

def write(socket, outbox):
    while True:
        socket.send_text(outbox.get())

def handle_socket(socket):
    outbox = outboxes[socket] = queue.Queue()
    threading.Thread(target=write, args=(socket, outbox), daemon=True).start()
    try:
        for message in socket:
            if message.type in ("text", "bytes"):
                for member, waiting in list(outboxes.items()):
                    if member is not socket:
                        waiting.put(message.value)
    finally:
        del outboxes[socket]
        outbox.put(b"")
"""
    answer = slow_reader.check(answer_of(slow_reader, source))
    assert answer.key == "thread-raised"
    assert "a text message takes a str" in str(answer)
    assert "line 8: socket.send_text(outbox.get())" in str(answer)


def test_a_task_that_ended_by_an_exception_is_told() -> None:
    source = """\
import asyncio

async def answer_later(socket, message):
    await socket.send_text(message.text)

async def handle_socket(socket):
    async for message in socket:
        asyncio.create_task(answer_later(socket, message))
"""
    answer = echo.check(answer_of(echo, source))
    assert answer.key == "thread-raised"
    assert "AttributeError" in str(answer)


def test_where_a_debugger_follows_nothing_else_does() -> None:
    seen: list[object] = []

    def debugger(frame: object, event: str, arg: object) -> None:
        seen.append(event)

    def handle_socket(socket: object) -> None:
        seen.append(threading.gettrace())  # what threads that begin now are followed by

    threading.settrace(debugger)
    try:
        answer = echo.check(handle_socket)
    finally:
        threading.settrace(None)
    assert answer.key == "returned"
    assert answer.finding is not None
    assert answer.finding.ran == ()
    assert debugger in seen
    assert "call" in seen


def test_nothing_is_followed_after_a_check() -> None:
    source = "def handle_socket(socket):\n    pass_on = socket.recv()\n"
    echo.check(answer_of(echo, source))
    assert sys.gettrace() is None
    assert threading.gettrace() is None


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_handler_left_asleep_holds_up_no_later_check(kind: str) -> None:
    """A thread in a system call hears of its end late; others are followed all the same."""
    let_go = threading.Event()

    def asleep(socket: object) -> None:
        while not let_go.wait(60):
            time.monotonic()

    try:
        assert echo.check(asleep).key == "stuck"
        answer = echo.check(answer_of(echo, f"{kind} handle_socket(socket):\n    later = 1\n"))
        assert answer.key == "returned"
        assert ran(answer) == ["later = 1"]
    finally:
        let_go.set()


def test_what_is_global_stands_beside_the_variables() -> None:
    source = """\
import json

last = None
greeting = "Welcome!"

def handle_socket(socket):
    global last
    socket.send_text(greeting)
    for message in socket:
        if last is None:
            last = message.value
        socket.send_text(f"Hello, {last}!")
"""
    answer = greet.check(answer_of(greet, source))
    assert answer.finding is not None
    variables = dict(answer.finding.variables)
    assert variables["greeting (global)"] == "'Welcome!'"
    assert "last (global)" in variables
    assert "json (global)" not in variables


def test_variables_are_those_of_the_moment_when_the_socket_was_used() -> None:
    source = """\
def handle_socket(socket):
    received = 0
    for message in socket:
        received += len(message.value)
        if received > 20:
            socket.close(1009)
            return
        socket.send_text(message.value)
"""
    answer = echo.check(answer_of(echo, source))
    assert answer.key == "closed-early"
    assert answer.finding is not None
    assert int(dict(answer.finding.variables)["received"]) > 20
