"""Everything about one record, with strangers' text made visible and long payloads in pages."""

from __future__ import annotations

from typing import Any

from astra_nb import FrameLog, Server, connect
from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OutputRecord,
)
from astra_nb.widgets.inspector import describe, describe_frame
from astra_nb.widgets.marks import Connection, Marks
from astra_nb.widgets.payload_pages import payload_of, payload_page
from astra_nb.wire.frames import decode, encode

LOG = FrameLog()


def frame(raw: bytes, **given: Any) -> FrameRecord:
    return FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="received", frame=decode(raw),
        **given,
    )  # fmt: skip


def test_a_masked_frame_has_its_bytes_and_its_fields() -> None:
    raw = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, section 5.7
    content = describe_frame(frame(raw))
    assert (content["type"], content["masked"], content["size"]) == ("text", True, 11)
    assert (content["header_length"], content["raw"]) == (6, raw.hex())
    assert [field["name"] for field in content["fields"]][:2] == ["FIN", "RSV1"]
    assert {field["section"] for field in content["fields"]} >= {"5.2", "5.3"}
    assert (content["problems"], content["bad"]) == ([], None)


def test_a_close_has_its_code_with_its_meaning() -> None:
    close = describe_frame(frame(b"\x88\x05\x03\xe8bye"))["close"]
    assert (close["code"], close["name"], close["reason"]) == (1000, "normal closure", "bye")
    assert describe_frame(frame(b"\x88\x00"))["close"] is None


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
    assert "c3 begins a character of 2 bytes, and 28 does not continue it" in " ".join(
        why["chain"][0]["notes"]
    )
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
    # What the payload says already is not said twice.
    assert "sentence" not in describe(LOG, notice, None)
