"""What a hop changed, told from what two taps saw."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.recorder import FrameRecorder
from astra_nb.log.records import ClosedRecord, handshake_record
from astra_nb.log.tap_comparison import Hop, HopRow, compare_taps
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import Side


@dataclass
class Tapped:
    """As much of a tap as is compared."""

    log: FrameLog


def leg(log: FrameLog, side: Side, number: int, answer: bytes, *sent: tuple[Side, bytes]) -> None:
    """Put a WebSocket on the leg that a side keeps."""

    def direction(sender: Side) -> str:
        return "sent" if sender == side else "received"

    request = b"GET /x HTTP/1.1\r\nSec-WebSocket-Protocol: v1, v2\r\nOrigin: http://a\r\n\r\n"
    heads: list[tuple[Side, bytes]] = [("client", request), ("server", answer)]
    for sender, head in heads:
        log.append(
            number,
            handshake_record,
            side=side,
            direction=direction(sender),
            raw=head,
        )
    for sender, frame in sent:
        FrameRecorder(log, number, side, direction(sender)).record(frame, 1)  # type: ignore[arg-type]
    log.append(number, ClosedRecord, side=side)


V1 = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: v1\r\n\r\n"
V2 = V1.replace(b"v1", b"v2")


def test_a_request_line_of_one_word() -> None:
    outside, inside = FrameLog(), FrameLog()
    raw = b"HTTP/1.1\r\n\r\n"
    outside.append(2, handshake_record, side="client", direction="sent", raw=raw)
    inside.append(1, handshake_record, side="server", direction="received", raw=raw)
    assert HopRow(1, "client", "path", "", "") in compare_taps(outside, inside).rows


def test_what_a_proxy_changed() -> None:
    outside, inside = FrameLog(), FrameLog()
    leg(
        outside, "client", 2, V1,
        ("client", encode(9, b"p", key=b"abcd")),
        ("server", encode(1, b"whole")),
        ("server", encode(3, b"")),
        ("server", encode(8)),
        ("client", encode(8, b"\x03\xe8bye", key=b"abcd")),
    )  # fmt: skip
    leg(
        inside, "server", 1, V2,
        ("server", encode(1, b"who", fin=False)),
        ("server", encode(0, b"le")),
        ("server", encode(10, b"")),
        ("server", encode(8, b"\x0f\xa1why")),
        ("client", encode(8, b"\x03\xe8bye", key=b"abcd")),
    )  # fmt: skip
    hop = compare_taps(Tapped(outside), inside)
    changes = {(row.sender, row.what): (row.outside, row.inside) for row in hop.changes}
    assert changes == {
        ("server", "subprotocol"): ("v1", "v2"),
        ("server", "fragments"): ("none", "2"),
        ("server", "data frames"): ("1", "none"),
        ("server", "pongs"): ("none", "1"),
        ("server", "reserved frames"): ("1", "none"),
        ("client", "pings"): ("1", "none"),
        ("server", "close"): ("empty", "4001 why"),
    }
    same = {(row.sender, row.what): row.inside for row in hop if not row.changed}
    assert same["client", "close"] == "1000 bye"
    assert same["server", "status"] == "101"
    assert same["client", "path"] == "/x"
    assert same["server", "messages"].startswith("1 (")
    assert same["server", "end of TCP"] == "closed"


def test_a_request_that_did_not_pass() -> None:
    outside, inside = FrameLog(), FrameLog()
    leg(outside, "client", 2, b"HTTP/1.1 403 Forbidden\r\n\r\n")
    [row] = compare_taps(outside, inside)
    assert row == HopRow(1, "client", "request", "passed", "did not pass")
    leg(inside, "server", 1, V1)
    leg(inside, "server", 3, V1)
    rows = compare_taps(outside, inside).rows
    assert rows[-1] == HopRow(2, "client", "request", "did not pass", "passed")
    assert HopRow(1, "server", "status", "403", "101") in rows


def test_it_shows_itself_and_no_markup_of_others() -> None:
    hop = Hop((HopRow(1, "server", "close", "1000 <b>", "4001"),))
    assert str(hop).splitlines() == [
        "websocket  from    what   outside   inside",
        "---------  ------  -----  --------  ------  -------",
        "1          server  close  1000 <b>  4001    CHANGED",
    ]
    assert "1000 &lt;b&gt;" in hop._repr_html_()
    assert "1 thing changed of 1" in hop._repr_html_()
    assert str(Hop(())).endswith("(no WebSocket passed through either tap)")

    class Printer:
        shown = ""

        def text(self, text: str) -> None:
            self.shown += text

    printer = Printer()
    hop._repr_pretty_(printer, False)
    assert printer.shown == str(hop)


def test_what_is_not_a_tap() -> None:
    with pytest.raises(LocalError, match="two taps, or their logs, not 'ws://h'"):
        compare_taps("ws://h", FrameLog())  # type: ignore[arg-type]
