"""By which way a server is reached: what is not a proxy, a path or a socket."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.proxy import Proxy

from astra_nb.errors import LocalError
from astra_nb.net.options import ConnectOptions, connect_options


def refused(**options: Any) -> str:
    with pytest.raises(LocalError) as caught:
        connect_options(cast(ConnectOptions, options))
    return str(caught.value)


@pytest.mark.parametrize(
    ("proxy", "parts"),
    [
        ("http://127.0.0.1:3128", ("http", "127.0.0.1", 3128, None)),
        ("http://me:s3cr3t@proxy.example", ("http", "proxy.example", 80, "s3cr3t")),
        ("socks5h://127.0.0.1:1080", ("socks5h", "127.0.0.1", 1080, None)),
    ],
)
def test_a_proxy_becomes_its_parts(proxy: str, parts: tuple[object, ...]) -> None:
    found = connect_options({"proxy": proxy})["proxy"]
    assert isinstance(found, Proxy)
    assert (found.scheme, found.host, found.port, found.password) == parts
    assert connect_options({"proxy": found})["proxy"] is found
    assert connect_options({"proxy": False})["proxy"] is None


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("ftp://me:s3cr3t@h", "(scheme ftp isn't supported)"),
        ("127.0.0.1:3128", "isn't supported)"),
        ("http://me@h", "(username provided without password)"),
        ("http://h:99999", "(its port or host is not valid)"),
        ("https://me:s3cr3t@h", "begins with https://"),
        (8080, "not int"),
        (b"http://h", "not bytes"),
    ],
)
def test_what_is_not_a_proxy(proxy: object, why: str) -> None:
    message = refused(proxy=proxy)
    assert message.startswith("proxy ")
    assert why in message
    assert "s3cr3t" not in message


@pytest.mark.parametrize("unix", ["", 5, b"/run/a", ["/run/a"]])
def test_what_is_not_a_path_of_a_socket(unix: object) -> None:
    assert refused(unix=unix).startswith("unix is the path of a Unix domain socket, not ")


def test_a_system_without_unix_domain_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    assert refused(unix="/run/a").startswith("unix: this system has no Unix domain sockets")


def test_there_is_one_way_to_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as sock:
            assert refused(unix="/run/a", sock=sock, proxy=True).startswith("unix and sock are ")
            assert refused(sock=sock, redirects=1).startswith(
                "each redirect needs a new connection"
            )
            assert connect_options({"sock": sock})["sock"] is sock
    assert refused(unix="/run/a", proxy="http://h").startswith("unix and proxy are different ways")


def test_what_is_not_a_connected_stream(tmp_path: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(read) as pipe, os.fdopen(write):
        assert "it is a TextIOWrapper" in refused(sock=pipe)
        assert "it is a int" in refused(sock=write)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert "not connected" in refused(sock=listening)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert "it carries datagrams" in refused(sock=datagrams)
    with socket.socket() as unconnected:
        context = ssl.create_default_context()
        secured = context.wrap_socket(unconnected, server_hostname="localhost")
        assert "it speaks TLS already" in refused(sock=secured)
        secured.close()
