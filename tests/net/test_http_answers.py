"""What hooks and pages see of a request, and what they can answer."""

from __future__ import annotations

import math
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from astra_nb.errors import LocalError
from astra_nb.net.http_answers import (
    Acceptance,
    Handshake,
    HttpAnswer,
    HttpRequest,
    PageAnswer,
    as_answer,
)
from astra_nb.net.http_pages import CONTENT_SECURITY_POLICY
from astra_nb.wire.redaction import Redactor

REQUEST = Request(
    "/room/7?token=s3cr3t&x=1",
    Headers([("Host", "h"), ("Authorization", "Basic eDp5"), ("X-Room", "7")]),
)


def visit() -> HttpRequest:
    return HttpRequest(REQUEST, {"name": "7"}, "127.0.0.1:9", Redactor())


def handshake(*subprotocols: str) -> Handshake:
    return Handshake(REQUEST, {}, "127.0.0.1:9", Redactor(), subprotocols)


def refused(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(LocalError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_a_request_hides_its_secrets_unless_it_is_asked() -> None:
    request = visit()
    assert (request.method, request.path) == ("GET", "/room/7?token=<hidden>&x=1")
    assert request.request is request.request
    assert dict(request.headers.raw_items()) == {
        "Host": "h",
        "Authorization": "<hidden>",
        "X-Room": "7",
    }
    assert request.request_with_secrets is REQUEST
    assert (request.path_parameters, request.remote_address) == ({"name": "7"}, "127.0.0.1:9")
    assert repr(request) == "<HttpRequest GET '/room/7?token=<hidden>&x=1'>"
    assert repr(handshake()).startswith("<Handshake GET ")


@pytest.mark.parametrize(
    ("body", "data", "content_type"),
    [
        ("caf\xe9", b"caf\xc3\xa9", "text/plain; charset=utf-8"),
        ("\n <!DOCTYPE html><p>", b"\n <!DOCTYPE html><p>", "text/html; charset=utf-8"),
        ("<html lang=en>", b"<html lang=en>", "text/html; charset=utf-8"),
        (b"\0", b"\0", "application/octet-stream"),
        (bytearray(b"a"), b"a", "application/octet-stream"),
        ({"a": [1, None]}, b'{"a": [1, null]}', "application/json"),
        ([1], b"[1]", "application/json"),
        (7, b"7", "application/json"),
        ("\ud800", b"?", "text/plain; charset=utf-8"),
    ],
)
def test_bodies(body: Any, data: bytes, content_type: str) -> None:
    response = as_answer(body).response()
    assert response.status_code == 200
    assert response.body == data
    assert response.headers["Content-Length"] == str(len(data))
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Connection"] == "close"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-site"
    is_page = content_type.startswith("text/html")
    policy = response.headers.get("Content-Security-Policy")
    assert policy == (CONTENT_SECURITY_POLICY if is_page else None)


def test_headers_that_are_given_replace_those_by_default() -> None:
    response = (
        visit()
        .answer(
            "<!doctype html>",
            status=299,
            headers=[
                ("content-type", "text/x"),
                ("Content-Security-Policy", "default-src *"),
                ("Set-Cookie", "a=1"),
                ("Set-Cookie", "b=2"),
            ],
        )
        .response()
    )
    assert (response.status_code, response.reason_phrase) == (299, "")
    assert response.headers.get_all("Content-Type") == ["text/x"]
    assert response.headers.get_all("Content-Security-Policy") == ["default-src *"]
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_the_answer_to_be_of_a_page() -> None:
    answer = PageAnswer((("X-A", "1"),))
    answer.set_status_code(201)
    answer.set_header("x-a", "2")
    answer.set_header("X-B", "3")
    made = as_answer("text", answer.status, answer.headers)
    assert (made.status, made.headers) == (201, (("x-a", "2"), ("X-B", "3")))
    own = as_answer(visit().answer("t", status=404, headers={"X-B": "4"}), 201, answer.headers)
    assert (own.status, own.headers) == (404, (("x-a", "2"), ("X-B", "4")))


@pytest.mark.parametrize("status", [101, 199, 600, True, "200", None, 200.0])
def test_what_is_not_a_status(status: Any) -> None:
    assert refused(visit().answer, status=status) == (
        f"status is a number from 200 to 599, not {status!r}"
    )
    assert refused(handshake().refuse, status).startswith("status is a number from 200 to 599")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Connection": "keep-alive"}, "the header Connection is written by the server itself"),
        ({"content-length": "5"}, "the header content-length is written by the server itself"),
        ({"Sec-WebSocket-Accept": "x"}, "the header Sec-WebSocket-Accept is written by the server"),
        ({"X": "s3cr3t\r\nSet-Cookie: a"}, "the header X holds a line break"),
        ({"X\n": "7"}, "the name of a header that begins with 'X'"),
        ("X: 7", "headers is a dict, or a list of pairs"),
    ],
)
def test_headers_that_cannot_be_sent(headers: Any, message: str) -> None:
    for call in (visit().answer, handshake().accept, handshake().refuse):
        text = refused(call, headers=headers)
        assert text.startswith(message)
        assert "s3cr3t" not in text


def test_what_is_not_an_answer() -> None:
    assert refused(as_answer, None).startswith(
        "the handler of a page returned None; it must return a "
    )
    assert refused(as_answer, {1, 2}).startswith("a body is text, bytes or a value for JSON, but")
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    for body in ({"a": object()}, {"a": math.nan}, -math.inf, deep):
        assert refused(as_answer, body).startswith("a body is text, bytes or a value for JSON")


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_answer_that_has_no_body(status: int) -> None:
    assert visit().answer("", status=status).body == b""
    assert refused(visit().answer, "text", status=status) == (
        f"an answer with status {status} has no body (RFC 9110, section 6.4.1)"
    )


def test_decisions_of_a_hook() -> None:
    hook = handshake("v2.chat", "v1.chat")
    assert hook.subprotocols == ("v2.chat", "v1.chat")
    assert hook.accept() == Acceptance("", ())
    assert hook.accept(None) == Acceptance(None, ())
    assert hook.accept("v1.chat", headers={"Set-Cookie": "a=1"}) == Acceptance(
        "v1.chat", (("Set-Cookie", "a=1"),)
    )
    refusal = hook.refuse(401, "who are you?", headers={"WWW-Authenticate": "Basic"})
    assert refusal == HttpAnswer(
        401, b"who are you?", "text/plain; charset=utf-8", (("WWW-Authenticate", "Basic"),)
    )
    assert hook.refuse().status == 403


@pytest.mark.parametrize("name", ["v3.chat", "a b", 7])
def test_a_subprotocol_that_cannot_be_chosen(name: Any) -> None:
    message = refused(handshake("v1.chat").accept, name)
    assert "that subprotocol" in message or message.startswith("subprotocol is a name")
