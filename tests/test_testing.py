"""Expectations about frames: what they find, and their messages when they do not."""

from __future__ import annotations

import asyncio
import inspect
import math
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, FrameLog, Server, WebSocket, connect, connect_async
from astra_nb.errors import InvalidMessage, WrongThread
from astra_nb.exercises import echo
from astra_nb.testing import (
    expect_close,
    expect_close_async,
    expect_frame,
    expect_frame_async,
    expect_handshake,
    expect_handshake_async,
    expect_no_frame,
    expect_no_frame_async,
    expect_right,
    scenario,
)
from astra_nb.wire.frames import encode
from astra_nb.wire.opcodes import BINARY, TEXT
from tests.helpers import wait_until


def echo_back(socket: WebSocket) -> None:
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)
        elif message.type == "ping":
            socket.send_close(1008, "no pings")


async def echo_back_async(socket: AsyncWebSocket) -> None:
    async for message in socket:
        if message.type in ("text", "bytes"):
            await socket.send(message.type, message.value)


@pytest.mark.parametrize("handler", [echo_back, echo_back_async])
def test_a_frame_that_comes_is_returned(handler: Any) -> None:
    with scenario(handler) as client:
        client.send_text("Hello")
        frame = expect_frame(client, "text", "Hello", sender="server")
        assert frame.frame.masked is False
        client.send_bytes([1, 2])
        second = expect_frame(client, "bytes", b"\x01\x02", sender="server", after=frame.number)
        assert second.number > frame.number
        assert expect_frame(client, sender="server", count=2).number == second.number
        expect_no_frame(client, "ping")


def test_a_frame_that_does_not_come_is_named_with_those_that_did() -> None:
    with scenario(echo_back) as client:
        client.send_text("Hello")
        expect_frame(client, "text", "Hello", sender="server")
        with pytest.raises(AssertionError) as caught:
            expect_frame(client, "text", "Hullo", sender="server", timeout=0.01)
    assert str(caught.value) == (
        'text "Hullo" from the server was expected and did not come within 0.01 s\n'
        "the last frames:\n"
        '  client text "Hello"\n'
        '  server text "Hello"'
    )


def test_a_close_by_code_and_reason() -> None:
    with scenario(echo_back) as client:
        client.send_ping()
        expect_close(client, 1008, "no pings", sender="server")
        expect_close(client, 1008)
        with pytest.raises(AssertionError) as caught:
            expect_close(client, 1000, "bye", sender="server", timeout=0.01)
    assert str(caught.value).startswith(
        'close 1000 with the reason "bye" from the server was expected and did not come'
    )


def test_an_empty_close_counts_as_1005() -> None:
    def handle_socket(socket: WebSocket) -> None:
        socket.send_close()
        socket.recv()

    with scenario(handle_socket) as client:
        expect_close(client, 1005, sender="server")


def test_a_frame_that_should_not_come_is_shown() -> None:
    with scenario(echo_back) as client:
        client.send_text("Hello")
        expect_frame(client, sender="server")
        with pytest.raises(AssertionError, match="no text from the server was expected"):
            expect_no_frame(client, "text", sender="server")


def test_handshakes() -> None:
    with Server(port=0) as server:
        server.websocket("/here", echo_back, subprotocols=["chat"])
        with connect(server.url + "here", subprotocols=["chat"]):
            answer = expect_handshake(
                server, path="/here", headers={"sec-websocket-protocol": "chat"}
            )
            assert answer.status == 101
            with pytest.raises(AssertionError, match="the header Upgrade is 'websocket', and 'x'"):
                expect_handshake(server, headers={"Upgrade": "x"})
            with pytest.raises(AssertionError, match="101 Switching Protocols, and 404 was"):
                expect_handshake(server, status=404)
            with pytest.raises(AssertionError, match="the path of the request is /here, not /x"):
                expect_handshake(server, path="/x")
    with pytest.raises(AssertionError, match="no answer to an opening handshake came"):
        expect_handshake(FrameLog(), timeout=0.01)


def test_what_has_no_log_is_refused() -> None:
    with pytest.raises(TypeError, match="looks at a log, a server or a socket, not at 3"):
        expect_frame(3)


def test_a_filtered_view_is_looked_at_as_it_is() -> None:
    with scenario(echo_back) as client:
        client.send_text("Hello")
        expect_frame(client, sender="server")
        expect_frame(client.log.frames, "text", sender="server")
        with pytest.raises(AssertionError):
            expect_frame(client.log.frames, "ping", timeout=0.01)


@pytest.mark.parametrize("kind", ["waits", "spins", "spins, async"])
def test_a_handler_that_blocks_for_ever_does_not_block_the_end_of_a_scenario(kind: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def waits(socket: WebSocket) -> None:
        begun.set()
        go_on.wait()

    def spins(socket: WebSocket) -> None:
        begun.set()
        while not go_on.is_set():
            pass

    async def spins_async(socket: AsyncWebSocket) -> None:
        begun.set()
        while not go_on.is_set():
            pass

    handlers: dict[str, Any] = {"waits": waits, "spins": spins, "spins, async": spins_async}
    try:
        with scenario(handlers[kind]) as client:
            assert begun.wait(10)
            client.send_text("Hello")
            expect_no_frame(client, sender="server")
        assert client.state == "closed"
        with scenario(echo_back) as client:
            client.send_text("Hello")
            expect_frame(client, "text", "Hello", sender="server")
    finally:
        go_on.set()
    wait_until(lambda: not _threads_of_a_scenario(), what="the end of the scenario's threads")


def _threads_of_a_scenario() -> list[str]:
    return [each.name for each in threading.enumerate() if "astra_nb" in each.name]


def test_a_handler_that_raises_closes_with_1011() -> None:
    async def raises(socket: AsyncWebSocket) -> None:
        raise RuntimeError("over at once")

    with scenario(raises) as client:
        expect_close(client, 1011, sender="server")


def test_an_exercise_is_right_or_an_assertion_fails(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expect_right(echo, echo_back_async)
    with pytest.raises(AssertionError, match=r"^Echo: not yet"):
        expect_right(echo, lambda socket: socket.recv())


def test_in_a_notebook_the_result_of_the_check_is_shown(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("IPython.core.getipython.get_ipython", object)
    monkeypatch.setattr("IPython.display.display", shown.append)
    expect_right(echo, echo_back_async)
    assert [str(answer) for answer in shown] == [str(echo.check(echo_back_async))]


def test_a_connection_that_is_refused_fails_the_scenario() -> None:
    with pytest.raises(AssertionError) as caught:
        with scenario(echo_back, origin="http://elsewhere.example"):
            pytest.fail("the connection was opened")
    assert str(caught.value).startswith("no connection to the handler could be opened: ")
    assert "403" in str(caught.value)


def test_a_server_that_does_not_start_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(*arguments: object) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr("astra_nb.runner.bind", bind)
    with pytest.raises(OSError, match=r"^no port is free$"):
        with scenario(echo_back):
            pytest.fail("the server was started")


def test_a_log_without_frames_says_so() -> None:
    with pytest.raises(AssertionError) as caught:
        expect_frame(FrameLog(), "text", count=2, timeout=0)
    assert str(caught.value) == (
        "2 times text was expected and did not come within 0 s\nno frame is on the log"
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "frame"),
        ({"type": "ping"}, "ping"),
        ({"value": "Hello"}, 'frame 48 65 6c 6c 6f "Hello"'),
        ({"type": "text", "value": "Hello", "sender": "client"}, 'text "Hello" from the client'),
        ({"count": 3}, "3 times frame"),
    ],
)
def test_how_an_expected_frame_is_named(wanted: dict[str, Any], expected: str) -> None:
    with pytest.raises(AssertionError, match=f"^{expected} was expected and did not come within"):
        expect_frame(FrameLog(), **wanted, timeout=0)


def test_an_expected_close_is_named_with_what_was_given() -> None:
    with pytest.raises(AssertionError, match=r"^close was expected"):
        expect_close(FrameLog(), timeout=0)
    with pytest.raises(AssertionError, match=r'^close with the reason "bye" was expected'):
        expect_close(FrameLog(), reason="bye", timeout=0)


def test_frames_of_another_connection_do_not_count() -> None:
    with scenario(echo_back) as client:
        client.send_text("Hello")
        frame = expect_frame(client, "text", "Hello", sender="server")
        assert expect_frame(client, connection=frame.connection).sender == "client"
        expect_no_frame(client, connection=frame.connection + 1, seconds=0)
        with pytest.raises(AssertionError):
            expect_close(client, connection=frame.connection, timeout=0)


# On the client's own loop


async def speak_on_its_own_loop(client: AsyncWebSocket) -> None:
    """What must be refused, and what must be found, on the loop of this client."""
    blocking: list[Callable[[], object]] = [
        lambda: expect_frame(client, "text", "Hello"),
        lambda: expect_frame(client.log, timeout=None),
        lambda: expect_close(client),
        lambda: expect_no_frame(client, seconds=math.inf),
        lambda: expect_handshake(client),
        lambda: client.log.wait_for(type="text", timeout=None),
    ]
    for expect in blocking:
        with pytest.raises(WrongThread, match=r"await expect_frame_async\(\.\.\.\)"):
            expect()
    await expect_handshake_async(client, path="/")
    await client.send_text("Hello")
    frame = await expect_frame_async(client, "text", "Hello", sender="server")
    assert frame.sender == "server"
    await expect_no_frame_async(client, "close", seconds=0.001)
    with pytest.raises(AssertionError, match='the last frames:\n  client text "Hello"'):
        await expect_frame_async(client, "bytes", timeout=0.001)
    with pytest.raises(AssertionError, match="no text from the server was expected"):
        await expect_no_frame_async(client, "text", sender="server")
    assert await expect_frame_async(client.log.frames, "text") is not None
    with pytest.raises(AssertionError, match=r"^ping was expected"):
        await expect_frame_async(client.log.frames, "ping")
    await client.send_ping()
    await expect_close_async(client, 1008, "no pings", sender="server")


def test_on_the_loop_of_a_client_expectations_are_awaited_and_blocking_ones_refused() -> None:
    async def connected(url: str) -> None:
        async with connect_async(url) as client:
            await speak_on_its_own_loop(client)
            # Another thread may block, as the loop goes on meanwhile.
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, expect_close, client, 1008)
            await loop.shutdown_default_executor()

    with Server(port=0) as server:
        server.websocket("/", echo_back)
        asyncio.run(connected(server.url))


