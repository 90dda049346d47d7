"""Everything about one record, with strangers' text made visible and long data cut."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb.log.records import (
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OutputRecord,
    Record,
)
from astra_nb.widgets.inspector import PAGE, PAYLOAD, TEXT, describe_record, is_fragment, page_of
from astra_nb.wire.frames import decode


def frame(raw: bytes, **given: Any) -> FrameRecord:
    return FrameRecord(
        number=1,
        time=0.0,
        connection=1,
        side="server",
        direction="received",
        frame=decode(raw),
        **given,
    )


def test_a_masked_frame_has_its_key_its_fields_and_both_payloads() -> None:
    raw = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, section 5.7
    content, buffers = describe_record(frame(raw))
    assert (content["kind"], content["type"], content["key"]) == ("frame", "text", "37 fa 21 3d")
    assert (content["size"], content["header_length"], content["payload_size"]) == (11, 6, 5)
    assert [field["name"] for field in content["fields"]][:2] == ["FIN", "RSV1"]
    assert {field["section"] for field in content["fields"]} >= {"5.2", "5.3"}
    assert (content["problems"], content["bad_byte"], content["whole"]) == ([], -1, None)
    assert buffers == [raw, b"Hello", b""]


@pytest.mark.parametrize(
    ("raw", "bad_byte"),
    [
        (b"\x81\x02\xc3(", 0),
        (b"\x01\x01\xc3", -1),  # a fragment may end inside a character
        (b"\x82\x01\xff", -1),
        (b"\x88\x03\x03\xe8\xff", 2),
    ],
)
def test_only_text_is_judged_and_only_when_it_is_whole(raw: bytes, bad_byte: int) -> None:
    assert describe_record(frame(raw))[0]["bad_byte"] == bad_byte


def test_a_close_has_its_code_with_its_meaning() -> None:
    close = describe_record(frame(b"\x88\x05\x03\xe8bye"))[0]["close"]
    assert (close["code"], close["name"], close["reason"]) == (1000, "normal closure", "bye")
    assert describe_record(frame(b"\x88\x00"))[0]["close"] is None


def test_data_is_cut_and_the_rest_goes_in_pages() -> None:
    record = frame(b"\x82\x7f" + (100_000).to_bytes(8, "big") + bytes(100_000))
    content, buffers = describe_record(record)
    assert (content["size"], [len(each) for each in buffers]) == (100_010, [PAGE, PAYLOAD, 0])
    assert page_of(record, 100_000, PAGE) == bytes(10)
    assert page_of(record, -5, 3) == b"\x82\x7f\x00"
    assert (page_of(record, 5, -1), len(page_of(record, 0, 10**9))) == (b"", PAGE)


def test_a_response_shows_how_its_accept_key_comes_about() -> None:
    response = HandshakeRecord(
        number=1, time=0.0, connection=1, side="server", direction="sent",
        raw=b"HTTP/1.1 101 \r\n", start_line="HTTP/1.1 101 Switching\u202e Protocols", status=101,
        headers=(("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ("X", "\x1b[31m")),
    )  # fmt: skip
    content, buffers = describe_record(response, "dGhlIHNhbXBsZSBub25jZQ==")
    assert content["steps"][-1][1] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert content["start_line"] == r"HTTP/1.1 101 Switching\u202e Protocols"
    assert content["headers"][1]["value"] == r"\x1b[31m"
    assert buffers == []
    assert describe_record(response)[0]["steps"] == []
    assert page_of(response, 0, 4) == b"HTTP"


def test_other_records_are_text() -> None:
    error = HandlerErrorRecord(
        number=1, time=0.0, connection=1, summary="ValueError: \x1b", traceback="a\n\u202eb"
    )
    content, _ = describe_record(error)
    assert (content["sentence"], content["text"]) == (r"ValueError: \x1b", "a\n\\u202eb")
    output = OutputRecord(number=1, time=0.0, connection=1, stream="stdout", text="x" * (TEXT + 1))
    assert len(describe_record(output)[0]["text"]) == TEXT
    notice = NoticeRecord(number=1, time=0.0, connection=0, text="Listening")
    assert describe_record(notice)[0]["sentence"] == "Listening"
    assert page_of(notice, 0, 10) == b""


def test_which_records_are_fragments() -> None:
    records: list[Record] = [
        *(frame(raw) for raw in (b"\x01\x00", b"\x02\x00", b"\x80\x00", b"\x00\x00")),
        *(frame(raw) for raw in (b"\x81\x00", b"\x82\x00", b"\x89\x00", b"\x09\x00")),
        NoticeRecord(number=1, time=0.0, connection=0, text=""),
    ]
    assert [is_fragment(record) for record in records] == [True] * 4 + [False] * 5
