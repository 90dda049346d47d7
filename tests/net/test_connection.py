"""A connection from TCP's begin to its end: phases, timers, back-pressure, the log."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
import threading
from dataclasses import replace
from typing import Any

import pytest
from websockets.server import ServerProtocol

from astra_nb import (
    AsyncWebSocket,
    CloseFrame,
    ConnectionClosed,
    FrameLog,
    Message,
    WebSocket,
    connect,
    seeded,
)
from astra_nb.errors import HandshakeFailed
from astra_nb.log.records import HandshakeRecord, OpenedRecord
from astra_nb.net import connection as module
from astra_nb.net import inbox
from astra_nb.net.client_connection import ClientConnection
from astra_nb.net.closing import ClosingState, Phase
from astra_nb.net.connection import Connection
from astra_nb.net.endpoint import LARGE, SMALL
from astra_nb.net.inbox import HIGH_MESSAGES
from astra_nb.net.lies import HONEST
from astra_nb.wire.faults import fault_named
from astra_nb.wire.opcodes import CLOSE, PING, PONG, TEXT
from fuzz.memory import MAX_MESSAGE_SIZE, Side, opening
from tests import records
from tests.conformance.octets import frame, mask_all
from tests.helpers import wait_until
from tests.servers import KINDS, Steps, echo, handler_of, serving

from .memory import Memory, in_memory, timers, until
from .peers import Peer, raw_client, raw_server

SIDES: tuple[Side, ...] = ("server", "client")
HELLO = frame(TEXT, b"Hello")
BYE = frame(CLOSE, b"\x0f\xa0bye")
CLOSED = CloseFrame(4000, "bye")


def wait_for_close(socket: WebSocket) -> None:
    for _ in socket:
        pass


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# --- opening -----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_the_opening_of_a_connection(side: Side) -> None:
    end = Memory(side)
    connection = end.connection
    assert (connection.state.phase, connection.is_established) == (Phase.OPEN, True)
    assert (connection.peer, connection.close_asked) == ("127.0.0.1:9", False)
    first, second, opened = end.log
    assert isinstance(first, HandshakeRecord)
    assert isinstance(second, HandshakeRecord)
    assert [first.direction, second.direction] == (
        ["received", "sent"] if side == "server" else ["sent", "received"]
    )
    assert isinstance(opened, OpenedRecord)
    assert (opened.side, opened.peer, opened.path) == (side, "127.0.0.1:9", "/")
    assert (opened.subprotocol, opened.extensions) == (None, ())
    assert not connection.lost.done()


@in_memory
async def test_the_opening_of_a_compressed_connection() -> None:
    (opened,) = Memory(compressed=True).log.filter(kind="opened")
    assert isinstance(opened, OpenedRecord)
    assert opened.extensions == ("permessage-deflate",)


def test_an_end_of_its_own_reads_the_opening_handshake() -> None:
    class NoEnd(Connection):
        side = "server"

    async def run() -> None:
        connection = NoEnd(
            ServerProtocol(),
            number=1,
            tap=FrameLog(recording=False),
            open_timeout=None,
            close_timeout=None,
        )
        with pytest.raises(NotImplementedError):
            connection.data_received(b"GET")

    asyncio.run(run())


def test_a_head_that_comes_in_pieces_and_frames_after_it() -> None:
    got: list[Any] = []

    def handler(socket: WebSocket) -> None:
        got.extend(socket)

    with serving(handler) as server:
        with sockets.create_connection(("127.0.0.1", server.port), 20) as sock:
            sock.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n")
            sock.sendall(b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")
            sock.sendall(
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + mask_all(HELLO + BYE)
            )
            while sock.recv(65536):
                pass
        records.closed(server.log)
        wait_until(lambda: len(got) == 2)
    assert got == [Message("text", "Hello"), Message("close", CLOSED)]


def test_a_client_that_gets_the_answer_and_frames_at_once() -> None:
    def script(peer: Peer) -> None:
        peer.send(HELLO, BYE)
        peer.read_frame()

    with raw_server(script) as url:
        client = connect(url)
        assert list(client) == [Message("text", "Hello"), Message("close", CLOSED)]
        client.wait_closed(20)


def test_a_head_that_tcp_cuts_is_on_record() -> None:
    with serving(wait_for_close) as server:
        with sockets.create_connection(("127.0.0.1", server.port), 20) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nCookie: secret=1\r\n")
        records.closed(server.log)
        (head,) = server.log.filter(kind="handshake")
    assert isinstance(head, HandshakeRecord)
    assert head.raw == b"GET / HTTP/1.1\r\nCookie: <hidden>\r\n"
    assert (head.direction, head.side) == ("received", "server")


def test_a_client_whose_server_does_not_answer_times_out() -> None:
    with raw_server(lambda peer: peer.sock.recv(1), b"HTTP/1.1 101 ") as url:
        with pytest.raises(HandshakeFailed, match=r"no answer came within 0\.05 s"):
            connect(url, timeout=0.05)


def test_a_server_whose_client_does_not_ask_times_out() -> None:
    with serving(wait_for_close) as server:
        server.open_timeout = 0.05
        with sockets.create_connection(("127.0.0.1", server.port), 20) as sock:
            assert sock.recv(65536).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert records.closed(server.log).tcp == "timeout"


@in_memory
async def test_the_opening_ends_its_timer() -> None:
    end = Memory()
    assert timers("open_timed_out") == 0
    end.connection.connection_made(end.transport)
    assert timers("open_timed_out") == 1


# --- receiving ---------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_messages_are_delivered_and_recorded(side: Side) -> None:
    end = Memory(side)
    end.receive(HELLO + frame(PING, b"p") + frame(PONG, b"q"))
    assert end.take() == [Message("text", "Hello"), Message("ping", b"p"), Message("pong", b"q")]
    (record, *_) = end.frame_records("received")
    assert (record.side, record.direction, record.payload) == (side, "received", b"Hello")
    assert end.payloads == [b"p"]


@in_memory
async def test_frames_and_answers_are_on_record_in_the_order_of_the_wire() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"before")
    end.receive(frame(PING, b"p"))
    order = [(r.direction, r.payload) for r in end.log.filter(kind="frame")]  # type: ignore[union-attr]
    assert order == [("sent", b"before"), ("received", b"p"), ("sent", b"p")]


@in_memory
async def test_pings_are_not_answered_without_the_automatic_pong() -> None:
    end = Memory()
    end.connection.automatic_pong = False
    end.receive(frame(PING, b"1"))
    end.receive(frame(PING, b"2") + BYE)
    assert end.take() == [Message("ping", b"1"), Message("ping", b"2")]
    end.connection.answer_close()
    assert end.payloads == [b"\x0f\xa0bye"]


@in_memory
async def test_nothing_is_recorded_without_a_log() -> None:
    end = Memory(opened=False)
    end.connection.tap = FrameLog(recording=False)
    end.connection.data_received(opening("server", compressed=False))
    end.start = len(end.transport.written)
    end.receive(HELLO)
    end.connection.sender.send(TEXT, b"sent")
    end.connection.notice("not in the log")
    end.end()
    assert len(end.log) == 0
    assert end.payloads == [b"sent"]
    assert end.connection.state.has_ended


@in_memory
async def test_messages_of_a_connection_whose_handler_has_ended() -> None:
    end = Memory()
    end.connection.inbox = None
    end.receive(HELLO)
    end.receive(HELLO + BYE)  # nobody answers, so the close is answered at once
    assert end.take() == []
    assert end.payloads == [b"\x0f\xa0bye"]
    end.end()
    assert end.closed().received == CLOSED


@in_memory
async def test_reading_stops_when_too_much_waits_and_goes_on() -> None:
    end = Memory()
    for _ in range(HIGH_MESSAGES):
        end.receive(HELLO)
    assert end.transport.reading
    end.receive(HELLO)
    assert not end.transport.reading
    end.take()
    end.inbox.caught_up()
    assert end.transport.reading
    end.connection.resume_reading()  # once more does nothing


@in_memory
async def test_reading_goes_on_from_a_thread() -> None:
    end = Memory()
    for _ in range(HIGH_MESSAGES + 1):
        end.receive(HELLO)
    await asyncio.to_thread(end.connection.resume_reading_soon)
    await turns()
    assert end.transport.reading


@in_memory
async def test_reading_does_not_go_on_when_tcp_is_closing() -> None:
    end = Memory()
    for _ in range(HIGH_MESSAGES + 1):
        end.receive(HELLO)
    end.transport.close()
    end.connection.resume_reading()
    assert (end.inbox.paused, end.transport.reading) == (False, False)


def test_reading_goes_on_only_where_a_loop_is() -> None:
    async def make() -> Memory:
        end = Memory()
        end.end()
        return end

    asyncio.run(make()).connection.resume_reading_soon()


@in_memory
async def test_reading_goes_on_for_the_closing_handshake() -> None:
    end = Memory()
    for _ in range(HIGH_MESSAGES + 1):
        end.receive(HELLO)
    end.connection.send_close(1000)
    assert end.transport.reading
    end.receive(BYE)
    end.end()
    assert end.closed().received == CLOSED


# --- the last frame ----------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_a_handler_answers_what_came_before_the_close_frame(side: Side) -> None:
    end = Memory(side)
    end.receive(HELLO + BYE)
    connection = end.connection
    assert (connection.state.phase, end.payloads) == (Phase.ANSWERING, [])
    assert end.take() == [Message("text", "Hello")]
    connection.sender.send(TEXT, b"Hello to you")
    waiting = asyncio.ensure_future(end.inbox.wait())
    await turns()
    assert (connection.state.phase, waiting.done()) == (Phase.CLOSING, True)
    assert end.payloads == [b"Hello to you", b"\x0f\xa0bye"]
    assert end.take() == [Message("close", CLOSED)]
    assert end.inbox.ended
    assert end.transport.ended is (side == "server")  # RFC 6455, section 7.1.1
    end.end()


@in_memory
async def test_what_threads_have_sent_goes_before_the_answer() -> None:
    end = Memory()
    end.receive(HELLO + BYE)
    sender = end.connection.sender
    sender.outbox.put(sender.send_if_open, TEXT, b"answer")
    end.connection.answer_close()
    assert end.payloads == [b"answer", b"\x0f\xa0bye"]
    end.connection.answer_close()
    assert len(end.payloads) == 2


@in_memory
async def test_an_answer_that_waits_for_its_turn_is_given_once() -> None:
    end = Memory()
    end.receive(HELLO + BYE)
    sender = end.connection.sender
    sender.outbox.put(end.connection.answer_close)
    end.connection.answer_close()
    await turns()
    assert end.payloads == [b"\x0f\xa0bye"]
    assert end.take() == [Message("text", "Hello"), Message("close", CLOSED)]


@in_memory
async def test_closing_while_an_answer_is_owed_gives_that_answer() -> None:
    end = Memory()
    end.receive(HELLO + BYE)
    end.connection.send_close(1001, "not this one")
    end.connection.send_close(1001, "nor this one")
    assert end.payloads == [b"\x0f\xa0bye"]
    assert (end.connection.state.sent, end.connection.state.first) == (CLOSED, "client")


@in_memory
async def test_an_empty_close_frame_is_answered_by_an_empty_one() -> None:
    end = Memory()
    end.receive(frame(CLOSE))
    await end.inbox.wait()
    assert end.payloads == [b""]
    assert end.take() == [Message("close", None)]


@in_memory
async def test_pings_before_the_last_frame_are_answered_first() -> None:
    end = Memory()
    end.receive(frame(PING, b"1") + HELLO + frame(PING, b"2") + frame(3))
    assert end.take() == [Message("ping", b"1"), Message("text", "Hello"), Message("ping", b"2")]
    await end.inbox.wait()
    assert end.payloads == [b"1", b"2", b"\x03\xeainvalid opcode"]
    assert end.take() == []  # this end has failed the connection: there is no close
    assert end.inbox.ended
    end.end()
    assert (end.closed().detail, end.closed().received) == ("invalid opcode", None)


@in_memory
async def test_a_handler_has_a_bounded_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_GRACE", 0.02)
    end = Memory()
    end.receive(HELLO + BYE)
    assert end.connection.state.phase is Phase.ANSWERING
    await until(lambda: end.connection.state.phase is Phase.CLOSING)
    assert end.payloads == [b"\x0f\xa0bye"]


@in_memory
async def test_that_time_begins_with_the_last_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_GRACE", 1e-9)
    end = Memory()
    end.receive(HELLO)
    end.receive(BYE)
    assert (end.connection.state.phase, end.payloads) == (Phase.CLOSING, [b"\x0f\xa0bye"])


@in_memory
async def test_a_close_frame_after_this_ends_own_is_not_answered() -> None:
    end = Memory()
    end.connection.send_close(None)
    assert end.connection.state.sent == CloseFrame(1005)
    end.receive(HELLO + BYE)
    assert end.payloads == [b""]
    assert end.take() == [Message("text", "Hello"), Message("close", CLOSED)]
    end.end()
    assert (end.closed().first, end.closed().received) == ("server", CLOSED)


@pytest.mark.parametrize("last", [BYE, frame(3)])
@in_memory
async def test_why_it_ends_is_settled_before_nothing_can_be_sent(
    last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Memory()
    state = end.connection.state
    errors: list[ConnectionClosed | None] = []
    enter = ClosingState.enter

    def and_look(self: ClosingState, phase: Phase) -> None:
        errors.append(state.error)  # what a thread sees that sends just now
        enter(self, phase)

    monkeypatch.setattr(ClosingState, "enter", and_look)
    end.connection.inbox = None
    end.receive(last)
    assert len(errors) == 1
    assert errors[0] is not None
    assert errors[0] is state.error


@in_memory
async def test_a_bad_frame_after_this_ends_close_frame() -> None:
    end = Memory()
    end.connection.send_close(1000)
    end.receive(frame(3))
    end.end()
    assert end.payloads == [b"\x03\xe8"]
    assert (end.closed().detail, end.closed().sent) == ("invalid opcode", CloseFrame(1000))


@in_memory
async def test_a_raw_close_frame_of_this_end_is_not_sent_twice() -> None:
    end = Memory()
    end.connection.sender.send_raw(BYE)
    end.receive(BYE)
    assert end.payloads == [b"\x0f\xa0bye"]


@in_memory
async def test_tcp_that_ends_while_a_handler_answers() -> None:
    end = Memory()
    end.receive(HELLO + BYE)
    end.connection.eof_received()
    assert end.payloads == [b"\x0f\xa0bye"]
    end.end()
    assert (end.closed().sent, end.closed().received) == (CLOSED, CLOSED)
    assert end.take() == [Message("text", "Hello"), Message("close", CLOSED)]


@in_memory
async def test_a_reset_while_a_handler_answers() -> None:
    end = Memory()
    end.receive(HELLO + BYE)
    end.transport.close()
    end.end(ConnectionResetError())
    assert end.payloads == []
    closed = end.closed()
    assert (closed.sent, closed.received, closed.tcp) == (None, CLOSED, "reset")


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_handler_is_answered_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_GRACE", 0.05)
    late = threading.Event()
    caught: list[str] = []

    async def script(socket: Steps) -> None:
        await socket.recv()
        await asyncio.to_thread(late.wait) if kind == "async def" else late.wait()
        try:
            await socket.send_text("too late")
        except ConnectionClosed as exc:
            caught.append(str(exc))

    with serving(handler_of(kind, script)) as server, raw_client(server.port) as peer:
        peer.send(HELLO, BYE)
        assert [one.payload for one in peer.read_to_end()] == [b"\x0f\xa0bye"]
        late.set()
        wait_until(lambda: caught)
    assert caught == [
        'The client closed first with 4000 (private code), reason "bye"; the server answered with '
        '4000 (private code), reason "bye" (RFC 6455, section 7.1.2).'
    ]


# --- TCP's end ---------------------------------------------------------------------------------


@in_memory
async def test_a_frame_that_tcp_cuts() -> None:
    end = Memory()
    end.connection.data_received(mask_all(HELLO)[:5])
    end.connection.eof_received()
    assert end.connection.state.phase is Phase.CLOSING
    end.end()
    (record,) = end.frame_records("received")
    assert record.verdict == "cut: the TCP connection ended inside this frame"
    assert end.closed().tcp == "dropped by client"


@in_memory
async def test_the_end_is_told_to_all_that_wait() -> None:
    end = Memory()
    end.connection.pause_writing()
    waiting = asyncio.ensure_future(end.connection.sender.wait_writable())
    await turns()
    end.end(ConnectionResetError())
    await waiting
    assert end.connection.lost.done()
    assert end.inbox.ended
    assert end.closed().tcp == "reset"


@in_memory
async def test_a_cancelled_wait_for_the_end() -> None:
    end = Memory()
    end.connection.lost.cancel()
    end.end()
    assert end.connection.lost.cancelled()


@in_memory
async def test_what_nobody_read_is_counted_on_the_log() -> None:
    end = Memory("client")
    end.connection.send_close(1000)
    end.receive(BYE)
    end.receive(frame(2, bytes(200_000)))
    end.end()
    assert end.notices() == ["200,010 more bytes came that nobody read; they are not on record"]
    assert [record.kind for record in end.log][-2:] == ["notice", "closed"]


@in_memory
async def test_what_has_gathered_is_written_when_the_peer_ends_tcp() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"gathered")
    end.connection.eof_received()
    assert end.payloads == [b"gathered"]


@in_memory
async def test_a_peer_that_ends_tcp_and_does_not_read_has_the_close_timeout() -> None:
    end = Memory()
    end.connection.close_timeout = 0
    end.connection.pause_writing()
    end.connection.eof_received()
    assert not end.transport.dead
    await until(lambda: end.transport.dead)
    end.end()
    assert end.closed().tcp == "timeout"


@in_memory
async def test_dropping() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"gathered")
    end.connection.drop()
    assert (end.payloads, end.transport.dead) == ([b"gathered"], True)
    assert end.connection.state.phase is Phase.CLOSING
    end.connection.drop()
    end.end()
    assert end.closed().tcp == "dropped by server"


# --- keepalive ---------------------------------------------------------------------------------


@in_memory
async def test_keepalive_pings() -> None:
    end = Memory(keepalive=1e-6)
    write = end.transport.write

    def answer(data: bytes) -> None:
        write(data)
        if data[0] & 0x0F == PING and len(end.payloads) < 4:
            end.receive(frame(PONG, end.payloads[-1]))

    end.transport.write = answer  # type: ignore[method-assign, assignment]
    await until(lambda: end.transport.ended)
    assert [len(payload) for payload in end.payloads[:4]] == [8, 8, 8, 8]
    assert len(set(end.payloads[:4])) == 4
    # The fourth was not answered.
    assert end.payloads[4:] == [b"\x03\xf3keepalive ping timeout"]
    assert end.connection.state.detail == "no pong came within 1e-06 s"
    assert end.inbox.ended
    end.end()
    assert end.closed().sent == CloseFrame(1011, "keepalive ping timeout")


@in_memory
async def test_keepalive_pings_end_with_the_closing_handshake() -> None:
    end = Memory(keepalive=1e-6)
    assert timers("keep_alive") == 1
    end.connection.send_close(1000)
    assert timers("keep_alive") == 0
    assert end.payloads == [b"\x03\xe8"]
    assert end.connection.state.detail == ""


@in_memory
async def test_the_end_cancels_the_keepalive() -> None:
    end = Memory(keepalive=60)
    assert timers("keep_alive") == 1
    end.end()
    assert timers("keep_alive") == 0


@in_memory
async def test_a_keepalive_does_not_wait_for_what_waits() -> None:
    end = Memory(keepalive=1e-6)
    sender = end.connection.sender
    end.connection.pause_writing()
    sender.submit(sender.send_if_open, TEXT, b"waits")
    await until(lambda: end.transport.ended)
    assert [len(payload) for payload in end.payloads] == [8, len(b"\x03\xf3keepalive ping timeout")]


def test_a_keepalive_that_is_not_answered_fails_the_connection() -> None:
    got: list[Exception] = []

    def handler(socket: WebSocket) -> None:
        try:
            while True:
                socket.recv()
        except ConnectionClosed as exc:
            got.append(exc)

    with serving(handler) as server:
        server.keepalive = 0.02
        with raw_client(server.port) as peer:
            frames = peer.read_to_end()
        closed = records.closed(server.log)
    assert [(one.opcode, len(one.payload)) for one in frames[:-1]] == [(PING, 8)]
    assert frames[-1].payload == b"\x03\xf3keepalive ping timeout"
    assert closed.detail == "no pong came within 0.02 s"
    assert str(got[0]) == (
        'The server closed first with 1011 (internal error), reason "keepalive ping timeout"; '
        "after that it read no CLOSE frame from the client, so the server reports 1006 (abnormal "
        "closure) (RFC 6455, section 7.1.7). No pong came within 0.02 s."
    )


def test_a_keepalive_finds_a_peer_that_does_not_read_while_sends_wait() -> None:
    with serving(wait_for_close) as server:
        server.keepalive = 0.05
        server.close_timeout = 0.05
        with raw_client(server.port) as peer:
            (target,) = server.connections
            sender = target._connection.sender
            errors: list[Exception] = []

            def send() -> None:
                try:
                    while True:
                        target.send_bytes(bytes(65536))
                except ConnectionClosed as exc:
                    errors.append(exc)

            thread = threading.Thread(target=send)
            thread.start()
            wait_until(lambda: not sender.is_writable)
            server.broadcast("text", "waits")
            closed = records.closed(server.log)
            thread.join(20)
            peer.sock.close()
    assert closed.detail == "no pong came within 0.05 s"
    assert closed.tcp == "timeout"
    assert len(errors) == 1


# --- closing -----------------------------------------------------------------------------------


@in_memory
async def test_the_close_timeout() -> None:
    end = Memory()
    end.connection.close_timeout = 0
    end.connection.send_close(1000)
    assert not end.transport.dead
    await until(lambda: end.transport.dead)
    end.end()
    assert (end.closed().tcp, end.closed().sent) == ("timeout", CloseFrame(1000))


@in_memory
async def test_no_close_timeout_where_there_is_none() -> None:
    end = Memory()
    end.connection.close_timeout = None
    end.connection.send_close(1000)
    assert timers("close_timed_out") == 0


@in_memory
async def test_the_end_cancels_the_close_timeout() -> None:
    end = Memory()
    end.connection.send_close(1000)
    assert timers("close_timed_out") == 1
    end.end()
    assert timers("close_timed_out") == 0


@in_memory
async def test_an_answer_cancels_the_grace_and_starts_the_close_timeout() -> None:
    end = Memory()
    end.receive(HELLO + BYE)
    assert (timers("answer_close"), timers("close_timed_out")) == (1, 0)
    end.connection.answer_close()
    assert (timers("answer_close"), timers("close_timed_out")) == (0, 1)


@in_memory
async def test_no_close_timeout_when_tcp_is_closing() -> None:
    end = Memory()
    end.transport.close()
    end.connection.send_close(1000)
    assert timers("close_timed_out") == 0


@in_memory
async def test_closing_in_turn() -> None:
    end = Memory()
    connection, sender = end.connection, end.connection.sender
    sender.outbox.put(sender.send_if_open, TEXT, b"first")
    connection.close_in_turn(4000, "bye")
    assert end.payloads == [b"first", b"\x0f\xa0bye"]
    assert connection.close_asked
    connection.close_in_turn(4001)
    assert len(end.payloads) == 2


@in_memory
async def test_closing_in_turn_from_a_thread() -> None:
    end = Memory()
    connection, sender = end.connection, end.connection.sender

    def close() -> None:
        sender.submit(sender.send_if_open, TEXT, b"first")
        connection.close_in_turn(4000, "bye")

    await asyncio.to_thread(close)
    await turns()
    assert end.payloads == [b"first", b"\x0f\xa0bye"]
    assert connection.state.phase is Phase.CLOSING


@pytest.mark.parametrize("from_thread", [False, True])
@in_memory
async def test_closing_in_turn_does_not_wait_for_a_peer_that_does_not_read(
    from_thread: bool,
) -> None:
    end = Memory()
    connection, sender = end.connection, end.connection.sender
    connection.close_timeout = 0
    connection.pause_writing()
    sender.submit(sender.send_if_open, TEXT, b"waits")
    if from_thread:
        await asyncio.to_thread(connection.close_in_turn, 1000)
    else:
        connection.close_in_turn(1000)
        assert connection.state.phase is Phase.OPEN
    await until(lambda: end.transport.dead)
    end.end()
    assert (end.written, end.closed().tcp) == (b"", "timeout")
    assert end.notices() == ["1 frame was not sent: the connection had just closed"]


@in_memory
async def test_a_close_that_has_its_turn_in_time() -> None:
    end = Memory()
    connection, sender = end.connection, end.connection.sender
    connection.pause_writing()
    sender.submit(sender.send_if_open, TEXT, b"waits")
    connection.close_in_turn(1000)
    connection.resume_writing()
    assert end.payloads == [b"waits", b"\x03\xe8"]
    assert not end.transport.dead


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_returns_sends_all_before_its_close(kind: str) -> None:
    async def script(socket: Steps) -> None:
        for number in range(3000):
            await socket.send_text(str(number))

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        got = [message.value for message in client]
    assert got == [*map(str, range(3000)), CloseFrame(1000)]


def test_a_connection_that_was_asked_to_close_is_not_among_the_open_ones() -> None:
    async def handler(own: AsyncWebSocket) -> None:
        await own.send_text("echo")
        await own.recv()

    with serving(handler) as server, connect(server.url) as client:
        assert client.recv(20).value == "echo"
        (target,) = server.connections
        target.send_close(1000)
        assert server.connections == []
        assert client.recv(20) == Message("close", CloseFrame(1000))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "bad", [b"\x83\x00", b"\x88\x01\x03", b"\x81\x01\xff", b"\x81\x7e\x00\x01x"]
)
def test_a_close_frame_after_the_failure_is_not_denied(kind: str, bad: bytes) -> None:
    told: list[str] = []

    async def script(socket: Steps) -> None:
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as exc:
            told.append(str(exc))
            raise

    with serving(handler_of(kind, script)) as server:
        with raw_client(server.port) as peer:
            peer.send(bad, frame(CLOSE, b"\x03\xe8"))
            assert peer.read_to_end()[-1].opcode == CLOSE
        closed = records.closed(server.log)
        answer = records.frames(server.log, type="close", direction="received")[-1]
    assert answer.verdict == "ignored: the connection has failed"
    for sentence in (closed.why_closed, *told):
        if bad.startswith(b"\x88"):
            assert sentence.startswith("The client sent a CLOSE frame with one byte of payload, ")
            assert "read no CLOSE frame" not in sentence
        else:
            assert "after that it read no CLOSE frame from the client, " in sentence
        assert "(RFC 6455, section 7.1.7)" in sentence
        assert "answer" not in sentence
    assert len(told) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_ping_after_this_ends_close_is_still_answered(kind: str) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_close(4000)
        await socket.recv()

    with serving(handler_of(kind, script)) as server:
        with raw_client(server.port) as peer:
            assert peer.read_frame().opcode == CLOSE
            peer.send(frame(PING, b"still there?"))
            pong = peer.read_frame()
            assert (pong.opcode, pong.payload) == (PONG, b"still there?")
            peer.send(frame(CLOSE, b"\x0f\xa0"), frame(PING, b"and now?"))
            assert peer.read_to_end() == []
        assert records.closed(server.log).received == CloseFrame(4000)


@in_memory
async def test_reading_stops_for_what_compressed_messages_are_when_decompressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 16
    monkeypatch.setattr(inbox, "HIGH_BYTES", most * MAX_MESSAGE_SIZE)
    end, sender = Memory(compressed=True), Memory(compressed=True)
    for _ in range(most + 1):
        assert not end.inbox.paused
        sender.connection.sender.send(2, bytes(MAX_MESSAGE_SIZE))
        sender.connection.sender.flush()
        end.receive(sender.written)
        sender.start = len(sender.transport.written)
    assert end.inbox.paused
    assert len(end.inbox.messages) == most + 1
    assert sum(len(record.frame.raw) for record in end.frame_records("received")) < 2**10


def bombs(count: int) -> bytes:
    """A chunk of compressed messages of the greatest size, each a few bytes on the wire."""
    sender = Memory(compressed=True)
    for _ in range(count):
        sender.connection.sender.send(2, bytes(MAX_MESSAGE_SIZE))
    sender.connection.sender.flush()
    return mask_all(sender.written)


@in_memory
async def test_a_chunk_of_compressed_messages_is_taken_as_far_as_the_handler_keeps_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "HIGH_BYTES", 16 * MAX_MESSAGE_SIZE)
    monkeypatch.setattr(module, "PIECE", 64)
    end, chunk = Memory(compressed=True), bombs(300)
    end.connection.data_received(chunk + mask_all(BYE))
    assert not end.transport.reading
    assert 16 < len(end.inbox.messages) < 40
    taken = end.take()
    while not end.transport.reading:
        before = len(taken)
        end.inbox.caught_up()
        taken += end.take()
        assert 0 < len(taken) - before < 40
    end.connection.answer_close()
    taken += end.take()
    assert [message.type for message in taken] == ["bytes"] * 300 + ["close"]
    assert len(end.frame_records("received")) == 301


@in_memory
async def test_compressed_messages_that_nobody_waits_for_any_more_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PIECE", 64)
    end, chunk = Memory(compressed=True), bombs(300)
    end.connection.data_received(chunk + mask_all(BYE))
    assert end.payloads == []
    end.connection.inbox = None  # as when the handler ends
    end.connection.resume_reading()
    assert end.payloads == [b"\x0f\xa0bye"]
    assert len(end.frame_records("received")) == 301


@in_memory
async def test_compressed_messages_do_not_hold_up_the_closing_of_this_end() -> None:
    end, chunk = Memory(compressed=True), bombs(300)
    end.connection.data_received(chunk + mask_all(BYE))
    end.connection.send_close(1000)
    assert end.connection.state.facts()["received"] == CLOSED
    assert end.transport.reading


@in_memory
async def test_compressed_bytes_that_tcp_leaves_unread_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PIECE", 64)
    end, chunk = Memory(compressed=True), bombs(300)
    end.connection.data_received(chunk)
    seen = sum(len(record.frame.raw) for record in end.frame_records("received"))
    end.end(ConnectionResetError())
    left = end.notices()[-1]
    assert left.endswith(" more bytes came that nobody read; they are not on record")
    assert 0 < int(left.split()[0].replace(",", "")) <= len(chunk) - seen
    waiting = len(end.take())
    end.inbox.caught_up()  # and what is left is not taken after the end
    assert (waiting > 0, end.take()) == (True, [])


@pytest.mark.parametrize("compressed", [False, True])
@in_memory
async def test_what_comes_while_this_end_closes_is_delivered_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    monkeypatch.setattr(module, "MAX_LATE", 2**20 - 1)
    end = Memory(compressed=compressed)
    end.connection.send_close(1000)
    message = frame(2, bytes(1000))
    for _ in range(2000):
        end.receive(message)
    assert 1000 < len(end.take()) < 1050
    assert len(end.frame_records("received")) == 2000
    [notice] = end.notices()
    assert notice.startswith("More than 0 MiB came while this end closed; ")
    end.receive(BYE)
    assert end.take() == [Message("close", CLOSED)]


@pytest.mark.parametrize(
    ("exc", "tcp", "detail"),
    [
        (ConnectionResetError(), "reset", ""),
        (TimeoutError(), "dropped by client", ""),
        (OSError("no route to host"), "dropped by client", ""),
        (LookupError("inside"), "closed", "an error at this end: LookupError('inside')"),
    ],
    ids=["reset", "timeout", "no route", "our own"],
)
@in_memory
async def test_only_an_error_that_is_not_the_systems_is_this_ends(
    exc: Exception, tcp: str, detail: str
) -> None:
    end = Memory()
    end.end(exc)
    assert (end.closed().tcp, end.closed().detail) == (tcp, detail)


def test_a_thread_that_closes_on_a_closed_loop() -> None:
    async def begin() -> Memory:
        return Memory()

    end = asyncio.run(begin())
    thread = threading.Thread(target=end.connection.close_in_turn, args=(1000,))
    thread.start()
    thread.join()
    assert end.written == b""
    assert end.connection.close_asked


def test_what_is_raised_inside_an_open_connection_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object) -> None:
        raise LookupError("inside")

    with serving(handler_of("def", echo)) as server, connect(server.url) as client:
        monkeypatch.setattr(ClientConnection, "_receive_frames", fail)
        client.send_text("a")
        with pytest.raises(ConnectionClosed, match=r"LookupError\('inside'\)"):
            client.recv(5)
        client.wait_closed(5)
    logging.getLogger("asyncio").handlers[-1].messages.clear()  # type: ignore[attr-defined]


# --- what an end does wrong on purpose ---------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_a_close_that_is_not_answered_and_tcp_that_is_kept(side: Side) -> None:
    end = Memory(side)
    end.connection.lie(fault_named("CLOSE not answered"))
    end.receive(frame(CLOSE, b"\x03\xe8"))
    assert end.written == b""
    assert (end.connection.state.phase, end.take()[-1].type) == (Phase.CLOSING, "close")
    assert end.connection.eof_received() is True
    assert not end.transport.is_closing()
    assert timers("_close_timed_out") == 1  # after the fault's seconds
    end.end()
    assert (end.closed().received, end.closed().sent) == (CloseFrame(1000), None)


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_a_broken_frame_is_answered_by_an_end_that_answers_no_close(side: Side) -> None:
    end = Memory(side)
    end.connection.lie(fault_named("CLOSE not answered"))
    end.receive(b"\x83\x00")
    assert end.payloads[-1][:2] == b"\x03\xea"
    end.end()


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_a_late_close_is_answered_after_its_time(side: Side) -> None:
    end = Memory(side)
    end.connection.lie(replace(fault_named("late CLOSE"), seconds=0.001))
    end.connection.inbox = None
    end.receive(frame(CLOSE, b"\x03\xe8"))
    assert end.written == b""
    await until(lambda: end.written)
    assert end.payloads == [b"\x03\xe8"]
    end.end()


@pytest.mark.parametrize("side", SIDES)
@in_memory
async def test_another_pong_also_before_the_close_frame(side: Side) -> None:
    end = Memory(side)
    end.connection.lie(fault_named("PONG with another payload"))
    end.receive(frame(PING, b"a"))
    end.receive(frame(PING, b"b") + frame(CLOSE, b"\x03\xe8"))
    assert end.payloads[:2] == [b"another payload"] * 2
    end.end()


@in_memory
async def test_an_honest_end_closes_with_tcp() -> None:
    end = Memory()
    assert end.connection.eof_received() is False
    assert end.connection.lies is HONEST
    end.end()


def test_an_answer_leaves_before_another_turn_of_the_loop() -> None:
    async def main() -> None:
        end = Memory()
        own = end.socket()

        async def echo() -> None:
            async for message in own:
                await own.send_text(str(message.value))

        task = asyncio.create_task(echo())
        await asyncio.sleep(0)
        seen: list[bytes] = []

        def receive() -> None:
            end.receive(frame(1, b"a") + frame(1, b"b"))
            seen.append(end.written)

        asyncio.get_running_loop().call_soon(receive)
        await until(lambda: seen)
        assert seen == [frame(1, b"a") + frame(1, b"b")]
        assert len({record.time for record in end.frame_records()}) == 1
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())


def test_an_answer_leaves_when_its_handler_asks_for_the_next_message() -> None:
    async def main() -> None:
        end = Memory()
        own = end.socket()
        end.receive(frame(1, b"a"))
        assert (await own.recv()).value == "a"
        await own.send_text("b")
        assert end.written == b""
        asking = own.recv()
        asking.send(None)
        assert end.written == frame(1, b"b")
        asking.close()

    asyncio.run(main())


@in_memory
async def test_reads_are_large_while_much_comes() -> None:
    end = Memory("client", opened=False)
    transport: Any = end.transport
    transport.max_size = 1
    end.connection.connection_made(transport)
    end.connection.data_received(opening("client", compressed=False))
    one = frame(2, b"x" * 62)
    for size, then in ((64, SMALL), (SMALL, LARGE), (SMALL + 64, LARGE), (64, SMALL)):
        end.receive(one * (size // len(one)))
        assert transport.max_size == then
        assert len(end.take()) == size // len(one)


def test_under_a_seed_a_server_does_not_tell_the_port_of_its_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seeded, "current", seeded.Seeded(7))
    with serving(wait_for_close) as server, connect(server.url) as client:
        opened = [log.wait_for(kind="opened") for log in (server.log, client.log)]
    assert [each.peer for each in opened if isinstance(each, OpenedRecord)] == [
        "127.0.0.1",
        f"127.0.0.1:{server.port}",
    ]


@in_memory
async def test_frames_that_leave_with_a_head_are_recorded_as_frames() -> None:
    end = Memory(opened=False)
    head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    end.connection._write_head(head + HELLO)
    end.connection._write_head(head)
    assert end.written == head + HELLO + head
    assert [record.kind for record in end.log] == ["handshake", "frame", "handshake"]
    assert [record.frame.raw for record in end.frame_records()] == [HELLO]
    end.end()
