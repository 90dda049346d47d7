"""Serve any client: handshake hooks, pages over plain HTTP, TLS, both families of addresses."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astra_nb import Message, Server, WebSocket, connect, connect_async, tap
from astra_nb import http as astra_http
from astra_nb.certificates import make_certificates
from astra_nb.errors import (
    AddressUnavailable,
    ConnectFailed,
    HandshakeFailed,
    InvalidRoute,
    LocalError,
)
from astra_nb.log.records import HandlerErrorRecord, HandshakeRecord, NoticeRecord, OutputRecord
from astra_nb.net.http_pages import CONTENT_SECURITY_POLICY, SECURITY_HEADERS
from tests import records
from tests.helpers import REPOSITORY, run_python, wait_until
from tests.net.test_server_connection import head, parse, raw, read_all, read_head
from tests.servers import KINDS, echo, handler_of, run_async, serving

both_kinds = pytest.mark.parametrize("kind", KINDS)
WAYS = ("argument", "decorator", "decorator before the route")


def function_of(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a hook or a page's handler of this kind."""
    if kind == "def":
        return function

    async def awaited(*arguments: Any) -> Any:
        return function(*arguments)

    return awaited


def hooked(kind: str, hook: Callable[[Any], Any], way: str = "argument", **options: Any) -> Server:
    """Return a server that is not running, with a route that echoes and a hook of this kind."""
    server = Server(port=0)
    made = function_of(kind, hook)
    if way == "argument":
        options["handshake"] = made
    if way == "decorator before the route":
        server.handshake("/{room}")(made)
    server.websocket("/{room}", handler_of(kind, echo), **options)
    if way == "decorator":
        assert server.handshake("/{place}")(made) is made
    return server


def failure(server: Server, path: str = "room", **options: Any) -> HandshakeFailed:
    with pytest.raises(HandshakeFailed) as caught:
        connect(server.url + path, **options)
    return caught.value


def errors(server: Server) -> list[str]:
    found = server.log.filter(kind="error")
    return [record.summary for record in found if isinstance(record, HandlerErrorRecord)]


# ---------------------------------------------------------------------- hooks


@both_kinds
@pytest.mark.parametrize("way", WAYS)
def test_a_hook_sees_the_request_and_accepts_with_headers(kind: str, way: str) -> None:
    got: list[Any] = []

    def hook(handshake: Any) -> Any:
        got.append((handshake.path_parameters, handshake.headers["Authorization"]))
        got.append(handshake.request_with_secrets.headers["Authorization"])
        return handshake.accept("b", headers=[("Set-Cookie", "id=7"), ("Set-Cookie", "x=1")])

    with hooked(kind, hook, way, subprotocols=["a"]) as server:
        headers = {"Authorization": "Basic eDp5"}
        with connect(server.url + "blue", headers=headers, subprotocols=["a", "b"]) as client:
            assert client.subprotocol == "b"
            assert client.response_with_secrets is not None
            assert client.response_with_secrets.headers.get_all("Set-Cookie") == ["id=7", "x=1"]
            client.send_text("Hello")
            assert client.recv(10) == Message("text", "Hello")
            assert server.connections[0].subprotocol == "b"
        shown = server.log.filter(kind="handshake")[1]
    assert list(got[0][0].values()) == ["blue"]
    assert got[0][1] == "<hidden>"
    assert got[1] == "Basic eDp5"
    assert isinstance(shown, HandshakeRecord)
    assert ("Set-Cookie", "<hidden>") in shown.headers


@both_kinds
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"WWW-Authenticate": 'Basic realm="room"'}),
        (403, {}),
        (429, {"Retry-After": "5"}),
        (302, {"Location": "/other"}),
        (503, {"X-Frame-Options": "SAMEORIGIN"}),
    ],
)
def test_a_hook_refuses(kind: str, status: int, headers: dict[str, str]) -> None:
    with hooked(kind, lambda shake: shake.refuse(status, "no", headers=headers)) as server:
        error = failure(server)
        closed = records.closed(server.log)
        assert not server.log.filter(kind="opened")[:]
    assert (error.status, error.body) == (status, "no")
    for name, value in {**SECURITY_HEADERS, **headers}.items():
        assert error.headers[name] == value
    assert (closed.status, closed.tcp) == (status, "closed")
    assert closed.detail == "the route's handshake hook refused it"
    assert errors(server) == []


