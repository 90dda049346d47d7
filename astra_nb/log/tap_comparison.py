"""What a hop between two taps changed: one tap on each side of a proxy, one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from typing import Protocol

from astra_nb.errors import LocalError
from astra_nb.wire.messages import CloseFrame, Side, other_end
from astra_nb.wire.opcodes import CONTINUATION
from astra_nb.wire.tables import html_table, text_table
from astra_nb.wire.text import counted, visible

from .joiner import join
from .records import ClosedRecord, FrameRecord, HandshakeRecord, Record
from .view import LogView

__all__ = ["Hop", "HopRow", "compare_taps"]

LONGEST = 120  # characters of a cell
HEADERS = {  # what is compared of a head, by its name in lower case
    "sec-websocket-protocol": "subprotocol",
    "sec-websocket-extensions": "extensions",
    "origin": "origin",
}
ABSENT = "none"


class HasLog(Protocol):
    """A tap."""

    @property
    def log(self) -> LogView:
        """Both legs."""


@dataclass(frozen=True, slots=True)
class HopRow:
    """One thing that an end sent, on both sides of a hop."""

    websocket: int  # 1, 2, 3 and so on, in the order of their requests
    sender: Side
    what: str  # such as "close" or "fragments"
    outside: str  # what the tap on the client's side of the hop saw
    inside: str  # and the one on the server's side

    @property
    def changed(self) -> bool:
        """Whether the hop changed it."""
        return self.outside != self.inside


@dataclass(frozen=True, slots=True)
class Hop:
    """What a hop did to each thing that passed it; shows itself as a table."""

    rows: tuple[HopRow, ...]

    @property
    def changes(self) -> tuple[HopRow, ...]:
        """The rows of what the hop changed."""
        return tuple(row for row in self.rows if row.changed)

    def __iter__(self) -> Iterator[HopRow]:
        return iter(self.rows)

    def _cells(self) -> list[list[str]]:
        return [
            [str(row.websocket), row.sender, row.what, row.outside, row.inside,
             "CHANGED" if row.changed else "same"]
            for row in self.rows
        ]  # fmt: skip

    def __str__(self) -> str:
        table = text_table(TITLES, self._cells())
        return table if self.rows else f"{table}\n(no WebSocket passed through either tap)"

    def _repr_html_(self) -> str:
        caption = f"{counted(len(self.changes), 'thing')} changed of {len(self.rows)}"
        return html_table(caption, TITLES, self._cells())

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(str(self))  # type: ignore[attr-defined]


TITLES = ("websocket", "from", "what", "outside", "inside", "")


def compare_taps(outside: HasLog | LogView, inside: HasLog | LogView) -> Hop:
    """Return what the hop between two taps changed, such as a proxy.

        with tap(server.url) as inside:
            ...  # the proxy leads to inside.url
            with tap(proxy_url) as outside:
                ...  # the client connects to outside.url
        compare_taps(outside, inside)

    The WebSockets of both taps are paired in the order of their requests.

    Args:
        outside: The tap on the client's side of the hop, or its log.
        inside: The tap on the server's side, or its log.

    Raises:
        LocalError: One of them is neither.
    """
    rows: list[HopRow] = []
    # The hop is the server of the outer tap, and the client of the inner one.
    pairs = zip_longest(_websockets(outside, "client"), _websockets(inside, "server"))
    for number, (out, into) in enumerate(pairs, start=1):
        if out is None or into is None:
            seen, missed = ("passed", "did not pass")[:: 1 if into is None else -1]
            rows.append(HopRow(number, "client", "request", seen, missed))
            continue
        one, other = _facts(out), _facts(into)
        rows += [
            HopRow(number, sender, what, one.get((sender, what), ABSENT), found)
            for (sender, what), found in other.items()
        ]
        rows += [HopRow(number, *key, one[key], ABSENT) for key in one if key not in other]
    return Hop(tuple(rows))


def _websockets(tap: HasLog | LogView, side: Side) -> list[list[Record]]:
    """Return the records of each WebSocket on one leg."""
    log = tap if isinstance(tap, LogView) else getattr(tap, "log", None)
    if not isinstance(log, LogView):
        raise LocalError(f"compare_taps takes two taps, or their logs, not {tap!r:.80}")
    found: dict[int, list[Record]] = {}
    for record in log:
        if getattr(record, "side", None) == side:
            found.setdefault(record.connection, []).append(record)
    return list(found.values())


def _facts(records: Sequence[Record]) -> dict[tuple[Side, str], str]:
    """Return what each end sent, in words."""
    facts: dict[tuple[Side, str], str] = {}
    for record in records:
        if isinstance(record, HandshakeRecord):
            what = "path" if record.status is None else "status"
            value, _, _ = record.start_line.partition(" ")[2].partition(" ")
            facts[record.sender, what] = visible(value, LONGEST)
            for name, given in record.headers:
                if name.lower() in HEADERS:
                    facts[record.sender, HEADERS[name.lower()]] = visible(given, LONGEST)
    counts: Counter[tuple[Side, str]] = Counter()
    closes: dict[Side, str] = {}
    for record in records:
        if isinstance(record, FrameRecord):
            counts[record.sender, _kind(record)] += 1
            if record.type == "close":
                closes.setdefault(record.sender, _close(record.frame.close))
        elif isinstance(record, ClosedRecord):
            facts["server", "end of TCP"] = record.tcp
    texts: dict[Side, list[str]] = {"client": [], "server": []}
    for message in join(records):
        if message.type in ("text", "bytes"):
            sender = message.side if message.direction == "sent" else other_end(message.side)
            texts[sender].append(f"{message.type} {message.value!r}")
    for side in texts:
        for kind in ("data frames", "fragments", "pings", "pongs", "reserved frames"):
            if counts[side, kind]:
                facts[side, kind] = str(counts[side, kind])
        if texts[side]:
            facts[side, "messages"] = _messages(texts[side])
        facts[side, "close"] = closes.get(side, "no CLOSE frame")
    return facts


def _kind(record: FrameRecord) -> str:
    frame = record.frame
    if frame.opcode == CONTINUATION or (not frame.fin and not frame.is_control):
        return "fragments"
    if record.type in ("text", "bytes"):
        return "data frames"
    return {"ping": "pings", "pong": "pongs", "close": "closes"}.get(record.type, "reserved frames")


def _close(close: CloseFrame | None) -> str:
    if close is None:
        return "empty"
    return f"{close.code} {visible(close.reason, LONGEST)}".rstrip()


def _messages(texts: list[str]) -> str:
    """Return how many messages they are, and what tells them from others."""
    digest = sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{len(texts)} ({digest})"
