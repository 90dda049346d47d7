from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.log import FrameLog
from astra_nb.log.records import FrameRecord, NoticeRecord
from astra_nb.recordings import jsonl
from astra_nb.recordings.jsonl import from_line, to_line
from tests.log.samples import HELLO, checked, conversation, numbers

LINE: dict[str, Any] = {
    "kind": "frame",
    "number": 1,
    "time": 1.5,
    "connection": 1,
    "side": "server",
    "direction": "sent",
    "frame": HELLO.hex(),
    "verdict": "",
    "message": None,
}
CLOSED: dict[str, Any] = {
    "kind": "closed",
    "number": 1,
    "time": 1.5,
    "connection": 1,
    "side": "server",
    "first": "",
    "sent": None,
    "received": None,
    "tcp": "reset",
    "status": None,
    "detail": "",
}


def test_every_kind_of_record_comes_back_as_it_was() -> None:
    log = conversation()
    text = log.to_jsonl()
    assert text.count("\n") == len(log)
    again = FrameLog.from_jsonl(text)
    assert list(again) == list(log)
    assert again.to_jsonl() == text
    assert str(again) == str(log)


def test_a_check_comes_back_as_it_was_and_its_outcome_is_one_of_four() -> None:
    log = checked()
    line = log.to_jsonl()
    assert list(FrameLog.from_jsonl(line)) == list(log)
    with pytest.raises(ValueError, match="\"outcome\" is 'maybe', not one of 'right', 'not att"):
        from_line(line.replace("not yet", "maybe"))


def test_a_file_as_well(tmp_path: Path) -> None:
    log = conversation()
    path = tmp_path / "log.jsonl"
    text = log.to_jsonl(path)
    assert path.read_text(encoding="utf-8") == text
    assert list(FrameLog.from_jsonl(path)) == list(log)
    assert list(FrameLog.from_jsonl(str(path))) == list(log)


def test_the_greatest_numbers_come_back_and_the_log_goes_on() -> None:
    line = json.dumps({**LINE, "number": 2**32 - 1, "connection": 2**32 - 1})
    log = FrameLog.from_jsonl(f"{line}\n")
    log.append_frames(1, "server", "sent", HELLO, 1)
    assert numbers(list(log)) == [2**32 - 1, 2**32]
    assert log[0].connection == 2**32 - 1


def test_a_line_of_a_frame_is_its_bytes() -> None:
    assert json.loads(to_line(from_line(json.dumps(LINE)))) == LINE


def test_an_empty_log_comes_back_empty() -> None:
    assert FrameLog().to_jsonl() == ""
    assert list(FrameLog.from_jsonl("")) == []
    assert list(FrameLog.from_jsonl("\n \n")) == []


def test_gaps_between_numbers_stay_and_numbers_go_on() -> None:
    log = FrameLog()
    for _ in range(3):
        log.append_frames(1, "server", "sent", HELLO * 200, 200)
        log.append(0, NoticeRecord, text="x")
    view = log.filter(predicate=lambda record: record.number % 100 == 0 or record.number > 590)
    again = FrameLog.from_jsonl(view.to_jsonl())
    kept = [100, 200, 300, 400, 500, *range(591, 604)]
    assert numbers(list(again)) == kept
    assert numbers(again.since(0, limit=15)) == kept[-15:]
    assert numbers(again.since(299)) == kept[2:]
    assert again.find(400) == log.find(400)
    assert again.find(401) is None
    assert len(again) == len(kept)
    again.append_frames(1, "server", "sent", HELLO, 1)
    assert again[-1].number == 604


def test_hostile_text_comes_back_as_it_was() -> None:
    log = FrameLog()
    hostile = "\u2028\u2029\x85\x00\ud800\r\n\u202e"
    log.append(0, NoticeRecord, text=hostile)
    log.append(0, NoticeRecord, text="after")
    text = log.to_jsonl()
    assert text.isascii()
    first, second = FrameLog.from_jsonl(text)
    assert isinstance(first, NoticeRecord)
    assert first.text == hostile
    assert second == log[1]


def test_lines_end_with_a_line_feed_only() -> None:
    line = to_line(NoticeRecord(number=1, time=1.0, connection=0, text="a\u2028b\x85c"))
    unescaped = json.dumps(json.loads(line), ensure_ascii=False)
    assert "\u2028" in unescaped
    (record,) = jsonl.read(f"{unescaped}\r\n")
    assert isinstance(record, NoticeRecord)
    assert record.text == "a\u2028b\x85c"


