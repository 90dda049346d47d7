"""A click from Python does what a click does, and says what happened."""

from __future__ import annotations

import gc
from functools import partial
from typing import Any

import pytest
from ipywidgets.widgets import widget as widgets

from astra_nb import Server, connect
from astra_nb.log.records import ClosedRecord, FrameRecord
from astra_nb.widgets import ServerPanel, panel_for
from astra_nb.wire.close_codes import CLOSE_CODES
from tests.helpers import wait_until

from .conftest import request


def shows(panel: ServerPanel, text: str) -> bool:
    return text in str(panel)


def received(server: Server, **criteria: object) -> FrameRecord:
    record = server.log.wait_for(kind="frame", direction="received", **criteria)  # type: ignore[arg-type]
    assert isinstance(record, FrameRecord)
    return record


@pytest.mark.parametrize("type", ["text", "bytes", "ping", "pong"])
@pytest.mark.parametrize("sender", ["server", "client"])
def test_each_message_button(server: Server, panel: ServerPanel, type: str, sender: str) -> None:
    panel.buttons["open a client"].click()
    panel.sender.value = sender
    panel.payload.value = "00 58 0e 43 2d"
    panel.payload_format.value = "hex"
    panel.buttons[type].click()
    assert not panel.feedback.failed
    direction = "received" if sender == "client" else "sent"
    record = server.log.wait_for(type=type, direction=direction)
    assert isinstance(record, FrameRecord)
    assert record.payload == bytes([0, 0x58, 14, 0x43, 0x2D])
    value = repr("\0X\x0eC-") if type == "text" else repr(bytes([0, 0x58, 14, 0x43, 0x2D]))
    who = "client." if sender == "client" else "for socket in server.connections: socket."
    assert panel.feedback.code == f"{who}send_{type}({value})"


SENDABLE = [row.code for row in CLOSE_CODES.values() if row.may_send != "never" and row.code < 3000]


@pytest.mark.parametrize("code", [*SENDABLE, 3000, 4000])
def test_each_close_button_that_sends(server: Server, panel: ServerPanel, code: int) -> None:
    panel.sender.value = "client"
    panel.reason.value = "because"
    panel.close_buttons[code].click()
    assert not panel.feedback.failed
    close = received(server, type="close").frame.close
    assert close is not None
    assert (close.code, close.reason) == (code, "because")


def test_a_number_field_chooses_the_private_code(server: Server, panel: ServerPanel) -> None:
    panel.sender.value = "client"
    panel.private_codes[4000].value = 4711
    panel.close_buttons[4000].click()
    close = received(server, type="close").frame.close
    assert close is not None
    assert close.code == 4711


@pytest.mark.parametrize("code", [1005, 1006])
def test_reported_codes_come_about(server: Server, panel: ServerPanel, code: int) -> None:
    panel.sender.value = "client"
    panel.close_buttons[code].click()
    closed = server.log.wait_for(kind="closed")
    assert isinstance(closed, ClosedRecord)
    assert closed.code == code
    assert f"the other end reports {code}" in panel.feedback.sentence


@pytest.mark.parametrize(("code", "failed"), [(1004, True), (1015, False)])
def test_codes_that_nothing_brings_about_say_why(
    server: Server, panel: ServerPanel, code: int, failed: bool
) -> None:
    with connect(server.url):
        server.log.wait_for(kind="opened")
        panel.close_buttons[code].click()
        assert panel.feedback.failed is failed
        assert str(code) in panel.feedback.sentence
        assert len(server.log.filter(type="close")) == 0


def test_there_is_a_button_for_every_code_of_the_registry(panel: ServerPanel) -> None:
    below_3000 = {code for code in CLOSE_CODES if code < 3000}
    assert set(panel.close_buttons) == below_3000 | {3000, 4000}


def test_one_connection_or_all(server: Server, panel: ServerPanel) -> None:
    with connect(server.url) as first, connect(server.url) as second:
        wait_until(lambda: len(panel.target.options) == 3)
        panel.buttons["text"].click()
        assert first.recv(5).value == second.recv(5).value == "Hello"
        panel.target.value = 2
        panel.payload.value = "only two"
        panel.buttons["text"].click()
        assert second.recv(5).value == "only two"
        assert panel.feedback.sentence == "Sent by the server on connection #2."
        assert panel.feedback.code == (
            "socket = {s.id: s for s in server.connections}[2]; socket.send_text('only two')"
        )
    wait_until(lambda: len(panel.target.options) == 1)
    assert panel.target.value == 0
    sent_to_first = server.log.filter(connection=1, type="text", direction="sent")
    assert len(sent_to_first) == 1


def test_fragments_and_a_ping_between(server: Server, panel: ServerPanel) -> None:
    panel.sender.value = "client"
    panel.fragments.value = 3
    panel.ping_between.value = True
    panel.buttons["text in fragments"].click()
    server.log.wait_for(direction="sent", type="text", text="Hello")
    received = server.log.filter(kind="frame", direction="received")
    types = [record.type for record in received if isinstance(record, FrameRecord)]
    assert types == ["text", "ping", "continuation", "continuation"]
    panel.cuts.value = "1, 4"
    panel.buttons["bytes in fragments"].click()
    assert "send_fragment(b'H', type='bytes', fin=False)" in panel.feedback.code
    panel.cuts.value = "1, x"
    panel.buttons["bytes in fragments"].click()
    assert (panel.feedback.failed, "'x' is not a whole number" in panel.feedback.sentence) == (
        True,
        True,
    )


