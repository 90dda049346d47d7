"""Comparison of both ends of a connection: what the page was told, and what is in the log.

With a proxy between the ends the two accounts differ. `compare` lists the points in which they
could; it uses nothing but the two accounts. `static/js/comparison.js` draws them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from astra_nb.log.joiner import join
from astra_nb.log.records import ClosedRecord, FrameRecord, HandshakeRecord, OpenedRecord, Record
from astra_nb.wire.redaction import HIDDEN
from astra_nb.wire.text import counted, visible

from .bridge import Message

__all__ = ["PageEvent", "Point", "compare", "origin_of", "whole_messages"]

PAGE, SERVER = "the page", "the server"
HEAD = 32  # bytes of a message by which two are compared
LONGEST = 500  # characters of a text that a page sent


@dataclass(frozen=True, slots=True)
class PageEvent:
    """What happened at the page's end, as the page reported it.

    Attributes:
        name: "open", "message", "error", "close", or what the page itself did: "send" and
            "asked" (it called close).
        type: "text" or "bytes" of a message.
        size: Its length in bytes.
        head: Its first bytes, at most 32, in hex.
        code: Close code; None when `close()` was called without one.
    """

    name: str
    type: str = ""
    size: int = 0
    head: str = ""
    code: int | None = None
    reason: str = ""
    protocol: str = ""
    extensions: str = ""

    @classmethod
    def from_page(cls, message: Message) -> PageEvent:
        """Read what a page sent, which may be anything."""
        texts = ("name", "type", "head", "reason", "protocol", "extensions")
        return cls(
            **{name: message.text(name)[:LONGEST] for name in texts},
            size=message.integer("size"),
            code=message.integer("code") or None,
        )


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that one end sent and the other end got.

    Attributes:
        what: Such as "close code".
        sender: "the page" or "the server".
        arrived: What the other end was told.
        changed: Whether the two differ in what the protocol promises to keep.
    """

    what: str
    sender: str
    sent: str
    arrived: str
    changed: bool = False
    note: str = ""


def compare(
    events: Sequence[PageEvent], records: Sequence[Record], *, proxied: bool = False
) -> list[Point]:
    """Compare what was sent with what arrived.

    Args:
        records: The server's account: those of the connection, oldest first.
        proxied: Whether something that speaks WebSocket is between the two ends.
    """
    return [
        *opening(events, records),
        *messages(events, records),
        *control_frames(records, proxied),
        *closing(events, records),
    ]


# The opening handshake


def opening(events: Sequence[PageEvent], records: Sequence[Record]) -> list[Point]:
    heads = [each for each in records if isinstance(each, HandshakeRecord) and each.status]
    if not heads:
        return []
    response, opened = heads[-1], first(events, "open")
    status = response.status
    if status != 101:
        if opened is None and first(events, "close") is None:
            return []
        sent, arrived = f"HTTP status {status}", "open, then close" if opened else "error"
        note = "A page is never told the status of a refused handshake."
        if opened:
            note += " Here it was even told that the connection opened."
        return [Point("opening handshake", SERVER, sent, arrived, opened is not None, note)]
    chosen = next((each for each in records if isinstance(each, OpenedRecord)), None)
    if opened is None or chosen is None:
        return []
    subprotocol = chosen.subprotocol or ""
    pairs = [
        # A hidden one is not compared, nor shown from the page's account.
        ("subprotocol", subprotocol, subprotocol if HIDDEN in subprotocol else opened.protocol),
        ("extensions", ", ".join(chosen.extensions), names_of(opened.extensions)),
    ]
    return [
        Point(what, SERVER, visible(sent) or "none", visible(got) or "none", changed=sent != got)
        for what, sent, got in pairs
        if sent or got
    ]


def names_of(extensions: str) -> str:
    return ", ".join(part.partition(";")[0].strip() for part in extensions.split(",") if part)


# Messages


