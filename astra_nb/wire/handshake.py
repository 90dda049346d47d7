"""The opening handshake: heads, what their headers mean, and the accept key by hand."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "GUID",
    "AcceptStep",
    "HeaderNote",
    "accept_key",
    "accept_steps",
    "explain_headers",
    "head_end",
    "parse_head",
]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


# Reading


def head_end(data: bytes | bytearray) -> int | None:
    """Find where a head ends: the offset behind its empty line, or None when it is not there."""
    match = END_OF_HEAD.search(data)
    return None if match is None else match.end()


def parse_head(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Read a head into its start line and its headers, whatever is in it.

    Bytes are read as Latin-1. A line without a colon becomes a header without a value; a line
    that begins with a blank continues the value before it.
    """
    lines = [line.rstrip("\r") for line in head.decode("latin-1").split("\n")]
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        if not line:
            break
        if line[0] in " \t" and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}".strip())
        else:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
    return lines[0], headers


# The accept key


class AcceptStep(NamedTuple):
    """One step of computing `Sec-WebSocket-Accept`."""

    step: str
    value: str


def accept_steps(key: str) -> list[AcceptStep]:
    """Compute `Sec-WebSocket-Accept` from a `Sec-WebSocket-Key`, step by step.

    RFC 6455, section 4.2.2, item 5.4. The last step's value is the answer.
    """
    key = key.strip()
    joined = key + GUID
    digest = hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False)
    return [
        AcceptStep("take Sec-WebSocket-Key as text", key),
        AcceptStep("append the GUID of RFC 6455", joined),
        AcceptStep("take the SHA-1 hash (20 bytes, here in hex)", digest.hexdigest()),
        AcceptStep("encode the hash as base64", base64.b64encode(digest.digest()).decode()),
    ]


def accept_key(key: str) -> str:
    """Compute `Sec-WebSocket-Accept` from a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return accept_steps(key)[-1].value


# What headers mean


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
