"""Refused opening handshakes: statuses, whole texts, and reasons without secrets or controls."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from websockets.exceptions import (
    InvalidHeader,
    InvalidMethod,
    InvalidParameterName,
    InvalidProtocol,
    InvalidUpgrade,
)

from astra_nb.net.refusals import (
    FAILED,
    LONGEST,
    Refusal,
    foreign_host,
    foreign_origin,
    invalid,
    invalid_host,
    no_page,
    timed_out,
    unknown_path,
    unreadable,
    why_unreadable,
)


def test_a_request_without_a_host() -> None:
    assert invalid_host([]) == Refusal(
        HTTPStatus.BAD_REQUEST,
        "400 Bad Request: there is no Host header.\n"
        "It names the server that is asked (RFC 6455, section 4.1); every client sends it.\n",
        "the request has no Host header (RFC 6455, section 4.1)",
    )


@pytest.mark.parametrize(
    ("hosts", "shown"), [(["a", "b"], '"a", "b"'), (["a b@c"], '"a b@c"'), ([""], '""')]
)
def test_a_request_that_does_not_name_one_host(hosts: list[str], shown: str) -> None:
    assert invalid_host(hosts) == Refusal(
        HTTPStatus.BAD_REQUEST,
        "400 Bad Request: a request names one host, as in Host: localhost:8080 "
        "(RFC 9112, section 3.2).\n",
        f"the request names {shown} as its host, which is not one host with or without a port "
        f"(RFC 9112, section 3.2)",
    )


def test_a_request_for_a_foreign_host() -> None:
    assert foreign_host(["evil.example:80", "localhost"]) == Refusal(
        HTTPStatus.MISDIRECTED_REQUEST,
        "421 Misdirected Request: the Host header does not name this server.\n"
        "A page could have pointed its own name at this machine (DNS rebinding). "
        "In the notebook, server.hosts.append(name) lets a name in.\n",
        'the request names "evil.example:80", "localhost" as its host, which is not this server: '
        "a page may have pointed its own name at this machine (DNS rebinding); if you know that "
        "name, server.hosts.append(...) lets it in",
    )


def test_a_request_of_a_foreign_origin() -> None:
    assert foreign_origin(["https://evil.example", "null"]) == Refusal(
        HTTPStatus.FORBIDDEN,
        "403 Forbidden: pages of this origin must not connect to this server "
        "(RFC 6455, section 10.2).\n"
        "Pages from this machine may. In the notebook, server.origins.append(origin) lets "
        "another one in.\n",
        'pages of the origin "https://evil.example", "null" must not connect '
        "(RFC 6455, section 10.2); if you know that page, server.origins.append(...) lets it in",
    )


def test_a_request_for_an_unknown_path() -> None:
    assert unknown_path(["/", "/room/{name}"]) == Refusal(
        HTTPStatus.NOT_FOUND,
        "404 Not Found: no route has this path. The routes are:\n  /\n  /room/{name}\n",
        "",
    )
    assert unknown_path([]) == Refusal(
        HTTPStatus.NOT_FOUND,
        "404 Not Found: this server has no route yet.\n"
        'Add one in the notebook: server.websocket("/", handle_socket)\n',
        "",
    )


@pytest.mark.parametrize(("seconds", "shown"), [(10.0, "10"), (0.25, "0.25")])
def test_a_request_that_takes_too_long(seconds: float, shown: str) -> None:
    reason = f"no whole opening handshake within {shown} s"
    assert timed_out(seconds) == Refusal(
        HTTPStatus.REQUEST_TIMEOUT, f"408 Request Timeout: {reason}.\n", reason
    )


def test_a_request_that_cannot_be_read() -> None:
    assert unreadable(400) == (
        "400 Bad Request: this is not an HTTP request that asks for a WebSocket or a page; such a "
        "request has no body.\n"
    )
    assert unreadable(431) == (
        "431 Request Header Fields Too Large: the request line or a header is too long, or there "
        "are too many.\n"
    )
    assert why_unreadable(None) == ""
    error = ValueError("not valid: Cookie: s3cr3t")
    error.__cause__ = LookupError("a header line is too long: s3cr3t")
    assert why_unreadable(error) == "not valid; a header line is too long"


@pytest.mark.parametrize(
    ("status", "error", "why"),
    [
        (405, InvalidMethod("evil"), "a WebSocket is requested with GET"),
        (
            505,
            InvalidProtocol("evil"),
            "a WebSocket is requested with HTTP/1.1, but this is HTTP/1.0, which many proxies use "
            "towards a server (for nginx: proxy_http_version 1.1, and proxy_set_header for "
            "Upgrade and Connection)",
        ),
        (
            426,
            InvalidUpgrade("Connection", "evil"),
            "the header Connection does not ask for a WebSocket: a browser opened the address as a "
            "page, or a proxy removed the header",
        ),
        (
            400,
            InvalidHeader("Sec-WebSocket-Key"),
            "the header Sec-WebSocket-Key is missing; a key is 16 random bytes in base64",
        ),
        (
            400,
            InvalidHeader("Sec-WebSocket-Key", "evil evil"),
            "the header Sec-WebSocket-Key is not one text in base64; a key is 16 random bytes in "
            "base64",
        ),
        (
            400,
            InvalidHeader("Sec-WebSocket-Key", "evilevilevilevil"),
            "the header Sec-WebSocket-Key holds 12 bytes; a key is 16 random bytes in base64",
        ),
        (
            400,
            InvalidHeader("Sec-WebSocket-Version", "evil"),
            "the header Sec-WebSocket-Version is missing or invalid",
        ),
        (400, InvalidParameterName("evil"), "a header is missing or invalid"),
    ],
)
def test_a_request_that_breaks_a_rule_of_the_handshake(
    status: int, error: Exception, why: str
) -> None:
    refusal = invalid(status, error)
    assert refusal.status == status
    assert refusal.reason == f"{why} (RFC 6455, section 4.2.1)"
    assert refusal.text == f"{status} {HTTPStatus(status).phrase}: {refusal.reason}.\n"
    assert "evil" not in refusal.text


@pytest.mark.parametrize("refuse", [foreign_host, foreign_origin, invalid_host])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\r\nb\x1b[31m", r'"a\r\nb\x1b[31m"'),
        ("\u202eevil", r'"\u202eevil"'),
        (r"a\n", r'"a\\n"'),
        ("https://evil.example/?token=s3cr3t", '"https://evil.example/?token=<hidden>"'),
        ("https://jane:s3cr3t@evil.example", '"https://<hidden>@evil.example"'),
        ("x" * (LONGEST + 1), f'"{"x" * 200}"'),
    ],
)
def test_what_a_stranger_sent_is_shown_on_the_log_and_not_in_the_answer(
    refuse: object, value: str, shown: str
) -> None:
    assert callable(refuse)
    refusal = refuse([value])
    assert f" {shown}" in refusal.reason
    assert value[:8] not in refusal.text


def test_a_page_is_not_posted_to() -> None:
    refusal = no_page("POST\x1b")
    assert refusal.status == 405
    assert "POST" not in refusal.text
    assert refusal.reason == "a page is not read with the method POST\\x1b"
    assert FAILED.status == 500
