"""The faults of an opening handshake: a wrong request, and a wrong answer."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from .frame_faults import KEY, TEXT, Fault
from .frames import encode

__all__ = ["ANSWERS", "REQUESTS"]

Change = Callable[[bytes], bytes]

SAMPLE_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # of the opening handshake, section 1.3

REFUSES = "The other end must not open the connection; it answers with {code}."
CLIENT_FAILS = "The other end must fail the connection: it opens no WebSocket, and closes TCP."


def without(name: str) -> Change:
    pattern = re.compile(rb"(?im)^%s:.*\r\n" % re.escape(name.encode()))
    return lambda head: pattern.sub(b"", head)


def with_header(name: str, *values: bytes) -> Change:
    lines = b"".join(b"%s: %s\r\n" % (name.encode(), value) for value in values)

    def change(head: bytes) -> bytes:
        start, separator, rest = without(name)(head).partition(b"\r\n")
        return start + separator + lines + rest

    return change


def start_line(pattern: bytes, replacement: bytes) -> Change:
    return lambda head: re.sub(pattern, replacement, head, count=1)


def request(
    name: str, section: str, code: int | None, breaks: str, change: Change, answer: str = REFUSES
) -> Fault:
    return Fault(
        name, section, code, breaks, answer.format(code=code), None, "request", ("client",), change
    )


def answer(
    name: str, section: str, breaks: str, change: Change | None, then: str = CLIENT_FAILS,
    seconds: float | None = None,
) -> Fault:  # fmt: skip
    return Fault(
        name, section, None, breaks, then, None, "answer", ("server",), change, seconds
    )  # fmt: skip


REQUESTS: tuple[Fault, ...] = (
    request(
        "request with POST", "4.1", 405, "The method of the request must be GET.",
        start_line(rb"\AGET", b"POST"),
    ),
    request(
        "request of HTTP/1.0", "4.1", 505, "The request must be HTTP/1.1 or higher.",
        start_line(rb"HTTP/1\.1", b"HTTP/1.0"),
    ),
    request(
        "request without Host", "4.1", 400, "The request must have a Host header.",
        without("Host"),
    ),
    request(
        "foreign Host", "4.1", 421,
        "The Host header must name the server; a page whose name was pointed at another machine "
        "(DNS rebinding) sends its own name.",
        with_header("Host", b"evil.example"),
    ),
    request(
        "request without Upgrade", "4.1", 426, 'The request must have "Upgrade: websocket".',
        without("Upgrade"),
    ),
    request(
        "request without Connection", "4.1", 426, 'The request must have "Connection: Upgrade".',
        without("Connection"),
    ),
    request(
        "request without a key", "4.1", 400, "The request must have one Sec-WebSocket-Key.",
        without("Sec-WebSocket-Key"),
    ),
    request(
        "key of 13 bytes", "4.1", 400, "A Sec-WebSocket-Key is 16 bytes in base64.",
        with_header("Sec-WebSocket-Key", base64.b64encode(bytes(13))),
    ),
    request(
        "two keys", "4.1", 400, "The request must have one Sec-WebSocket-Key, not two.",
        with_header("Sec-WebSocket-Key", SAMPLE_KEY, SAMPLE_KEY),
    ),
    request(
        "same key each time", "4.1", None,
        "The key must be chosen at random for each connection; this one is the example in the RFC.",
        with_header("Sec-WebSocket-Key", SAMPLE_KEY),
        "The other end cannot notice it, and opens the connection.",
    ),
    request(
        "request without a version", "4.1", 400, 'The request must have the version "13".',
        without("Sec-WebSocket-Version"),
    ),
    request(
        "doubled subprotocols", "4.1", None, "Each subprotocol must be offered once.",
        with_header("Sec-WebSocket-Protocol", b"chat, chat"),
        "The other end may open the connection; the RFC names no answer.",
    ),
    request(
        "empty list of subprotocols", "4.1", 400,
        "The header that offers subprotocols must name at least one.",
        with_header("Sec-WebSocket-Protocol", b""),
    ),
    request(
        "subprotocol with a blank", "4.1", 400,
        "The name of a subprotocol has no blanks and no separators.",
        with_header("Sec-WebSocket-Protocol", b"a chat"),
    ),
    request(
        "data before the answer", "4.1", None,
        "A client must wait for the answer before it sends anything more.",
        lambda head: head + encode(TEXT, b"Hello", key=KEY),
        "The other end may read it once the connection is open; the RFC names no answer.",
    ),
)  # fmt: skip


ANSWERS: tuple[Fault, ...] = (
    answer(
        "wrong accept key", "4.2.2",
        "Sec-WebSocket-Accept is computed from the client's key; this one is not.",
        with_header("Sec-WebSocket-Accept", base64.b64encode(bytes(20))),
    ),
    answer(
        "answer without an accept key", "4.2.2", "The answer must have Sec-WebSocket-Accept.",
        without("Sec-WebSocket-Accept"),
    ),
    answer(
        "answer without Upgrade", "4.2.2", 'The answer must have "Upgrade: websocket".',
        without("Upgrade"),
    ),
    answer(
        "answer without Connection", "4.2.2", 'The answer must have "Connection: Upgrade".',
        without("Connection"),
    ),
    answer(
        "extension that nobody offered", "9.1",
        "A server must not agree to an extension that the client does not offer.",
        with_header("Sec-WebSocket-Extensions", b"x-unasked"),
    ),
    answer(
        "subprotocol that nobody offered", "4.2.2",
        "A server must not choose a subprotocol that the client does not offer.",
        with_header("Sec-WebSocket-Protocol", b"unasked"),
    ),
    answer(
        "another status", "4.2.2", "The status of the answer must be 101.",
        lambda head: with_header("Content-Length", b"0")(
            head.replace(b"101 Switching Protocols", b"200 OK", 1)
        ),
    ),
    answer(
        "answer that is not HTTP", "4.2.2", "The answer must be HTTP.",
        lambda head: b"Hello! This is not HTTP.\r\n\r\n",
    ),
    answer(
        "bytes before the answer", "4.2.2", "The answer begins with its status line.",
        lambda head: b"Hello!\r\n" + head,
    ),
    answer(
        "frame in the packet of the answer", "5.1",
        "No rule: a server may send frames as soon as it has sent its answer, and TCP may bring "
        "both at once.",
        lambda head: head + encode(TEXT, b"Hello"),
        "The other end must open the connection, and read the frame.",
    ),
    answer(
        "late answer", "4.2.2", "No rule: RFC 6455 sets no time for the answer.", None,
        "The other end waits, and gives up after its own time limit.", 2.0,
    ),
)  # fmt: skip
