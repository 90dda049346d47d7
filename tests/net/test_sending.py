"""Frames leave in the order of the calls, whoever calls, and never more than may wait."""

from __future__ import annotations

import asyncio
import socket as sockets
import threading
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from astra_nb import AsyncWebSocket, CloseFrame, ConnectionClosed, Message, WebSocket, connect
from astra_nb.errors import WrongThread
from astra_nb.net import outbox
from astra_nb.net.closing import ClosingState, Phase
from astra_nb.net.sending import Sender
from astra_nb.net.writing import MAX_BURST, MAX_UNFLUSHED
from astra_nb.wire.opcodes import BINARY, CONTINUATION, PING, PONG, TEXT
from fuzz.memory import MemoryTransport
from tests import records
from tests.conformance.octets import frame, mask_all, read_frames
from tests.helpers import wait_until
from tests.servers import serving

from .memory import Memory, in_memory, until

TO_ALL = (frame(TEXT, b"to all"), TEXT, b"to all")  # what `serialize_for_many` makes


def wait_for_close(socket: WebSocket) -> None:
    for _ in socket:
        pass


def never_called() -> None:
    raise AssertionError("an action that must not be done")


def fill(sender: Sender) -> None:
    """Have as much wait as may."""
    while not sender.outbox.is_full:
        sender.outbox.put(sender.send_if_open, TEXT, b"waits")


# --- one frame ---------------------------------------------------------------------------------


@in_memory
async def test_frames_gather_and_leave_with_one_write_and_one_entry() -> None:
    end = Memory()
    sender = end.connection.sender
    for text in (b"a", b"b", b"c"):
        assert sender.send(TEXT, text) is False
    assert end.written == b""
    await asyncio.sleep(0)
    assert end.written == b"\x81\x01a\x81\x01b\x81\x01c"
    assert [record.frame.raw for record in end.frame_records()] == [
        b"\x81\x01a",
        b"\x81\x01b",
        b"\x81\x01c",
    ]
    assert len({record.time for record in end.frame_records()}) == 1
    sender.send(TEXT, b"d")  # the next turn flushes again
    await asyncio.sleep(0)
    assert end.written.endswith(b"\x81\x01d")


@in_memory
async def test_a_message_is_sent_when_it_may_be_and_else_it_says_so() -> None:
    end = Memory()
    sender = end.connection.sender
    assert sender.send_message(TEXT, b"a") is False
    assert sender.send_message(BINARY, bytes(MAX_BURST)) is True
    end.connection.pause_writing()
    assert sender.send_message(TEXT, b"the peer does not read") is None
    sender.submit(sender.send_if_open, TEXT, b"waits")
    sender.is_writable = True
    assert sender.send_message(TEXT, b"after it") is False
    sender.fragmenting = True
    assert sender.send_message(TEXT, b"inside a message") is None
    sender.fragmenting = False
    sender.flush()
    assert end.payloads == [b"a", bytes(MAX_BURST), b"waits", b"after it"]
    end.connection.send_close(1000)
    assert sender.send_message(TEXT, b"too late") is None


@pytest.mark.parametrize("case", ["bare", "client", "compressed", "outbox", "thread"])
@in_memory
async def test_a_message_leaves_as_a_frame_does(case: str) -> None:
    lock = MagicMock()
    ends = [
        Memory("client" if case == "client" else "server", compressed=case == "compressed")
        for _ in range(2)
    ]
    one, other = (end.connection.sender for end in ends)
    for sender in (one, other):
        if case == "outbox":
            assert sender.outbox.is_idle
        elif case == "thread":
            sender._lock = lock
    for length in (0, 1, 125, 126, 65_536, 125):
        for opcode, payload in ((TEXT, b"a" * length), (BINARY, b"\xff" * length)):
            held = lock.__enter__.call_count
            assert one.send_message(opcode, payload) is other.send(opcode, payload)
            assert (lock.__enter__.call_count - held > 1) is (case == "thread")
            assert one._size == other._size
        await asyncio.sleep(0)
        assert one._size == other._size == 0
    sent, expected = (
        [(each.first, each.masked, each.payload) for each in read_frames(end.written)]
        for end in ends
    )
    assert sent == expected
    assert len(sent) == 12
    kept, told = (
        [(each.payload, each.message, each.verdict) for each in end.frame_records()] for end in ends
    )
    assert kept == told


