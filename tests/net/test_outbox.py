"""The queue of sends: order, bounds, turns of the loop, threads that wait."""

from __future__ import annotations

import linecache
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import pytest

from astra_nb.net import outbox as module
from astra_nb.net.outbox import ENTRIES_A_TURN, MAX_BYTES, MAX_ENTRIES, Outbox
from tests.helpers import wait_until

LARGE = module.COUNTED_SIZE + 1


class HandLoop:
    """A loop that is turned by hand."""

    def __init__(self) -> None:
        self.ready: list[Callable[[], object]] = []
        self.problems: list[dict[str, Any]] = []
        self.call_exception_handler = self.problems.append

    def call_soon(self, call: Callable[[], object]) -> None:
        self.ready.append(call)

    call_soon_threadsafe = call_soon

    def turn(self) -> None:
        ready, self.ready = self.ready, []
        for call in ready:
            call()


class Peer:
    """The outbox of a connection whose peer reads, or does not."""

    def __init__(self) -> None:
        self.reads = True
        self.loop = HandLoop()
        self.unsent: list[int] = []
        self.done: list[Any] = []
        self.outbox = Outbox(cast(Any, self.loop), lambda: self.reads, self.unsent.append)

    def put(self, *values: Any, size: int = 0) -> None:
        for value in values:
            self.outbox.put(self.done.append, value, size=size)


