"""`deterministic(seed)`: the same keys, ports and times twice, and only on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from astra_nb import Server, WebSocket, connect, http, seeded, tap
from astra_nb.errors import HandshakeFailed, LocalError
from astra_nb.testing import deterministic
from tests import records
from tests.servers import run_async


@pytest.fixture(autouse=True)
def no_seed_stays() -> Iterator[None]:
    yield
    assert seeded.current is None


def echo(socket: WebSocket) -> None:
    for message in socket:
        if message.type == "text":
            print("a text came")
            socket.send_text(str(message.value))


def lesson() -> str:
    """Return all that a lesson would show: both logs, the heads, the keys and the address."""
    server = http.server.new(port=0)
    server.websocket("/", echo)
    with server:
        with connect(server.url, keepalive=60) as client:
            client.send_text("Hello")
            client.recv(10)
            client.send_ping("a")
            client.recv(10)
        records.closed(server.log)
        columns = ("relative", "connection", "direction", "type", "key", "payload")
        heads = [each.raw for each in server.log.filter(kind="handshake")]  # type: ignore[union-attr]
        shown = [server.url, str(server.log), client.log.text(columns), *map(bytes.decode, heads)]
        shown.append(server.log.filter(kind="frame").html())
    return "\n".join(shown)


def test_a_lesson_shows_the_same_twice() -> None:
    with deterministic(7):
        first = lesson()
    with deterministic(7):
        assert lesson() == first
    with deterministic(8):
        assert lesson() != first
    assert "Date: Sat, 01 Jan 2000 00:00:00 GMT" in first
    assert lesson() != first


def test_keys_and_ports_are_those_of_the_seed() -> None:
    with deterministic(7):
        expected = seeded.Seeded(7)
        server = Server(port=0)
        server.websocket("/", echo)
        with server, connect(server.url) as client:
            assert server.port == expected.port()
            client.send_text("Hello")
            client.recv(10)
            sent = records.frame(server.log, type="text", direction="received")
            assert sent.frame.masking_key == next(expected.masking_keys(1))
            assert expected.handshake_key(1) in str(client.request.headers)
            assert client.log.filter(kind="frame")[0].connection == 1
            assert sent.time == expected.time(1, "frame")
        notices = server.log.filter(kind="notice", text="for lessons and tests only")
        assert len(notices) == 1


def test_it_says_what_it_is_and_ends_once() -> None:
    outer = deterministic(1)
    with deterministic(2) as inner:
        assert repr(inner) == seeded.Seeded(2).warning
        outer.end()  # not the one that is in use
        assert seeded.current is not None
    outer.end()
    assert seeded.current is None or seeded.current.seed == 1
    seeded.current = None


@pytest.mark.parametrize("seed", ["7", 7.0, True, None])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(LocalError, match="a seed is a whole number"):
        deterministic(seed)  # type: ignore[arg-type]


def open_to_others(name: str) -> Server:
    server = Server("127.0.0.1" if name != "hostname" else "0.0.0.0", port=0)
    if name == "origins":
        server.origins.append("https://evil.example")
    if name == "hosts":
        server.hosts.append("evil.example")
    return server


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hostname", r"listens on '0\.0\.0\.0'"),
        ("origins", "lets 'https://evil.example' in"),
        ("hosts", "lets 'evil.example' in"),
    ],
)
def test_it_refuses_beside_a_server_that_others_can_reach(name: str, why: str) -> None:
    with open_to_others(name):
        with pytest.raises(LocalError, match=why):
            deterministic(7)
    with deterministic(7):
        server = open_to_others(name)
        with pytest.raises(LocalError, match=why):
            server.run()
        assert not server.running


def test_a_tap_has_the_port_of_the_seed_and_is_for_this_machine_alone() -> None:
    with deterministic(7), Server(port=0) as server:
        server.websocket("/", echo)
        with tap(server.url) as between:
            expected = seeded.Seeded(7)
            assert [server.port, between.port] == [expected.port(), expected.port()]
            with connect(between.url) as client:
                client.send_text("a")
                assert client.recv(10).value == "a"
        for upstream, options in (
            ("ws://example.org/", {}),
            (server.url, {"hostname": "0.0.0.0"}),
            (server.url, {"hosts": ["evil.example"]}),
        ):
            with pytest.raises(LocalError, match="on this machine only"):
                tap(upstream, **options)


def test_no_page_of_others_comes_in_while_it_lasts() -> None:
    with deterministic(7), Server(port=0) as server:
        server.websocket("/", echo)
        server.allow_page("https://hub.example.org", "hub.example.org")
        with pytest.raises(HandshakeFailed) as refused:
            connect(server.url, origin="https://hub.example.org")
        assert refused.value.status == 403
        connect(server.url, origin="http://localhost:8888").close()


def test_a_client_goes_nowhere_else() -> None:
    with deterministic(7):
        with pytest.raises(LocalError, match=r'"example\.org" is not this machine; nothing was'):
            connect("ws://example.org/")
        from astra_nb import connect_async

        for call in (connect, tap):
            with pytest.raises(LocalError, match=r'"proxy\.example" is not this machine'):
                call("ws://127.0.0.1:1", proxy="http://proxy.example:3128")
        with pytest.raises(LocalError, match="is not this machine"):
            run_async(connect_async("ws://192.0.2.1/")._connect())
