"""A command goes to the chosen sockets, and its line of code names them."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from astra_nb import Server, connect
from astra_nb.errors import HandshakeFailed, LocalError, NotOpen
from astra_nb.widgets.commands import close_command, message_command
from astra_nb.widgets.senders import ALL, Senders

HELLO = message_command("text", "Hello")


@pytest.fixture
def senders(server: Server) -> Iterator[Senders]:
    senders = Senders(server)
    yield senders
    senders.close_clients()


def test_the_server_sends_to_all_or_to_one(server: Server, senders: Senders) -> None:
    with connect(server.url) as first, connect(server.url) as second:
        server.log.wait_for(kind="opened", count=2)
        assert senders.perform("server", ALL, HELLO) == [1, 2]
        assert senders.perform("server", 2, HELLO) == [2]
        assert [first.recv(5).value, second.recv(5).value, second.recv(5).value] == ["Hello"] * 3
    with pytest.raises(NotOpen, match="connection #7 is closed, so nothing was sent"):
        senders.perform("server", 7, HELLO)


def test_a_client_is_opened_reads_and_is_closed(server: Server, senders: Senders) -> None:
    client = senders.open_client("/")
    assert senders.clients == senders.sockets("client") == [client]
    assert senders.perform("client", ALL, HELLO) == [client.id]
    server.log.wait_for(type="text", direction="sent")
    senders.close_clients()
    assert (senders.clients, client.state) == ([], "closed")


def test_a_client_that_the_server_closed_is_not_offered(server: Server, senders: Senders) -> None:
    client = senders.open_client("")
    server.log.wait_for(kind="opened")
    server.connections[0].send_close(1000)
    client.wait_closed(5)
    assert senders.clients == []
    with pytest.raises(HandshakeFailed):
        senders.open_client("nowhere")


def test_the_code_does_the_same_in_a_notebook(senders: Senders) -> None:
    assert senders.code("client", ALL, HELLO) == "client.send_text('Hello')"
    assert senders.code("server", ALL, HELLO) == (
        "for socket in server.connections: socket.send_text('Hello')"
    )
    assert senders.code("server", 3, HELLO) == (
        "socket = {s.id: s for s in server.connections}[3]; socket.send_text('Hello')"
    )


def test_without_a_server_nothing_is_sent() -> None:
    server = Server(port=0)
    senders = Senders(server)
    for _ in range(2):
        with pytest.raises(NotOpen, match="the server does not run, so nothing was sent"):
            senders.perform("server", ALL, HELLO)
        with pytest.raises(LocalError, match="the server does not run, so no client"):
            senders.open_client("/")
        server = None  # type: ignore[assignment]
        gc.collect()
    assert senders.server is None


def test_a_click_does_not_wait_for_a_peer_that_does_not_read(
    server: Server, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(server.url) as first, connect(server.url) as second:
        server.log.wait_for(kind="opened", count=2)
        slow = server.connections[0]
        monkeypatch.setattr(slow._connection.sender, "is_writable", False)
        assert senders.perform("server", ALL, HELLO) == [2]
        assert second.recv(5).value == "Hello"
        with pytest.raises(NotOpen, match="the other end reads too slowly, so nothing was sent"):
            senders.perform("server", 1, HELLO)
        assert len(slow._connection.sender.outbox) == 0
        assert senders.perform("server", 1, close_command(1006)) == [1]
        first.wait_closed(5)
