from __future__ import annotations

from typing import Any

import pytest

from astra_nb.log import ring
from astra_nb.log.entries import Block, Deferred, Entry
from astra_nb.log.records import FrameRecord, NoticeRecord, Record
from astra_nb.log.ring import BATCH, Ring
from astra_nb.wire.frames import decode

from .samples import HELLO, PING, numbers

EVERYTHING = 10**9


def run(count: int, data: bytes = HELLO) -> Entry:
    """An entry of `count` equal frames."""
    return (1.0, 1, "server", "sent", data * count, count, "", None)


def notice(text: str = "x", weight: int = 0) -> Deferred:
    return Deferred(NoticeRecord, {"text": text}, weight)


def kept(ring: Ring) -> list[Record]:
    return list(ring.snapshot().records())


def test_records_are_numbered_in_the_order_of_their_entries() -> None:
    ring = Ring(EVERYTHING, EVERYTHING)
    ring.fresh.append(run(2))
    assert ring.push_other(0, 2.0, notice()) == 3
    ring.fresh.append(run(1))
    assert [(record.number, record.kind) for record in kept(ring)] == [
        (1, "frame"),
        (2, "frame"),
        (3, "notice"),
        (4, "frame"),
    ]
    assert (ring.snapshot().last_number, ring.snapshot().origin) == (4, 1.0)


def test_frames_that_a_file_had_count_as_dropped() -> None:
    ring = Ring(1, EVERYTHING)
    ring.count_dropped(7)
    ring.fresh.append(run(3))
    ring.settle()
    assert ring.snapshot().dropped == 9


def test_a_block_has_at_most_a_batch_of_entries() -> None:
    ring = Ring(EVERYTHING, EVERYTHING)
    for _ in range(BATCH + 1):
        ring.fresh.append(run(1))
        ring.settle()
    assert [len(block.entries) for block in ring.blocks] == [BATCH, 1]
    assert [block.first for block in ring.blocks] == [1, BATCH + 1]


def test_a_block_that_is_large_enough_takes_no_more_entries() -> None:
    ring = Ring(EVERYTHING, EVERYTHING)
    for _ in range(2):
        ring.fresh.append(run(1, bytes(2**20)))
        ring.settle()
    assert len(ring.blocks) == 2


@pytest.mark.parametrize("bound", [0, 1, 3, 7, 20])
def test_a_run_is_evicted_in_part(bound: int) -> None:
    ring = Ring(bound, EVERYTHING)
    for _ in range(4):
        ring.fresh.append(run(5))
    snapshot = ring.snapshot()
    assert numbers(list(snapshot.records())) == list(range(21 - bound, 21))
    assert snapshot.dropped == 20 - bound


def test_a_run_that_was_evicted_in_part_is_counted_once_when_it_goes() -> None:
    ring = Ring(3, EVERYTHING)
    for expected in (2, 7, 12):
        ring.fresh.append(run(5))
        assert ring.snapshot().dropped == expected


def test_bytes_evict_whole_runs() -> None:
    ring = Ring(EVERYTHING, 10 * len(HELLO))
    ring.fresh += [run(4), run(4), run(4)]
    assert numbers(kept(ring)) == list(range(5, 13))


def test_other_records_have_the_bound_of_frames_for_themselves() -> None:
    ring = Ring(2, EVERYTHING)
    ring.fresh.append(run(2))
    given = [ring.push_other(0, 2.0, notice()) for _ in range(4)]
    assert given == [3, 4, 5, 6]
    assert numbers(kept(ring)) == [5, 6]
    assert ring.snapshot().dropped == 2


def test_a_record_over_the_bound_of_bytes_has_a_number_and_goes_at_the_next_reading() -> None:
    ring = Ring(EVERYTHING, 100)
    assert ring.push_other(0, 2.0, notice(weight=101)) == 1
    assert kept(ring) == []


