"""The phases of a connection, its steps, and the facts of each way in which it may end."""

from __future__ import annotations

import re
import socket as sockets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from astra_nb import CloseFrame, ConnectionClosed, WebSocket, connect
from astra_nb.errors import HandshakeFailed
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord
from astra_nb.net.closing import (
    EMPTY,
    TRANSITIONS,
    ClosingState,
    Phase,
    close_payload,
    parse_close,
)
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import Side
from astra_nb.wire.why_closed import close_fault, why_closed
from tests import records
from tests.conformance.octets import frame
from tests.helpers import wait_until
from tests.servers import serving

from .peers import Peer, raw_client, raw_server

SIDES: tuple[Side, ...] = ("server", "client")
OWN, PEERS = CloseFrame(4000, "own"), CloseFrame(4001, "peer's")

# The shortest way to each phase.
PATHS: dict[Phase, tuple[Phase, ...]] = {
    Phase.HANDSHAKING: (),
    Phase.OPEN: (Phase.OPEN,),
    Phase.ANSWERING: (Phase.OPEN, Phase.ANSWERING),
    Phase.CLOSING: (Phase.OPEN, Phase.CLOSING),
    Phase.CLOSED: (Phase.CLOSED,),
}


def state_in(phase: Phase, side: Side = "server") -> ClosingState:
    state = ClosingState(side)
    for step in PATHS[phase]:
        state.enter(step)
    return state


# --- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(product(Phase, Phase)))
def test_a_step_is_in_the_table_or_raises(before: Phase, after: Phase) -> None:
    state = state_in(before)
    if before is after or (before, after) in TRANSITIONS:
        state.enter(after)
        assert state.phase is after
    else:
        with pytest.raises(RuntimeError) as caught:
            state.enter(after)
        assert str(caught.value) == (f"a connection that is {before.value} is never {after.value}")
        assert state.phase is before
    assert state.is_open is (state.phase in (Phase.OPEN, Phase.ANSWERING))
    assert state.has_ended is (state.phase is Phase.CLOSED)


def test_the_steps() -> None:
    assert {(before.name, after.name) for before, after in TRANSITIONS} == {
        ("HANDSHAKING", "OPEN"),
        ("HANDSHAKING", "CLOSING"),
        ("HANDSHAKING", "CLOSED"),
        ("OPEN", "ANSWERING"),
        ("OPEN", "CLOSING"),
        ("OPEN", "CLOSED"),
        ("ANSWERING", "CLOSING"),
        ("CLOSING", "CLOSED"),
    }


@pytest.mark.parametrize("sentence", list(TRANSITIONS.values()))
def test_each_step_has_a_sentence_of_the_rfc(sentence: str) -> None:
    assert re.match(r"[4-7](\.\d+)+: [A-Z].*\.$", sentence)


# --- the facts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_a_new_connection(side: Side) -> None:
    state = ClosingState(side)
    assert (state.phase, state.is_open, state.has_ended) == (Phase.HANDSHAKING, False, False)
    assert {state.side, state.peer} == {"server", "client"}
    assert state.side == side
    assert state.error is None
    assert state.facts() == {
        "first": "",
        "sent": None,
        "received": None,
        "tcp": "closed",
        "status": None,
        "detail": "",
        "sent_fault": "",
        "received_fault": "",
    }


def test_the_first_close_that_an_end_sends_counts() -> None:
    state = ClosingState("server")
    state.close_sent(CloseFrame(4000, "first"))
    state.close_sent(CloseFrame(1001))
    assert (state.sent, state.first) == (CloseFrame(4000, "first"), "server")


@pytest.mark.parametrize("side", SIDES)
def test_the_first_close_is_that_of_the_end_that_sent_it(side: Side) -> None:
    state = state_in(Phase.OPEN, side)
    state.close_sent(OWN)
    state.close_received(PEERS)
    assert (state.first, state.sent, state.received) == (side, OWN, PEERS)
    state = state_in(Phase.OPEN, side)
    state.close_received(PEERS)
    state.close_sent(OWN)
    assert (state.first, state.sent, state.received) == (state.peer, OWN, PEERS)


