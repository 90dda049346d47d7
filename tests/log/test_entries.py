from __future__ import annotations

from dataclasses import replace

from astra_nb.log.entries import (
    Deferred,
    Entry,
    entry_of,
    expand,
    frames,
    joined,
    weight,
    weight_of,
)
from astra_nb.log.pieces import Pieces
from astra_nb.log.records import FrameRecord, NoticeRecord, frame_record
from astra_nb.wire.frames import decode

from .samples import HELLO, PING

DEFERRED = Deferred(NoticeRecord, {"text": "x"}, 5)


def test_an_entry_is_decoded_from_a_number_on() -> None:
    data = HELLO + PING + HELLO
    entry: Entry = (
        1.5,
        3,
        "client",
        "sent",
        Pieces(data[:3], data[3:], len(data) - 3),
        3,
        "",
        None,
    )
    assert joined(entry) == data
    found = [each for each in expand(entry, 7, 8) if isinstance(each, FrameRecord)]
    assert [(each.number, each.frame.raw) for each in found] == [(8, PING), (9, HELLO)]
    place = (1, len(HELLO))
    assert list(frames(entry, data, [place], 7, 0)) == found[:1]
    alone: Entry = (1.5, 3, "client", "sent", HELLO[:4], 1, "cut", (b"plain",))
    (cut,) = expand(alone, 7)
    assert isinstance(cut, FrameRecord)
    assert (cut.number, cut.frame.raw, cut.payload, cut.verdict) == (7, HELLO[:4], b"plain", "cut")


def test_a_deferred_record_is_built_when_it_is_read() -> None:
    record = NoticeRecord(number=3, time=2.0, connection=1, text="x")
    assert DEFERRED.build(3, 2.0, 1) == record
    assert list(expand((2.0, 1, None, None, DEFERRED, 1, "", None), 3)) == [record]


def test_a_record_as_an_entry_may_get_another_number() -> None:
    frame = frame_record(1, 2.0, 1, "server", "sent", decode(HELLO), "refused", b"plain")
    notice = NoticeRecord(number=1, time=2.0, connection=1, text="seven b")
    for record in (frame, notice):
        assert list(expand(entry_of(record), 1)) == [record]
        assert list(expand(entry_of(record), 9)) == [replace(record, number=9)]
    assert len(entry_of(notice)[4]) == 7


def test_a_deferred_record_weighs_what_it_was_given() -> None:
    assert len(DEFERRED) == 5


def test_the_weight_of_an_entry_is_what_it_keeps_in_memory() -> None:
    assert weight(HELLO, None) == len(HELLO)
    assert weight(HELLO, (None, None)) == len(HELLO)
    assert weight(Pieces(b"", HELLO, 3), (bytes(100), None, b"ab")) == 105


def test_the_weight_of_a_record() -> None:
    assert weight_of(NoticeRecord(number=1, time=2.0, connection=0, text="seven b")) == 7
    frame = frame_record(1, 2.0, 1, "server", "sent", decode(HELLO), "refused", b"plain")
    assert weight_of(frame) == len(HELLO) + len(b"plain")
