"""The client end: addresses, refusals, leaving, and the awaitable twin."""

from __future__ import annotations

import asyncio
import gc
import math
import re
import socket
import struct
import traceback
from pathlib import Path
from typing import Any

import pytest

import astra_nb.client as client_module
from astra_nb import (
    CloseFrame,
    ConnectionClosed,
    FrameLog,
    Message,
    Server,
    WebSocket,
    connect,
    connect_async,
)
from astra_nb.errors import ConnectFailed, HandshakeFailed, InvalidMessage, LocalError, WaitTimeout
from astra_nb.net.client_connection import ClientConnection
from tests import records
from tests.helpers import REPOSITORY, free_port, run_python
from tests.servers import echo, handler_of, run_async, serving
from tests.tls import tcp_server, tls_server


def drain(socket: WebSocket) -> None:
    for _ in socket:
        pass


@pytest.mark.parametrize("url", ["", "ftp://localhost/", "localhost:8080", "ws:///", None, 5])
def test_what_is_no_address(url: Any) -> None:
    with pytest.raises(InvalidMessage, match='"ws://127'):
        connect(url)


def test_nobody_listens() -> None:
    port = free_port()
    with pytest.raises(ConnectFailed) as caught:
        connect(f"ws://127.0.0.1:{port}/")
    assert f"no TCP connection to 127.0.0.1:{port}" in str(caught.value)
    assert "is the server running?" in str(caught.value)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize("twin", [connect, connect_async])
def test_options_are_checked_before_anything_is_sent(twin: Any) -> None:
    with tcp_server(lambda peer: None) as port:
        url = f"ws://127.0.0.1:{port}/"
        for options in ({"subprotocols": "chat"}, {"compression": "gzip"}, {"log": "server.log"}):
            with pytest.raises(LocalError, match=next(iter(options))):
                twin(url, **options)
        with socket.create_connection(("127.0.0.1", port)):
            pass  # the one connection that came


def test_a_secret_in_a_header_with_a_line_break_is_not_shown() -> None:
    with pytest.raises(LocalError) as caught:
        connect("ws://127.0.0.1:9/", headers={"X-Auth": "s3cr3t\n"})
    shown = "".join(traceback.format_exception(caught.value)).replace('"s3cr3t', "")
    assert "X-Auth" in str(caught.value)
    assert "s3cr3t" not in shown


def test_the_address_of_a_server_that_has_no_port_yet() -> None:
    server = Server(port=0)
    with pytest.raises(InvalidMessage, match=r"server\.run\(\) chooses one"):
        connect(server.url)


def test_a_name_without_an_address_is_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectFailed) as caught:
        connect("ws://nothing.invalid/")
    assert str(caught.value) == (
        "DNS knows no address for 'nothing.invalid' (Name or service not known); check the name, "
        "and the network"
    )


def test_wss_at_a_server_without_tls_is_told_as_tls() -> None:
    with serving(drain) as server:
        with pytest.raises(ConnectFailed) as caught:
            connect(server.url.replace("ws:", "wss:"))
        records.closed(server.log)
    assert str(caught.value).startswith(f"no TLS with 127.0.0.1:{server.port} (")
    assert str(caught.value).endswith("If not, its address begins with ws://")


