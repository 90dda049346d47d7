"""What jupyter-server-proxy changes on the way, as the notebooks and the design say it.

Each test states what the proxy does *today*. When one of them fails, a newer proxy does better:
then correct what the notebooks (the one on the browser's end), docs/security.md and the third lane
of the browser client say, and turn the test round.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from astra_nb import (
    CloseFrame,
    ConnectionClosed,
    FrameLog,
    Message,
    Server,
    WebSocket,
    compare_taps,
    connect,
    tap,
)
from astra_nb.errors import HandshakeFailed
from tests.helpers import wait_until
from tests.jupyter_server import JupyterServer
from tests.servers import serving

BETTER = "jupyter-server-proxy does better now; see the first lines of this file"
# Whatever else is installed takes its time to load and has no part in this.
ONLY_THE_PROXY = {
    "jupyter_server_proxy": True,
    **dict.fromkeys(("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp"), False),
    **{
        f"nbgrader.server_extensions.{name}": False
        for name in ("assignment_list", "course_list", "formgrader", "validate_assignment")
    },
}
LIMIT = 10 * 1024 * 1024  # bytes; the proxy's own limit of a message


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A Jupyter server under a prefix, with the proxy."""
    server = JupyterServer(
        tmp_path_factory.mktemp("proxy"),
        command=(sys.executable, "-m", "jupyter_server"),
        options=[
            "--ServerApp.base_url=/user/jane-xyz/",
            f"--ServerApp.jpserver_extensions={ONLY_THE_PROXY}",
            "--ServerApp.allow_root=True",
        ],
    )
    with server:
        yield server


class Both:
    """A server, and clients that reach it through the proxy and directly."""

    def __init__(self, jupyter: JupyterServer, server: Server) -> None:
        self.jupyter = jupyter
        self.server = server
        self.url = f"{jupyter.url.replace('http', 'ws')}proxy/{server.port}/"

    @property
    def log(self) -> Any:
        return self.server.log

    def through(self, path: str = "", **options: Any) -> WebSocket:
        headers = {"Authorization": f"token {self.jupyter.token}", **options.pop("headers", {})}
        log = FrameLog()
        return connect(self.url + path, headers=headers, log=log, timeout=20, **options)


Scene = Callable[..., Any]


@pytest.fixture
def scene(jupyter: JupyterServer) -> Iterator[Scene]:
    """Run a server with a handler, and give what reaches it."""
    servers: list[Server] = []

    def make(handler: Callable[[WebSocket], None], path: str = "/", **options: Any) -> Both:
        server = Server(port=0)
        server.websocket(path, handler, **options)
        server.run()
        servers.append(server)
        return Both(jupyter, server)

    yield make
    for server in servers:
        server.shutdown()


def read(socket: WebSocket) -> None:
    for _ in socket:
        pass


