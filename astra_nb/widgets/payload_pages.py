"""Payloads of records: a page at a time for the payload view, and whole for a clipboard."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.joiner import join
from astra_nb.log.records import (
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    OutputRecord,
    Record,
)
from astra_nb.log.table import details
from astra_nb.wire.explain import explain
from astra_nb.wire.figure import figure
from astra_nb.wire.text import counted, invalid_utf8, utf8_fault, visible_utf8

__all__ = [
    "COPIES", "PAGE", "bad_bytes", "copy_of", "first_difference", "is_fragment", "message_of",
    "payload_of", "payload_page", "start_of", "wire_page",
]  # fmt: skip

PAGE = 65_536  # bytes of a payload that are sent at once
WIRE_PAGE = 1024  # bytes of a frame as it was on the wire
AROUND = 1000  # records before and after a fragment among which its message is looked for
MOST_COPIED = 2**20  # bytes


def is_fragment(record: Record) -> bool:
    """Return whether a record is a frame that is only a part of a message."""
    return isinstance(record, FrameRecord) and (
        record.type == "continuation" or (record.type in ("text", "bytes") and not record.frame.fin)
    )


def message_of(log: FrameLog, record: Record) -> tuple[bytes, str, Sequence[int]] | None:
    """Return the message of a fragment: its bytes, its type and the numbers of its frames."""
    if not is_fragment(record):
        return None
    around = log.between(record.number - AROUND, record.number + AROUND)
    of_one = [each for each in around if each.connection == record.connection]
    for message in join(of_one):
        value = message.value
        if record.number in message.numbers and isinstance(value, str | bytes):
            data = value.encode("utf-8") if isinstance(value, str) else value
            return data, message.type, message.numbers
    return None


def start_of(log: FrameLog, record: Record) -> int:
    """Return the byte of its message at which a fragment begins; 0 for any other record."""
    message = message_of(log, record)
    before = (
        [log.find(number) for number in message[2] if number < record.number] if message else []
    )
    return sum(len(each.payload) for each in before if isinstance(each, FrameRecord))


def payload_of(log: FrameLog, record: Record, *, whole: bool = False) -> tuple[bytes, str]:
    """Return what the payload view shows of a record, and how: "text" or "bytes".

    Args:
        whole: Whether a fragment stands for its message.
    """
    if isinstance(record, FrameRecord):
        message = message_of(log, record) if whole else None
        if message:
            return message[0], message[1]
        return record.payload, "text" if record.type in ("text", "continuation") else "bytes"
    match record:
        case HandshakeRecord():
            return record.raw, "text"
        case HandlerErrorRecord():
            return record.traceback.encode("utf-8", "replace"), "text"
        case OutputRecord():
            return record.text.encode("utf-8", "replace"), "text"
    return details(record).encode(), "text"


def bad_bytes(record: FrameRecord) -> dict[str, Any] | None:
    """Return where a payload that must be UTF-8 is not: the bad byte and a sentence; else None."""
    # A fragment may end inside a character, so there only a whole message is judged.
    if record.type not in ("text", "close") or not record.frame.fin:
        return None
    skip = 2 if record.type == "close" else 0
    try:
        record.payload[skip:].decode("utf-8")
    except UnicodeDecodeError as exc:
        first, follows = skip + exc.start, exc.reason == "invalid continuation byte"
        at = skip + exc.end if follows and exc.end < len(exc.object) else first
        said = f"Not UTF-8 at payload byte {first:,}: {utf8_fault(exc)} (section 8.1)."
        return {"at": at, "sentence": said}
    return None


def payload_page(
    data: bytes, offset: int, hit: tuple[int, int] | None, bad: int = -1
) -> dict[str, Any]:
    """Return a page of a payload: its bytes in base64, and its text in marked pieces.

    Args:
        data: The payload, unmasked.
        offset: A byte of the page.
        hit: A search hit: its first byte and its length.
        bad: The byte that breaks UTF-8, -1 for none.
    """
    start = max(0, min(offset, len(data) - 1)) // PAGE * PAGE
    end = min(start + PAGE, len(data))
    # Whole characters only: what is cut off for the page is not a fault of the payload.
    while 0 < start < end and data[start] & 0xC0 == 0x80:
        start += 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    marks = {"bad": (bad, bad + 1)} if bad >= 0 else {}
    if hit is not None and hit[0] >= 0:
        marks["hit"] = (hit[0], hit[0] + hit[1])
    edges = {min(max(edge, start), end) for mark in marks.values() for edge in mark}
    cuts = sorted({start, end, *edges})
    return {
        "offset": start,
        "total": len(data),
        "base64": base64.b64encode(data[start:end]).decode(),
        "pieces": [
            [next((name for name, (a, b) in marks.items() if a <= one < b), ""),
             "\n".join(visible_utf8(line) for line in data[one:other].split(b"\n"))]
            for one, other in pairwise(cuts)
        ],
        "hit": marks.get("hit"),
        "bad": bad,
    }  # fmt: skip


def wire_page(record: Record, offset: int) -> dict[str, Any]:
    """Return some bytes of a record as they were on the wire, in hex."""
    raw = record.frame.raw if isinstance(record, FrameRecord) else getattr(record, "raw", b"")
    start = max(offset, 0) // WIRE_PAGE * WIRE_PAGE
    return {"hex": bytes(raw[start : start + WIRE_PAGE]).hex()}


def first_difference(one: bytes, other: bytes) -> int:
    """Return the first byte in which two payloads differ; -1 when they are the same."""
    if one == other:
        return -1
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


COPIES: dict[str, Callable[[bytes, str, Record], str]] = {
    "payload": lambda data, as_, _: data.decode("utf-8", "replace") if as_ == "text"
    else data.hex(" "),
    "python": lambda data, as_, _: repr(data) if as_ == "bytes" or invalid_utf8(data)
    else repr(data.decode()),
    "hex": lambda data, as_, _: data.hex(" "),
    "base64": lambda data, as_, _: base64.b64encode(data).decode(),
    "drawing": lambda data, as_, record: figure(record.frame)
    if isinstance(record, FrameRecord) else details(record),
    "explanation": lambda data, as_, record: explain(record.frame, record.sender, record.message)
    if isinstance(record, FrameRecord) else details(record),
}  # fmt: skip


def copy_of(log: FrameLog, record: Record, form: str) -> str:
    """Return a record in one of the forms of `COPIES`.

    Raises:
        LocalError: There is no such form, or the payload is too long for a clipboard.
    """
    data, as_ = payload_of(log, record, whole=True)
    if form not in COPIES:
        raise LocalError(f"{form[:40]!r} is not a form to copy; choose from {', '.join(COPIES)}")
    if len(data) > MOST_COPIED:
        raise LocalError(
            f"The payload has {counted(len(data), 'byte')}; up to {MOST_COPIED:,} are copied. "
            f"In a cell: server.log.find({record.number}).payload"
        )
    return COPIES[form](data, as_, record)
