"""What passed on each connection of a check, as its log tells it, read piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field

from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord
from astra_nb.wire.close_codes import name
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.text import preview

from .finding import Finding

__all__ = ["Heard", "History", "Passed", "describe", "describe_close"]

SHOWN_FRAMES = 8
SHOWN_PAYLOAD = 40  # characters
EMPTY = 1005


@dataclass(frozen=True)
class Heard:
    """A message that the server sent, its fragments put together.

    Attributes:
        close: Code and reason of a CLOSE frame; code 1005 stands for an empty one.
        number: Record number of its last frame.
        time: Seconds since the epoch, of its last frame.
        fragments: How many frames it came in.
    """

    type: str
    payload: bytes
    number: int
    time: float
    close: CloseFrame | None = None
    fragments: int = 1

    def __str__(self) -> str:
        return describe(self.type, self.payload)


@dataclass
class Passed:
    """What passed on one connection."""

    frames: list[FrameRecord] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    closed: ClosedRecord | None = None
    _parts: list[FrameRecord] = field(default_factory=list)

    def add(self, record: FrameRecord) -> None:
        self.frames.append(record)
        if record.direction != "sent":
            return
        frame = record.frame
        if frame.type == "close":
            close = frame.close or CloseFrame(EMPTY)
            self.heard.append(Heard("close", record.payload, record.number, record.time, close))
        elif frame.is_control:
            self.heard.append(Heard(frame.type, record.payload, record.number, record.time))
        else:
            self._parts.append(record)
            if frame.fin:
                parts, self._parts = self._parts, []
                payload = b"".join(part.payload for part in parts)
                self.heard.append(
                    Heard(
                        parts[0].type,
                        payload,
                        record.number,
                        record.time,
                        fragments=len(parts),
                    )
                )

    def until_close(self) -> Passed:
        """The frames up to the first CLOSE frame; what answers it says nothing new."""
        first = next(i for i, frame in enumerate(self.frames) if frame.type == "close")
        return Passed(self.frames[: first + 1])

    def sequence(self, remark: str = "") -> tuple[tuple[str, str, str, str], ...]:
        """Return the newest frames as rows: who, type, payload; the remark stands at the last."""
        newest = self.frames[-SHOWN_FRAMES:]
        rows = [
            (record.sender, record.type, shown(record.type, record.payload), "")
            for record in newest
        ]
        if remark and rows:
            rows[-1] = (*rows[-1][:3], remark)
        return tuple(rows)


class History:
    """Reads the log of a check, each time from where it stopped the last time.

    Attributes:
        peers: Numbers of the connections, by the client's address.
        expected: What was expected so far, as `describe` says it.
        at_close: What a handler did wrong after its client had closed; the last thing to say.
    """

    def __init__(self, log: FrameLog) -> None:
        self.log = log
        self.peers: dict[str, int] = {}
        self.expected: set[str] = set()
        self.at_close: Finding | None = None
        self._passed: dict[int, Passed] = {}
        self.last = 0

    def of(self, connection: int) -> Passed:
        """What passed on one connection so far."""
        self.read()
        return self._passed.setdefault(connection, Passed())

    def connections(self) -> list[tuple[int, Passed]]:
        """What passed on each connection so far, by their numbers."""
        return list(self._passed.items())

    def read(self) -> None:
        for record in self.log.since(self.last):
            self.last = record.number
            passed = self._passed.setdefault(record.connection, Passed())
            match record:
                case FrameRecord():
                    passed.add(record)
                case ClosedRecord():
                    passed.closed = record
                case _ if record.kind == "opened":
                    self.peers[record.peer] = record.connection


def shown(type: str, payload: bytes) -> str:
    return preview(payload, type, SHOWN_PAYLOAD) or "(empty)"  # type: ignore[arg-type]


def describe(type: str, payload: bytes | str) -> str:
    """Return a message as one line: its type and what it carries."""
    data = payload.encode("utf-8") if isinstance(payload, str) else payload
    size = f" ({len(data):,} bytes)" if len(data) > SHOWN_PAYLOAD else ""
    return f"{type} {shown(type, data)}{size}"


def describe_close(code: int, reason: str | None = None) -> str:
    """Return a close as one line: its code, the code's name, and its reason."""
    if code == EMPTY:
        return "close without a code"
    said = f', reason "{reason}"' if reason else ""
    return f"close {code} ({name(code)}){said}"