@in_memory
async def test_the_parts_of_a_flush_are_written_and_recorded_together() -> None:
    writes: list[bytes] = []
    recorded: list[tuple[Any, ...]] = []
    state = ClosingState("server")
    state.enter(Phase.OPEN)
    transport = MemoryTransport()
    transport.write = writes.append  # type: ignore[method-assign, assignment]
    sender = Sender(asyncio.get_running_loop(), masks=False, state=state, notice=print)
    sender.start(transport, (), lambda *given: recorded.append(given))
    sender.send(TEXT, b"a")
    sender.send(CONTINUATION, b"b", fin=False)
    sender.flush()
    sender.flush()
    assert writes == [b"\x81\x01a\x00\x01b"]
    assert recorded == [(b"\x81\x01a\x00\x01b", 2, "", None)]


@in_memory
async def test_a_clients_frames_are_masked() -> None:
    end = Memory("client")
    end.connection.sender.send(BINARY, b"secret", fin=False)
    end.connection.sender.flush()
    (one,) = read_frames(end.written)
    assert (one.masked, one.first, one.payload) == (True, 0x02, b"secret")


@in_memory
async def test_what_has_gathered_is_written_at_once_when_it_is_much() -> None:
    end = Memory()
    sender = end.connection.sender
    header = 4
    sender.send(BINARY, bytes(MAX_UNFLUSHED - header - 2))
    assert end.written == b""
    sender.send(BINARY, b"")  # exactly the bound
    assert end.written == b""
    sender.send(BINARY, b"")
    assert len(end.written) == MAX_UNFLUSHED + 2
    sender.send(BINARY, b"little")
    assert len(end.written) == MAX_UNFLUSHED + 2


