from __future__ import annotations

import pytest

from astra_nb.log.criteria import criteria
from astra_nb.log.entries import Block, Deferred, Entry
from astra_nb.log.payload_redaction import hide_connection_init
from astra_nb.log.pieces import Pieces
from astra_nb.log.records import FrameRecord, NoticeRecord
from astra_nb.log.snapshot import Run, Snapshot
from astra_nb.wire.frames import encode

from .samples import HELLO, PING, Decodings, numbers, text_frame

NOTICE: Entry = (
    2.0, 0, None, None,
    Deferred(NoticeRecord, {"text": "x"}, 5), 1, "", None,
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
    assert (empty.count(), empty.kinds()) == (0, (0, 0))
    assert empty.after_all_but(5) == 0


def test_kinds_leave_out_what_is_evicted() -> None:
    assert two_blocks().kinds() == (8, 1)
    assert two_blocks(first=3).kinds() == (6, 1)


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


def test_a_record_that_is_no_frame_is_redacted_by_itself() -> None:
    snapshot = two_blocks()._replace(redact=lambda record: record)
    assert list(snapshot.records()) == list(two_blocks().records())


REFUSED: Entry = (3.0, 2, "server", "received", b"\x83\x00", 1, "refused: x", None)


def test_wanted_records_are_found_as_they_are_shown() -> None:
    parts = encode(1, b'{"type":"connection_init",', fin=False) + encode(0, b'"payload":1}')
    entries: list[Entry] = [
        (1.0, 1, "server", "sent", parts + encode(1, b"a whole text"), 3, "", None),
        (1.0, 2, "server", "sent", encode(1, b"another text"), 1, "", None),
    ]
    blocks = [
        Block(1, 5, 1, 80, (entries[0], NOTICE, entries[1])),
        Block(6, 4, 0, 12, (run(6, 4),)),
    ]
    snapshot = Snapshot(1, blocks, 0, 9, 1.0, hide_connection_init)
    shown = list(snapshot.records())
    assert [record.payload for record in shown[:3] if isinstance(record, FrameRecord)] == [
        b'{"type":"connection_init"' + b"*", b"*" * 12, b"a whole text",
    ]  # fmt: skip
    for wanted in (criteria(text="whole text"), criteria(text="x"), criteria(kind="notice")):
        found = list(snapshot.records(0, wanted))
        assert found == [record for record in shown if wanted.matches(record)]
        assert found


def test_runs_are_what_was_stored_together() -> None:
    snapshot = two_blocks()
    assert list(snapshot.runs()) == [
        Run(1, 4, 1.0, 1, "sent", 12, ""),
        Run(5, 1, 2.0, 0, None, 5, ""),
        Run(6, 4, 1.0, 1, "sent", 12, ""),
    ]
    assert [(run.number, run.numbers) for run in snapshot.runs(2)] == [(3, 2), (5, 1), (6, 4)]
    assert [(run.number, run.numbers) for run in snapshot.runs(7)] == [(8, 2)]
    assert [run.number for run in two_blocks(first=3).runs()] == [3, 5, 6]
    assert list(snapshot.runs(9)) == []


def test_notable_runs_leave_out_what_was_accepted() -> None:
    snapshot = two_blocks()
    assert [run.number for run in snapshot.runs(notable=True)] == [5]
    assert list(snapshot.runs(5, notable=True)) == []
    refused = Block(10, 1, 0, 2, (REFUSED,))
    more = snapshot._replace(blocks=[*snapshot.blocks, refused], last_number=10)
    assert [(run.number, run.verdict) for run in more.runs(5, notable=True)] == [(10, "refused: x")]


def test_spans_are_the_stretches_without_a_gap() -> None:
    assert two_blocks().spans() == [(1, 9)]
    assert two_blocks(first=3).spans() == [(3, 9)]
    gap = two_blocks()._replace(blocks=[*two_blocks().blocks, Block(20, 4, 0, 12, (run(20, 4),))])
    assert gap.spans() == [(1, 9), (20, 23)]
    assert Snapshot(1, [], 0, 0, 0.0).spans() == []
