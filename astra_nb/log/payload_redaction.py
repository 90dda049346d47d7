"""What a log hides in its records before anyone reads, exports or waits for them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO

from astra_nb.wire.frames import decode, encode
from astra_nb.wire.opcodes import BINARY, CONTINUATION

from .records import FrameRecord, NoticeRecord, Record

__all__ = [
    "Redact",
    "hide_connection_init",
    "is_shown",
    "may_be_redacted",
    "redacted",
    "redacted_fragments",
]

Redact = Callable[[Record], Record]

_running = threading.local()  # the functions that run in a thread: one may read its own log

FIN = 0x80
INIT = b"connection_init"
SHOWN = re.compile(rb'(?:^\s*\{\s*)?"type"\s*:\s*"connection_init"')
ESCAPED = re.compile(rb"\\u00([0-7][0-9A-Fa-f])")  # a character of ASCII, in JSON
# How such a message may begin.
BEGINNINGS = (b'"payload":', b'"id":', b'"type":"connection_init"')


def hide_connection_init(record: Record) -> Record:
    """Return a record with what a `connection_init` message carries as `*`, byte for byte.

    In the subprotocols graphql-ws and graphql-transport-ws a page sends its token in the payload
    of that message, because it cannot set a header. Every other record is returned as it is. A
    message that is not whole is hidden if it may be one: by its beginning, or because its
    beginning is not in the log any more.
    """
    if not isinstance(record, FrameRecord):
        return record
    frame, payload = record.frame, record.payload
    if frame.opcode == CONTINUATION or not (frame.fin and frame.complete):
        if frame.opcode > BINARY:
            return record  # refused: no message is in such a frame
        return record.with_payload(b"*" * len(payload)) if _may_be_init(record) else record
    if b"\\u00" in payload:
        plain = ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), payload)
        return record.with_payload(b"*" * len(payload)) if SHOWN.search(plain) else record
    shown = SHOWN.search(payload) if INIT in payload else None
    if shown is None or b'"payload"' not in payload:
        return record
    rest = len(payload) - shown.end()
    return record.with_payload(b"*" * shown.start() + shown[0] + b"*" * rest)


def is_shown(record: FrameRecord) -> bool:
    """Return whether `hide_connection_init` surely leaves a frame as it is, found quickly."""
    frame = record.frame
    first = frame.raw[0]
    return (
        first >= FIN
        and first & 0x0F != CONTINUATION
        and frame.complete
        and not may_be_redacted(frame.payload if record.message is None else record.message)
    )


def may_be_redacted(payload: bytes) -> bool:
    """Return whether `hide_connection_init` may hide something of a whole message."""
    return INIT in payload or b"\\u00" in payload


def _may_be_init(record: FrameRecord) -> bool:
    if record.frame.opcode == CONTINUATION:
        return not record.verdict  # one that was accepted had a beginning
    brace, _, rest = record.payload.lstrip().partition(b"{")
    start = re.sub(rb"\s+", b"", rest[:200])
    return not brace and any(
        start.startswith(each) or each.startswith(start) for each in BEGINNINGS
    )


def redacted(redact: Redact, record: Record) -> Record:
    """Return what a function makes of a record; a notice in its place when it fails."""
    running: list[Redact] = vars(_running).setdefault("functions", [])
    if any(each is redact for each in running):
        return _hidden(record, "reads the log itself")
    running.append(redact)
    try:
        made = redact(record)
        failed = "" if isinstance(made, Record) else f"returned a {type(made).__name__}"
        if not failed and made.number != record.number:
            failed = "returned another number"
    except Exception as exc:  # noqa: BLE001  what it cannot judge must not be shown
        failed = f"raised {type(exc).__name__}"  # its message may hold what is to be hidden
    finally:
        running.pop()
    return _hidden(record, failed) if failed else made


def redacted_fragments(redact: Redact, fragments: Sequence[FrameRecord]) -> list[Record]:
    """Return what a function makes of a message in fragments, again in fragments.

    It gets one record with the whole payload and the first one's number. That is not final when
    the last fragment is not among them, and a continuation when the first one is not.
    """
    first, last = fragments[0], fragments[-1]
    payload = b"".join([each.payload for each in fragments])
    fin = last.frame.fin and last.frame.complete
    whole = replace(first, frame=decode(encode(first.frame.opcode, payload, fin=fin)), message=None)
    made = redacted(redact, whole)
    if made is whole:
        return list(fragments)
    if isinstance(made, FrameRecord) and len(made.payload) == len(payload):
        parts = BytesIO(made.payload)
        return [each.with_payload(parts.read(len(each.payload))) for each in fragments]
    if isinstance(made, FrameRecord):
        made = _hidden(first, "returned another length")
    return [replace(made, number=each.number, time=each.time) for each in fragments]


def _hidden(record: Record, why: str) -> NoticeRecord:
    return NoticeRecord(
        number=record.number,
        time=record.time,
        connection=record.connection,
        text=f"this record is hidden, because the log's redact function {why}",
    )
