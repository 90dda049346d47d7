"""h11 finds where bodies end; what it refuses is unclear."""

from __future__ import annotations

import pytest

from astra_nb.net.http_bodies import Body, UnclearBody
from astra_nb.net.tap_heads import Head


def post(*lines: str) -> Body:
    return Body(Head.read("\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode()))


def got(*lines: str, status: int = 200, method: str = "GET") -> Body:
    head = "\r\n".join([f"HTTP/1.1 {status} OK", *lines, "", ""]).encode()
    return Body(Head.read(head), method)


def test_a_length_in_bytes() -> None:
    body = post("Content-Length: 5", "Bad header")
    assert body.take(b"") is None
    assert body.take(b"abc") is None
    assert body.take(b"deNEXT") == 2


def test_chunks_and_trailers() -> None:
    body = got("Transfer-Encoding: chunked")
    assert body.take(b"3\r\nab") is None
    assert body.take(b"c\r\n0\r\nA: b") is None
    assert body.take(b"\r\n\r\nNEXT") == 4


def test_no_body() -> None:
    assert post().take(b"") == 0
    assert got("Content-Length: 5", status=304).take(b"") == 0
    assert got("Content-Length: 5", method="HEAD").take(b"") == 0


def test_a_response_without_a_length_ends_with_tcp() -> None:
    body = got()
    assert body.take(b"") is None
    assert body.take(b"x" * 100) is None


def test_what_two_readers_may_read_in_two_ways_is_unclear() -> None:
    with pytest.raises(UnclearBody, match="Content-Length"):
        post("Content-Length: 5", "Content-Length: 6")
    with pytest.raises(UnclearBody):
        got("Content-Length: x")
    with pytest.raises(UnclearBody):
        got("Transfer-Encoding: chunked").take(b"not a length\r\n")
    with pytest.raises(UnclearBody):
        got(method="a b")