def end_of(client: WebSocket) -> ConnectionClosed:
    """How a client is told that its connection ended."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            client.recv(20)
    return caught.value


# Closing


@pytest.mark.parametrize("close", [(1000, "Done"), (1001, ""), (1008, "policy"), (4000, "bye")])
def test_the_servers_close_code_arrives_as_1005(scene: Scene, close: tuple[int, str]) -> None:
    both = scene(lambda socket: socket.send_close(*close))
    with both.through() as client:
        ended = end_of(client)
    assert both.log.wait_for(kind="closed").sent == CloseFrame(*close)
    assert (ended.code, ended.reason) == (1005, ""), BETTER


@pytest.mark.parametrize("close", [(1000, "Done"), (4000, "bye")])
def test_the_clients_close_code_arrives_as_1005(scene: Scene, close: tuple[int, str]) -> None:
    both = scene(read)
    with both.through() as client:
        client.send_close(*close)
        # The client itself is answered with its own code, by the proxy.
        assert end_of(client).code == close[0]
    assert both.log.wait_for(kind="closed").received == CloseFrame(1005), BETTER


def test_a_dropped_connection_arrives_as_1005(scene: Scene) -> None:
    both = scene(lambda socket: socket.drop())
    with both.through() as client:
        ended = end_of(client)
    assert both.log.wait_for(kind="closed").tcp == "dropped by server"
    assert ended.code == 1005, BETTER


# PING and PONG


def test_the_proxy_answers_a_ping_by_itself(scene: Scene) -> None:
    both = scene(read)
    with both.through(automatic_pong=False) as client:
        both.log.wait_for(kind="opened")
        [socket] = both.server.connections
        socket.send_ping(b"are you there")
        pong = both.log.wait_for(type="pong", direction="received", timeout=20)
        # The client gets the ping too, and has not answered it.
        assert client.recv(20) == Message("ping", b"are you there")
        assert not list(client.log.filter(type="pong"))
    assert pong.payload == b"are you there", BETTER


def test_an_unsolicited_pong_is_dropped(scene: Scene) -> None:
    def pong_and_text(socket: WebSocket) -> None:
        socket.send_pong(b"unasked")
        socket.send_text("after it")
        socket.recv()

    both = scene(pong_and_text)
    with both.through() as client:
        assert client.recv(20) == Message("text", "after it"), BETTER
        client.send_pong(b"unasked")
        client.send_text("end")
        both.log.wait_for(type="text", direction="received")
        assert not list(both.log.filter(type="pong", direction="received")), BETTER


# Messages


def test_fragments_are_joined(scene: Scene) -> None:
    def fragments(socket: WebSocket) -> None:
        socket.send_fragments("text", ["Hel", "lo"])
        socket.recv()

    both = scene(fragments)
    with both.through() as client:
        assert client.recv(20) == Message("text", "Hello")
        assert not list(client.log.filter(type="continuation")), BETTER
        client.send_fragments("text", ["a", "b"])
        frame = both.log.wait_for(type="text", direction="received").frame
        assert (frame.fin, frame.payload) == (True, b"ab"), BETTER


def test_a_message_beyond_10_mib_ends_the_connection(scene: Scene) -> None:
    def large(socket: WebSocket) -> None:
        size = int(socket.recv().value)  # type: ignore[arg-type]
        socket.send_bytes(bytes(size))
        socket.recv()

    both = scene(large)
    with both.through(max_message_size=None) as client:
        client.send_text(str(LIMIT))
        assert len(client.recv(60).value) == LIMIT
    with both.through(max_message_size=None) as client:
        client.send_text(str(LIMIT + 1))
        assert end_of(client).code == 1005, BETTER
    # The server alone is told what was wrong.
    assert both.log.wait_for(kind="closed", count=2).received == CloseFrame(1009, "message too big")


def test_a_message_of_the_client_beyond_10_mib_ends_the_connection_too(scene: Scene) -> None:
    both = scene(read)
    both.server.max_message_size = None
    with both.through() as client:
        client.send_bytes(bytes(LIMIT))
        assert both.log.wait_for(type="bytes", timeout=60).frame.payload_length == LIMIT
    with both.through() as client:
        client.send_bytes(bytes(LIMIT + 1))
        assert end_of(client).code == 1009
    # The client alone is told what was wrong.
    assert both.log.wait_for(kind="closed", count=2).code in (1005, 1006), BETTER


# The opening handshake


def test_the_first_offered_subprotocol_is_told_whatever_the_server_chose(scene: Scene) -> None:
    both = scene(read, subprotocols=["second"])
    with both.through(subprotocols=["first", "second"]) as client:
        assert both.log.wait_for(kind="opened").subprotocol == "second"
        assert client.subprotocol == "first", BETTER


def test_the_proxy_offers_compression_of_its_own(scene: Scene) -> None:
    both = scene(read, compression="deflate")
    with both.through() as client:
        assert "permessage-deflate" not in client.request.headers.get(
            "Sec-WebSocket-Extensions", ""
        )
        assert both.log.wait_for(kind="opened").extensions == ("permessage-deflate",), BETTER


@pytest.mark.parametrize("path", ["nope", "nope?x=1"])
def test_a_refused_handshake_becomes_101_and_a_close_without_a_code(
    scene: Scene, path: str
) -> None:
    both = scene(read)
    with pytest.raises(HandshakeFailed):
        connect(both.server.url + path)
    with both.through(path) as client:  # 101
        ended = end_of(client)
    assert both.log.wait_for(kind="closed", count=2).status == 404
    assert ended.code in (1005, 1006, 1011), BETTER


def test_a_server_that_does_not_run_becomes_101_too(jupyter: JupyterServer) -> None:
    with serving(read) as server:
        both = Both(jupyter, server)
    with both.through() as client:
        assert end_of(client).code in (1005, 1006, 1011), BETTER


def test_headers_are_handed_on_and_the_log_hides_them(scene: Scene) -> None:
    seen: list[str] = []

    def look(socket: WebSocket) -> None:
        headers = socket.request_with_secrets.headers
        seen.append(headers["Authorization"])
        seen.append(headers["Cookie"])
        read(socket)

    both = scene(look)
    headers = {"Cookie": "jupyterhub-session-id=s3cret", "X-One": "1"}
    origin = both.jupyter.url.partition("/user/")[0]
    with both.through("?access_token=s3cret&a=b", headers=headers, origin=origin):
        request = both.log.wait_for(kind="handshake")
        wait_until(lambda: len(seen) == 2)
    # A proxy that keeps these to itself would be better.
    assert seen == [f"token {both.jupyter.token}", "jupyterhub-session-id=s3cret"], BETTER
    assert ("X-One", "1") in request.headers
    assert ("Origin", origin) in request.headers
    assert request.start_line == "GET /?access_token=<hidden>&a=b HTTP/1.1"
    everything = both.log.to_jsonl() + repr(list(both.log)) + both.log._repr_html_()
    assert both.jupyter.token not in everything
    assert "s3cret" not in everything


def test_the_prefix_is_taken_off_and_path_and_query_are_kept(scene: Scene) -> None:
    both = scene(read, "/room/{name}")
    with both.through("room/caf%C3%A9?x=1&y=%20"):
        opened = both.log.wait_for(kind="opened")
    assert opened.path == "/room/caf%C3%A9?x=1&y=%20"


def test_a_foreign_origin_comes_through_and_is_refused_by_the_server(scene: Scene) -> None:
    both = scene(read)
    with both.through(origin="https://evil.example") as client:
        assert end_of(client).code in (1005, 1006, 1011)
    closed = both.log.wait_for(kind="closed")
    assert closed.status == 403
    assert "https://evil.example" in closed.detail


def test_nobody_comes_through_without_the_token(scene: Scene) -> None:
    both = scene(read)
    with pytest.raises(HandshakeFailed) as caught:
        connect(both.url)
    assert caught.value.status in (302, 403)
    assert len(both.log) == 1  # it listens, and nobody came


def test_two_taps_around_the_proxy_show_it_in_one_table(jupyter: JupyterServer) -> None:
    def handler(socket: WebSocket) -> None:
        socket.send_fragments("text", ["three ", "fragments ", "here"])
        socket.recv()
        socket.send_close(4001, "gone")

    server = Server(port=0)
    server.websocket("/", handler, subprotocols=["v2"])
    with server, tap(server.url) as inside:
        proxy = f"{jupyter.url.replace('http', 'ws')}proxy/{inside.port}/"
        with tap(proxy) as outside:
            headers = {"Authorization": f"token {jupyter.token}"}
            client = connect(outside.url, headers=headers, subprotocols=["v1", "v2"], timeout=20)
            assert client.recv().value == "three fragments here"
            client.send_text("done")
            client.recv()
            client.close()
            for t in (outside, inside):
                wait_until(lambda t=t: len(t.log.filter(kind="closed")) == 2)  # type: ignore[misc]
            hop = compare_taps(outside, inside)
    changes = {(row.sender, row.what): (row.outside, row.inside) for row in hop.changes}
    assert changes["server", "subprotocol"] == ("v1", "v2"), BETTER
    assert changes["server", "fragments"] == ("none", "3"), BETTER
    assert changes["server", "close"] == ("empty", "4001 gone"), BETTER
    assert ("server", "messages") not in changes
