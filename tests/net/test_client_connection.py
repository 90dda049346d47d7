"""The opening handshake at the client's end, with bytes on a TCP connection."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from astra_nb import FrameLog, Message, connect, connect_async, seeded
from astra_nb.errors import HandshakeFailed
from astra_nb.log.records import HandshakeRecord
from astra_nb.net.client_connection import MAX_BODY, ClientConnection
from astra_nb.net.options import connect_options
from astra_nb.net.uris import parse_address
from tests import records
from tests.conformance.ends import read_head
from tests.conformance.octets import frame
from tests.servers import echo, handler_of, run_async, serving
from tests.tls import tcp_server

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Script = Callable[[socket.socket, bytes], None]


@contextmanager
def answering(script: Script) -> Iterator[str]:
    """Accept one TCP connection, read its request, and let `script` answer it.

    Yields:
        The URL to connect to.
    """
    failed: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            peer.settimeout(10)
            with peer:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += peer.recv(4096)
                try:
                    script(peer, request)
                except BaseException as exc:  # noqa: BLE001  (the test's thread raises it)
                    failed.append(exc)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(10)
        assert not thread.is_alive()
    assert not failed, failed


def accepted(request: bytes, *headers: bytes) -> bytes:
    (key,) = re.findall(rb"Sec-WebSocket-Key: (\S+)\r\n", request)
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
        *headers,
    ]
    return b"\r\n".join([*lines, b"", b""])


def close_in_order(peer: socket.socket) -> bytes:
    """Send a CLOSE frame, and read what comes to the end."""
    peer.sendall(frame(8, b"\x03\xe8"))
    data = b""
    while not data.endswith(b"\x03\xe8") and (part := peer.recv(4096)):
        data += part
        if len(data) >= 8:
            break
    return data


def sent(request: bytes) -> dict[str, str]:
    _, *lines = request.decode().rstrip("\r\n").split("\r\n")
    names = [line.split(": ", 1)[0].lower() for line in lines]
    assert len(set(names)) == len(names)  # each header once
    return {line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in lines}


def request_of(**options: Any) -> tuple[bytes, FrameLog]:
    """Connect with these options, and return the request that came, and the client's log."""
    got: list[bytes] = []
    log = FrameLog()

    def script(peer: socket.socket, request: bytes) -> None:
        got.append(request)
        peer.sendall(accepted(request))
        close_in_order(peer)

    with answering(script) as url:
        client = connect(url + "room?x=1", log=log, **options)
        client.close()
    return got[0], log


def failed(answer: bytes | Script, **options: Any) -> tuple[HandshakeFailed, FrameLog, str]:
    """Connect to a server that gives this answer; return the error, the log and the address."""
    log = options.setdefault("log", FrameLog())

    def script(peer: socket.socket, request: bytes) -> None:
        if callable(answer):
            answer(peer, request)
        else:
            peer.sendall(answer)

    with answering(script) as url, pytest.raises(HandshakeFailed) as caught:
        connect(url, **options)
    return caught.value, log, url.removeprefix("ws://").rstrip("/")


def handshakes(log: FrameLog) -> list[HandshakeRecord]:
    return [
        record for record in log.filter(kind="handshake") if isinstance(record, HandshakeRecord)
    ]


# The request


