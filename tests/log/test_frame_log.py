from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astra_nb import seeded
from astra_nb.errors import WaitTimeout, WrongThread
from astra_nb.log import FrameLog
from astra_nb.log.frame_log import living_logs
from astra_nb.log.records import FrameRecord, NoticeRecord, Record

from .samples import HELLO, PING, Decodings, conversation, in_thread, numbers, text_frame


def texts(log: FrameLog) -> list[str]:
    return [record.payload.decode() for record in log if isinstance(record, FrameRecord)]


def fill(log: FrameLog, count: int, run: int = 1) -> None:
    """Append frames that say "1", "2", "3" and so on, `run` of them together."""
    start = log.last_number
    for first in range(start + 1, start + count + 1, run):
        data = b"".join(text_frame(number) for number in range(first, first + run))
        log.append_frames(1, "server", "sent", data, run)


def test_records_between_two_numbers() -> None:
    log = FrameLog()
    fill(log, 20, run=5)
    assert numbers(log.between(3, 7)) == [4, 5, 6, 7]
    assert numbers(log.between(0, 2)) == [1, 2]
    assert log.between(20, 99) == log.between(7, 7) == []


def test_frames_and_other_records_keep_their_order_and_numbers() -> None:
    log = FrameLog()
    assert log.last_number == 0
    log.append_frames(1, "server", "sent", text_frame(1) + text_frame(2), 2)
    assert log.append(0, NoticeRecord, text="three") == 3
    log.append_frames(1, "server", "sent", text_frame(4), 1)
    assert log.append(0, NoticeRecord, text="five") == 5
    assert numbers(list(log)) == [1, 2, 3, 4, 5]
    assert [record.kind for record in log] == ["frame", "frame", "notice", "frame", "notice"]
    assert texts(log) == ["1", "2", "4"]
    assert log.last_number == 5
    assert len(log) == 5


def test_a_run_shares_its_time_connection_side_direction_and_verdict() -> None:
    log = FrameLog()
    log.append_frames(3, "client", "received", HELLO + PING, 2, "ignored: late")
    first, second = log
    assert isinstance(first, FrameRecord)
    assert isinstance(second, FrameRecord)
    assert (second.number, second.frame.raw) == (2, PING)
    for record in (first, second):
        assert record.time == first.time
        assert (record.connection, record.side) == (3, "client")
        assert (record.direction, record.verdict) == ("received", "ignored: late")
        assert record.message is None


def test_decompressed_payloads_go_with_their_frames() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", HELLO + PING + HELLO, 3, "", (b"one", None, b""))
    assert [record.message for record in log if isinstance(record, FrameRecord)] == [
        b"one",
        None,
        b"",
    ]


@pytest.mark.parametrize("bound", [1, 3, 255, 256, 257, 1000])
@pytest.mark.parametrize("run", [1, 7, 300])
def test_exactly_the_newest_frames_are_kept(bound: int, run: int) -> None:
    log = FrameLog(max_frames=bound)
    fill(log, 2100, run)
    assert log.dropped == 2100 - bound
    assert texts(log) == [str(number) for number in range(2101 - bound, 2101)]
    assert numbers(list(log)) == list(range(2101 - bound, 2101))
    assert len(log) == bound


def test_reading_in_between_changes_nothing_that_is_kept() -> None:
    log = FrameLog(max_frames=10)
    for _ in range(100):
        fill(log, 7, run=7)
        last = log.last_number
        assert texts(log) == [str(n) for n in range(max(1, last - 9), last + 1)]
        assert log.dropped == max(0, last - 10)


def test_a_run_that_was_evicted_in_part_is_counted_once() -> None:
    log = FrameLog(max_frames=1000)
    for _ in range(3):
        fill(log, 3500, run=7)
        assert (len(log), log.dropped) == (1000, log.last_number - 1000)
        assert texts(log)[0] == str(log.last_number - 999)


def test_bytes_are_bounded_by_whole_runs() -> None:
    log = FrameLog(max_bytes=50)
    for number in range(10, 30):
        log.append_frames(1, "server", "sent", text_frame(number) * 5, 5)
    assert texts(log) == ["28"] * 5 + ["29"] * 5  # 20 bytes each; a third would be 60
    assert log.dropped == 90


def test_a_run_larger_than_the_bound_is_not_kept() -> None:
    log = FrameLog(max_bytes=100)
    log.append_frames(1, "server", "sent", HELLO, 1)
    log.append_frames(1, "server", "sent", b"\x82\x7e\x01\x00" + bytes(256), 1)
    assert list(log) == []
    assert log.dropped == 2
    log.append_frames(1, "server", "sent", HELLO, 1)
    assert texts(log) == ["Hello"]