def reset(peer: socket.socket) -> None:
    peer.recv(1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("script", [lambda peer: peer.recv(4096), reset])
def test_tcp_that_ends_before_tls_is_told_as_tls(script: Any) -> None:
    with tcp_server(script) as port, pytest.raises(ConnectFailed) as caught:
        connect(f"wss://127.0.0.1:{port}/")
    assert str(caught.value).startswith(f"no TLS with 127.0.0.1:{port} (")


def test_a_timeout_holds_for_tls_too() -> None:
    def read_to_end(peer: socket.socket) -> None:
        while peer.recv(4096):
            pass

    # TCP is connected before the time begins, which may all be gone before a busy machine does it.
    with (
        tcp_server(read_to_end) as port,
        socket.create_connection(("127.0.0.1", port)) as sock,
        pytest.raises(ConnectFailed) as caught,
    ):
        connect(f"wss://127.0.0.1:{port}/", sock=sock, timeout=0.2)
    assert str(caught.value).startswith(f"no TLS with 127.0.0.1:{port} within 0.2 s; TCP is conn")


def test_one_deadline_holds_for_tcp_tls_and_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ClientConnection] = []

    class Recorded(ClientConnection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)
            assert self.deadline is not None
            assert self.deadline <= self.loop.time() + 60

    monkeypatch.setattr(client_module, "ClientConnection", Recorded)
    with serving(drain) as server, connect(server.url, timeout=60):
        assert len(made) == 1


def test_a_certificate_of_a_strangers_authority_is_told_as_that(tmp_path: Path) -> None:
    with tls_server(tmp_path, lambda peer: None) as (port, _):
        with pytest.raises(ConnectFailed) as caught:
            connect(f"wss://127.0.0.1:{port}/")
    assert str(caught.value).startswith(
        f"no TLS with 127.0.0.1:{port}: its certificate is not valid here (self"
    )
    assert "SSL_CERT_FILE" in str(caught.value)


def test_wss_at_a_server_that_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(peer: socket.socket) -> None:
        assert peer.recv(4096).startswith(b"GET /?x=1 HTTP/1.1\r\nHost: localhost:")
        peer.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\nover TLS")

    with tls_server(tmp_path, refuse) as (port, path):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(HandshakeFailed) as caught:
            connect(f"wss://localhost:{port}/?x=1")
    assert (caught.value.status, caught.value.body) == (403, "over TLS")


def test_leaving_the_block_closes_with_1000() -> None:
    with serving(drain) as server:
        with connect(server.url) as client:
            client.send_text("a")
        assert client.state == "closed"
        closed = records.closed(server.log)
    assert closed.received == CloseFrame(1000)
    assert closed.first == "client"


def test_a_client_that_nobody_holds_says_that_it_goes_away() -> None:
    with serving(drain) as server:
        client = connect(server.url)
        del client
        gc.collect()
        assert records.closed(server.log).received == CloseFrame(1001)


def test_the_client_has_a_log_of_its_own() -> None:
    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        client.send_text("a")
        client.recv(5)
        ours = [record.frame.raw for record in records.frames(client.log)]
        theirs = [record.frame.raw for record in records.frames(server.log)]
        assert ours == theirs
        assert [r.direction for r in records.frames(client.log)] == ["sent", "received"]


def test_a_client_serves_a_def_handler_of_its_own_thread() -> None:
    """A handler may be a client of another server: its end is no error."""

    with serving(handler_of("def", echo)) as upstream:

        def relay(socket: WebSocket) -> None:
            with connect(upstream.url) as other:
                for message in socket:
                    if message.type == "text":
                        other.send_text(message.value)  # type: ignore[arg-type]
                        socket.send_text(other.recv(5).value)  # type: ignore[arg-type]

        with serving(relay) as server:
            with connect(server.url) as client:
                client.send_text("through")
                assert client.recv(5) == Message("text", "through")
            records.closed(server.log)
            assert not list(server.log.filter(kind="error"))


def test_the_awaitable_twin() -> None:
    with serving(handler_of("async def", echo)) as server:

        async def main() -> list[Message]:
            received = []
            async with connect_async(server.url) as client:
                await client.send_text("a")
                received.append(await client.recv(5))
                await client.send_close(1000, "b")
                received.extend([message async for message in client])
            other = await connect_async(server.url)
            await other.close()
            assert other.state == "closed"
            with pytest.raises(ConnectionClosed):
                await other.send_text("late")
                await other.recv()
            return received

        received = run_async(main())
    assert received == [Message("text", "a"), Message("close", CloseFrame(1000, "b"))]