def test_the_request_is_that_of_section_4_1_and_is_recorded_as_it_was_sent() -> None:
    request, log = request_of()
    headers = sent(request)
    assert request.startswith(b"GET /room?x=1 HTTP/1.1\r\n")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", headers["Host"])
    assert (headers["Upgrade"], headers["Connection"]) == ("websocket", "Upgrade")
    assert len(base64.b64decode(headers["Sec-WebSocket-Key"])) == 16
    assert headers["Sec-WebSocket-Version"] == "13"
    assert not {"Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} & set(headers)
    first, second = handshakes(log)
    assert (first.direction, first.side, first.raw) == ("sent", "client", request)
    assert (second.direction, second.status) == ("received", 101)


def test_a_client_sends_the_origin_the_subprotocols_and_the_extension_it_is_told() -> None:
    request, _ = request_of(
        origin="https://hub.example.org", subprotocols=["b", "a"], compression="deflate"
    )
    headers = sent(request)
    assert headers["Origin"] == "https://hub.example.org"
    assert headers["Sec-WebSocket-Protocol"] == "b, a"
    assert headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")


def test_one_name_may_be_sent_several_times() -> None:
    request, _ = request_of(headers=[("X-Room", "7"), ("x-room", "8"), ("Host", "a.example")])
    assert request.count(b"X-Room: 7\r\nx-room: 8\r\nHost: a.example\r\n") == 1
    assert request.lower().count(b"\r\nhost: ") == 1


@pytest.mark.parametrize("name", ["Sec-WebSocket-Key", "sec-websocket-key"])
def test_the_answer_is_checked_against_a_key_of_ones_own(name: str) -> None:
    key = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
    got: list[bytes] = []

    def script(peer: socket.socket, request: bytes) -> None:
        got.append(request)
        answer = accepted(b"Sec-WebSocket-Key: " + key.encode() + b"\r\n")
        assert b"Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
        peer.sendall(answer)
        close_in_order(peer)

    with answering(script) as url:
        connect(url, headers={name: f"{key} "}).close()
    assert got[0].lower().count(b"sec-websocket-key") == 1


def test_headers_of_ones_own_replace_those_of_the_same_name() -> None:
    request, _ = request_of(headers={"host": "hub.example.org", "X-Room": "7"}, origin="null")
    headers = sent(request)
    assert (headers["host"], headers["X-Room"]) == ("hub.example.org", "7")
    assert "Host" not in headers


# Accepted


@pytest.mark.parametrize("size", [1, 10_000])
def test_frames_may_come_right_after_the_answer_however_tcp_cuts_it(size: int) -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        data = accepted(request) + frame(1, b"Hello") + frame(1, b"world") + frame(8, b"\x03\xe8")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            peer.sendall(data[start : start + size])
        assert peer.recv(1) == b"\x88"
        while peer.recv(4096):
            pass

    with answering(script) as url, connect(url) as client:
        assert client.state in ("open", "closing", "closed")
        assert [client.recv(5) for _ in range(2)] == [
            Message("text", "Hello"),
            Message("text", "world"),
        ]
        assert client.recv(5).type == "close"
        received = handshakes(client.log)[1]
        assert (received.direction, received.status) == ("received", 101)
        assert received.raw.endswith(b"\r\n\r\n")
        assert len(handshakes(client.log)) == 2


def test_the_subprotocol_and_the_extension_are_those_of_the_answer() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(
            accepted(
                request,
                b"Sec-WebSocket-Protocol: a",
                b"Sec-WebSocket-Extensions: permessage-deflate",
            )
        )
        close_in_order(peer)

    with answering(script) as url:
        with connect(url, subprotocols=["b", "a"], compression="deflate") as client:
            assert client.subprotocol == "a"
            opened = client.log.filter(kind="opened")[0]
            assert (opened.subprotocol, opened.extensions) == ("a", ("permessage-deflate",))
            assert (opened.path, opened.side) == ("/", "client")


def test_a_message_over_the_clients_limit_is_1009() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(accepted(request) + frame(2, bytes(6)))
        data = b""
        while len(data) < 8:
            data += peer.recv(4096)
        assert data[0] == 0x88
        key, masked = data[2:6], data[6:8]
        assert bytes(a ^ b for a, b in zip(masked, key, strict=False)) == b"\x03\xf1"

    with answering(script) as url:
        client = connect(url, max_message_size=5)
        client.wait_closed(10)


# Refused


def test_an_answer_that_is_not_101_is_shown_with_its_body() -> None:
    error, log, _ = failed(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n no.\n ")
    assert str(error) == (
        "the server answered HTTP 403 Forbidden instead of 101 Switching Protocols "
        "(RFC 6455, section 4.1):\nno."
    )
    assert (error.status, error.body) == (403, " no.\n ")
    closed = records.closed(log)
    assert (closed.status, closed.side) == (403, "client")
    assert closed.detail == "server rejected WebSocket connection: HTTP 403"
    received = handshakes(log)[1]
    assert received.raw == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"<h1>no</h1>", ""),
        (b"x" * 600, f":\n{'x' * 500}"),
        (b"caf\xc3\xa9 \xff", ":\ncafé \ufffd"),
        (b"\x1b[31mno\r\nway\xe2\x80\xae", ":\n\\x1b[31mno\nway\\u202e"),
    ],
)
def test_which_bodies_are_shown(body: bytes, shown: str) -> None:
    error, _, _ = failed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert str(error) == (
        f"the server answered HTTP 200 OK instead of 101 Switching Protocols "
        f"(RFC 6455, section 4.1){shown}"
    )
    assert error.body == body.decode("utf-8", "replace")


@pytest.mark.parametrize("body", [b"sorry", b"s\r\n\r\n"])
def test_a_body_may_come_in_pieces_after_the_head(body: bytes) -> None:
    log = FrameLog()

    def script(peer: socket.socket, request: bytes) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\n":
            peer.sendall(bytes((byte,)))
        log.wait_for(kind="handshake", direction="received", timeout=records.DEADLINE)
        for byte in body:
            peer.sendall(bytes((byte,)))

    error, _, _ = failed(script, log=log)
    assert (error.status, error.body) == (500, body.decode())
    assert [record.direction for record in handshakes(log)] == ["sent", "received"]


def test_a_body_that_breaks_off_is_not_taken_for_a_head() -> None:
    log = FrameLog()

    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\n")
        log.wait_for(kind="handshake", direction="received", timeout=records.DEADLINE)
        peer.sendall(b"so")

    error, _, _ = failed(script, log=log)
    assert (error.status, error.body) == (500, "so")
    assert records.closed(log).status == 500
    assert [record.direction for record in handshakes(log)] == ["sent", "received"]


def test_a_refused_client_ends_tcp_itself() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        assert peer.recv(1) == b""

    error, log, _ = failed(script)
    assert error.status == 403
    assert records.closed(log).tcp == "closed"


def test_a_body_without_a_length_ends_with_tcp() -> None:
    error, log, _ = failed(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nnot here")
    assert (error.status, error.body) == (404, "not here")
    assert str(error).startswith("the server answered HTTP 404 Not Found instead of 101 ")
    assert records.closed(log).status == 404


def test_a_body_without_a_length_that_does_not_end_is_what_came_in_time() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 503 Busy\r\n\r\nlater")
        assert peer.recv(1) == b""

    error, log, _ = failed(script, timeout=0.2)
    assert (error.status, error.body) == (503, "later")
    assert (records.closed(log).status, records.closed(log).tcp) == (503, "timeout")


@pytest.mark.parametrize(
    "more", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 9999999\r\n"]
)
def test_an_answer_without_an_end_is_cut_and_said_once(more: bytes) -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + more + b"\r\n")
        chunk = b"d" * 1000
        with pytest.raises(ConnectionError):
            while True:
                peer.sendall(b"3e8\r\n" + chunk + b"\r\n" if b"chunked" in more else chunk)

    error, log, _ = failed(script, timeout=60)
    assert error.status == 200
    assert len(error.body) == (0 if b"Length" in more else MAX_BODY)
    closed = records.closed(log)
    assert (closed.status, closed.tcp) == (200, "closed")
    assert closed.detail == "server rejected WebSocket connection: HTTP 200"
    assert len(list(log)) == 3  # the request, the head of the answer, and the end


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_head_of_a_refusal_without_an_end_is_cut_and_said_once(version: bytes) -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/%s 503 Busy\r\n" % version)
        with pytest.raises(ConnectionError):
            while True:
                peer.sendall(b"X: y\r\n" * 100)

    error, log, _ = failed(script, timeout=60)
    assert (error.status, error.body) == (503, "")
    assert records.closed(log).status == 503
    assert len(handshakes(log)) == 2
    assert len(list(log)) == 3


