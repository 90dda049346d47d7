"""One test for each line of the threat model in docs/security.md, with real requests."""

from __future__ import annotations

import base64
import re
import socket
import tempfile
import threading
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from pprint import pformat
from typing import Any

import psutil
import pytest

from astra_nb import FrameLog, Message, Server, WebSocket, connect, errors
from astra_nb.errors import HandshakeFailed
from astra_nb.lua import Lua, runtime
from astra_nb.net.policy import CHECK_PATH
from astra_nb.widgets.log_rows import rows_between
from astra_nb.wire.handshake import head_end
from tests.helpers import REPOSITORY, wait_until
from tests.servers import serving

GUIDE = REPOSITORY / "docs" / "security.md"

SECRET = "s3cr3tV4lue"
BASIC = base64.b64encode(f"jane:{SECRET}".encode()).decode()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlb2ZqYW5l"
SECRETS = (SECRET, BASIC, JWT, BASIC[6:], JWT.rpartition(".")[2])

# What hubs, proxies, clouds and clients put into a request, each with a secret in it.
SECRET_HEADERS = {
    "Authorization": f"token {SECRET}",
    "authorization": f"Bearer {SECRET}",
    "Proxy-Authorization": f"Basic {BASIC}",
    "Cookie": f'jupyterhub-user-jane="{SECRET}"; _xsrf={SECRET}; lang=en; other={SECRET}',
    "COOKIE": f"username-localhost-8888={SECRET}",
    "X-XSRFToken": SECRET,
    "X-Api-Key": SECRET,
    "X-Forwarded-Access-Token": SECRET,
    "X-Amz-Security-Token": SECRET,
    "X-Amzn-Oidc-Data": JWT,
    "X-Goog-Iap-Jwt-Assertion": JWT,
    "Cf-Access-Jwt-Assertion": SECRET,
    "X-Ms-Token-Aad-Id-Token": SECRET,
    "X-Forwarded-Client-Cert": f"Hash={SECRET}",
    "X-Session-Id": SECRET,
    "Referer": f"https://hub.example.org/user/jane/lab?token={SECRET}&reset",
    "X-Original-URI": f"/user/jane/proxy/8080/?TOKEN={SECRET}",
    "X-Original-URL": f"https://jane:{SECRET}@hub.example.org/",
    "X-Forwarded-Uri": f"/hub/login?next=%2Fuser%2Fjane%3Ftoken%3D{SECRET}",
    "Link": f"</x?access_token={SECRET}>; rel=next",
    "Forwarded": f"for=192.0.2.7;secret={SECRET}",
    "X-One": f"Bearer {JWT}",
    "X-Two": f"Basic {BASIC}",
    "X-Three": f'{{"user": "jane", "token": "{SECRET}"}}',
    "X-Four": f"api_key: {SECRET}",
    "Sec-WebSocket-Protocol": f"chat, v1.token.websocket.jupyter.org.{SECRET}",
    "sec-websocket-protocol": f"realtime, openai-insecure-api-key.{SECRET}",
    "Sec-Websocket-Protocol": f"token, {SECRET}",
    "Sec-WebSocket-protocol": f"chat, Authorization, {SECRET}",
    "SEC-Websocket-Protocol": f"aws-appsync-event-ws, header-{BASIC.rstrip('=')}",
    "DPoP": SECRET,
    "X-OTP": SECRET,
    "X-Seven": f"PHPSESSID={SECRET}",
    "X-Eight": f"db_pwd: {SECRET}",
    "SEC-WEBSOCKET-PROTOCOL": f"base64url.bearer.authorization.k8s.io.{SECRET}, chat",
}
SECRET_PATHS = [
    f"/?token={SECRET}",
    f"/?a=b&access_token={SECRET}&c=d",
    f"/?%74oken={SECRET}",
    f"/?next=%2Flab%3Ftoken%3D{SECRET}",
    f"/?password={SECRET}#x",
    f"/?PHPSESSID={SECRET}",
    f"/?connect.sid={SECRET}",
    f"/?params=%7B%22token%22%3A%22{SECRET}%22%7D",
    f"/?a=%7B%22headers%22%3A%7B%22Authorization%22%3A%22Bearer%20{SECRET}%22%7D%7D",
]


