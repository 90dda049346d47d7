"""A leg of a tap reads, writes and ends TCP as its other leg says."""

from __future__ import annotations

import socket
from typing import Any, cast
from unittest.mock import Mock

import pytest

from astra_nb import FrameLog, make_certificates
from astra_nb.net import tap_leg
from astra_nb.tap import Tap
from astra_nb.wire.messages import Side
from tests.conformance.octets import frame, mask_all
from tests.helpers import wait_until
from tests.net.memory import in_memory
from tests.tapped import read_to_end, two_ends

ENDS: tuple[Side, ...] = ("client", "server")


def said(t: Tap) -> str:
    return t.log.text(["payload"])


def message(sender: Side, payload: bytes = b"hello") -> bytes:
    return mask_all(frame(1, payload)) if sender == "client" else frame(1, payload)


@pytest.mark.parametrize("sender", ENDS)
def test_tls_has_no_half_closed_connection(sender: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_leg, "HALF_CLOSED", 0.01)
    made = make_certificates()
    with two_ends(tls=(made.server, made.client)) as ends:
        request, _ = ends.upgrade()
        assert b"Host: 127.0.0.1:%d\r\n" % ends.server.getsockname()[1] in request
        assert "The tap rewrote Host" in said(ends.tap)
        for each in ENDS:
            assert ends.send(each, message(each)) == message(each)
        one, other = ends.sockets(sender)
        one.shutdown(socket.SHUT_WR)
        assert read_to_end(other)[0] == b""
        other.close()
        ends.close()
        wait_until(lambda: len(ends.tap.log.filter(kind="closed")) == 2)


def test_tls_that_checks_nothing_is_on_record() -> None:
    with (
        pytest.warns(UserWarning, match=r"^upstream_ssl=False: anyone on the way"),
        two_ends(tls=(make_certificates().server, False)) as ends,
    ):
        assert "TLS checks nothing on this connection" in said(ends.tap)


@in_memory
async def test_a_leg_without_tcp_has_nothing_to_end() -> None:
    leg = tap_leg.Leg(cast(Any, None), "client", FrameLog())
    leg.write(b"nowhere")
    leg.end_sending()
    leg.reset()
    leg.abort()
    assert leg.transport is None


@in_memory
async def test_tcp_that_has_ended_is_not_aborted() -> None:
    """It may end while an abort waits for its turn; asyncio's transport then raises."""
    transport, leg = Mock(), tap_leg.Leg(Mock(), "client", FrameLog())
    transport.abort.side_effect = AttributeError("'NoneType' object has no attribute 'call_soon'")
    leg.connection_made(transport)
    leg.connection_lost(None)
    leg.abort()
    assert not transport.abort.called


def test_fin_passes_once() -> None:
    with two_ends() as ends:
        ends.upgrade()
        ends.client.shutdown(socket.SHUT_WR)
        assert read_to_end(ends.server) == (b"", "eof")
        ends.server.close()
        assert read_to_end(ends.client) == (b"", "eof")


@pytest.mark.parametrize("reads", [True, False])
def test_a_reset_waits_a_moment_for_what_was_sent(
    reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap_leg, "RESET_GRACE", 60.0 if reads else 0.01)

    def rule(passing: Any) -> None:
        if passing.value == "cut":
            passing.cut()

    many = message("client", bytes(2**16))
    with two_ends(rules=[rule]) as ends:
        ends.tap.log.max_bytes = 2**20
        ends.upgrade()
        ends.client.settimeout(0.2)
        with pytest.raises(TimeoutError):  # the server does not read
            for _ in range(2000):
                ends.client.sendall(many)
        ends.server.sendall(message("server", b"cut"))
        wait_until(lambda: "ended TCP" in said(ends.tap))
        if reads:
            assert read_to_end(ends.server)[1] == "reset"
        wait_until(lambda: len(ends.tap.log.filter(kind="closed")) == 2)
