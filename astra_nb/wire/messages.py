"""Messages of the five types, and the code and reason of a CLOSE frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "MESSAGE_TYPES",
    "CloseFrame",
    "Message",
    "MessageType",
    "Side",
    "bytes_message",
    "other_end",
    "text_message",
]

MessageType = Literal["text", "bytes", "ping", "pong", "close"]
MESSAGE_TYPES: tuple[MessageType, ...] = get_args(MessageType)

Side = Literal["server", "client"]


def other_end(side: Side) -> Side:
    """Return the peer of an end."""
    return "client" if side == "server" else "server"


@dataclass(frozen=True, slots=True)
class CloseFrame:
    """Code and reason of a CLOSE frame (RFC 6455, section 5.5.1).

    Attributes:
        code: Close code.
        reason: Close reason, "" when there is none.
    """

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message, as `recv()` returns it.

    Attributes:
        type: "text", "bytes", "ping", "pong" or "close".
        value: A `str` for text; `bytes` for bytes, ping and pong; for close a `CloseFrame`, or
            None when the CLOSE frame was empty or did not come. `close_code` is what an endpoint
            reports for that: 1005 or 1006 (RFC 6455, section 7.1.5).
    """

    type: MessageType
    value: str | bytes | CloseFrame | None


# A frozen dataclass sets its fields in a way that costs half as much again.
_new: Callable[[type[Message]], Message] = object.__new__
_set_type = Message.__dict__["type"].__set__
_set_value = Message.__dict__["value"].__set__


def text_message(value: str) -> Message:
    """Return `Message("text", value)`, for the way of every message."""
    message = _new(Message)
    _set_type(message, "text")
    _set_value(message, value)
    return message


def bytes_message(value: bytes) -> Message:
    """Return `Message("bytes", value)`, for the way of every message."""
    message = _new(Message)
    _set_type(message, "bytes")
    _set_value(message, value)
    return message
