"""Heads of HTTP are read for what a tap has to know, and rewritten where they must be."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from astra_nb.net.tap_heads import Head, Rewriting, agreed_extensions, inflaters, refusal

REQUEST = (
    b"GET /a?b HTTP/1.1\r\nhost: 127.0.0.1:5000\r\nOrigin: http://127.0.0.1:5000\r\n"
    b"X-Long: one\r\n two\r\nno colon\r\nX-Nul: \0\r\n"
    b"Sec-WebSocket-Extensions: x-other, permessage-deflate; "
    b"client_max_window_bits\r\nUPGRADE: WebSocket\n\r\n"
)
UPSTREAM = Rewriting("example.org", "https://example.org")


def answer(*lines: str) -> Head:
    return Head.read("\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode())


def test_a_request_is_read() -> None:
    head = Head.read(REQUEST)
    assert head.is_request
    assert (head.method, head.path, head.hosts) == ("GET", "/a?b", ["127.0.0.1:5000"])
    assert head.upgrades
    assert head.status is None
    assert head.subprotocol is None


@pytest.mark.parametrize("line", [b"GET /", b"SSH-2.0-x", b"PRI * HTTP/2.0", b""])
def test_what_is_not_a_request_of_http_1_is_told_apart(line: bytes) -> None:
    assert not Head.read(line + b"\r\n\r\n").is_request


def test_an_answer_is_read() -> None:
    head = answer("Sec-WebSocket-Protocol: chat")
    assert head.status == 101
    assert head.subprotocol == "chat"
    assert Head.read(b"HTTP/1.0 204\r\n\r\n").status == 204
    assert Head.read(b"HTTP/2 200\r\n\r\n").status is None


def test_without_need_nothing_is_rewritten() -> None:
    assert Rewriting().rewrite(Head.read(REQUEST), without_deflate=False) == (REQUEST, [])


def test_host_and_the_own_origin_become_those_of_the_server() -> None:
    raw, told = UPSTREAM.rewrite(Head.read(REQUEST), without_deflate=False)
    expected = REQUEST.replace(b"host: 127.0.0.1:5000", b"host: example.org").replace(
        b"http://127.0.0.1:5000", b"https://example.org"
    )
    assert raw == expected
    assert told[0] == (
        'The tap rewrote host: "127.0.0.1:5000" became "example.org", the name of '
        "the server behind it."
    )
    assert 'rewrote Origin: "http://127.0.0.1:5000" became "https://example.org"' in told[1]


def test_the_origin_of_another_page_stays() -> None:
    head = Head.read(REQUEST.replace(b"Origin: http://127.0.0.1:5000", b"Origin: https://evil"))
    raw, told = UPSTREAM.rewrite(head, without_deflate=False)
    assert b"Origin: https://evil\r\n" in raw
    assert len(told) == 1


def test_the_offer_of_compression_is_removed() -> None:
    raw, [told] = Rewriting().rewrite(Head.read(REQUEST), without_deflate=True)
    assert b"\r\nSec-WebSocket-Extensions: x-other\r\nUPGRADE" in raw
    assert "permessage-deflate was removed" in told
    alone = b"GET / HTTP/1.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    raw, _ = Rewriting().rewrite(Head.read(alone), without_deflate=True)
    assert raw == b"GET / HTTP/1.1\r\n\r\n"
    other = b"GET / HTTP/1.1\r\nSec-WebSocket-Extensions: x,y\r\n\r\n"
    assert Rewriting().rewrite(Head.read(other), without_deflate=True) == (other, [])


def test_secrets_in_what_was_rewritten_are_hidden() -> None:
    raw = b"GET / HTTP/1.1\r\nHost: a/?token=abc\r\n\r\n"
    assert "abc" not in UPSTREAM.rewrite(Head.read(raw), without_deflate=False)[1][0]


def test_extensions_are_read_from_an_answer() -> None:
    head = answer("Sec-WebSocket-Extensions: a; b=1, c", "Sec-WebSocket-Extensions: d")
    assert agreed_extensions(head) == ("a", "c", "d")
    assert agreed_extensions(answer()) == ()


@pytest.mark.parametrize(
    "value",
    ["x-other", "permessage-deflate; client_max_window_bits=x", "permessage-deflate; =",
     "permessage-deflate; server_max_window_bits=99", "permessage-deflate, x-other"],
)  # fmt: skip
def test_what_cannot_be_decompressed_is_not_tried(value: str) -> None:
    assert inflaters(answer(f"Sec-WebSocket-Extensions: {value}")) is None


def test_each_direction_is_decompressed_with_its_own_window() -> None:
    found = inflaters(
        answer(
            "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; "
            "server_max_window_bits=9"
        )
    )
    assert found is not None
    client, server = found
    assert client.remote_no_context_takeover
    assert client.remote_max_window_bits == 15
    assert not server.remote_no_context_takeover
    assert server.remote_max_window_bits == 9
    frame = Frame(Opcode.TEXT, b"abc", rsv1=False)
    assert client.decode(frame) is frame


def test_a_refusal_is_a_whole_response() -> None:
    head, _, body = refusal("502 Bad Gateway", "why").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body == b"502 Bad Gateway: why\n"