def test_whole_blocks_are_evicted_without_a_reading() -> None:
    ring = Ring(1000, 2**20)
    for _ in range(3000):
        ring.push_other(0, 2.0, notice())
    assert sum(block.others for block in ring.blocks) <= 1000 + BATCH
    for _ in range(200):
        ring.fresh.append(run(1, bytes(2**16)))
        ring.settle()
    assert sum(block.size for block in ring.blocks) <= 2 * 2**20  # a block more than the bound


def test_loaded_records_keep_their_numbers_and_times() -> None:
    frame = FrameRecord(
        number=3, time=9.5, connection=2, side="client", direction="received",
        frame=decode(HELLO), verdict="refused", message=b"plain",
    )  # fmt: skip
    other = NoticeRecord(number=10, time=9.75, connection=0, text="x")
    ring = Ring(EVERYTHING, EVERYTHING)
    ring.load(frame)
    ring.load(other)
    assert kept(ring) == [frame, other]
    assert ring.push_other(0, 10.0, notice()) == 11


def test_clear_removes_records_and_counts_but_no_numbers() -> None:
    ring = Ring(2, EVERYTHING)
    ring.fresh.append(run(5))
    ring.snapshot()
    ring.clear()
    assert (kept(ring), ring.snapshot().dropped, ring.snapshot().origin) == ([], 0, 0.0)
    assert ring.push_other(0, 2.0, notice()) == 6
    assert ring.snapshot().origin == 2.0


def test_a_record_may_be_stored_while_records_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    # The collector may run a finalizer at any moment, and a finalizer may print.
    log = Ring(EVERYTHING, EVERYTHING)

    def block_with_a_finalizer(*arguments: Any) -> Block:
        monkeypatch.setattr(ring, "Block", Block)
        assert log.push_other(1, 2.0, notice("from a finalizer")) == 0
        return Block(*arguments)

    monkeypatch.setattr(ring, "Block", block_with_a_finalizer)
    log.fresh.append(run(1))
    assert [(record.number, record.kind) for record in kept(log)] == [(1, "frame"), (2, "notice")]


def test_a_record_knows_its_number_though_frames_come_right_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring = Ring(EVERYTHING, EVERYTHING)
    settle = ring.settle

    def settle_late() -> None:
        monkeypatch.setattr(ring, "settle", settle)
        ring.fresh.append(run(3))
        settle()

    ring.fresh.append(run(1))
    monkeypatch.setattr(ring, "settle", settle_late)
    assert ring.push_other(1, 2.0, notice()) == 2
    assert [record.kind for record in kept(ring)] == ["frame", "notice", "frame", "frame", "frame"]


def compressed(plain: int) -> Entry:
    """A message that is short on the wire and long when it is decompressed, and a ping."""
    return (1.0, 1, "server", "received", HELLO + PING, 2, "", (bytes(plain), None))


def test_decompressed_payloads_count() -> None:
    size = len(HELLO + PING) + 1000
    ring = Ring(EVERYTHING, 3 * size)
    for _ in range(5):
        ring.fresh.append(compressed(1000))
        ring.settle()
    assert sum(block.size for block in ring.blocks) == 5 * size
    assert len(kept(ring)) == 6
    assert ring.snapshot().dropped == 4


def test_a_chunk_that_is_decompressed_to_more_than_the_bound_does_not_stay() -> None:
    ring = Ring(EVERYTHING, 8 * 2**20)
    for _ in range(20):
        ring.fresh.append(compressed(5 * 2**20))
        ring.settle()
        # Without a reader, which would evict to the frame.
        assert sum(block.size for block in ring.blocks) <= 10 * 2**20
    ring.fresh.append(compressed(50 * 2**20))
    ring.settle()
    assert sum(block.size for block in ring.blocks) == 0


@pytest.mark.parametrize("value", [-1, True, 1.5, "3", None])
def test_a_bound_is_an_integer_of_0_or_more(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_bytes is an integer of 0 or more, not "):
        Ring(10, value)
