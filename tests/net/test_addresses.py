"""Addresses: what is loopback, URLs and peers as text, and listening sockets with their errors."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from astra_nb.errors import AddressInUse, AddressUnavailable
from astra_nb.net.addresses import (
    bind,
    describe_peer,
    is_free,
    is_loopback,
    overlap,
    websocket_url,
)
from tests.helpers import held_port


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "a.b.LocalHost."),
        *("ip6-localhost", "127.0.0.1", "127.255.0.9", "::1", "[::1]", "::1%lo"),
    ],
)
def test_what_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        *("", "example.org", "notlocalhost", "localhost.example.org", "127.0.0.1.example.org"),
        *("0.0.0.0", "192.168.0.1", "128.0.0.1", "::", "fe80::1%lo", "127.1", "2130706433"),
        "127.0.0.1%lo",
    ],
)
def test_what_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("hostname", "path", "url"),
    [
        ("127.0.0.1", "/", "ws://127.0.0.1:80/"),
        ("localhost", "/a", "ws://localhost:80/a"),
        ("0.0.0.0", "/", "ws://127.0.0.1:80/"),
        ("::", "/", "ws://[::1]:80/"),
        ("::1", "/", "ws://[::1]:80/"),
        ("2001:db8::7", "/", "ws://[2001:db8::7]:80/"),
        ("192.0.2.7", "/", "ws://192.0.2.7:80/"),
    ],
)
def test_the_url_of_a_server(hostname: str, path: str, url: str) -> None:
    assert websocket_url(hostname, 80, path) == url


def test_the_url_of_a_server_is_its_root_by_default() -> None:
    assert websocket_url("localhost", 8080) == "ws://localhost:8080/"
    assert websocket_url("localhost", 8080, secure=True) == "wss://localhost:8080/"


@pytest.mark.parametrize(
    ("peername", "shown"),
    [
        (("127.0.0.1", 51324), "127.0.0.1:51324"),
        (("::1", 51324, 0, 0), "[::1]:51324"),
        (("127.0.0.1",), "unknown"),
        ((), "unknown"),
        (None, "unknown"),
        ("/run/socket", "/run/socket"),
        ("", "unknown"),
    ],
)
def test_a_peer_as_text(peername: object, shown: str) -> None:
    assert describe_peer(peername) == shown


# Listening


def close_all(sockets: list[socket.socket]) -> None:
    for listening in sockets:
        listening.close()


def test_a_port_is_listened_on_at_once_without_blocking() -> None:
    (listening,) = bind("127.0.0.1", 0)
    with listening:
        hostname, port = listening.getsockname()
        assert (hostname, listening.family) == ("127.0.0.1", socket.AF_INET)
        assert port > 0
        assert not listening.getblocking()
        with socket.create_connection(("127.0.0.1", port), 5):
            pass


def test_a_port_can_be_taken_again_right_after_its_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            peer, _ = listening.accept()
            peer.close()  # the first to close: TIME_WAIT is on this end
            assert client.recv(1) == b""
    (again,) = bind("127.0.0.1", port)
    with again:
        assert again.getsockname() == ("127.0.0.1", port)


def test_each_address_of_a_name_is_bound_once_and_all_on_one_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    sockets = bind("name", 0)
    try:
        names = [listening.getsockname() for listening in sockets]
        port = names[0][1]
        assert names == [("127.0.0.1", port), ("::1", port, 0, 0), ("127.0.0.2", port)]
    finally:
        close_all(sockets)


def test_ipv6_is_listened_on_by_itself() -> None:
    (listening,) = bind("::1", 0)
    with listening:
        assert listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
        close_all(bind("127.0.0.1", listening.getsockname()[1]))


def test_two_colons_mean_both_families_on_one_port() -> None:
    sockets = bind("::", 0)
    port = sockets[0].getsockname()[1]
    assert [sock.getsockname()[:2] for sock in sockets] == [("::", port), ("0.0.0.0", port)]
    assert not is_free("127.0.0.1", port)
    close_all(sockets)


@pytest.mark.parametrize("port", [-1, 65536, True, "8080", None, 80.0])
def test_what_is_not_a_port(port: Any) -> None:
    with pytest.raises(AddressUnavailable) as caught:
        bind("127.0.0.1", port)
    assert str(caught.value) == (
        f"port is {port!r}; a port is an integer from 0 to 65535, and 0 takes a free one"
    )


@pytest.mark.parametrize("hostname", ["", None, 127])
def test_what_is_not_a_hostname(hostname: Any) -> None:
    with pytest.raises(AddressUnavailable) as caught:
        bind(hostname, 0)
    assert str(caught.value) == (
        f'hostname is {hostname!r}; write the name or address to listen on, like "127.0.0.1"'
    )


@pytest.mark.parametrize("hostname", ["no.such.name.invalid", "a" * 64])
def test_a_name_without_an_address(hostname: str) -> None:
    with pytest.raises(AddressUnavailable) as caught:
        bind(hostname, 0)
    assert str(caught.value) == (
        f"hostname {hostname!r} has no address on this machine ({caught.value.__cause__}); "
        f'server.hostname = "127.0.0.1" always has one'
    )


def test_an_address_of_another_machine() -> None:
    with pytest.raises(AddressUnavailable) as caught:
        bind("192.0.2.1", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL
    assert caught.value.strerror == (
        f"cannot listen on 192.0.2.1:0: {os.strerror(errno.EADDRNOTAVAIL)}; "
        f'server.hostname = "127.0.0.1" listens on this machine'
    )


def refuse(exc: OSError) -> Any:
    def bind_refused(*_: object) -> None:
        raise exc

    return bind_refused


def test_a_port_that_needs_an_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "bind", refuse(PermissionError(errno.EACCES, "no")))
    with pytest.raises(AddressUnavailable) as caught:
        bind("127.0.0.1", 80)
    assert caught.value.errno == errno.EACCES
    assert caught.value.strerror == (
        "cannot listen on 127.0.0.1:80: only an administrator may use ports below 1024; take a "
        "higher one, like 8080"
    )


def test_a_port_that_windows_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "bind", refuse(PermissionError(errno.EACCES, "no")))
    with pytest.raises(AddressUnavailable) as caught:
        bind("127.0.0.1", 8080)
    assert caught.value.strerror == (
        "cannot listen on 127.0.0.1:8080: the system reserves this port; server.port = 0 takes a "
        "free one"
    )
    assert not is_free("127.0.0.1", 8080)


def test_an_error_without_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "bind", refuse(OSError("odd")))
    with pytest.raises(AddressUnavailable) as caught:
        bind("127.0.0.1", 80)
    assert caught.value.errno == 0


# A port that is held


def message(port: int, holder: str) -> str:
    return (
        f"cannot listen on 127.0.0.1:{port}: another program holds this port{holder}; "
        f"stop that program, or let the system choose a free port with server.port = 0"
    )


def own_message(port: int) -> str:
    return (
        f"cannot listen on 127.0.0.1:{port}: this process itself, {os.getpid()}, holds this port; "
        f"shut down what listens there, such as a server of another cell, or let the system choose "
        f"a free port with server.port = 0"
    )


def in_use(port: int) -> str:
    """Fail to bind a held port, and return the error's text."""
    with pytest.raises(AddressInUse) as caught:
        bind("127.0.0.1", port)
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.strerror is not None
    return caught.value.strerror


