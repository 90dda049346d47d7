"""Expectations about frames: what they find, and their messages when they do not."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, FrameLog, Server, WebSocket, connect
from astra_nb.exercises import echo
from astra_nb.testing import (
    expect_close,
    expect_frame,
    expect_handshake,
    expect_no_frame,
    expect_right,
    scenario,
)
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
