"""Messages of the five types, and the code and reason of a CLOSE frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "MESSAGE_TYPES",
    "CloseFrame",
    "Message",
    "MessageType",
    "Side",
    "UnsetMessage",
    "other_end",
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


class UnsetMessage:
    """A `Message` whose fields are being set, for the way of every message.

    It becomes a `Message` when its `__class__` is set to that. A frozen dataclass takes three times
    as long to make.
    """

    __slots__ = ("type", "value")
