"""A lesson over the network: who may join, by which name, and where no room is opened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from astra_nb import classroom, connect
from astra_nb.classroom import Classroom
from astra_nb.errors import AddressUnavailable, HandshakeFailed, LocalError
from astra_nb.log.records import FrameRecord

from .helpers import wait_until

LOOPBACK = "127.0.0.1"


@pytest.fixture
def room() -> Iterator[Classroom]:
    with classroom.open("tulip", LOOPBACK, port=0) as room:
        yield room


def joined(room: Classroom, *names: str) -> None:
    wait_until(lambda: list(room.students) == list(names))


def test_the_teacher_sends_to_one_and_to_all(room: Classroom) -> None:
    with (
        classroom.join(room.url, "tulip", "Ada") as ada,
        classroom.join(room.url, "tulip", "Émile B") as emile,
    ):
        joined(room, "Ada", "Émile B")
        room.students["Ada"].send_text("to you")
        assert room.broadcast("text", "to all") == 2
        assert [ada.recv().value, ada.recv().value] == ["to you", "to all"]
        assert emile.recv().value == "to all"


def test_what_a_student_sends_is_on_the_log_under_the_name(room: Classroom) -> None:
    with classroom.join(room.url, "tulip", "Ada") as ada:
        joined(room, "Ada")
        ada.send_text("I am here")
        number = room.students["Ada"].id
        record = room.log.wait_for(type="text")
        assert isinstance(record, FrameRecord)
        assert (record.connection, record.payload) == (number, b"I am here")
        assert "/Ada" in str(room.log)


def test_who_has_left_is_no_student_and_the_name_is_free(
    room: Classroom, capsys: pytest.CaptureFixture[str]
) -> None:
    with classroom.join(room.url, "tulip", "Ada"):
        joined(room, "Ada")
    joined(room)
    with classroom.join(room.url, "tulip", "Ada"):
        joined(room, "Ada")
    joined(room)
    printed = capsys.readouterr().out
    assert printed.count("Ada has joined.") == 2
    wait_until(lambda: "Ada has left." in printed + capsys.readouterr().out)


def test_a_name_is_taken_once(room: Classroom) -> None:
    with classroom.join(room.url, "tulip", "Ada"):
        joined(room, "Ada")
        with pytest.raises(HandshakeFailed, match=r"409(.|\n)*Choose another one"):
            classroom.join(room.url, "tulip", "Ada")
        assert list(room.students) == ["Ada"]


@pytest.mark.parametrize("word", ["rose", "Tulip", "tulip tulip"])
def test_without_the_word_nobody_gets_in(room: Classroom, word: str) -> None:
    with pytest.raises(HandshakeFailed, match=r"403(.|\n)*not the word of this lesson"):
        classroom.join(room.url, word, "Ada")
    assert "tulip" not in str(room.log)


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 41, "a/b", "a\nb", "\u202eadA", None, 7], ids=repr
)
def test_what_is_no_name(room: Classroom, name: str) -> None:
    with pytest.raises(LocalError, match="the name "):
        classroom.join(room.url, "tulip", name)


@pytest.mark.parametrize("name", ["x" * 41, "%0A", "%20", "%E2%80%AE"])
def test_the_server_refuses_such_names_too(room: Classroom, name: str) -> None:
    with pytest.raises(HandshakeFailed, match="400"):
        connect(f"{room.url}{name}", headers={"Authorization": "Bearer tulip"})


@pytest.mark.parametrize("word", ["", " ", 'a"b', "a\nb", None, 3], ids=repr)
def test_what_is_no_word(word: str) -> None:
    with pytest.raises(LocalError, match="the word is one line"):
        Classroom(word)


def test_the_invitation_is_code_that_joins(room: Classroom) -> None:
    first, _, line = room.invitation.splitlines()
    names: dict[str, object] = {}
    exec(first, names)
    exec(line.replace("your name", "Ada"), names)
    joined(room, "Ada")
    names["me"].close()  # type: ignore[attr-defined]


def test_all_addresses_of_this_machine_are_told() -> None:
    with Classroom("tulip", "0.0.0.0", port=0) as room:
        assert room.addresses
        for address in room.addresses:
            with classroom.join(address, "tulip", "Ada"):
                joined(room, "Ada")
            joined(room)
        assert all(address in room.invitation for address in room.addresses)


@pytest.mark.parametrize(
    "variables",
    [
        {"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"},
        {"BINDER_LAUNCH_HOST": "https://mybinder.example/"},
        {"CODESPACE_NAME": "x"},
        {"VSCODE_PROXY_URI": "https://x.example/{{port}}/"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_where_a_proxy_would_hand_out_the_token_no_room_is_opened(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AddressUnavailable, match="carries your token"):
        classroom.open("tulip", port=0)
    with classroom.open("tulip", LOOPBACK, port=0) as room:  # others on the same machine
        assert room.running


def test_a_service_of_a_hub_may_open_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/services/lesson/")
    with classroom.open("tulip", port=0) as room:
        assert room.running


STUDENT = """
from astra_nb import classroom
with classroom.join("ws://{teacher}:{port}", "tulip", "{name}") as me:
    me.send_text("Hello from {name}")
    print(me.recv().value)
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def machines() -> Iterator[list[tuple[str, str]]]:
    """Two network namespaces beside this one: (namespace, the teacher's address seen there)."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs Linux, root and the command ip")
    made: list[tuple[str, str]] = []
    try:
        for number in (1, 2):
            name = f"astra{os.getpid()}n{number}"
            try:
                run("ip", "netns", "add", name)
            except subprocess.CalledProcessError:
                pytest.skip("network namespaces are not allowed here")
            made.append((name, f"10.213.{number}.1"))
            ours, theirs = f"a{os.getpid()}x{number}", f"b{os.getpid()}x{number}"
            run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name)
            run("ip", "addr", "add", f"10.213.{number}.1/24", "dev", ours)
            run("ip", "link", "set", ours, "up")
            run("ip", "-n", name, "addr", "add", f"10.213.{number}.2/24", "dev", theirs)
            run("ip", "-n", name, "link", "set", theirs, "up")
        yield made
    finally:
        for name, _ in made:
            run("ip", "netns", "del", name)  # takes both ends of its cable along


def test_students_on_other_machines(machines: list[tuple[str, str]]) -> None:
    with Classroom("tulip", "0.0.0.0", port=0) as room:
        told = room.addresses
        students = [
            subprocess.Popen(
                ["ip", "netns", "exec", namespace, sys.executable, "-c",
                 STUDENT.format(teacher=teacher, port=room.port, name=f"student {number}")],
                cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True,
            )
            for number, (namespace, teacher) in enumerate(machines, start=1)
        ]  # fmt: skip
        try:
            wait_until(lambda: len(room.students) == 2, timeout=30)
            room.log.wait_for(type="text", count=2)
            said = room.log.filter(type="text")
            texts = {record.payload for record in said if isinstance(record, FrameRecord)}
            assert texts == {b"Hello from student 1", b"Hello from student 2"}
            peers = {socket.remote_address.split(":")[0] for socket in room.students.values()}
            assert peers == {"10.213.1.2", "10.213.2.2"}
            assert room.broadcast("text", "Hello, class") == 2
            answers = [student.communicate(timeout=30)[0] for student in students]
            assert answers == ["Hello, class\n"] * 2
        finally:
            for student in students:
                student.kill()
                student.communicate()
        assert {f"ws://{teacher}:{room.port}" for _, teacher in machines} <= set(told)
