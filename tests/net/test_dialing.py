"""The way to a server: TCP, a Unix domain socket, a socket of one's own, and what fails on it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from astra_nb import FrameLog, connect
from astra_nb.errors import ConnectFailed
from astra_nb.net.client_connection import ClientConnection
from astra_nb.net.dialing import connect_failed, dial
from astra_nb.net.options import ConnectOptions, connect_options
from astra_nb.net.uris import parse_address
from tests import records
from tests.conformance.ends import answer_request, read_head
from tests.conformance.octets import frame
from tests.helpers import free_port
from tests.servers import run_async
from tests.tls import tcp_server


def dialed(url: str, **options: Any) -> ClientConnection:
    """Dial, wait for the end of the opening handshake, and leave."""

    async def main() -> ClientConnection:
        uri, checked = parse_address(url), connect_options(cast(ConnectOptions, options))

        def make() -> ClientConnection:
            return ClientConnection(uri, checked, number=1, tap=FrameLog(recording=False))

        loop = asyncio.get_running_loop()
        timeout = checked["timeout"]
        deadline = None if timeout is None else loop.time() + timeout
        connection = await dial(uri, checked, make, deadline)
        await connection.answered
        connection.transport.abort()
        await connection.lost
        return connection

    result: ClientConnection = run_async(main())
    return result


def accept(peer: socket.socket) -> None:
    head, _ = read_head(peer)
    answer_request(peer, head, "")
    while peer.recv(4096):
        pass


@contextmanager
def unix_server(path: Path, script: Callable[[socket.socket], None]) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                script(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def server_tls() -> tuple[trustme.CA, ssl.SSLContext]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return authority, context


def quiet(script: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def run(peer: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client leaves without ceremony
            script(peer)

    return run


def test_tcp() -> None:
    with tcp_server(quiet(accept)) as port:
        connection = dialed(f"ws://127.0.0.1:{port}/")
    assert connection.peer == f"127.0.0.1:{port}"


def test_a_unix_domain_socket(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with unix_server(path, quiet(accept)):
        connection = dialed("ws://localhost/", unix=path)
    assert connection.peer == str(path)


@pytest.mark.parametrize("way", ["tcp", "unix", "sock"])
def test_tls_on_each_way(
    way: str, tmp_path: Path, server_tls: tuple[trustme.CA, ssl.SSLContext]
) -> None:
    authority, context = server_tls
    trust = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trust))

    def secured(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as tls:
            accept(tls)

    if way == "unix":
        path = tmp_path / "a.sock"
        with unix_server(path, quiet(secured)):
            assert dialed("wss://localhost/", unix=str(path), ssl=trust).is_established
        return
    with tcp_server(quiet(secured)) as port:
        options: dict[str, Any] = {"ssl": trust}
        if way == "sock":
            options["sock"] = socket.create_connection(("127.0.0.1", port))
        assert dialed(f"wss://localhost:{port}/", **options).is_established


def test_a_socket_of_ones_own_is_used_and_closed() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        thread = threading.Thread(target=quiet(accept), args=(theirs,))
        thread.start()
        assert dialed("ws://nowhere.example/", sock=ours).is_established
        thread.join(10)
    assert ours.fileno() == -1


def test_a_socket_of_ones_own_is_closed_when_tls_fails() -> None:
    with tcp_server(quiet(lambda peer: peer.sendall(b"no TLS\n"))) as port:
        sock = socket.create_connection(("127.0.0.1", port))
        with pytest.raises(ConnectFailed, match="no TLS with localhost:443"):
            dialed("wss://localhost/", sock=sock)
    assert sock.fileno() == -1


def test_nobody_listens_on_a_path(tmp_path: Path) -> None:
    with pytest.raises(ConnectFailed) as caught:
        dialed("ws://localhost/", unix=tmp_path / "none.sock")
    assert str(caught.value) == (
        f"no connection to the Unix domain socket '{tmp_path / 'none.sock'}' (No such file or "
        f"directory); is the server running, and is unix=... the path that it listens on?"
    )


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_proxy_that_never_answers(scheme: str) -> None:
    def read_on(peer: socket.socket) -> None:
        while peer.recv(4096):
            pass

    with tcp_server(quiet(read_on)) as port, pytest.raises(ConnectFailed) as caught:
        dialed("ws://localhost/", proxy=f"{scheme}://127.0.0.1:{port}", timeout=0.2)
    assert str(caught.value) == (
        f"the proxy {scheme}://127.0.0.1:{port} did not answer within 0.2 s; correct its address "
        f"in proxy=..., or connect without it: proxy=None"
    )


def test_a_proxy_that_is_not_there() -> None:
    port = free_port()
    with pytest.raises(ConnectFailed, match=r"no TCP connection to the proxy http://127\.0\.0\.1:"):
        dialed("ws://localhost/", proxy=f"http://127.0.0.1:{port}")


def test_the_log_tells_of_the_proxy_and_of_tls_that_checks_nothing(
    server_tls: tuple[trustme.CA, ssl.SSLContext],
) -> None:
    _, context = server_tls

    def serve(peer: socket.socket) -> None:
        read_head(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with context.wrap_socket(peer, server_side=True) as tls:
            head, _ = read_head(tls)
            answer_request(tls, head, "")
            tls.sendall(frame(8, b"\x03\xe8"))
            tls.recv(4096)

    with tcp_server(quiet(serve)) as port:
        with pytest.warns(UserWarning, match="ssl=False: anyone on the way"):
            client = connect("wss://localhost/", proxy=f"http://127.0.0.1:{port}", ssl=False)
        client.wait_closed(10)
    records.closed(client.log)
    first, second = [record.text for record in client.log.filter(kind="notice")][:2]
    assert first == f"TCP goes through the proxy http://127.0.0.1:{port} (HTTP CONNECT)."
    assert second.startswith("TLS checks nothing on this connection (ssl=False)")


# The layers below

SECURE = parse_address("wss://[::1]:8443/")


def wrong_version() -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


@pytest.mark.parametrize(
    ("cause", "has_tcp", "message"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            False,
            "DNS knows no address for '::1' (Name or service not known); check the name, and the "
            "network",
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('::1', 8443)"),
            False,
            "no TCP connection to [::1]:8443 (Connection refused); is the server running? "
            "server.url is the address it listens on",
        ),
        (
            TimeoutError(errno.ETIMEDOUT, "Connect call failed ('::1', 8443)"),
            False,
            "no TCP connection to [::1]:8443 (Connection timed out); is the server running? "
            "server.url is the address it listens on",
        ),
        (TimeoutError(), False, "no TCP connection to [::1]:8443 within 1.5 s"),
        (
            TimeoutError(),
            True,
            "no TLS with [::1]:8443 within 1.5 s; TCP is connected, but does the server speak "
            "TLS? If not, its address begins with ws://",
        ),
        (
            ConnectionResetError(),
            True,
            "no TLS with [::1]:8443 (the server ended TCP); TCP is connected, but does the server "
            "speak TLS? If not, its address begins with ws://",
        ),
        (
            wrong_version(),
            True,
            "no TLS with [::1]:8443 (wrong version number); TCP is connected, but does the server "
            "speak TLS? If not, its address begins with ws://",
        ),
    ],
)
def test_what_failed_below_is_told_by_its_layer(
    cause: OSError, has_tcp: bool, message: str
) -> None:
    assert str(connect_failed(SECURE, cause, 1.5, has_tcp)) == message


def test_a_certificate_that_is_not_valid_is_told_as_that() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    assert str(connect_failed(SECURE, cause, None, True)) == (
        "no TLS with [::1]:8443: its certificate is not valid here (self-signed certificate); "
        'name an authority (CA) of your own with ssl="ca.pem", or in the environment variable '
        "SSL_CERT_FILE"
    )