def test_an_answer_of_http_1_0_keeps_its_status_and_body() -> None:
    error, log, _ = failed(b"HTTP/1.0 404 File not found\r\nServer: SimpleHTTP\r\n\r\nnone here")
    assert (error.status, error.body) == (404, "none here")
    assert str(error).startswith("the server answered HTTP 404 File not found instead of 101 ")
    assert records.closed(log).status == 404


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 403 No\r\nbad header\r\n\r\n", b"HTTP/1.1 403\r\n\r\n"]
)
def test_a_refusal_that_is_not_quite_http_keeps_its_status(head: bytes) -> None:
    error, _, _ = failed(head)
    assert error.status == 403


def test_a_redirect_says_where_to() -> None:
    error, _, _ = failed(
        b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
        b"location: https://hub.example.org/\x1b?token=s3cr3t\r\n\r\n"
    )
    assert error.status == 307
    error, _, _ = failed(
        b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
        b"location: https://hub.example.org/\xa0?token=s3cr3t\r\n\r\n"
    )
    assert str(error) == (
        "the server answered HTTP 307 Temporary Redirect instead of 101 Switching Protocols "
        '(RFC 6455, section 4.1); it points to "https://hub.example.org/\\u00a0?token=<hidden>", '
        "and redirects=1 follows it, if you trust that address"
    )


@pytest.mark.parametrize("pieces", [1, 10_000])
def test_interim_responses_are_recorded_and_passed_over(pieces: int) -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            + accepted(request)
        )
        for start in range(0, len(data), pieces):
            peer.sendall(data[start : start + pieces])
        close_in_order(peer)

    with answering(script) as url:
        client = connect(url)
        client.close()
    assert [record.status for record in handshakes(client.log)] == [None, 100, 103, 101]
    assert client.response is not None
    assert client.response.status_code == 101


def test_a_refusal_after_an_interim_response_counts() -> None:
    error, log, _ = failed(
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.0 403 No\r\nContent-Length: 2\r\n\r\nno"
    )
    assert (error.status, error.body) == (403, "no")
    assert [record.status for record in handshakes(log)] == [None, 102, 403]


def test_an_interim_response_without_an_end() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 100 Continue\r\n")
        with pytest.raises(ConnectionError):
            while True:
                peer.sendall(b"X: y\r\n" * 100)

    error, _, _ = failed(script, timeout=60)
    assert "the head of an interim response does not end" in str(error)


def test_a_refusal_of_http_1_0_with_a_length_does_not_wait_for_the_end_of_tcp() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.0 403 No\r\nContent-Length: 2\r\nX-Why: x\r\n\r\nno")
        assert peer.recv(1) == b""  # the client ends TCP, and not for a lack of time

    error, log, _ = failed(script, timeout=None)
    assert (error.status, error.body, error.headers["x-why"]) == (403, "no", "x")
    assert error.log is log


def test_the_error_has_the_headers_of_the_answer_and_hides_their_secrets() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n"
            b"Set-Cookie: id=s3cr3t\r\nX-Echo: your key was hunter2hunter2\r\n"
            b"X-Bad: \x01\r\nConnection: close\r\n\r\n"
        )

    error, _, _ = failed(script, headers={"X-Token": "hunter2hunter2"})
    assert error.status == 401
    assert error.headers["www-authenticate"] == "Basic realm=x"
    assert error.headers["Set-Cookie"] == "<hidden>"
    assert error.headers["X-Echo"] == "your key was <hidden>"
    assert "X-Bad" not in error.headers


def test_the_response_of_a_socket_hides_its_secrets() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(accepted(request, b"Set-Cookie: id=s3cr3t", b"X-Room: 7"))
        close_in_order(peer)

    with answering(script) as url:
        client = connect(url)
        client.close()
    assert client.response is client.response
    assert client.response is not None
    assert client.response_with_secrets is not None
    assert client.response.headers["Set-Cookie"] == "<hidden>"
    assert client.response.headers["X-Room"] == "7"
    assert client.response_with_secrets.headers["Set-Cookie"] == "id=s3cr3t"


def test_cookies_and_parameters_of_compression_are_sent() -> None:
    request, _ = request_of(
        cookies={"id": "7", "b": "x=y"},
        compression={"server_max_window_bits": 10, "client_no_context_takeover": True},
    )
    headers = sent(request)
    assert headers["Cookie"] == "id=7; b=x=y"
    assert headers["Sec-WebSocket-Extensions"] == (
        "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; "
        "client_max_window_bits"
    )