def test_the_awaitable_twin_raises_what_connect_raises() -> None:
    with serving(drain, "/a") as server:

        async def main() -> None:
            with pytest.raises(HandshakeFailed):
                await connect_async(server.url + "nope")
            with pytest.raises(ConnectFailed):
                await connect_async(f"ws://127.0.0.1:{free_port()}/")

        run_async(main())
    assert asyncio.iscoroutinefunction(connect_async._connect)


def test_an_interrupt_gets_through_a_blocking_recv() -> None:
    done = run_python(
        "-c",
        "import os, signal, threading\n"
        "from astra_nb import Server, connect\n"
        "server = Server(port=0)\n"
        "server.websocket('/', lambda socket: list(socket))\n"
        "server.run()\n"
        "client = connect(server.url)\n"
        "waiting = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))\n"
        "waiting.start()\n"
        "try:\n"
        "    client.recv()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
        "waiting.join()\n"
        "client.send_text('still works')\n"
        "server.log.wait_for(type='text')\n"
        "client.close()\n"
        "server.shutdown()\n"
        "print(threading.active_count())\n",
    )
    assert (done.stdout, done.stderr) == ("interrupted\n1\n", "")


# Timeouts


@pytest.mark.parametrize("none", [None, math.inf])
def test_no_limit(none: float | None) -> None:
    with serving(handler_of("def", echo)) as server:
        client = connect(server.url, timeout=none, close_timeout=none)
        client.send_text("a")
        assert client.recv(none).value == "a"
        assert client.log.wait_for(type="text", timeout=none)
        client.close()
        client.wait_closed(none)
        assert client.state == "closed"

        async def await_it() -> None:
            socket = await connect_async(server.url, timeout=none, close_timeout=none)
            await socket.send_text("a")
            assert (await socket.recv(none)).value == "a"
            await socket.close()
            await socket.wait_closed(none)

        run_async(await_it())


@pytest.mark.parametrize("past", [0, -0.001, -1e300, -math.inf])
def test_a_deadline_that_has_passed(past: float) -> None:
    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        with pytest.raises(WaitTimeout):
            client.recv(past)
        with pytest.raises(WaitTimeout):
            client.wait_closed(past)
        with pytest.raises(WaitTimeout):
            client.log.wait_for(kind="closed", timeout=past)

        async def await_it() -> None:
            async with connect_async(server.url) as socket:
                with pytest.raises(WaitTimeout):
                    await socket.recv(past)
                with pytest.raises(WaitTimeout):
                    await socket.wait_closed(past)
                with pytest.raises(WaitTimeout):
                    await socket.log.wait_for_async(kind="closed", timeout=past)

        run_async(await_it())


# --- the page that says all this --------------------------------------------------------------


def test_the_guide_names_a_test_for_each_way_not_to_connect() -> None:
    text = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
    table = text.partition("## Opening a connection")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 20
    for row in rows:
        tests = row.rstrip(" |").rpartition(" | ")[2]
        named = re.search(r"((?:`test_\w+`(?:, )?)+) in `(tests/[\w/]+\.py)`", tests)
        assert named, f"no test holds: {row}"
        source = (REPOSITORY / named[2]).read_text(encoding="utf-8")
        for name in re.findall(r"test_\w+", named[1]):
            assert f"def {name}(" in source, name


def test_clients_that_share_a_log_each_bring_what_they_have_sent() -> None:
    log = FrameLog()
    with Server(port=0) as server:
        server.websocket("/", lambda socket: list(socket))
        with connect(server.url, log=log) as one, connect(server.url, log=log) as two:
            for number in range(50):
                for client in (one, two):
                    client.send_text(f"{client.id}: {number}")
                    assert log.filter(type="text", text=f"{client.id}: {number}")[-1].number
        with connect(server.url, log=server.log) as client:
            client.send_text("in the server's own log")
            server.log.wait_for(direction="sent", text="in the server's own log")