@both_kinds
def test_a_hook_may_wait(kind: str) -> None:
    came, go_on = threading.Event(), threading.Event()

    def hook(handshake: Any) -> Any:
        came.set()
        go_on.wait(10)
        return handshake.accept()

    async def hook_async(handshake: Any) -> Any:
        import asyncio

        came.set()
        await asyncio.to_thread(go_on.wait, 10)
        return handshake.accept()

    server = Server(port=0)
    server.websocket("/", handler_of(kind, echo), handshake=hook if kind == "def" else hook_async)
    with server, raw(server) as peer:
        peer.sendall(head())
        assert came.wait(10)
        # Others are served meanwhile; this one waits.
        with raw(server) as other:
            other.sendall(head("GET /nope HTTP/1.1"))
            assert parse(read_all(other)).status == 404
        go_on.set()
        assert parse(read_head(peer)).status == 101


@both_kinds
def test_no_subprotocol_though_the_route_speaks_one(kind: str) -> None:
    with hooked(kind, lambda shake: shake.accept(None), subprotocols=["a"]) as server:
        with connect(server.url + "room", subprotocols=["a"]) as client:
            assert client.subprotocol is None


def test_what_a_hook_prints_is_on_the_log() -> None:
    def hook(handshake: Any) -> Any:
        print("who is it?")
        return handshake.accept()

    with hooked("def", hook) as server, connect(server.url + "room"):
        record = server.log.wait_for(kind="output", timeout=records.DEADLINE)
    assert isinstance(record, OutputRecord)
    assert (record.connection, record.text) == (1, "who is it?")


def fail(_: Any) -> Any:
    raise KeyError("s3cr3t")


