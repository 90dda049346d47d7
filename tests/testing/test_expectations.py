"""Expectations about frames: what they find, and their messages when they do not."""

from __future__ import annotations

import contextlib
import math
import threading
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, FrameLog, Server, WebSocket, connect
from astra_nb.errors import HandshakeFailed
from astra_nb.exercises import echo
from astra_nb.exercises.cards import Answer
from astra_nb.testing import (
    NotRight,
    expect_close,
    expect_frame,
    expect_handshake,
    expect_no_frame,
    expect_right,
    scenario,
)

from .handlers import echo_back, log_of


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
        with connect(server.url + "here?a=b", subprotocols=["chat"]):
            answer = expect_handshake(
                server, path="/here?a=b", headers={"sec-websocket-protocol": "chat"}
            )
            assert answer.status == 101
            for wanted, message in (
                ({"headers": {"Upgrade": "x"}}, "the header Upgrade is 'websocket', and 'x' was"),
                ({"headers": {"X": ""}}, "the header X is not there, and '' was expected"),
                ({"status": 404}, "was answered with .*101 Switching Protocols, but 404 was"),
                ({"path": "/x"}, r"the path of the request is /here\?a=b, not /x"),
            ):
                with pytest.raises(AssertionError, match=f"{message}[^(]*$"):
                    expect_handshake(server, **wanted, timeout=0)
    with pytest.raises(AssertionError, match="no answer to an opening handshake came"):
        expect_handshake(FrameLog(), timeout=0.01)


def test_a_header_that_comes_twice_and_a_path_as_connect_takes_it() -> None:
    twice = [("X-Room", "7"), ("X-Room", "8"), ("Set-Cookie", "seen=1")]
    with Server(port=0) as server:
        server.websocket("/{x}", echo_back, handshake=lambda each: each.accept(headers=twice))
        with connect(server.url + "a b\\?token=s3cr3t") as client:
            for value in ("7", "8", "7, 8"):
                expect_handshake(client, headers={"x-room": value})
            with pytest.raises(AssertionError, match="X-Room is '7' and '8', and '9' was expected"):
                expect_handshake(client, headers={"X-Room": "9"}, timeout=0)
            for path in ("/a b\\?token=<hidden>", "/a%20b%5C?token=<hidden>"):
                expect_handshake(client, path=path)
            expect_handshake(client, headers={"Set-Cookie": "<hidden>"})
            with pytest.raises(ValueError, match=r"no path in it is this one.*token=<hidden>$"):
                expect_handshake(client, path="/a b?token=s3cr3t")
            with pytest.raises(ValueError, match="hides the value of the header Set-Cookie"):
                expect_handshake(client, headers={"Set-Cookie": "seen=1"})


def test_a_close_code_has_an_expectation_of_its_own() -> None:
    with pytest.raises(TypeError, match=r"expect_close\(source, 1000\)"):
        expect_frame(FrameLog(), "close", 1000)  # type: ignore[arg-type]
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        expect_frame(FrameLog(), json=deep)


def test_any_of_several_handshakes_may_be_the_one() -> None:
    with Server(port=0) as server:
        server.websocket("/a", echo_back, subprotocols=["chat"])
        server.websocket("/b", echo_back)
        for origin, path in ("http://evil.example", "a"), (None, "nowhere"), (None, "a"):
            with contextlib.suppress(HandshakeFailed):
                connect(server.url + path, origin=origin, subprotocols=["chat"]).close()
        with connect(server.url + "b"):
            for wanted in (
                {"status": 403, "path": "/a"},
                {"status": 404, "path": "/nowhere"},
                {"status": 101, "path": "/a"},
                {"path": "/b"},
                {"headers": {"Sec-WebSocket-Protocol": "chat"}},
                {"status": 404, "headers": {"X-Frame-Options": "DENY"}},
                {"status": 403, "connection": 1},
            ):
                found = expect_handshake(server, **wanted, timeout=5)
                assert found.status == wanted.get("status", 101)
            for wanted, message in (
                ({"status": 500}, r"but 500 was expected \(the last of 4 answers\)$"),
                ({"status": 403, "path": "/b"}, r"Switching .*\(the last of 4 answers\)$"),
                ({"path": "/c"}, r"^the path of the request is /b, not /c \(the last of 4 "),
                ({"status": 101, "connection": 1}, "403 Forbidden, but 101 was expected$"),
            ):
                with pytest.raises(AssertionError, match=message):
                    expect_handshake(server, **wanted, timeout=0)