@given(st.binary(min_size=1, max_size=80), st.none() | st.binary(max_size=9), st.text())
def test_any_frame_comes_back_as_it_was(data: bytes, message: bytes | None, verdict: str) -> None:
    log = FrameLog()
    log.append_frames(1, "client", "received", data, 1, verdict, (message,))
    (record,) = log
    assert isinstance(record, FrameRecord)
    assert from_line(to_line(record)) == record


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", 'it is not an object with a "kind" but [1]'),
        ("null", 'it is not an object with a "kind" but None'),
        (
            {"number": 1},
            '"kind" is None; the kinds are frame, handshake, opened, closed, error, output, '
            "notice, check",
        ),
        (
            {"kind": ["frame"]},
            "\"kind\" is ['frame']; the kinds are frame, handshake, opened, closed, error, output, "
            "notice, check",
        ),
        ({"kind": "frame"}, "a record of kind 'frame' needs the field \"number\""),
        ({**LINE, "extra": 1}, "a record of kind 'frame' has no field 'extra'"),
        ({**LINE, "number": 0}, '"number" is 0, not an integer from 1 to 4294967295'),
        ({**LINE, "number": True}, '"number" is True, not an integer from 1 to 4294967295'),
        ({**LINE, "number": 1.5}, '"number" is 1.5, not an integer from 1 to 4294967295'),
        (
            {**LINE, "number": 2**32},
            '"number" is 4294967296, not an integer from 1 to 4294967295',
        ),
        (
            {**LINE, "connection": 2**32},
            '"connection" is 4294967296, not an integer from 0 to 4294967295',
        ),
        (
            {**CLOSED, "sent": {"code": 2**32, "reason": ""}},
            "\"sent\" is {'code': 4294967296, 'reason': ''}, not an integer from 0 to 4294967295",
        ),
        ({**CLOSED, "status": 10**30}, '"status" is 1000000000000000000000000000000, not an int'),
        ({**LINE, "time": "now"}, "\"time\" is 'now', not a number of seconds since the epoch"),
        ({**LINE, "time": -1}, '"time" is -1, not a number of seconds since the epoch'),
        # In a time zone ahead it is the year 10000, which no date has.
        ({**LINE, "time": 253402300799}, '"time" is 253402300799, not a number of seconds since '),
        ({**LINE, "time": 1e300}, '"time" is 1e+300, not a number of seconds since the epoch'),
        (
            {**LINE, "time": 10**400},
            f'"time" is 1{"0" * 58}…, not a number of seconds since the epoch',
        ),
        (
            {**LINE, "time": float("nan")},
            '"time" is nan, not a number of seconds since the epoch',
        ),
        ({**LINE, "side": "peer"}, "\"side\" is 'peer', not one of 'server', 'client'"),
        ({**LINE, "direction": 1}, "\"direction\" is 1, not one of 'received', 'sent'"),
        ({**LINE, "frame": "8"}, "\"frame\" is '8', not bytes in hex"),
        ({**LINE, "frame": "zz"}, "\"frame\" is 'zz', not bytes in hex"),
        ({**LINE, "frame": ""}, "\"frame\" is '', not a frame, which has at least one byte"),
        (
            {**LINE, "frame": "890000"},
            "\"frame\" is '890000', not one frame: 1 bytes follow it",
        ),
        ({**LINE, "message": 5}, '"message" is 5, not bytes in hex'),
        ({**LINE, "verdict": None}, '"verdict" is None, not a string'),
        ({**CLOSED, "tcp": "x"}, "\"tcp\" is 'x', not one of 'closed', 'dropped by server', "),
        (
            {**CLOSED, "sent": {"code": 1000}},
            '"sent" is {\'code\': 1000}, not an object with "code" and "reason"',
        ),
        (
            {**CLOSED, "sent": {"code": "x", "reason": ""}},
            "\"sent\" is {'code': 'x', 'reason': ''}, not an integer from 0 to 4294967295",
        ),
        ({**CLOSED, "status": "403"}, "\"status\" is '403', not an integer from 0 to 4294967295"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_line_that_is_not_a_record(line: str | dict[str, Any], message: str) -> None:
    bad = line if isinstance(line, str) else json.dumps(line)
    good = json.dumps({**LINE, "number": 1})
    with pytest.raises(ValueError, match=r"^line 3 is not a record: ") as caught:
        FrameLog.from_jsonl(f"{good}\n\n{bad}\n")
    assert str(caught.value).startswith(f"line 3 is not a record: {message}")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("headers", [["a"]], "a list of pairs of a name and a value"),
        ("headers", {"a": "b"}, "a list of pairs of a name and a value"),
        ("headers", [["a", 1]], "a string"),
        ("raw", None, "bytes in hex"),
        ("status", "101", "an integer from 0 to 4294967295"),
    ],
)
def test_a_broken_handshake(field: str, value: object, message: str) -> None:
    line = json.loads(to_line(conversation()[1]))
    line[field] = value
    with pytest.raises(ValueError, match=f'"{field}" is .*, not {message}$'):
        from_line(json.dumps(line))


def test_a_broken_opening() -> None:
    line = json.loads(to_line(conversation()[3]))
    line["extensions"] = "permessage-deflate"
    with pytest.raises(ValueError, match=r"not a list of strings$"):
        from_line(json.dumps(line))


def test_numbers_must_rise() -> None:
    lines = [json.dumps({**LINE, "number": number}) for number in (1, 2, 2)]
    with pytest.raises(ValueError, match=r'^line 3 is not a record: "number" is 2, not above 2$'):
        jsonl.read("\n".join(lines))


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match=r"^the file is not UTF-8 at byte 0: ff is never "):
        FrameLog.from_jsonl(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FrameLog.from_jsonl(tmp_path / "none.jsonl")


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE", 1000)
    path = tmp_path / "log.jsonl"
    line = json.dumps({**LINE, "verdict": "x" * 700})
    path.write_text(f"{line}\n")
    assert len(FrameLog.open(path)) == 1
    path.write_text(f"{line}{' ' * 300}\n")
    with pytest.raises(ValueError, match=r"^a line is longer than 1,000 bytes$"):
        FrameLog.open(path)


def test_a_byte_order_mark_before_the_first_line(tmp_path: Path) -> None:
    records = [NoticeRecord(number=1, time=1.0, connection=0, text="one")]
    path = tmp_path / "bom.jsonl"
    path.write_text(jsonl.to_text(records), encoding="utf-8-sig")
    assert list(FrameLog.open(path)) == jsonl.read(path) == records
