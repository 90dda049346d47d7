"""What a rule says of a message becomes bytes."""

from __future__ import annotations

import pytest

from astra_nb.errors import InvalidMessage, LocalError
from astra_nb.net.tap_message import Outcome, Passing
from astra_nb.wire.frames import decode, encode, split
from astra_nb.wire.messages import CloseFrame, Message

RAW = encode(1, b"hello")


def passing(sender: str = "server") -> Passing:
    return Passing(sender, Message("text", "hello"), 7, 2)  # type: ignore[arg-type]


def test_a_message_that_no_rule_touches_has_no_actions() -> None:
    message = passing()
    assert (message.type, message.value) == ("text", "hello")
    assert (message.connection, message.fragments) == (7, 2)
    assert message.actions == []
    assert message.outcome(RAW) == Outcome(RAW)
    assert repr(message) == "<Passing: text from the server, 'hello'>"


def test_each_action_says_what_it_does() -> None:
    message = passing()
    message.delay(1.5)
    message.replace(b"other", "bytes")
    message.inject("ping", b"p")
    message.hold()
    message.cut(1)
    assert message.actions == [
        "injected a ping message for the client",
        "replaced it with a bytes message",
        "delayed it by 1.5 s",
        "holds it",
        "ended TCP after 1 byte of it",
    ]
    assert message.outcome(RAW) == Outcome(b"\x82", b"", 1.5, True, True)
    message = passing()
    message.drop()
    assert message.actions == ["dropped it"]
    assert message.outcome(RAW) == Outcome(b"")


def test_what_is_injected_goes_where_it_should() -> None:
    message = passing("client")
    message.inject("text", "before", before=True)
    message.inject("bytes", [1, 2])
    message.inject("close", 1000, to="client")
    outcome = message.outcome(RAW)
    assert [one.payload for one in split(outcome.onward)] == [b"before", b"hello", b"\x01\x02"]
    assert [one.masked for one in split(outcome.onward)] == [True, False, True]
    assert outcome.back == encode(8, b"\x03\xe8")


def test_what_replaces_a_message_is_what_the_next_rule_sees() -> None:
    message = passing()
    message.replace({"code": 1001, "reason": "x"}, "close")
    assert (message.type, message.value) == ("close", CloseFrame(1001, "x"))
    message.replace(None)
    assert message.value is None
    assert decode(message.outcome(RAW).onward).payload == b""
    message.replace("text", "text")
    assert message.value == "text"


def test_arguments_are_checked() -> None:
    message = passing()
    with pytest.raises(InvalidMessage, match='to is "client" or "server"'):
        message.inject("text", "a", to="all")  # type: ignore[arg-type]
    with pytest.raises(InvalidMessage, match="not a message type"):
        message.replace("a", "frame")
    with pytest.raises(LocalError, match="delay is a positive number"):
        message.delay(0)
    for after in (-1, 1.5, True, "3"):
        with pytest.raises(LocalError, match="after is a number of bytes, 0 or more, not"):
            message.cut(after)  # type: ignore[arg-type]
    assert message.actions == []
