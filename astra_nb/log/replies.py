"""Summary of each connection in a log: state, counts, round-trip times, why it closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from astra_nb.wire.messages import Side
from astra_nb.wire.pings import UnansweredPings

from .records import ClosedRecord, Direction, FrameRecord, OpenedRecord, Record

__all__ = ["ConnectionSummary", "Reply", "Traffic", "replies", "summarise"]

State = Literal["connecting", "open", "closing", "closed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A PING frame and the PONG frame that answers it (RFC 6455, section 5.5.3).

    Attributes:
        connection: The number of the connection.
        ping: The number of the PING frame's record.
        pong: The number of the PONG frame's record.
        seconds: Time from one to the other. For a PING that this end sent it is the round-trip
            time; for one that it received, how long it took to answer.
        round_trip: Whether this end sent the PING.
    """

    connection: int
    ping: int
    pong: int
    seconds: float
    round_trip: bool


@dataclass(slots=True)
class Traffic:
    """Frames that passed in one direction.

    Attributes:
        frames: How many frames.
        bytes: Their bytes on the wire, headers included.
    """

    frames: int = 0
    bytes: int = 0


@dataclass(slots=True)
class ConnectionSummary:
    """Summary of one connection.

    Attributes:
        id: The number of the connection.
        peer: The other end's address; "" when it is no longer in the log.
        path: Path of the request; "" when it is no longer in the log.
        subprotocol: The subprotocol both agreed on, or None.
        state: "connecting", "open", "closing" after the first CLOSE frame, or "closed".
        received: Frames that came in.
        sent: Frames that went out.
        rtt: Round-trip times of the pings that this end sent, in seconds, oldest first.
        why_closed: Why it closed, as a sentence; "" while it has not.
    """

    id: int
    peer: str = ""
    path: str = ""
    subprotocol: str | None = None
    state: State = "connecting"
    received: Traffic = field(default_factory=Traffic)
    sent: Traffic = field(default_factory=Traffic)
    rtt: list[float] = field(default_factory=list)
    why_closed: str = ""


def summarise(records: Iterable[Record]) -> dict[int, ConnectionSummary]:
    """Return a summary of each connection by its number; 0, the server itself, is left out.

    Only the given records count, not those that the log has dropped.
    """
    records = [record for record in records if record.connection]
    summaries: dict[int, ConnectionSummary] = {}
    for record in records:
        summary = summaries.get(record.connection)
        if summary is None:
            summary = summaries[record.connection] = ConnectionSummary(record.connection)
        add(summary, record)
    for reply in replies(records):
        if reply.round_trip:
            summaries[reply.connection].rtt.append(reply.seconds)
    return summaries


def add(summary: ConnectionSummary, record: Record) -> None:
    match record:
        case FrameRecord():
            traffic = summary.received if record.direction == "received" else summary.sent
            traffic.frames += 1
            traffic.bytes += len(record.frame.raw)
            if summary.state == "connecting":
                summary.state = "open"  # the log has dropped the opening
            if record.type == "close" and not record.verdict and summary.state == "open":
                summary.state = "closing"
        case OpenedRecord():
            summary.peer, summary.path = record.peer, record.path
            summary.subprotocol = record.subprotocol
            summary.state = "open"
        case ClosedRecord():
            summary.state = "closed"
            summary.why_closed = record.why_closed


def replies(records: Iterable[Record]) -> list[Reply]:
    """Return each PONG frame with the PING frame that it answers: the newest of its payload.

    A PONG that answers nothing, and a PING that is not answered, are in no pair. A PONG also
    settles the PING frames before the one it answers: they need no answer of their own. Frames
    that were refused count for nothing.
    """
    pings: dict[tuple[int, Side, Direction], UnansweredPings[FrameRecord]] = {}
    found: list[Reply] = []
    for record in records:
        if not isinstance(record, FrameRecord) or record.verdict:
            continue
        if record.type == "ping":
            key = (record.connection, record.side, record.direction)
            pings.setdefault(key, UnansweredPings()).ping(record.payload, record)
        elif record.type == "pong":
            asked: Direction = "sent" if record.direction == "received" else "received"
            waiting = pings.get((record.connection, record.side, asked))
            ping = None if waiting is None else waiting.pong(record.payload)
            if ping is not None:
                seconds = max(record.time - ping.time, 0.0)  # the clock may be set back
                found.append(
                    Reply(record.connection, ping.number, record.number, seconds, asked == "sent")
                )
    return found
