from __future__ import annotations

import re
import time
from typing import Any

import pytest

from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OpenedRecord,
    OutputRecord,
    Record,
)
from astra_nb.log.rows import COLUMNS, USUAL_COLUMNS, check_columns, details, rows
from astra_nb.wire.frames import decode

from .samples import HELLO, MASKED_HELLO


def frame(data: bytes, number: int = 1, time: float = 0.0, **fields: Any) -> FrameRecord:
    given = {"side": "server", "direction": "received", **fields}
    return FrameRecord(number=number, time=time, connection=7, frame=decode(data), **given)


def other(kind: Any, **fields: Any) -> Record:
    record: Record = kind(number=1, time=0.0, connection=7, **fields)
    return record


def cells(record: Record, *names: str) -> list[str]:
    return rows([record], check_columns(names), 0.0)[0]


def test_every_column_of_a_frame() -> None:
    record = frame(MASKED_HELLO, number=12, time=1.5)
    shown = dict(zip(COLUMNS, rows([record], list(COLUMNS.values()), 1.0)[0], strict=True))
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
    assert cells(notice, *header) == [""] * len(header)


def test_bits_and_a_key_that_is_not_there() -> None:
    record = frame(b"\x71\x00", direction="sent")
    shown = cells(record, "fin", "rsv", "mask", "key", "direction")
    assert shown == ["0", "111", "0", "", "-> sent"]


def test_deltas_count_from_the_row_before() -> None:
    records = [frame(HELLO, time=moment) for moment in (10.0, 10.25, 10.125)]
    shown = rows(records, check_columns(["relative", "delta"]), 9.5)
    assert shown == [["+0.500", "+0.000"], ["+0.750", "+0.250"], ["+0.625", "-0.125"]]


def test_the_time_of_day_is_that_of_this_machine() -> None:
    moment = 1_700_000_000.0
    local = time.strftime("%H:%M:%S", time.localtime(moment))
    assert cells(frame(HELLO, time=moment), "time") == [f"{local}.000"]


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (frame(b"\x89\x00"), ""),
        (frame(HELLO, verdict="ignored: late"), '"Hello" [ignored: late]'),
        (frame(b"\x89\x00", verdict="ignored: late"), "[ignored: late]"),
        (frame(b"\xc1\x01x", message=b"Hello"), '"Hello" [compressed 5 to 1 bytes]'),
        (frame(MASKED_HELLO[:8], verdict="TCP dropped"), '"He" [cut after 8 bytes] [TCP dropped]'),
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
        (other(OutputRecord, stream="stderr", text="a\n"), "stderr: a"),
        (other(NoticeRecord, text="listening\n"), r"listening\n"),
        (other(NoticeRecord, text="x" * 201), "x" * 200 + "…"),
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
        (["number", "colour"], "'colour' is not a column; there are 'number', 'time', "),
        ("colour", "'colour' is not a column; there are 'number', 'time', "),
        ([], "a table needs a column; there are 'number', 'time', "),
    ],
)
def test_columns_that_do_not_exist(names: list[str] | str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        check_columns(names)
