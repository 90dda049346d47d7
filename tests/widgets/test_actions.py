"""Each control of a panel does what its name says, and its line of Python does the same."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb import Server, connect
from astra_nb.errors import InvalidMessage, LocalError, NotOpen
from astra_nb.log.records import ClosedRecord, FrameRecord
from astra_nb.widgets import Panel
from astra_nb.widgets.actions import ACTIONS, MOST_KEPT, Actions, code_of
from astra_nb.widgets.request_actions import MOST_SAVED
from astra_nb.wire.close_codes import CLOSE_CODES

from .conftest import request

SENDABLE = [row.code for row in CLOSE_CODES.values() if row.may_send != "never"]


def act(panel: Panel, name: str, *arguments: Any, **fields: Any) -> dict[str, Any]:
    """Do what a page does when a control is used; return what is said."""
    request(panel, "act", name=name, arguments=list(arguments), **fields)
    return {"sentence": panel.sentence, "failed": panel.failed, "code": panel.code}


def frame(server: Server, direction: str, **criteria: Any) -> FrameRecord:
    record = server.log.wait_for(kind="frame", direction=direction, **criteria)
    assert isinstance(record, FrameRecord)
    return record


@pytest.fixture
def client(panel: Panel) -> int:
    """The number of a connection whose client the panel has opened."""
    assert panel.connect("/") == "A client in the kernel has connected: #1."
    return 1


@pytest.mark.parametrize("type", ["text", "bytes", "ping", "pong"])
@pytest.mark.parametrize("end", ["to", "by"])
def test_each_message_button(
    server: Server, panel: Panel, client: int, type: str, end: str
) -> None:
    said = act(panel, f"send_{type}", typed="00 58 0e 43 2d", format="hex", options={end: client})
    assert not said["failed"]
    record = frame(server, "sent" if end == "to" else "received", type=type)
    assert record.payload == bytes([0, 0x58, 14, 0x43, 0x2D])
    value = repr("\0X\x0eC-") if type == "text" else repr(bytes([0, 0x58, 14, 0x43, 0x2D]))
    assert said["code"] == f"panel.send_{type}({value}, {end}=1)"
    assert said["sentence"] == f"Sent {type} {'to' if end == 'to' else 'from the client of'} #1."


@pytest.mark.parametrize("code", [*SENDABLE, 3999, 4000, 4711])
@pytest.mark.parametrize("end", ["to", "by"])
def test_each_close_button_that_sends(
    server: Server, panel: Panel, client: int, code: int, end: str
) -> None:
    said = act(panel, "send_close", code, options={"reason": "because", end: client})
    assert not said["failed"]
    close = frame(server, "sent" if end == "to" else "received", type="close").frame.close
    assert close is not None
    assert (close.code, close.reason) == (code, "because")
    assert said["code"] == f"panel.send_close({code}, reason='because', {end}=1)"


@pytest.mark.parametrize("code", [1005, 1006])
@pytest.mark.parametrize("end", ["to", "by"])
def test_reported_codes_come_about(
    server: Server, panel: Panel, client: int, code: int, end: str
) -> None:
    said = act(panel, "send_close", code, options={end: client})
    assert f"the other end reports {code}" in said["sentence"]
    closed = server.log.wait_for(kind="closed")
    assert isinstance(closed, ClosedRecord)
    assert closed.code in (1005, 1006)


@pytest.mark.parametrize(
    ("code", "failed", "says"),
    [
        (1004, True, "close code 1004 is never put on the wire"),
        (1015, False, "No click can produce 1015"),
        (2999, True, "2999 has no assigned"),
        (999, True, "999 is not a close code"),
        (5000, True, "5000 is not a close code"),
    ],
)
def test_codes_that_nothing_sends_say_why(
    server: Server, panel: Panel, client: int, code: int, failed: bool, says: str
) -> None:
    said = act(panel, "send_close", code, options={"to": client})
    assert said["failed"] is failed
    assert says in said["sentence"]
    assert len(server.log.filter(type="close")) == 0


def test_a_reason_is_counted_in_bytes(panel: Panel, client: int) -> None:
    with pytest.raises(InvalidMessage, match="has 124 bytes, and at most 123 fit"):
        panel.send_close(1000, "\u00e4" * 62, to=client)


def test_fragments_are_cut_evenly_or_where_it_is_said(
    server: Server, panel: Panel, client: int
) -> None:
    panel.send_fragments("text", "Gr\u00fc\u00dfe", parts=3, by=client)
    server.log.wait_for(direction="sent", type="text", text="Gr\u00fc\u00dfe")
    said = act(
        panel, "send_fragments", "bytes", typed="Hello", format="text",
        options={"cuts": "1, 4", "ping": True, "by": client},
    )  # fmt: skip
    assert said["code"] == ("panel.send_fragments('bytes', 'Hello', cuts=[1, 4], ping=True, by=1)")
    server.log.wait_for(type="pong")
    frame(server, "received", type="continuation", count=4)
    received = [r for r in server.log.frames if getattr(r, "direction", "") == "received"]
    assert [(r.type, r.payload) for r in received if isinstance(r, FrameRecord)] == [
        ("text", b"Gr"), ("continuation", b"\xc3\xbc"), ("continuation", b"\xc3\x9fe"),
        ("bytes", b"H"), ("ping", b"between"), ("continuation", b"ell"), ("continuation", b"o"),
    ]  # fmt: skip
    for cuts in ([9], [5, 4]):
        with pytest.raises(InvalidMessage, match=rf"no cut before byte {cuts[-1]}.* has 5 bytes"):
            panel.send_fragments("bytes", b"Hello", cuts=cuts, by=client)
    for parts in (0, -1):
        with pytest.raises(InvalidMessage, match=rf"1 fragment or more, not {parts}; write parts="):
            panel.send_fragments("bytes", b"Hello", parts=parts, by=client)
    said = act(panel, "send_fragments", "text", typed="x", format="text", options={"cuts": "1, x"})
    assert (said["failed"], "'x' is not a whole number" in said["sentence"]) == (True, True)


def test_a_broken_rule_says_what_happened(server: Server, panel: Panel, client: int) -> None:
    said = act(panel, "break_rule", "reserved opcode", options={"by": client})
    assert said["sentence"].startswith(
        "The other end must fail the connection, with 1002. "
        "What happened: The server closed first with 1002 (protocol error)"
    )
    panel.connect("/")
    said = act(panel, "break_rule", "dropped TCP")
    assert "What happened: The server dropped the TCP connection" in said["sentence"]
    panel.connect("/")
    assert "has not closed the connection so far" in panel.break_rule("lying length", by=3)
    with pytest.raises(LocalError, match="no such"):
        panel.break_rule("no such", by=3)


def test_an_end_breaks_a_rule_from_now_on(server: Server, panel: Panel, client: int) -> None:
    said = act(panel, "break_rule", "PONG with another payload", options={"by": client})
    assert said["sentence"].startswith("From now on from the client of #1: The other end takes it")
    panel.send_ping(b"true", to=client)
    assert frame(server, "received", type="pong").payload != b"true"
    with pytest.raises(LocalError, match="same masking key each time"):
        panel.break_rule("same masking key each time", to=client)
    said = act(panel, "connect", "/", options={"faults": ["request without Host"]})
    assert (said["failed"], "400" in said["sentence"]) == (True, True)


def test_raw_bytes_go_out_as_they_are(server: Server, panel: Panel, client: int) -> None:
    assert panel.send_raw([0x89, 0], to=client) == "Put 2 bytes on the wire to #1."
    assert frame(server, "sent", type="ping").frame.raw == b"\x89\x00"


def test_automatic_pong_can_be_switched_off(server: Server, panel: Panel) -> None:
    with connect(server.url) as client:
        server.log.wait_for(kind="opened")
        assert panel.set_automatic_pong(False) == "Automatic pong is off to #1."
        client.send_ping(b"1")
        client.send_text("after")
        assert client.recv(5).value == "after"
        assert len(server.log.filter(type="pong")) == 0


def test_a_frame_is_sent_again(server: Server, panel: Panel, client: int) -> None:
    panel.send_text("Hello", by=client)
    first = frame(server, "received", type="text")
    panel.send_again(first.number, to=client)
    assert frame(server, "sent", type="text", count=2).payload == b"Hello"
    panel.send_fragments("text", "ab", parts=2, by=client)
    part = frame(server, "received", type="text", count=2)
    with pytest.raises(InvalidMessage, match=f"frame {part.number} is not a whole message"):
        panel.send_again(part.number)
    with pytest.raises(InvalidMessage, match="frame 999 is no longer in the log"):
        panel.send_again(999)
    panel.send_close(4000, "bye", by=client)
    close = frame(server, "received", type="close")
    panel.connect("/")
    panel.send_again(close.number, by=2)
    assert frame(server, "received", type="close", count=2).payload == close.payload


def test_payloads_are_saved_and_forgotten(panel: Panel) -> None:
    for _ in range(2):
        act(panel, "save_payload", "00 ff", "hex")
    assert panel.saved == [{"name": "00 ff", "payload": "00 ff", "format": "hex"}]
    panel.forget_payload(7)
    panel.forget_payload(0)
    assert panel.saved == []
    for number in range(2 * MOST_SAVED):
        panel.save_payload(str(number))
    assert len(panel.saved) == MOST_SAVED
    with pytest.raises(InvalidMessage, match="has 65,537 characters, and up to 65,536 are kept"):
        panel.save_payload("x" * (MOST_KEPT + 1))


def test_clients_are_closed(server: Server, panel: Panel, client: int) -> None:
    assert panel.disconnect() == "Closed 1 client with 1000."
    closed = server.log.wait_for(kind="closed")
    assert isinstance(closed, ClosedRecord)
    assert closed.code == 1000


@pytest.mark.parametrize(
    ("payload", "format", "name", "message"),
    [
        ("zz", "hex", "send_bytes", "'z' is not a hex digit"),
        ("ff", "hex", "send_text", "byte 0 of the payload, 0xff, is not UTF-8"),
        ("256", "byte table", "send_bytes", "a byte holds an integer from 0 to 255"),
        ("x" * 126, "text", "send_ping", "a control frame carries at most 125"),
        ("\ud800", "text", "send_text", "lone surrogate"),
    ],
)
def test_what_cannot_be_sent_is_said_and_not_sent(
    server: Server, panel: Panel, client: int, payload: str, format: str, name: str, message: str
) -> None:
    said = act(panel, name, typed=payload, format=format)
    assert said["failed"]
    assert message in said["sentence"]
    assert len(server.log.frames) == 0


def test_nothing_is_connected(server: Server, panel: Panel) -> None:
    with pytest.raises(NotOpen, match="nothing is connected, so nothing was sent; press Connect"):
        panel.send_text("Hello")
    said = act(panel, "connect", "/nowhere")
    assert (said["failed"], "404" in said["sentence"]) == (True, True)
    server.shutdown()
    for name in ("send_ping", "connect"):
        assert "the server is not running" in act(panel, name)["sentence"]


def test_a_page_reaches_no_other_method(panel: Panel) -> None:
    for name, options in (("close", {}), ("_send", {}), ("send_text", {"self": 1}), ("", {})):
        with pytest.raises(LocalError, match="a panel has no control"):
            act(panel, name, options=options)
    said = act(panel, "send_close", [], {}, 7)
    assert said["failed"]
    assert all(callable(getattr(Actions, name)) for name in ACTIONS)


def test_the_code_hides_the_secrets_of_a_handshake(server: Server, panel: Panel) -> None:
    headers = {"Authorization": "Bearer swordfish", "X-Name": "kim"}
    options = {"headers": headers, "subprotocols": ["token.swordfish1"]}
    said = act(panel, "connect", "/?token=swordfish&room=a", options=options)
    assert said["code"] == (
        "panel.connect('/?token=<hidden>&room=a', headers={'Authorization': '<hidden>', "
        "'X-Name': 'kim'}, subprotocols=['token.<hidden>'])"
    )
    request = server.log.wait_for(kind="handshake")
    assert b"room=a" in request.raw  # type: ignore[union-attr]
    assert server.connections[0].request_with_secrets.headers["Authorization"].endswith("fish")
    for wrong in ("x", 1, [1]):
        assert act(panel, "connect", "/", options={"headers": wrong})["failed"]
        assert act(panel, "connect", "/", options={"subprotocols": wrong})["failed"]


def test_long_values_are_cut_in_the_code_alone() -> None:
    code = code_of("send_text", ["x" * 1000], {"to": None, "by": 2})
    assert len(code) < 250
    assert code.endswith("…, by=2)")
