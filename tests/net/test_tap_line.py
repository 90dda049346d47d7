"""What passes between two TCP connections, and how they end; `test_tap` has the whole."""

from __future__ import annotations

import socket
import threading
from time import monotonic
from typing import Any, cast

import pytest

from astra_nb.log.records import ClosedRecord, OpenedRecord
from astra_nb.net.options import connect_options
from astra_nb.net.tap_heads import Rewriting
from astra_nb.net.tap_line import TapSettings
from astra_nb.net.uris import parse_address
from astra_nb.tap import Tap, tap
from astra_nb.wire.frames import split
from astra_nb.wire.messages import Side
from tests.conformance.octets import frame, mask_all
from tests.helpers import free_port, wait_until
from tests.tapped import REQUEST, read_head, read_to_end, reset, two_ends

ENDS: tuple[Side, ...] = ("client", "server")


def said(t: Tap) -> str:
    return t.log.text(["payload"])


def closed(t: Tap) -> list[ClosedRecord]:
    wait_until(lambda: len(t.log.filter(kind="closed")) == 2)
    return [cast(ClosedRecord, one) for one in t.log.filter(kind="closed")]


def message(sender: Side, payload: bytes = b"hello") -> bytes:
    return mask_all(frame(1, payload)) if sender == "client" else frame(1, payload)


@pytest.mark.parametrize("end", ["eof", "reset"])
@pytest.mark.parametrize("sender", ENDS)
def test_frames_pass_and_the_end_of_tcp_is_that_of_the_other_end(sender: Side, end: str) -> None:
    with two_ends() as ends:
        ends.upgrade("", "Sec-WebSocket-Protocol: chat\r\n")
        for each in ENDS:
            assert ends.send(each, message(each)) == message(each)
        one, other = ends.sockets(sender)
        close = mask_all(frame(8, b"\x03\xe8"))
        assert ends.send("client", close) == close
        if end == "reset":
            reset(one)
        else:
            one.shutdown(socket.SHUT_WR)
        assert read_to_end(other) == (b"", end)
        ends.close()
        tcp = "reset" if end == "reset" else "dropped by server"
        assert [(one.connection, one.side, one.tcp) for one in closed(ends.tap)] == [
            (1, "server", tcp),
            (2, "client", tcp),
        ]
        first = next(one for one in ends.tap.log if isinstance(one, OpenedRecord))
        assert (first.path, first.subprotocol) == ("/chat?room=7", "chat")


def test_http_passes_and_a_head_that_breaks_off() -> None:
    with two_ends() as ends:
        part = b"GET / HTTP/1.1\r\nHost: "
        ends.client.sendall(part)
        ends.client.shutdown(socket.SHUT_WR)
        assert read_to_end(ends.server) == (part, "eof")
        assert ends.send("server", b"HTTP/1.1 400 No\r\n\r\n") == b"HTTP/1.1 400 No\r\n\r\n"
        assert "handshake" not in ends.tap.log.text()


def test_a_refusal_and_a_client_that_sends_before_the_answer() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with two_ends() as ends:
        ends.client.sendall(REQUEST.format(host="127.0.0.1", more="").encode())
        read_head(ends.server)
        assert ends.send("server", refusal) == refusal
        assert [one.status for one in closed(ends.tap)] == [403, 403]
        early = b"x" * 100_000
        ends.client.sendall(REQUEST.format(host="127.0.0.1", more="").encode() + early)
        read_head(ends.server)
        assert ends.send("server", refusal) == refusal


def test_a_foreign_host_is_refused() -> None:
    with two_ends() as ends:
        ends.client.sendall(REQUEST.format(host="evil.example", more="").encode())
        assert read_to_end(ends.client)[0].startswith(b"HTTP/1.1 421 ")
        assert "The Host header does not name this tap" in said(ends.tap)
        assert read_to_end(ends.server)[0] == b""