@both_kinds
@pytest.mark.parametrize(
    ("hook", "summary"),
    [
        (fail, "KeyError: 's3cr3t'"),
        (lambda shake: None, "returns handshake.accept() or handshake.refuse(403), not None"),
        (lambda shake: True, "returns handshake.accept() or handshake.refuse(403), not True"),
        (lambda shake: shake.accept("c"), "the client does not offer that subprotocol"),
        (lambda shake: shake.accept(headers={"X": "a\nb"}), "the header X holds a line break"),
        (lambda shake: shake.refuse(101), "status is a number from 200 to 599, not 101"),
    ],
)
def test_a_hook_that_fails_is_500_without_a_detail(
    kind: str, hook: Callable[[Any], Any], summary: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with hooked(kind, hook) as server:
        error = failure(server)
        records.closed(server.log)
        [found] = errors(server)
    assert (error.status, error.body) == (
        500,
        "500 Internal Server Error: this server could not answer; its log says why.\n",
    )
    assert summary in found
    shown = capsys.readouterr().err
    name = hook.__name__ if kind == "def" else "awaited"
    assert shown.startswith(f"The function {name}() of connection 1 raised:\n")
    assert summary.split("'")[0] in shown
    assert "calls.py" not in shown  # the traceback begins with the hook, or with its decision


@both_kinds
def test_a_hook_that_takes_for_ever_is_500(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    go_on = threading.Event()

    async def never(handshake: Any) -> Any:
        import asyncio

        await asyncio.sleep(60)

    server = Server(port=0)
    server.open_timeout = 0.05
    hook = (lambda handshake: go_on.wait(10)) if kind == "def" else never
    server.websocket("/", handler_of(kind, echo), handshake=hook)
    with server:
        assert failure(server, "").status == 500
        [found] = errors(server)
    go_on.set()
    assert "returned nothing within 0.05 s" in found
    assert "server.open_timeout" in found
    capsys.readouterr()


@both_kinds
def test_a_client_that_leaves_while_a_hook_decides(kind: str) -> None:
    came, go_on = threading.Event(), threading.Event()

    def hook(handshake: Any) -> Any:
        came.set()
        go_on.wait(10)
        return handshake.accept()

    with hooked("def", hook) as server:
        with raw(server) as peer:
            peer.sendall(head("GET /room HTTP/1.1"))
            assert came.wait(10)
        records.closed(server.log)
        go_on.set()
    assert not server.log.filter(kind="opened")[:]
    assert errors(server) == []


def test_the_end_of_the_server_does_not_wait_for_a_hook() -> None:
    came, go_on = threading.Event(), threading.Event()

    def hook(handshake: Any) -> Any:
        came.set()
        go_on.wait(10)

    server = hooked("def", hook)
    server.run()
    with raw(server) as peer:
        peer.sendall(head("GET /room HTTP/1.1"))
        assert came.wait(10)
        server.shutdown()
    go_on.set()
    assert errors(server) == []


def test_what_a_client_sends_before_its_answer_is_read_after_it_and_told() -> None:
    from tests.conformance.octets import frame, mask_all

    came, go_on = threading.Event(), threading.Event()

    def hook(handshake: Any) -> Any:
        came.set()
        go_on.wait(10)
        return handshake.accept()

    with hooked("def", hook) as server:
        big = bytes(100_000)
        with raw(server) as peer:
            peer.sendall(head("GET /room HTTP/1.1"))
            assert came.wait(10)
            peer.sendall(mask_all(frame(2, big)))
            go_on.set()
            assert read_head(peer).startswith(b"HTTP/1.1 101 ")
            echoed = b""
            while len(echoed) < len(frame(2, big)):
                echoed += peer.recv(65536)
        assert echoed == frame(2, big)
        records.closed(server.log)


def test_data_with_the_request_is_told() -> None:
    from tests.conformance.octets import frame, mask_all

    with serving(handler_of("def", echo)) as server, raw(server) as peer:
        early = mask_all(frame(1, b"Hello"))
        peer.sendall(head() + early)
        assert read_head(peer).startswith(b"HTTP/1.1 101 ")
        notice = server.log.wait_for(
            lambda record: isinstance(record, NoticeRecord) and record.connection == 1,
            timeout=records.DEADLINE,
        )
    assert isinstance(notice, NoticeRecord)
    assert notice.text == (
        f"The client sent {len(early)} bytes before it had the answer to its opening handshake; it "
        f"must not send before that (RFC 6455, section 4.1)."
    )


def test_a_request_that_is_not_valid_does_not_reach_the_hook() -> None:
    called: list[object] = []
    with hooked("def", called.append) as server, raw(server) as peer:
        peer.sendall(head("GET /room HTTP/1.1", Sec_WebSocket_Key="short"))
        assert parse(read_all(peer)).status == 400
    assert called == []


def test_a_path_has_one_hook() -> None:
    server = hooked("def", lambda shake: shake.accept())
    with pytest.raises(InvalidRoute, match="already has a handshake hook"):
        server.handshake("/{other}", lambda shake: None)
    server.handshake("/{other}", lambda shake: shake.refuse(402), replace=True)
    with server:
        assert failure(server).status == 402
    with pytest.raises(InvalidRoute, match="a handshake hook is a function that takes the handsh"):
        server.handshake("/", 7)  # type: ignore[call-overload]
    with pytest.raises(InvalidRoute, match="the handshake hook <lambda>"):
        server.websocket("/x", len, handshake=lambda: None)
    with pytest.raises(InvalidRoute, match="a path is a str"):
        server.handshake("x", len)


@pytest.mark.parametrize("empty_lines", [b"\r\n", b"\n\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 1000])
def test_an_empty_line_before_the_request(empty_lines: bytes, size: int) -> None:
    with serving(handler_of("def", echo)) as server, raw(server) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = empty_lines + head(Upgrade="h2c, websocket")
        for start in range(0, len(data), size):
            peer.sendall(data[start : start + size])
        assert parse(read_head(peer)).status == 101


# ---------------------------------------------------------------------- pages

PAGE = "<!doctype html><title>A page</title>"


def fetch(server: Server, path: str = "/", method: str = "GET", **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    response.read_body = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


@both_kinds
def test_one_port_serves_a_page_and_its_sockets(kind: str) -> None:
    server = astra_http.server.new(port=0)
    handler = function_of(kind, lambda request: PAGE)
    assert server.get("/", handler) is handler
    server.websocket("/", handler_of(kind, echo))
    with server:
        page = fetch(server)
        with connect(server.url) as client:
            client.send_text("Hello")
            assert client.recv(10).value == "Hello"
        closed = server.log.filter(kind="closed")[0]
    assert (page.status, page.read_body.decode()) == (200, PAGE)
    assert page.getheader("Content-Type") == "text/html; charset=utf-8"
    assert page.getheader("Connection") == "close"
    for name, value in SECURITY_HEADERS.items():
        is_policy = name == "Content-Security-Policy"
        assert page.getheader(name) == (CONTENT_SECURITY_POLICY if is_policy else value)
    assert closed.why_closed == (  # type: ignore[union-attr]
        "The opening handshake ended with HTTP status 200 (OK) (RFC 6455, section 4.2.2). Plain "
        "HTTP: no WebSocket was asked for."
    )


def test_a_handler_takes_nothing_a_request_or_an_answer_too() -> None:
    server = Server(port=0)

    @server.get("/none")
    def nothing() -> str:
        return "none"

    @server.get("/room/{name}")
    def room(request: Any, greeting: str = "Hello") -> Any:
        return {"greeting": greeting, **request.path_parameters}

    @server.get("/both", headers={"X-A": "1", "Content-Security-Policy": "default-src *"})
    def both(request: Any, answer: Any) -> bytes:
        answer.set_status_code(201)
        answer.set_header("Set-Cookie", "id=7")
        return b"\0"

    with server:
        assert fetch(server, "/none").read_body == b"none"
        assert json.loads(fetch(server, "/room/Ada%2F?x=1").read_body) == {
            "greeting": "Hello",
            "name": "Ada/",
        }
        answer = fetch(server, "/both")
    assert (answer.status, answer.read_body) == (201, b"\0")
    assert (answer.getheader("X-A"), answer.getheader("Set-Cookie")) == ("1", "id=7")
    assert answer.headers.get_all("Content-Security-Policy") == ["default-src *"]


@both_kinds
def test_a_page_is_read_with_get_and_head_only(kind: str) -> None:
    server = Server(port=0)
    server.get("/", function_of(kind, lambda request: request.answer(request.method, status=404)))
    with server:
        assert fetch(server).read_body == b"GET"
        to_head = fetch(server, method="HEAD")
        posted = fetch(server, method="POST")
        other = fetch(server, "/nope")
    assert (to_head.status, to_head.read_body) == (404, b"")
    assert to_head.getheader("Content-Length") == "4"
    assert (posted.status, posted.getheader("Allow")) == (405, "GET, HEAD")
    assert other.status == 404


def test_a_socket_is_not_opened_at_the_path_of_a_page() -> None:
    server = Server(port=0)
    server.get("/", lambda: PAGE)
    with server:
        assert failure(server, "").status == 404


def test_a_page_is_for_the_names_and_origins_of_this_machine() -> None:
    server = Server(port=0)
    called: list[object] = []
    server.get("/", called.append)
    with server:
        assert fetch(server, Host="evil.example").status == 421
        assert fetch(server, Origin="https://evil.example").status == 403
    assert called == []


@both_kinds
@pytest.mark.parametrize(
    ("handler", "summary"),
    [
        (fail, "KeyError: 's3cr3t'"),
        (lambda request: None, "the handler of a page returned None"),
        (lambda request: object(), "a value for JSON, but this object is not"),
        (lambda request: request.answer(headers={"X": "a\r\nb"}), "the header X holds a line brea"),
    ],
)
def test_a_page_that_fails_is_500_without_a_detail(
    kind: str, handler: Any, summary: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(port=0)
    server.get("/", function_of(kind, handler))
    with server:
        answer = fetch(server)
        records.closed(server.log)
        [found] = errors(server)
    assert answer.status == 500
    assert b"its log says why" in answer.read_body
    assert summary in found
    capsys.readouterr()


def test_what_is_not_a_page() -> None:
    server = Server(port=0)
    server.get("/a", lambda: PAGE)
    with pytest.raises(InvalidRoute, match="already has a handler"):
        server.get("/a", lambda: PAGE)
    server.get("/a", lambda: "new", replace=True)
    for path, handler, headers in [
        ("a", lambda: PAGE, ()),
        ("/b", PAGE, ()),
        ("/b", lambda request, answer, more: PAGE, ()),
        ("/b", lambda: PAGE, {"X": "a\nb"}),
    ]:
        with pytest.raises(InvalidRoute):
            server.get(path, handler, headers=headers)  # type: ignore[call-overload]
    with server:
        assert fetch(server, "/a").read_body == b"new"


# ------------------------------------------------------------------------ TLS


@both_kinds
@pytest.mark.parametrize("twin", ["connect", "connect_async"])
def test_a_server_of_wss(kind: str, twin: str) -> None:
    certificates = make_certificates()
    server = astra_http.server.new(port=0, ssl=certificates.server)
    server.websocket("/", handler_of(kind, echo))
    with server:
        assert server.url == f"wss://127.0.0.1:{server.port}/"
        assert server.browser_url == server.url

        async def main() -> None:
            async with connect_async(server.url, ssl=certificates.client) as client:
                await client.send_text("Hello")
                assert (await client.recv(10)).value == "Hello"

        if twin == "connect":
            with connect(server.url, ssl=certificates.client) as client:
                client.send_text("Hello")
                assert client.recv(10).value == "Hello"
        else:
            run_async(main())
        closed = records.closed(server.log)
        assert (closed.code, closed.tcp) == (1000, "closed")
        # The server ends TCP first under TLS as well, and a refusal reaches the client.
        for code in (1000, 3000):
            client = connect(server.url, ssl=certificates.client)
            server.connections[-1].send_close(code)
            client.wait_closed(10)
            assert client.close_code == code
        with pytest.raises(HandshakeFailed) as caught:
            connect(server.url + "nope", ssl=certificates.client)
        assert caught.value.status == 404


@pytest.mark.parametrize("form", ["one file", "two files"])
def test_a_certificate_from_files(form: str, tmp_path: Path) -> None:
    certificates = make_certificates(folder=tmp_path / "tls")
    path = tmp_path / "tls" / "server.pem"
    assert (path.stat().st_mode & 0o077) == 0
    server = Server(port=0, ssl=path if form == "one file" else (path, path))
    server.websocket("/", handler_of("def", echo))
    with server, connect(server.url, ssl=tmp_path / "tls" / "ca.pem") as client:
        client.send_text("Hello")
        assert client.recv(10).value == "Hello"
    assert (tmp_path / "tls" / "ca.pem").read_bytes() == certificates.authority


def test_a_server_that_wants_certificates_of_its_clients(tmp_path: Path) -> None:
    certificates = make_certificates("localhost", folder=tmp_path, client="ada@example.org")
    server = Server(port=0, ssl=certificates.server)
    server.websocket("/", handler_of("def", echo))
    with server:
        url = f"wss://localhost:{server.port}/"
        connect(url, ssl=certificates.client).close()
        trust, mine = tmp_path / "ca.pem", tmp_path / "client.pem"
        connect(url, ssl=trust, client_certificate=mine).close()
        with pytest.raises((HandshakeFailed, ConnectFailed), match=r"client_certificate|no TLS"):
            connect(url, ssl=trust)
        with pytest.raises(ConnectFailed, match="its certificate is not valid here"):
            connect(server.url, ssl=trust)  # 127.0.0.1 is not in it


def test_clients_that_do_not_speak_tls_hold_up_nobody() -> None:
    certificates = make_certificates()
    server = Server(port=0, ssl=certificates.server)
    server.websocket("/", handler_of("def", echo))
    with server:
        with raw(server):  # says nothing
            connect(server.url, ssl=certificates.client).close()
            with raw(server) as peer:
                peer.sendall(head())
                assert not read_all(peer).startswith(b"HTTP")
            notice = server.log.wait_for(
                lambda record: isinstance(record, NoticeRecord) and "TLS" in record.text,
                timeout=records.DEADLINE,
            )
        assert isinstance(notice, NoticeRecord)
        assert notice.text.startswith("A client did not begin TLS (http request);")


def test_the_end_of_the_server_does_not_wait_for_tls() -> None:
    server = Server(port=0, ssl=make_certificates().server)
    server.run()
    with raw(server) as peer:
        runner = server._runner
        assert runner is not None
        wait_until(lambda: runner._acceptor._securing)
        server.shutdown()
        with pytest.raises(ConnectionError):
            assert peer.recv(1) == b""
            raise ConnectionResetError
    assert not server.running


@pytest.mark.parametrize("value", [7, "none.pem", ["a", "b", "c", "d"]])
def test_what_is_not_a_servers_certificate(value: Any) -> None:
    with pytest.raises(LocalError, match=r"^ssl"):
        Server(port=0, ssl=value)


# ------------------------------------------------------------------- families


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_two_colons_listen_for_both_families(address: str) -> None:
    def tell(ws: WebSocket) -> None:
        ws.send_text(ws.remote_address)

    server = Server(hostname="::", port=0)
    server.websocket("/", tell)
    try:
        server.run()
    except Exception:
        if not socket.has_ipv6:
            pytest.skip("this machine has no IPv6")
        raise
    with server:
        host = f"[{address}]" if ":" in address else address
        with connect(f"ws://{host}:{server.port}/") as client:
            assert str(client.recv(10).value).startswith(f"{host}:")


def test_the_page_about_serving_keeps_its_word() -> None:
    page = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")
    [(code, output)] = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    run = run_python("-W", "error", "-c", code)
    assert (run.stderr, run.stdout) == ("", output)


def test_nothing_listens_where_python_runs_in_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "emscripten")
    for run in Server().run, lambda: tap("ws://127.0.0.1:9"):
        with pytest.raises(AddressUnavailable, match=r"^in JupyterLite Python runs inside"):
            run()
