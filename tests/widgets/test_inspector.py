"""Everything about one record, with strangers' text made visible and long payloads in pages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from astra_nb import FrameLog, Server, connect
from astra_nb.errors import LocalError
from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OutputRecord,
    Record,
)
from astra_nb.widgets.inspector import (
    COPIES,
    MOST_COPIED,
    PAGE,
    bad_bytes,
    copy_of,
    describe,
    describe_frame,
    is_fragment,
    payload_of,
    payload_page,
    wire_page,
)
from astra_nb.widgets.marks import Connection, Marks
from astra_nb.wire.frames import decode, encode

LOG = FrameLog()


def frame(raw: bytes, **given: Any) -> FrameRecord:
    return FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="received", frame=decode(raw),
        **given,
    )  # fmt: skip


def test_a_masked_frame_has_its_key_its_fields_and_both_payloads() -> None:
    raw = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, section 5.7
    content = describe_frame(frame(raw))
    assert (content["type"], content["key"], content["size"]) == ("text", "37 fa 21 3d", 11)
    assert (content["header_length"], content["raw"], content["head"]) == (
        6, raw.hex(), b"Hello".hex(),
    )  # fmt: skip
    assert [field["name"] for field in content["fields"]][:2] == ["FIN", "RSV1"]
    assert {field["section"] for field in content["fields"]} >= {"5.2", "5.3"}
    assert (content["problems"], content["bad"]) == ([], None)


@pytest.mark.parametrize(
    ("raw", "at", "said"),
    [
        (b"\x81\x05caf\xc3(", 4, "payload byte 4, 0x28, cannot follow 0xc3, which begins"),
        (b"\x81\x02a\xff", 1, "payload byte 1, 0xff, begins no character"),
        (b"\x81\x02a\xc3", 1, "the character that 0xc3 begins at byte 1 is cut off"),
        (b"\x88\x03\x03\xe8\xff", 2, "payload byte 2, 0xff"),
        (b"\x01\x01\xc3", None, ""),  # a fragment may end inside a character
        (b"\x82\x01\xff", None, ""),
    ],
)
def test_the_byte_that_breaks_utf8_is_named(raw: bytes, at: int | None, said: str) -> None:
    bad = bad_bytes(frame(raw))
    assert (bad and bad["at"]) == at
    assert said in (bad["sentence"] if bad else "")


def test_a_close_has_its_code_with_its_meaning() -> None:
    close = describe_frame(frame(b"\x88\x05\x03\xe8bye"))["close"]
    assert (close["code"], close["name"], close["reason"]) == (1000, "normal closure", "bye")
    assert describe_frame(frame(b"\x88\x00"))["close"] is None


def test_a_payload_is_paged_without_cutting_characters() -> None:
    data = ("ä" * PAGE).encode() + b"end"
    first = payload_page(data, 0, None)
    assert (first["offset"], first["total"], len(base64.b64decode(first["base64"]))) == (
        0, len(data), PAGE,
    )  # fmt: skip
    last = payload_page(data, 10**9, None)
    assert last["pieces"] == [["", "end"]]
    odd = payload_page(b"x" + data, PAGE, None)
    assert odd["offset"] == PAGE + 1
    assert set(odd["pieces"][0][1]) == {"ä"}
    assert payload_page(b"", 5, None)["pieces"] == []


def test_a_hit_and_a_bad_byte_are_marked() -> None:
    page = payload_page(b"find the needle\n\x00\xff", 0, (9, 6), 17)
    assert page["pieces"] == [
        ["", "find the "], ["hit", "needle"], ["", "\n\\x00"], ["bad", r"\xff"],
    ]  # fmt: skip


def test_bytes_on_the_wire_come_in_pages() -> None:
    record = frame(b"\x82\x7f" + (3000).to_bytes(8, "big") + bytes(3000))
    assert len(wire_page(record, 1500)["hex"]) == 2 * 1024
    assert wire_page(record, -5)["hex"].startswith("827f")
    assert wire_page(NoticeRecord(number=1, time=0.0, connection=0, text=""), 0) == {"hex": ""}


def test_a_fragment_stands_for_its_message() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", b"\x01\x03one", 1)
    log.append_frames(2, "server", "sent", b"\x81\x05other", 1)
    log.append_frames(1, "server", "sent", b"\x80\x04 two", 1)
    record = log.find(3)
    assert record is not None
    assert payload_of(log, record) == (b" two", "text")
    assert payload_of(log, record, whole=True) == (b"one two", "text")
    whole = describe(log, record, None)["whole"]
    assert (whole["numbers"], whole["count"], whole["size"]) == ((1, 3), 2, 7)
    other = log.find(2)
    assert other is not None
    assert describe(log, other, None)["whole"] is None


def test_which_records_are_fragments() -> None:
    records: list[Record] = [
        *(frame(raw) for raw in (b"\x01\x00", b"\x02\x00", b"\x80\x00", b"\x00\x00")),
        *(frame(raw) for raw in (b"\x81\x00", b"\x82\x00", b"\x89\x00", b"\x09\x00")),
        NoticeRecord(number=1, time=0.0, connection=0, text=""),
    ]
    assert [is_fragment(record) for record in records] == [True] * 4 + [False] * 5


def test_the_handshake_comes_with_the_steps_of_its_accept_key() -> None:
    log = FrameLog()
    for status, direction in ((None, "received"), (101, "sent")):
        log.append(
            1, HandshakeRecord, side="server", direction=direction, raw=b"", status=status,
            start_line="GET /\u202e HTTP/1.1" if status is None else "HTTP/1.1 101 Switching",
            headers=(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),) if status is None
            else (("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ("X", "\x1b[31m")),
        )  # fmt: skip
    marks = Marks()
    marks.update(log)
    record = log.find(2)
    assert record is not None
    request, response = describe(log, record, marks.connections[1])["handshake"]
    assert request["start_line"] == r"GET /\u202e HTTP/1.1"
    assert (request["steps"], response["steps"][-1][1]) == ([], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    assert response["headers"][1]["value"] == r"\x1b[31m"
    assert describe(log, record, None)["handshake"] == []


def test_why_is_the_chain_that_led_to_the_end(server: Server) -> None:
    with connect(server.url) as client:
        client.send_raw(encode(1, b"caf\xc3(", key=bytes(4)))
        closed = server.log.wait_for(kind="closed")
    marks = Marks()
    marks.update(server.log)
    refused = server.log.wait_for(type="text")
    why = describe(server.log, refused, marks.connections[1])["why"]
    assert isinstance(closed, ClosedRecord)
    assert why["sentence"] == closed.why_closed
    chain = [link["number"] for link in why["chain"]]
    assert chain[0] == refused.number
    assert chain[-1] == closed.number
    assert why["chain"][0]["bad"]
    assert "0x28, cannot follow 0xc3" in " ".join(why["chain"][0]["notes"])
    opened = server.log.wait_for(kind="opened")
    assert describe(server.log, opened, Connection(1))["why"] is None


def test_other_records_are_text() -> None:
    error = HandlerErrorRecord(
        number=1, time=0.0, connection=1, summary="ValueError: \x1b", traceback="a\n\u202eb"
    )
    content = describe(LOG, error, None)
    assert content["sentence"] == r"ValueError: \x1b"
    assert content["why"]["sentence"] == r"ValueError: \x1b"
    assert payload_page(payload_of(LOG, error)[0], 0, None)["pieces"] == [["", "a\n\\u202eb"]]
    output = OutputRecord(number=1, time=0.0, connection=1, stream="stdout", text="x")
    assert payload_of(LOG, output) == (b"x", "text")
    notice = NoticeRecord(number=1, time=0.0, connection=0, text="Listening")
    assert payload_of(LOG, notice) == (b"Listening", "text")


def test_a_record_is_copied_in_each_form() -> None:
    record = frame(b"\x81\x02hi")
    copies = {form: copy_of(LOG, record, form) for form in COPIES}
    assert [copies[form] for form in ("payload", "python", "hex", "base64")] == [
        "hi", "'hi'", "68 69", "aGk=",
    ]  # fmt: skip
    assert copies["drawing"].startswith(" 0 ")
    assert "Payload" in copies["explanation"]
    assert copy_of(LOG, frame(b"\x82\x02\x00\xff"), "python") == r"b'\x00\xff'"
    assert copy_of(LOG, frame(b"\x81\x01\xff"), "python") == r"b'\xff'"
    assert copy_of(LOG, frame(b"\x82\x02\x00\xff"), "payload") == "00 ff"
    notice = NoticeRecord(number=1, time=0.0, connection=0, text="Listening")
    assert {copy_of(LOG, notice, form) for form in ("payload", "drawing", "explanation")} == {
        "Listening"
    }
    with pytest.raises(LocalError, match="'x' is not a form to copy"):
        copy_of(LOG, record, "x")
    large = frame(b"\x82\x7f" + (MOST_COPIED + 1).to_bytes(8, "big") + bytes(MOST_COPIED + 1))
    with pytest.raises(LocalError, match=r"1,048,577 bytes; up to 1,048,576 are copied"):
        copy_of(LOG, large, "hex")