def test_a_fault_says_what_happened(server: Server, panel: ServerPanel) -> None:
    panel.sender.value = "client"
    panel.fault.label = "reserved opcode"
    assert "Opcodes 3 to 7 and 11 to 15 are reserved." in panel.composer.fault_text.value
    panel.buttons["break"].click()
    assert panel.feedback.sentence.startswith(
        "The other end must fail the connection, with 1002. "
        "What happened: The server closed first with 1002 (protocol error)"
    )


def test_automatic_pong_can_be_switched_off(server: Server, panel: ServerPanel) -> None:
    with connect(server.url) as client:
        server.log.wait_for(kind="opened")
        panel.automatic_pong.value = False
        client.send_ping(b"1")
        client.send_text("after")
        assert client.recv(5).value == "after"
        assert len(server.log.filter(type="pong")) == 0


def test_a_frame_is_sent_again_from_its_row(server: Server, panel: ServerPanel) -> None:
    panel.sender.value = "client"
    panel.buttons["text"].click()
    first = received(server, type="text")
    request(panel.view, "resend", number=first.number)
    assert received(server, type="text", count=2).payload == b"Hello"
    request(panel.view, "resend", number=999)
    assert panel.feedback.sentence == "frame 999 is no longer on the log, so it was not sent"


def test_saved_messages_fill_the_field_again(panel: ServerPanel) -> None:
    panel.payload.value, panel.payload_format.value = "00 ff", "hex"
    panel.buttons["save"].click()
    panel.buttons["save"].click()
    panel.payload.value, panel.payload_format.value = "other", "text"
    assert len(panel.saved.options) == 2
    panel.saved.label = "hex: 00 ff"
    assert (panel.payload.value, panel.payload_format.value) == ("00 ff", "hex")


@pytest.mark.parametrize(
    ("payload", "format", "button", "message"),
    [
        ("zz", "hex", "bytes", "'z' is not a hex digit"),
        ("ff", "hex", "text", "is not UTF-8"),
        ("256", "byte table", "bytes", "a byte holds an integer from 0 to 255"),
        ("x" * 126, "text", "ping", "a control frame carries at most 125"),
        ("\ud800", "text", "text", "lone surrogate"),
    ],
)
def test_what_cannot_be_sent_is_said_and_not_sent(
    server: Server, panel: ServerPanel, payload: str, format: str, button: str, message: str
) -> None:
    with connect(server.url):
        server.log.wait_for(kind="opened")
        panel.payload.value, panel.payload_format.value = payload, format
        panel.buttons[button].click()
        assert panel.feedback.failed
        assert message in panel.feedback.sentence
        assert len(server.log.frames) == 0


def test_nothing_is_connected(panel: ServerPanel) -> None:
    panel.buttons["text"].click()
    assert panel.feedback.failed
    assert "nothing is connected, so nothing was sent" in panel.feedback.sentence
    assert "open a client" in panel.feedback.sentence


def test_a_server_that_does_not_run(server: Server, panel: ServerPanel) -> None:
    server.shutdown()
    for sender in ("server", "client"):
        panel.sender.value = sender
        panel.buttons["text"].click()
        assert panel.feedback.failed
        assert "the server does not run" in panel.feedback.sentence


def test_a_path_without_a_route(panel: ServerPanel) -> None:
    panel.client_path.value = "/nowhere"
    panel.buttons["open a client"].click()
    assert panel.feedback.failed
    assert "404" in panel.feedback.sentence


def test_the_reason_is_counted_in_bytes(panel: ServerPanel) -> None:
    panel.reason.value = "\u00e4" * 62
    assert "124 of 123 bytes" in panel.composer.reason_count.value
    assert "astra-over" in panel.composer.reason_count.value
    panel.reason.value = "<b>"
    assert "3 of 123 bytes" in panel.composer.reason_count.value


def test_several_panels_show_one_server(server: Server) -> None:
    panels = [panel_for(server), server.panel()]
    panels[0].sender.value = "client"
    panels[0].buttons["text"].click()
    for each in panels:
        wait_until(partial(shows, each, "Hello"))
    panels[0].close()
    with connect(server.url):
        wait_until(lambda: len(panels[1].target.options) == 2)
    panels[1].close()


def test_closing_the_panel_closes_its_clients_and_not_the_server(server: Server) -> None:
    panel = panel_for(server)
    panel.buttons["open a client"].click()
    panel.close()
    closed = server.log.wait_for(kind="closed")
    assert isinstance(closed, ClosedRecord)
    assert closed.code == 1000
    assert server.running


def test_its_repr_is_stable(server: Server, panel: ServerPanel) -> None:
    assert repr(panel) == f"<ServerPanel {server.url}>"
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel)
    assert "Listening at" in str(panel)


# The end of its server


@pytest.mark.filterwarnings("ignore:the server at:ResourceWarning")
@pytest.mark.parametrize("run", [True, False], ids=["run", "never run"])
def test_a_panel_of_a_server_that_is_gone_closes_with_all_its_parts(run: bool) -> None:
    before = set(widget_instances())
    server = Server(port=0)
    if run:
        server.run()
    server.panel()
    server.panel()
    assert len(widget_instances()) - len(before) > 20
    del server
    gc.collect()
    wait_until(lambda: set(widget_instances()) == before)


def test_a_panel_stays_when_its_server_runs_again_and_goes_when_another_replaces_it() -> None:
    before = set(widget_instances())
    server = Server(port=0)
    server.websocket("/", lambda socket: [*socket])
    server.run()
    panel = server.panel()
    panel.buttons["open a client"].click()
    server.run()
    assert panel.comm is not None
    with Server(port=server.port):
        assert panel.comm is None
        assert set(widget_instances()) == before


def widget_instances() -> dict[str, Any]:
    """The widgets that ipywidgets keeps."""
    return dict(widgets._instances)
