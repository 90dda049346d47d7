"""The opening handshake at the server's end, with bytes on a TCP connection."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, Server, WebSocket, seeded
from astra_nb.faults import named
from astra_nb.log.records import HandshakeRecord, OpenedRecord
from astra_nb.net.http_pages import CONTENT_SECURITY_POLICY, SECURITY_HEADERS, UPGRADE_PAGE
from astra_nb.net.policy import CHECK_PATH
from astra_nb.net.refusals import (
    FAILED,
    TLS,
    foreign_host,
    foreign_origin,
    invalid_host,
    unknown_path,
    unreadable,
)
from astra_nb.net.server_connection import MAX_EARLY
from tests import records
from tests.conformance.octets import frame, mask_all, read_frames
from tests.helpers import wait_until
from tests.servers import serving

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, section 1.3
HEADERS = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def head(start: str = "GET / HTTP/1.1", *, without: str = "", **changes: str | None) -> bytes:
    """Make a request; a header is named with _ for -, and None leaves it out."""
    headers: dict[str, str | None] = {**HEADERS}
    headers.pop(without, None)
    headers.update((name.replace("_", "-"), value) for name, value in changes.items())
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def parse(data: bytes) -> Answer:
    top, blank, body = data.partition(b"\r\n\r\n")
    assert blank
    start, *lines = top.decode("latin-1").split("\r\n")
    version, status, _ = start.split(" ", 2)
    assert version == "HTTP/1.1"
    return Answer(int(status), dict(line.split(": ", 1) for line in lines), body)


@contextmanager
def raw(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), 10) as peer:
        yield peer


def read_all(peer: socket.socket) -> bytes:
    """Read until the server has sent FIN."""
    data = b""
    while part := peer.recv(65536):
        data += part
    return data


def read_head(peer: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        part = peer.recv(1)
        assert part, data
        data += part
    return data


def refused(server: Server, request: bytes) -> Answer:
    """Send a request that is refused, and read its answer to the end of TCP."""
    with raw(server) as peer:
        peer.sendall(request)
        answer = parse(read_all(peer))
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Content-Length"] == str(len(answer.body))
    for name, value in SECURITY_HEADERS.items():
        page = answer.status == 426 and name == "Content-Security-Policy"
        assert answer.headers[name] == (CONTENT_SECURITY_POLICY if page else value)
    closed = records.closed(server.log)
    assert (closed.status, closed.connection, closed.tcp) == (answer.status, 1, "closed")
    return answer


def wait(socket: WebSocket) -> None:
    for _ in socket:
        pass


def handshakes(server: Server) -> list[HandshakeRecord]:
    found = server.log.filter(kind="handshake")
    return [record for record in found if isinstance(record, HandshakeRecord)]


def opened(server: Server) -> OpenedRecord:
    record = server.log.wait_for(kind="opened", timeout=records.DEADLINE)
    assert isinstance(record, OpenedRecord)
    return record


# Accepted


def test_a_request_is_accepted_and_its_handler_gets_it() -> None:
    got: list[Any] = []

    def handle(socket: WebSocket) -> None:
        got.extend([socket.request.path, socket.path_parameters, socket.recv(5).value])

    request = head("GET /room/caf%C3%A9?x=1 HTTP/1.1")
    with serving(handle, "/room/{name}") as server:
        with raw(server) as peer:
            peer.sendall(request)
            answer_head = read_head(peer)
            answer = parse(answer_head)
            peer.sendall(mask_all(frame(1, b"Hello")))
            closing = read_all(peer)
        assert records.closed(server.log).status is None
        received, sent = handshakes(server)
        record = opened(server)
    assert answer.status == 101
    assert answer.headers["Sec-WebSocket-Accept"] == ACCEPT
    assert (answer.headers["Upgrade"], answer.headers["Connection"]) == ("websocket", "Upgrade")
    assert not {"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} & set(answer.headers)
    assert got == ["/room/caf%C3%A9?x=1", {"name": "café"}, "Hello"]
    assert closing == frame(8, b"\x03\xe8")
    assert (received.direction, received.raw) == ("received", request)
    assert (sent.direction, sent.raw) == ("sent", answer_head)
    assert (record.connection, record.side, record.path) == (1, "server", "/room/caf%C3%A9?x=1")


def test_a_handler_gets_each_header_as_it_came() -> None:
    got: list[Any] = []

    def handle(socket: WebSocket) -> None:
        got.append(socket.request_with_secrets)
        got.append(socket.request_with_secrets)

    more = b"X-One: a: b\r\nx-one: , \r\nX-Empty:\r\nX-Latin: caf\xe9\r\n\r\n"
    with serving(handle, "/") as server, raw(server) as peer:
        peer.sendall(head("GET /?x=1 HTTP/1.1")[:-2] + more)
        read_all(peer)
    request, same = got
    assert (request.method, request.path, request.protocol) == ("GET", "/?x=1", "HTTP/1.1")
    assert list(request.headers.raw_items()) == [
        *HEADERS.items(), ("X-One", "a: b"), ("x-one", ","), ("X-Empty", ""),
        ("X-Latin", "café"),
    ]  # fmt: skip
    assert same is request


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_a_request_with_a_whole_address_is_accepted_and_its_host_counts(scheme: str) -> None:
    got: list[Any] = []

    def handle(socket: WebSocket) -> None:
        got.extend([socket.request.path, socket.request.headers.get_all("Host")])

    with serving(handle, "/room") as server, raw(server) as peer:
        peer.sendall(head(f"GET {scheme}://localhost:8080/room?x=1 HTTP/1.1"))
        assert parse(read_head(peer)).status == 101
        read_all(peer)
        assert opened(server).path == "/room?x=1"
    assert got == ["/room?x=1", ["localhost:8080"]]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_frames_may_come_right_after_the_request_however_tcp_cuts_it(size: int) -> None:
    got: list[Any] = []

    def handle(socket: WebSocket) -> None:
        got.extend(message.value for message in socket if message.type == "text")

    data = head() + mask_all(frame(1, b"Hello") + frame(1, b"world") + frame(8, b"\x03\xe8"))
    with serving(handle) as server, raw(server) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            peer.sendall(data[start : start + size])
        assert read_head(peer).startswith(b"HTTP/1.1 101 ")
        assert read_all(peer) == frame(8, b"\x03\xe8")
        records.closed(server.log)
        assert handshakes(server)[0].raw == head()
    assert got == ["Hello", "world"]


@pytest.mark.parametrize(
    ("spoken", "offered", "chosen"),
    [
        (["b", "a"], "a, b", "b"),
        (["b", "a"], "c, a", "a"),
        (["b", "a"], "c", None),
        (["b", "a"], None, None),
        ([], "a", None),
    ],
)
def test_the_servers_first_subprotocol_that_was_offered_is_chosen(
    spoken: list[str], offered: str | None, chosen: str | None
) -> None:
    with serving(wait, subprotocols=spoken) as server, raw(server) as peer:
        peer.sendall(head(Sec_WebSocket_Protocol=offered))
        assert parse(read_head(peer)).headers.get("Sec-WebSocket-Protocol") == chosen
        assert opened(server).subprotocol == chosen


@pytest.mark.parametrize(
    ("compression", "offered", "agreed"),
    [
        ("deflate", "permessage-deflate", "permessage-deflate"),
        ("deflate", "x-other", None),
        ("deflate", None, None),
        (None, "permessage-deflate", None),
    ],
)
def test_compression_is_agreed_to_where_both_ends_want_it(
    compression: str | None, offered: str | None, agreed: str | None
) -> None:
    with serving(wait, compression=compression) as server, raw(server) as peer:
        peer.sendall(head(Sec_WebSocket_Extensions=offered))
        extensions = parse(read_head(peer)).headers.get("Sec-WebSocket-Extensions", "")
        assert extensions.split(";")[0] == (agreed or "")


@pytest.mark.parametrize("automatic", [True, False])
def test_the_routes_automatic_pong_counts_from_the_first_ping(automatic: bool) -> None:
    with serving(wait, automatic_pong=automatic) as server, raw(server) as peer:
        peer.sendall(head() + mask_all(frame(9, b"p") + frame(8, b"\x03\xe8")))
        read_head(peer)
        answers = [answer.opcode for answer in read_frames(read_all(peer))]
    assert answers == ([10, 8] if automatic else [8])


def test_the_policy_in_force_when_a_client_connects_gives_the_limits() -> None:
    with serving(wait) as server:
        server.max_message_size = 5
        server.keepalive = 0.5
        with raw(server) as peer:
            peer.sendall(head())
            read_head(peer)
            assert peer.recv(1) == b"\x89"  # the first PING of the keepalive
            peer.sendall(mask_all(frame(1, b"x" * 6)))
            assert b"\x03\xf1" in read_all(peer)  # 1009


def test_a_cell_sees_the_request_of_a_connection_whose_handler_is_async() -> None:
    async def handle(socket: AsyncWebSocket) -> None:
        await socket.recv()

    with serving(handle) as server, raw(server) as peer:
        peer.sendall(head("GET /?x=1 HTTP/1.1"))
        read_head(peer)
        (connection,) = server.connections
        assert connection.request.path == "/?x=1"


# Refused


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("127.0.0.1\r\nHost: 127.0.0.1", 400),
        ("127.0.0.1\r\nHost: evil.example", 400),
        ("evil@127.0.0.1", 400),
        ("", 400),
    ],
)
def test_a_foreign_or_invalid_host_is_refused_and_the_log_says_why(host: str, status: int) -> None:
    with serving(wait) as server:
        answer = refused(server, head(Host=host))
        refusal = {421: foreign_host, 400: invalid_host}[status](host.split("\r\nHost: "))
        assert (answer.status, answer.body.decode()) == (status, refusal.text)
        assert records.closed(server.log).detail == refusal.reason
        received, sent = handshakes(server)
        assert received.raw == head(Host=host)
        assert (sent.status, sent.raw.endswith(b"\r\n\r\n")) == (status, True)
        assert refusal.text.encode() not in sent.raw  # the head alone


def test_a_foreign_host_in_a_whole_address_gets_421() -> None:
    with serving(wait) as server:
        answer = refused(server, head("GET http://evil.example/ HTTP/1.1"))
        refusal = foreign_host(["127.0.0.1", "evil.example"])
        assert (answer.status, answer.body.decode()) == (421, refusal.text)
        assert records.closed(server.log).detail == refusal.reason


def test_a_request_without_a_host_gets_400() -> None:
    with serving(wait) as server:
        answer = refused(server, head(Host=None))
        assert (answer.status, answer.body.decode()) == (400, invalid_host([]).text)


def test_a_foreign_origin_gets_403_and_the_log_says_why() -> None:
    with serving(wait) as server:
        answer = refused(server, head(Origin="https://evil.example"))
        refusal = foreign_origin(["https://evil.example"])
        assert (answer.status, answer.body.decode()) == (403, refusal.text)
        assert records.closed(server.log).detail == refusal.reason


def test_an_allowed_host_and_origin_get_in() -> None:
    with serving(wait) as server:
        server.hosts = ["hub.example.org"]
        server.origins = ["https://hub.example.org"]
        with raw(server) as peer:
            peer.sendall(head(Host="hub.example.org", Origin="https://hub.example.org"))
            assert parse(read_head(peer)).status == 101


def test_an_unknown_path_gets_404_with_the_paths_there_are() -> None:
    with serving(wait, "/room/{name}") as server:
        answer = refused(server, head("GET /nope HTTP/1.1"))
        assert (answer.status, answer.body.decode()) == (404, unknown_path(["/room/{name}"]).text)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert records.closed(server.log).detail == ""


@pytest.mark.parametrize("version", ["8", "14", None])
def test_another_version_gets_400_with_the_one_that_is_understood(version: str | None) -> None:
    with serving(wait) as server:
        answer = refused(server, head(Sec_WebSocket_Version=version))
        assert (answer.status, answer.headers["Sec-WebSocket-Version"]) == (400, "13")


def test_a_bad_key_gets_400_and_no_version() -> None:
    with serving(wait) as server:
        answer = refused(server, head(Sec_WebSocket_Key="short"))
        assert answer.status == 400
        assert "Sec-WebSocket-Version" not in answer.headers


@pytest.mark.parametrize(
    "request_bytes",
    [
        head("EVIL / HTTP/1.1"),
        head("GET /evil HTTP/1.0"),
        head("GET /evil"),
        head("GET /evil?evil HTTP/1.1", Connection="evil"),
        head("GET /evil HTTP/1.1"),
        head(Host="evil"),
        head(Origin="http://evil"),
        head(Connection="Upgrade, =evil"),
        head(Upgrade="websocket/evil, =evil"),
        head(Sec_WebSocket_Key="evil"),
        head(Sec_WebSocket_Version="evil"),
        head(Sec_WebSocket_Extensions="evil;;evil"),
        head(Sec_WebSocket_Extensions="permessage-deflate; evil"),
        head(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits=evil"),
        head(Sec_WebSocket_Protocol="evil, =evil"),
        head(evil="x" * 9000),
        head(f"GET /{'evil' * 3000} HTTP/1.1"),
        b"evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nevil\r\n\r\n",
    ],
)
def test_no_refusal_repeats_anything_of_its_request(request_bytes: bytes) -> None:
    with serving(wait, compression="deflate") as server:
        if not request_bytes.startswith((b"GET /evil HTTP/1.1", b"GET /evil?")):
            server.websocket("/evil", wait)
        with raw(server) as peer:
            peer.sendall(request_bytes)
            peer.shutdown(socket.SHUT_WR)
            answer = parse(read_all(peer))
    assert answer.status == 101 or "Sec-WebSocket-Accept" not in answer.headers
    assert b"evil" not in answer.body.replace(b"/evil\n", b"")
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize("left_out", ["Upgrade", "Connection"])
def test_a_browser_that_asks_for_a_page_gets_426_and_the_page(left_out: str) -> None:
    with serving(wait) as server:
        answer = refused(server, head(without=left_out))
    assert (answer.status, answer.body.decode()) == (426, UPGRADE_PAGE)
    assert answer.headers["Upgrade"] == "websocket"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_another_method_gets_405_and_no_page() -> None:
    with serving(wait) as server:
        answer = refused(server, head("POST / HTTP/1.1"))
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("start", ["nonsense", "GET /", "GET / HTTP/1.1 more", "\x16\x15\x01"])
def test_what_is_not_http_gets_400_in_words(start: str) -> None:
    with serving(wait) as server:
        answer = refused(server, head(start))
        assert (answer.status, answer.body.decode()) == (400, unreadable(400))
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        detail = records.closed(server.log).detail
        assert detail.startswith("did not receive a valid HTTP request; ")
        received, sent = handshakes(server)
        assert received.raw == head(start)
        assert (sent.status, sent.raw.endswith(b"\r\n\r\n")) == (400, True)


@pytest.mark.parametrize("size", [1, 1000])
def test_a_client_that_used_wss_is_told_so_at_once(size: int) -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32))
    with serving(wait) as server:
        with raw(server) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, 2 if size == 1 else len(hello), size):
                peer.sendall(hello[start : start + size])
            answer = parse(read_all(peer))
        closed = records.closed(server.log)
        received, _ = handshakes(server)
    assert (answer.status, answer.body.decode()) == (400, TLS.text)
    assert (closed.status, closed.detail) == (400, TLS.reason)
    assert hello.startswith(received.raw)


def test_wss_of_a_real_client_is_told_on_the_log() -> None:
    context = ssl.create_default_context()
    with serving(wait) as server:
        with raw(server) as peer, pytest.raises(ssl.SSLError):
            context.wrap_socket(peer, server_hostname="localhost")
        assert records.closed(server.log).detail == TLS.reason


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("HEAD / HTTP/1.1", 405),
        ("HEAD /nope HTTP/1.1", 404),
        ("HEAD / HTTP/1.0", 405),
        (f"HEAD {CHECK_PATH} HTTP/1.1", 405),
        ("HEAD / HTTP/1.1 more", 400),
        (f"HEAD /{'x' * 9000} HTTP/1.1", 414),
    ],
)
def test_a_head_is_answered_without_a_body(start: str, status: int) -> None:
    with serving(wait) as server, raw(server) as peer:
        peer.sendall(head(start))
        answer = parse(read_all(peer))
    assert (answer.status, answer.body) == (status, b"")
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("request_bytes", "status", "why"),
    [
        (head("GET / HTTP/1.0"), 505, "HTTP/1.0, which many proxies use towards a server"),
        (head(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAA=="), 400, "holds 13 bytes; a key is 16 random"),
        (head(Sec_WebSocket_Key=""), 400, "holds 0 bytes; a key is 16 random bytes in base64"),
        (head(Sec_WebSocket_Key="no key"), 400, "is not one text in base64; a key is 16 random"),
        (head(Sec_WebSocket_Key=None), 400, "is missing; a key is 16 random bytes in base64"),
        (
            head(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key: AAAA"),
            400,
            "is not one text in base64",
        ),
        (head("POST / HTTP/1.1"), 405, "a WebSocket is requested with GET"),
    ],
)
def test_a_rule_that_was_broken_is_told_to_the_client_and_on_the_log(
    request_bytes: bytes, status: int, why: str
) -> None:
    with serving(wait) as server:
        answer = refused(server, request_bytes)
        assert answer.status == status
        assert why in answer.body.decode()
        assert why in records.closed(server.log).detail


@pytest.mark.parametrize("left_out", ["Upgrade", "Connection"])
def test_a_header_that_a_proxy_has_removed_is_named_on_the_log(left_out: str) -> None:
    with serving(wait) as server:
        assert refused(server, head(without=left_out)).status == 426
        assert records.closed(server.log).detail.startswith(
            f"the header {left_out} does not ask for a WebSocket: "
        )


def test_the_reason_on_the_log_does_not_repeat_what_was_sent() -> None:
    with serving(wait) as server:
        refused(server, b"s3cr3t\r\n\r\n")
        assert records.closed(server.log).detail == (
            "did not receive a valid HTTP request; invalid HTTP request line"
        )


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (head("GET / HTTP/1.0"), 505),
        (head(X="x" * 9000), 431),
        (head(f"GET /{'x' * 9000} HTTP/1.1"), 414),
    ],
)
def test_a_request_that_is_too_old_or_too_long(request_bytes: bytes, status: int) -> None:
    with serving(wait) as server:
        answer = refused(server, request_bytes)
        assert answer.status == status
        assert answer.body.startswith(f"{status} ".encode())
        assert len(handshakes(server)) == 2


@pytest.mark.parametrize(
    ("request_bytes", "status"), [(head("GET /nope HTTP/1.1"), 404), (b"nonsense\r\n\r\n", 400)]
)
def test_what_comes_after_a_refused_request_is_not_read_as_another(
    request_bytes: bytes, status: int
) -> None:
    with serving(wait) as server, raw(server) as peer:
        peer.sendall(request_bytes)
        answer = parse(read_all(peer))
        peer.sendall(head())
        peer.sendall(b"nonsense\r\n\r\n")
        peer.shutdown(socket.SHUT_WR)
        closed = records.closed(server.log)
        assert (answer.status, closed.status, closed.tcp) == (status, status, "closed")
        assert len(handshakes(server)) == 2


def test_a_page_is_not_cut_while_its_client_reads_it() -> None:
    page = b"x" * 6_000_000
    server = Server(port=0)
    server.get("/", lambda: page)
    server.close_timeout = 0.5
    got = b""
    with server, socket.create_connection(("127.0.0.1", server.port), 20) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while data := peer.recv(2**18):
            got += data
            due = monotonic() + 0.04  # a slow one: the whole page takes longer than the timeout
            wait_until(lambda due=due: monotonic() > due)  # type: ignore[misc]
    assert got.partition(b"\r\n\r\n")[2] == page


def test_a_refused_client_that_does_not_leave_is_dropped() -> None:
    with serving(wait) as server:
        server.close_timeout = 0.05
        server.open_timeout = 60
        with raw(server) as peer:
            peer.sendall(head("GET /nope HTTP/1.1"))
            assert parse(read_all(peer)).status == 404
            assert records.closed(server.log).status == 404  # this end has not left yet


# Hooks and pages


@pytest.mark.parametrize(
    ("decide", "status", "subprotocol"),
    [
        (lambda shake: shake.accept(headers={"X-Room": "7"}), 101, "a"),
        (lambda shake: shake.accept("b", headers={"X-Room": "7"}), 101, "b"),
        (lambda shake: shake.accept(None, headers={"X-Room": "7"}), 101, None),
        (lambda shake: shake.refuse(429, headers={"X-Room": "7"}), 429, None),
    ],
)
def test_a_hook_decides(decide: Any, status: int, subprotocol: str | None) -> None:
    with serving(wait, subprotocols=["a"], handshake=decide) as server, raw(server) as peer:
        peer.sendall(head(Sec_WebSocket_Protocol="a, b") + mask_all(frame(8, b"\x03\xe8")))
        answer = parse(read_head(peer))
        read_all(peer)
        assert records.closed(server.log).status == (None if status == 101 else status)
    assert (answer.status, answer.headers["X-Room"]) == (status, "7")
    assert answer.headers.get("Sec-WebSocket-Protocol") == subprotocol


@pytest.mark.parametrize("chosen", ["b", None])
@pytest.mark.parametrize("spoken", [[], ["c"]], ids=["none", "another"])
def test_a_hook_chooses_where_the_route_does_not(spoken: list[str], chosen: str | None) -> None:
    with (
        serving(wait, subprotocols=spoken, handshake=lambda shake: shake.accept(chosen)) as server,
        raw(server) as peer,
    ):
        peer.sendall(head(Sec_WebSocket_Protocol="a, b"))
        answer = parse(read_head(peer))
        assert wait_until(lambda: server.connections)[0].subprotocol == chosen
    assert (answer.status, answer.headers.get("Sec-WebSocket-Protocol")) == (101, chosen)


@pytest.mark.parametrize(
    "decide", [lambda shake: None, lambda shake: shake.accept(headers=7)], ids=["none", "raises"]
)
def test_a_hook_that_does_not_decide_is_500(
    decide: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(wait, handshake=decide) as server:
        assert refused(server, head()).body.decode() == FAILED.text
        assert records.closed(server.log).detail == FAILED.reason
    capsys.readouterr()


def test_what_comes_while_a_hook_decides_is_read_after_it() -> None:
    came, go_on = threading.Event(), threading.Event()

    def decide(handshake: Any) -> Any:
        came.set()
        go_on.wait(10)
        return handshake.accept()

    got: list[int] = []

    def handle(socket: WebSocket) -> None:
        got.append(len(socket.recv(10).value))  # type: ignore[arg-type]

    with serving(handle, handshake=decide) as server, raw(server) as peer:
        peer.sendall(head())
        assert came.wait(10)
        peer.sendall(mask_all(frame(2, bytes(MAX_EARLY + 1000))))
        with raw(server) as other:  # what was sent before has come as well
            other.sendall(head("GET /nope HTTP/1.1"))
            read_all(other)
        go_on.set()
        assert read_head(peer).startswith(b"HTTP/1.1 101 ")
        assert read_all(peer) == frame(8, b"\x03\xe8")
    assert got == [MAX_EARLY + 1000]


@pytest.mark.parametrize("decide", ["accept", "refuse", "fail"])
def test_a_client_that_leaves_while_a_hook_decides(
    decide: str, capsys: pytest.CaptureFixture[str]
) -> None:
    came, go_on = threading.Event(), threading.Event()

    def hook(handshake: Any) -> Any:
        came.set()
        go_on.wait(10)
        return getattr(handshake, decide)()

    with serving(wait, handshake=hook) as server:
        with raw(server) as peer:
            peer.sendall(head())
            assert came.wait(10)
        records.closed(server.log)
        go_on.set()
    assert len(handshakes(server)) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("method", "status", "body"), [("GET", 200, b"7"), ("HEAD", 200, b""), ("POST", 405, None)]
)
def test_a_page(method: str, status: int, body: bytes | None) -> None:
    with serving(wait) as server:
        server.get("/room/{number}", lambda request: request.path_parameters["number"])
        with raw(server) as peer:
            peer.sendall(head(f"{method} /room/7 HTTP/1.1", without="Upgrade"))
            answer = parse(read_all(peer))
        assert records.closed(server.log).status == status
    assert answer.status == status
    assert body is None or answer.body == body
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_the_check_reads_what_came_with_it() -> None:
    with serving(wait) as server, raw(server) as peer:
        peer.sendall(head(f"GET {CHECK_PATH} HTTP/1.1") + mask_all(frame(8, b"\x03\xe8")))
        assert read_all(peer).endswith(b"checked")


# Cut short


def test_a_request_that_never_ends_gets_408() -> None:
    with serving(wait) as server:
        server.open_timeout = 0.05
        with raw(server) as peer:
            peer.sendall(b"GET / HT")
            answer = parse(read_all(peer))
        closed = records.closed(server.log)
        received, sent = handshakes(server)
    reason = "no whole opening handshake within 0.05 s"
    assert (answer.status, answer.body.decode()) == (408, f"408 Request Timeout: {reason}.\n")
    assert (closed.status, closed.tcp, closed.detail) == (408, "timeout", reason)
    assert (received.raw, sent.status) == (b"GET / HT", 408)


def test_a_client_that_says_nothing_gets_408_too() -> None:
    with serving(wait) as server:
        server.open_timeout = 0.05
        with raw(server) as peer:
            assert parse(read_all(peer)).status == 408
        assert records.closed(server.log).connection == 1
        assert [record.direction for record in handshakes(server)] == ["sent"]


def test_a_client_that_leaves_without_a_word_has_a_number() -> None:
    with serving(wait) as server:
        with raw(server):
            pass
        closed = records.closed(server.log)
        assert (closed.connection, closed.status, handshakes(server)) == (1, None, [])


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_inside_its_request_is_on_the_log(reset: bool) -> None:
    with serving(wait) as server:
        with raw(server) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHo")
            if reset:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        closed = records.closed(server.log)
        assert (closed.connection, closed.status) == (1, None)


# The check


def test_the_check_is_answered_without_a_handler_a_number_or_a_record() -> None:
    called: list[object] = []
    with serving(called.append) as server:
        with raw(server) as peer:
            peer.sendall(head(f"GET {CHECK_PATH}?now HTTP/1.1"))
            assert parse(read_head(peer)).status == 101
            answers = b""
            while not answers.endswith(b"checked"):
                answers += peer.recv(4096)
            assert server.connections == []
            peer.sendall(mask_all(frame(8, b"\x03\xe8")))
            assert read_all(peer) == b""
        text, close = read_frames(answers)
        assert (text.opcode, text.payload) == (1, server.check_answer.encode())
        assert (close.opcode, close.payload) == (8, b"\x03\xe8checked")
        with raw(server) as peer:
            peer.sendall(head())
            read_head(peer)
        assert records.closed(server.log).connection == 1
        assert len(handshakes(server)) == 2
    assert len(called) == 1


def test_a_check_that_asks_for_no_upgrade_gets_no_page() -> None:
    with serving(wait) as server:
        with raw(server) as peer:
            peer.sendall(head(f"GET {CHECK_PATH} HTTP/1.1", Upgrade=None))
            answer = parse(read_all(peer))
        assert (answer.status, answer.headers["Content-Type"]) == (426, "text/plain; charset=utf-8")
        assert handshakes(server) == []


def test_a_check_from_a_foreign_page_is_refused_and_recorded() -> None:
    with serving(wait) as server:
        request = head(f"GET {CHECK_PATH} HTTP/1.1", Origin="https://evil.example")
        assert refused(server, request).status == 403
        assert len(handshakes(server)) == 2


# What is wrong on purpose


def test_an_answer_with_faults_and_a_frame_is_written_and_told() -> None:
    names = ["wrong accept key", "frame in the packet of the answer", "TCP left open"]
    with serving(wait, faults=names) as server, raw(server) as peer:
        peer.sendall(head())
        answer = parse(read_head(peer))
        assert peer.recv(7) == frame(1, b"Hello")
        peer.sendall(mask_all(frame(8, b"\x03\xe8")))
        assert peer.recv(100) == frame(8, b"\x03\xe8")
        notices = [record.text for record in server.log.filter(kind="notice", connection=1)]  # type: ignore[union-attr]
        sent = records.frames(server.log, direction="sent")
    assert answer.headers["Sec-WebSocket-Accept"] != ACCEPT
    assert [text.split(". ")[0] for text in notices] == [f"On purpose: {name}" for name in names]
    assert sent[0].payload == b"Hello"


@pytest.mark.parametrize("leaves", [False, True])
def test_a_late_answer_comes_unless_the_client_has_left(leaves: bool) -> None:
    late = named("late answer", seconds=0.05)
    with serving(wait, faults=[late]) as server:
        with raw(server) as peer:
            peer.sendall(head() + mask_all(frame(8, b"\x03\xe8")))
            if not leaves:
                assert parse(read_head(peer)).status == 101
                assert read_all(peer) == frame(8, b"\x03\xe8")
        assert records.closed(server.log).status is None
        with raw(server) as other:  # whose answer comes after that of the first
            other.sendall(head())
            assert parse(read_head(other)).status == 101
        assert len(server.log.filter(kind="opened")[:]) == (1 if leaves else 2)


@pytest.mark.parametrize("is_hooked", [False, True])
def test_early_data_while_an_answer_is_late_is_kept(is_hooked: bool) -> None:
    late, decided = named("late answer", seconds=0.2), threading.Event()

    async def hook(handshake: Any) -> Any:
        decided.set()
        return handshake.accept()

    options: dict[str, Any] = {"handshake": hook} if is_hooked else {}
    with serving(wait, faults=[late], **options) as server, raw(server) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(head())
        if is_hooked:
            assert decided.wait(records.DEADLINE)
            with raw(server) as other:  # whose refusal comes after what follows the decision
                other.sendall(head("GET /nowhere HTTP/1.1"))
                assert parse(read_head(other)).status == 404
        for byte in mask_all(frame(8, b"\x03\xe8")):
            peer.sendall(bytes((byte,)))
        assert parse(read_head(peer)).status == 101
        assert read_all(peer) == frame(8, b"\x03\xe8")


def test_a_subprotocol_that_is_offered_twice_is_told() -> None:
    with serving(wait, subprotocols=["a"]) as server, raw(server) as peer:
        peer.sendall(head(Sec_WebSocket_Protocol="a, b, a"))
        assert parse(read_head(peer)).headers["Sec-WebSocket-Protocol"] == "a"
        assert opened(server).subprotocol == "a"
        notice = server.log.wait_for(kind="notice", connection=1, timeout=records.DEADLINE)
    assert "offers a subprotocol more than once" in notice.text  # type: ignore[union-attr]


def test_under_a_seed_an_answer_has_always_the_same_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeded, "current", seeded.Seeded(7))
    with serving(lambda socket: None) as server:
        for path in ("/", "/nowhere"):
            with socket.create_connection((server.hostname, server.port), timeout=10) as tcp:
                tcp.sendall(head(f"GET {path} HTTP/1.1"))
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += tcp.recv(4096)
            assert answer.count(b"\r\nDate: ") == 1
            assert f"\r\nDate: {seeded.DATE}\r\n".encode() in answer


def test_the_answer_of_a_connection_is_that_on_the_wire() -> None:
    with serving(wait) as server, raw(server) as peer:
        runner = server._runner
        assert runner is not None
        [connection] = wait_until(lambda: list(runner._connections))
        assert connection.response is None
        peer.sendall(head())
        answer = parse(read_head(peer))
        [held] = server.connections
        assert held.response is not None
        assert held.response.status_code == answer.status == 101
        assert dict(held.response.headers.raw_items()) == answer.headers
