"""What both sockets share: what is told, and what is checked before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from astra_nb import AsyncWebSocket, CloseFrame, ConnectionClosed, WebSocket, connect
from astra_nb.errors import EndlessLoop, InvalidMessage, LocalError, NotOpen, WaitTimeout
from astra_nb.net.base_socket import FORGIVEN, PATIENCE, serialize_for_many
from astra_nb.wire.opcodes import BINARY, PING, PONG, TEXT
from tests import records
from tests.conformance.octets import frame
from tests.servers import serving

from .memory import Memory, in_memory

CLOSE_SENT = (
    "the {} was not sent, because this end has already sent a CLOSE frame; no data frame may "
    "follow that (RFC 6455, section 5.5.1), only answers to PING frames; send before closing, or "
    "open a new connection"
)
UNDER_WAY = (
    "a fragmented message is under way, so the {} was not sent: only control frames may come "
    "between fragments (RFC 6455, section 5.4); finish it with send_fragment(..., fin=True)"
)


def wait_for_close(socket: WebSocket) -> None:
    for _ in socket:
        pass


def sends(own: AsyncWebSocket) -> dict[str, Callable[[], Any]]:
    """Every way to send, by what its errors call it."""
    return {
        "text": lambda: own.send_text("a"),
        "bytes": lambda: own.send_bytes(b"a"),
        "ping": own.send_ping,
        "pong": own.send_pong,
        "close": own.send_close,
        "fragment": lambda: own.send_fragment("a", type="text", fin=True),
        "message": lambda: own.send_fragments("text", ["a"]),
    }


# --- what is told ------------------------------------------------------------------------------


@in_memory
async def test_what_a_socket_tells() -> None:
    end = Memory()
    own = end.socket()
    assert (own.id, own.remote_address, own.state) == (1, "127.0.0.1:9", "open")
    assert own.local_address == "unknown"  # this transport has none
    assert (own.subprotocol, own.latency, own.close_code) == (None, None, None)
    assert own.path_parameters == {}
    assert own.log is end.log
    assert repr(own) == "<AsyncWebSocket 1 '/' open>"


@in_memory
async def test_the_secrets_of_the_request_are_hidden() -> None:
    end = Memory()
    request = Request("/a?token=secret&b=c", Headers({"Cookie": "secret=1", "X-One": "1"}))
    end.connection._request = (  # type: ignore[attr-defined]
        "GET\n/a?token=secret&b=c\nHTTP/1.1\nCookie: secret=1\nX-One: 1"
    )
    own = end.socket()
    assert own.request.path == "/a?token=<hidden>&b=c"
    assert list(own.request.headers.raw_items()) == [("Cookie", "<hidden>"), ("X-One", "1")]
    assert (own.request.method, own.request.protocol) == (request.method, request.protocol)
    assert own.request is own.request
    assert own.request_with_secrets == request
    assert own.request_with_secrets is own.request_with_secrets


@in_memory
async def test_the_state_of_the_connection() -> None:
    end = Memory()
    own = end.socket()
    states = [own.state]
    end.receive(frame(TEXT, b"") + frame(8, b"\x03\xe8"))
    states.append(own.state)  # a handler may still answer
    end.connection.answer_close()
    states.append(own.state)
    assert own.close_code == 1000
    end.end()
    states.append(own.state)
    assert states == ["open", "open", "closing", "closed"]


@in_memory
async def test_the_state_before_the_opening_handshake_is_done() -> None:
    end = Memory(opened=False)
    own = end.socket()
    assert own.state == "connecting"
    with pytest.raises(NotOpen) as caught:
        await own.send_text("a")
    assert str(caught.value) == "the connection is connecting, so the text was not sent"


@in_memory
async def test_a_connection_that_was_asked_to_close_is_closing() -> None:
    end = Memory()
    own = end.socket()
    end.connection.close_asked = True
    assert own.state == "closing"


@in_memory
async def test_the_latency_and_the_automatic_pong() -> None:
    end = Memory()
    own = end.socket()
    await own.send_ping(b"p")
    end.receive(frame(PONG, b"p"))
    assert isinstance(own.latency, float)
    assert own.automatic_pong is True
    own.automatic_pong = 0  # type: ignore[assignment]
    assert own.automatic_pong is False
    end.receive(frame(PING, b"i"))
    assert end.payloads == [b"p"]


@pytest.mark.parametrize("with_secrets", [False, True])
def test_both_ends_tell_the_answer(with_secrets: bool) -> None:
    def check(socket: WebSocket) -> None:
        answers.append(socket)
        wait_for_close(socket)

    answers: list[WebSocket] = []
    with serving(check) as server, connect(server.url) as client:
        client.close()
        records.closed(server.log)
        for socket in (client, *answers):
            found = socket.response_with_secrets if with_secrets else socket.response
            assert found is not None
            assert (found.status_code, found.headers["Upgrade"]) == (101, "websocket")
    assert len(answers) == 1


@in_memory
async def test_an_answer_that_is_not_known() -> None:
    own = Memory("client", opened=False).socket()
    assert (own.response, own.response_with_secrets) == (None, None)


def test_the_subprotocol() -> None:
    with serving(wait_for_close, subprotocols=["b"]) as server:
        with connect(server.url, subprotocols=["a", "b"]) as client:
            assert client.subprotocol == "b"
            assert server.connections[0].subprotocol == "b"


# --- when it has closed ------------------------------------------------------------------------


@in_memory
async def test_each_send_after_this_ends_close_names_what_was_not_sent() -> None:
    own = Memory().socket()
    await own.send_close(1000)
    for what, send in sends(own).items():
        with pytest.raises(NotOpen) as caught:
            await send()
        assert str(caught.value) == CLOSE_SENT.format(what)


@in_memory
async def test_a_close_frame_that_waits_for_its_turn_counts_as_sent() -> None:
    end = Memory()
    own, sender = end.socket(), end.connection.sender
    end.connection.pause_writing()
    sender.submit(sender.send_if_open, TEXT, b"waits")
    await own.send_close(1000)
    assert (end.written, own.state) == (b"", "closing")
    with pytest.raises(NotOpen) as caught:
        await own.send_ping()
    assert str(caught.value) == CLOSE_SENT.format("ping")
    end.connection.resume_writing()
    assert end.payloads == [b"waits", b"\x03\xe8"]


@in_memory
async def test_each_send_after_the_peers_close_raises_an_error_of_its_own() -> None:
    end = Memory()
    own = end.socket()
    end.receive(frame(8, b"\x0f\xa0bye"))
    end.connection.answer_close()
    errors = []
    for send in sends(own).values():
        with pytest.raises(ConnectionClosed) as caught:
            await send()
        errors.append(caught.value)
    settled = end.connection.state.settle()
    assert len({id(error) for error in [settled, *errors]}) == len(errors) + 1
    for error in errors:
        assert str(error) == str(settled)
        assert (error.sent, error.received, error.first) == (
            CloseFrame(4000, "bye"),
            CloseFrame(4000, "bye"),
            "client",
        )
    assert own.close_code == 4000


@in_memory
async def test_sends_after_a_drop() -> None:
    end = Memory()
    own = end.socket()
    await own.drop()
    with pytest.raises(NotOpen) as caught:
        await own.send_text("a")
    assert str(caught.value) == "the connection is closing, so the text was not sent"
    end.end()
    with pytest.raises(ConnectionClosed):
        await own.send_text("a")


@in_memory
async def test_a_loop_that_catches_everything_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("astra_nb.net.base_socket.time.monotonic", lambda: now)
    end = Memory()
    own = end.socket()
    end.end()

    texts: set[str] = set()

    async def send() -> type[BaseException]:
        with pytest.raises((ConnectionClosed, EndlessLoop)) as caught:
            await own.send_text("a")
        if caught.type is EndlessLoop:
            texts.add(str(caught.value))
        return caught.type

    for _ in range(2):
        assert [await send() for _ in range(PATIENCE)] == [
            *[ConnectionClosed] * (PATIENCE - 1),
            EndlessLoop,
        ]
    assert texts == {
        "1,000 calls in a row on a connection that has ended: this loop catches every exception "
        "and would never end; let ConnectionClosed end it"
    }
    # A call that comes a while later is not in a row with those before it.
    for _ in range(PATIENCE - 1):
        assert await send() is ConnectionClosed
    now += 0.001
    assert await send() is ConnectionClosed
    now += 0.0005
    assert await send() is ConnectionClosed
    # A pause that a busy machine makes now and then does not hide the loop.
    for _ in range(FORGIVEN - 2):
        assert await send() is ConnectionClosed
    assert await send() is EndlessLoop


# --- messages ----------------------------------------------------------------------------------


@in_memory
async def test_each_type_of_message() -> None:
    end = Memory()
    own = end.socket()
    await own.send("text", "é")
    await own.send("bytes", [1, 2])
    await own.send("ping", "i")
    await own.send("ping")
    await own.send("pong", b"o")
    await own.send("pong", None)
    await asyncio.sleep(0)
    assert end.written == (
        frame(TEXT, "é".encode())
        + frame(BINARY, b"\1\2")
        + frame(PING, b"i")
        + frame(PING)
        + frame(PONG, b"o")
        + frame(PONG)
    )


@pytest.mark.parametrize("type", ["text", "bytes"])
@in_memory
async def test_a_data_message_has_a_value(type: str) -> None:
    with pytest.raises(InvalidMessage, match="None"):
        await Memory().socket().send(type, None)


@in_memory
async def test_a_type_that_does_not_exist() -> None:
    with pytest.raises(InvalidMessage, match="str 'txt' is no"):
        await Memory().socket().send("txt", "a")


@in_memory
async def test_only_control_frames_come_between_fragments() -> None:
    end = Memory()
    own = end.socket()
    await own.send_fragment("Hel", type="text", fin=False)
    for what in ("text", "bytes", "message"):
        with pytest.raises(NotOpen) as caught:
            await sends(own)[what]()
        assert str(caught.value) == UNDER_WAY.format(what)
    for type in "text", "bytes":
        with pytest.raises(NotOpen, match=f"so the {type} was not sent"):
            await own.send(type, "a")
    await own.send_ping(b"i")
    await own.send_pong(b"o")
    await own.send_fragment(b"l", fin=False)
    await own.send_fragment("o", fin=True)
    await own.send_fragment([1], type="bytes", fin=True)
    await own.send_text("next")
    await asyncio.sleep(0)
    assert end.written == (
        frame(TEXT, b"Hel", fin=False)
        + frame(PING, b"i")
        + frame(PONG, b"o")
        + frame(0, b"l", fin=False)
        + frame(0, b"o")
        + frame(BINARY, b"\1")
        + frame(TEXT, b"next")
    )


@in_memory
async def test_the_type_belongs_to_the_first_fragment() -> None:
    end = Memory()
    own = end.socket()
    for wrong in (None, "ping", "txt"):
        with pytest.raises(InvalidMessage) as caught:
            await own.send_fragment("a", type=wrong, fin=False)
        assert str(caught.value) == (
            f'the first fragment says what the message is: "text" or "bytes", not {wrong!r}: '
            f'send_fragment(value, type="text"). Control frames are never fragmented (RFC 6455, '
            f"section 5.4)"
        )
    with pytest.raises(InvalidMessage):
        await own.send_fragment(300, type="bytes", fin=False)  # type: ignore[arg-type]
    await own.send_fragment("a", type="text", fin=False)  # the others have not begun a message
    with pytest.raises(InvalidMessage) as caught:
        await own.send_fragment("b", type="text", fin=True)
    assert str(caught.value) == (
        "a fragmented message is under way, so this fragment continues it and has no type of its "
        "own, not 'text': send_fragment(value, fin=...)"
    )
    await own.send_fragment("b", fin=True)
    await asyncio.sleep(0)
    assert end.written == frame(TEXT, b"a", fin=False) + frame(0, b"b")


@in_memory
async def test_a_message_in_fragments() -> None:
    end = Memory()
    own = end.socket()
    await own.send_fragments("text", ["Hel", b"lo", ""])
    await own.send_fragments("bytes", iter([[1]]))
    await asyncio.sleep(0)
    assert end.written == (
        frame(TEXT, b"Hel", fin=False)
        + frame(0, b"lo", fin=False)
        + frame(0, b"")
        + frame(BINARY, b"\1")
    )


@pytest.mark.parametrize(
    ("type", "parts", "message"),
    [
        (
            "ping",
            ["a"],
            'only a "text" or a "bytes" message can be fragmented, not \'ping\' '
            "(RFC 6455, section 5.4)",
        ),
        *[
            (
                "text",
                parts,
                f'the fragments are a list of parts, like ["Hel", "lo"], not one {name}',
            )
            for parts, name in [
                ("Hello", "str"),
                (b"Hello", "bytes"),
                (bytearray(b"Hello"), "bytearray"),
                (memoryview(b"Hello"), "memoryview"),
            ]
        ],
        ("bytes", [], "a message has at least one fragment, which may be empty"),
    ],
)
@in_memory
async def test_what_cannot_be_fragmented(type: str, parts: Any, message: str) -> None:
    end = Memory()
    with pytest.raises(InvalidMessage) as caught:
        await end.socket().send_fragments(type, parts)
    assert str(caught.value) == message
    assert end.written == b""


@in_memory
async def test_a_bad_part_keeps_the_whole_message_back() -> None:
    end = Memory()
    with pytest.raises(InvalidMessage):
        await end.socket().send_fragments("text", ["good", 300])  # type: ignore[list-item]
    await asyncio.sleep(0)
    assert end.written == b""


@in_memory
async def test_the_arguments_of_a_close_are_checked_first() -> None:
    end = Memory()
    own = end.socket()
    with pytest.raises(InvalidMessage):
        await own.send_close(1005)
    assert own.state == "open"
    await own.send_close({"code": 4000, "reason": "bye"})
    with pytest.raises(InvalidMessage):
        await own.send_close(1005)
    assert end.payloads == [b"\x0f\xa0bye"]


# --- waiting -----------------------------------------------------------------------------------


@in_memory
async def test_the_errors_of_waits() -> None:
    own = Memory().socket()
    with pytest.raises(WaitTimeout) as caught:
        await own.recv(0.001)
    assert str(caught.value) == (
        "no message came within 0.001 s; wait longer with recv(timeout=...), or look at what did "
        "come with print(socket.log)"
    )
    with pytest.raises(WaitTimeout) as caught:
        await own.wait_closed(0.001)
    assert not own._connection.lost.cancelled()
    assert str(caught.value) == (
        "the connection is still open after 0.001 s; send_close() starts the closing handshake"
    )


# --- broadcasts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        ("text", "é", (b"\x81\x02\xc3\xa9", TEXT, b"\xc3\xa9")),
        ("bytes", [1], (b"\x82\x01\x01", BINARY, b"\x01")),
        ("ping", None, (b"\x89\x00", PING, b"")),
        ("pong", None, (b"\x8a\x00", PONG, b"")),
        ("pong", "o", (b"\x8a\x01o", PONG, b"o")),
    ],
)
def test_a_frame_for_many(type: str, value: Any, expected: tuple[bytes, int, bytes]) -> None:
    assert serialize_for_many(type, value) == expected


def test_what_is_not_broadcast() -> None:
    with pytest.raises(InvalidMessage) as caught:
        serialize_for_many("close", 1000)
    assert str(caught.value) == (
        "a close is not broadcast: it belongs to one connection; for socket in "
        "server.connections: socket.send_close(1000)"
    )
    for type, value in (("text", None), ("bytes", None), ("txt", "a"), ("ping", "x" * 126)):
        with pytest.raises(InvalidMessage):
            serialize_for_many(type, value)


def test_a_broadcast_of_a_server() -> None:
    with serving(wait_for_close) as server, connect(server.url) as client:
        assert server.broadcast("text", "to all") == 1
        assert client.recv(20).value == "to all"
        assert records.frame(server.log, direction="sent").payload == b"to all"


def test_the_buffers_between_two_ends_that_belong_together() -> None:
    with serving(wait_for_close) as server:
        clients = [connect(server.url) for _ in range(2)]
        own = server.connections[0]
        assert str(own.buffers_picture()).startswith("Buffers of connection 1, to and from the cl")
        there, back = own.buffers_picture(clients[0]), clients[0].buffers_picture(own)
        assert str(there).startswith("Buffers of connection 1, from the server to the client\n")
        assert ", from the client to the server\n" in str(back)
        for wrong in (own, clients[1]):
            with pytest.raises(LocalError) as caught:
                own.buffers_picture(wrong)
            assert str(caught.value) == (
                f"peer is the socket at the other end of connection 1, which is at "
                f"{own.remote_address}, and not {wrong!r}; leave it out if that end is not in this "
                f"process"
            )
        for client in clients:
            client.close()


@in_memory
async def test_which_rules_a_socket_can_break() -> None:
    end = Memory()
    own = end.socket()
    assert own._fault("reserved opcode").name == "reserved opcode"
    assert own._fault("late CLOSE").stage == "conduct"
    with pytest.raises(LocalError, match="no fault has the name 'answer that is not HTTP'"):
        own._fault("answer that is not HTTP")
    end.end()
    with pytest.raises(ConnectionClosed):
        own._fault("reserved opcode")
