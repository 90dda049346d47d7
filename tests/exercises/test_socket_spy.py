"""The spies tell every call of a handler, its line, and what it waits for; and change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, Server, WebSocket, connect
from astra_nb.errors import WaitTimeout
from astra_nb.exercises import guard
from astra_nb.exercises.diagnosis.evidence import Said
from astra_nb.exercises.socket_spy import Run, Runs
from tests.helpers import wait_until


class Stage:
    """A server whose handler is spied on, and one client."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.runs = Runs()
        self.server = Server(port=0)
        self.server.websocket("/", self.runs.watched(handler))
        self.server.run()
        self.client = connect(self.server.url)

    @property
    def run(self) -> Run:
        wait_until(lambda: bool(self.runs.runs), what="the handler")
        return self.runs.runs[-1]

    def calls(self) -> list[tuple[str, str, Said | None]]:
        facts = self.run.facts(frozenset())
        return [(call.name, call.state, call.said) for call in facts.calls]


@pytest.fixture
def stages() -> Iterator[Callable[[Callable[..., Any]], Stage]]:
    made: list[Stage] = []

    def make(handler: Callable[..., Any]) -> Stage:
        made.append(Stage(handler))
        return made[-1]

    yield make
    for stage in made:
        stage.client.close()
        stage.server.shutdown()
        stage.run.forget()


HELLO = Said("text", b"Hello")


def test_a_handler_that_is_stopped_ends_and_prints_nothing(
    stages: Callable[..., Stage], capsys: pytest.CaptureFixture[str]
) -> None:
    def handle(socket: WebSocket) -> None:
        raise guard.Stopped

    run = stages(handle).run
    run.thread.join(10)
    assert run.ended
    assert run.error is None
    assert capsys.readouterr() == ("", "")


def test_calls_of_a_def_handler_are_recorded(stages: Callable[..., Stage]) -> None:
    def handle(socket: WebSocket) -> None:
        message = socket.recv()
        socket.send_text(f"{message.value!s}!")
        socket.recv()

    stage = stages(handle)
    wait_until(lambda: bool(stage.run.waits), what="recv()")
    assert stage.run.is_idle
    stage.client.send_text("Hello")
    assert stage.client.recv(5).value == "Hello!"
    wait_until(lambda: len(stage.run.calls) == 3 and bool(stage.run.waits), what="recv()")

    assert stage.calls() == [
        ("recv", "done", HELLO), ("send_text", "done", Said("text", b"Hello!")),
        ("recv", "waits", None),
    ]  # fmt: skip
    lines = [call.line for call in stage.run.facts(frozenset()).calls]
    first = handle.__code__.co_firstlineno
    assert lines[0] == f"line {first + 1}: message = socket.recv()"
    assert lines[1].startswith(f"line {first + 2}: socket.send_text(")


def test_calls_of_an_async_handler_are_recorded(stages: Callable[..., Stage]) -> None:
    async def handle(socket: AsyncWebSocket) -> None:
        async for message in socket:
            if message.type == "text":
                await socket.send("text", message.value)

    stage = stages(handle)
    stage.client.send_text("Hello")
    assert stage.client.recv(5).value == "Hello"
    stage.client.close()
    wait_until(lambda: stage.run.ended, what="the handler's end")
    names = [(name, state) for name, state, _ in stage.calls()]
    assert names[:2] == [("recv", "done"), ("send", "done")]
    assert stage.calls()[1][2] == HELLO
    assert not stage.run.open_at_end
    assert stage.run.error is None


def test_gathered_calls_and_tasks_are_awaited_calls(stages: Callable[..., Stage]) -> None:
    async def handle(socket: AsyncWebSocket) -> None:
        await asyncio.gather(socket.send_text("a"), socket.send_text("b"))
        await asyncio.create_task(socket.send_text("c"))
        await asyncio.wait_for(socket.send_text("d"), 5)
        await socket.recv()

    stage = stages(handle)
    assert [stage.client.recv(5).value for _ in range(4)] == ["a", "b", "c", "d"]
    assert [state for _, state, _ in stage.calls()[:4]] == ["done"] * 4


