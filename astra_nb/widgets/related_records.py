"""Relations between records: a PONG to its PING, a reply to its request, a fragment to its message.

A time is given only where it is true: for what the other end answered.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field

from astra_nb.log.records import FrameRecord, HandshakeRecord, Record
from astra_nb.wire.pings import UnansweredPings
from astra_nb.wire.text import visible

__all__ = ["Answer", "Part", "Relations"]

MOST_REQUESTS = 1000  # with an id, without a reply so far
LONGEST_JSON = 16_384  # bytes of a payload whose id is looked for
KEPT = 2000  # bytes of a message in fragments that are kept for its row
ID_SHOWN = 20
# graphql-ws, both subprotocols; in JSON-RPC a request has a "method", a reply has none.
ASKING = ("subscribe", "start")
REPLYING = ("next", "data", "error", "complete")

End = tuple[int, str]  # a connection, and a direction


@dataclass(frozen=True, slots=True)
class Answer:
    """What a record answers: its number, seconds (None where they say nothing), and in words."""

    number: int
    seconds: float | None
    words: str


@dataclass(slots=True)
class Part:
    """A fragment's place: its message's first frame and type, its index, and in the last the sum.

    Attributes:
        first: Number of the first frame.
        type: "text" or "bytes".
        index: 1 for the first frame.
        last: Whether it is the last frame.
        size: Bytes of the payloads so far.
        head: The first of them.
    """

    first: int
    type: str
    index: int = 1
    last: bool = False
    size: int = 0
    head: bytes = b""


@dataclass(slots=True)
class Relations:
    """What records are related to, when they are added in the order of the log."""

    pings: dict[End, UnansweredPings[FrameRecord]] = field(default_factory=dict)
    closes: dict[End, FrameRecord] = field(default_factory=dict)
    parts: dict[End, Part] = field(default_factory=dict)
    heads: dict[int, HandshakeRecord] = field(default_factory=dict)
    requests: OrderedDict[tuple[End, str], Record] = field(default_factory=OrderedDict)

    def add(self, record: Record) -> tuple[Answer | None, Part | None]:
        """Return what a record answers, and of which message it is a part."""
        if isinstance(record, HandshakeRecord):
            if record.status is None:
                self.heads[record.connection] = record
                return None, None
            return answer_to(self.heads.pop(record.connection, None), record, ""), None
        if not isinstance(record, FrameRecord) or record.verdict:
            return None, None
        own = (record.connection, record.direction)
        other = (record.connection, "sent" if record.direction == "received" else "received")
        match record.type:
            case "ping":
                self.pings.setdefault(own, UnansweredPings()).ping(record.payload, record)
            case "pong":
                waiting = self.pings.get(other)
                ping = None if waiting is None else waiting.pong(record.payload)
                return answer_to(ping, record, "RTT"), None
            case "close":
                if other in self.closes:
                    return answer_to(self.closes[other], record, ""), None
                self.closes[own] = record
            case "text" | "bytes" | "continuation":
                part = self._part(record, own)
                return (None, part) if part else (self._reply(record, own, other), None)
        return None, None

    def _part(self, record: FrameRecord, end: End) -> Part | None:
        fin, before = record.frame.fin, self.parts.get(end)
        if record.type == "continuation":
            if before is None:
                return None
            part = Part(before.first, before.type, before.index + 1, fin, before.size, before.head)
        elif fin:
            return None
        else:
            part = Part(record.number, record.type)
        part.size += len(record.payload)
        part.head += record.payload[: max(KEPT - len(part.head), 0)]
        if fin:
            del self.parts[end]
        else:
            self.parts[end] = part
        return part

    def _reply(self, record: FrameRecord, own: End, other: End) -> Answer | None:
        """Tie a reply to its request by the id in their JSON."""
        payload = record.payload
        if record.type != "text" or b'"id"' not in payload or len(payload) > LONGEST_JSON:
            return None
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or not isinstance(value.get("id"), str | int | float):
            return None
        name = json.dumps(value["id"])
        if "method" in value or value.get("type") in ASKING:
            self.requests[own, name] = record
            if len(self.requests) > MOST_REQUESTS:
                self.requests.popitem(last=False)
            return None
        if "result" not in value and "error" not in value and value.get("type") not in REPLYING:
            return None
        return answer_to(
            self.requests.get((other, name)), record, "id " + visible(name.strip('"'), ID_SHOWN)
        )


def answer_to(asked: Record | None, record: Record, words: str) -> Answer | None:
    """Return the answer to what was asked, with a time where the other end gave it."""
    if asked is None:
        return None
    ours = getattr(record, "direction", "") == "sent"
    seconds = None if ours and words == "RTT" else max(record.time - asked.time, 0.0)
    return Answer(asked.number, seconds, "" if seconds is None else words)
