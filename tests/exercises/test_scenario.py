"""A scenario is recorded as data, and a mistake in it is its author's, with the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from astra_nb.exercises.diagnosis.evidence import Said
from astra_nb.exercises.scenario import Heard, ScenarioError, Script, record


def test_steps_are_recorded_in_their_order_and_nothing_happens() -> None:
    script = Script("seed")
    one, other = script.client("kitchen"), script.client(automatic_pong=False)
    one.send("text", "Hello")
    other.send_fragments("bytes", [b"a", b"b"])
    heard = other.expect("text", mistakes={"Hi": "That is short."})
    one.expect_close(1008)
    other.vanish()

    assert [(step.method, step.client) for step in script.steps] == [
        ("open", 0), ("open", 1), ("send", 0), ("send", 1), ("expect", 1),
        ("expect", 0), ("leave", 1),
    ]  # fmt: skip
    assert script.steps[0].arguments == ("kitchen", True)
    assert script.steps[2].arguments == ([("text", b"Hello")], False)
    assert script.steps[3].arguments == ([("bytes", (b"a", b"b"))], False)
    wanted, judge, what = script.steps[4].arguments
    assert (wanted.said.type, wanted.mistakes) == ("text", ((b"Hi", "That is short."),))
    assert wanted.any_payload
    assert judge is None
    assert heard is what
    assert heard.text == ""


def test_an_exchange_expects_each_answer_before_the_next_message() -> None:
    script = Script("seed")
    client = script.client()
    client.exchange(
        [("text", "a"), ("text", "b")], answer=lambda type, value: ("bytes", f"{value}!")
    )
    assert [step.method for step in script.steps[1:]] == ["send", "expect"] * 2
    wanted = [step.arguments[0].said for step in script.steps if step.method == "expect"]
    assert wanted == [Said("bytes", b"a!"), Said("bytes", b"b!")]


def test_chance_is_that_of_the_seed() -> None:
    def shaped(seed: str) -> list[Any]:
        script = Script(seed)
        return [script.word(), script.words(5), script.octets(4), script.octets(1)]

    assert shaped("a") == shaped("a") != shaped("b")
    words = Script("a").words(50)
    assert len(set(words)) == 50
    with pytest.raises(UnicodeDecodeError):
        Script("a").octets(2).decode()


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
    scenario: Callable[[Script], Any], says: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        record(scenario, "seed")
    assert says in str(caught.value)
    assert f"scenario {scenario.__name__}" in str(caught.value)
    code = scenario.__code__
    if scenario in (wrong_value, misspelled):
        assert f"line {code.co_firstlineno + 2}:" in str(caught.value)


def test_what_came_is_shown_as_text() -> None:
    assert Heard(b"Gr\xc3\xbc\xc3\x9fe\xff").text == "Grüße\ufffd"
