"""The rows of the connection table; made when a page asks, because that reads the whole log."""

from __future__ import annotations

from typing import Any

from astra_nb.log import FrameLog
from astra_nb.log.summary import ConnectionSummary, summarise
from astra_nb.wire.text import visible

__all__ = ["connection_rows"]

NEWEST = 200  # connections
LONGEST = 200  # characters of a text from outside


def connection_rows(log: FrameLog | None) -> list[dict[str, Any]]:
    """Return a summary of each connection of the log as JSON, the newest last."""
    return [row(each) for each in list(summarise(log or ()).values())[-NEWEST:]]


def row(summary: ConnectionSummary) -> dict[str, Any]:
    return {
        "id": summary.id,
        "peer": visible(summary.peer),
        "path": visible(summary.path, LONGEST),
        "state": summary.state,
        "subprotocol": visible(summary.subprotocol or "", LONGEST),
        "received": [summary.received.frames, summary.received.bytes],
        "sent": [summary.sent.frames, summary.sent.bytes],
        "rtt": summary.rtt[-1] if summary.rtt else None,
        "why": summary.why_closed,
    }
