"""The server's status as the page's status bar shows it: address, connections, what is dropped."""

from __future__ import annotations

import weakref
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.server import Server
from astra_nb.wire.text import shortened, visible

__all__ = ["server_status"]

GONE = "The server is gone: nothing refers to it any more. This is its log as it was last."
LONGEST_PATH = 200  # characters


def server_status(server: weakref.ref[Server] | None, log: FrameLog | None) -> dict[str, Any]:
    """Describe a server and its log, as JSON for the page.

    Returns:
        `state` ("listening", "stopped", or "log" for a log without a server), `url` or "", `open`
        (number, peer and path of each open connection, oldest first), `dropped` (how many records
        are no longer on the log) and `note`, a sentence or "".
    """
    found = None if server is None else server()
    state = "log" if server is None else "listening" if found and found.running else "stopped"
    return {
        "state": state,
        "url": found.url if found else "",
        "open": [
            {
                "id": socket.id,
                "peer": socket.remote_address,
                "path": visible(shortened(socket.request.path, LONGEST_PATH)),
            }
            for socket in (found.connections if found else ())
        ],
        "dropped": 0 if log is None else log.dropped,
        "note": GONE if server is not None and found is None else "",
    }