def test_a_call_that_is_not_awaited_is_a_fact(stages: Callable[..., Stage]) -> None:
    async def handle(socket: AsyncWebSocket) -> None:
        socket.send_text("Hello")  # type: ignore[unused-coroutine]
        await socket.recv()

    stage = stages(handle)
    wait_until(lambda: bool(stage.run.waits), what="recv()")
    facts = stage.run.facts(frozenset())
    [call] = [each for each in facts.calls if each.state == "not awaited"]
    assert call.line.endswith('socket.send_text("Hello")  # type: ignore[unused-coroutine]')


def test_what_a_handler_raised_names_its_line_and_the_call(stages: Callable[..., Stage]) -> None:
    def handle(socket: WebSocket) -> None:
        socket.send_text(3)  # type: ignore[arg-type]

    stage = stages(handle)
    wait_until(lambda: stage.run.ended, what="the handler's end")
    facts = stage.run.error
    assert facts is not None
    assert facts.kinds[0] == "InvalidMessage"
    assert facts.of_call == "send_text"
    assert "socket.send_text(3)" in facts.line
    assert stage.run.open_at_end


def test_a_silence_ends_each_recv_with_a_timeout(stages: Callable[..., Stage]) -> None:
    late: list[str] = []

    def handle(socket: WebSocket) -> None:
        try:
            socket.recv(timeout=600)
        except WaitTimeout as error:
            late.append(str(error))

    stage = stages(handle)
    wait_until(lambda: bool(stage.run.waits), what="recv()")
    stage.runs.silences += 1
    wait_until(lambda: stage.run.ended, what="the handler's end")
    assert len(late) == 1


def test_a_timeout_that_no_silence_ends_brings_the_message(stages: Callable[..., Stage]) -> None:
    async def handle(socket: AsyncWebSocket) -> None:
        message = await socket.recv(timeout=600)
        await socket.send("text", message.value)

    stage = stages(handle)
    stage.client.send_text("Hello")
    assert stage.client.recv(5).value == "Hello"


def test_a_spy_looks_like_the_socket(stages: Callable[..., Stage]) -> None:
    seen: list[object] = []

    def handle(socket: WebSocket) -> None:
        socket.nick = "Ada"  # type: ignore[attr-defined]
        seen.extend([isinstance(socket, WebSocket), socket.id, socket.state, socket.nick,  # type: ignore[attr-defined]
                     len({socket, socket}), repr(socket)])  # fmt: skip
        with socket:
            socket.send_text("Hello")

    stage = stages(handle)
    assert stage.client.recv(5).value == "Hello"
    wait_until(lambda: stage.run.ended, what="the handler's end")
    assert seen == [True, 1, "open", "Ada", 1, "<WebSocket 1 '/' open>"]
    assert ("close", "done", None) in stage.calls()


def test_another_handlers_call_is_its_own(stages: Callable[..., Stage]) -> None:
    members: list[Any] = []

    def handle(socket: WebSocket) -> None:
        members.append(socket)
        for message in socket:
            if message.type == "text":
                members[0].send_text("from another")

    stage = stages(handle)
    with connect(stage.server.url) as other:
        wait_until(lambda: len(members) == 2, what="both handlers")
        other.send_text("Hello")
        assert stage.client.recv(5).value == "from another"
        first, second = stage.runs.runs
        sent = [each for each in second.calls if each.name == "send_text"]
        assert [each.owner for each in sent] == [first.number]
        assert not [each for each in first.calls if each.name == "send_text"]


def test_a_lambda_that_returns_a_coroutine_is_one_run(stages: Callable[..., Stage]) -> None:
    async def handle(socket: AsyncWebSocket) -> None:
        await socket.send_text("Hello")

    stage = stages(lambda socket: handle(socket))
    assert stage.client.recv(5).value == "Hello"
    wait_until(lambda: stage.run.ended, what="the handler's end")
    assert len(stage.runs.runs) == 1
    assert stage.run.task is not None


def test_a_held_send_waits_until_it_may_go_on(stages: Callable[..., Stage]) -> None:
    def handle(socket: WebSocket) -> None:
        socket.recv()
        socket.send_text("Hello")

    stage = stages(handle)
    stage.runs.held.add(1)
    stage.client.send_text("go")
    wait_until(lambda: any(each.name == "send_text" for each in stage.run.waits), what="send")
    assert not stage.run.is_idle
    stage.runs.held.clear()
    assert stage.client.recv(5).value == "Hello"