def test_what_a_file_had_and_the_bounds_leave_out_is_counted() -> None:
    log = FrameLog()
    log.count_dropped(3)
    assert log.dropped == 3


def test_other_records_are_dropped_with_what_is_older_than_the_frames() -> None:
    log = FrameLog(max_frames=2)
    log.append(0, NoticeRecord, text="old")
    fill(log, 1)
    log.append(0, NoticeRecord, text="between")
    fill(log, 2)
    assert [record.kind for record in log] == ["notice", "frame", "frame"]
    assert log.dropped == 1


def test_other_records_alone_are_bounded_too() -> None:
    log = FrameLog(max_frames=10)
    for number in range(1000):
        log.append(0, NoticeRecord, text=str(number))
    assert [record.text for record in log if isinstance(record, NoticeRecord)] == [
        str(number) for number in range(990, 1000)
    ]
    assert log.dropped == 0


def test_long_texts_count_as_bytes() -> None:
    log = FrameLog(max_bytes=1000)
    fill(log, 1)
    log.append(0, NoticeRecord, text="x" * 900)
    log.append(0, NoticeRecord, text="y" * 900)
    assert len(log) == 1
    assert log.dropped == 1


def test_large_runs_are_settled_before_a_batch_is_full() -> None:
    log = FrameLog(max_bytes=2**20)
    calls: list[int] = []

    class Payload(bytes):
        def __del__(self) -> None:
            calls.append(1)

    for _ in range(64):
        log.append_frames(1, "server", "sent", Payload(2**17), 1)
    assert len(calls) >= 64 - 24  # a bound, a block and what is not settled yet


def test_bounds_can_be_changed_at_any_time() -> None:
    log = FrameLog()
    fill(log, 1000)
    log.max_frames = 10
    assert texts(log) == [str(number) for number in range(991, 1001)]
    log.max_frames = 20
    fill(log, 20)
    assert len(log) == 20
    log.max_bytes = 12
    assert texts(log) == ["1019", "1020"]
    assert (log.max_frames, log.max_bytes) == (20, 12)
    log.max_frames = 0
    assert list(log) == []
    assert log.dropped == 1020


@pytest.mark.parametrize("value", [-1, 1.5, True, None, "10"])
def test_a_bound_is_a_count(value: Any) -> None:
    for name in ("max_frames", "max_bytes"):
        message = f"^{name} is an integer of 0 or more, not {re.escape(repr(value))}$"
        with pytest.raises(ValueError, match=message):
            FrameLog(**{name: value})
        with pytest.raises(ValueError, match=message):
            setattr(FrameLog(), name, value)


def test_a_log_that_does_not_record_keeps_nothing() -> None:
    log = FrameLog(recording=False)
    log.append_frames(1, "server", "sent", HELLO, 1)
    assert log.append(0, NoticeRecord, text="x") == 0
    assert (list(log), log.last_number) == ([], 0)
    log.recording = True
    log.append_frames(1, "server", "sent", HELLO, 1)
    assert numbers(list(log)) == [1]


def test_a_wrong_field_is_the_callers_error() -> None:
    log = FrameLog()
    with pytest.raises(TypeError, match="unexpected keyword argument 'texd'"):
        log.append(0, NoticeRecord, texd="x")
    assert list(log) == []


def test_clear_forgets_records_but_no_numbers() -> None:
    log = FrameLog(max_frames=5)
    fill(log, 10)
    assert log.dropped == 5
    log.clear()
    assert (list(log), log.dropped, log.last_number) == ([], 0, 10)
    assert "(no records)" in str(log)
    fill(log, 1)
    assert texts(log) == ["11"]
    assert log.origin == log[0].time


def test_since_gives_what_is_newer_and_of_that_the_newest() -> None:
    log = FrameLog(max_frames=50)
    fill(log, 100, run=4)
    assert numbers(log.since(97)) == [98, 99, 100]
    assert numbers(log.since(0)) == list(range(51, 101))
    assert log.since(100) == log.since(5000) == []
    assert numbers(log.since(0, limit=3)) == [98, 99, 100]
    assert numbers(log.since(99, limit=3)) == [100]
    assert log.since(0, limit=0) == log.since(0, limit=-1) == []
    assert len(log.since(0, limit=1000)) == 50


def test_since_decodes_no_more_than_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    log = FrameLog()
    fill(log, 5000, run=20)
    decodings = Decodings(monkeypatch)
    assert len(log.since(0, limit=7)) == 7
    assert decodings.count == 7
    log.since(4990)
    assert decodings.count == 17


