from __future__ import annotations

import pytest

from astra_nb.log import FrameLog
from astra_nb.log.records import CheckRecord, ClosedRecord, NoticeRecord
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.messages import Side as End

from .samples import HELLO, MASKED_HELLO, conversation

CONVERSATION = """\
client                                                      server
  |                                                            |
  |-- GET /chat HTTP/1.1 ------------------------------------->|
  |<- HTTP/1.1 101 Switching Protocols ------------------------|
  |                           (open)                           |
  |-- TEXT "Hello" ------------------------------------------->|
  |<- TEXT "Hello" --------------------------------------------|
  |<- PING 00 58 0e 43 2d -------------------------------------|
  |-- TEXT "Hello" [compressed 5 to 7 bytes] ----------------->|
  |                                                            |
  The handler raised ValueError: no
  |-- RESERVED OPCODE 61 62 "ab" [refused: reserved opcode] -->|
  |<- CLOSE 1000 normal closure "done" ------------------------|
  |                                                            |
  The server closed first with 1000 (normal closure), reason "done"; the
  client dropped the TCP connection instead of answering with a CLOSE
  frame, so the server reports 1006 (abnormal closure) (RFC 6455,
  section 7.1.5)."""


def frames(*data: bytes, side: End = "server") -> FrameLog:
    log = FrameLog()
    for frame in data:
        log.append_frames(1, side, "received", frame, 1)
    return log


def test_a_conversation() -> None:
    assert conversation().sequence() == CONVERSATION


@pytest.mark.parametrize(
    ("side", "arrow"),
    [
        ("server", '  |-- TEXT "Hello" -------------->|'),
        ("client", '  |<- TEXT "Hello" ---------------|'),
    ],
)
def test_an_arrow_points_the_same_way_in_the_logs_of_both_ends(side: End, arrow: str) -> None:
    assert frames(HELLO, side=side).sequence().splitlines()[-1] == arrow


def test_fragments_say_that_more_follows() -> None:
    *_, first, last = frames(b"\x01\x03Hel", b"\x80\x02lo").sequence().splitlines()

    assert first == '  |-- TEXT FIN 0 "Hel" ---------->|'
    assert last == '  |-- CONTINUATION "lo" --------->|'


def test_several_connections_have_their_numbers_before_them() -> None:
    log = frames(MASKED_HELLO)
    log.append(10, ClosedRecord, side="server", sent=CloseFrame(1000), first="server")

    lines = log.sequence().splitlines()

    assert lines[0].startswith("    client ")
    assert lines[2].startswith("#1    |-- TEXT")
    assert lines[3].startswith("#10   |")
    assert lines[4].startswith("      The server closed first with 1000 ")


def test_a_long_label_is_cut_and_nothing_in_it_draws() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", b"\x81\x05\x1b[2J\n", 1, "refused: " + "x" * 200)

    *_, arrow = log.sequence().splitlines()

    assert arrow.startswith(r'  |-- TEXT "\x1b[2J\n" [refused: xxx')
    assert arrow.endswith("x… -->|")
    assert len(arrow) == 76 + len("  |-- ") + len(" -->|")


def test_left_out_records_are_counted() -> None:
    log = frames(HELLO, HELLO, HELLO)

    assert log.sequence(limit=1).splitlines()[0] == "2 earlier records not shown."
    assert len(log.sequence(limit=1).splitlines()) == 4


def test_nothing_passed() -> None:
    log = FrameLog()
    log.append(0, NoticeRecord, text="listening")
    check = {"exercise": "echo", "title": "Echo", "outcome": "right"}
    log.append(0, CheckRecord, **check)

    assert log.sequence().splitlines()[-1] == "(nothing passed)"
