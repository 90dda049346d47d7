"""Joining of frames into messages (RFC 6455, section 5.4)."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from astra_nb.wire.messages import CloseFrame, Message, MessageType, Side
from astra_nb.wire.opcodes import CONTINUATION, TEXT

from .records import Direction, FrameRecord, Record

__all__ = ["JoinedMessage", "Joiner", "join"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedMessage:
    """A whole message in a log.

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
        """The message, as `recv()` returns it."""
        return Message(self.type, self.value)


@dataclass(slots=True, eq=False)
class Joiner:
    """Joins the data frames that one end sends on one connection (RFC 6455, section 5.4).

    Text is decoded frame by frame, so that bad UTF-8 is found in the frame that it is in.
    """

    errors: Literal["strict", "replace"] = "strict"  # "replace" puts U+FFFD for what is not UTF-8
    _parts: list[Any] | None = None  # of the message under way
    _decoder: codecs.IncrementalDecoder | None = None  # None while it is not text

    @property
    def under_way(self) -> MessageType | None:
        """Type of the message whose first fragments have come, or None."""
        if self._parts is None:
            return None
        return "bytes" if self._decoder is None else "text"

    @property
    def fragments(self) -> int:
        """How many fragments of the message under way have come."""
        return 0 if self._parts is None else len(self._parts)

    def new_decoder(self) -> codecs.IncrementalDecoder:
        """Return a UTF-8 decoder in the state of the text under way."""
        decoder = codecs.getincrementaldecoder("utf-8")(self.errors)
        if self._decoder is not None:
            decoder.setstate(self._decoder.getstate())
        return decoder

    def add(self, opcode: int, payload: bytes, fin: bool) -> Message | None:
        """Add the next data frame; return the message that it completes, if it does.

        A continuation whose first fragment has not come belongs to no message. A text that is not
        UTF-8 raises `UnicodeDecodeError` when `errors` is "strict".
        """
        if opcode != CONTINUATION:
            self._parts, self._decoder = [], None
            if opcode == TEXT:
                self._decoder = self.new_decoder()
        parts, decoder = self._parts, self._decoder
        if parts is None:
            return None
        parts.append(payload if decoder is None else decoder.decode(payload, fin))
        if not fin:
            return None
        self._parts = self._decoder = None
        if decoder is None:
            return Message("bytes", b"".join(parts))
        return Message("text", "".join(parts))


def join(records: Iterable[Record]) -> list[JoinedMessage]:
    """Return the messages that the frames among records make, in the order of their last frames.

    A frame that was refused, ignored or cut belongs to no message. A message whose first fragment
    is not among the records is left out.
    """
    messages: list[JoinedMessage] = []
    joiners: dict[tuple[int, Side, Direction], tuple[Joiner, list[int]]] = {}
    for record in records:
        if not isinstance(record, FrameRecord) or record.verdict or not record.frame.complete:
            continue
        frame, numbers = record.frame, [record.number]
        message: Message | None = None
        if record.type == "ping" or record.type == "pong":
            message = Message(record.type, record.payload)
        elif record.type == "close":
            message = Message("close", frame.close)
        elif record.type != "reserved":
            key = (record.connection, record.side, record.direction)
            joiner, numbers = joiners.setdefault(key, (Joiner("replace"), []))
            if frame.opcode != CONTINUATION:
                numbers.clear()
            numbers.append(record.number)
            message = joiner.add(frame.opcode, record.payload, frame.fin)
        if message is not None:
            messages.append(
                JoinedMessage(
                    time=record.time,
                    connection=record.connection,
                    side=record.side,
                    direction=record.direction,
                    type=message.type,
                    value=message.value,
                    numbers=tuple(numbers),
                )
            )
    return messages
