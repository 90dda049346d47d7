from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.wire.redaction import is_secret, redact, redact_headers, redact_path

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
SECRET = "s3cr3t-7f9c"


def test_a_head_without_secrets_stays_byte_for_byte() -> None:
    assert redact(REQUEST) == REQUEST
    assert redact(b"") == b""
    assert redact(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: kOo=\r\n\r\n") == (
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: kOo=\r\n\r\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer {}",
        "authorization:{}",
        "AUTHORIZATION : Basic {}",
        "Proxy-Authorization: Basic {}",
        "Cookie: _xsrf=2|{}; username-localhost-8888={}",
        "Set-Cookie: session={}; HttpOnly",
        "X-XSRFToken: {}",
        "X-Api-Key: {}",
        "X-Auth-Token: {}",
        "X-Amz-Security-Token: {}",
        "Cookie: a=b\r\n folded={}",
        "Cookie: a\r\n\t{}\r\n {}",
        "Harmless: x\rCookie: {}",
        "Referer: http://localhost:8888/lab?token={}",
        "Referer: http://user:{}@localhost/",
        "X-Forwarded-Uri: /?access_token={}",
        "Origin: http://user:{}@localhost",
        "Location: /login?next=%2Flab%3Ftoken%3D{}",
        "Sec-WebSocket-Protocol: chat, base64url.bearer.authorization.k8s.io.{}",
        "X-Any: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}",
        "Link: </a?sig={}>; rel=next",
        "X-Any: Bearer {}",
        'X-Any: {{"token": "{}"}}',
        "Sec-WebSocket-Protocol: chat, v1.token.websocket.jupyter.org.{}",
    ],
)
def test_secrets_in_headers_are_hidden(line: str) -> None:
    head = f"GET / HTTP/1.1\r\nHost: a\r\n{line}\r\nUpgrade: websocket\r\n\r\n"
    hidden = redact(head.replace("{}", SECRET).encode())
    assert SECRET.encode() not in hidden
    assert b"<hidden>" in hidden
    assert b"\r\nUpgrade: websocket\r\n\r\n" in hidden
    # Nor can its length be told, nor whether it is there twice.
    assert hidden == redact(head.replace("{}", "x").encode())
    assert redact(hidden) == hidden


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("/", "/"),
        ("/chat?room=7&name=jane", "/chat?room=7&name=jane"),
        ("/?token=abc", "/?token=<hidden>"),
        ("/?a=1&access_token=abc&b=2", "/?a=1&access_token=<hidden>&b=2"),
        ("/?api_key=abc", "/?api_key=<hidden>"),
        ("/?apikey=abc;password=x", "/?apikey=<hidden>;password=<hidden>"),
        ("/?Passwd=abc", "/?Passwd=<hidden>"),
        ("/?SessionID=abc", "/?SessionID=<hidden>"),
        ("/?secret=a=b=c", "/?secret=<hidden>"),
        ("/?auth=abc#x", "/?auth=<hidden>#x"),
        ("/?session_id=abc", "/?session_id=<hidden>"),
        ("/?t%6Fken=abc", "/?t%6Fken=<hidden>"),
        ("/?%2574oken=abc", "/?%2574oken=<hidden>"),
        ("/?next=/lab%3Ftoken%3Dabc", "/?next=<hidden>"),
        ("/?next=%252Flab%253Ftoken%253Dabc", "/?next=<hidden>"),
        ("/a;jsessionid=abc", "/a;jsessionid=<hidden>"),
        ("/?token=", "/?token="),
        ("/?author=jane&keyword=x&code=1000", "/?author=jane&keyword=x&code=1000"),
        ("ws://u:p@host/?sig=a", "ws://<hidden>@host/?sig=<hidden>"),
        ("/?token=a b", "/?token=<hidden>"),
        ("", ""),
    ],
)
def test_secrets_in_a_path_are_hidden(path: str, hidden: str) -> None:
    assert redact_path(path) == hidden
    request = redact(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    assert request == f"GET {hidden} HTTP/1.1\r\n\r\n".encode()


def test_headers_are_redacted_as_in_a_head() -> None:
    headers = [("Host", "a"), ("Cookie", SECRET), ("Referer", f"http://a/?token={SECRET}")]
    assert redact_headers(headers) == [
        ("Host", "a"),
        ("Cookie", "<hidden>"),
        ("Referer", "http://a/?token=<hidden>"),
    ]


def test_a_head_of_more_lines_than_any_server_reads_is_hidden_from_there_on() -> None:
    lines = [b"GET / HTTP/1.1\r\n", *(b"X-%d: a\r\n" % n for n in range(1, 1000))]
    assert redact(b"".join(lines)) == b"".join(lines)
    more = b"".join([*lines, b"X-1000: a\r\n" * 100_000, f"Cookie: {SECRET}\r\n".encode()])
    assert redact(more) == b"".join(lines) + b"<hidden>"


@pytest.mark.parametrize(
    "unit", ["-eyJ", "?a=", "//a", "token-", "a=%2525&", "basic ", "\n ", "\r"]
)
def test_a_long_head_on_purpose_is_redacted_without_searching_it_again_and_again(unit: str) -> None:
    head = f"GET / HTTP/1.1\r\nX-Any: {unit * (2**18 // len(unit))}".encode()
    hidden = redact(head)  # would not end before the time that a test may take
    assert hidden.startswith(b"GET / HTTP/1.1\r\nX-Any: ")


def test_a_head_that_is_cut_anywhere_shows_no_secret() -> None:
    head = (
        f"GET /?token={SECRET} HTTP/1.1\r\nCookie: {SECRET}\r\n"
        f"Referer: http://a/?key={SECRET}\r\n\r\n"
    ).encode()
    for end in range(len(head)):
        for length in range(4, len(SECRET)):
            assert SECRET[:length].encode() not in redact(head[:end])


@given(st.binary(max_size=200))
def test_any_bytes_can_be_redacted(head: bytes) -> None:
    hidden = redact(head)
    assert redact(hidden) == hidden


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Cookie", True),
        (" set-cookie ", True),
        ("Authorization", True),
        ("X-CSRF-Token", True),
        ("Sec-WebSocket-Key", False),
        ("Sec-WebSocket-Accept", False),
        ("WWW-Authenticate", False),
        ("Host", False),
        ("Origin", False),
    ],
)
def test_which_headers_are_secret(name: str, secret: bool) -> None:
    assert is_secret(name) == secret
