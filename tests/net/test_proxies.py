"""Proxies in bytes: what is asked of them, and what their answers mean."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest
from websockets.proxy import Proxy, parse_proxy

from astra_nb.errors import ConnectFailed, LocalError
from astra_nb.net.proxies import describe_proxy, open_tunnel, proxy_for
from astra_nb.net.uris import parse_address
from tests.conformance.ends import read_head
from tests.helpers import free_port
from tests.servers import run_async
from tests.tls import tcp_server

FAR = parse_address("ws://far.example:8080/room")
ENVIRONMENT = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "no_proxy", "socks_proxy")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def tunnel(proxy: Proxy, uri: Any = FAR) -> bytes:
    """Open a tunnel and return what comes through it first."""

    async def main() -> bytes:
        sock = await open_tunnel(uri, proxy)
        try:
            return await asyncio.get_running_loop().sock_recv(sock, 100)
        finally:
            sock.close()

    result: bytes = run_async(main())
    return result


def failure(script: Callable[[socket.socket], None], scheme: str = "http") -> str:
    with tcp_server(script) as port:
        with pytest.raises(ConnectFailed) as caught:
            tunnel(Proxy(scheme, "127.0.0.1", port, "me", "s3cr3t"))
    assert "s3cr3t" not in str(caught.value)
    return str(caught.value).replace(f"{scheme}://127.0.0.1:{port}", "PROXY")


def test_connect_is_sent_and_what_follows_the_answer_is_the_servers() -> None:
    got: list[bytes] = []

    def script(peer: socket.socket) -> None:
        got.append(read_head(peer)[0])
        peer.sendall(b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nHTTP/1.1 101")

    with tcp_server(script) as port:
        assert tunnel(Proxy("http", "127.0.0.1", port, "me", "pw")) == b"HTTP/1.1 101"
    assert got[0].startswith(b"CONNECT far.example:8080 HTTP/1.1\r\nHost: far.example:8080\r\n")
    assert b"\r\nProxy-Authorization: Basic bWU6cHc=\r\n" in got[0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nX: y\r\n\r\n",
            "the proxy PROXY answered 407 Proxy Authentication Required to CONNECT "
            'far.example:8080: it wants to know who you are: proxy="http://USER:PASSWORD@HOST:PORT"'
            "; proxy=None connects without it",
        ),
        (
            b"HTTP/1.1 404\r\n\r\n",
            "the proxy PROXY answered 404 to CONNECT far.example:8080: it is not an HTTP proxy, or "
            "does not tunnel; proxy=None connects without it",
        ),
        (
            b"SSH-2.0-\x1b\r\n\r\n",
            'the proxy PROXY gave no answer in HTTP ("SSH-2.0-\\x1b"); is that the '
            'address of an HTTP proxy? One that speaks SOCKS is proxy="socks5h://HOST:PORT"',
        ),
        (
            b"",
            "the proxy PROXY gave no answer in HTTP: TCP ended; is that the address of an HTTP "
            'proxy? One that speaks SOCKS is proxy="socks5h://HOST:PORT"',
        ),
    ],
)
def test_answers_that_open_no_tunnel(answer: bytes, message: str) -> None:
    def script(peer: socket.socket) -> None:
        read_head(peer)
        peer.sendall(answer)

    assert failure(script) == message


def test_an_answer_without_an_end() -> None:
    def script(peer: socket.socket) -> None:
        read_head(peer)
        with pytest.raises(ConnectionError):
            while True:
                peer.sendall(b"x" * 10_000)

    assert "gave no answer in HTTP" in failure(script)


def test_a_proxy_that_resets_tcp() -> None:
    def script(peer: socket.socket) -> None:
        read_head(peer)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert failure(script) == (
        "the proxy PROXY ended TCP before it answered (Connection reset by peer); proxy=None "
        "connects without it"
    )


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_nobody_listens(scheme: str) -> None:
    port = free_port()
    with pytest.raises(ConnectFailed) as caught:
        tunnel(Proxy(scheme, "127.0.0.1", port))
    assert str(caught.value).startswith(
        f"no TCP connection to the proxy {scheme}://127.0.0.1:{port} ("
    )
    assert "proxy=None" in str(caught.value)


def test_the_name_of_a_proxy_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectFailed, match="Name or service not known"):
        tunnel(Proxy("http", "proxy.example", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [])
    with pytest.raises(ConnectFailed, match="has no address"):
        tunnel(Proxy("http", "proxy.example", 80))


def test_an_interrupted_tunnel_leaves_no_socket() -> None:
    async def main(port: int) -> None:
        for wait in (0.05, 0.2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(wait):
                    await open_tunnel(FAR, Proxy("http", "127.0.0.1", port))

    with socket.create_server(("127.0.0.1", 0), backlog=8) as listening:
        run_async(main(listening.getsockname()[1]))


def test_a_connection_that_is_cancelled_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def never(*arguments: Any) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(loop, "sock_connect", never)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await open_tunnel(FAR, Proxy("http", "127.0.0.1", 9))

    run_async(main())


def socks5(peer: socket.socket, reply: int = 0) -> bytes:
    assert peer.recv(3) == b"\x05\x01\x00"
    peer.sendall(b"\x05\x00")
    request = peer.recv(100)
    peer.sendall(b"\x05" + bytes((reply,)) + b"\x00\x01" + bytes(6) + b"HTTP/1.1 101")
    return request


@pytest.mark.parametrize(
    ("scheme", "kind"), [("socks5h", b"\x03\x0bfar.example"), ("socks5", b"\x01\x7f\x00\x00\x01")]
)
def test_socks_asks_for_a_name_or_for_an_address(scheme: str, kind: bytes) -> None:
    got: list[bytes] = []
    uri = FAR if scheme == "socks5h" else parse_address("ws://127.0.0.1:8080/")
    with tcp_server(lambda peer: got.append(socks5(peer))) as port:
        assert tunnel(Proxy(scheme, "127.0.0.1", port), uri) == b"HTTP/1.1 101"
    assert got == [b"\x05\x01\x00" + kind + b"\x1f\x90"]


def test_socks4() -> None:
    got: list[bytes] = []

    def script(peer: socket.socket) -> None:
        got.append(peer.recv(100))
        peer.sendall(b"\x00\x5a" + bytes(6) + b"HTTP/1.1 101")

    with tcp_server(script) as port:
        assert tunnel(Proxy("socks4a", "127.0.0.1", port)) == b"HTTP/1.1 101"
    assert got[0].startswith(b"\x04\x01\x1f\x90\x00\x00\x00\x01")


def test_socks_that_refuses() -> None:
    def refuse(peer: socket.socket) -> None:
        peer.recv(4)  # a name and a password are offered
        peer.sendall(b"\x05\x00")
        peer.recv(100)
        peer.sendall(b"\x05\x05\x00\x01" + bytes(6))

    message = failure(refuse, "socks5h")
    assert message.startswith("the proxy PROXY did not connect to far.example:8080 (")
    assert message.endswith("proxy=None connects without it")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400\r\n\r\n", b""])
def test_socks_that_is_no_socks(answer: bytes) -> None:
    def script(peer: socket.socket) -> None:
        peer.recv(4)
        peer.sendall(answer)

    message = failure(script, "socks5h")
    assert "did not connect" in message
    assert "is that the address of a SOCKS proxy" in message


def test_socks_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(LocalError) as caught:
        tunnel(Proxy("socks5h", "127.0.0.1", 9))
    assert str(caught.value) == (
        'proxy: SOCKS needs the package python-socks; pip install "python-socks>=3.2"'
    )


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for(FAR, True) is None
    monkeypatch.setenv("https_proxy", "http://me:s3cr3t@proxy.example:3128")
    found = proxy_for(FAR, True)
    assert found is not None
    assert describe_proxy(found) == "http://proxy.example:3128"
    assert proxy_for(FAR, None) is None
    given = parse_proxy("http://other:1")
    assert proxy_for(FAR, given) is given
    assert proxy_for(parse_address("ws://localhost:8080/"), True) is None
    assert proxy_for(parse_address("ws://127.0.0.1:8080/"), True) is None
    monkeypatch.setenv("no_proxy", "far.example")
    assert proxy_for(FAR, True) is None


def test_the_environments_proxy_for_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://proxy.example:1080")
    for uri in (FAR, parse_address("wss://far.example/")):
        found = proxy_for(uri, True)
        assert found is not None
        assert describe_proxy(found) == "socks5h://proxy.example:1080"
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    found = proxy_for(FAR, True)
    assert found is not None
    assert found.scheme == "http"
    monkeypatch.delenv("https_proxy")
    monkeypatch.setenv("no_proxy", "far.example")
    assert proxy_for(FAR, True) is None
    assert proxy_for(parse_address("ws://localhost/"), True) is None


def test_an_environment_that_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "me:s3cr3t@proxy")
    with pytest.raises(LocalError, match="an environment variable such as https_proxy") as caught:
        proxy_for(FAR, True)
    assert "s3cr3t" not in str(caught.value)


def test_a_proxy_that_is_reached_by_tls() -> None:
    with pytest.raises(LocalError, match=r"https://proxy\.example:443 expects TLS"):
        tunnel(parse_proxy("https://proxy.example"))
