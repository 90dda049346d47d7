"""Each option by which `connect` reaches a server, with programs of others on the way."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from astra_nb import FrameLog, Server, connect, connect_async
from astra_nb.errors import ConnectFailed, HandshakeFailed, LocalError
from astra_nb.log.records import HandshakeRecord
from astra_nb.wire.handshake import accept_key
from tests import real_peers, records
from tests.conformance.ends import read_head
from tests.helpers import REPOSITORY
from tests.servers import KINDS, Steps, echo, handler_of, run_async, serving

TWINS = ("connect", "connect_async")
both_twins = pytest.mark.parametrize("twin", TWINS)
both_kinds = pytest.mark.parametrize("kind", KINDS)


def talk(twin: str, url: str, **options: Any) -> FrameLog:
    """Connect, check that a text comes back, close; return the log."""
    log: FrameLog = options.setdefault("log", FrameLog())
    if twin == "connect":
        with connect(url, **options) as client:
            client.send_text("Hello")
            assert client.recv(10).value == "Hello"
            assert client.response is not None
        return log

    async def main() -> None:
        async with connect_async(url, **options) as client:
            await client.send_text("Hello")
            assert (await client.recv(10)).value == "Hello"

    run_async(main())
    return log


def failure(twin: str, url: str, **options: Any) -> Exception:
    with pytest.raises((ConnectFailed, HandshakeFailed, LocalError)) as caught:
        talk(twin, url, **options)
    return caught.value


def facts(record: Any) -> Any:
    """Return a record whose kind the filter chose."""
    return record


def test_a_program_that_is_missing_fails_in_ci_and_skips_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no a-program-that-is-missing on this mach"):
        real_peers.program("a-program-that-is-missing")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="sudo apt install"):
        real_peers.program("a-program-that-is-missing")


# ------------------------------------------------------------------------ TLS


class Authority:
    """A certificate authority, and a server that wants certificates of it."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.trust = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.trust))
        self.certificate = folder / "me.pem"
        issued = self.authority.issue_cert("me@example.org")
        issued.private_key_and_cert_chain_pem.write_to_path(str(self.certificate))

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost").configure_cert(context)
        return context

    @contextmanager
    def terminating(self, upstream: int, *, wants_certificate: bool = True) -> Iterator[int]:
        """Take TLS off one connection and hand the bytes on; yield the port."""
        context = self.context()
        if wants_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            self.authority.configure_trust(context)

        def pump(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            peer, _ = listening.accept()
            with contextlib.suppress(OSError), peer:
                with context.wrap_socket(peer, server_side=True) as secured:
                    with socket.create_connection(("127.0.0.1", upstream)) as plain:
                        there = threading.Thread(target=pump, args=(secured, plain))
                        there.start()
                        pump(plain, secured)
                        there.join(10)

        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=serve)
            thread.start()
            yield listening.getsockname()[1]
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@both_twins
@both_kinds
@pytest.mark.parametrize("trust", ["path", "context"])
def test_a_server_that_wants_a_certificate(
    twin: str, kind: str, trust: str, authority: Authority
) -> None:
    options: dict[str, Any] = {"ssl": authority.trust, "client_certificate": authority.certificate}
    if trust == "context":
        context = ssl.create_default_context(cafile=authority.trust)
        context.load_cert_chain(authority.certificate)
        options = {"ssl": context}
    with serving(handler_of(kind, echo)) as server:
        with authority.terminating(server.port) as port:
            talk(twin, f"wss://localhost:{port}/", **options)


@both_twins
def test_a_server_that_wants_a_certificate_and_gets_none(twin: str, authority: Authority) -> None:
    with serving(handler_of("def", echo)) as server, authority.terminating(server.port) as port:
        error = failure(twin, f"wss://localhost:{port}/", ssl=authority.trust)
    assert isinstance(error, HandshakeFailed)
    assert "client_certificate=" in str(error)
    assert error.log is not None


