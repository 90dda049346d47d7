"""PING frames in a log with the PONG frames that answer them (RFC 6455, section 5.5.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from astra_nb.wire.messages import Side
from astra_nb.wire.pings import UnansweredPings

from .records import Direction, FrameRecord, Record

__all__ = ["Reply", "replies"]


class Reply(NamedTuple):
    """A PING frame and the PONG frame that answers it, by the numbers of their records."""

    ping: int
    pong: int
    seconds: float  # the round-trip time, or how long this end took to answer
    round_trip: bool  # whether this end sent the PING


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
                found.append(Reply(ping.number, record.number, seconds, asked == "sent"))
    return found