def test_a_server_that_cannot_be_reached() -> None:
    with tap(f"ws://127.0.0.1:{free_port()}") as t:
        with socket.create_connection(("127.0.0.1", t.port), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert read_to_end(client)[0].startswith(b"HTTP/1.1 502 ")
        socket.create_connection(("127.0.0.1", t.port), 10).close()
        wait_until(lambda: said(t).count("The server was not reached") == 2)
        assert "closed" not in t.log.text()


def test_a_client_that_leaves_while_the_server_is_being_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it answers no TLS
        with tap(f"wss://127.0.0.1:{listening.getsockname()[1]}") as t:
            client = socket.create_connection(("127.0.0.1", t.port), 10)
            server, _ = listening.accept()
            server.settimeout(10)
            assert server.recv(3)
            t.shutdown()
            assert read_to_end(client) == (b"", "reset")
            client.close()
            read_to_end(server)
            server.close()


@pytest.mark.parametrize("sender", ENDS)
def test_a_slow_end_holds_up_the_other_one_and_a_reset_waits_for_it(sender: Side) -> None:
    one_message = message(sender, bytes(2**16))
    count = 512
    with two_ends() as ends:
        ends.tap.log.max_bytes = 2**20
        ends.upgrade()
        one, other = ends.sockets(sender)
        before = ends.tap.log.last_number
        sending = threading.Thread(target=one.sendall, args=(one_message * count,))
        sending.start()
        came = 0
        while ends.tap.log.last_number < before + 2 * count:
            came += len(other.recv(2**14))
        sending.join(20)
        reset(one)
        data, how = read_to_end(other)  # while this end is slow, the tap does not read that one
        wait_until(lambda: f"The {sender} reset TCP" in said(ends.tap))
        # As without a tap, a reset takes back what the other end had no room for yet.
        assert came + len(data) <= count * len(one_message)
        assert how == "reset"


def test_rules_on_both_ways() -> None:
    seen: list[Any] = []

    def rule(passing: Any) -> None:
        seen.append((passing.connection, passing.sender))
        if passing.value == "answer":
            passing.drop()
            passing.inject("text", "answered", to=passing.sender)
        if passing.value == "hold":
            passing.hold()
        if passing.value == "fail":
            raise ValueError("of the rule")

    with two_ends() as ends:
        ends.upgrade()
        part = message("client", b"long")[:3]
        assert ends.send("client", part) == part  # a frame is under way
        ends.tap.rules.append(rule)
        ends.server.sendall(message("server", b"answer"))
        ends.server.sendall(message("server", b"fail"))
        assert ends.client.recv(7) == message("server", b"fail")[:7]
        rest = message("client", b"long")[3:]
        ends.client.sendall(rest + message("client", b"fail"))
        got = part
        while b"fail" not in unmasked(got):
            got += ends.server.recv(100)
        assert "answered" in unmasked(got).decode("latin-1")
        assert seen == [(2, "server"), (2, "server"), (1, "client")]
        assert said(ends.tap).count("ValueError: of the rule") == 2
        held = message("client", b"hold")
        ends.client.sendall(held)
        wait_until(lambda: "holds it" in said(ends.tap))
        ends.client.shutdown(socket.SHUT_WR)
        assert ends.tap.release() == 1
        assert read_to_end(ends.server) == (held, "eof")


def unmasked(data: bytes) -> bytes:
    """Return the payloads of the frames in these bytes."""
    return b" ".join(one.payload for one in split(data))


def test_messages_that_an_extension_has_changed_pass_the_rules() -> None:
    with two_ends(rules=[lambda passing: passing.drop()]) as ends:
        offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        ends.upgrade(offer, "Sec-WebSocket-Extensions: x-odd\r\n")
        assert "permessage-deflate was removed" in said(ends.tap)
        assert ends.send("server", message("server")) == message("server")
        assert "no rule sees them" in said(ends.tap)


@pytest.mark.parametrize("sender", ENDS)
def test_cut(sender: Side) -> None:
    with two_ends(rules=[lambda passing: passing.cut()]) as ends:
        ends.upgrade()
        ends.sockets(sender)[0].sendall(message(sender))
        assert [read_to_end(one)[1] for one in ends.sockets(sender)] == ["reset", "reset"]
        assert {one.detail for one in closed(ends.tap)} == {"a rule of the tap ended TCP"}


def test_what_a_rule_delays_is_forgotten_when_both_ends_are_gone() -> None:
    with two_ends(rules=[lambda passing: passing.delay(0.3)]) as ends:
        ends.upgrade()
        ends.client.sendall(message("client") + mask_all(frame(8, b"\x03\xe8")))
        wait_until(lambda: said(ends.tap).count("delayed it") == 2)
        due = monotonic() + 0.3
        reset(ends.server)
        assert read_to_end(ends.client) == (b"", "reset")
        assert len(closed(ends.tap)) == 2
        wait_until(lambda: monotonic() > due)
        assert ends.tap.release() == 0  # the loop has had its turn
        assert [one.kind for one in ends.tap.log][-2:] == ["closed", "closed"]


def test_an_answer_of_a_rule_to_an_end_that_was_told_of_the_end() -> None:
    with two_ends(rules=[lambda passing: passing.inject("ping", b"", to="server")]) as ends:
        ends.upgrade()
        ends.client.shutdown(socket.SHUT_WR)
        assert read_to_end(ends.server) == (b"", "eof")
        assert ends.send("server", message("server")) == message("server")
        assert "injected a ping message" in said(ends.tap)


def test_a_cut_frame_under_rules_when_both_ends_are_gone() -> None:
    with two_ends(rules=[lambda passing: None]) as ends:
        ends.upgrade()
        ends.server.sendall(b"\x81")
        ends.client.close()
        ends.server.close()
        assert len(closed(ends.tap)) == 2


def test_an_answer_of_a_rule_to_an_end_that_has_said_nothing() -> None:
    def rule(passing: Any) -> None:
        if passing.sender == "server":
            passing.inject("ping", b"", to="server")

    with two_ends(rules=[rule]) as ends:
        ends.upgrade()
        assert ends.send("server", message("server")) == message("server")
        assert ends.server.recv(2) == b"\x89\x80"


def test_two_taps_share_nothing_that_changes() -> None:
    uri = parse_address("ws://127.0.0.1:9/")
    one, other = (
        TapSettings(uri, connect_options({}), Rewriting(), "127.0.0.1", (), []) for _ in range(2)
    )
    assert one.held is not other.held
    assert [next(one.held_numbers), next(one.held_numbers), next(other.held_numbers)] == [1, 2, 1]
    assert [next(one.numbers), next(one.numbers), next(other.numbers)] == [1, 2, 1]
