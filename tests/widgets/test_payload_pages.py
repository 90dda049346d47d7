"""Payloads are paged without cutting characters, marked, compared, and copied in each form."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from astra_nb import FrameLog
from astra_nb.errors import LocalError
from astra_nb.log.records import FrameRecord, NoticeRecord, Record
from astra_nb.widgets.payload_pages import (
    COPIES,
    MOST_COPIED,
    PAGE,
    bad_bytes,
    copy_of,
    first_difference,
    is_fragment,
    payload_page,
    start_of,
    wire_page,
)
from astra_nb.wire.frames import decode

LOG = FrameLog()


def frame(raw: bytes, **given: Any) -> FrameRecord:
    return FrameRecord(
        number=1, time=0.0, connection=1, side="server", direction="received", frame=decode(raw),
        **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "at", "said"),
    [
        (b"\x81\x05caf\xc3(", 4, "payload byte 3: c3 begins a character of 2 bytes, and 28 does"),
        (b"\x81\x02a\xff", 1, "payload byte 1: ff is never a byte of UTF-8"),
        (b"\x81\x02a\xc3", 1, "byte 1: c3 begins a character of 2 bytes, and the rest is missing"),
        (b"\x88\x03\x03\xe8\xff", 2, "payload byte 2: ff is never a byte of UTF-8"),
        (b"\x01\x01\xc3", None, ""),  # a fragment may end inside a character
        (b"\x82\x01\xff", None, ""),
    ],
)
def test_the_byte_that_breaks_utf8_is_named(raw: bytes, at: int | None, said: str) -> None:
    bad = bad_bytes(frame(raw))
    assert (bad and bad["at"]) == at
    assert said in (bad["sentence"] if bad else "")


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


def test_which_records_are_fragments() -> None:
    records: list[Record] = [
        *(frame(raw) for raw in (b"\x01\x00", b"\x02\x00", b"\x80\x00", b"\x00\x00")),
        *(frame(raw) for raw in (b"\x81\x00", b"\x82\x00", b"\x89\x00", b"\x09\x00")),
        NoticeRecord(number=1, time=0.0, connection=0, text=""),
    ]
    assert [is_fragment(record) for record in records] == [True] * 4 + [False] * 5


def test_where_in_its_message_a_fragment_begins() -> None:
    log = FrameLog()
    raw = b"\x01\x04one \x89\x00\x00\x04two \x80\x05three\x81\x01x\x80\x01y"
    log.append_frames(1, "server", "sent", raw, 6)
    assert [start_of(log, record) for record in log] == [0, 0, 4, 8, 0, 0]


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


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [(b"", b"", -1), (b"", b"a", 0), (b"same", b"same", -1), (b"same one", b"same two", 5),
     (b"abc", b"abcd", 3), (b"x" * 10_000 + b"a", b"x" * 10_000 + b"b", 10_000)],
)  # fmt: skip
def test_the_first_byte_in_which_payloads_differ(one: bytes, other: bytes, at: int) -> None:
    assert first_difference(one, other) == first_difference(other, one) == at
