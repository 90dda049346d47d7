"""Each documented step of the tutorial, over real sockets, from both ends, with both handlers."""

from __future__ import annotations

from pprint import pprint
from typing import Any

import pytest

from astra_nb import CloseFrame, ConnectionClosed, Message, Server, WebSocket, connect, http
from tests import records
from tests.servers import KINDS, Steps, handler_of, serving

PING = bytes([0, 88, 14, 67, 45])
PONG = bytes([17, 38, 80, 0, 85])


def sent_by_server(server: Server, type: str) -> Any:
    """The one frame of this type that the server put on the wire."""
    return records.frame(server.log, type=type, direction="sent").frame


def received_by_server(server: Server, type: str) -> Any:
    return records.frame(server.log, type=type, direction="received").frame


def one_message(kind: str, *call: Any, **options: Any) -> tuple[Server, Message]:
    """Have a handler make one call; return the server and what the client received."""
    method, *arguments = call

    async def script(socket: Steps) -> None:
        await getattr(socket, method)(*arguments, **options)
        await socket.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        message = client.recv(5)
        server.log.wait_for(direction="sent", kind="frame")
    return server, message


def test_s1_a_server_is_made() -> None:
    server = http.server.new()
    assert isinstance(server, Server)
    assert (server.hostname, server.port) == ("127.0.0.1", 8080)
    assert server.url == "ws://127.0.0.1:8080/"
    server.hostname, server.port = "localhost", 9000
    assert server.url == "ws://localhost:9000/"
    assert not server.running


