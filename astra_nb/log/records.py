"""Records of a log: frames, handshakes, openings and closings, errors, output, notices, checks.

Records are immutable. They hold what happened at one end of a connection, in the order in which
it happened there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast

from astra_nb.wire.explain import explain
from astra_nb.wire.frames import Frame, apply_mask
from astra_nb.wire.handshake import parse_head
from astra_nb.wire.messages import CloseFrame, Side, other_end
from astra_nb.wire.opcodes import FrameType
from astra_nb.wire.text import preview, visible
from astra_nb.wire.why_closed import why_closed

__all__ = [
    "CheckRecord",
    "ClosedRecord",
    "Direction",
    "FrameRecord",
    "HandlerErrorRecord",
    "HandshakeRecord",
    "NoticeRecord",
    "OpenedRecord",
    "Outcome",
    "OutputRecord",
    "Record",
    "Side",
    "frame_record",
    "handshake_record",
]

Direction = Literal["received", "sent"]
Outcome = Literal["right", "not attempted", "not yet", "too busy"]

# Three digits (RFC 9110, section 15): Python refuses to read thousands.
STATUS = re.compile(r"HTTP/[^ ]* (\d{3})(?: |$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbered:
    """Base of every record.

    Attributes:
        number: 1, 2, 3 and so on in one log; never used twice.
        time: Seconds since the epoch.
        connection: 1, 2, 3 and so on at one server; 0 for the server itself.
    """

    number: int
    time: float
    connection: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtOneEnd(_Numbered):
    """Base of records of what passed between two ends.

    Attributes:
        side: Which end keeps this log.
    """

    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passed(_AtOneEnd):
    """Base of records of what one end sent to the other.

    Attributes:
        direction: "received" or "sent", seen from the end that keeps the log.
    """

    direction: Direction

    @property
    def sender(self) -> Side:
        """The end that sent it."""
        return self.side if self.direction == "sent" else other_end(self.side)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FrameRecord(_Passed):
    """A frame that was sent or received (RFC 6455, section 5).

    Attributes:
        frame: The frame, decoded from its bytes.
        verdict: "" for a frame that was accepted; else why it was refused or ignored.
        message: The payload after decompression, or None when no extension had changed it.
    """

    kind: ClassVar[Literal["frame"]] = "frame"
    frame: Frame
    verdict: str = ""
    message: bytes | None = None

    @property
    def type(self) -> FrameType:
        """The name of the opcode."""
        return self.frame.type

    @property
    def payload(self) -> bytes:
        """The payload, unmasked and, where an extension had changed it, decompressed."""
        return self.frame.payload if self.message is None else self.message

    def with_payload(self, payload: bytes) -> FrameRecord:
        """Return this record with another payload of the same length, for a log's `redact`.

        The bytes on the wire are those of the new payload; where it was compressed they are 0.

        Raises:
            ValueError: The payload has another length, which the frame's header contradicts.
        """
        if len(payload) != len(self.payload):
            raise ValueError(
                f"a payload of {len(payload)} bytes cannot replace one of {len(self.payload)}: "
                f"the frame's header states the length, so it must stay the same"
            )
        frame = self.frame
        plain = payload if self.message is None else bytes(len(frame.payload))
        masked = apply_mask(plain, frame.masking_key) if frame.masking_key else plain
        return replace(
            self,
            frame=replace(frame, raw=frame.header + masked, payload=plain),
            message=None if self.message is None else payload,
        )

    def explain(self) -> str:
        """Return an explanation of this frame bit by bit, as text of several lines."""
        title = f"Frame {self.number}, sent by the {self.sender} on connection {self.connection}"
        verdict = f"\n\nVerdict: {visible(self.verdict)}" if self.verdict else ""
        return f"{title}\n\n{explain(self.frame, self.sender, self.message)}{verdict}"

    def __repr__(self) -> str:
        verdict = f", {self.verdict}" if self.verdict else ""
        return (
            f"<FrameRecord {self.number}: connection {self.connection}, {self.direction} "
            f"{self.type}, {preview(self.payload, self.type) or 'no payload'}{verdict}>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeRecord(_Passed):
    """A request or a response of the opening handshake (RFC 6455, section 4).

    Attributes:
        raw: The head as it was on the wire, but for secrets, which read `<hidden>`.
        start_line: The request line or the status line.
        headers: Names and values in their order, secrets hidden.
        status: HTTP status code of a response; None for a request.
    """

    kind: ClassVar[Literal["handshake"]] = "handshake"
    raw: bytes
    start_line: str
    headers: tuple[tuple[str, str], ...]
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecord(_AtOneEnd):
    """A connection was opened: the opening handshake is done.

    Attributes:
        peer: The other end's address, such as "127.0.0.1:51324".
        path: Path of the request, secrets in its query hidden.
        subprotocol: The subprotocol both agreed on, or None.
        extensions: Names of the extensions both agreed on.
    """

    kind: ClassVar[Literal["opened"]] = "opened"
    peer: str
    path: str
    subprotocol: str | None = None
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRecord(_AtOneEnd):
    """The TCP connection has ended.

    Attributes:
        first: The end that sent the first CLOSE frame; "" when neither sent one.
        sent: The close this end sent, or None; code 1005 stands for an empty frame.
        received: The close the other end sent, or None; code 1005 stands for an empty frame.
        tcp: How the TCP connection ended: "closed" after a closing handshake or a refusal,
            "dropped by server" or "dropped by client" without one, "reset", or "timeout".
        status: HTTP status code when the opening handshake was refused, else None.
        detail: The rule that was broken, when the protocol knows one.
        sent_fault: What is wrong in the CLOSE frame this end sent, "" when nothing is.
        received_fault: The same of the other end's; it was refused when `received` is None.
    """

    kind: ClassVar[Literal["closed"]] = "closed"
    first: Literal["server", "client", ""] = ""
    sent: CloseFrame | None = None
    received: CloseFrame | None = None
    tcp: Literal["closed", "dropped by server", "dropped by client", "reset", "timeout"] = "closed"
    status: int | None = None
    detail: str = ""
    sent_fault: str = ""
    received_fault: str = ""

    @property
    def code(self) -> int:
        """The close code as this end reports it (RFC 6455, section 7.1.5)."""
        return 1006 if self.received is None else self.received.code

    @property
    def why_closed(self) -> str:
        """Why the connection closed, as a sentence: which end was first, and both close codes."""
        return why_closed(
            side=self.side,
            first=self.first,
            sent=self.sent,
            received=self.received,
            tcp=self.tcp,
            status=self.status,
            detail=self.detail,
            sent_fault=self.sent_fault,
            received_fault=self.received_fault,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerErrorRecord(_Numbered):
    """A handler raised.

    Attributes:
        summary: The exception's type and message.
        traceback: The whole traceback.
    """

    kind: ClassVar[Literal["error"]] = "error"
    summary: str
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord(_Numbered):
    """A handler printed.

    Attributes:
        stream: "stdout" or "stderr".
        text: What was printed.
    """

    kind: ClassVar[Literal["output"]] = "output"
    stream: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord(_Numbered):
    """A notice, such as that the server listens or that a bound was reached.

    Attributes:
        text: One sentence.
    """

    kind: ClassVar[Literal["notice"]] = "notice"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRecord(_Numbered):
    """An exercise's check has ended.

    Attributes:
        exercise: Name of the exercise.
        title: Its title.
        outcome: "right", "not attempted", "not yet", or "too busy": the machine was too slow to
            judge.
        misconception: Short name of what was misunderstood, such as "returned"; or "".
    """

    kind: ClassVar[Literal["check"]] = "check"
    exercise: str
    title: str
    outcome: Outcome
    misconception: str = ""


Record = (
    FrameRecord
    | HandshakeRecord
    | OpenedRecord
    | ClosedRecord
    | HandlerErrorRecord
    | OutputRecord
    | NoticeRecord
    | CheckRecord
)


class _Unset(_Passed):
    """A `FrameRecord` whose fields are being set: a frozen dataclass takes far longer to make."""

    __slots__ = ("frame", "message", "verdict")
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__  # one without the other is slow: they share a slot in C


_new: Callable[[type[_Unset]], Any] = object.__new__


def frame_record(
    number: int,
    time: float,
    connection: int,
    side: Side,
    direction: Direction,
    frame: Frame,
    verdict: str,
    message: bytes | None,
) -> FrameRecord:
    """Return a `FrameRecord` of its fields in their order."""
    record = _new(_Unset)
    record.number = number
    record.time = time
    record.connection = connection
    record.side = side
    record.direction = direction
    record.frame = frame
    record.verdict = verdict
    record.message = message
    record.__class__ = FrameRecord
    return cast(FrameRecord, record)


def handshake_record(*, raw: bytes, **fields: Any) -> HandshakeRecord:
    """Return the record of a head, parsed.

    Args:
        raw: The head, redacted already.
        fields: The other fields of the record.
    """
    start_line, headers = parse_head(raw)
    code = STATUS.match(start_line)
    status = None if code is None else int(code[1])
    return HandshakeRecord(
        raw=raw, start_line=start_line, headers=tuple(headers), status=status, **fields
    )