def wait(socket: WebSocket) -> None:
    for _ in socket:
        pass


def log_of(server: Server) -> Any:
    """The log, for tests that know which kind of record they wait for."""
    return server.log


def upgrade(path: str, host: str, *headers: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        *([f"Host: {host}"] if host else []),
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def request(server: Server, *headers: str, path: str = "/", host: str = "127.0.0.1") -> bytes:
    """Send an opening handshake as it stands, and give the head of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(upgrade(path, host, *headers))
        answer = raw.recv(65536)
    log_of(server).wait_for(kind="closed")
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def why_closed(server: Server) -> str:
    return str(log_of(server).wait_for(kind="closed").detail)


# Who may come in


def test_the_server_listens_on_loopback_only() -> None:
    with serving(wait) as server:
        listening = [
            connection.laddr.ip
            for connection in psutil.Process().net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == server.port
        ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://evil.example:8888",
        "http://localhost:evil",
        "http://evil@localhost",
        "https://hub.example.org.evil.example",
        "https://hub.example.org:444",
        "http://hub.example.org",
        "https://HUB.example.org@evil.example",
        "vscode-webview://evil",
    ],
)
def test_a_foreign_page_is_refused_and_the_log_says_why(origin: str) -> None:
    with serving(wait) as server:
        server.allow_page("https://hub.example.org", "hub.example.org")
        answer = request(server, f"Origin: {origin}")
        assert status(answer) == 403
        assert "server.origins.append" in answer.decode()
        assert "must not connect (RFC 6455, section 10.2)" in why_closed(server)
        assert origin.rpartition("@")[2] in why_closed(server)


@pytest.mark.parametrize("origin", ["null", "", "*", "file://", "data:", "about:blank"])
def test_an_origin_that_names_no_site_never_gets_in(origin: str) -> None:
    with serving(wait) as server:
        with pytest.raises(errors.LocalError, match="origin"):
            server.allow_page(origin)
        assert server.origins == []
        assert status(request(server, f"Origin: {origin}")) == 403


@pytest.mark.parametrize(
    "host",
    [
        *("rebound.example", "rebound.example:8080", "localhost.rebound.example"),
        *("127.0.0.1.nip.example", "hub.example.org.evil.example", "localhost,rebound.example"),
    ],
)
def test_a_rebound_name_is_refused_and_the_log_says_why(host: str) -> None:
    with serving(wait) as server:
        server.allow_page("https://hub.example.org", "hub.example.org")
        assert status(request(server, host=host)) == 421
        assert "DNS rebinding" in why_closed(server)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1@evil.example", "evil.example#127.0.0.1", "http://localhost", "localhost/"),
        *("localhost:evil", "evil@localhost", "localhost:99999", "[127.0.0.1]", " ", ":80"),
    ],
)
def test_a_host_that_is_none_gets_400(host: str) -> None:
    with serving(wait) as server:
        server.hosts = ["*"]
        assert status(request(server, host=host)) == 400
        assert "RFC 9112, section 3.2" in why_closed(server)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Host: rebound.example"], 400),
        (["Host: 127.0.0.1"], 400),
        (["Origin: http://localhost:8888", "Origin: https://evil.example"], 403),
        (["Origin: https://evil.example", "Origin: http://localhost:8888"], 403),
    ],
)
def test_a_second_header_does_not_hide_the_first(headers: list[str], expected: int) -> None:
    with serving(wait) as server:
        assert status(request(server, *headers)) == expected


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        ("127.0.0.1", "http://rebound.example/", 421),
        ("rebound.example", "http://127.0.0.1/", 421),
        ("127.0.0.1", "http://evil@127.0.0.1/", 400),
        ("127.0.0.1", "http:///", 400),
        (" ", "http://127.0.0.1/", 400),
        ("127.0.0.1", "http://127.0.0.1/", 101),
        ("127.0.0.1", "ws://localhost:8080", 101),
    ],
)
def test_a_whole_address_as_the_target_does_not_hide_the_host(
    host: str, target: str, expected: int
) -> None:
    with serving(wait) as server:
        assert status(request(server, host=host, path=target)) == expected


def test_the_page_that_shows_a_panel_gets_in_alone() -> None:
    with serving(wait) as server:
        before = request(server, "Origin: https://hub.example.org", host="hub.example.org")
        server.allow_page("https://hub.example.org", "hub.example.org", "/user/jane/")
        after = request(server, "Origin: https://hub.example.org", host="hub.example.org")
        assert (status(before), status(after)) == (421, 101)
        assert (server.origins, server.hosts) == (["https://hub.example.org"], ["hub.example.org"])
        server.allow_page("https://hub.example.org", "hub.example.org", "/user/jane/")
        assert len(server.origins) == 1


# What is shown


def test_markup_from_a_stranger_is_text() -> None:
    evil = '<img src=x onerror="alert(1)">'
    with serving(wait) as server:
        with connect(server.url, headers={"X-Evil": evil}) as client:
            client.send_text(evil)
            client.send_close(4000, evil)
            client.wait_closed(5)
        request(server, f"Origin: {evil}", path=f"/{evil.replace(' ', '%20')}")
        closed = log_of(server).wait_for(kind="closed", count=2)
        html = server.log._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html
    assert closed.status == 403


def test_the_page_for_browsers_repeats_nothing() -> None:
    with serving(wait) as server:
        url = server.url.replace("ws://", "http://") + "?%3Cscript%3Eevil"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url)
        with caught.value as answer:
            page = answer.read().decode()
            policy = answer.headers["Content-Security-Policy"]
    assert "evil" not in page
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("headers", "path", "expected"),
    [
        (["Sec-WebSocket-Version: evil"], "/?evil", 400),
        (["Origin: http://evil"], "/", 403),
        (["Host: evil"], "/", 400),
        (["Sec-WebSocket-Key: evil"], "/", 400),
        (["Sec-WebSocket-Extensions: =evil"], "/", 400),
        (["evil"], "/", 400),
        ([], "/evil", 404),
        ([f"X-Evil: {'x' * 9000}"], "/", 431),
    ],
)
def test_no_refusal_can_be_framed_or_repeats_its_request(
    headers: list[str], path: str, expected: int
) -> None:
    with serving(wait, compression="deflate") as server:
        answer = request(server, *headers, path=path).decode()
    assert status(answer.encode()) == expected
    assert "evil" not in answer
    for line in (
        "frame-ancestors 'none'",
        "X-Frame-Options: DENY",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Opener-Policy: same-origin",
    ):
        assert f"{line}\r\n" in answer


def shown(log: FrameLog) -> str:
    """Everything that a log turns into."""
    records = list(log)
    again = FrameLog.from_jsonl(log.to_jsonl())
    pictures = [
        log.handshake_picture(),
        log.ping_picture(),
        log.state_picture(),
        log.fan_out_picture(),
        log.utf8_picture(),
    ]
    return "\n".join(
        [
            *map(str, pictures),
            *(picture._repr_html_() for picture in pictures),
            *(file_of(log, suffix) for suffix in ("har", "pcapng", "html")),
            log.sequence(),
            str(log),
            repr(log),
            log._repr_html_(),
            log.to_jsonl(),
            repr(records),
            pformat(records),
            repr(list(again)),
        ]
    )


def file_of(log: FrameLog, suffix: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        log.save(Path(folder, f"log.{suffix}"))
        return Path(folder, f"log.{suffix}").read_bytes().decode("latin-1")


def shown_by_panel(server: Server) -> str:
    """What a panel of a server gives to its page and to a stored notebook."""
    panel = server.panel()
    try:
        rows = rows_between(server.log, 1, server.log.last_number)
        return repr((panel._repr_mimebundle_(), panel.snapshot, rows))
    finally:
        panel.close()


@pytest.mark.parametrize(("name", "value"), SECRET_HEADERS.items())
def test_secrets_never_reach_what_is_shown(name: str, value: str) -> None:
    with serving(wait) as server:
        assert status(request(server, f"{name}: {value}")) == 101
        found = shown(server.log) + shown_by_panel(server)
    assert name.lower() in found.lower()
    assert not [secret for secret in SECRETS if secret in found]


@pytest.mark.parametrize("path", SECRET_PATHS)
@pytest.mark.parametrize("route", ["/", "/other"])
def test_a_secret_in_a_path_is_hidden_also_when_it_is_refused(path: str, route: str) -> None:
    with serving(wait, route) as server:
        answer = request(server, path=path)
        assert status(answer) == (101 if route == "/" else 404)
        assert SECRET not in shown(server.log)


def test_a_secret_in_a_segment_of_a_path_is_hidden() -> None:
    with serving(wait, "/token/{value}") as server:
        assert status(request(server, path=f"/token/{SECRET}")) == 101
        assert status(request(server, path=f"/other/token/{SECRET}")) == 404
        assert SECRET not in shown(server.log)


@pytest.mark.parametrize("offered", [["token", SECRET], [f"bearer.{SECRET}", "chat"]])
def test_a_secret_that_both_ends_agree_on_is_hidden(offered: list[str]) -> None:
    chosen = next(name for name in offered if SECRET in name)
    with serving(wait, subprotocols=[chosen]) as server:
        client = connect(server.url, subprotocols=offered)
        assert client.subprotocol == chosen
        client.close()
        log_of(server).wait_for(kind="closed")
        opened = log_of(server).filter(kind="opened")[0]
        assert opened.subprotocol == ("<hidden>" if chosen == SECRET else "bearer.<hidden>")
        found = shown_by_panel(server)
        assert SECRET not in found + shown(server.log) + shown(client.log)


@pytest.mark.parametrize(
    "head",
    [
        f"Cookie: a=b\r\n {SECRET}",  # goes on in the next line
        f"Cookie:{SECRET}",
        f"Cookie : {SECRET}",
        f"Cookie\t: {SECRET}",
        f"X-A: b\rCookie: {SECRET}",  # behind a lone carriage return
        f"X-A: b\nCookie: {SECRET}",
        f"Cookie: {SECRET}\x00",
        f"Cookie: {'x' * 20_000}{SECRET}",  # too long, so it is refused
    ],
)
def test_a_secret_in_a_broken_head_is_hidden(head: str) -> None:
    with serving(wait) as server:
        request(server, head)
        assert SECRET not in shown(server.log)


def test_a_secret_in_a_head_that_was_cut_is_hidden() -> None:
    with serving(wait) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"GET /?token={SECRET} HTTP/1.1\r\nCookie: {SECRET}".encode())
        log_of(server).wait_for(kind="closed")
        assert SECRET not in shown(server.log)


def test_a_handler_sees_secrets_only_when_it_asks() -> None:
    seen: list[str] = []
    asked: list[str] = []

    def handle_socket(socket: WebSocket) -> None:
        request = socket.request
        seen.extend([repr(socket), repr(request), pformat(request), str(request.headers)])
        seen.append(pformat(dict(request.headers.raw_items())))
        asked.append(socket.request_with_secrets.headers["Authorization"])
        print(socket, request)

    with serving(handle_socket) as server:
        headers = {"Authorization": f"token {SECRET}", "X-Seen": "yes"}
        client = connect(f"{server.url}?token={SECRET}", headers=headers)
        client.close()
        log_of(server).wait_for(kind="closed")
        seen.extend([shown(server.log), shown(client.log), repr(client), repr(client.request)])
    assert "X-Seen" in seen[1]
    assert not [text for text in seen if SECRET in text]
    assert asked == [f"token {SECRET}"]


@pytest.mark.parametrize(
    "body",
    [
        f'{{"error": "denied", "token": "{SECRET}"}}',
        f"the token {SECRET} is not known",
        f"Cookie: {SECRET}",
        f"{SECRET}, chat: none of these subprotocols",
        f"see /login?next=%2F%3Ftoken%3D{SECRET}",
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"subprotocols": ["token", SECRET]},
        {"headers": {"Authorization": f"token {SECRET}"}},
        {"headers": {"Cookie": f"a=b; c={SECRET}"}},
    ],
)
def test_a_refusal_that_repeats_a_secret_does_not_show_it(body: str, options: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        def refuse() -> None:
            peer, _ = holder.accept()
            with peer:
                while b"\r\n\r\n" not in peer.recv(65536):
                    pass
                peer.sendall(
                    f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
                )

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(HandshakeFailed) as caught:
            connect(f"ws://127.0.0.1:{port}/", **options)
        thread.join()
    assert caught.value.status == 403
    assert "<hidden>" in caught.value.body
    found = "".join(traceback.format_exception(caught.value)) + caught.value.body
    assert SECRET not in found


@pytest.mark.parametrize(
    "url",
    [
        "ws://jane:{secret}@127.0.0.1:{port}/?token={secret}",
        "ws://127.0.0.1:{port}/?token={secret}",
        "ftp://jane:{secret}@127.0.0.1/",
        "ws://127.0.0.1:{port}/?token={secret}#fragment",
    ],
)
def test_an_error_does_not_repeat_a_password(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    url = url.format(port=port, secret=SECRET)
    with pytest.raises(errors.AstraError) as caught:
        connect(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value)).replace(url, "")
    with pytest.raises(errors.LocalError) as refused:
        Server().browser_url = url.replace("ws:", "no:")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Authorization": f"Bearer {SECRET}\n"}},
        {"headers": [("X-Auth", f"{SECRET}\r\nX: y")]},
        {"headers": {f"Authorization: Bearer {SECRET}": ""}},
        {"headers": f"Authorization: {SECRET}"},
        {"headers": [SECRET]},
        {"headers": {"X-Auth": SECRET.encode()}},
        {"subprotocols": f"token.{SECRET}"},
        {"subprotocols": ["token", f"{SECRET}=="]},
        {"subprotocols": [SECRET, SECRET]},
        {"headers": {"Sec-WebSocket-Protocol": SECRET}},
    ],
)
def test_an_error_does_not_repeat_a_header_or_a_subprotocol(options: Any) -> None:
    with pytest.raises(errors.LocalError) as caught:
        connect("ws://127.0.0.1:9/", **options)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


# What cannot be worn out


def test_a_peer_cannot_fill_the_memory() -> None:
    with serving(wait) as server:
        server.log.max_bytes = 10_000
        server.max_message_size = 1000
        with connect(server.url) as client:
            for _ in range(100):
                client.send_bytes(bytes(1000))
            client.send_bytes(bytes(1001))
            with pytest.raises(errors.ConnectionClosed) as caught:
                while True:
                    client.recv(5)
        assert caught.value.code == 1009
        assert sum(len(record.frame.raw) for record in log_of(server).frames) <= 10_000
        assert server.log.dropped > 0
        answer = request(server, *(f"X-{number}: {'x' * 8000}" for number in range(200)))
        assert status(answer) in (400, 431)


def test_a_handshake_that_never_ends_is_dropped() -> None:
    with serving(wait) as server:
        server.open_timeout = 0.1
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n")
            with pytest.raises(ConnectionError):
                while raw.recv(100):
                    pass
                raise ConnectionError("closed in order")
        assert log_of(server).wait_for(kind="closed").tcp == "timeout"


def test_a_handshake_a_byte_at_a_time_costs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    def count(data: bytearray, start: int = 0) -> int | None:
        searched.append(len(data) - start)
        return head_end(data, start)

    monkeypatch.setattr("astra_nb.wire.handshake.head_end", count)
    with serving(wait) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
            runner = server._runner
            assert runner is not None
            [connection] = wait_until(lambda: list(runner._connections))
            head = b"GET / HTTP/1.1\r\nX-Long: %s\r\n\r\n" % (b"x" * 2000)

            def receive() -> None:  # as TCP may bring it
                for index in range(len(head)):
                    connection.data_received(head[index : index + 1])

            runner._background.call(receive)
            assert raw.recv(100).startswith(b"HTTP/1.1 4")
    assert sum(searched) == len(head)  # each byte once


def test_a_traceback_stays_here() -> None:
    def handle_socket(socket: WebSocket) -> None:
        raise RuntimeError(SECRET)

    with serving(handle_socket) as server, connect(server.url) as client:
        message = client.recv(5)
        assert message.type == "close"
        assert SECRET not in repr(message)
        assert SECRET in log_of(server).wait_for(kind="error").traceback


# The check


def test_the_check_tells_nothing_and_calls_no_handler() -> None:
    called: list[Any] = []
    with serving(called.append) as server:
        with connect(server.url.rstrip("/") + CHECK_PATH) as client:
            assert client.recv(5) == Message("text", server.check_answer)
            assert client.recv(5).type == "close"
            client.wait_closed(5)
        assert re.fullmatch("[0-9a-f]{16}", server.check_answer)
        assert server.check_answer != Server().check_answer
        with pytest.raises(HandshakeFailed) as caught:
            connect(server.url.rstrip("/") + CHECK_PATH, origin="https://evil.example")
        assert caught.value.status == 403
        refused = log_of(server).wait_for(kind="closed")
        # The check that was answered is not in the log and has no number.
        assert (refused.status, refused.connection) == (403, 1)
        assert len(log_of(server).filter(kind="handshake")) == 2
        wait_until(lambda: not server.connections)
    assert called == []


def test_a_check_is_no_open_connection_while_its_page_leaves_the_close_unanswered() -> None:
    with serving(wait) as server, socket.create_connection(("127.0.0.1", server.port), 5) as peer:
        peer.sendall(upgrade(CHECK_PATH, "127.0.0.1"))
        answer = b""
        while b"checked" not in answer:
            answer += peer.recv(4096)
        assert server.connections == []
        assert server.broadcast("text", "not for checks") == 0


# Lua cells


@pytest.mark.parametrize(
    "attempt",
    [
        'io.open("/etc/passwd")',
        'os.execute("true")',
        'os.getenv("HOME")',
        "debug.getregistry()",
        'package.loadlib("libc.so.6", "system")',
        'require("io")',
        'require("socket")',
        'dofile("/etc/passwd")',
        "python.eval('1')",
        'load("\\27Lua", "x", "b")()',
        "string.dump(print)",
        'getmetatable("").__index = nil',
    ],
)
def test_lua_code_reaches_only_what_it_was_given(attempt: str) -> None:
    with pytest.raises(errors.LuaError):
        Lua().run(attempt)


@pytest.mark.parametrize(
    ("attempt", "answer"),
    [
        ("while true do pcall(error) end", "stopped after 3 million instructions"),
        ("local t = {} while true do t[#t + 1] = ('x'):rep(2 ^ 20 | 0) end", "not enough memory"),
        ('("a"):rep(100000):find("(a*)*a*a*b")', "refuses the pattern"),
        ('("a"):rep(1000):gsub(".-.-.-b", "")', "refuses the pattern"),
    ],
)
def test_lua_code_that_does_not_end_is_stopped(
    monkeypatch: pytest.MonkeyPatch, attempt: str, answer: str
) -> None:
    monkeypatch.setattr(runtime, "CELL_INSTRUCTIONS", 3_000_000)
    lua = Lua()
    with pytest.raises(errors.LuaError, match=answer):
        lua.run(attempt)
    lua.run("assert(1 + 1 == 2)")


# The page that says all this


def test_every_line_of_the_threat_model_names_its_test() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 12
    for row in rows:
        named = re.findall(r"`((?:test_|tests/)[\w./]+)`", row.rsplit("|", 2)[1])
        assert named, f"no test holds: {row}"
        for name in named:
            assert name in globals() or (Path(REPOSITORY) / name).is_file(), name
