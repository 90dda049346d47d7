"""A rule as data is for the messages that it names, and does to them what it says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from astra_nb.errors import InvalidMessage, LocalError
from astra_nb.net.message_rule import ACTS, Rule
from astra_nb.net.tap_message import Passing
from astra_nb.wire.messages import CloseFrame, Message

DONE = {
    "delay": (0.5, "delayed it by 0.5 s"),
    "drop": (None, "dropped it"),
    "replace": ("43", "replaced it with a text message"),
    "cut": (3, "ended TCP after 3 bytes of it"),
    "hold": (None, "holds it"),
}


def passing(value: Any, type: Any = "text", sender: Any = "client") -> Passing:
    return Passing(sender, Message(type, value))


@pytest.mark.parametrize("act", ACTS)
def test_each_act(act: Any) -> None:
    value, done = DONE[act]
    message = passing("42")
    Rule(act, value)(message)
    assert message.actions == [done]
    off = passing("42")
    Rule(act, value, on=False)(off)
    assert off.actions == []


def test_a_cut_without_a_value_lets_nothing_pass() -> None:
    message = passing("42")
    Rule("cut")(message)
    assert message.actions == ["ended TCP after 0 bytes of it"]


@pytest.mark.parametrize(
    ("criteria", "message", "acts"),
    [
        ({"sender": "client"}, passing("a"), True),
        ({"sender": "client"}, passing("a", sender="server"), False),
        ({"type": "ping"}, passing(b"a", "ping"), True),
        ({"type": "ping"}, passing("a"), False),
        ({"text": "4"}, passing("42"), True),
        ({"text": "4"}, passing("52"), False),
        ({"text": "\u00fc"}, passing(b"\xff\xc3\xbc", "bytes"), True),
        ({"text": "\ud800"}, passing(b"a", "bytes"), False),
        ({"text": "bye"}, passing(CloseFrame(1000, "goodbye"), "close"), True),
        ({"text": "bye"}, passing(None, "close"), False),
        ({"text": "<b>", "type": "text", "sender": "client"}, passing("<b>"), True),
    ],
)
def test_it_is_for_the_messages_that_it_names(
    criteria: dict[str, Any], message: Passing, acts: bool
) -> None:
    Rule("drop", **criteria)(message)
    assert message.actions == ["dropped it"] * acts


def test_a_replacement_has_the_type_of_the_message() -> None:
    data, close, ping = passing(b"a", "bytes"), passing(None, "close"), passing(b"a", "ping")
    for message in (data, close, ping):
        Rule("replace", "b")(message)
    assert data.value == b"b"
    assert close.actions == ping.actions == []  # without a type it is for text and bytes
    Rule("replace", 1001, type="close")(close)
    assert close.value == CloseFrame(1001)


@pytest.mark.parametrize(
    ("arguments", "criteria", "error", "says"),
    [
        (([],), {}, LocalError, r"hold, not \[\]"),
        (("lose",), {}, LocalError, "one of delay, drop, replace, cut, hold, not 'lose'"),
        (("drop",), {"sender": "both"}, LocalError, '"client", "server" or None, not \'both\''),
        (("drop",), {"type": "frame"}, InvalidMessage, "'frame' is not a message type"),
        (("drop",), {"text": b"x"}, LocalError, "the text of a rule is a str, not b'x'"),
        (("drop", 1), {}, LocalError, "drop takes no value, not 1; leave it out"),
        (("delay",), {}, LocalError, "delay is a positive number of seconds, not None"),
        (("delay", "long"), {}, LocalError, "delay is a positive number of seconds, not 'long'"),
        (("cut", -1), {}, LocalError, "after is a number of bytes"),
        (("replace",), {}, InvalidMessage, "a text message takes a str, not None"),
        (("replace", b"a"), {}, InvalidMessage, "a text message takes a str"),
        (("replace", 1004), {"type": "close"}, InvalidMessage, "1004 is never put on the wire"),
        (("replace", "x" * 126), {"type": "ping"}, InvalidMessage, "at most 125"),
    ],
)
def test_what_cannot_be_done_is_said_when_it_is_made(
    arguments: Any, criteria: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says.replace("(", r"\(")):
        Rule(*arguments, **criteria)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Rule("delay", 0.5), "any message from either end: delay by 0.5 s"),
        (Rule("drop", type="ping", sender="client"), "ping from the client: drop"),
        (
            Rule("replace", "43\u202e", text="42\n", sender="server"),
            r'text or bytes from the server with "42\n": replace by "43\u202e"',
        ),
        (Rule("replace", b"", type="bytes"), "bytes from either end: replace by b''"),
        (Rule("cut"), "any message from either end: cut TCP after 0 bytes"),
        (Rule("hold", text="x" * 99), f'any message from either end with "{"x" * 60}…": hold'),
    ],
)
def test_it_says_what_it_does(rule: Rule, says: str) -> None:
    assert str(rule) == says


def test_it_is_plain_data() -> None:
    one, other = Rule("drop", type="ping"), Rule("drop", type="ping")
    assert one == other
    assert one.number < other.number
    off = dataclasses.replace(one, on=False)
    assert (off.on, off.number) == (False, one.number)
    assert off != one
