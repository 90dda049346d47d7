from __future__ import annotations

import pytest

from astra_nb.log.pieces import Pieces
from astra_nb.log.records import FrameRecord, NoticeRecord
from astra_nb.log.snapshot import Block, Deferred, Entry, Snapshot, weight

from .samples import HELLO, PING, Decodings, numbers, text_frame

NOTICE: Entry = (
    2.0, 0, None, None,
    Deferred(lambda number: NoticeRecord(number=number, time=2.0, connection=0, text="x"), 5),
    1, "", None,
)  # fmt: skip


def run(first: int, count: int) -> Entry:
    """Frames that say the numbers they have."""
    data = b"".join(text_frame(number) for number in range(first, first + count))
    return (1.0, 1, "server", "sent", data, count, "", None)


def two_blocks(first: int = 1) -> Snapshot:
    """Two runs and a notice, numbered 1 to 9; the records before `first` are evicted."""
    blocks = [
        Block(1, 5, 1, 17, (run(1, 4), NOTICE)),
        Block(6, 4, 0, 12, (run(6, 4),)),
    ]
    return Snapshot(first, blocks, first - 1, 9, 1.0)


@pytest.mark.parametrize("first", [1, 2, 4, 5])
@pytest.mark.parametrize("after", [-1, 0, 1, 2, 4, 5, 6, 8, 9, 50])
def test_records_after_a_number(first: int, after: int) -> None:
    expected = list(range(max(first, after + 1), 10))
    snapshot = two_blocks(first)
    records = list(snapshot.records(after))
    assert numbers(records) == expected
    assert snapshot.count(after) == len(expected)
    for record in records:
        if isinstance(record, FrameRecord):
            assert record.payload == str(record.number).encode()


def test_an_empty_snapshot() -> None:
    empty = Snapshot(1, [], 0, 0, 0.0)
    assert list(empty.records()) == []
    assert (empty.count(), empty.kinds(), empty.bytes_after(0)) == (0, (0, 0), 0)
    assert empty.after_all_but(5) == 0


def test_kinds_leave_out_what_is_evicted() -> None:
    assert two_blocks().kinds() == (8, 1)
    assert two_blocks(first=3).kinds() == (6, 1)


@pytest.mark.parametrize(
    ("number", "size"), [(0, 29), (3, 29), (4, 17), (5, 12), (8, 12), (9, 0), (99, 0)]
)
def test_bytes_of_the_entries_that_end_after_a_number(number: int, size: int) -> None:
    assert two_blocks().bytes_after(number) == size


@pytest.mark.parametrize(
    ("limit", "after"), [(0, 9), (1, 8), (4, 5), (5, 4), (9, 0), (10, 0), (1000, 0)]
)
def test_the_number_before_the_newest_records(limit: int, after: int) -> None:
    assert two_blocks().after_all_but(limit) == after


def test_only_the_wanted_frames_of_a_run_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decodings = Decodings(monkeypatch)
    assert len(list(two_blocks().records(7))) == 2
    assert decodings.count == 2


def test_a_run_that_came_in_two_chunks_is_joined() -> None:
    data = HELLO + PING
    entry: Entry = (
        1.5, 3, "client", "received", Pieces(data[:3], data[3:] + b"\x81", len(data) - 3), 2,
        "ignored", (b"plain", None),
    )  # fmt: skip
    hello, ping = Snapshot(1, [Block(1, 2, 0, len(data), (entry,))], 0, 2, 1.5).records()
    assert isinstance(hello, FrameRecord)
    assert isinstance(ping, FrameRecord)
    assert (hello.frame.raw, ping.frame.raw) == (HELLO, PING)
    assert (hello.message, ping.message) == (b"plain", None)
    assert (ping.time, ping.connection, ping.side, ping.direction, ping.verdict) == (
        1.5, 3, "client", "received", "ignored",
    )  # fmt: skip


def test_a_deferred_record_weighs_what_it_was_given() -> None:
    deferred = NOTICE[4]
    assert len(deferred) == 5


def test_the_weight_of_an_entry_is_what_it_keeps_in_memory() -> None:
    assert weight(HELLO, None) == len(HELLO)
    assert weight(HELLO, (None, None)) == len(HELLO)
    assert weight(Pieces(b"", HELLO, 3), (bytes(100), None, b"ab")) == 105
    plain: Entry = (1.0, 1, "server", "sent", HELLO, 1, "", (bytes(1000),))
    snapshot = Snapshot(1, [Block(1, 1, 0, 1007, (plain,))], 0, 1, 1.0)
    assert snapshot.bytes_after(0) == len(HELLO)  # on the wire
