"""What a page must know to check the server's addresses, and what its check found."""

from __future__ import annotations

import contextlib
from typing import Any

from astra_nb.browser_address import Surroundings, unreachable
from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.server import Server
from astra_nb.server_connection import CHECK_PATH
from astra_nb.wire.records import ClosedRecord

from .two_ends import origin_of

__all__ = ["allow_page", "describe_addresses", "refused_since"]


def describe_addresses(server: Server | None) -> dict[str, Any]:
    """Describe both addresses of a server, as JSON for a page.

    `static/js/address_check.js` takes it: `checkAddresses(description)` opens a real connection
    to each address in turn, and `describeCheck(result, description)` puts what it found in words.
    """
    if server is None:
        return {"url": "", "running": False, "candidates": [], "why_not": "The server is gone."}
    around = Surroundings.here()
    return {
        "url": server.url,
        "running": server.running,
        "place": around.place,
        "candidates": [
            {"url": each.url, "why": each.why, "proxied": each.proxied, "hint": each.hint}
            for each in server.browser_addresses
        ],
        "why_not": unreachable(around),
        "check_path": CHECK_PATH.lstrip("/"),
        "answer": server.check_answer,
        "last": server.log.last_number,
    }


def allow_page(server: Server, content: dict[str, Any]) -> None:
    """Let the page in that shows a widget, as it told where it is over the kernel's channel."""
    # A page that names no site, such as one in a sandbox, stays outside.
    with contextlib.suppress(LocalError):
        server.allow_page(
            str(content.get("origin")), str(content.get("host") or ""), content.get("base_url")
        )


def refused_since(log: FrameLog, number: int, origin: str) -> dict[str, Any]:
    """Say how the newest request of a page after a record was refused: `status` 0 for not at all.

    Args:
        origin: The page's origin; what other pages were refused is not its business.
    """
    records = log.since(number, 200)
    own = {record.connection for record in records if origin_of(record) == origin}
    for record in reversed(records):
        if (
            isinstance(record, ClosedRecord)
            and record.status is not None
            and record.connection in own
        ):
            return {"status": record.status, "detail": record.detail}
    return {"status": 0, "detail": ""}