def test_a_log_that_many_clients_share_knows_each_loop() -> None:
    log = FrameLog()

    async def connected(url: str) -> None:
        async with connect_async(url, log=log) as one, connect_async(url, log=log):
            with pytest.raises(WrongThread):
                expect_frame(log, "text")
            await one.send_text("Hello")
            await expect_frame_async(log, "text", "Hello", sender="server")

    with Server(port=0) as server:
        server.websocket("/", echo_back)
        asyncio.run(connected(server.url))
        with connect(server.url, log=log) as client:
            client.send_text("again")
            expect_frame(log, "text", "again", sender="server")


def test_awaited_expectations_have_the_names_and_arguments_of_the_blocking_ones() -> None:
    for blocking, awaited in (
        (expect_frame, expect_frame_async),
        (expect_close, expect_close_async),
        (expect_no_frame, expect_no_frame_async),
        (expect_handshake, expect_handshake_async),
    ):
        assert awaited.__name__ == f"{blocking.__name__}_async"
        assert inspect.signature(awaited) == inspect.signature(blocking)
        assert f"`{blocking.__name__}`" in str(awaited.__doc__)
        assert "Generator" not in str(inspect.signature(blocking))
        assert inspect.iscoroutinefunction(awaited)


# What is expected


def log_of(*payloads: bytes) -> FrameLog:
    log = FrameLog()
    for payload in payloads:
        log.append_frames(1, "server", "sent", encode(TEXT, payload), 1)
    log.append_frames(1, "server", "sent", encode(BINARY, b"\x00X\x0eC-"), 1)
    return log


