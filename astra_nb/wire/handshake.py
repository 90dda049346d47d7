"""Opening handshake: heads, the meaning of their headers, and the accept key step by step."""

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
    "split_head",
]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def head_end(data: bytes | bytearray, start: int = 0) -> int | None:
    """Return the offset after the empty line that ends a head, or None when there is none.

    The first `start` bytes were searched before, and are not searched again.
    """
    match = END_OF_HEAD.search(data, max(start - 3, 0))  # the end has up to 4 bytes
    return None if match is None else match.end()


def split_head(head: bytearray, data: bytes) -> tuple[bytes, bytes]:
    """Add what came to a head, and split it into the part that belongs there and the rest."""
    start = len(head)
    head += data
    end = head_end(head, start)
    if end is None:
        return data, b""
    rest = bytes(head[end:])
    del head[end:]
    return data[: end - start], rest


def parse_head(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return the start line and the headers of a head, whatever is in it.

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


class AcceptStep(NamedTuple):
    """A step of computing `Sec-WebSocket-Accept`."""

    step: str
    value: str


def accept_steps(key: str) -> list[AcceptStep]:
    """Return how `Sec-WebSocket-Accept` is computed from a `Sec-WebSocket-Key`, step by step.

    RFC 6455, section 4.2.2, item 5.4. The value of the last step is the answer.
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
    """Return the `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return accept_steps(key)[-1].value


class HeaderNote(NamedTuple):
    """A header of an opening handshake with its meaning."""

    name: str  # as it was sent
    value: str  # as it was sent; secrets are hidden when it comes from a log
    meaning: str  # as one sentence; "" when it does not matter to the handshake
    section: str  # of RFC 6455, or ""


# The meaning of each header, and its section.
REQUEST = {
    "host": ("The server's name and port, as the client knows them.", "4.1, item 4 of the request"),
    "upgrade": ("The client asks to change from HTTP to the WebSocket protocol.",
        "4.1, item 5 of the request"),
    "connection": ('It must contain "Upgrade", because the header Upgrade is for this hop only.',
        "4.1, item 6 of the request"),
    "sec-websocket-key": (
        "16 random bytes as base64. The answer is computed from it, which proves that the server "
        "speaks WebSocket. It is not a secret.", "4.1, item 7 of the request"),
    "origin": (
        "The origin of the page whose script connects; a browser always sends it, "
        "and a server may refuse it with 403.", "4.1, item 8 of the request"),
    "sec-websocket-version": (
        "The version of the protocol, which is 13; a server refuses any that it does not know.",
        "4.1, item 9 of the request"),
    "sec-websocket-protocol": (
        "The subprotocols that the client offers, in order of preference.",
        "4.1, item 10 of the request"),
    "sec-websocket-extensions": (
        "The extensions that the client offers, such as permessage-deflate.",
        "4.1, item 11 of the request"),
}  # fmt: skip
RESPONSE = {
    "upgrade": ("The server changes to the WebSocket protocol.", "4.2.2, item 5.2"),
    "connection": ('It must contain "Upgrade".', "4.2.2, item 5.3"),
    "sec-websocket-accept": (
        "Computed from the client's Sec-WebSocket-Key; the client compares it with its own result.",
        "4.2.2, item 5.4"),
    "sec-websocket-protocol": (
        "The one subprotocol that the server chose from those offered.", "4.2.2, item 5.5"),
    "sec-websocket-extensions": ("The extensions that the server agreed to.", "4.2.2, item 5.6"),
    "sec-websocket-version": (
        "The versions that the server knows, in an answer that refuses another one.", "4.4"),
}  # fmt: skip


def explain_headers(start_line: str, headers: Iterable[tuple[str, str]]) -> list[HeaderNote]:
    """Return the headers of a request or a response with their meaning for the handshake.

    The start line is the request line, or the status line of a response.
    """
    notes = RESPONSE if start_line.startswith("HTTP/") else REQUEST
    return [
        HeaderNote(name, value, *notes.get(name.strip().lower(), ("", "")))
        for name, value in headers
    ]
