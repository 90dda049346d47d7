from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest

from astra_nb import seeded
from astra_nb.log import FrameLog
from astra_nb.log.records import (
    CheckRecord,
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OpenedRecord,
    OutputRecord,
    Record,
)
from astra_nb.log.table import (
    COLUMNS,
    USUAL_COLUMNS,
    cells,
    check_columns,
    counts,
    details,
    last_records,
)
from astra_nb.wire.frames import decode
from astra_nb.wire.messages import CloseFrame

from .samples import HELLO, MASKED_HELLO, checked, conversation

HOSTILE = "<script>alert('x')</script>&<b>\u202e\x1b[31m\x00\n\ud800$x^2$"

CONVERSATION = """\
 #  conn  direction    type       FIN  MASK  length  payload
--  ----  -----------  ---------  ---  ----  ------  -------
 1     0               notice                        listening on ws://127.0.0.1:8080/
 2     1  <- received  handshake                     GET /chat HTTP/1.1
 3     1  -> sent      handshake                     HTTP/1.1 101 Switching Protocols
 4     1               opened                        /chat with 127.0.0.1:51324, subprotocol chat, \
extensions permessage-deflate
 5     1               output                        Connection opened!\\nsecond line
 6     1  <- received  text         1     1       5  "Hello"
 7     1  -> sent      text         1     0       5  "Hello"
 8     1  -> sent      ping         1     0       5  00 58 0e 43 2d
 9     1  <- received  text         1     0       7  "Hello" [compressed 5 to 7 bytes]
10     1               error                         ValueError: no
11     1  <- received  reserved     1     0       2  61 62 "ab" [refused: reserved opcode]
12     1  -> sent      close        1     0       6  1000 normal closure "done"
13     1               closed                        The server closed first with 1000 (normal \
closure), reason "done"; the client dropped the TCP connection instead of answering with a CLOSE \
frame, so the server reports 1006 (abnormal closure) (RFC 6455, section 7.1.5)."""


def frame(data: bytes, number: int = 1, time: float = 0.0, **fields: Any) -> FrameRecord:
    given = {"side": "server", "direction": "received", **fields}
    return FrameRecord(number=number, time=time, connection=7, frame=decode(data), **given)


def other(kind: Any, **fields: Any) -> Record:
    record: Record = kind(number=1, time=0.0, connection=7, **fields)
    return record


def cells_of(record: Record, *names: str) -> list[str]:
    return cells([record], check_columns(names), 0.0)[0]


def test_every_column_of_a_frame() -> None:
    record = frame(MASKED_HELLO, number=12, time=1.5)
    shown = dict(zip(COLUMNS, cells([record], list(COLUMNS.values()), 1.0)[0], strict=True))
    assert re.fullmatch(r"\d\d:\d\d:01\.500", shown.pop("time"))
    assert shown == {
        "number": "12",
        "relative": "+0.500",
        "delta": "+0.000",
        "connection": "7",
        "direction": "<- received",
        "type": "text",
        "fin": "1",
        "rsv": "000",
        "mask": "1",
        "key": "37 fa 21 3d",
        "length": "5",
        "payload": '"Hello"',
    }


def test_columns_of_the_header_are_empty_for_other_records() -> None:
    notice = other(NoticeRecord, text="x")
    header = ("direction", "fin", "rsv", "mask", "key", "length")
    assert cells_of(notice, *header) == [""] * len(header)


def test_bits_and_a_key_that_is_not_there() -> None:
    record = frame(b"\x71\x00", direction="sent")
    shown = cells_of(record, "fin", "rsv", "mask", "key", "direction")
    assert shown == ["0", "111", "0", "", "-> sent"]


def test_deltas_count_from_the_row_before() -> None:
    records = [frame(HELLO, time=moment) for moment in (10.0, 10.25, 10.5)]
    shown = cells(records, check_columns(["relative", "delta"]), 9.5)
    assert shown == [["+0.500", "+0.000"], ["+0.750", "+0.250"], ["+1.000", "+0.250"]]


@pytest.mark.parametrize("back", [0.125, 3600.0, 999_999.0, 1.7e9])
def test_a_clock_that_is_set_back_adds_no_time(back: float) -> None:
    at = 1_700_000_000.0
    times = (at, at + 2, at + 2.5 - back, at + 3 - back, at + 3.25)
    records = [frame(HELLO, time=moment) for moment in times]
    columns = check_columns(["relative", "delta"])
    assert cells(records[:-1], columns, at) == [
        ["+0.000", "+0.000"],
        ["+2.000", "+2.000"],
        ["+2.000", "+0.000"] if back > 0.5 else ["+2.375", "+0.375"],
        ["+2.500", "+0.500"] if back > 0.5 else ["+2.875", "+0.500"],
    ]
    # Without the rows before the step, time begins with the first row.
    if back > 3:
        assert cells(records[2:4], columns, at) == [["+0.000", "+0.000"], ["+0.500", "+0.500"]]
    assert "-" not in str(cells(records, columns, at))


