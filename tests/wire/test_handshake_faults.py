"""The faults of an opening handshake: what each changes in a right request or answer."""

from __future__ import annotations

import pytest

from astra_nb.wire.frames import decode
from astra_nb.wire.handshake import head_end, parse_head
from astra_nb.wire.handshake_faults import ANSWERS, REQUESTS

REQUEST = (
    b"GET /room HTTP/1.1\r\nHost: h:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: abc=\r\n\r\n"
)
NAMES = {fault.name: fault for fault in (*REQUESTS, *ANSWERS)}


def changed(name: str) -> tuple[str, list[tuple[str, str]], bytes]:
    change = NAMES[name].change
    assert change is not None
    data = change(REQUEST if NAMES[name].stage == "request" else ANSWER)
    end = head_end(data)
    assert end is not None
    return *parse_head(data[:end]), data[end:]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("request without Host", "Host"),
        ("request without Upgrade", "Upgrade"),
        ("request without Connection", "Connection"),
        ("request without a key", "Sec-WebSocket-Key"),
        ("request without a version", "Sec-WebSocket-Version"),
        ("answer without an accept key", "Sec-WebSocket-Accept"),
        ("answer without Upgrade", "Upgrade"),
        ("answer without Connection", "Connection"),
    ],
)
def test_what_is_missing(name: str, header: str) -> None:
    right = REQUEST if NAMES[name].stage == "request" else ANSWER
    start, headers, rest = changed(name)
    expected = [pair for pair in parse_head(right)[1] if pair[0] != header]
    assert (start, headers, rest) == (parse_head(right)[0], expected, b"")


@pytest.mark.parametrize(
    ("name", "header", "values"),
    [
        ("foreign Host", "Host", ["evil.example"]),
        ("key of 13 bytes", "Sec-WebSocket-Key", ["AAAAAAAAAAAAAAAAAA=="]),
        ("two keys", "Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ=="] * 2),
        ("same key each time", "Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ=="]),
        ("doubled subprotocols", "Sec-WebSocket-Protocol", ["chat, chat"]),
        ("empty list of subprotocols", "Sec-WebSocket-Protocol", [""]),
        ("subprotocol with a blank", "Sec-WebSocket-Protocol", ["a chat"]),
        ("wrong accept key", "Sec-WebSocket-Accept", ["AAAAAAAAAAAAAAAAAAAAAAAAAAA="]),
        ("extension that nobody offered", "Sec-WebSocket-Extensions", ["x-unasked"]),
        ("subprotocol that nobody offered", "Sec-WebSocket-Protocol", ["unasked"]),
    ],
)
def test_what_is_wrong(name: str, header: str, values: list[str]) -> None:
    _, headers, rest = changed(name)
    assert ([value for key, value in headers if key == header], rest) == (values, b"")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("request with POST", "POST /room HTTP/1.1"),
        ("request of HTTP/1.0", "GET /room HTTP/1.0"),
        ("another status", "HTTP/1.1 200 OK"),
        ("answer that is not HTTP", "Hello! This is not HTTP."),
        ("bytes before the answer", "Hello!"),
    ],
)
def test_start_lines(name: str, start: str) -> None:
    assert changed(name)[0] == start


@pytest.mark.parametrize("name", ["data before the answer", "frame in the packet of the answer"])
def test_frames_after_a_head(name: str) -> None:
    frame = decode(changed(name)[2])
    assert (frame.type, frame.payload) == ("text", b"Hello")
    assert frame.masked is (NAMES[name].stage == "request")


def test_a_late_answer_changes_nothing() -> None:
    assert (NAMES["late answer"].change, NAMES["late answer"].seconds) == (None, 2.0)


def test_each_says_who_breaks_it_and_what_must_follow() -> None:
    for fault in (*REQUESTS, *ANSWERS):
        assert fault.senders == (("client",) if fault.stage == "request" else ("server",))
        assert fault.answer.startswith("The other end ")
        assert fault.code is None or str(fault.code) in fault.answer