def test_the_first_cause_counts() -> None:
    state = state_in(Phase.CLOSING)
    state.failed("the rule")
    state.failed("another rule")
    state.tcp_ended("timeout")
    state.tcp_ended("reset")
    assert (state.detail, state.tcp) == ("the rule", "timeout")
    assert state.facts()["tcp"] == "timeout"


@pytest.mark.parametrize("side", SIDES)
def test_a_silent_end_of_tcp_is_the_peers(side: Side) -> None:
    state = state_in(Phase.OPEN, side)
    assert state.facts()["tcp"] == "closed"
    state.enter(Phase.CLOSED)
    assert state.facts()["tcp"] == f"dropped by {state.peer}"


@pytest.mark.parametrize(
    "tell",
    [
        lambda state: state.close_received(PEERS),
        lambda state: state.failed("the rule"),
        lambda state: setattr(state, "status", 404),
    ],
    ids=["received", "failed", "refused"],
)
def test_an_end_that_is_told_is_not_silent(tell: Callable[[ClosingState], object]) -> None:
    state = ClosingState("server")
    tell(state)
    state.enter(Phase.CLOSED)
    assert state.facts()["tcp"] == "closed"


def test_the_error_is_settled_once() -> None:
    state = state_in(Phase.OPEN, "client")
    state.close_received(PEERS)
    error = state.settle()
    assert isinstance(error, ConnectionClosed)
    assert str(error) == why_closed(side="client", **state.facts())
    assert (error.code, error.reason) == (4001, "peer's")
    assert (error.sent, error.received, error.first) == (None, PEERS, "server")
    state.close_sent(OWN)
    assert state.settle() is error
    assert state.error is error
    assert error.sent is None


@pytest.mark.parametrize(
    ("close", "payload"),
    [
        (CloseFrame(EMPTY), b""),
        (CloseFrame(1000), b"\x03\xe8"),
        (CloseFrame(4999, "é"), b"\x13\x87\xc3\xa9"),
    ],
)
def test_the_payload_of_a_close_frame(close: CloseFrame, payload: bytes) -> None:
    assert close_payload(close) == payload
    assert parse_close(payload) == close


# --- over sockets ------------------------------------------------------------------------------


@dataclass
class Way:
    """A way in which a connection may end.

    Attributes:
        own: What the end under test does when the connection is open.
        peer: What the peer does.
        first: Who sends the first CLOSE frame: "own", "peer" or "".
        sent: The close that the end under test sends.
        received: The close that it receives.
        tcp: How TCP ends; OWN and PEER stand for the ends.
        detail: Why the connection is failed.
    """

    own: Callable[[WebSocket], object]
    peer: Callable[[Peer], object]
    first: str = ""
    sent: CloseFrame | None = None
    received: CloseFrame | None = None
    tcp: str = "closed"
    detail: str = ""

    def facts(self, side: Side) -> dict[str, Any]:
        peer = ClosingState(side).peer
        return {
            "first": {"own": side, "peer": peer, "": ""}[self.first],
            "sent": self.sent,
            "received": self.received,
            "tcp": self.tcp.replace("OWN", side).replace("PEER", peer),
            "status": None,
            "detail": self.detail,
        }


def read(socket: WebSocket) -> None:
    for _ in socket:
        pass


def close(socket: WebSocket) -> None:
    socket.send_close(OWN.code, OWN.reason)
    read(socket)


def send(*frames: bytes) -> Callable[[Peer], object]:
    def script(peer: Peer) -> None:
        peer.send(*frames)
        peer.read_frame()  # the answer

    return script


def close_too(peer: Peer) -> None:
    peer.read_frame()
    peer.send(frame(8, close_payload(PEERS)))


def reset_instead(peer: Peer) -> None:
    peer.read_frame()
    peer.reset()


def do_not_answer(peer: Peer) -> None:
    peer.read_to_end()