def test_the_time_of_day_is_that_of_this_machine() -> None:
    moment = 1_700_000_000.0
    local = time.strftime("%H:%M:%S", time.localtime(moment))
    assert cells_of(frame(HELLO, time=moment), "time") == [f"{local}.000"]


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (frame(b"\x89\x00"), ""),
        (frame(HELLO, verdict="ignored: late"), '"Hello" [ignored: late]'),
        (frame(b"\x89\x00", verdict="ignored: late"), "[ignored: late]"),
        (frame(b"\xc1\x01x", message=b"Hello"), '"Hello" [compressed 5 to 1 bytes]'),
        (frame(MASKED_HELLO[:8], verdict="TCP dropped"), '"He" [only 8 bytes] [TCP dropped]'),
        (
            other(
                HandshakeRecord, side="server", direction="received", raw=b"", headers=(),
                start_line="GET /\n HTTP/1.1",
            ),
            r"GET /\n HTTP/1.1",
        ),
        (other(OpenedRecord, side="server", peer="a:1", path="/"), "/ with a:1"),
        (
            other(
                OpenedRecord, side="server", peer="a:1", path="/", subprotocol="chat",
                extensions=("permessage-deflate", "x"),
            ),
            "/ with a:1, subprotocol chat, extensions permessage-deflate, x",
        ),
        (
            other(ClosedRecord, side="server", tcp="reset"),
            "The TCP connection was reset without a CLOSE frame, so the server reports "
            "1006 (abnormal closure) (RFC 6455, section 7.1.5).",
        ),
        (other(HandlerErrorRecord, summary="ValueError: no", traceback="..."), "ValueError: no"),
        (other(OutputRecord, stream="stdout", text="a\nb\n"), r"a\nb"),
        (other(OutputRecord, stream="stdout", text="b'\\x01'\n"), r"b'\x01'"),
        (other(OutputRecord, stream="stderr", text="a\n"), "stderr: a"),
        (other(NoticeRecord, text="listening\n"), r"listening\n"),
        (other(NoticeRecord, text="x" * 201), "x" * 200 + "…"),
        (other(CheckRecord, exercise="echo", title="Echo", outcome="right"), "echo: right"),
        (checked()[0], "echo: not yet, first-only"),
    ],
)  # fmt: skip
def test_details_of_each_kind(record: Record, shown: str) -> None:
    assert details(record) == shown


def test_the_usual_columns_are_those_of_none() -> None:
    assert [column.name for column in check_columns(None)] == list(USUAL_COLUMNS)


