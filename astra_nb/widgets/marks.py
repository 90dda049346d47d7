"""Marks in a log: errors and connections, found without decoding the frames between them."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

from astra_nb.log import FrameLog
from astra_nb.log.records import (
    ClosedRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    OpenedRecord,
    Record,
)
from astra_nb.wire.text import visible

from .log_rows import is_bad_verdict, is_error, note_of

__all__ = ["Connection", "Marks"]

MOST = 10_000  # errors and connections, before some are forgotten
LONGEST = 200  # characters of a text from outside
BROWSERS = re.compile(r"\b(Edg|Firefox|Chrome|Safari)/(\d+)")  # most name others too
RANK = ("Safari", "Chrome", "Firefox", "Edg")


@dataclass
class Connection:
    """What the log tells of one connection.

    Attributes:
        peer: The other end's address, "" while it is not known.
        who: The name in the client's `User-Agent`.
        opened: When it was opened, seconds since the epoch, or 0; else when it was first seen.
        closed: When TCP ended, or 0.
        state: "connecting", "open", "closed", "failed" (without a closing handshake), "refused".
        head: Numbers of its request and its response, 0 where there is none.
        end: Number of the record of its end, or 0.
        received: Frames and bytes that came in.
        sent: Frames and bytes that went out.
    """

    id: int
    peer: str = ""
    path: str = ""
    who: str = ""
    opened: float = 0.0
    closed: float = 0.0
    state: str = "connecting"
    why: str = ""
    head: list[int] = field(default_factory=lambda: [0, 0])
    end: int = 0
    received: list[int] = field(default_factory=lambda: [0, 0])
    sent: list[int] = field(default_factory=lambda: [0, 0])

    def note(self, record: Record) -> None:
        """Take what a record other than a frame says."""
        self.opened = self.opened or record.time
        match record:
            case HandshakeRecord():
                self.head[0 if record.status is None else 1] = record.number
                for name, value in record.headers if record.status is None else ():
                    if name.lower() == "user-agent":
                        self.who = agent(value)
                if record.status is None and not self.path:
                    self.path = visible([*record.start_line.split(" "), ""][1], LONGEST)
            case OpenedRecord():
                self.peer, self.path = visible(record.peer), visible(record.path, LONGEST)
                self.state, self.opened = "open", record.time
            case ClosedRecord():
                self.closed, self.end, self.why = record.time, record.number, record.why_closed
                note = note_of(record)
                self.state = "closed" if note == "clean" else note


def agent(header: str) -> str:
    """Return the name and the version in a `User-Agent` that tell the most."""
    browsers = BROWSERS.finditer(header)
    found = max(browsers, key=lambda match: RANK.index(match[1]), default=None)
    if found:
        return f"{found[1]} {found[2]}"
    return visible(header.split(" ")[0].replace("/", " "), 40)


class Marks:
    """The errors and the connections of a log, brought up to date when someone looks.

    Of more than `MOST`, those are forgotten that are in the log no more. Not for two threads at
    once.

    Attributes:
        errors: The numbers of the records that `is_error` names, rising.
        connections: What the log tells of each connection, by its number.
        forgotten: How many connections are not among them any more.
        noted: How many records told something of a connection.
    """

    def __init__(self) -> None:
        self.errors: list[int] = []
        self.connections: dict[int, Connection] = {}
        self.forgotten = 0
        self.noted = 0
        self._bound = MOST
        self._seen = 0
        self._counted = 0

    def update(self, log: FrameLog) -> None:
        """Look at what is new."""
        spans = log.spans()
        first, last = (spans[0][0], spans[-1][1]) if spans else (self._seen + 1, 0)
        for run in log.runs(self._seen, notable=True):
            if run.number > last:
                break
            if run.direction is not None:
                if is_bad_verdict(run.verdict, run.direction):
                    self.errors += range(run.number, run.number + run.numbers)
                continue
            record = log.find(run.number)
            if record is None:
                continue
            if is_error(record):
                self.errors.append(record.number)
            if record.connection and not isinstance(record, HandlerErrorRecord):
                self._of(record.connection).note(record)
                self.noted += 1
        self._seen = max(self._seen, last)
        if len(self.errors) + len(self.connections) > self._bound:
            self._forget(first)

    def _forget(self, first: int) -> None:
        """Forget what ended before a record, the first one in the log."""
        del self.errors[: bisect_left(self.errors, first)]
        ended = [each.id for each in self.connections.values() if 0 < each.end < first]
        for number in ended:
            del self.connections[number]
        self.forgotten += len(ended)
        self._bound = max(MOST, 2 * (len(self.errors) + len(self.connections)))

    def count(self, log: FrameLog) -> list[Connection]:
        """Count the frames and bytes of each connection, as far as that is not done."""
        self.update(log)
        for run in log.runs(self._counted):
            self._counted = run.number + run.numbers - 1
            if run.direction is None or not run.connection:
                continue
            connection = self._of(run.connection)
            if connection.state == "connecting":
                connection.state, connection.opened = "open", run.time  # its opening was dropped
            traffic = connection.received if run.direction == "received" else connection.sent
            traffic[0] += run.numbers
            traffic[1] += run.size
        return list(self.connections.values())

    def _of(self, number: int) -> Connection:
        return self.connections.setdefault(number, Connection(number))