def messages(events: Sequence[PageEvent], records: Sequence[Record]) -> list[Point]:
    points = []
    by_page = facts(events, "send")
    if by_page:
        received = [fact for fact, _ in whole_messages(records, "received")]
        points.append(point_of_messages(PAGE, by_page, received))
    sent = whole_messages(records, "sent")
    if sent:
        got = facts(events, "message")
        points.append(point_of_messages(SERVER, [fact for fact, _ in sent], got))
    fragmented = [count for _, count in sent if count > 1]
    if fragmented:
        frames, whole = f"{sum(fragmented)} frames", counted(len(fragmented), "message")
        note = "A page is given whole messages, with or without a proxy."
        points.append(Point("fragments", SERVER, frames, whole, note=note))
    return points


Fact = tuple[str, int, str]  # type, size in bytes, first bytes in hex


def facts(events: Iterable[PageEvent], name: str) -> list[Fact]:
    return [(each.type, each.size, each.head) for each in events if each.name == name]


def point_of_messages(sender: str, sent: list[Fact], arrived: list[Fact]) -> Point:
    """Compare the messages of one direction; one that is still under way is not missing."""
    changed = arrived != sent[: len(arrived)]
    got = f"{len(arrived)}, {'not the same' if changed else 'unchanged'}"
    note = "" if changed or arrived == sent else "Some are under way."
    return Point("messages", sender, counted(len(sent), "message"), got, changed, note)


def whole_messages(records: Iterable[Record], direction: str) -> list[tuple[Fact, int]]:
    """Return each whole text or binary message, and how many frames it was sent in."""
    found: list[tuple[Fact, int]] = []
    for message in join(records):
        value = message.value
        if message.direction == direction and message.type in ("text", "bytes"):
            data = value.encode() if isinstance(value, str) else value
            assert isinstance(data, bytes)
            found.append(((message.type, len(data), data[:HEAD].hex()), len(message.numbers)))
    return found


# PING and PONG


def control_frames(records: Sequence[Record], proxied: bool) -> list[Point]:
    points = []
    counts = Counter(
        (each.type, each.direction) for each in records if isinstance(each, FrameRecord)
    )
    pings, nothing = counts["ping", "sent"], "nothing in the page"
    if pings:
        pongs = counted(counts["pong", "received"], "PONG frame")
        note = (
            f"{pongs} came back, from {'the proxy' if proxied else 'the browser'}: "
            f"a page can neither see a PING nor send one."
        )
        points.append(Point("PING frames", SERVER, str(pings), nothing, note=note))
    unasked = counts["pong", "sent"] - counts["ping", "received"]
    if unasked > 0:
        points.append(Point("PONG frames", SERVER, str(unasked), nothing))
    return points


# The closing handshake


def closing(events: Sequence[PageEvent], records: Sequence[Record]) -> list[Point]:
    event, asked = first(events, "close"), first(events, "asked")
    closed = next((each for each in records if isinstance(each, ClosedRecord)), None)
    what = "close code and reason"
    if closed is None or closed.status is not None:
        return []
    if asked is not None and closed.first != "server":
        sent = close_text(1005 if asked.code is None else asked.code, asked.reason)
        got = closed.received
        arrived = close_text(got.code, got.reason) if got else "no CLOSE frame: 1006"
        return [Point(what, PAGE, sent, arrived, changed=sent != arrived)]
    if event is None:
        return []
    code = event.code or 1005
    arrived = close_text(code, event.reason)
    if closed.first == "server" and closed.sent is not None:
        sent = close_text(closed.sent.code, closed.sent.reason)
        return [Point(what, SERVER, sent, arrived, changed=sent != arrived)]
    if closed.first == "":
        sender = SERVER if closed.tcp == "dropped by server" else "somebody"
        note = "A dropped connection is reported as 1006 (RFC 6455, section 7.1.5)."
        return [Point("TCP dropped", sender, "no CLOSE frame", arrived, code != 1006, note)]
    return []


def close_text(code: int, reason: str) -> str:
    if code == 1005:
        return "1005 (no code)"
    return f'{code} "{visible(reason)}"' if reason else f"{code}, no reason"


# Parts


def first(events: Iterable[PageEvent], name: str) -> PageEvent | None:
    return next((event for event in events if event.name == name), None)


def origin_of(record: Record) -> str:
    """Return the Origin of a request of an opening handshake, or ""."""
    if not isinstance(record, HandshakeRecord) or record.status is not None:
        return ""
    return next((value for name, value in record.headers if name.lower() == "origin"), "")