WAYS = {
    "this end first": Way(close, Peer.answer_close, "own", OWN, OWN),
    "peer first": Way(read, send(frame(8, close_payload(PEERS))), "peer", PEERS, PEERS),
    "peer first, empty": Way(read, send(frame(8)), "peer", CloseFrame(EMPTY), CloseFrame(EMPTY)),
    "both at once": Way(close, close_too, "own", OWN, PEERS),
    "failed by the protocol": Way(
        read,
        send(frame(3)),
        "own",
        CloseFrame(1002, "invalid opcode"),
        detail="invalid opcode",
    ),
    "failed by us": Way(
        read,
        send(frame(1, b"\xff")),
        "own",
        CloseFrame(1007, "invalid UTF-8"),
        detail="the text is not UTF-8 at byte 0: ff is never a byte of UTF-8 "
        "(RFC 6455, section 8.1)",
    ),
    "timeout": Way(close, do_not_answer, "own", OWN, tcp="timeout"),
    "reset": Way(read, Peer.reset, tcp="reset"),
    "reset instead of an answer": Way(close, reset_instead, "own", OWN, tcp="reset"),
    "dropped by this end": Way(WebSocket.drop, do_not_answer, tcp="dropped by OWN"),
    "dropped by the peer": Way(read, lambda peer: None, tcp="dropped by PEER"),
    "dropped by the peer instead of an answer": Way(
        close, lambda peer: peer.read_frame(), "own", OWN, tcp="dropped by PEER"
    ),
}


@contextmanager
def run(side: Side, way: Way) -> Iterator[FrameLog]:
    """End a connection in this way, with the end under test on this side."""
    if side == "server":

        def handler(socket: WebSocket) -> None:
            way.own(socket)
            socket.wait_closed(20)

        with serving(handler) as server:
            server.close_timeout = 0.05 if way.tcp == "timeout" else 20
            with raw_client(server.port) as peer:
                way.peer(peer)
            records.closed(server.log)
            yield server.log
    else:
        with raw_server(way.peer) as url:
            client = connect(url, close_timeout=0.05 if way.tcp == "timeout" else 20)
            way.own(client)
            client.wait_closed(20)
            yield client.log


@pytest.mark.parametrize("name", list(WAYS))
@pytest.mark.parametrize("side", SIDES)
def test_the_facts_of_each_way_to_end(side: Side, name: str) -> None:
    way = WAYS[name]
    errors: list[ConnectionClosed] = []
    own = way.own

    def and_look(socket: WebSocket) -> None:
        own(socket)
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                socket.recv(20)
        errors.append(caught.value)

    seen = Way(and_look, way.peer, way.first, way.sent, way.received, way.tcp, way.detail)
    with run(side, seen) as log:
        closed = records.closed(log)
        wait_until(lambda: errors)
    facts = way.facts(side)
    assert {name: getattr(closed, name) for name in facts} == facts
    (error,) = errors
    if name != "both at once":  # where the CLOSE frame of the peer comes later than the error
        assert (error.sent, error.received, error.first) == (
            way.sent,
            way.received,
            facts["first"],
        )
        assert str(error) == why_closed(side=side, **facts)
    assert error.code == (1006 if way.received is None else way.received.code)


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x03\xe7", b"\x03\xe8\xff"])
@pytest.mark.parametrize("side", SIDES)
def test_both_ends_say_the_same_of_a_close_frame_that_is_refused(
    side: Side, payload: bytes
) -> None:
    def handler(socket: WebSocket) -> None:
        if side == "server":
            socket.send_raw(frame(8, payload))
        socket.wait_closed(20)

    with serving(handler) as server:
        client = connect(server.url)
        if side == "client":
            client.send_raw(encode(8, payload, key=bytes(4)))
        client.wait_closed(20)
        logs = {"server": server.log, "client": client.log}
        closed = {end: records.closed(log) for end, log in logs.items()}
    other = "client" if side == "server" else "server"
    said = f"The {side} sent a CLOSE frame with {close_fault(payload)}; the {other} failed the "
    assert closed[side].why_closed.startswith(said)
    assert closed[other].why_closed.startswith(said)
    assert (closed[side].first, closed[other].first) == (side, side)
    assert (closed[side].sent_fault, closed[other].received_fault) == (close_fault(payload),) * 2
    assert closed[other].received is None
    assert closed[other].code == 1006
    assert closed[side].code in (1002, 1007)


