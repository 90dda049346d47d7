"""The life of a server: running, being replaced, shutting down, and what cannot be served."""

from __future__ import annotations

import gc
import logging
import socket as sockets
import threading
from typing import Any

import pytest

from astra_nb import CloseFrame, ConnectionClosed, Message, Server, WebSocket, connect, http
from astra_nb.errors import AddressInUse, InvalidMessage, InvalidRoute, LocalError, WrongThread
from tests.helpers import free_port, held_port, run_python, wait_until
from tests.servers import KINDS, Steps, echo, handler_of, serving


def wait_for_close(socket: WebSocket) -> None:
    for _ in socket:
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_shutting_down_sends_1001_and_gives_the_port_back(kind: str) -> None:
    with serving(handler_of(kind, echo)) as server, connect(server.url) as client:
        client.send_text("a")
        assert client.recv(5) == Message("text", "a")
        server.shutdown(reason="lesson over")
        assert client.recv(5) == Message("close", CloseFrame(1001, "lesson over"))
        server.shutdown()
        assert not server.running
        with sockets.create_server(("127.0.0.1", server.port)):
            pass


def test_a_number_means_one_connection_over_all_runs_of_a_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = http.server.new(port=0)
    server.websocket("/", lambda socket: None)
    for _ in range(2):  # the second time it replaces itself
        server.run()
        with connect(server.url) as client:
            assert client.recv(5).type == "close"
    server.shutdown()
    assert [record.connection for record in server.log.filter(kind="opened")] == [1, 2]
    assert capsys.readouterr().out == f"Replaced the server that was running at {server.url}.\n"


