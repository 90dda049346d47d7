from __future__ import annotations

from astra_nb.wire.handshake import explain_headers

REQUEST = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Origin", "http://example.com"),
    ("Sec-WebSocket-Protocol", "chat, superchat"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Extensions", "permessage-deflate"),
]


def test_the_headers_that_matter_are_explained() -> None:
    notes = explain_headers("GET /chat HTTP/1.1", REQUEST)
    required = [note.name for note in notes if note.required]
    assert required == [
        "Host",
        "Upgrade",
        "connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
    ]
    assert all(note.meaning.endswith(".") and note.section for note in notes)


def test_a_header_that_does_not_matter_has_no_meaning() -> None:
    (note,) = explain_headers("GET / HTTP/1.1", [("User-Agent", "x")])
    assert note == ("User-Agent", "x", "", "", False)


def test_a_response_is_told_from_a_request() -> None:
    headers = [("sec-websocket-accept", "x"), ("Sec-WebSocket-Key", "y")]
    accept, key = explain_headers("HTTP/1.1 101 Switching Protocols", headers)
    assert accept.required
    assert accept.section == "4.2.2, item 5.4"
    assert key.meaning == ""
