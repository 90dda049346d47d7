"""Which headers of the opening handshake matter, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["HeaderNote", "explain_headers"]


class HeaderNote(NamedTuple):
    """What a header says in an opening handshake.

    Attributes:
        name: Its name, as it was sent.
        value: Its value, as it was sent; secrets hidden when it comes from a log.
        meaning: What it is for, as one sentence; "" when it does not matter to the handshake.
        section: The section of RFC 6455 that says so, or "".
        required: Whether the handshake fails without it.
    """

    name: str
    value: str
    meaning: str
    section: str
    required: bool


# Meaning, section, required.
REQUEST: dict[str, tuple[str, str, bool]] = {
    "host": (
        "The server's name and port, as the client knows them.",
        "4.1, item 4 of the request",
        True,
    ),
    "upgrade": (
        "The client asks to change from HTTP to the WebSocket protocol.",
        "4.1, item 5 of the request",
        True,
    ),
    "connection": (
        'It must hold "Upgrade": the header of that name is meant for this very hop.',
        "4.1, item 6 of the request",
        True,
    ),
    "sec-websocket-key": (
        "16 random bytes as base64. The answer is computed from it, which proves that the server "
        "speaks WebSocket; it is no secret.",
        "4.1, item 7 of the request",
        True,
    ),
    "origin": (
        "The origin of the page whose script connects; a browser always sends it, "
        "and a server may refuse it with 403.",
        "4.1, item 8 of the request",
        False,
    ),
    "sec-websocket-version": (
        "The version of the protocol, which is 13; a server answers another one with 426.",
        "4.1, item 9 of the request",
        True,
    ),
    "sec-websocket-protocol": (
        "The subprotocols that the client offers, the one it likes best first.",
        "4.1, item 10 of the request",
        False,
    ),
    "sec-websocket-extensions": (
        "The extensions that the client offers, such as permessage-deflate.",
        "4.1, item 11 of the request",
        False,
    ),
}
RESPONSE: dict[str, tuple[str, str, bool]] = {
    "upgrade": ("The server changes to the WebSocket protocol.", "4.2.2, item 5.2", True),
    "connection": ('It must hold "Upgrade".', "4.2.2, item 5.3", True),
    "sec-websocket-accept": (
        "Computed from the client's Sec-WebSocket-Key; the client compares it with its own result.",
        "4.2.2, item 5.4",
        True,
    ),
    "sec-websocket-protocol": (
        "The one subprotocol that the server chose from those offered.",
        "4.2.2, item 5.5",
        False,
    ),
    "sec-websocket-extensions": (
        "The extensions that the server agreed to.",
        "4.2.2, item 5.6",
        False,
    ),
    "sec-websocket-version": (
        "The versions that the server knows; it stands in an answer that refuses another one.",
        "4.4",
        False,
    ),
}


def explain_headers(start_line: str, headers: Iterable[tuple[str, str]]) -> list[HeaderNote]:
    """Say which headers of a request or a response matter to the opening handshake, and why.

    Args:
        start_line: The request line or the status line, which tells the two apart.
        headers: Names and values, in their order.
    """
    notes = RESPONSE if start_line.startswith("HTTP/") else REQUEST
    nothing = ("", "", False)
    return [
        HeaderNote(name, value, *notes.get(name.strip().lower(), nothing))
        for name, value in headers
    ]
