"""The connections of a log, one line each; made when a page asks, because it reads the log."""

from __future__ import annotations

import weakref
from typing import Any

from ..log import FrameLog
from ..server import Server
from ..wire.closing import why_closed
from ..wire.records import ClosedRecord, FrameRecord, OpenedRecord
from ..wire.text import visible

__all__ = ["connection_rows"]

NEWEST = 200  # connections


def connection_rows(
    server: weakref.ref[Server] | None, log: FrameLog | None
) -> list[dict[str, Any]]:
    """Sum up each connection of the log, the newest last; JSON for the page."""
    rows: dict[int, dict[str, Any]] = {}
    for record in log or ():
        if record.connection == 0:
            continue
        row = rows.setdefault(record.connection, new_row(record.connection))
        if isinstance(record, FrameRecord):
            row[record.direction] += 1
            row[f"{record.direction}_bytes"] += len(record.frame.raw)
        elif isinstance(record, OpenedRecord):
            row |= {
                "peer": visible(record.peer),
                "path": visible(record.path[:200]),
                "state": "open",
                "agreed": ", ".join(
                    visible(part) for part in (record.subprotocol or "", *record.extensions) if part
                ),
            }
        elif isinstance(record, ClosedRecord):
            row |= {"state": "closed", "why": why_closed(record)}
    found = None if server is None else server()
    for socket in () if found is None else found.connections:
        if socket.id in rows:
            rows[socket.id] |= {"state": socket.state, "rtt": socket.latency}
    return list(rows.values())[-NEWEST:]


def new_row(number: int) -> dict[str, Any]:
    return {
        "id": number, "peer": "", "path": "", "state": "", "agreed": "", "why": "", "rtt": None,
        "received": 0, "sent": 0, "received_bytes": 0, "sent_bytes": 0,
    }  # fmt: skip