def test_running_the_cell_again_replaces_the_server_and_keeps_the_port(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = http.server.new(port=0)
    first.websocket("/", lambda socket: wait_for_close(socket))
    first.run()
    client = connect(first.url)
    second = http.server.new(port=first.port)
    second.websocket("/", lambda socket: socket.send_text("second"))
    second.run()
    try:
        assert capsys.readouterr().out == (
            f"Replaced the server that was running at ws://127.0.0.1:{first.port}/.\n"
        )
        assert client.recv(5) == Message("close", CloseFrame(1001))
        assert not first.running
        with connect(second.url) as other:
            assert other.recv(5) == Message("text", "second")
    finally:
        second.shutdown()
    client.wait_closed(5)


def rerun(port: int, handler: Any, clients: list[WebSocket]) -> Server:
    """Do what a cell does that makes a server, runs it and connects to it."""
    server = http.server.new(port=port)
    server.websocket("/", handler)
    server.run()
    clients.append(connect(server.url))
    return server


@pytest.mark.filterwarnings("ignore:the server at:ResourceWarning")
@pytest.mark.parametrize("held", ["by nothing", "by the last output"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_that_rebinds_its_server_replaces_it_each_time(
    kind: str, held: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clients: list[WebSocket] = []
    port = free_port()
    server = output = None
    for _ in range(20):
        output = server if held == "by the last output" else None
        server = None  # as the first line of the cell does, before `run()`
        server = rerun(port, handler_of(kind, echo), clients)
    assert server is not None
    server.shutdown()
    del output
    lines = capsys.readouterr().out.splitlines()
    assert lines == 19 * [f"Replaced the server that was running at {server.url}."]
    for client in clients:
        assert client.recv(5) == Message("close", CloseFrame(1001))
        client.wait_closed(5)


@pytest.mark.filterwarnings("ignore:the server at:ResourceWarning")
def test_a_cell_keeps_its_free_port_and_takes_another_when_that_is_held(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("astra_nb.server.current_cell", lambda: "cell of this test")
    clients: list[WebSocket] = []
    server = rerun(0, wait_for_close, clients)
    port = server.port
    del server
    server = rerun(0, wait_for_close, clients)
    assert server.port == port
    del server
    clients[1].wait_closed(5)
    with sockets.create_server(("127.0.0.1", port)):
        server = rerun(0, wait_for_close, clients)
        assert server.port != port
        server.shutdown()
    clients[0].wait_closed(5)
    clients[2].wait_closed(5)
    where = f"Replaced the server that was running at ws://127.0.0.1:{port}/.\n"
    assert capsys.readouterr().out == 2 * where


def test_a_server_is_not_replaced_on_the_thread_that_would_end_it() -> None:
    async def handle_socket(socket: Any) -> None:
        try:
            http.server.new(port=server.port).run()
        except WrongThread as exc:
            await socket.send_text(str(exc))

    with serving(handle_socket) as server, connect(server.url) as client:
        assert "it was made on the thread that runs the event loop" in str(client.recv(5).value)
        assert server.running


def test_running_a_server_twice_restarts_it_on_its_port() -> None:
    with serving(wait_for_close) as server:
        port = server.port
        server.run()
        assert (server.port, server.running) == (port, True)
        with connect(server.url) as client:
            client.send_text("still there")


def test_a_server_whose_port_is_held_does_not_run() -> None:
    with held_port() as port:
        server = http.server.new(port=port)
        with pytest.raises(AddressInUse) as caught:
            server.run()
    assert f"cannot listen on 127.0.0.1:{port}" in str(caught.value)
    assert not server.running


def test_localhost_is_one_port_on_each_of_its_addresses() -> None:
    server = Server("localhost", 0)
    server.websocket("/", lambda socket: socket.send_text("hello"))
    with server, connect(server.url) as client:
        assert server.url == f"ws://localhost:{server.port}/"
        assert client.recv(5) == Message("text", "hello")


def test_a_server_that_nobody_refers_to_is_closed() -> None:
    server = Server(port=0)
    server.websocket("/", wait_for_close)
    server.run()
    with connect(server.url) as client:
        with pytest.warns(ResourceWarning, match="nothing refers to it any more"):
            del server
            gc.collect()
        assert client.recv(5) == Message("close", CloseFrame(1001))


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1005, ""), (99, ""), ("a", ""), ({}, ""), (1000, "x" * 124), (1000, "\ud800")],
)
def test_a_shutdown_with_a_code_or_reason_that_cannot_be_sent(code: Any, reason: str) -> None:
    with serving(lambda socket: wait_for_close(socket)) as server, connect(server.url) as client:
        with pytest.raises(InvalidMessage):
            server.shutdown(code, reason)
        assert server.running
        server.shutdown(4001, "x" * 123)
        assert client.recv(5) == Message("close", CloseFrame(4001, "x" * 123))


def test_wait_blocks_until_the_shutdown() -> None:
    server = Server(port=0)
    with pytest.raises(LocalError, match="call run\\(\\) before wait"):
        server.wait()
    server.run()
    waiter = threading.Thread(target=server.wait)
    waiter.start()
    assert waiter.is_alive()
    server.shutdown()
    waiter.join(5)
    assert not waiter.is_alive()


def test_a_handler_may_shut_its_server_down() -> None:
    def handle_socket(socket: WebSocket) -> None:
        socket.recv()
        server.shutdown()

    with serving(handle_socket) as server:
        client = connect(server.url)
        client.send_text("stop")
        assert client.recv(5) == Message("close", CloseFrame(1001))
        wait_until(lambda: not server.running)
        client.wait_closed(5)


def test_an_async_handler_may_shut_its_server_down() -> None:
    async def handle_socket(socket: Any) -> None:
        await socket.recv()
        server.shutdown()
        await socket.recv()

    with serving(handle_socket) as server:
        client = connect(server.url)
        client.send_text("stop")
        assert client.recv(5) == Message("close", CloseFrame(1001))
        wait_until(lambda: not server.running)
        client.wait_closed(5)


def test_nothing_keeps_a_process_from_ending() -> None:
    done = run_python(
        "-c",
        "from astra_nb import Server, connect\n"
        "server = Server(port=0)\n"
        "server.websocket('/', lambda socket: [print(m) for m in socket])\n"
        "server.run()\n"
        "client = connect(server.url)\n"
        "client.send_text('bye')\n"
        "server.log.wait_for(type='text')\n"
        "print('end')\n",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "end" in done.stdout


def test_a_forked_child_does_not_keep_the_port() -> None:
    done = run_python(
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        "import os, socket, sys\n"
        "from astra_nb import Server, connect\n"
        "server = Server(port=0)\n"
        "server.websocket('/', lambda socket: socket.send_text('parent'))\n"
        "server.run()\n"
        "read, write = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.read(read, 1)\n"
        "    os._exit(0)\n"
        "with connect(server.url) as client: print(client.recv(5).value)\n"
        "server.shutdown()\n"
        "socket.create_server(('127.0.0.1', server.port)).close()\n"
        "print('free')\n"
        "os.write(write, b'.')\n"
        "os.waitpid(child, 0)\n",
    )
    assert (done.stdout, done.stderr) == ("parent\nfree\n", "")


# Routes


def test_a_path_has_parameters() -> None:
    def handle_socket(socket: WebSocket) -> None:
        socket.send_text(repr(socket.path_parameters))

    with (
        serving(handle_socket, "/room/{name}/{seat}") as server,
        connect(server.url + "room/caf%C3%A9/7?x=1") as client,
    ):
        assert client.recv(5) == Message("text", "{'name': 'café', 'seat': '7'}")


def test_a_path_twice_needs_to_be_asked_for() -> None:
    server = http.server.new()
    server.websocket("/{a}", wait_for_close)
    with pytest.raises(InvalidRoute, match=r"the path '/\{b\}' already has a handler"):
        server.websocket("/{b}", wait_for_close)
    server.websocket("/{b}", wait_for_close, replace=True)
    assert "/{b}" in repr(server)
    assert "/{a}" not in repr(server)


def test_a_handler_that_is_replaced_keeps_its_place() -> None:
    server = http.server.new()
    for path in "/a{x}", "/{x}b", "/c":
        server.websocket(path, wait_for_close)
    server.websocket("/a{other}", wait_for_close, replace=True)
    assert repr(server).endswith("; paths: /a{other}, /{x}b, /c>")


def test_an_edited_lobby_does_not_lose_to_the_rooms() -> None:
    def handle_lobby(socket: WebSocket) -> None:
        socket.send_text("lobby")

    server = Server(port=0)
    server.websocket("/room/{name}", wait_for_close)
    server.websocket("/room/lobby", wait_for_close)
    server.websocket("/room/lobby", handle_lobby, replace=True)
    with server, connect(server.url + "room/lobby") as client:
        assert client.recv(5) == Message("text", "lobby")


# Many connections


@pytest.mark.parametrize("kind", KINDS)
def test_a_broadcast_reaches_every_connection(kind: str) -> None:
    with serving(handler_of(kind, echo)) as server:
        clients = [connect(server.url) for _ in range(5)]
        assert server.broadcast("text", "to all") == 5
        for client in clients:
            assert client.recv(5) == Message("text", "to all")
            client.close()
        with pytest.raises(InvalidMessage, match="a close is not broadcast"):
            server.broadcast("close")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_sends_on_the_connections_of_a_server(kind: str) -> None:
    with serving(handler_of(kind, echo)) as server, connect(server.url) as client:
        (socket,) = server.connections
        assert (socket.id, socket.state) == (1, "open")
        socket.send_text("from a cell")
        assert client.recv(5) == Message("text", "from a cell")
        socket.send_close(1000)
        assert client.recv(5) == Message("close", CloseFrame(1000))
        client.wait_closed(5)
        wait_until(lambda: not server.connections)


def test_a_server_without_a_log_records_nothing() -> None:
    server = Server(port=0, record=False)
    server.websocket("/", handler_of("def", echo))
    with server, connect(server.url) as client:
        client.send_text("a")
        assert client.recv(5) == Message("text", "a")
    assert len(server.log) == 0


def test_settings_are_checked() -> None:
    server = Server()
    for name, value in [
        ("max_message_size", -1),
        ("max_message_size", True),
        ("keepalive", 0),
        ("open_timeout", "1"),
        ("close_timeout", float("nan")),
        ("origins", "https://hub.example.org"),
        ("origins", None),
        ("origins", ["hub.example.org"]),
        ("origins", ["https://hub.example.org/user/jane"]),
        ("origins", ["http://localhost:evil"]),
        ("hosts", [1]),
        ("hosts", 1),
        ("hosts", ["https://hub.example.org"]),
        ("hosts", ["a..b"]),
    ]:
        with pytest.raises(LocalError, match=f"^{name} "):
            setattr(server, name, value)


def test_origins_and_hosts_stay_as_they_are_written() -> None:
    server = Server()
    origins: Any = (name for name in ["https://Hub.example.org:443/", "null", "*"])
    server.origins = origins
    server.hosts = ("Hub.example.org:443/", "*")
    assert server.origins == ["https://Hub.example.org:443/", "null", "*"]
    assert server.hosts == ["Hub.example.org:443/", "*"]


def test_an_origin_and_a_host_let_in_however_they_are_written() -> None:
    with serving(wait_for_close) as server:
        server.origins = ["https://Hub.example.org:443/"]
        server.hosts = ["Hub.example.org/"]
        server.origins.append("HTTPS://other.example")
        for origin in ("https://hub.example.org", "https://other.example"):
            connect(server.url, origin=origin, headers={"Host": "hub.example.org:8080"}).close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unanswered_keepalive_ping_closes_with_1011(kind: str) -> None:
    async def script(socket: Steps) -> None:
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    server = Server(port=0)
    server.keepalive = 0.05
    server.websocket("/", handler_of(kind, script))
    with server, connect(server.url, automatic_pong=False) as client:
        assert client.recv(5).type == "ping"
        assert client.recv(5) == Message("close", CloseFrame(1011, "keepalive ping timeout"))


def test_a_shutdown_ends_even_if_its_last_notice_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    server = http.server.new(port=0)
    server.run()
    monkeypatch.setattr(server.log, "append", fail)
    shutting = threading.Thread(target=server.shutdown, daemon=True)
    shutting.start()
    shutting.join(10)
    assert not shutting.is_alive()
    assert not server.running
    logging.getLogger("asyncio").handlers[-1].messages.clear()  # type: ignore[attr-defined]
    with sockets.create_server(("127.0.0.1", server.port)):
        pass
