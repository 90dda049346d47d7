"""A scenario is played at once, and a mistake in it is its author's, with the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from astra_nb import WebSocket
from astra_nb.exercises.harness import Harness
from astra_nb.exercises.patience import Patience
from astra_nb.exercises.scenario import ScenarioError, Script, play
from astra_nb.exercises.stage import NotYet
from astra_nb.log import FrameLog


def handle_socket(socket: WebSocket) -> None:
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness(handle_socket, "/", True, FrameLog()) as harness:
        yield harness


def test_what_a_client_does_is_done_at_once(harness: Harness) -> None:
    came: list[bytes] = []

    def scenario(script: Script) -> None:
        one, other = script.client(), script.client()
        one.send("text", "Hello")
        came.append(one.expect("text"))
        other.send_fragments("bytes", [b"a", b"b"])
        came.append(other.expect("bytes", b"ab", mistakes={b"a": "Half of it.", b"ab": "Never."}))
        one.send("text", "again")
        one.expect("text", judge=lambda payload: "" if payload == b"again" else "It is another.")
        other.vanish()

    sayable = play(scenario, harness, Patience(), "seed")
    assert came == [b"Hello", b"ab"]
    assert sayable == {"Half of it.": 1, "Never.": 0}
    assert all(run.ended for run in harness.runs.runs)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (lambda client: client.expect("text", "b", mistakes={"a": "It is an a."}), "It is an a."),
        (lambda client: client.expect("text", judge=lambda payload: "It is an a."), "It is an a."),
        (
            lambda client: client.expect_nothing("It says too much."),
            "What this client sent came back",
        ),
        (lambda client: client.expect_close(1008), 'The client got text "a" where close 1008'),
        (lambda client: client.close(), "What this client sent came back"),
    ],
    ids=["a mistake", "judged", "nothing", "a close", "the end"],
)
def test_a_check_ends_where_something_else_comes(
    harness: Harness, step: Callable[[Any], object], says: str
) -> None:
    def scenario(script: Script) -> None:
        client = script.client()
        client.send("text", "a")
        step(client)
        raise AssertionError("no step may follow")

    with pytest.raises(NotYet) as caught:
        play(scenario, harness, Patience(), "seed")
    assert caught.value.finding.headline.startswith(says)
    assert caught.value.finding.where == "Scenario"


def test_an_exchange_expects_each_answer_before_the_next_message(harness: Harness) -> None:
    def scenario(script: Script) -> None:
        client = script.client()
        client.exchange([("text", "a"), ("text", "b")], lambda type, value: (type, value.upper()))

    with pytest.raises(NotYet) as caught:
        play(scenario, harness, Patience(), "seed")
    assert caught.value.finding.expected == 'text "A"'
    assert [run.calls[0].said.payload for run in harness.runs.runs if run.calls[0].said] == [b"a"]


def test_chance_is_that_of_the_seed(harness: Harness) -> None:
    def shaped(seed: str) -> list[Any]:
        script = Script(harness, Patience(), "", seed)
        return [script.word(), script.words(5), script.octets(4), script.octets(1)]

    assert shaped("a") == shaped("a") != shaped("b")
    script = Script(harness, Patience(), "", "a")
    assert len(set(script.words(50))) == 50
    with pytest.raises(UnicodeDecodeError):
        script.octets(2).decode()


def wrong_type(script: Script) -> None:
    script.client().send("binary", b"")


def wrong_value(script: Script) -> None:
    client = script.client()
    client.expect("text", 3)  # type: ignore[arg-type]


def misspelled(script: Script) -> None:
    client = script.client()
    client.expct("text")  # type: ignore[attr-defined]


async def awaited(script: Script) -> None:
    script.client()


def yielding(script: Script) -> Any:
    yield script.client()


def empty(script: Script) -> None:
    pass


def without_a_script() -> None:
    pass


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (wrong_type, "one of text, bytes, ping, pong, not 'binary'"),
        (wrong_value, "a payload is a str or bytes, not 3"),
        (misspelled, "no attribute 'expct'"),
        (awaited, "without async, await or yield"),
        (yielding, "without async, await or yield"),
        (without_a_script, "TypeError: without_a_script() takes 0"),
        (empty, "does nothing: script.client() opens a connection"),
    ],
)
def test_a_mistake_in_a_scenario_is_named_with_its_line(
    harness: Harness, scenario: Callable[[Script], Any], says: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        play(scenario, harness, Patience(), "seed")
    assert says in str(caught.value)
    assert f"scenario {scenario.__name__}" in str(caught.value)
    code = scenario.__code__
    if scenario in (wrong_value, misspelled):
        assert f"line {code.co_firstlineno + 2}:" in str(caught.value)