def test_a_client_that_keeps_alive_sends_pings() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(accepted(request))
        head = peer.recv(2)
        assert head == b"\x89\x88"  # a masked PING of 8 bytes
        peer.recv(12)
        close_in_order(peer)

    with answering(script) as url:
        client = connect(url, keepalive=0.01)
        client.wait_closed(10)


def test_tls_that_ends_after_the_request_asks_for_a_certificate() -> None:
    error = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        uri, options = parse_address("wss://127.0.0.1:9/"), connect_options({})
        connection = ClientConnection(uri, options, number=1, tap=FrameLog(recording=False))
        connection.connection_lost(error)
        with pytest.raises(HandshakeFailed) as caught:
            await connection.answered
        assert "tlsv13 alert certificate required" in str(caught.value)
        assert "client_certificate=" in str(caught.value)
        assert loop.is_running()

    run_async(main())


def test_a_server_that_answers_with_tls() -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    error, log, _ = failed(alert)
    assert str(error) == (
        "the opening handshake failed: no valid HTTP answer "
        "(it is TLS; the address begins with wss://)"
    )
    assert handshakes(log)[1].raw == alert


def test_bytes_after_a_whole_refusal_change_nothing() -> None:
    error, log, _ = failed(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\nmore")
    assert (error.status, error.body) == (302, "")
    closed = records.closed(log)
    assert (closed.status, closed.tcp) == (302, "closed")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n",
            "invalid Sec-WebSocket-Accept header: wrong",
        ),
        (b"Connection: Upgrade\r\n", "missing Upgrade header"),
    ],
)
def test_a_101_that_is_not_valid(headers: bytes, why: str) -> None:
    error, log, _ = failed(b"HTTP/1.1 101 Switching Protocols\r\n" + headers + b"\r\n")
    assert str(error) == (
        f"the server answered HTTP 101 Switching Protocols, but its answer is not valid: {why} "
        f"(RFC 6455, section 4.1)"
    )
    assert (error.status, error.body) == (101, "")
    assert error.__cause__ is None
    assert not list(log.filter(kind="opened"))


def test_a_101_with_frames_that_is_not_valid() -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n" + frame(1, b"Hello")
    error, log, _ = failed(answer)
    assert error.status == 101
    assert not records.frames(log)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "invalid HTTP status line: SSH-2.0-OpenSSH"),
        (b"SSH\x1b[31m\r\n", "invalid HTTP status line: SSH\\x1b[31m"),
        (
            b"HTTP/1.0 101 Switching Protocols\r\n\r\n",
            "unsupported protocol; expected HTTP/1.1: HTTP/1.0 101 Switching Protocols",
        ),
        (
            b"HTTP/2 403 Forbidden\r\n\r\n",
            "unsupported protocol; expected HTTP/1.1: HTTP/2 403 Forbidden",
        ),
        (b"HTTP/1.1 " + b"9" * 9000 + b"\r\n\r\n", None),
        (b"Authorization: s3cr3t\r\n\r\n", "invalid HTTP status line: Authorization: <hidden>"),
    ],
)
def test_an_answer_that_is_not_http(answer: bytes, why: str | None) -> None:
    error, log, _ = failed(answer)
    shown = re.escape(why) if why else r"read \d+ bytes, expected no more than 8192 bytes"
    assert re.fullmatch(
        rf"the opening handshake failed: no valid HTTP answer \({shown}\)", str(error)
    )
    assert (error.status, error.body) == (None, "")
    assert records.closed(log).status is None


def test_a_traceback_shows_no_secret_that_the_server_sends_back() -> None:
    """Such as a server that is none, and sends back whatever it gets."""
    request = b"GET /?token=s3cr3t HTTP/1.1\r\nAuthorization: s3cr3t\r\n\r\n"
    for answer in (request, b"HTTP/1.1 401 token=s3cr3t\r\nContent-Length: 0\r\n\r\n"):
        error, _, _ = failed(answer)
        assert "s3cr3t" not in "".join(traceback.format_exception(error))
        assert "<hidden>" in str(error)


