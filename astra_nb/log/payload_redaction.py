"""What a log hides in its records before anyone reads, exports or waits for them."""

from __future__ import annotations

import re
from collections.abc import Callable

from .records import FrameRecord, NoticeRecord, Record

__all__ = ["Redact", "hide_connection_init", "redacted"]

Redact = Callable[[Record], Record]

INIT = b"connection_init"
SHOWN = re.compile(rb'(?:^\s*\{\s*)?"type"\s*:\s*"connection_init"')


def hide_connection_init(record: Record) -> Record:
    """Return a record with what a `connection_init` message carries as `*`, byte for byte.

    In the subprotocols graphql-ws and graphql-transport-ws a page sends its token in the payload
    of that message, because it cannot set a header. Every other record is returned as it is.
    A message in fragments is judged frame by frame: of one that is cut before its payload the
    later fragments are shown.
    """
    if not isinstance(record, FrameRecord) or INIT not in (payload := record.payload):
        return record
    shown = SHOWN.search(payload)
    if shown is None or b'"payload"' not in payload:
        return record
    rest = len(payload) - shown.end()
    return record.with_payload(b"*" * shown.start() + shown[0] + b"*" * rest)


def redacted(redact: Redact, record: Record) -> Record:
    """Return what a function makes of a record; a notice in its place when it fails."""
    try:
        made = redact(record)
        failed = "" if isinstance(made, Record) else f"returned a {type(made).__name__}"
        if not failed and made.number != record.number:
            failed = "returned another number"
    except Exception as exc:  # noqa: BLE001  what it cannot judge must not be shown
        failed = f"raised {type(exc).__name__}"  # its message may hold what is to be hidden
    if not failed:
        return made
    return NoticeRecord(
        number=record.number,
        time=record.time,
        connection=record.connection,
        text=f"this record is hidden, because the log's redact function {failed}",
    )
