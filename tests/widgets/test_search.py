"""A filter's search finds what no page has, and never holds the kernel up for long."""

from __future__ import annotations

from typing import Any

import pytest

from astra_nb import FrameLog
from astra_nb.errors import LocalError
from astra_nb.log.records import HandshakeRecord, NoticeRecord
from astra_nb.widgets import search as search_module
from astra_nb.widgets.bridge import Message
from astra_nb.widgets.search import BEFORE, Query, context, search

ZERO = r"\x00"


def frame(payload: bytes, first: int = 0x81) -> bytes:
    return bytes([first, 126]) + len(payload).to_bytes(2, "big") + payload


@pytest.fixture
def log() -> FrameLog:
    return FrameLog()


def find(log: FrameLog, **fields: Any) -> list[tuple[int, str]]:
    """Number and context of each record that is found."""
    query = Query.from_page(Message("p", fields), fields.get("marked", []))
    found = search(log, query)
    assert found.below == 0
    shown = []
    for number in found.numbers:
        record = log.find(number)
        assert record is not None
        shown.append((number, context(record, query.place(record))))
    return shown


def test_whole_payloads_are_searched_in_any_case(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", frame(b"x" * 5000 + b"NeeDle"), 1)
    log.append_frames(1, "server", "sent", frame("größer É".encode() + b"\xff\xfe end"), 1)
    log.append_frames(1, "server", "sent", frame(bytes(200) + b"\x6e\x65", 0x82), 1)
    assert find(log, text="NEEDLE") == [(1, 'byte 5,000: "…xxxxxxxxxxxxNeeDle"')]
    assert find(log, text="é") == [(2, "")]  # its preview shows it
    assert find(log, text="END") == [(2, "")]
    assert find(log, text="\ud800") == find(log, text="\udc41") == []
    assert find(log, text="6e 65") == [(3, f'byte 200: "…{BEFORE * ZERO}ne"')]
    assert find(log, text="(x+)+$") == []
    assert find(log, text="x+nee?dle$", regex=True) == [(1, "")]
    assert find(log, text="^größer", regex=True) == [(2, "")]
    assert find(log, text="needle", errors=True, marked=[2, 3]) == []
    assert find(log, text="", errors=True, marked=[2, 3]) == [(2, ""), (3, "")]


def test_numbers_that_a_file_leaves_out_are_not_stepped_through(log: FrameLog) -> None:
    for number in (1, 3, 2**32 - 1):
        log.load(NoticeRecord(number=number, time=0.0, connection=0, text="needle"))
    assert [number for number, _ in find(log, text="needle")] == [1, 3, 2**32 - 1]
    found = search(log, Query(), after=1, below=2**31)
    assert (found.numbers, found.searched, found.below) == ([3], 1, 0)


def test_the_rest_of_the_filter_holds_too(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", frame(b"a"), 1)
    log.append_frames(2, "server", "received", frame(b"a"), 1)
    log.append_frames(2, "server", "received", frame(b"a", 0x80), 1)
    log.append_frames(2, "server", "received", b"\x89\x01a", 1)
    log.append_frames(2, "server", "received", b"\x88\x02\x03\xe8", 1)
    log.append(0, NoticeRecord, text="a notice")
    numbers = {
        "all": [number for number, _ in find(log)],
        "direction": [number for number, _ in find(log, direction="sent", text="a")],
        "connection": [number for number, _ in find(log, connection=1)],
        "text": [number for number, _ in find(log, types=["text", "continuation"])],
        "ping, notice": [number for number, _ in find(log, types=["ping", "notice"], text="a")],
        "a close's name": [number for number, _ in find(log, text="normal closure")],
    }
    assert numbers == {
        "all": [1, 2, 3, 4, 5, 6],
        "direction": [1],
        "connection": [1],
        "text": [1, 2, 3],
        "ping, notice": [4, 6],
        "a close's name": [5],
    }


def test_a_search_goes_on_where_it_stopped(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", frame(b"a") * 3000, 3000)
    numbers: list[int] = []
    below = 0
    while True:
        found = search(log, Query("a"), below=below, after=3)
        numbers = found.numbers + numbers
        below = found.below
        if not below:
            break
    assert numbers == list(range(4, 3001))
    assert search(log, Query("a"), after=2998).numbers == [2999, 3000]


def test_a_pattern_that_takes_for_ever_is_refused(log: FrameLog) -> None:
    log.append_frames(1, "server", "sent", frame(b"a" * 64 + b"b"), 1)
    with pytest.raises(LocalError, match=r"takes more than .* for record 1; write one without"):
        find(log, text="^(a|a)*$", regex=True)
    with pytest.raises(LocalError, match="not a regular expression"):
        find(log, text="(", regex=True)


def test_the_time_is_bounded(log: FrameLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "SECONDS", -1.0)
    log.append_frames(1, "server", "sent", frame(b"a") * 50, 50)
    found = search(log, Query("nowhere"))
    assert (found.searched, found.below, found.numbers) == (1, 50, [])


def test_records_that_are_gone_are_not_waited_for() -> None:
    log = FrameLog(max_frames=10)
    for _ in range(50):
        log.append_frames(1, "server", "sent", frame(b"a"), 1)
    kept = [record.number for record in log]
    assert kept[0] > 1
    found = search(log, Query())
    assert (found.numbers, found.searched, found.below) == (kept, len(kept), 0)
    assert search(FrameLog(), Query("a")).below == 0


def test_a_handshake_is_searched_by_its_headers(log: FrameLog) -> None:
    log.append(
        1,
        HandshakeRecord,
        side="server",
        direction="received",
        start_line="GET /chat HTTP/1.1",
        headers=(("Origin", "http://example.test"),),
        raw=b"GET /chat HTTP/1.1\r\nOrigin: http://example.test\r\n\r\n",
        status=None,
    )
    assert find(log, text="EXAMPLE.test", types=["handshake"]) == [(1, "")]


def test_a_page_may_send_anything() -> None:
    nonsense: dict[str, Any] = {"text": 7, "types": "ping", "direction": None, "connection": []}
    empty: tuple[dict[str, Any], ...] = ({}, nonsense, {"types": []})
    for fields in empty:
        assert Query.from_page(Message("p", fields), []) == Query()
    long = Query.from_page(Message("p", {"text": "x" * 10_000}), [])
    assert len(long.text) == search_module.LONGEST
