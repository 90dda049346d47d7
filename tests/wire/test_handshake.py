from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.utils import accept_key as reference_accept_key

from astra_nb.wire.handshake import (
    accept_key,
    accept_steps,
    explain_headers,
    head_end,
    parse_head,
    split_head,
)

SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
REQUEST = (
    b"GET /chat HTTP/1.1\r\n"
    b"Host: server.example.com\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Origin: http://example.com\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n"
    b"\r\n"
)


def test_a_head_is_read() -> None:
    start_line, headers = parse_head(REQUEST)
    assert start_line == "GET /chat HTTP/1.1"
    assert headers[0] == ("Host", "server.example.com")
    assert headers[3] == ("Sec-WebSocket-Key", SAMPLE_KEY)
    assert len(headers) == 8


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", ("", [])),
        (b"GET / HT", ("GET / HT", [])),
        (b"GET / HTTP/1.1\nA:b\nC : d \n\n", ("GET / HTTP/1.1", [("A", "b"), ("C", "d")])),
        (b"X\r\nA: b\r\n c\r\n\td\r\n\r\n", ("X", [("A", "b c d")])),
        (b"X\r\nno colon\r\n: no name\r\n\r\n", ("X", [("no colon", ""), ("", "no name")])),
        (b"X\r\nA: b:c\r\n\r\nbody: not a header", ("X", [("A", "b:c")])),
        (b"\xff\x00\r\nA: \xe9\r\n\r\n", ("\xff\x00", [("A", "\xe9")])),
        (b"X\r\n leading\r\n\r\n", ("X", [("leading", "")])),
    ],
)
def test_a_head_of_any_bytes_is_read(
    head: bytes, expected: tuple[str, list[tuple[str, str]]]
) -> None:
    assert parse_head(head) == expected


def test_where_a_head_ends() -> None:
    for end in range(len(REQUEST)):
        assert head_end(REQUEST[:end]) is None
    assert head_end(REQUEST) == len(REQUEST)
    assert head_end(bytearray(REQUEST + b"\x81\x00")) == len(REQUEST)
    assert head_end(b"GET / HTTP/1.1\n\nrest") == 16


def test_the_accept_key_of_the_rfc() -> None:
    assert accept_key(SAMPLE_KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert [step.value for step in accept_steps(SAMPLE_KEY)] == [
        "dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
        "b37a4f2cc0624f1690f64606cf385945b2bec4ea",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]


@given(st.binary(min_size=16, max_size=16))
def test_the_accept_key_of_any_key(nonce: bytes) -> None:
    key = base64.b64encode(nonce).decode()
    assert accept_key(key) == reference_accept_key(key)
    assert accept_key(f" {key} ") == reference_accept_key(key)
    digest = bytes.fromhex(accept_steps(key)[2].value)
    assert len(digest) == hashlib.sha1().digest_size


def test_the_headers_that_matter_are_explained() -> None:
    notes = explain_headers(*parse_head(REQUEST))
    assert [(note.name, note.section) for note in notes] == [
        ("Host", "4.1, item 4 of the request"),
        ("Upgrade", "4.1, item 5 of the request"),
        ("Connection", "4.1, item 6 of the request"),
        ("Sec-WebSocket-Key", "4.1, item 7 of the request"),
        ("Origin", "4.1, item 8 of the request"),
        ("Sec-WebSocket-Protocol", "4.1, item 10 of the request"),
        ("Sec-WebSocket-Version", "4.1, item 9 of the request"),
        ("Sec-WebSocket-Extensions", "4.1, item 11 of the request"),
    ]
    assert notes[0].value == "server.example.com"
    assert notes[0].meaning == "The server's name and port, as the client knows them."
    assert all(note.meaning.endswith(".") for note in notes)


def test_a_header_that_does_not_matter_has_no_meaning() -> None:
    (note,) = explain_headers("GET / HTTP/1.1", [("User-Agent", "x")])
    assert note == ("User-Agent", "x", "", "")


def test_a_response_is_told_from_a_request() -> None:
    headers = [("sec-websocket-accept ", "x"), ("Sec-WebSocket-Key", "y")]
    accept, key = explain_headers("HTTP/1.1 101 Switching Protocols", headers)
    assert accept.section == "4.2.2, item 5.4"
    assert key.meaning == ""


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n"])
def test_a_head_that_comes_in_two_parts_ends_at_the_same_byte(end: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: a" + end
    for cut in range(len(head)):
        assert head_end(head[:cut]) is None
        assert head_end(head + b"rest", cut) == len(head)


def test_a_head_is_split_from_what_comes_after_it_however_it_is_cut() -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest"
    size = len(data) - 4
    for cut in range(1, len(data)):
        head = bytearray()
        assert split_head(head, data[:cut]) == (data[: min(cut, size)], data[size:cut])
        if cut < size:
            assert split_head(head, data[cut:]) == (data[cut:size], b"rest")
        assert head == data[:size]
