"""What a socket does beyond the documented steps: checks, fragments, raw bytes, limits, waiting."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from astra_nb import CloseFrame, ConnectionClosed, Message, Server, WebSocket, connect
from astra_nb.errors import InvalidMessage, LocalError, NotOpen, WaitTimeout, WrongThread
from astra_nb.net.inbox import ThreadInbox
from tests import records
from tests.conformance.octets import frame, mask_all
from tests.helpers import wait_until
from tests.servers import KINDS, Kind, Steps, echo, handler_of, serving


def drain(socket: WebSocket) -> list[Message]:
    return list(socket)


BAD_CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("send", ("txt", "a"), "str 'txt' is not a message type; the five are 'text'"),
    ("send", (None, "a"), "None is not a message type"),
    ("send", ("text",), "a text message takes a str, not None"),
    ("send_text", (b"a",), "a text message takes a str, not bytes b'a'; use send_bytes"),
    ("send_text", (5,), "a text message takes a str, not int 5"),
    ("send_text", ("a\ud800",), "character 1 is the lone surrogate U+D800"),
    ("send_bytes", ([0, 256],), "item 1 of the byte table is 256"),
    ("send_bytes", ([-1],), "item 0 of the byte table is -1"),
    ("send_bytes", ([1.5],), "item 0 of the byte table is float 1.5"),
    ("send_bytes", ([True],), "item 0 of the byte table is bool True"),
    ("send_bytes", (5,), "not as int 5"),
    ("send_bytes", (None,), "not as None"),
    ("send_ping", (b"x" * 126,), "the payload has 126 bytes; a control frame carries at most 125"),
    ("send_pong", ("é" * 63,), "the payload has 126 bytes"),
    ("send_close", (1005,), "1005"),
    ("send_close", (1006,), "1006"),
    ("send_close", (1015,), "1015"),
    ("send_close", (999,), "999"),
    ("send_close", (5000,), "5000"),
    ("send_close", ("1000",), "a close code is an integer such as 1000, not str '1000'"),
    ("send_close", (1000, "é" * 62), "the close reason has 124 bytes as UTF-8"),
    ("send_close", (1000, "\ud800"), "lone surrogate"),
    ("send_close", (1000, 5), "a close reason is a str, not int 5"),
    ("send_close", (None, "why"), "a close reason needs a close code before it"),
    ("send_close", ({"kode": 1000},), "not str 'kode'"),
    ("send_fragments", ("ping", ["a"]), 'only a "text" or a "bytes" message can be fragmented'),
    ("send_fragments", ("text", "Hello"), "the fragments are a list of parts"),
    ("send_fragments", ("text", []), "at least one fragment"),
    ("send_raw", ([300],), "item 0 of the byte table is 300"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_sent_raises_before_anything_is_on_the_wire(kind: str) -> None:
    problems: list[str] = []

    async def script(socket: Steps) -> None:
        for method, arguments, message in BAD_CALLS:
            try:
                await getattr(socket, method)(*arguments)
            except InvalidMessage as exc:
                if message not in str(exc):
                    problems.append(f"{method}{arguments}: {exc}")
            else:
                problems.append(f"{method}{arguments} did not raise")
        await socket.send_text("end")
        await socket.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        assert client.recv(5) == Message("text", "end")
        sent = [record.frame.raw for record in records.frames(server.log, direction="sent")]
    assert problems == []
    assert sent[:1] == [b"\x81\x03end"]


@pytest.mark.parametrize("kind", KINDS)
def test_sending_after_ones_own_close_raises(kind: str) -> None:
    caught: list[str] = []

    async def script(socket: Steps) -> None:
        await socket.send_close(1000)
        for call in (socket.send_text("a"), socket.send_ping(), socket.send_close(1001)):
            try:
                await call
            except (NotOpen, ConnectionClosed) as exc:
                caught.append(str(exc))
        await socket.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        assert client.recv(5) == Message("close", CloseFrame(1000))
        records.closed(server.log)
        sent = records.frames(server.log, direction="sent")
    assert len(caught) == 3
    assert len(sent) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_sending_after_the_peers_close_is_the_peers_doing(kind: str) -> None:
    async def script(socket: Steps) -> None:
        while (await socket.recv()).type != "close":
            pass
        await socket.send_text("too late")

    with serving(handler_of(kind, script)) as server:
        with connect(server.url) as client:
            client.send_close(1000)
        records.closed(server.log)
        assert not list(server.log.filter(kind="error"))


@pytest.mark.parametrize("kind", KINDS)
def test_fragments_by_hand(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_fragment("Hel", type="text", fin=False)
        await socket.send_ping("between")
        with pytest.raises(NotOpen, match="a fragmented message is under way"):
            await socket.send_text("no")
        with pytest.raises(InvalidMessage, match="has no type of its own"):
            await socket.send_fragment("lo", type="text", fin=True)
        await socket.send_fragment(b"l\xc3", fin=False)
        await socket.send_fragment(b"\xa9", fin=True)
        with pytest.raises(InvalidMessage, match="the first fragment says what"):
            await socket.send_fragment("x", fin=True)
        await socket.send_fragments("bytes", [[1], [], [2, 3]])
        await socket.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        assert client.recv(5) == Message("ping", b"between")
        assert client.recv(5) == Message("text", "Helé".replace("Hel", "Hell"))
        assert client.recv(5) == Message("bytes", bytes([1, 2, 3]))
        frames = [r.frame.raw for r in records.frames(server.log, direction="sent")][:7]
    assert frames == [
        b"\x01\x03Hel",
        b"\x89\x07between",
        b"\x00\x02l\xc3",
        b"\x80\x01\xa9",
        b"\x02\x01\x01",
        b"\x00\x00",
        b"\x80\x02\x02\x03",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_raw_bytes_go_out_as_they_are(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_raw(b"\x83\x01x")
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await socket.recv()
        assert caught.value.code == 1002

    with serving(handler_of(kind, script)) as server:
        with connect(server.url) as client, pytest.raises(ConnectionClosed):
            client.recv(5)
        record = records.frame(server.log, type="reserved", direction="sent")
        records.closed(server.log)
        assert not list(server.log.filter(kind="error"))
    assert (record.frame.raw, record.verdict) == (b"\x83\x01x", "raw bytes")


@pytest.mark.parametrize("kind", KINDS)
def test_a_dropped_connection_is_1006_for_the_peer(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.drop()

    with serving(handler_of(kind, script)) as server:
        client = connect(server.url)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(5)
        closed = records.closed(server.log)
    assert caught.value.code == 1006
    assert (closed.tcp, closed.first) == ("dropped by server", "")
    assert records.closed(client.log).tcp in ("dropped by server", "reset")


@pytest.mark.parametrize("kind", KINDS)
def test_the_automatic_pong_can_be_switched_off_for_a_route(kind: str) -> None:
    async def script(socket: Steps) -> None:
        message = await socket.recv()
        await socket.send_text("by hand")
        await socket.send_pong(message.value)
        await socket.recv()

    with (
        serving(handler_of(kind, script), automatic_pong=False) as server,
        connect(server.url) as client,
    ):
        client.send_ping("who answers")
        assert client.recv(5) == Message("text", "by hand")
        assert client.recv(5) == Message("pong", b"who answers")
        assert client.latency is not None
        assert len(server.log.filter(type="pong")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_latency_is_measured(kind: str) -> None:
    seen: list[Any] = []

    async def script(socket: Steps) -> None:
        seen.append(socket.latency)
        await socket.send_ping("a")
        await socket.recv()
        seen.append(socket.latency)

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        assert client.recv(5).type == "ping"
        assert client.recv(5).type == "close"
    assert seen[0] is None
    assert isinstance(seen[1], float)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_socket_knows(kind: str) -> None:
    seen: list[Any] = []

    async def script(socket: Steps) -> None:
        inner = socket.socket
        seen.append((inner.id, inner.state, inner.request.path, inner.request.headers["X-One"]))
        seen.append(inner.remote_address)
        seen.append(repr(inner))
        await socket.recv()
        seen.append(inner.state)

    with serving(handler_of(kind, script), "/a") as server:
        client = connect(server.url + "a?b=c", headers={"X-One": "1"})
        address = client._connection.transport.get_extra_info("sockname")
        wait_until(lambda: len(seen) == 3)  # else the handler may begin after the close
        client.close()
        records.closed(server.log)
        wait_until(lambda: len(seen) == 4)
    assert seen[0] == (1, "open", "/a?b=c", "1")
    assert seen[1] == f"127.0.0.1:{address[1]}"
    assert seen[2].endswith("WebSocket 1 '/a?b=c' open>")
    assert seen[3] in ("closing", "closed")
    assert client.state == "closed"


def test_recv_has_a_timeout() -> None:
    with serving(drain) as server, connect(server.url) as client:
        with pytest.raises(WaitTimeout, match=r"no message came within 0\.01 s"):
            client.recv(timeout=0.01)
        with pytest.raises(TimeoutError):
            client.recv(0.01)


def test_recv_has_a_timeout_in_an_async_handler() -> None:
    async def script(socket: Steps) -> None:
        with pytest.raises(WaitTimeout, match=r"no message came within 0\.01 s"):
            await socket.recv(timeout=0.01)
        await socket.send_text("waited")

    with serving(handler_of("async def", script)) as server, connect(server.url) as client:
        assert client.recv(5) == Message("text", "waited")


def test_a_blocking_call_on_the_loops_thread_says_so() -> None:
    caught: list[str] = []

    async def handle_socket(socket: Any) -> None:
        await socket.recv()
        waits: list[Callable[[], Any]] = [server.connections[0].recv, client.recv]
        waits += [server.log.wait_for, client.log.wait_for]
        for call in waits:
            try:
                call()
            except WrongThread as exc:
                caught.append(str(exc))

    with serving(handle_socket) as server:
        client = connect(server.url)
        client.send_text("now")
        assert client.recv(5).type == "close"
        client.wait_closed(5)
    assert len(caught) == 4


def test_an_answer_goes_out_before_the_close_however_the_threads_take_turns() -> None:
    def handle_socket(socket: WebSocket) -> None:
        for message in socket:
            if message.type == "text":
                socket.send("text", message.value)

    with serving(handle_socket) as server, connect(server.url) as client:
        target = server.connections[0]
        connection = target._connection
        inbox = connection.inbox
        assert isinstance(inbox, ThreadInbox)

        def receive_both() -> None:
            # The loop stands still while the handler answers, and waits for more.
            connection.data_received(mask_all(frame(1, b"Hello")))
            wait_until(lambda: inbox._data_out == 1 and inbox._idle)
            connection.data_received(mask_all(frame(3, b"reserved opcode")))

        target._background.call(receive_both)
        assert client.recv(5) == Message("text", "Hello")
        close = client.recv(5).value
        assert isinstance(close, CloseFrame)
        assert close.code == 1002


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_over_the_limit_is_1009(kind: str) -> None:
    server = Server(port=0)
    server.max_message_size = 10
    server.websocket("/", handler_of(kind, echo))
    with server:
        with connect(server.url) as client:
            client.send_text("x" * 10)
            assert client.recv(5) == Message("text", "x" * 10)
            client.send_text("x" * 11)
            message = client.recv(5)
        refused = records.frame(server.log, type="text", direction="received", count=2)
    assert isinstance(message.value, CloseFrame)
    assert message.value.code == 1009
    assert refused.verdict.startswith("refused: ")


@pytest.mark.parametrize("kind", KINDS)
def test_two_threads_send_on_one_socket_and_frames_never_interleave(kind: str) -> None:
    count, size = 200, 2000
    with serving(handler_of(kind, echo)) as server, connect(server.url) as client:

        def send(letter: str) -> None:
            for _ in range(count):
                client.send_text(letter * size)

        threads = [threading.Thread(target=send, args=(letter,)) for letter in "ab"]
        for thread in threads:
            thread.start()
        received = [client.recv(20).value for _ in range(2 * count)]
        for thread in threads:
            thread.join()
    assert sorted(set(received)) == ["a" * size, "b" * size]  # type: ignore[type-var]
    assert received.count("a" * size) == count


def test_a_sender_waits_while_the_peer_does_not_read() -> None:
    part = b"x" * 65536
    sent: list[int] = []

    def handle_socket(socket: WebSocket) -> None:
        for number in range(2000):  # 125 MiB, far more than all buffers together
            socket.send_bytes(part)
            sent.append(number)

    with serving(handle_socket) as server:
        client = connect(server.url)
        client._background.call(client._connection.transport.pause_reading)
        wait_until(lambda: len(sent) > 10)
        # It stands still: what it can send is bounded by the buffers.
        (connection,) = server.connections
        wait_until(lambda: not connection._connection.sender.is_writable)
        assert len(sent) < 1000
        client.drop()
        assert records.closed(server.log).code == 1006


def test_a_handler_that_does_not_read_slows_its_client_down() -> None:
    go_on = threading.Event()
    got: list[int] = []

    def handle_socket(socket: WebSocket) -> None:
        go_on.wait(20)
        for message in socket:
            if isinstance(message.value, bytes):
                got.append(len(message.value))

    with serving(handle_socket) as server, connect(server.url) as client:
        part = b"x" * 65536

        def send() -> None:
            for _ in range(1000):
                client.send_bytes(part)

        sender = threading.Thread(target=send)
        sender.start()
        wait_until(lambda: not client._connection.sender.is_writable, 10)
        assert sender.is_alive()
        go_on.set()
        sender.join(20)
        assert not sender.is_alive()
        wait_until(lambda: len(got) == 1000, 20)


def test_pings_never_stop_the_reading() -> None:
    go_on = threading.Event()
    got: list[Message] = []

    def handle_socket(socket: WebSocket) -> None:
        go_on.wait(20)
        got.extend(socket)

    with serving(handle_socket) as server, connect(server.url) as client:
        for _ in range(1500):
            client.send_ping("p")
        client.send_text("last")
        records.frame(server.log, type="text", timeout=10)
        go_on.set()
        client.close()
        wait_until(lambda: bool(got) and got[-1].type == "close")
    assert [message.type for message in got].count("ping") == 1000
    assert got[-2] == Message("text", "last")


@pytest.mark.parametrize("kind", KINDS)
def test_compression_is_agreed_to_where_a_route_allows_it(kind: str) -> None:
    text = "Hello " * 1000
    with serving(handler_of(kind, echo), compression="deflate") as server:
        with connect(server.url, compression="deflate") as client:
            for _ in range(2):
                client.send_text(text)
                assert client.recv(5) == Message("text", text)
            assert server.broadcast("text", text) == 1
            assert client.recv(5) == Message("text", text)
        received = records.frame(server.log, type="text", direction="received")
        sent = records.frame(server.log, type="text", direction="sent")
    for record in (received, sent):
        assert record.frame.rsv1
        assert record.frame.payload_length < 100
        assert record.payload == text.encode()


def test_subprotocols_are_chosen_by_the_servers_preference() -> None:
    def handle_socket(socket: WebSocket) -> None:
        socket.send_text(str(socket.subprotocol))

    with serving(handle_socket, subprotocols=["b", "a"]) as server:
        for offered, chosen in [(["a", "b"], "b"), (["c", "a"], "a"), (["c"], None), ([], None)]:
            with connect(server.url, subprotocols=offered) as client:
                assert client.recv(5) == Message("text", str(chosen))
                assert client.subprotocol == chosen


@pytest.mark.parametrize("timeout", [math.nan, "1", True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_timeout_that_is_not_a_number_of_seconds(kind: Kind, timeout: Any) -> None:
    raised: list[str] = []

    async def script(socket: Steps) -> None:
        for wait in socket.recv, socket.wait_closed:
            try:
                await wait(timeout)
            except LocalError as exc:
                raised.append(str(exc))

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        for call in client.recv, client.wait_closed:
            with pytest.raises(LocalError, match=r"^timeout is a number of seconds"):
                call(timeout)
    assert raised == [f"timeout is a number of seconds, or None for no limit, not {timeout!r}"] * 2