@in_memory
async def test_after_much_the_loop_should_have_its_turn() -> None:
    sender = Memory().connection.sender
    much = bytes(MAX_UNFLUSHED)
    turns = [sender.send(BINARY, much) for _ in range(2 * MAX_BURST // MAX_UNFLUSHED)]
    assert turns == ([False] * (MAX_BURST // MAX_UNFLUSHED - 1) + [True]) * 2
    assert sender.send(BINARY, b"little") is False


@in_memory
async def test_plain_payloads_belong_to_their_frames_on_a_compressed_connection() -> None:
    end = Memory(compressed=True)
    sender = end.connection.sender
    sender.send(TEXT, b"text " * 20)
    sender.send(PING, b"ping")
    sender.send(BINARY, b"first " * 20, fin=False)
    sender.send(PONG, b"between")
    sender.send(CONTINUATION, b"second " * 20, fin=True)
    sender.send(TEXT, b"last " * 20)
    sender.send_close(b"\x03\xe8")
    on_log = [(r.type, r.message, r.payload, r.frame.rsv1) for r in end.frame_records()]
    assert on_log == [
        ("text", b"text " * 20, b"text " * 20, True),
        ("ping", None, b"ping", False),
        ("bytes", b"first " * 20, b"first " * 20, True),
        ("pong", None, b"between", False),
        ("continuation", b"second " * 20, b"second " * 20, False),
        ("text", b"last " * 20, b"last " * 20, True),
        ("close", None, b"\x03\xe8", False),
    ]
    # The next flush begins with nothing.
    end.connection.state.enter(Phase.CLOSING)
    sender.send(TEXT, b"alone")
    sender.flush()
    assert end.frame_records()[-1].message == b"alone"


@in_memory
async def test_nothing_is_written_or_recorded_when_tcp_is_closing() -> None:
    end = Memory()
    sender = end.connection.sender
    sender.send(TEXT, b"gathered")
    end.transport.close()
    sender.flush()
    sender.send_raw(b"\x81\x00")
    sender.end()
    assert sender.broadcast(*TO_ALL) is False
    assert (end.written, end.frame_records()) == (b"", [])


@in_memory
async def test_a_frame_of_a_sender_that_looked_too_early_is_not_sent() -> None:
    end = Memory()
    sender = end.connection.sender
    assert sender.send_if_open(TEXT, b"sent") is True
    sender.send_close(b"")
    end.connection.state.enter(Phase.CLOSING)
    assert sender.send_if_open(TEXT, b"late") is False
    assert end.payloads == [b"sent", b""]


# --- raw bytes, the CLOSE frame, FIN -----------------------------------------------------------


@in_memory
async def test_raw_bytes_follow_what_has_gathered_and_are_recorded_as_raw() -> None:
    end = Memory()
    sender = end.connection.sender
    sender.send(TEXT, b"a")
    sender.send_raw(b"\x83\x01b\x81\x01c\x81\x05d")
    assert end.written == b"\x81\x01a\x83\x01b\x81\x01c\x81\x05d"
    assert [(r.frame.raw, r.verdict) for r in end.frame_records()] == [
        (b"\x81\x01a", ""),
        (b"\x83\x01b", "raw bytes"),
        (b"\x81\x01c", "raw bytes"),
        (b"\x81\x05d", "raw bytes"),
    ]
    assert sender.raw_close is False
    sender.send_raw(b"")
    assert len(end.frame_records()) == 4


@in_memory
async def test_the_answer_to_a_raw_close_frame_needs_no_answer() -> None:
    end = Memory()
    end.connection.sender.send_raw(b"\x88\x02\x03\xe8")
    assert end.connection.sender.raw_close is True
    end.receive(frame(8, b"\x03\xe8"))
    assert end.written == b"\x88\x02\x03\xe8"
    assert end.transport.ended
    end.end()
    assert (end.closed().sent, end.closed().received) == (CloseFrame(1000), CloseFrame(1000))
    assert end.closed().first == "server"


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"\x88\x02\x0f\xa0", CloseFrame(4000)),
        (b"\x88\x83\x00\x00\x00\x00\x0f\xa0!", CloseFrame(4000, "!")),
        (b"\x88\x00", CloseFrame(1005)),
        (b"\x88", CloseFrame(1005)),
        (b"\x88\x01\x03", CloseFrame(1005)),
    ],
)
@in_memory
async def test_the_end_is_told_by_the_raw_close_frame_that_was_sent(
    raw: bytes, sent: CloseFrame
) -> None:
    end = Memory()
    end.connection.sender.send_raw(raw)
    end.receive(frame(8, b"\x0f\xa1"))
    end.end()
    closed = end.closed()
    assert (closed.first, closed.sent, closed.received) == ("server", sent, CloseFrame(4001))


@in_memory
async def test_a_close_frame_follows_what_has_gathered() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"before")
    end.connection.sender.send_close(b"\x0f\xa0why")
    assert end.written == b"\x81\x06before\x88\x05\x0f\xa0why"


@in_memory
async def test_what_has_gathered_is_written_before_fin() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"before")
    end.connection.sender.end()
    assert end.written == b"\x81\x06before"
    assert end.transport.ended
    assert not end.transport.dead


@in_memory
async def test_fin_on_a_connection_that_the_peer_has_reset() -> None:
    end = Memory()

    def reset() -> None:
        raise OSError(107, "Transport endpoint is not connected")

    end.transport.write_eof = reset  # type: ignore[method-assign]
    end.connection.sender.end()  # connection_lost() comes next, and tells
    end.transport.can_write_eof = lambda: False  # type: ignore[method-assign]
    end.transport.write_eof = never_called  # type: ignore[method-assign]
    end.connection.sender.end()


# --- a peer that does not read -----------------------------------------------------------------


@in_memory
async def test_to_a_peer_that_does_not_read_only_the_newest_pong_is_kept() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"first")
    end.receive(frame(PING, b"0"))
    assert end.payloads == [b"first", b"0"]
    end.connection.pause_writing()
    end.receive(frame(PING, b"1"))
    end.receive(frame(PING, b"2") + frame(PING, b"3"))  # in one chunk
    assert end.payloads == [b"first", b"0"]
    end.connection.resume_writing()
    assert end.payloads == [b"first", b"0", b"3"]
    end.connection.pause_writing()
    end.connection.resume_writing()
    assert end.payloads == [b"first", b"0", b"3"]  # once


