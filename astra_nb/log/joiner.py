"""Messages out of frames: fragments put together (RFC 6455, section 5.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from astra_nb.wire.messages import CloseFrame, Message, MessageType, Side

from .records import Direction, FrameRecord, Record

__all__ = ["JoinedMessage", "join"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedMessage:
    """A whole message on a log.

    Attributes:
        time: When its last frame was recorded, in seconds since the epoch.
        connection: The number of the connection.
        side: Which end keeps the log.
        direction: "received" or "sent", seen from that end.
        type: "text", "bytes", "ping", "pong" or "close".
        value: As in `Message`. A text that is not UTF-8 has replacement characters.
        numbers: The numbers of its frames.
    """

    time: float
    connection: int
    side: Side
    direction: Direction
    type: MessageType
    value: str | bytes | CloseFrame | None
    numbers: tuple[int, ...]

    @property
    def message(self) -> Message:
        """The message, as `recv()` gives it."""
        return Message(self.type, self.value)


@dataclass(slots=True)
class Unfinished:
    type: MessageType
    parts: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


def join(records: Iterable[Record]) -> list[JoinedMessage]:
    """Put the frames among records together to messages, in the order of their last frames.

    A frame that was refused, ignored or cut belongs to no message. A message whose first fragment
    is not among the records is left out.
    """
    messages: list[JoinedMessage] = []
    unfinished: dict[tuple[int, Side, Direction], Unfinished] = {}
    for record in records:
        if not isinstance(record, FrameRecord) or record.verdict or not record.frame.complete:
            continue
        type = record.type
        key = (record.connection, record.side, record.direction)
        if type == "ping" or type == "pong":
            messages.append(finish(record, type, record.payload, (record.number,)))
        elif type == "close":
            messages.append(finish(record, type, record.frame.close, (record.number,)))
        elif type == "text" or type == "bytes":
            unfinished[key] = Unfinished(type)
        if type in ("text", "bytes", "continuation") and key in unfinished:
            message = unfinished[key]
            message.parts.append(record.payload)
            message.numbers.append(record.number)
            if record.frame.fin:
                del unfinished[key]
                payload = b"".join(message.parts)
                value = payload.decode("utf-8", "replace") if message.type == "text" else payload
                messages.append(finish(record, message.type, value, tuple(message.numbers)))
    return messages


def finish(
    last: FrameRecord,
    type: MessageType,
    value: str | bytes | CloseFrame | None,
    numbers: tuple[int, ...],
) -> JoinedMessage:
    return JoinedMessage(
        time=last.time,
        connection=last.connection,
        side=last.side,
        direction=last.direction,
        type=type,
        value=value,
        numbers=numbers,
    )