@pytest.mark.parametrize("side", SIDES)
def test_tcp_that_ends_while_a_handler_answers(side: Side) -> None:
    busy = threading.Event()

    def own(socket: WebSocket) -> None:
        assert socket.recv(20).value == "Hello"
        busy.wait(20)
        with pytest.raises(ConnectionClosed):
            socket.send_text("too late")

    def peer(peer: Peer) -> None:
        peer.send(frame(1, b"Hello"), frame(8, close_payload(PEERS)))
        peer.sock.shutdown(1)
        assert [one.payload for one in peer.read_to_end()] == [close_payload(PEERS)]
        busy.set()

    with run(side, Way(own, peer)) as log:
        closed = records.closed(log)
    facts = Way(own, peer, "peer", PEERS, PEERS).facts(side)
    assert {name: getattr(closed, name) for name in facts} == facts


def test_a_keepalive_that_is_not_answered() -> None:
    with serving(read) as server:
        server.keepalive = 0.05
        with raw_client(server.port) as peer:
            ping, close = peer.read_frame(), peer.read_frame()
            peer.sock.close()
        closed = records.closed(server.log)
    assert (ping.opcode, close.payload) == (9, b"\x03\xf3keepalive ping timeout")
    assert (closed.first, closed.sent, closed.received) == (
        "server",
        CloseFrame(1011, "keepalive ping timeout"),
        None,
    )
    assert closed.detail == "no pong came within 0.05 s"


def refused_by_server() -> ClosedRecord:
    with serving(read) as server:
        with raw_client(server.port, "/nothing") as peer:
            peer.sock.recv(65536)
        return records.closed(server.log)


def refused_by_peer() -> ClosedRecord:
    log = FrameLog()
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    with raw_server(lambda peer: peer.sock.recv(1), answer) as url:
        with pytest.raises(HandshakeFailed):
            connect(url, log=log)
    return records.closed(log)


@pytest.mark.parametrize("closed", [refused_by_server, refused_by_peer])
def test_a_refused_opening_handshake(closed: Callable[[], ClosedRecord]) -> None:
    record = closed()
    assert (record.status, record.tcp, record.first) == (404, "closed", "")
    assert record.why_closed.startswith("The opening handshake ended with HTTP status 404")


def dropped_before_request() -> ClosedRecord:
    with serving(read) as server:
        with sockets.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"GET / HT")
        return records.closed(server.log)


def dropped_before_answer() -> ClosedRecord:
    log = FrameLog()
    with raw_server(lambda peer: None, b"HTTP/1.1 10") as url:
        with pytest.raises(HandshakeFailed):
            connect(url, log=log)
    return records.closed(log)


@pytest.mark.parametrize("closed", [dropped_before_request, dropped_before_answer])
def test_an_opening_handshake_that_tcp_cuts(closed: Callable[[], ClosedRecord]) -> None:
    record = closed()
    peer = "client" if record.side == "server" else "server"
    assert (record.status, record.tcp, record.detail) == (None, f"dropped by {peer}", "")


# The only steps that one end has and the other has not.
ONLY_SERVER = {(Phase.HANDSHAKING, Phase.CLOSING)}


@pytest.mark.parametrize("side", SIDES)
def test_each_step_is_taken_in_a_real_exchange(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: set[tuple[Phase, Phase]] = set()
    enter = ClosingState.enter

    def and_note(state: ClosingState, phase: Phase) -> None:
        before = state.phase
        enter(state, phase)
        if state.side == side and before is not phase:
            taken.add((before, phase))

    monkeypatch.setattr(ClosingState, "enter", and_note)
    for name in ("this end first", "peer first", "reset", "dropped by the peer"):
        with run(side, WAYS[name]):
            pass
    test_tcp_that_ends_while_a_handler_answers(side)
    refused_by_server() if side == "server" else refused_by_peer()
    dropped_before_request() if side == "server" else dropped_before_answer()
    assert taken == TRANSITIONS.keys() - (ONLY_SERVER if side == "client" else set())
