from __future__ import annotations

import re
from xml.etree import ElementTree

from astra_nb.log import FrameLog, LogView
from astra_nb.log.records import ClosedRecord, OpenedRecord, handshake_record
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.messages import Side as End

from .samples import CLOSE, HELLO, conversation

REQUEST = "GET /chat HTTP/1.1"
RESPONSE = "HTTP/1.1 101 Switching Protocols"
GOING = b"\x88\x02\x03\xe9"
BOTH_CLOSE = """\
States of both ends of connection 1

client                                                server
CONNECTING  -- GET /chat HTTP/1.1 ----------------->  CONNECTING
OPEN        <- HTTP/1.1 101 Switching Protocols ----  OPEN
CLOSING     <- CLOSE 1000 normal closure "done" ----  CLOSING
CLOSING     -- CLOSE 1001 going away -------------->  CLOSING
CLOSED           the TCP connection was closed        CLOSED

The server closed first with 1000 (normal closure), reason "done"; the
client answered with 1001 (going away) (RFC 6455, section 7.1.2)."""
NOTE = "? marks a state that the standard leads to but that this log does not show."


def opening(log: FrameLog, *, side: End = "server", response: str = RESPONSE) -> None:
    for line, sender in ((REQUEST, "client"), (response, "server")):
        log.append(
            1,
            handshake_record,
            side=side,
            direction="sent" if sender == side else "received",
            raw=f"{line}\r\n\r\n".encode(),
        )
    if response == RESPONSE:
        log.append(1, OpenedRecord, side=side, peer="127.0.0.1:1", path="/chat")


def states_of(log: LogView) -> list[tuple[str, str]]:
    """The states after each step: of the client, of the server."""
    lines = str(log.state_picture()).split("\n\n")[1].splitlines()[1:]
    return [(line.split()[0], line.split()[-1]) for line in lines]


def test_both_ends_close() -> None:
    log = FrameLog()
    opening(log)
    log.append_frames(1, "server", "sent", CLOSE, 1)
    log.append_frames(1, "server", "received", GOING, 1)
    log.append(
        1,
        ClosedRecord,
        side="server",
        first="server",
        sent=CloseFrame(1000, "done"),
        received=CloseFrame(1001),
    )

    assert str(log.state_picture()) == BOTH_CLOSE


def test_what_the_log_does_not_show_of_the_other_end_has_a_question_mark() -> None:
    log = FrameLog()
    opening(log)
    log.append_frames(1, "server", "sent", CLOSE, 1)
    log.append(1, ClosedRecord, side="server", first="server", sent=CloseFrame(1000), tcp="timeout")

    assert states_of(log) == [
        ("CONNECTING", "CONNECTING"),
        ("OPEN?", "OPEN"),
        ("CLOSING?", "CLOSING"),
        ("CLOSED?", "CLOSED"),
    ]
    assert NOTE in str(log.state_picture())


def test_a_client_that_sent_something_was_open() -> None:
    log = FrameLog()
    opening(log)
    log.append_frames(1, "server", "received", HELLO, 1)

    assert states_of(log)[-1] == ("OPEN", "OPEN")
    assert "?" not in str(log.state_picture())


def test_at_the_client_too() -> None:
    log = FrameLog()
    opening(log, side="client")
    log.append_frames(1, "client", "received", CLOSE, 1)
    log.append(1, ClosedRecord, side="client", tcp="dropped by server")

    assert states_of(log)[1:] == [("OPEN", "OPEN"), ("CLOSING", "CLOSING"), ("CLOSED", "CLOSED")]


def test_a_client_that_does_not_accept_the_response_is_never_open() -> None:
    log = FrameLog()
    opening(log, side="client")
    records = [record for record in log if record.kind == "handshake"]

    assert states_of(FrameLog.of(records))[-1] == ("CONNECTING", "OPEN")


def test_a_refused_request() -> None:
    log = FrameLog()
    opening(log, response="HTTP/1.1 403 Forbidden")
    log.append(1, ClosedRecord, side="server", status=403)

    assert states_of(log)[1:] == [("CONNECTING", "CONNECTING"), ("CLOSED", "CLOSED")]


def test_a_close_frame_that_is_refused_moves_the_end_that_sent_it() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", b"\x88\x01x", 1, "refused: half a code")

    assert states_of(log) == [("CLOSING", "OPEN")]
    assert "[refused: half a code]" in str(log.state_picture())
    # A frame with a verdict has a dashed arrow, here as in the panel's sequence.
    assert log.state_picture().svg.count("stroke-dasharray") == 1
    assert "stroke-dasharray" not in conversation().state_picture().svg


def test_the_newest_connection_is_drawn_and_a_filter_chooses_another_one() -> None:
    log = conversation()
    log.append_frames(2, "server", "sent", CLOSE, 1)

    assert str(log.state_picture()).startswith("States of both ends of connection 2\n")
    assert states_of(log.filter(connection=1))[-1] == ("CLOSED", "CLOSED")


def test_the_newest_steps_are_drawn_and_the_others_counted() -> None:
    log = FrameLog()
    for number in range(20):
        log.append_frames(1, "server", "received", b"\x88\x02" + (3000 + number).to_bytes(2), 1)

    codes = re.findall(r"CLOSE (\d+)", str(log.state_picture()))
    assert codes == [str(number) for number in range(3008, 3020)]
    assert "8 earlier steps not shown." in str(log.state_picture())
    assert log.state_picture().svg.count("<polygon") == 12


def test_nothing_that_a_peer_wrote_is_markup() -> None:
    log = FrameLog()
    reason = b'</desc><script>alert("1")</script>\x1b[2J'
    log.append_frames(1, "server", "received", bytes([0x88, len(reason) + 2, 3, 232]) + reason, 1)
    picture = log.state_picture()
    root = ElementTree.fromstring(picture.svg)

    assert {each.tag.rpartition("}")[2] for each in root.iter()} == {
        "svg", "title", "desc", "text", "polyline", "polygon", "rect"
    }  # fmt: skip
    assert r'</desc><script>alert("1")</script>\x1b' in "".join(root.itertext())
    assert "\x1b" not in picture.svg + str(picture)
    assert "<script" not in picture._repr_html_()


def test_an_empty_log_says_so() -> None:
    assert (
        str(FrameLog().state_picture())
        == "(no handshake, CLOSE frame or end of a connection in this log)"
    )