# Cut short


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi", b"HTTP/1.1 403 Forbidden\r\nX: y"])
def test_a_server_that_leaves_before_the_answer_is_complete(answer: bytes) -> None:
    error, log, where = failed(answer)
    assert str(error) == (
        "the opening handshake failed: the TCP connection ended before the answer was complete; "
        f"is there a WebSocket server at {where}?"
    )
    assert (error.status, error.body) == (None, "")
    closed = records.closed(log)
    assert closed.status is None
    assert [record.direction for record in handshakes(log)] == (
        ["sent", "received"] if answer else ["sent"]
    )


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi"])
def test_a_server_that_never_answers(answer: bytes) -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        peer.sendall(answer)
        with pytest.raises(ConnectionResetError):
            peer.recv(1)
            raise ConnectionResetError  # ended with FIN

    error, log, where = failed(script, timeout=0.2)
    assert str(error) == (
        "the opening handshake failed: no answer came within 0.2 s; "
        f"is there a WebSocket server at {where}?"
    )
    assert records.closed(log).tcp == "timeout"


def test_the_deadline_counts_what_came_before_the_handshake() -> None:
    def script(peer: socket.socket, request: bytes) -> None:
        assert peer.recv(1) == b""

    async def main(url: str) -> None:
        loop = asyncio.get_running_loop()
        uri, options = parse_address(url), connect_options({"timeout": 60})
        _, connection = await loop.create_connection(
            lambda: ClientConnection(
                uri, options, number=1, tap=FrameLog(recording=False), deadline=loop.time() - 1
            ),
            uri.host,
            uri.port,
        )
        with pytest.raises(HandshakeFailed, match="no answer came within 60 s"):
            await connection.answered

    with answering(script) as url:
        run_async(main(url))


# Errors inside the transport's callbacks


@pytest.mark.parametrize("method", ["record_head", "_receive_handshake"])
def test_what_is_raised_inside_reaches_the_caller(
    method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise LookupError("inside")

    with serving(handler_of("def", echo)) as server:
        with monkeypatch.context() as patched:
            patched.setattr(ClientConnection, method, fail)
            with pytest.raises(LookupError, match=r"^inside$"):
                connect(server.url, timeout=None)
            with pytest.raises(LookupError, match=r"^inside$"):
                run_async(connect_async(server.url, timeout=None)._connect())
        logging.getLogger("asyncio").handlers[-1].messages.clear()  # type: ignore[attr-defined]


# What is wrong on purpose


def test_a_request_with_faults_and_a_frame_is_sent_and_told() -> None:
    names = ["same key each time", "doubled subprotocols", "data before the answer"]
    got: list[bytes] = []

    def script(peer: socket.socket) -> None:
        head, rest = read_head(peer)
        got.extend((head, rest))
        peer.sendall(accepted(head, b"Sec-WebSocket-Protocol: chat"))
        while peer.recv(4096):
            pass

    with tcp_server(script) as port:
        client = connect(f"ws://127.0.0.1:{port}/", faults=[*names, "TCP left open"])
        client.drop()
        client.wait_closed(10)
    assert b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in got[0]
    assert got[1].startswith(b"\x81\x85")
    assert client.subprotocol == "chat"
    notices = [record.text for record in client.log.filter(kind="notice")]
    assert [text.split(". ")[0] for text in notices] == [
        *(f"On purpose: {name}" for name in names),
        "On purpose: TCP left open",
    ]
    sent = records.frames(client.log, direction="sent")
    assert (sent[0].payload, sent[0].verdict) == (b"Hello", "")


def test_keys_from_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeded, "current", seeded.Seeded(7))
    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        client.send_text("a")
        assert client.recv(10).value == "a"
        [sent] = records.frames(client.log, direction="sent")
    assert f"Sec-WebSocket-Key: {seeded.Seeded(7).handshake_key(1)}" in str(client.request.headers)
    assert sent.frame.masking_key == next(seeded.Seeded(7).masking_keys(1))
