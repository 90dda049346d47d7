"""Each control of a tap's rules does what its name says, and its line of Python does the same."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from astra_nb import Server, WebSocket, connect
from astra_nb.errors import InvalidMessage, LocalError
from astra_nb.log import FrameLog
from astra_nb.net.message_rule import Rule
from astra_nb.net.tap_message import Passing
from astra_nb.tap import Tap, tap
from astra_nb.widgets import Panel
from astra_nb.widgets.rule_actions import describe_held
from astra_nb.wire.messages import Message
from tests.helpers import wait_until
from tests.hostile import ACTIVE, HOSTILE

from .conftest import request
from .test_actions import act


@pytest.fixture
def running(server: Server) -> Iterator[Tap]:
    """A tap before the echo server."""
    with tap(server.url) as running:
        yield running


@pytest.fixture
def panel(running: Tap) -> Iterator[Panel]:
    panel: Panel = running.panel()
    yield panel
    panel.close()


@pytest.fixture
def client(running: Tap) -> Iterator[WebSocket]:
    with connect(running.url) as client:
        yield client


def state(panel: Panel) -> Any:
    return request(panel, "open")["status"]["tap"]


def test_a_rule_is_added_switched_and_removed(
    running: Tap, panel: Panel, client: WebSocket
) -> None:
    said = act(panel, "add_rule", "replace", "43", options={"text": "42", "sender": "client"})
    [rule] = running.rules
    assert isinstance(rule, Rule)
    number = rule.number
    assert said["code"] == "panel.add_rule('replace', '43', text='42', sender='client')"
    words = 'text or bytes from the client with "42": replace by "43"'
    assert said["sentence"] == f"Rule {number} is on: {words}."
    client.send_text("42")
    assert client.recv(5).value == "43"
    assert act(panel, "switch_rule", number, False)["sentence"].startswith(f"Rule {number} is off")
    assert state(panel)["rules"] == [{"number": number, "says": words, "on": False}]
    client.send_text("42")
    assert client.recv(5).value == "42"
    panel.switch_rule(number, True)
    client.send_text("42")
    assert client.recv(5).value == "43"
    assert act(panel, "remove_rule", number)["sentence"] == f"Removed rule {number}."
    assert running.rules == []
    assert f"the tap has no rule {number}" in act(panel, "remove_rule", number)["sentence"]


def test_of_two_equal_rules_the_named_one_is_meant(running: Tap, panel: Panel) -> None:
    panel.add_rule("drop")
    panel.add_rule("drop")
    first, second = running.rules
    assert isinstance(first, Rule)
    assert isinstance(second, Rule)
    panel.switch_rule(second.number, False)
    assert [each.on for each in running.rules if isinstance(each, Rule)] == [True, False]
    panel.remove_rule(second.number)
    assert running.rules == [first]


def test_a_function_is_listed_by_its_name(running: Tap, panel: Panel) -> None:
    class Odd:
        def __call__(self, message: Passing) -> None:
            pass

    def hostile(message: Passing) -> None:
        pass

    hostile.__name__ = "<b>\u202e"
    running.rules += [hostile, Odd()]
    assert state(panel)["rules"] == [
        {"number": 0, "says": r"<b>\u202e", "on": True}, {"number": 0, "says": "Odd", "on": True},
    ]  # fmt: skip


def test_what_is_held_is_released_or_edited(running: Tap, panel: Panel, client: WebSocket) -> None:
    panel.add_rule("hold", sender="client")
    [rule] = running.rules
    assert isinstance(rule, Rule)
    assert state(panel)["first"] is None
    client.send_text("one\n<b>")
    client.send_bytes(b"\xff\x00")
    client.send_text("three")
    client.send_close(1000)
    wait_until(lambda: len(running.held) == 4)
    held = state(panel)
    assert held["held"] == 4
    assert held["first"] == {
        "number": 1, "type": "text", "says": r"text from the client on #1: one\n<b>",
    }  # fmt: skip
    assert request(panel, "held", number=1) == {"text": "one\n<b>", "format": "text"}
    assert request(panel, "held", number=2) == {"text": "ff 00", "format": "hex"}
    with pytest.raises(
        LocalError, match=r"this close message can only be edited in a cell: tap.release"
    ):
        request(panel, "held", number=4)
    assert "still held" in panel.remove_rule(rule.number)
    said = act(panel, "release", 1, typed="31", format="hex")
    assert (said["sentence"], said["failed"]) == ("Released message 1, changed.", False)
    assert client.recv(5).value == "1"
    for number in (1, 9):
        assert f"message {number} is not held" in act(panel, "release", number)["sentence"]
        with pytest.raises(LocalError, match="is not held"):
            request(panel, "held", number=number)
    said = act(panel, "release", 3, typed="ff", format="hex")
    assert (said["failed"], "is not UTF-8" in said["sentence"]) == (True, True)
    assert panel.release(2) == "Released message 2."
    assert panel.release() == "Released 2 messages."
    assert client.recv(5).value == "three"
    assert panel.release() == "Released 0 messages."


def test_what_the_log_hides_is_hidden_while_it_is_held(
    running: Tap, panel: Panel, client: WebSocket
) -> None:
    panel.add_rule("hold", type="text")
    client.send_text('{"type": "connection_init", "payload": {"token": "swordfish"}}')
    client.send_text("x" * 70_000)
    wait_until(lambda: len(running.held) == 2)
    assert "swordfish" not in str(state(panel))
    assert "connection_init" in state(panel)["first"]["says"]
    with pytest.raises(LocalError, match="the log hides what is in this message"):
        request(panel, "held", number=1)
    running.log.redact = lambda record: 1  # type: ignore[assignment,return-value]
    assert state(panel)["first"]["says"] == "text from the client on #1, 62 characters"
    running.log.redact = None
    assert "swordfish" in request(panel, "held", number=1)["text"]
    panel.release(1)
    assert state(panel)["first"]["says"] == "text from the client on #1, 70,000 characters"


def test_errors_say_what_is_allowed(panel: Panel) -> None:
    for arguments, says in (
        (["lose"], "one of delay, drop, replace"),
        (["delay", "x"], "a positive number of seconds, not 'x'"),
        (["cut", "x"], "after is a number of bytes"),
    ):
        said = act(panel, "add_rule", *arguments)
        assert (said["failed"], says in said["sentence"]) == (True, True)
    with pytest.raises(InvalidMessage):
        panel.add_rule("replace", b"x", type="text")


def test_a_tap_that_is_shut_down_says_so(running: Tap, panel: Panel) -> None:
    assert request(panel, "open")["status"]["state"] == "listening"
    running.shutdown()
    assert request(panel, "open")["status"]["state"] == "stopped"
    assert state(panel)["running"] is False
    for name, *arguments in (["add_rule", "drop"], ["switch_rule", 1, True], ["release"]):
        said = act(panel, str(name), *arguments)
        assert "the tap was shut down, so no rule acts; start it again" in said["sentence"]


def test_a_panel_keeps_no_tap_alive(server: Server) -> None:
    lost = [tap(server.url)]
    panel: Panel = lost[0].panel()
    assert panel.address == lost[0].url
    with pytest.warns(ResourceWarning, match="the tap at ws://"):
        lost.clear()
        gc.collect()
    wait_until(lambda: state(panel)["running"] is False)
    assert state(panel) == {"running": False, "rules": [], "held": 0, "first": None}
    panel.close()


def test_other_panels_have_no_rules(server: Server) -> None:
    panel: Panel = server.panel()
    assert state(panel) is None
    assert "this is not the panel of a tap" in act(panel, "add_rule", "drop")["sentence"]


def test_hostile_payloads_are_held_as_text() -> None:
    log = FrameLog()
    for opcode, payload in HOSTILE:
        type: Any = "text" if opcode == 1 else "bytes"
        value = payload.decode("utf-8", "replace") if opcode == 1 else payload
        says = describe_held(log, Passing("client", Message(type, value)))["says"]
        assert len(says) < 1000
        assert ACTIVE.search(says) is None
        rule = Rule("replace", str(value), text=str(value)[:10_000])
        assert len(str(rule)) < 2000
        assert ACTIVE.search(str(rule)) is None