def test_appending_and_counting_decode_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    decodings = Decodings(monkeypatch)
    log = FrameLog(max_frames=100)
    fill(log, 1000, run=10)
    assert (len(log), log.dropped) == (100, 900)
    assert repr(log) == "<FrameLog: 100 frames, 0 other records, 900 dropped>"
    assert decodings.count == 0


def test_find() -> None:
    log = FrameLog(max_frames=3)
    fill(log, 4)
    found = log.find(3)
    assert found is not None
    assert found.number == 3
    assert log.find(1) is log.find(5) is log.find(0) is log.find(-3) is None


def test_a_reading_is_a_snapshot() -> None:
    log = FrameLog(max_frames=5)
    fill(log, 5)
    reading = iter(log)
    assert next(reading).number == 1
    fill(log, 5)
    log.clear()
    assert numbers(list(reading)) == [2, 3, 4, 5]


def test_before_read_comes_before_each_reading() -> None:
    log = FrameLog()

    def bring() -> None:
        log.before_read = None
        fill(log, 1)

    readings: list[Callable[[], object]] = [
        lambda: list(log),
        lambda: len(log),
        lambda: log.since(0),
        lambda: str(log),
        lambda: repr(log),
        lambda: log.frames[0],
        lambda: log.wait_for(after=log.last_number),
    ]
    for count, read in enumerate(readings, start=1):
        log.before_read = bring
        read()
        assert log.last_number == count


def test_a_subscriber_is_called_once_until_the_log_is_read() -> None:
    log = FrameLog()
    calls: list[int] = []
    unsubscribe = log.subscribe(lambda: calls.append(log.last_number))
    fill(log, 3)
    assert calls == [1]
    assert numbers(log.since(0)) == [1, 2, 3]
    log.append(0, NoticeRecord, text="x")
    fill(log, 1)
    assert calls == [1, 4]
    list(log)
    unsubscribe()
    unsubscribe()
    fill(log, 1)
    assert calls == [1, 4]


def test_a_waiter_looks_at_each_record_once_and_wakes_no_other_reader() -> None:
    log = FrameLog()
    calls: list[str] = []
    log.subscribe(lambda: calls.append("called"))
    looked = threading.Semaphore(0)
    seen: list[int] = []

    def look(record: Record) -> bool:
        seen.append(record.number)
        looked.release()
        return True

    with in_thread(lambda: log.wait_for(look, count=3, timeout=30)) as waiter:
        for _ in range(3):
            fill(log, 1)
            assert looked.acquire(timeout=10)
    assert waiter.result.number == 3
    assert seen == [1, 2, 3]
    assert calls == ["called"]


def test_wait_for_finds_what_is_there() -> None:
    log = conversation()
    assert log.wait_for(type="ping").number == 8
    assert log.wait_for(type="text", direction="received", count=2).number == 9
    assert log.wait_for(kind="closed").kind == "closed"
    assert log.wait_for(lambda record: record.number > 4).number == 5
    assert log.wait_for(text="Hello", after=6, timeout=0).number == 7


def test_wait_for_waits_for_what_comes_from_another_thread() -> None:
    log = FrameLog()
    with in_thread(lambda: log.wait_for(text="777", timeout=30)) as waiter:
        fill(log, 1000)
    assert waiter.result.number == 777


def test_wait_for_says_what_did_not_come_and_what_did() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", HELLO + PING, 2)
    with pytest.raises(WaitTimeout) as caught:
        log.wait_for(type=["pong", "ping"], direction="sent", count=2, timeout=0)
    message = str(caught.value)
    assert message.startswith(
        "2 times a record with type 'ping' or 'pong', direction 'sent' did not come within 0 s: "
        "1 of 2 came; the last records:\n#  seconds  conn"
    )
    assert message.endswith("00 58 0e 43 2d")
    assert isinstance(caught.value, TimeoutError)


def test_wait_for_on_a_log_that_does_not_record_says_so() -> None:
    with pytest.raises(WaitTimeout) as caught:
        FrameLog(recording=False).wait_for(timeout=0)
    assert str(caught.value) == (
        "a record did not come within 0 s: 0 of 1 came; this log records nothing "
        "(recording is False); there are no records"
    )


def test_wait_for_can_be_forbidden() -> None:
    log = conversation()

    def forbid() -> None:
        raise RuntimeError("not in this thread")

    log.before_wait = forbid
    with pytest.raises(RuntimeError, match="not in this thread"):
        log.wait_for(type="ping")