@both_twins
def test_a_server_of_another_authority(twin: str, authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with authority.terminating(9, wants_certificate=False) as port:
        error = failure(twin, f"wss://localhost:{port}/", ssl=other)
    assert isinstance(error, ConnectFailed)
    assert 'ssl="ca.pem"' in str(error)


@both_twins
@both_kinds
def test_tls_that_checks_nothing_warns_and_says_so_on_the_log(
    twin: str, kind: str, authority: Authority
) -> None:
    with serving(handler_of(kind, echo)) as server:
        with authority.terminating(server.port, wants_certificate=False) as port:
            with pytest.warns(UserWarning, match="ssl=False") as caught:
                log = talk(twin, f"wss://127.0.0.1:{port}/", ssl=False)
    assert caught[0].filename == __file__
    assert "TLS checks nothing" in facts(log.filter(kind="notice")[0]).text


@both_twins
def test_tls_for_an_address_without_it(twin: str, authority: Authority) -> None:
    error = failure(twin, "ws://127.0.0.1:9/", ssl=authority.trust)
    assert str(error).startswith("ssl and client_certificate are for an address that begins with")


# -------------------------------------------------------------------- proxies


PROXIES = {"http": real_peers.http_proxy, "socks5h": real_peers.socks_proxy}


@both_twins
@both_kinds
@pytest.mark.parametrize("scheme", PROXIES)
def test_a_proxy(twin: str, kind: str, scheme: str, tmp_path: Path) -> None:
    with serving(handler_of(kind, echo)) as server, PROXIES[scheme](tmp_path) as port:
        log = talk(twin, server.url, proxy=f"{scheme}://127.0.0.1:{port}")
        records.closed(server.log)
    assert (
        f"through the proxy {scheme}://127.0.0.1:{port}" in facts(log.filter(kind="notice")[0]).text
    )


@both_twins
@pytest.mark.parametrize("scheme", PROXIES)
def test_a_proxy_that_wants_a_password(twin: str, scheme: str, tmp_path: Path) -> None:
    with serving(handler_of("def", echo)) as server:
        with PROXIES[scheme](tmp_path, "me opensesame") as port:
            talk(twin, server.url, proxy=f"{scheme}://me:opensesame@127.0.0.1:{port}")
            error = failure(twin, server.url, proxy=f"{scheme}://me:s3cr3t@127.0.0.1:{port}")
            records.closed(server.log)
    assert isinstance(error, ConnectFailed)
    assert f"the proxy {scheme}://127.0.0.1:{port} " in str(error)
    assert "s3cr3t" not in str(error)


@both_twins
def test_the_proxy_of_the_environment(
    twin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = socket.gethostname()
    with serving(handler_of("def", echo)) as server, real_peers.http_proxy(tmp_path) as port:
        server.hosts = [name]
        url = f"ws://{name}:{server.port}/"
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        # Whether or not the proxy reaches that name, the error or the log tells of the proxy.
        try:
            text = facts(talk(twin, url).filter(kind="notice")[0]).text
        except ConnectFailed as exc:
            text = str(exc)
    assert f"the proxy http://127.0.0.1:{port}" in text


@both_twins
def test_tls_through_a_proxy(twin: str, authority: Authority, tmp_path: Path) -> None:
    with serving(handler_of("def", echo)) as server, real_peers.socks_proxy(tmp_path) as proxy:
        with authority.terminating(server.port, wants_certificate=False) as port:
            talk(
                twin,
                f"wss://localhost:{port}/",
                ssl=authority.trust,
                proxy=f"socks5://127.0.0.1:{proxy}",
            )


# ----------------------------------------------- Unix domain sockets, sockets


@both_twins
def test_uvicorn_at_a_unix_domain_socket(twin: str, tmp_path: Path) -> None:
    with real_peers.uvicorn(tmp_path) as path:
        log = talk(twin, "ws://localhost/", unix=path)
        answer = log.filter(kind="handshake")[1]
        assert isinstance(answer, HandshakeRecord)
        assert ("x-server", "asgi") in answer.headers
        assert facts(log.filter(kind="opened")[0]).peer == str(path)


@both_twins
@both_kinds
def test_a_socket_of_ones_own(twin: str, kind: str) -> None:
    with serving(handler_of(kind, echo)) as server:
        sock = socket.create_connection(("127.0.0.1", server.port))
        talk(twin, server.url, sock=sock)
        assert sock.fileno() == -1


# ------------------------------------------------------------------ redirects


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """Answer one connection after the other; the last one is accepted, and echoes one text.

    Yields:
        The address. `requests` of the test gets what was asked.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve() -> None:
            for answer in answers:
                peer, _ = listening.accept()
                with peer:
                    read_head(peer)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(10)
        assert not thread.is_alive()


def moved(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


@both_twins
@both_kinds
def test_redirects_are_followed_and_each_is_on_the_log(twin: str, kind: str) -> None:
    got: list[str | None] = []

    async def handle(steps: Steps) -> None:
        headers = steps.socket.request_with_secrets.headers
        got.extend([headers.get("Authorization"), headers.get("X-Room")])
        await echo(steps)

    with serving(handler_of(kind, handle), "/room") as server:
        there = f"http://127.0.0.1:{server.port}/room"
        with answering(moved("/other"), moved(there)) as url:
            options = {"headers": {"Authorization": "Basic eDp5", "X-Room": "7"}}
            log = talk(twin, url, redirects=2, **options)
    assert got == [None, "7"]
    numbers = [record.connection for record in log.filter(kind="closed")]
    assert len(set(numbers)) == 3
    assert [facts(record).status for record in log.filter(kind="closed")] == [302, 302, None]


@both_twins
@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/", "the redirects go in a circle, back to 127.0.0.1"),
        ("ftp://127.0.0.1/", "it does not point to the address of a WebSocket"),
    ],
)
def test_redirects_that_lead_nowhere(twin: str, target: str, why: str) -> None:
    with answering(moved(target)) as url:
        error = failure(twin, url, redirects=5)
    assert isinstance(error, HandshakeFailed)
    assert why in str(error)
    assert (error.status, error.headers["Location"]) == (302, target)
    assert error.log.filter(kind="closed")[0].status == 302


@both_twins
def test_a_redirect_is_followed_where_this_process_has_no_server(twin: str) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with answering(moved("/other"), refusal) as url:
        error = failure(twin, url, redirects=1)
    assert isinstance(error, HandshakeFailed)
    assert error.status == 403


@both_twins
def test_a_redirect_is_not_followed_unless_asked(twin: str) -> None:
    with answering(moved("/other")) as url:
        error = failure(twin, url)
    assert isinstance(error, HandshakeFailed)
    assert 'it points to "/other", and redirects=1 follows it' in str(error)


# ---------------------------------------------------------------------- nginx


@both_kinds
def test_nginx_with_tls_and_a_prefix(kind: str, tmp_path: Path) -> None:
    with serving(handler_of(kind, echo), "/{room}") as server:
        with real_peers.nginx(tmp_path, server.port) as (port, trust):
            for twin in TWINS:
                talk(twin, f"wss://localhost:{port}/lesson/blue", ssl=trust)
                error = failure(twin, f"wss://localhost:{port}/lesson/blue/none", ssl=trust)
                assert isinstance(error, HandshakeFailed)
                assert error.status == 404
                error = failure(twin, f"wss://localhost:{port}/moved", ssl=trust, redirects=1)
                assert isinstance(error, HandshakeFailed)
                assert error.status == 404  # "/lesson/" is followed to, and has no room
                error = failure(twin, f"wss://localhost:{port}/around", ssl=trust, redirects=9)
                assert "in a circle" in str(error)
        paths = [facts(record).path for record in server.log.filter(kind="opened")]
    assert paths == ["/blue", "/blue"]


# ------------------------------------------- cookies, keepalive, compression


@both_twins
@both_kinds
def test_cookies_keepalive_and_parameters_of_deflate(twin: str, kind: str) -> None:
    got: list[str] = []
    pinged = threading.Event()

    async def handle(steps: Steps) -> None:
        got.append(steps.socket.request_with_secrets.headers["Cookie"])
        while (message := await steps.recv()).type != "close":
            if message.type == "text":
                await steps.send_text(message.value)
            else:
                pinged.set()

    with serving(handler_of(kind, handle), compression={"server_max_window_bits": 9}) as server:
        options: dict[str, Any] = {
            "cookies": {"id": "7"},
            "keepalive": 0.01,
            "compression": {"client_no_context_takeover": True},
        }

        async def main() -> None:
            async with connect_async(server.url, **options) as client:
                await client.send_text("Hello")
                await client.recv(10)
                assert await asyncio.to_thread(pinged.wait, 10)

        if twin == "connect":
            with connect(server.url, **options) as client:
                client.send_text("Hello")
                client.recv(10)
                assert pinged.wait(10)
        else:
            run_async(main())
        answer = server.log.filter(kind="handshake")[1]
    assert got == ["id=7"]
    assert isinstance(answer, HandshakeRecord)
    [extensions] = [v for n, v in answer.headers if n == "Sec-WebSocket-Extensions"]
    assert "client_no_context_takeover" in extensions
    assert "server_max_window_bits=9" in extensions


# ----------------------------------------------------------------------- curl


@both_twins
def test_what_a_browser_copies_as_curl(twin: str) -> None:
    got: list[Any] = []

    async def handle(steps: Steps) -> None:
        got.append(steps.socket.request_with_secrets.headers)
        await echo(steps)

    with serving(handler_of("def", handle), subprotocols=["chat"]) as server:
        command = (
            f"curl '{server.url}' -H 'Upgrade: websocket' -H 'Origin: http://localhost:8888' "
            f"-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Sec-WebSocket-Version: 13' "
            f"-H 'Sec-WebSocket-Protocol: chat' -b 'id=7' --compressed"
        )

        async def main() -> None:
            async with connect_async.from_curl(command, timeout=5) as client:
                assert client.subprotocol == "chat"

        if twin == "connect":
            with connect.from_curl(command, timeout=5) as client:
                assert client.subprotocol == "chat"
        else:
            run_async(main())
        records.closed(server.log)
    [headers] = got
    assert headers["Origin"] == "http://localhost:8888"
    assert headers["Cookie"] == "id=7"
    assert accept_key(headers["Sec-WebSocket-Key"]) != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


# --------------------------------------------------------------- reconnecting


def test_the_recipe_for_reconnecting_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = (REPOSITORY / "docs" / "reaching.md").read_text(encoding="utf-8")
    [recipe] = re.findall(r"```python\n(import .*?def reconnecting.*?)```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(recipe, "reaching.md", "exec"), namespace)
    waits: list[float] = []
    monkeypatch.setattr("random.uniform", lambda low, high: high)

    def drop(socket: Any) -> None:
        socket.recv()
        socket.drop()

    def make(port: int) -> Server:
        server = Server(port=port)
        server.websocket("/", drop)
        server.run()
        return server

    servers = [make(0)]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            servers[0].shutdown()  # the next attempts find nobody
        if len(waits) == 4:
            servers.append(make(servers[0].port))

    monkeypatch.setattr("time.sleep", sleep)
    try:
        for number, client in enumerate(namespace["reconnecting"](servers[0].url)):
            client.send_text("Hello")
            for _ in client:
                pass
            if number == 2:
                break
    finally:
        for server in servers:
            server.shutdown()
    # After an open connection the count begins again.
    assert waits == [5.0, 10.0, 20.0, 40.0, 5.0]


def test_the_recipe_for_reconnecting_ends_with_what_no_patience_mends() -> None:
    page = (REPOSITORY / "docs" / "reaching.md").read_text(encoding="utf-8")
    [recipe] = re.findall(r"```python\n(import .*?def reconnecting.*?)```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(recipe, "reaching.md", "exec"), namespace)
    with serving(handler_of("def", echo)) as server:
        with pytest.raises(HandshakeFailed) as caught:
            next(namespace["reconnecting"](server.url + "none"))
    assert caught.value.status == 404