def test_a_handshake_that_comes_later_may_be_the_one() -> None:
    with Server(port=0) as server:
        server.websocket("/a", echo_back)
        with contextlib.suppress(HandshakeFailed):
            connect(server.url + "nowhere")
        expect_handshake(server, status=404)
        later = threading.Timer(0.05, lambda: connect(server.url + "a").close())
        later.start()
        expect_handshake(server, status=101, timeout=20)
        later.join()


def test_a_request_that_is_not_on_the_log_has_no_path() -> None:
    with Server(port=0) as server:
        server.websocket("/a", echo_back)
        with connect(server.url + "a"):
            sent = server.log.filter(direction="sent")
            assert expect_handshake(sent).status == 101
            with pytest.raises(AssertionError, match="the path of the request is none, not /a"):
                expect_handshake(sent, path="/a")


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


def test_in_a_notebook_a_failure_is_shown_once_and_the_error_is_one_line(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("IPython.core.getipython.get_ipython", object)
    monkeypatch.setattr("IPython.display.display", shown.append)
    with pytest.raises(NotRight) as caught:
        expect_right(echo, lambda socket: socket.recv())
    assert len(shown) == 1
    assert str(caught.value) == "Echo: not yet; see above."
    assert caught.value._render_traceback_() == ["Echo: not yet; see above."]


class Busy:
    """An exercise whose first checks find the machine too busy."""

    def __init__(self, times: int) -> None:
        self.outcomes: list[Any] = ["too busy"] * times + ["right"]
        self.seeds: list[str | None] = []

    def check(self, answer: object, *, seed: str | None) -> Answer:
        self.seeds.append(seed)
        return Answer("echo", "Echo", self.outcomes.pop(0))


def test_a_machine_that_is_too_busy_is_asked_again_a_few_times() -> None:
    exercise = Busy(2)
    expect_right(exercise, ..., seed="ada")
    assert exercise.seeds == ["ada"] * 3
    with pytest.raises(AssertionError, match="too busy to judge"):
        expect_right(Busy(3), ...)


def test_a_log_without_frames_says_so() -> None:
    with pytest.raises(AssertionError) as caught:
        expect_frame(FrameLog(), "text", count=2, timeout=0)
    assert str(caught.value) == (
        "2 times text was expected and did not come within 0 s\nno frame is in the log"
    )


def test_a_log_without_later_frames_says_after_which() -> None:
    with pytest.raises(AssertionError, match=r"within 0 s\nno frame after number 7 is in the log$"):
        expect_frame(log_of(b"Hello"), "text", after=7, timeout=0)


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
        (expect_no_frame, {"seconds": None}, TypeError, "seconds is a number: waiting"),
        (expect_no_frame, {"seconds": "1"}, TypeError, "timeout is a number of seconds"),
        (expect_handshake, {"status": "101"}, TypeError, "status is a whole number, not '101'"),
        (expect_handshake, {"status": 1000}, ValueError, "status is a number from 0 to 999"),
        (expect_handshake, {"path": b"/"}, TypeError, "path is a str, not b'/'"),
        (expect_handshake, {"headers": [("a", "b")]}, TypeError, "headers is a dict of"),
        (expect_handshake, {"headers": {1: "b"}}, TypeError, "the name of a header is a str"),
        (expect_handshake, {"headers": {"a": 1}}, TypeError, "the header a is a str, not 1"),
        (expect_handshake, {"timeout": "1"}, TypeError, "timeout is a number of seconds"),
        (expect_handshake, {"timeout": math.nan}, ValueError, "timeout is nan"),
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
                expect_handshake(server, path="/a", connection=second, timeout=0)