def test_one_column_may_be_given_by_its_name() -> None:
    assert [column.title for column in check_columns("fin")] == ["FIN"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["number", "colour"], "'colour' is not a column; choose from 'number', 'time', "),
        ("colour", "'colour' is not a column; choose from 'number', 'time', "),
        ([], "a table needs a column; choose from 'number', 'time', "),
    ],
)
def test_columns_that_do_not_exist(names: list[str] | str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        check_columns(names)


def test_a_conversation_as_text() -> None:
    columns = ["number", "connection", "direction", "type", "fin", "mask", "length", "payload"]
    assert conversation().text(columns) == CONVERSATION


def test_the_usual_columns() -> None:
    head, rule, row = conversation().filter(type="ping").text().splitlines()
    assert head.split() == [
        "#", "seconds", "conn", "direction", "type", "FIN", "MASK", "length", "payload",
    ]  # fmt: skip
    assert set(rule) == {"-", " "}
    assert re.fullmatch(
        r"8   \+\d\.\d{3}     1  -> sent    ping    1     0       5  00 58 0e 43 2d", row
    )


def test_times_keys_and_bits_can_be_chosen() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", MASKED_HELLO + b"\xf1\x00", 2)
    columns = ["key", "rsv", "delta", "time", "relative"]
    _, _, first, second = log.text(columns).splitlines()
    assert re.fullmatch(r"37 fa 21 3d  000  \+0\.000  \d\d:\d\d:\d\d\.\d{3}   \+0\.000", first)
    assert second.split()[0] == "111"


@pytest.mark.parametrize("columns", [["nothing"], [], "colour"])
def test_a_column_that_does_not_exist(columns: list[str] | str) -> None:
    for form in (conversation().text, conversation().html):
        with pytest.raises(
            ValueError, match=r"choose from 'number', 'time', 'relative', 'delta', "
        ):
            form(columns)


def test_a_last_column_that_is_aligned_to_the_right_is_filled_up() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", HELLO * 10, 10)
    lines = log.text(["number"]).splitlines()
    assert lines[:3] == [" #", "--", " 1"]
    assert lines[-1] == "10"


def test_left_out_records_are_counted() -> None:
    log = conversation()
    assert log.text("type", limit=12).splitlines()[0] == "1 earlier record not shown."
    assert log.text("type", limit=3).splitlines()[0] == "10 earlier records not shown."
    caption = "<caption>Log: the newest 3 of 13 records; 10 earlier not shown</caption>"
    assert caption in log.html(limit=3)


def test_the_counts_of_frames_and_other_records() -> None:
    assert counts(1, 1) == "1 frame, 1 other record"
    assert counts(2000, 0) == "2,000 frames, 0 other records"


def test_the_last_records_for_an_error_message() -> None:
    assert last_records([], 0.0) == "there are no records"
    log = conversation()
    assert last_records(log[-1:], log.origin) == "the last records:\n" + "\n".join(
        log.text(limit=1).splitlines()[1:]
    )


def test_an_empty_log_says_so() -> None:
    assert FrameLog().text(["number", "payload"]) == "#  payload\n-  -------\n(no records)"
    assert "Log: 0 records" in FrameLog().html()


def hostile_log() -> FrameLog:
    log = FrameLog()
    payload = HOSTILE.encode("utf-8", "surrogatepass")
    log.append_frames(1, "server", "received", bytes([0x81, len(payload)]) + payload, 1)
    log.append_frames(1, "server", "received", b"\x88\x05\x03\xe8<b>", 1)
    log.append(
        1,
        HandshakeRecord,
        side="server",
        direction="received",
        raw=b"",
        start_line=HOSTILE,
        headers=(),
    )
    log.append(
        1,
        OpenedRecord,
        side="server",
        peer=HOSTILE,
        path=HOSTILE,
        subprotocol=HOSTILE,
        extensions=(HOSTILE,),
    )
    log.append(1, HandlerErrorRecord, summary=HOSTILE, traceback=HOSTILE)
    log.append(1, OutputRecord, stream=HOSTILE, text=HOSTILE)
    log.append(0, NoticeRecord, text=HOSTILE)
    log.append(0, CheckRecord, exercise=HOSTILE, title=HOSTILE, outcome="right")
    log.append(
        1,
        ClosedRecord,
        side="server",
        first="client",
        received=CloseFrame(1000, HOSTILE),
        detail=HOSTILE,
    )
    log.append_frames(1, "server", "received", HELLO, 1, HOSTILE)
    return log


def test_hostile_text_stays_in_its_row_and_can_be_seen() -> None:
    lines = hostile_log().text(list(COLUMNS)).splitlines()
    assert len(lines) == 2 + 10
    assert all(line.isprintable() for line in lines)
    for line in lines[2:]:
        assert r"\u202e\x1b[31m\x00\n" in line or "close " in line


class Tags(HTMLParser):
    """What a browser would make of it: its elements, its attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def test_hostile_text_is_not_markup() -> None:
    html = hostile_log().html(list(COLUMNS))
    parsed = Tags(html)
    assert set(parsed.tags) == {
        "div", "style", "table", "caption", "thead", "tbody", "tr", "th", "td", "code",
    }  # fmt: skip
    assert parsed.attributes == {"class", "scope"}
    assert parsed.open == []
    assert parsed.text.count("<script>alert('x')</script>&<b>") >= 9
    assert "\u202e" not in html
    html.encode("utf-8")


def test_what_a_peer_sent_is_only_in_code_where_no_formula_is_typeset() -> None:
    html = hostile_log().html()
    assert "$x^2$" not in re.sub(r"<code>.*?</code>", "", html)
    assert 'class="astra-nb-log tex2jax_ignore mathjax_ignore"' in html


def test_the_html_table_can_be_read_by_ear() -> None:
    html = conversation().html()
    assert "<caption>Log: 13 records</caption>" in html
    assert html.count('<th scope="col"') == 9
    assert html.count('<th scope="row"') == 13
    assert "<td>← received</td>" in html
    assert "<td>→ sent</td>" in html


def test_the_html_table_has_a_fallback_for_each_of_jupyters_colours() -> None:
    html = conversation().html()
    variables = re.findall(r"var\((--[\w-]+)(,?)", html)
    assert variables
    assert all(comma for _, comma in variables)


def test_a_long_text_is_cut() -> None:
    log = FrameLog()
    log.append(0, NoticeRecord, text="x" * 10**6)
    log.append_frames(1, "server", "sent", b"\x81\x7e\x27\x10" + b"y" * 10_000, 1)
    assert len(log.text()) < 800
    assert len(log.html()) < 5000


def test_under_a_seed_a_table_leaves_the_numbers_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeded, "current", seeded.Seeded(7))
    assert [column.name for column in check_columns(None)] == list(USUAL_COLUMNS[1:])
    assert [column.name for column in check_columns(["number"])] == ["number"]