def test_a_wait_on_the_loop_that_the_records_come_on_is_refused_at_once() -> None:
    log = conversation()

    async def scenario() -> None:
        log.own_loops.add(asyncio.get_running_loop())
        for wanted in ("ping", "continuation"):  # whether it is there or not
            with pytest.raises(WrongThread, match=r"await log\.wait_for_async\(\.\.\.\)"):
                log.wait_for(type=wanted, timeout=None)
        assert (await log.wait_for_async(type="ping")).kind == "frame"
        # Other threads, and so other loops, may wait.
        with in_thread(lambda: log.wait_for(type="ping")) as waiter:
            pass
        assert waiter.result.number == 8

    async def elsewhere() -> int:
        return log.wait_for(type="ping").number

    asyncio.run(scenario())
    assert asyncio.run(elsewhere()) == 8
    assert log.wait_for(type="ping").number == 8


def test_the_numbers_of_a_wait_are_checked_first() -> None:
    log = FrameLog()
    with pytest.raises(TypeError, match=r"^timeout is a number of seconds, or None for no limit"):
        log.wait_for(timeout="1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^count is 0; "):
        asyncio.run(log.wait_for_async(count=0))
    log.append_frames(1, "server", "sent", HELLO, 1)
    for timeout in (math.inf, 1e300, -0.001):
        assert log.wait_for(type="text", timeout=timeout).number == 1
        assert asyncio.run(log.wait_for_async(type="text", timeout=timeout)).number == 1


def test_wait_for_async() -> None:
    log = FrameLog()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        fill(log, 1)
        assert (await log.wait_for_async(type="text")).number == 1
        waiting = asyncio.create_task(log.wait_for_async(text="5", timeout=30))
        await asyncio.sleep(0)
        await loop.run_in_executor(None, fill, log, 9)
        assert (await waiting).number == 5
        with pytest.raises(
            WaitTimeout, match=r"^a record with type 'ping' did not come within 0 s"
        ):
            await log.wait_for_async(type="ping", timeout=0)
        cancelled = asyncio.create_task(log.wait_for_async(type="ping", timeout=None))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await loop.shutdown_default_executor()

    asyncio.run(scenario())