def in_thread(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    return thread, results


def test_entries_are_done_in_their_order_in_the_next_turn() -> None:
    peer = Peer()
    peer.put(1, 2, 3)
    assert (len(peer.outbox), peer.done) == (3, [])
    assert len(peer.loop.ready) == 1  # one call for all of them
    peer.loop.turn()
    assert (len(peer.outbox), peer.done) == (0, [1, 2, 3])
    assert peer.loop.ready == []
    peer.put(4)
    peer.loop.turn()
    assert peer.done == [1, 2, 3, 4]


def test_an_entry_has_all_its_arguments() -> None:
    peer = Peer()
    peer.outbox.put(lambda *given: peer.done.append(given), 1, "two", b"three")
    assert peer.outbox.take() is False
    assert peer.done == [(1, "two", b"three")]


def test_a_turn_of_the_loop_takes_a_bounded_number() -> None:
    peer = Peer()
    peer.put(*range(2 * ENTRIES_A_TURN + 1))
    for done in (ENTRIES_A_TURN, 2 * ENTRIES_A_TURN, 2 * ENTRIES_A_TURN + 1):
        peer.loop.turn()
        assert len(peer.done) == done
    assert peer.loop.ready == []
    assert peer.done == sorted(peer.done)


def test_taking_tells_whether_the_limit_was_reached() -> None:
    peer = Peer()
    peer.put(1, 2, 3)
    assert peer.outbox.take(2) is True
    assert peer.outbox.take(2) is False
    assert peer.done == [1, 2, 3]


def test_nothing_is_done_while_the_peer_does_not_read() -> None:
    peer = Peer()
    peer.reads = False
    peer.put(1, 2)
    peer.loop.turn()
    assert (peer.outbox.take(), peer.done, len(peer.outbox)) == (False, [], 2)
    peer.reads = True
    assert (peer.outbox.take(), peer.done) == (False, [1, 2])


def test_an_entry_that_fills_the_peers_buffers_stops_the_taking() -> None:
    peer = Peer()
    peer.outbox.put(lambda: setattr(peer, "reads", False))
    peer.put("after")
    peer.loop.turn()
    assert (peer.done, len(peer.outbox)) == ([], 1)


def test_an_entry_that_takes_does_not_change_the_order() -> None:
    peer = Peer()

    def close() -> None:
        peer.outbox.take()
        peer.done.append("close")

    peer.put("before")
    peer.outbox.put(close)
    peer.put("after")
    peer.loop.turn()
    assert peer.done == ["before", "close", "after"]


def test_what_could_not_be_sent_is_counted_once() -> None:
    peer = Peer()
    for result in (False, None, False, True):
        peer.outbox.put(lambda result=result: result)
    peer.loop.turn()
    assert peer.unsent == [2]
    peer.put("sent")
    peer.loop.turn()
    assert peer.unsent == [2]


def test_the_bound_in_entries() -> None:
    peer = Peer()
    peer.put(*range(MAX_ENTRIES))
    assert (peer.outbox.is_full, peer.outbox.has_room) == (False, True)
    peer.put("one too many")
    assert (peer.outbox.is_full, peer.outbox.has_room) == (True, False)
    assert peer.outbox.take(1) is True
    assert not peer.outbox.is_full


def test_the_bound_in_bytes_counts_large_payloads() -> None:
    peer = Peer()
    peer.put("small", size=LARGE - 1)
    peer.put("large", size=MAX_BYTES)
    assert not peer.outbox.is_full
    peer.put("large", size=LARGE)
    assert peer.outbox.is_full
    assert peer.outbox.waiting == (3, MAX_BYTES + LARGE)
    peer.outbox.take()
    assert peer.outbox.waiting == (0, 0)
    assert not peer.outbox.is_full
    # What was taken is not counted any more, and what was not counted is not taken off.
    peer.put("large", size=MAX_BYTES)
    assert not peer.outbox.is_full


def test_there_is_no_room_while_the_peer_does_not_read() -> None:
    peer = Peer()
    peer.reads = False
    assert (peer.outbox.is_full, peer.outbox.has_room) == (False, False)


def test_a_thread_waits_until_entries_are_taken() -> None:
    peer = Peer()
    peer.put(*range(MAX_ENTRIES + 1))
    thread, _ = in_thread(lambda: peer.outbox.wait(lambda: peer.outbox.has_room))

    def turned() -> bool:
        peer.loop.turn()
        return not thread.is_alive()

    wait_until(turned)
    assert peer.outbox.has_room


def test_a_thread_waits_until_it_is_told_to_look() -> None:
    peer = Peer()
    ended = threading.Event()
    thread, _ = in_thread(lambda: peer.outbox.wait(ended.is_set))
    peer.outbox.notify()
    assert thread.is_alive()
    ended.set()

    def told() -> bool:
        peer.outbox.notify()
        return not thread.is_alive()

    wait_until(told)


class Moment:
    """A tracer that interrupts before the n-th line that runs in a module or in `threading`."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, argument: object) -> Moment | None:
        if frame.f_code.co_filename not in (module.__file__, threading.__file__):
            return None
        # Where no signal comes: before __exit__ is called, between "with" and "try", and within
        # the one statement pair that says so.
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if event == "line" and not line.startswith(("with ", "try:", "self._entries.append(")):
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def is_interrupted(peer: Peer, line: int, size: int) -> bool:
    """Interrupt a wait and a send, and check that all goes on; return whether the line was hit."""
    peer.put(*range(MAX_ENTRIES + 1))
    looks = iter((False, True))

    def look() -> bool:
        peer.outbox.notify()  # as the loop may at this moment
        return next(looks)

    traced = sys.gettrace()
    sys.settrace(Moment(line))
    hit = False
    try:
        peer.outbox.wait(look)
        peer.outbox.put(peer.done.append, "interrupted", size=size)
    except KeyboardInterrupt:
        hit = True
    finally:
        sys.settrace(traced)
    # Nobody holds a lock, so other threads may send, wait and take.
    for call in lambda: peer.put("after", size=LARGE), peer.outbox.notify:
        thread, _ = in_thread(call)
        thread.join(10)
        assert not thread.is_alive(), f"interrupted before line {line}"
    while peer.loop.ready:
        peer.loop.turn()
    assert (peer.done[-1], len(peer.outbox)) == ("after", 0)
    peer.put("large", size=MAX_BYTES)
    assert not peer.outbox.is_full  # no size is counted of what has gone
    peer.put("large", size=LARGE)
    assert peer.outbox.is_full
    return hit


@pytest.mark.parametrize("size", [0, LARGE])
def test_a_send_that_is_interrupted_anywhere_leaves_the_queue_in_order(size: int) -> None:
    line = 1
    while is_interrupted(Peer(), line, size):
        line += 1
    assert line > 10  # there were such lines


def test_a_send_whose_wake_up_was_interrupted_does_not_stop_later_ones() -> None:
    peer = Peer()
    call_soon = peer.loop.call_soon_threadsafe

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    peer.loop.call_soon_threadsafe = interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        peer.put(1)
    peer.loop.call_soon_threadsafe = call_soon  # type: ignore[method-assign]
    peer.put(2)
    peer.loop.turn()
    assert peer.done == [1, 2]


def test_a_finalizer_that_sends_while_a_send_is_counted_does_not_block() -> None:
    peer = Peer()
    collections = [True]

    class Size(int):
        def __radd__(self, other: int) -> int:
            while collections:
                collections.pop()
                peer.put("from a finalizer", size=LARGE)
            return int(self) + other

    thread, _ = in_thread(lambda: peer.put("sent", size=Size(LARGE)))
    thread.join(10)
    assert not thread.is_alive()
    peer.loop.turn()
    assert sorted(peer.done) == ["from a finalizer", "sent"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_another_thread_counts_and_waits_leaves_no_lock_in_the_child() -> None:
    peer = Peer()
    peer.put(*range(MAX_ENTRIES + 1))
    inside, go_on, told = threading.Event(), threading.Event(), threading.Event()

    class Size(int):
        def __radd__(self, other: int) -> int:
            inside.set()
            go_on.wait(60)
            return int(self) + other

    counting, _ = in_thread(lambda: peer.put("sent", size=Size(LARGE)))
    waiting, _ = in_thread(lambda: peer.outbox.wait(told.is_set))
    assert inside.wait(10)
    wait_until(lambda: peer.outbox._waiters)
    child = os.fork()
    if child == 0:  # pragma: no cover  (in the child)
        signal.alarm(10)
        peer.put("child", size=LARGE)
        peer.loop.turn()
        peer.outbox.notify()
        peer.outbox.wait(lambda: True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    told.set()
    go_on.set()
    counting.join(10)
    peer.outbox.notify()
    waiting.join(10)
    assert not waiting.is_alive()


def test_each_thread_keeps_its_order() -> None:
    peer = Peer()
    count = 2000

    def put(name: str) -> None:
        for number in range(count):
            peer.put((name, number))

    threads = [threading.Thread(target=put, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()

    def all_done() -> bool:
        peer.loop.turn()
        return len(peer.done) == 3 * count

    wait_until(all_done)
    for thread in threads:
        thread.join()
    for name in "abc":
        assert [number for who, number in peer.done if who == name] == list(range(count))


def test_a_loop_that_is_closed_raises() -> None:
    peer = Peer()

    def closed(_: object) -> None:
        raise RuntimeError("Event loop is closed")

    peer.loop.call_soon_threadsafe = closed  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        peer.put(1)


def test_an_entry_that_raises_does_not_strand_those_after_it() -> None:
    peer = Peer()
    error = ValueError("an action that cannot be done")

    def fail() -> None:
        raise error

    peer.put("before")
    peer.outbox.put(fail, size=2 * MAX_BYTES)
    peer.put("after", "last")
    assert peer.outbox.is_full
    peer.loop.turn()
    assert peer.done == ["before", "after", "last"]
    assert (len(peer.outbox), peer.outbox.is_full, peer.unsent) == (0, False, [])
    assert [problem["exception"] for problem in peer.loop.problems] == [error]


def test_the_outbox_is_idle_when_all_that_was_put_is_done() -> None:
    peer = Peer()
    looks: list[bool] = []
    assert peer.outbox.is_idle
    peer.outbox.put(lambda: looks.append(peer.outbox.is_idle))
    assert not peer.outbox.is_idle
    peer.loop.turn()
    assert looks == [False]  # taken out already, and not done yet
    assert peer.outbox.is_idle
