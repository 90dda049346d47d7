"""The state of a server as the page shows it: address, open connections, what is dropped."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.server import Server
from astra_nb.wire.text import visible

__all__ = ["OpenConnection", "Status", "status_of"]

GONE = "The server is gone: nothing refers to it any more. This is its log as it was last."


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """An open connection of the server.

    Attributes:
        id: Its number.
        peer: Address of the client.
        path: Path of its request.
    """

    id: int
    peer: str
    path: str


@dataclass(frozen=True, slots=True)
class Status:
    """What the status bar shows; two that are equal look the same.

    Attributes:
        state: "listening", "stopped", or "" for a log without a server.
        url: Address of the server, or "".
        open: The open connections, oldest first.
        dropped: Frames that are no longer on the log.
        note: A sentence, or "".
    """

    state: str = ""
    url: str = ""
    open: tuple[OpenConnection, ...] = ()
    dropped: int = 0
    note: str = ""

    def content(self) -> dict[str, Any]:
        """The message to the page."""
        return {
            "kind": "status",
            "state": self.state,
            "url": self.url,
            "open": [{"id": each.id, "peer": each.peer, "path": each.path} for each in self.open],
            "dropped": self.dropped,
            "note": self.note,
        }


def status_of(server: weakref.ref[Server] | None, log: FrameLog | None) -> Status:
    """Look at a server and its log."""
    dropped = 0 if log is None else log.dropped
    if server is None:
        return Status(state="log", dropped=dropped)
    found = server()
    if found is None:
        return Status(state="stopped", dropped=dropped, note=GONE)
    sockets = found.connections
    return Status(
        state="listening" if found.running else "stopped",
        url=found.url,
        open=tuple(
            OpenConnection(socket.id, socket.remote_address, visible(socket.request.path[:200]))
            for socket in sockets
        ),
        dropped=dropped,
    )