@pytest.mark.parametrize(
    "wanted",
    [
        {"value": "Hi, Zo\xeb"},
        {"value": "Hi, Zo\xeb".encode()},
        {"value": bytearray(b"\x00X\x0eC-")},
        {"value": memoryview(b"\x00X\x0eC-")},
        {"value": [0, 88, 14, 67, 45]},
        {"value": (0, 88, 14, 67, 45), "type": "bytes"},
        {"value": range(88, 88), "type": "text", "count": 1},
        {"value": re.compile("^Hi, (.+)$")},
        {"value": re.compile(rb"X.C"), "type": "bytes"},
        {"value": re.compile("\x0e"), "type": "bytes"},
        {"value": lambda text: isinstance(text, str) and text.endswith("\xeb"), "type": "text"},
        {"value": lambda data: isinstance(data, bytes) and data[1:2] == b"X", "type": "bytes"},
        {"json": {"b": [1, 2.0, None], "a": {"x": "\u00eb"}}},
        {"json": {"a": {"x": "\u00eb"}, "b": (1.0, 2, None)}, "type": "text"},
        {"json": None},
        {"json": True},
        {"json": 3},
        {"json": 12345678901234567890},
    ],
    ids=str,
)
def test_an_expected_value_in_each_form(wanted: dict[str, Any]) -> None:
    log = log_of(
        "Hi, Zo\xeb".encode(),
        b"",
        b'{"a": {"x": "\\u00eb"}, "b": [1, 2, null]}',
        b"null",
        b"true",
        b" 3.0 ",
        b"12345678901234567890",
    )
    assert expect_frame(log, **wanted, timeout=0).kind == "frame"


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"value": [1, 2]}, "frame 01 02"),
        ({"value": re.compile("^bye")}, r"frame like '\^bye'"),
        ({"value": re.compile(b"bye")}, "frame like b'bye'"),
        ({"value": lambda payload: False}, "frame that <lambda> accepts"),
        ({"value": str.isspace, "type": "text"}, "text that isspace accepts"),
        ({"json": {"a": True}}, 'frame JSON {"a": true}'),
        ({"json": 1}, "frame JSON 1"),
        ({"json": "1"}, 'frame JSON "1"'),
        ({"json": False}, "frame JSON false"),
        ({"json": 12345678901234567890}, "frame JSON 12345678901234567890"),
        ({"json": []}, r"frame JSON \[\]"),
    ],
)
def test_a_value_that_does_not_come_is_named(wanted: dict[str, Any], named: str) -> None:
    deep = b"[" * 100_000
    log = log_of(b'{"a": 1}', b"true", b"0", b"12345678901234567891", deep, b"\xff", b"1" * 5000)
    with pytest.raises(AssertionError, match=f"^{named} was expected and did not come within 0 s"):
        expect_frame(log, **wanted, timeout=0)
    if "value" in wanted:
        with pytest.raises(AssertionError, match=f"^{named} was expected and did not come\n"):
            expect_frame(log.frames, **wanted, timeout=None)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"type": "binary"}, ValueError, "'binary' is not the type of a frame; there are 'text', "),
        ({"type": "Text"}, ValueError, "'Text' is not the type of a frame"),
        ({"type": "closed"}, ValueError, "'closed' is not the type of a frame"),
        ({"type": ["text"]}, ValueError, r"\['text'\] is not the type of a frame"),
        ({"type": b"text"}, ValueError, "b'text' is not the type of a frame"),
        ({"sender": "sever"}, ValueError, 'sender is "server", "client" or None for either, not '),
        ({"sender": "sent"}, ValueError, 'sender is "server", "client" or None for either, not '),
        ({"connection": "1"}, TypeError, "connection is the number of a connection, such as"),
        ({"connection": True}, TypeError, "connection is the number of a connection, such as"),
        ({"connection": -1}, ValueError, "connections are numbered from 1, and 0 is the server"),
        ({"after": "3"}, TypeError, "after is a whole number, not '3'; record.number is that of"),
        ({"after": True}, TypeError, "after is a whole number, not True"),
    ],
)
def test_an_expectation_that_could_never_fail_or_never_hold_is_refused(
    wanted: Any, error: type[Exception], message: str
) -> None:
    log = log_of(b"Hello")
    for source in (log, log.frames):
        with pytest.raises(error, match=f"^{message}"):
            expect_no_frame(source, **wanted, seconds=0)
        with pytest.raises(error, match=f"^{message}"):
            expect_frame(source, **wanted, timeout=0)
        with pytest.raises(error, match=f"^{message}"):
            asyncio.run(expect_frame_async(source, **wanted, timeout=0))


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"count": 0}, ValueError, "count is 0; the first matching record has the count 1"),
        ({"count": "2"}, TypeError, "count is a whole number, not '2'"),
        ({"timeout": "2"}, TypeError, "timeout is a number of seconds, or None for no limit, not "),
        ({"timeout": math.nan}, ValueError, "timeout is nan"),
        ({"value": {"a": 1}}, TypeError, r"a dict is expected as JSON: write json=\{'a': 1\}"),
        ({"value": 5}, InvalidMessage, "bytes are given as bytes, as a str, or as integers"),
        ({"value": [256]}, InvalidMessage, "item 0 of the byte table is 256"),
        ({"value": {1, 2}}, InvalidMessage, "a set keeps no order"),
        ({"value": "\ud800"}, InvalidMessage, "the text"),
        ({"value": "x", "json": 1}, TypeError, "the payload is given once: as a value, or with"),
        ({"json": {1, 2}}, TypeError, r"json=\{1, 2\} is not a value of JSON: "),
        ({"json": b"x"}, TypeError, "json=b'x' is not a value of JSON: "),
    ],
)
def test_an_expected_frame_that_is_none_is_refused(
    wanted: Any, error: type[Exception], message: str
) -> None:
    log = log_of(b"Hello")
    for source in (log, log.frames):
        with pytest.raises(error, match=f"^{message}"):
            expect_frame(source, **wanted)