@pytest.mark.parametrize("kind", KINDS)
def test_s2_a_handler_prints_that_the_connection_opened(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(socket: Steps) -> None:
        print("Connection opened!")

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        client.wait_closed(5)
        request = records.handshake(server.log, direction="received")
        response = records.handshake(server.log, direction="sent")
        assert request.start_line == "GET / HTTP/1.1"
        assert response.status == 101
        output = records.output(server.log)
        assert (output.text, output.connection) == ("Connection opened!", 1)
    assert capsys.readouterr().out == "Connection opened!\n"


def test_s3_the_route_comes_first_and_then_the_function() -> None:
    server = http.server.new()

    def handle_socket(socket: WebSocket) -> None: ...

    assert server.websocket("/", handle_socket) is handle_socket

    @server.websocket("/decorated")
    def other(socket: WebSocket) -> None: ...

    assert repr(server) == "<Server ws://127.0.0.1:8080/ not running; paths: /, /decorated>"
    assert callable(other)


@pytest.mark.parametrize("kind", KINDS)
def test_s4_run_returns_once_the_server_listens(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_text("here")

    server = http.server.new(port=0)
    server.websocket("/", handler_of(kind, script))
    assert server.run() is None  # type: ignore[func-returns-value]
    try:
        assert server.running
        with connect(server.url) as client:
            assert client.recv(5) == Message("text", "here")
    finally:
        server.shutdown()
    assert not server.running


@pytest.mark.parametrize("kind", KINDS)
def test_s5_a_loop_pretty_prints_each_message(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(socket: Steps) -> None:
        while True:
            pprint(await socket.recv())

    with serving(handler_of(kind, script)) as server:
        with connect(server.url) as client:
            client.send_text("Hello")
            client.send_bytes([1, 2, 255])
            client.send_ping("are you there")
            client.send_pong()
            client.send_close(1000, "done")
            client.wait_closed(5)
        records.closed(server.log)
        server.log.wait_for(kind="output", text="CloseFrame")
    assert capsys.readouterr().out == (
        "Message(type='text', value='Hello')\n"
        "Message(type='bytes', value=b'\\x01\\x02\\xff')\n"
        "Message(type='ping', value=b'are you there')\n"
        "Message(type='pong', value=b'')\n"
        "Message(type='close', value=CloseFrame(code=1000, reason='done'))\n"
    )
    assert not list(server.log.filter(kind="error"))


@pytest.mark.parametrize("kind", KINDS)
def test_s6_a_greeting_arrives_masked(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.recv()

    with serving(handler_of(kind, script)) as server:
        # The documented snippet writes http://, as a page may.
        with connect(server.url.replace("ws://", "http://")) as client:
            client.send_text("Hello from the browser!")
            frame = received_by_server(server, "text")
    assert frame.masked
    assert frame.masking_key is not None
    assert frame.masked_payload != frame.payload == b"Hello from the browser!"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("type", "value", "received"),
    [
        ("text", "Hello", Message("text", "Hello")),
        ("bytes", "Hello", Message("bytes", b"Hello")),
        ("ping", "Hello", Message("ping", b"Hello")),
        ("pong", "Hello", Message("pong", b"Hello")),
        ("close", {"code": 1000, "reason": "Hi"}, Message("close", CloseFrame(1000, "Hi"))),
    ],
)
def test_s7_send_takes_the_type_first(kind: str, type: str, value: Any, received: Message) -> None:
    server, message = one_message(kind, "send", type, value)
    assert message == received
    assert sent_by_server(server, type).fin


@pytest.mark.parametrize("kind", KINDS)
def test_s8_send_text(kind: str) -> None:
    server, message = one_message(kind, "send_text", "Hello")
    assert message == Message("text", "Hello")
    assert sent_by_server(server, "text").raw == b"\x81\x05Hello"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value",
    ["Hello", b"Hello", bytearray(b"Hello"), memoryview(b"Hello")],
    ids=lambda value: type(value).__name__,
)
def test_s9_send_bytes(kind: str, value: Any) -> None:
    server, message = one_message(kind, "send_bytes", value)
    assert message == Message("bytes", b"Hello")
    assert sent_by_server(server, "bytes").raw == b"\x82\x05Hello"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("method", "type", "first"),
    [("send_bytes", "bytes", 0x82), ("send_ping", "ping", 0x89), ("send_pong", "pong", 0x8A)],
)
def test_s10_byte_tables(kind: str, method: str, type: str, first: int) -> None:
    server, message = one_message(kind, method, [0, 88, 14, 67, 45])
    assert message == Message(type, PING)  # type: ignore[arg-type]
    assert sent_by_server(server, type).raw == bytes([first, 5]) + PING


@pytest.mark.parametrize("kind", KINDS)
def test_s10_a_ping_is_answered_with_its_payload(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_ping([0, 88, 14, 67, 45])
        assert await socket.recv() == Message("pong", PING)
        await socket.send_text("answered")
        await socket.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        assert client.recv(5) == Message("ping", PING)
        assert client.recv(5) == Message("text", "answered")
        assert received_by_server(server, "pong").payload == PING


@pytest.mark.parametrize("kind", KINDS)
def test_s11_send_pong(kind: str) -> None:
    server, message = one_message(kind, "send_pong", [17, 38, 80, 0, 85])
    assert message == Message("pong", PONG)
    assert sent_by_server(server, "pong").raw == b"\x8a\x05" + PONG


CLOSES: list[tuple[tuple[Any, ...], dict[str, Any], bytes]] = [
    (({"code": 1000, "reason": "Done"},), {}, b"\x88\x06\x03\xe8Done"),  # S12
    ((1000, "Done"), {}, b"\x88\x06\x03\xe8Done"),
    ((), {"code": 1000, "reason": "Done"}, b"\x88\x06\x03\xe8Done"),
    ((1000,), {}, b"\x88\x02\x03\xe8"),  # S13
    (({"code": 1000},), {}, b"\x88\x02\x03\xe8"),
    ((), {}, b"\x88\x00"),  # S14
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("arguments", "options", "wire"), CLOSES)
def test_s12_s13_s14_send_close(
    kind: str, arguments: tuple[Any, ...], options: dict[str, Any], wire: bytes
) -> None:
    server, message = one_message(kind, "send_close", *arguments, **options)
    assert message.type == "close"
    if wire == b"\x88\x00":
        assert message.value is None
    else:
        assert message.value == CloseFrame(1000, wire[4:].decode())
    assert sent_by_server(server, "close").raw == wire
    closed = records.closed(server.log)
    assert closed.first == "server"
    assert closed.tcp == "closed"


def test_s14_the_peer_of_an_empty_close_reports_1005() -> None:
    def handle_socket(socket: WebSocket) -> None:
        socket.send_close()
        socket.recv()

    with serving(handle_socket) as server, connect(server.url) as client:
        assert client.recv(5) == Message("close", None)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(5)
    assert caught.value.code == 1005


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("arguments", "wire"),
    [
        (({"code": 1000, "reason": "Done"},), b"\x88\x06\x03\xe8Done"),
        ((1000,), b"\x88\x02\x03\xe8"),
        ((1000, "Done"), b"\x88\x06\x03\xe8Done"),
        ((), b"\x88\x00"),
    ],
)
def test_s15_send_a_close_by_its_type(kind: str, arguments: tuple[Any, ...], wire: bytes) -> None:
    server, _ = one_message(kind, "send", "close", *arguments)
    assert sent_by_server(server, "close").raw == wire


@pytest.mark.parametrize("kind", KINDS)
def test_the_close_is_delivered_once_and_then_recv_raises(kind: str) -> None:
    seen: list[Any] = []

    async def script(socket: Steps) -> None:
        seen.append(await socket.recv())
        for _ in range(2):
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            seen.append((caught.value.code, caught.value.reason, caught.value.first))

    with serving(handler_of(kind, script)) as server:
        with connect(server.url) as client:
            client.send_close(4000, "bye")
        records.closed(server.log)
    assert seen == [Message("close", CloseFrame(4000, "bye"))] + [(4000, "bye", "client")] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_returns_closes_with_1000(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        client.send_text("go")
        assert client.recv(5) == Message("close", CloseFrame(1000))


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_raises_closes_with_1011_and_its_traceback_is_shown(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(socket: Steps) -> None:
        raise ValueError("secret of the handler")

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        assert client.recv(5) == Message("close", CloseFrame(1011))
        error = records.handler_error(server.log)
        records.closed(server.log)
    assert error.summary == "ValueError: secret of the handler"
    assert "in script" in error.traceback
    assert "The handler of connection 1 raised:" in capsys.readouterr().err


def test_messages_work_with_match() -> None:
    def describe(message: Message) -> str:
        match message:
            case Message("text", text):
                return f"text {text!r}"
            case Message("close", CloseFrame(code, reason)):
                return f"close {code} {reason}"
            case Message(type="close", value=None):
                return "empty close"
        return "other"

    assert describe(Message("text", "a")) == "text 'a'"
    assert describe(Message("close", CloseFrame(1000, "b"))) == "close 1000 b"
    assert describe(Message("close", None)) == "empty close"