def test_threads_append_and_read_at_once() -> None:
    log = FrameLog(max_frames=3000)
    writers = 4
    each = 5000
    stop = threading.Event()

    def write(connection: int) -> None:
        for number in range(each):
            log.append_frames(connection, "server", "sent", text_frame(number), 1)
            if number % 50 == 0:
                log.append(connection, NoticeRecord, text=str(number))

    def read() -> list[list[int]]:
        readings = []
        while not stop.is_set():
            readings.append(numbers(log.since(0, limit=300)))
        return readings

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, writers + 1)]
    with in_thread(read) as reader:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        stop.set()
    for reading in filter(None, reader.result):
        assert reading == list(range(reading[0], reading[0] + len(reading)))
    assert log.last_number == writers * (each + each // 50)
    assert len(log.frames) == 3000
    assert log.dropped == writers * each - 3000
    for connection in range(1, writers + 1):
        mine = log.filter(kind="frame", connection=connection)
        payloads = [int(r.payload) for r in mine if isinstance(r, FrameRecord)]
        assert payloads == list(range(each - len(payloads), each))


def test_each_record_appended_at_once_gets_its_own_number() -> None:
    log = FrameLog()
    given: list[int] = []

    def write() -> None:
        for _ in range(500):
            log.append_frames(1, "server", "sent", HELLO, 1)
            given.append(log.append(1, NoticeRecord, text="x"))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    notices = {record.number for record in log.filter(kind="notice")}
    assert len(set(given)) == 2000
    assert set(given) == notices


def test_broken_bytes_are_kept_as_they_came() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", b"\x81\xfe\x01", 1, "cut: TCP dropped")
    (record,) = log
    assert isinstance(record, FrameRecord)
    assert (record.frame.raw, record.frame.complete) == (b"\x81\xfe\x01", False)
    assert record.verdict == "cut: TCP dropped"


def test_a_log_is_read_from_json_lines_and_holds_all_of_it() -> None:
    log = conversation()
    again = FrameLog.from_jsonl(log.to_jsonl())
    assert list(again) == list(log)
    assert (again.dropped, again.last_number, again.origin) == (0, 13, log.origin)


def test_a_log_larger_than_the_usual_bounds_comes_back_whole() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", b"\x89\x00" * 5000, 5000)

    class Small(FrameLog):
        def __init__(self) -> None:
            super().__init__(max_frames=1000, max_bytes=2000)

    again = Small.from_jsonl(log.to_jsonl())
    assert (len(again), again.dropped) == (5000, 0)
    assert (again.max_frames, again.max_bytes) == (5000, 10_000)


def test_a_log_of_compressed_messages_comes_back_whole() -> None:
    class Small(FrameLog):
        def __init__(self) -> None:
            super().__init__(max_bytes=2000)

    log = FrameLog()
    for _ in range(5):
        log.append_frames(1, "server", "sent", b"\xc1\x01x", 1, "", (b"y" * 1000,))
    again = Small.from_jsonl(log.to_jsonl())
    assert (list(again), again.max_bytes) == (list(log), 5015)


def test_decompressed_payloads_are_counted_before_anyone_looks() -> None:
    log = FrameLog(max_bytes=4 * 2**20)
    for _ in range(300):
        log.append_frames(1, "server", "sent", b"\xc1\x01x", 1, "", (bytes(2**20),))
    ring = log._ring
    waiting = sum(len(entry[7][0] or b"") for entry in ring.fresh if entry[7])
    assert waiting + sum(block.size for block in ring.blocks) <= 7 * 2**20
    assert len(log) == 3


@pytest.mark.parametrize("wait", ["wait_for", "wait_for_async"])
def test_a_criterion_that_does_not_exist_is_refused(wait: str) -> None:
    with pytest.raises(TypeError, match=r"^'typ' is not a criterion; choose from 'kind', 'type', "):
        result = getattr(FrameLog(), wait)(typ="text")
        asyncio.run(result)


def test_a_redact_function_can_be_given_and_changed() -> None:
    def hide(record: Record) -> Record:
        assert isinstance(record, FrameRecord)
        return record.with_payload(b"*****")

    log = FrameLog(redact=hide)
    log.append_frames(1, "server", "sent", HELLO, 1)
    assert log.redact is hide
    assert '"*****"' in log.text()
    log.redact = None
    assert '"Hello"' in log.text()


def test_a_log_is_read_after_its_senders_have_brought_what_is_under_way() -> None:
    log = FrameLog()

    class Sender:
        def flush(self) -> None:
            log.append_frames(1, "client", "sent", b"\x89\x00", 1)

    sender = Sender()
    log.senders.add(sender)
    assert [record.kind for record in log] == ["frame"]
    log.senders.discard(sender)
    assert len(log) == 1


def test_a_log_made_under_a_seed_has_its_times(monkeypatch: pytest.MonkeyPatch) -> None:
    before = FrameLog()
    monkeypatch.setattr(seeded, "current", seeded.Seeded(7))
    log = FrameLog()
    for each in (before, log):
        fill(each, 2)
        each.append(1, NoticeRecord, text="three")
    assert [record.time for record in log] == [seeded.Seeded(7).time(1, "frame")] * 3
    assert min(record.time for record in before) > 1_700_000_000


def test_the_logs_that_something_refers_to() -> None:
    first, second = FrameLog(), FrameLog()
    logs = living_logs()
    assert [log for log in logs.values() if log in (first, second)] == [first, second]
    assert list(logs) == sorted(logs)
    before = len(logs)
    logs.clear()
    del second
    assert first in living_logs().values()
    assert len(living_logs()) < before


def test_what_is_on_the_log_is_told_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    log = FrameLog(max_frames=10)
    decoded = Decodings(monkeypatch)
    fill(log, 12)
    log.append(0, NoticeRecord, text="x")
    assert log.spans() == [(3, 13)]
    assert [run.number for run in log.runs(9)] == [10, 11, 12, 13]
    assert [run.number for run in log.runs(notable=True)] == [13]
    assert decoded.count == 0


def test_a_log_of_records_keeps_their_numbers_and_times() -> None:
    log = FrameLog(max_frames=10)
    fill(log, 30)
    kept = list(log)
    again = FrameLog.of(kept)
    assert (again.spans(), list(again)) == (log.spans(), kept)


def test_a_panel_is_made_by_who_can_draw_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrameLog, "panel_factory", staticmethod(lambda log: ("panel", log)))
    log = FrameLog()
    assert log.panel() == ("panel", log)


def test_a_log_is_opened_from_a_file(tmp_path: Path) -> None:
    log = conversation()
    log.save(tmp_path / "log.jsonl")
    assert list(FrameLog.open(tmp_path / "log.jsonl")) == list(log)
    newest = FrameLog.open(tmp_path / "log.jsonl", max_frames=2)
    assert list(newest.frames) == list(log.frames)[-2:]


def test_a_log_is_true_without_a_record() -> None:
    assert FrameLog()