@in_memory
async def test_a_pong_follows_what_has_gathered() -> None:
    end = Memory()
    end.connection.sender.send(TEXT, b"before")
    end.connection.sender.reply([frame(PONG, b"1"), frame(PONG, b"2")])
    assert end.payloads == [b"before", b"1", b"2"]
    assert [record.type for record in end.frame_records()] == ["text", "pong", "pong"]


@in_memory
async def test_no_late_pong_follows_the_close_frame() -> None:
    end = Memory()
    end.connection.pause_writing()
    end.receive(frame(PING, b"1"))
    end.connection.send_close(1000)
    end.connection.resume_writing()
    assert end.payloads == [b"\x03\xe8"]


@in_memory
async def test_a_late_pong_and_what_waits_leave_when_the_peer_reads() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    assert sender.send_message(TEXT, b"not now") is None
    assert sender.broadcast(*TO_ALL) is True
    sender.submit(sender.send_if_open, TEXT, b"second")
    sender.send(TEXT, b"third")
    end.receive(frame(PING, b"pong"))
    assert end.written == b""
    end.connection.resume_writing()
    await asyncio.sleep(0)
    assert end.payloads == [b"pong", b"to all", b"second", b"third"]


@in_memory
async def test_waiting_for_a_peer_that_does_not_read() -> None:
    end = Memory()
    sender = end.connection.sender
    await sender.wait_writable()  # at once
    end.connection.pause_writing()
    waiting = [asyncio.ensure_future(sender.wait_writable()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, False, False]
    sender.resume()
    sender.pause()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting[1].done()  # it stopped reading again before they had their turn
    sender.resume()
    await asyncio.gather(*waiting[1:])


@in_memory
async def test_broadcasts_are_left_out_and_counted_in_one_notice() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    fill(sender)
    waits = len(sender.outbox)
    assert [sender.broadcast(*TO_ALL) for _ in range(1500)] == [False] * 1500
    assert len(sender.outbox) == waits
    assert end.notices() == []
    end.connection.resume_writing()
    await asyncio.sleep(0)
    assert end.notices() == ["1,500 broadcasts were not sent: the other end read too slowly"]
    assert end.payloads == [b"waits"] * waits
    assert sender.broadcast(*TO_ALL) is True
    assert end.payloads[-1] == b"to all"
    end.connection.pause_writing()
    end.connection.resume_writing()
    assert len(end.notices()) == 1


@in_memory
async def test_after_one_left_out_broadcast_the_next_is_left_out_too() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    fill(sender)
    assert sender.broadcast(*TO_ALL) is False
    sender.outbox.take()  # nothing, because the peer does not read
    while sender.outbox.is_full:
        sender.pause()
        sender.is_writable = True
        sender.outbox.take(1)
        sender.is_writable = False
    assert sender.broadcast(*TO_ALL) is False  # or there would be a gap in the middle


@in_memory
async def test_a_broadcast_waits_for_the_end_of_a_fragmented_message() -> None:
    end = Memory()
    sender = end.connection.sender
    sender.send(TEXT, b"first", fin=False)
    sender.fragmenting = True
    assert sender.send_message(TEXT, b"not now") is None
    assert sender.broadcast(*TO_ALL) is False
    assert sender.broadcast(frame(PING, b"now"), PING, b"now") is True
    assert end.payloads == [b"first", b"now"]


@in_memory
async def test_a_broadcast_on_a_compressed_connection() -> None:
    end = Memory(compressed=True)
    sender = end.connection.sender
    assert sender.broadcast(frame(TEXT, b"text " * 20), TEXT, b"text " * 20) is True
    sender.flush()
    (record,) = end.frame_records()
    assert (record.frame.rsv1, record.payload) == (True, b"text " * 20)


@in_memory
async def test_a_broadcast_after_the_close_frame() -> None:
    end = Memory()
    end.connection.send_close(1000)
    assert end.connection.sender.send_message(TEXT, b"not now") is None
    assert end.connection.sender.broadcast(*TO_ALL) is False
    assert end.payloads == [b"\x03\xe8"]


# --- pings -------------------------------------------------------------------------------------


@in_memory
async def test_a_pong_ends_the_measurement_of_its_ping() -> None:
    end = Memory()
    sender = end.connection.sender
    for payload in (b"1", b"2", b"3"):
        sender.send(PING, payload)
    assert sender.latency is None
    end.receive(frame(PONG, b"unasked"))
    assert sender.latency is None
    end.receive(frame(PONG, b"2"))
    assert isinstance(sender.latency, float)
    assert sender.latency >= 0
    measured = sender.latency
    end.receive(frame(PONG, b"that answers nothing"))
    assert sender.latency == measured
    assert [sender.is_unanswered(payload) for payload in (b"1", b"2", b"3")] == [False, False, True]


# --- in turn -----------------------------------------------------------------------------------


@in_memory
async def test_on_the_loops_thread_nothing_is_put_off() -> None:
    end = Memory()
    sender = end.connection.sender
    assert sender.on_loop_thread
    assert sender.submit(sender.send_if_open, TEXT, b"a") is True
    sender.flush()
    assert end.payloads == [b"a"]


@in_memory
async def test_an_awaitable_call_elsewhere_is_refused_and_told_what_to_call() -> None:
    for side, way_out in (("server", "server.connections"), ("client", "a socket from connect()")):
        sender = Memory(side).connection.sender  # type: ignore[arg-type]
        sender.check_loop()
        with pytest.raises(WrongThread) as caught:
            await asyncio.to_thread(sender.check_loop)
        assert way_out in str(caught.value)


@in_memory
async def test_the_fragments_of_a_message_leave_together_or_not_at_all() -> None:
    end = Memory()
    sender = end.connection.sender
    fragments = [(TEXT, b"a", False), (CONTINUATION, b"b", False), (CONTINUATION, b"c", True)]
    assert sender.send_fragments(fragments) is True
    sender.send_close(b"")
    end.connection.state.enter(Phase.CLOSING)
    assert sender.send_fragments(fragments) is False
    assert end.written == b"\x01\x01a\x00\x01b\x80\x01c\x88\x00"


@in_memory
async def test_a_fragment_whose_wait_is_cancelled_was_not_begun() -> None:
    end = Memory()
    own = end.socket()
    end.connection.pause_writing()
    sending = asyncio.ensure_future(own.send_fragment("lost", type="text", fin=False))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    end.connection.resume_writing()
    assert end.connection.sender.fragmenting is False
    await own.send_text("whole")
    await asyncio.sleep(0)
    assert end.written == b"\x81\x05whole"


@in_memory
async def test_raw_sends_whose_waits_are_cancelled_are_bounded() -> None:
    end = Memory()
    own, sender = end.socket(), end.connection.sender
    end.connection.pause_writing()
    for _ in range(20):
        sending = asyncio.ensure_future(own.send_raw(bytes(outbox.MAX_BYTES // 4)))
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.wait([sending])
    assert len(sender.outbox) == 5
    end.end()


@in_memory
async def test_whether_a_thread_would_have_to_wait() -> None:
    end = Memory()
    sender = end.connection.sender
    assert not sender.would_wait
    end.connection.pause_writing()
    assert sender.would_wait
    end.connection.resume_writing()
    fill(sender)
    assert sender.would_wait
    sender.catch_up()
    assert not sender.would_wait


def test_a_thread_that_sends_on_a_closed_loop_is_told_of_the_end() -> None:
    async def begin() -> Memory:
        return Memory()

    sender = asyncio.run(begin()).connection.sender
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(sender.submit(never_called)))
    thread.start()
    thread.join()
    assert results == [False]


@in_memory
async def test_what_is_sent_on_the_loop_comes_after_what_threads_have_sent() -> None:
    end = Memory()
    sender = end.connection.sender

    def send() -> None:
        assert not sender.on_loop_thread
        for number in range(3):
            assert sender.submit(sender.send_if_open, TEXT, b"thread %d" % number) is True

    thread = threading.Thread(target=send)
    thread.start()
    thread.join()
    sender.send(TEXT, b"loop")
    sender.flush()
    assert end.payloads == [b"thread 0", b"thread 1", b"thread 2", b"loop"]


@in_memory
async def test_to_a_peer_that_does_not_read_calls_on_the_loop_wait_in_order() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    # What ends a connection is done at once when nothing waits before it.
    assert sender.submit(sender.send_if_open, TEXT, b"at once", wait=False) is True
    sender.flush()
    assert end.payloads == [b"at once"]
    assert sender.submit(sender.send_if_open, TEXT, b"1") is True
    assert sender.submit(sender.send_if_open, TEXT, b"2", wait=False) is True
    assert sender.send(TEXT, b"3") is True
    assert len(sender.outbox) == 3
    end.connection.resume_writing()
    await asyncio.sleep(0)
    assert end.payloads == [b"at once", b"1", b"2", b"3"]


@in_memory
async def test_a_send_on_the_loops_thread_that_would_have_to_wait_raises() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    fill(sender)
    waits = len(sender.outbox)
    with pytest.raises(WrongThread) as caught:
        sender.submit(never_called)
    assert str(caught.value) == (
        "the other end reads too slowly, so this call would have to wait, and it was made on the "
        "thread that runs the event loop; in an async def handler await the handler's own socket, "
        "or send from a thread"
    )
    assert sender.submit(sender.send_if_open, TEXT, b"ends", wait=False) is True
    assert len(sender.outbox) == waits + 1
    end.end()


@in_memory
async def test_what_waits_when_the_connection_ends_is_counted_in_one_notice() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    for _ in range(3):
        sender.submit(sender.send_if_open, TEXT, b"late")
    end.end()
    assert end.notices() == ["3 frames were not sent: the connection had just closed"]
    sender.submit(sender.send_if_open, TEXT, b"later")  # as by a thread that looked too early
    sender.outbox.put(sender.send_if_open, TEXT, b"later")
    await asyncio.sleep(0)
    assert end.notices()[1:] == ["1 frame was not sent: the connection had just closed"]
    assert end.written == b""


@in_memory
async def test_catching_up_writes_what_threads_have_sent_unless_tcp_is_closing() -> None:
    end = Memory()
    sender = end.connection.sender
    sender.outbox.put(sender.send_if_open, TEXT, b"a")
    sender.catch_up()
    assert end.payloads == [b"a"]
    sender.outbox.put(sender.send_if_open, TEXT, b"b")
    end.transport.close()
    sender.catch_up()
    end.end()
    assert end.payloads == [b"a"]
    assert end.notices() == ["1 frame was not sent: the connection had just closed"]


@in_memory
async def test_threads_wait_for_a_peer_that_does_not_read_and_are_told_of_the_end() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    results: list[bool] = []

    def send() -> None:
        results.append(sender.submit(sender.send_if_open, TEXT, b"waits for room"))

    thread = threading.Thread(target=send)
    thread.start()
    await until(lambda: sender.outbox._waiters)
    assert (results, len(sender.outbox)) == ([], 0)
    end.connection.resume_writing()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (results, end.payloads) == ([True], [b"waits for room"])

    end.connection.pause_writing()
    thread = threading.Thread(target=send)
    thread.start()
    await until(lambda: sender.outbox._waiters)
    end.end()
    await asyncio.to_thread(thread.join)
    assert results == [True, False]
    assert len(sender.outbox) == 0


@in_memory
async def test_what_waits_is_counted() -> None:
    end = Memory()
    sender = end.connection.sender
    assert sender.waiting == (0, 0)
    sender.outbox.put(sender.send_if_open, TEXT, b"waits")
    assert sender.waiting == (1, 0)


@in_memory
async def test_a_full_outbox_does_not_keep_a_thread_waiting_when_the_connection_has_ended() -> None:
    end = Memory()
    sender = end.connection.sender
    end.connection.pause_writing()
    fill(sender)
    end.connection.state.enter(Phase.CLOSED)
    assert await asyncio.to_thread(sender.submit, never_called) is False
    end.end()


@in_memory
async def test_raw_bytes_and_the_close_frame_have_their_turn() -> None:
    end = Memory()
    own, sender = end.socket(), end.connection.sender
    end.connection.pause_writing()
    sender.submit(sender.send_if_open, TEXT, b"waits")
    raw = asyncio.ensure_future(own.send_raw(frame(TEXT, b"raw")))
    await asyncio.sleep(0)
    await own.send_close(4000)
    assert (end.written, own.state) == (b"", "closing")
    end.connection.resume_writing()
    await raw
    assert end.payloads == [b"waits", b"raw", b"\x0f\xa0"]


# --- over sockets ------------------------------------------------------------------------------


def test_a_handlers_own_socket_and_those_of_the_server_keep_the_order_of_the_calls() -> None:
    async def handler(own: AsyncWebSocket) -> None:
        (each,) = server.connections
        for number in range(100):
            each.send_text(f"to all {number}")
            await own.send_text(f"to you {number}")
        each.send_text("bye")
        await own.close(4000)

    with serving(handler) as server, connect(server.url) as client:
        got = [message.value for message in client]
    expected: list[object] = []
    for number in range(100):
        expected += [f"to all {number}", f"to you {number}"]
    assert got == [*expected, "bye", CloseFrame(4000)]


def server_sender(server: Any) -> Sender:
    (socket,) = server.connections
    return cast(Sender, socket._connection.sender)


def test_a_broadcast_comes_after_thousands_of_sends_of_a_cell() -> None:
    with serving(wait_for_close) as server, connect(server.url) as client:
        (target,) = server.connections
        for number in range(3000):
            target.send_text(str(number))
        assert server.broadcast("text", "end") == 1
        got = [client.recv(20).value for _ in range(3001)]
    assert got == [*map(str, range(3000)), "end"]


def test_a_shutdown_comes_after_thousands_of_sends_of_a_cell() -> None:
    with serving(wait_for_close) as server, connect(server.url) as client:
        (target,) = server.connections
        for number in range(6000):
            target.send_text(str(number))
        server.shutdown(reason="over")
        got = [message.value for message in client]
    assert got == [*map(str, range(6000)), CloseFrame(1001, "over")]
    assert server.log.filter(kind="notice")[-1].text == "Stopped listening"  # type: ignore[union-attr]


def test_a_client_that_nobody_holds_has_sent_all_before_it_leaves() -> None:
    got: list[Message] = []

    def handler(socket: WebSocket) -> None:
        got.extend(socket)

    with serving(handler) as server:
        client = connect(server.url)
        for number in range(6000):
            client.send_text(str(number))
        del client
        records.closed(server.log)
        wait_until(lambda: len(got) == 6001)
    assert got[-1] == Message("close", CloseFrame(1001))


def test_threads_and_the_loop_send_at_once_and_each_keeps_its_order() -> None:
    count = 300
    begin = threading.Barrier(4)

    async def handler(own: AsyncWebSocket) -> None:
        (each,) = server.connections
        await asyncio.to_thread(begin.wait)
        for number in range(count):
            if number % 2:
                each.send_bytes(b"loop %d " % number * 100)
            else:
                await own.send_bytes(b"loop %d " % number * 100)
            if number % 20 == 0:
                await asyncio.sleep(0)
        await own.recv()

    def send(name: str) -> None:
        (target,) = server.connections
        begin.wait()
        for number in range(count):
            target.send_bytes(f"{name} {number} ".encode() * 100)

    with serving(handler) as server, connect(server.url) as client:
        threads = [threading.Thread(target=send, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        got = [cast(bytes, client.recv(20).value) for _ in range(4 * count)]
        for thread in threads:
            thread.join()
    calls = []
    for payload in got:
        sender, number, _ = payload.split(b" ", 2)
        assert payload == b"%b %b " % (sender, number) * 100  # no frame inside another
        calls.append((sender.decode(), int(number)))
    for name in ("a", "b", "c", "loop"):
        assert [number for who, number in calls if who == name] == list(range(count))


@pytest.fixture
def deaf_client() -> Iterator[Callable[[int], sockets.socket]]:
    """Connect a peer that takes little: its receive buffer is small, and it does not read."""
    opened: list[sockets.socket] = []

    def connect_deaf(port: int) -> sockets.socket:
        sock = sockets.socket()
        opened.append(sock)
        sock.settimeout(20)
        sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        sock.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        return sock

    yield connect_deaf
    for sock in opened:
        sock.close()


def keep_sending(socket: WebSocket, errors: list[Exception]) -> threading.Thread:
    def send() -> None:
        try:
            while True:
                socket.send_bytes(bytes(65536))
        except Exception as exc:  # noqa: BLE001  (the test looks at it)
            errors.append(exc)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_what_waits_for_a_peer_that_does_not_read_is_bounded(
    deaf_client: Callable[[int], sockets.socket],
) -> None:
    errors: list[Exception] = []
    with serving(wait_for_close) as server:
        sock = deaf_client(server.port)
        (target,) = server.connections
        sender = server_sender(server)
        threads = [keep_sending(target, errors) for _ in range(3)]
        wait_until(lambda: not sender.is_writable)
        for number in range(20):
            # Threads that looked at once may all add an entry; broadcasts are small.
            assert len(sender.outbox) <= outbox.MAX_BYTES // 65536 + len(threads) + number
            server.broadcast("text", "left out or not")
        sock.close()
        for thread in threads:
            thread.join(20)
    assert [type(error) for error in errors] == [ConnectionClosed] * 3


def test_closing_does_not_wait_for_a_peer_that_does_not_read(
    deaf_client: Callable[[int], sockets.socket],
) -> None:
    errors: list[Exception] = []
    go_on = threading.Event()

    def handler(socket: WebSocket) -> None:
        go_on.wait(20)

    with serving(handler) as server:
        server.close_timeout = 0.05
        deaf_client(server.port)
        (target,) = server.connections
        thread = keep_sending(target, errors)
        wait_until(lambda: not server_sender(server).is_writable)
        server.broadcast("text", "waits before the CLOSE frame")
        target.close()
        thread.join(20)
        closed = records.closed(server.log)
        go_on.set()
    assert len(errors) == 1
    assert closed.tcp == "timeout"


def test_a_send_past_the_bound_on_the_loops_thread_raises(
    deaf_client: Callable[[int], sockets.socket],
) -> None:
    caught: list[str] = []

    async def handler(own: AsyncWebSocket) -> None:
        (each,) = server.connections
        try:
            for _ in range(1000):
                each.send_bytes(bytes(65536))
        except WrongThread as exc:
            caught.append(str(exc))
        await own.drop()

    with serving(handler) as server:
        deaf_client(server.port)
        records.closed(server.log)
    assert len(caught) == 1
    assert caught[0].startswith("the other end reads too slowly, so this call would have to wait")


def test_a_masked_close_frame_as_raw_bytes() -> None:
    with serving(wait_for_close) as server:
        client = connect(server.url)
        client.send_raw(mask_all(frame(8, b"\x0f\xa0raw")))
        assert client.recv(20) == Message("close", CloseFrame(4000, "raw"))
        client.wait_closed(20)
        closed = records.closed(client.log)
    assert (closed.sent, closed.received) == (CloseFrame(4000, "raw"), CloseFrame(4000, "raw"))
    assert len(records.frames(client.log, direction="sent")) == 1


@in_memory
async def test_a_masking_key_that_is_always_the_same() -> None:
    end = Memory("client")
    sender = end.connection.sender
    sender.masking_keys = repeat(key := b"\x01\x02\x03\x04")
    sender.send(TEXT, b"Hello")
    sender.send(PING, b"a")
    sender.flush()
    assert [record.frame.masking_key for record in end.frame_records()] == [key] * 2
    assert end.payloads == [b"Hello", b"a"]
    assert end.written == b"".join(record.frame.raw for record in end.frame_records())


@in_memory
async def test_a_transport_without_half_a_close_is_closed() -> None:
    end = Memory()
    end.transport.can_write_eof = lambda: False  # type: ignore[method-assign]
    end.connection.sender.end()
    assert end.transport.is_closing()
