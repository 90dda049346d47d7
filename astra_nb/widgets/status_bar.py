"""The server's status as the page's status bar shows it: address, connections, what is dropped."""

from __future__ import annotations

import weakref
from dataclasses import asdict, dataclass
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.server import Server
from astra_nb.wire.text import visible

__all__ = ["OpenConnection", "ServerStatus", "server_status"]

GONE = "The server is gone: nothing refers to it any more. This is its log as it was last."
LONGEST_PATH = 200  # characters


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """An open connection of the server: its number, the client's address, the request's path."""

    id: int
    peer: str
    path: str


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What the status bar shows; two that are equal look the same.

    Attributes:
        state: "listening", "stopped", or "log" for a log without a server.
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
        """Return it as JSON for the page."""
        return asdict(self)


def server_status(server: weakref.ref[Server] | None, log: FrameLog | None) -> ServerStatus:
    """Look at a server and its log."""
    dropped = 0 if log is None else log.dropped
    if server is None:
        return ServerStatus(state="log", dropped=dropped)
    found = server()
    if found is None:
        return ServerStatus(state="stopped", dropped=dropped, note=GONE)
    return ServerStatus(
        state="listening" if found.running else "stopped",
        url=found.url,
        open=tuple(
            OpenConnection(
                socket.id, socket.remote_address, visible(socket.request.path[:LONGEST_PATH])
            )
            for socket in found.connections
        ),
        dropped=dropped,
    )