@pytest.mark.parametrize(
    ("expect", "wanted", "error", "message"),
    [
        (expect_close, {"code": "1000"}, TypeError, "a close code is a whole number, not '1000'"),
        (expect_close, {"code": True}, TypeError, "a close code is a whole number, not True"),
        (expect_close, {"code": 65536}, ValueError, "a close code is a number from 0 to 65,535"),
        (expect_close, {"reason": b"bye"}, TypeError, "a close reason is a str, not b'bye'"),
        (expect_close, {"sender": "me"}, ValueError, 'sender is "server", "client"'),
        (expect_close, {"connection": "1"}, TypeError, "connection is the number"),
        (expect_close, {"timeout": "1"}, TypeError, "timeout is a number of seconds"),
        (expect_no_frame, {"seconds": None}, TypeError, "seconds is a number: an"),
        (expect_no_frame, {"seconds": "1"}, TypeError, "timeout is a number of seconds"),
        (expect_handshake, {"status": "101"}, TypeError, "status is a whole number, not '101'"),
        (expect_handshake, {"status": 1000}, ValueError, "status is a number from 0 to 999"),
        (expect_handshake, {"path": b"/"}, TypeError, "path is a str, not b'/'"),
        (expect_handshake, {"headers": [("a", "b")]}, TypeError, "headers is a dict of"),
        (expect_handshake, {"headers": {1: "b"}}, TypeError, "the name of a header is a str"),
        (expect_handshake, {"headers": {"a": 1}}, TypeError, "the header a is a str, not 1"),
        (expect_handshake, {"connection": "1"}, TypeError, "connection is the number"),
    ],
)
def test_the_arguments_of_the_other_expectations_are_checked(
    expect: Any, wanted: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        expect(log_of(b"Hello"), **wanted)


def test_the_path_is_that_of_the_connection_whose_handshake_it_was() -> None:
    with Server(port=0) as server:
        server.websocket("/a", echo_back)
        server.websocket("/b", echo_back)
        with connect(server.url + "a"), connect(server.url + "b"):
            first, second = (socket.id for socket in server.connections)
            expect_handshake(server, path="/a", connection=first)
            expect_handshake(server, path="/b", connection=second)
            with pytest.raises(AssertionError, match="the path of the request is /b, not /a"):
                expect_handshake(server, path="/a", connection=second)
