"""The sockets that a panel can send on."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from astra_nb import FrameLog, Server, WebSocket, connect
from astra_nb.certificates import make_certificates
from astra_nb.errors import HandshakeFailed, InvalidMessage, LocalError, NotOpen
from astra_nb.log.records import OpenedRecord
from astra_nb.widgets.senders import EVERYONE, Senders, number_at
from tests.helpers import wait_until


def hello(socket: WebSocket) -> None:
    socket.send_text("Hello")


@pytest.fixture
def senders(server: Server) -> Iterator[Senders]:
    senders = Senders(server)
    yield senders
    senders.close()


def test_the_server_sends_to_one_the_newest_or_everyone(server: Server, senders: Senders) -> None:
    with connect(server.url) as first, connect(server.url) as second:
        server.log.wait_for(kind="opened", count=2)
        assert senders.perform(EVERYONE, None, hello) == [1, 2]
        assert senders.perform(2, None, hello) == senders.perform(None, None, hello) == [2]
        assert [first.recv(5).value, second.recv(5).value, second.recv(5).value] == ["Hello"] * 3
        targets = [(one["id"], one["client"], one["server"]) for one in senders.targets()]
        assert targets == [(1, False, True), (2, False, True)]
        with pytest.raises(NotOpen, match="connection #7 is closed, so nothing was sent"):
            senders.perform(7, None, hello)


def test_a_client_has_the_number_of_its_connection_at_the_server(
    server: Server, senders: Senders
) -> None:
    with connect(server.url):
        server.log.wait_for(kind="opened")
        number = senders.connect("")
        assert number == 2
        assert senders.perform(None, number, hello) == [2]
        server.log.wait_for(type="text", direction="sent", connection=2)
        assert [(one["id"], one["client"]) for one in senders.targets()] == [(1, False), (2, True)]
        client = senders.clients[2]
        senders.close()
        assert (senders.clients, client.state) == ({}, "closed")


def test_a_server_that_records_nothing_knows_its_client_too() -> None:
    with Server(port=0, record=False) as server:
        server.websocket("/", lambda socket: [*socket])
        senders = Senders(server)
        assert senders.connect("/") == 1
        senders.close()


def test_a_client_that_the_server_closed_is_not_offered(server: Server, senders: Senders) -> None:
    number = senders.connect("")
    client = senders.clients[number]
    server.connections[0].send_close(1000)
    client.wait_closed(5)
    assert senders.clients == {}
    with pytest.raises(NotOpen, match=f"no open client on #{number}"):
        senders.perform(None, number, hello)
    with pytest.raises(HandshakeFailed):
        senders.connect("nowhere")


def test_the_panel_of_a_client_connects_again_on_the_same_log(server: Server) -> None:
    log = FrameLog()
    client = connect(server.url, log=log)
    senders = Senders(client=client, log=log)
    assert not senders.of_server
    assert senders.url == server.url
    assert senders.perform(None, None, hello) == [client.id]
    client.close()
    assert senders.targets() == []
    with pytest.raises(NotOpen, match="nothing is connected"):
        senders.perform(None, None, hello)
    again = senders.connect("", headers={"X-Name": "kim"})
    assert senders.perform(None, None, hello) == senders.perform(EVERYONE, None, hello) == [again]
    assert b"X-Name: kim" in log.wait_for(kind="handshake", connection=again).raw  # type: ignore[union-attr]
    senders.close()
    with pytest.raises(InvalidMessage):
        senders.connect("no address")


def test_a_client_connects_again_to_the_address_that_it_had(server: Server) -> None:
    address = f"ws://localhost:{server.port}/?token=swordfish&room=a"
    log = FrameLog()
    senders = Senders(client=connect(address, log=log), log=log)
    assert senders.url == f"ws://localhost:{server.port}/?token=<hidden>&room=a"
    for shown in ("", senders.url):
        number = senders.connect(shown)
        again = senders.clients[number]
        assert again.request_with_secrets.path == "/?token=swordfish&room=a"
    other = address.replace("swordfish", "marlin")
    senders.connect(other)
    assert "marlin" not in senders.url
    number = senders.connect("")
    assert senders.clients[number].request_with_secrets.path == "/?token=marlin&room=a"
    senders.close()


def test_the_address_of_a_client_over_tls_is_one_of_wss() -> None:
    certificates = make_certificates()
    with Server(port=0, ssl=certificates.server) as server:
        server.websocket("/", lambda socket: [*socket])
        with connect(server.url, ssl=certificates.client) as client:
            assert client.remote_address in server.url
            assert Senders(client=client, log=client.log).url == server.url
            assert server.url.startswith("wss://")


def test_the_client_that_a_panel_was_made_of_stays_when_its_own_are_closed(server: Server) -> None:
    with connect(server.url) as client:
        senders = Senders(client=client, log=client.log)
        number = senders.connect("")
        again = senders.clients[number]
        assert (senders.close(), again.state, client.state) == (1, "closed", "open")
        assert senders.close() == 0
        assert senders.perform(None, None, hello) == [client.id]


def test_an_earlier_connection_from_the_same_port_is_not_taken_for_the_new_one(
    server: Server,
) -> None:
    with connect(server.url) as client:
        earlier = server.log.wait_for(kind="opened")
        server.log.append(
            7, OpenedRecord, side="server", peer=client.local_address, path="/"
        )  # as of a new connection
        assert number_at(server, client, earlier.number) == 7


def test_without_a_server_nothing_is_sent() -> None:
    server = Server(port=0)
    senders = Senders(server)
    for _ in range(2):
        with pytest.raises(NotOpen, match="the server is not running, so nothing was sent"):
            senders.perform(None, None, hello)
        with pytest.raises(LocalError, match="the server is not running, so no client"):
            senders.connect("/")
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
        assert senders.perform(EVERYONE, None, hello) == [2]
        assert second.recv(5).value == "Hello"
        with pytest.raises(NotOpen, match="the other end reads too slowly, so nothing was sent"):
            senders.perform(1, None, hello)
        assert len(slow._connection.sender.outbox) == 0
        assert senders.perform(1, None, WebSocket.drop, ends=True) == [1]
        first.wait_closed(5)


def test_of_several_one_may_fail(server: Server, senders: Senders) -> None:
    with connect(server.url), connect(server.url) as second:
        server.log.wait_for(kind="opened", count=2)
        first, _ = server.connections

        def fails_on_the_first(socket: WebSocket) -> None:
            if socket.id == first.id:
                raise NotOpen("it has just closed")
            socket.send_text("Hello")

        assert senders.perform(EVERYONE, None, fails_on_the_first) == [2]
        assert second.recv(5).value == "Hello"
        with pytest.raises(NotOpen, match="it has just closed"):
            senders.perform(1, None, fails_on_the_first)
    wait_until(lambda: not server.connections)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_servers_panel_takes_its_whole_address_too(server: Server, host: str) -> None:
    senders = Senders(server)
    try:
        for address in (f"ws://{host}:{server.port}/", f" http://{host}:{server.port}"):
            number = senders.connect(address)
            server.log.wait_for(kind="opened", connection=number, timeout=20)
        with pytest.raises(LocalError, match=r"its own server, at .* not to h:80"):
            senders.connect("ws://h/?token=s3cr3t")
        with pytest.raises(LocalError, match="<hidden>@h"):
            senders.connect("ws://user:s3cr3t@h/")
        with pytest.raises(LocalError, match="a path is a str"):
            senders.connect(5)  # type: ignore[arg-type]
    finally:
        senders.close()
