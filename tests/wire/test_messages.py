from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from astra_nb.wire.messages import (
    MESSAGE_TYPES,
    CloseFrame,
    Message,
    UnsetMessage,
    other_end,
)


def test_there_are_five_types_of_messages() -> None:
    assert MESSAGE_TYPES == ("text", "bytes", "ping", "pong", "close")


def test_a_message_works_with_match_and_prints_well() -> None:
    message = Message("text", "Hello")
    assert repr(message) == "Message(type='text', value='Hello')"
    match message:
        case Message("text", value):
            assert value == "Hello"
        case _:
            pytest.fail("did not match")


def test_a_close_frame_may_have_no_reason() -> None:
    assert CloseFrame(1000) == CloseFrame(1000, "")
    assert repr(CloseFrame(4000, "bye")) == "CloseFrame(code=4000, reason='bye')"


def test_messages_are_values() -> None:
    message = Message("close", CloseFrame(1000, "done"))
    assert message == Message("close", CloseFrame(1000, "done"))
    assert hash(message) == hash(Message("close", CloseFrame(1000, "done")))
    with pytest.raises(FrozenInstanceError):
        message.type = "text"  # type: ignore[misc]


def test_the_peer_of_an_end() -> None:
    assert other_end("server") == "client"
    assert other_end("client") == "server"


def test_messages_that_are_made_on_the_short_way_are_the_same() -> None:
    message: Any = UnsetMessage()
    message.type, message.value = "text", "Hello"
    message.__class__ = Message
    assert message == Message("text", "Hello")
    assert hash(message) == hash(Message("text", "Hello"))
    assert repr(message) == "Message(type='text', value='Hello')"
    with pytest.raises(FrozenInstanceError):
        message.value = "other"