def test_a_port_that_this_process_holds() -> None:
    with held_port() as port:
        assert in_use(port) == own_message(port)


def test_a_port_that_this_process_holds_for_every_address() -> None:
    with socket.create_server(("0.0.0.0", 0)) as holder:
        port = holder.getsockname()[1]
        assert in_use(port) == own_message(port)


def test_a_port_that_this_process_holds_for_another_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.2", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(socket.socket, "bind", refuse(OSError(errno.EADDRINUSE, "in use")))
        assert in_use(port) == message(port, "")


HOLD = """
import socket, sys
holder = socket.create_server(("127.0.0.1", 0))
print(holder.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_port_that_another_process_holds() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        name = psutil.Process(holder.pid).name()
        shown = in_use(port)
        holder.communicate()
    assert shown == message(port, f" (process {holder.pid}, {name})")


def connections(*found: tuple[str, tuple[Any, ...], int | None]) -> Any:
    """Stand for what the system tells of TCP connections: status, local address, process."""
    return lambda kind: [
        SimpleNamespace(status=status, laddr=laddr, pid=pid) for status, laddr, pid in found
    ]


@pytest.fixture
def no_own_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "net_connections", lambda self, kind: [])


@pytest.mark.usefixtures("no_own_sockets")
def test_a_port_whose_holder_the_system_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with held_port() as port:
        own = os.getpid()
        monkeypatch.setattr(
            psutil,
            "net_connections",
            connections(
                (psutil.CONN_ESTABLISHED, ("127.0.0.1", port), own),
                (psutil.CONN_LISTEN, ("127.0.0.1", port + 1), own),
                (psutil.CONN_LISTEN, (), own),
                (psutil.CONN_LISTEN, ("127.0.0.1", port), None),
                (psutil.CONN_LISTEN, ("127.0.0.1", port), own),
            ),
        )
        assert in_use(port) == message(port, "")
        monkeypatch.setattr(psutil, "net_connections", connections())
        assert in_use(port) == message(port, "")


@pytest.mark.usefixtures("no_own_sockets")
@pytest.mark.parametrize("exc", [psutil.AccessDenied(), PermissionError()])
def test_a_system_that_tells_nothing_of_ports(
    monkeypatch: pytest.MonkeyPatch, exc: Exception
) -> None:
    def net_connections(kind: str) -> None:
        raise exc

    monkeypatch.setattr(psutil, "net_connections", net_connections)
    with held_port() as port:
        assert in_use(port) == message(port, "")


def test_a_failure_closes_what_was_bound_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with held_port() as port:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(AddressInUse):
            bind("name", port)
        monkeypatch.undo()
        close_all(bind("127.0.0.2", port))


def test_whether_an_address_is_free() -> None:
    with held_port() as port:
        assert not is_free("127.0.0.1", port)
        assert is_free("127.0.0.2", port)
    assert is_free("127.0.0.1", port)


# Names that share an address


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("0.0.0.0", "127.0.0.2", True),
        ("::", "::1", True),
        ("::", "127.0.0.1", True),
        ("127.0.0.1", "::", True),
        ("nowhere.invalid", "127.0.0.1", False),
        ("nowhere.invalid", "nowhere.invalid", True),
        (7, "127.0.0.1", False),
        ("\0", "127.0.0.1", False),
    ],
)
def test_names_that_share_an_address(one: Any, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected
