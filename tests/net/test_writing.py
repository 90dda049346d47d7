"""Frames gather and leave together; a handler's thread writes them itself where it may."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import threading
from collections.abc import AsyncIterator
from itertools import repeat
from typing import Any, cast

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate

from astra_nb.log.pieces import Pieces
from astra_nb.net.writing import MAX_BURST, MAX_UNFLUSHED, Writer
from astra_nb.wire.frames import encode
from astra_nb.wire.opcodes import BINARY, PING, TEXT
from fuzz.memory import MemoryTransport
from tests.conformance.octets import frame

from .memory import in_memory, until

HELLO = frame(TEXT, b"Hello")


class OnLog:
    """What a writer has recorded: bytes, frames, verdict and plain payloads of each run."""

    def __init__(self) -> None:
        self.runs: list[tuple[Any, ...]] = []

    def __call__(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None:
        self.runs.append((data, count, verdict, messages))


class Reach(Writer):
    """A writer whose inner steps a test may call, as its subclass does."""

    put = Writer._put
    write = Writer._write
    put_from_handler = Writer._put_from_handler


@contextlib.asynccontextmanager
async def on_tcp(
    protocol: type[asyncio.Protocol] = asyncio.Protocol,
) -> AsyncIterator[tuple[Reach, OnLog, asyncio.Transport, sockets.socket]]:
    """A writer on a real connection, and the socket at its other end."""
    loop = asyncio.get_running_loop()
    ours, theirs = sockets.socketpair()
    with theirs:
        theirs.setblocking(False)
        transport, _ = await loop.connect_accepted_socket(protocol, ours)
        log = OnLog()
        writer = Reach(loop, masks=False)
        writer.start(transport, (), log)
        yield writer, log, transport, theirs
        transport.abort()
        await asyncio.sleep(0)


def by_thread(writer: Reach, call: Any) -> Any:
    """Call a function on the thread that may write, while the loop has no turn."""
    results: list[Any] = []
    allowed = threading.Event()

    def run() -> None:
        allowed.wait()
        results.append(call())

    thread = threading.Thread(target=run)
    writer.let_write(thread)
    thread.start()
    writer.let_write(thread)
    allowed.set()
    thread.join()
    return results[0]


# --- on the loop's thread ----------------------------------------------------------------------


def in_memory_writer(*, compressed: bool = False) -> tuple[Reach, OnLog, MemoryTransport]:
    log, transport = OnLog(), MemoryTransport()
    writer = Reach(asyncio.get_running_loop(), masks=False)
    extensions = [PerMessageDeflate(False, False, 15, 15)] if compressed else []
    writer.start(transport, extensions, log)
    return writer, log, transport


@in_memory
async def test_what_gathers_leaves_in_the_next_turn_with_one_entry() -> None:
    writer, log, transport = in_memory_writer()
    assert writer.put(TEXT, b"Hello", True) is False
    assert writer.put(TEXT, b"Hello", True) is False
    assert not transport.written
    assert not log.runs
    await asyncio.sleep(0)
    assert transport.written == HELLO * 2
    assert log.runs == [(HELLO * 2, 2, "", None)]
    writer.flush()
    assert len(log.runs) == 1


@in_memory
async def test_much_is_written_at_once() -> None:
    writer, log, _ = in_memory_writer()
    assert writer.put(BINARY, bytes(MAX_UNFLUSHED), True) is False
    assert [count for _, count, _, _ in log.runs] == [1]
    assert writer.put(BINARY, bytes(MAX_BURST), True) is True  # the loop should have its turn
    assert writer.put(BINARY, bytes(MAX_UNFLUSHED), True) is False


@in_memory
async def test_what_a_step_sends_is_written_when_it_returns() -> None:
    writer, log, transport = in_memory_writer()

    def step() -> None:
        writer.put(TEXT, b"Hello", True)
        assert transport.written == b""

    writer.gather(step)
    assert transport.written == HELLO

    def broken() -> None:
        step_again()
        raise SystemExit

    def step_again() -> None:
        writer.put(TEXT, b"Hello", True)

    with pytest.raises(SystemExit):
        writer.gather(broken)
    assert transport.written == HELLO * 2
    writer.put(TEXT, b"Hello", True)
    writer.gather(step_again)  # the flush that is to come takes both
    assert transport.written == HELLO * 2
    await asyncio.sleep(0)
    assert transport.written == HELLO * 4
    assert [count for _, count, _, _ in log.runs] == [1, 1, 2]


@in_memory
async def test_compressed_frames_are_recorded_with_their_plain_payloads() -> None:
    writer, log, transport = in_memory_writer(compressed=True)
    writer.put(TEXT, b"text " * 20, True)
    writer.put(PING, b"ping", True)
    writer.flush()
    assert [run[1:] for run in log.runs] == [(2, "", (b"text " * 20, None))]
    assert log.runs[0][0] == transport.written


@in_memory
async def test_nothing_is_recorded_that_is_not_written() -> None:
    writer, log, transport = in_memory_writer()
    writer.put(TEXT, b"Hello", True)
    transport.close()
    writer.flush()
    assert not transport.written
    assert not log.runs


# --- on a handler's thread ---------------------------------------------------------------------


@in_memory
async def test_a_handlers_thread_writes_without_a_turn_of_the_loop() -> None:
    async with on_tcp() as (writer, log, _, theirs):

        def send() -> tuple[bool, bytes]:
            assert writer.put_from_handler(TEXT, b"Hello", True, True)
            writer.flush_from_handler()  # nothing is left
            return True, theirs.recv(100)

        assert by_thread(writer, send) == (True, HELLO)
        assert log.runs == [(HELLO, 1, "", None)]


@in_memory
async def test_answers_to_a_burst_leave_together() -> None:
    async with on_tcp() as (writer, log, _, theirs):

        def send() -> bytes:
            for _ in range(3):
                assert writer.put_from_handler(TEXT, b"Hello", True, False)
            assert log.runs == []
            writer.flush_from_handler()
            return theirs.recv(100)

        assert by_thread(writer, send) == HELLO * 3
        assert log.runs == [(HELLO * 3, 3, "", None)]


@in_memory
async def test_a_handler_that_does_not_come_back_for_more_has_the_loop_write() -> None:
    async with on_tcp() as (writer, log, _, theirs):
        assert by_thread(writer, lambda: writer.put_from_handler(TEXT, b"Hello", True, False))
        await asyncio.sleep(0)
        assert theirs.recv(100) == HELLO
        # With the lock in use the loop's own frames gather and leave as ever.
        assert writer.put(TEXT, b"Hello", True) is False
        await asyncio.sleep(0)
        writer.write(HELLO, 1)
        assert theirs.recv(100) == HELLO * 2
        assert len(log.runs) == 3


@in_memory
async def test_much_is_written_at_once_by_a_thread_too() -> None:
    async with on_tcp() as (writer, log, _, theirs):
        payload = bytes(MAX_UNFLUSHED)
        assert by_thread(writer, lambda: writer.put_from_handler(BINARY, payload, True, False))
        assert [count for _, count, _, _ in log.runs] == [1]
        assert theirs.recv(10) == frame(BINARY, payload)[:10]


@in_memory
async def test_what_the_system_does_not_take_is_left_to_the_loop_and_keeps_its_place() -> None:
    async with on_tcp() as (writer, log, transport, theirs):
        large = frame(BINARY, bytes(2**20))
        middle = frame(BINARY, bytes(MAX_UNFLUSHED))

        def send() -> list[bool]:
            return [
                writer.put_from_handler(BINARY, bytes(2**20), True, True),
                writer.put_from_handler(BINARY, bytes(MAX_UNFLUSHED), True, True),
                writer.put_from_handler(TEXT, b"it is enough", True, True),
            ]

        assert by_thread(writer, send) == [True, True, False]
        assert [count for _, count, _, _ in log.runs] == [1]
        writer.flush()
        writer.write(HELLO, 1)
        assert transport.get_write_buffer_size() > 0

        def send_more() -> None:
            assert writer.put_from_handler(TEXT, b"Hello", True, False)
            writer.flush_from_handler()  # not past what the transport holds

        by_thread(writer, send_more)
        came = bytearray()
        expected = large + middle + HELLO * 2
        while len(came) < len(expected):
            with contextlib.suppress(BlockingIOError):
                came += theirs.recv(2**20)
            await asyncio.sleep(0)
        assert came == expected
        assert [count for _, count, _, _ in log.runs] == [1, 1, 1, 1]


@in_memory
async def test_what_came_before_a_reset_is_read_before_the_rest_is_written() -> None:
    received: list[bytes] = []

    class Reader(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.append(data)

    async with on_tcp(Reader) as (writer, _log, transport, theirs):
        payload = bytes(4 * 1024 * 1024)
        by_thread(writer, lambda: writer.put_from_handler(BINARY, payload, True, is_last=True))
        theirs.send(b"why")
        theirs.close()
        await until(transport.is_closing)
    assert received == [b"why"]


@in_memory
async def test_to_a_peer_that_does_not_read_a_thread_does_not_write() -> None:
    async with on_tcp() as (writer, _, _, _):
        writer.is_writable = False
        assert not by_thread(writer, lambda: writer.put_from_handler(TEXT, b"", True, True))


@in_memory
async def test_compressed_frames_of_a_thread_are_recorded_with_their_payloads() -> None:
    async with on_tcp() as (writer, log, transport, _):
        writer.start(transport, [PerMessageDeflate(False, False, 15, 15)])
        assert by_thread(writer, lambda: writer.put_from_handler(TEXT, b"text " * 20, True, True))
        assert [run[1:] for run in log.runs] == [(1, "", (b"text " * 20,))]


@in_memory
async def test_other_threads_do_not_write() -> None:
    async with on_tcp() as (writer, log, transport, _):
        assert not writer.put_from_handler(TEXT, b"no thread may yet", True, True)
        assert not writer.put_from_handler(TEXT, b"the loop's thread", True, True)

        def stopped() -> tuple[bool, bool]:
            writer.stop_handler_writes()
            first = writer.put_from_handler(TEXT, b"after the end", True, True)
            writer.flush_from_handler()
            return first, log.runs == []

        def while_the_loop_writes() -> bool:
            raise RuntimeError("deque mutated during iteration")

        assert by_thread(writer, stopped) == (False, True)
        transport.get_write_buffer_size = while_the_loop_writes  # type: ignore[method-assign]
        assert by_thread(writer, lambda: writer.put_from_handler(TEXT, b"Hello", True, True))
        assert log.runs == []
        await asyncio.sleep(0)
        assert log.runs == [(HELLO, 1, "", None)]


@in_memory
async def test_on_a_transport_without_a_plain_socket_no_thread_writes() -> None:
    writer, _, _ = in_memory_writer()
    writer.stop_handler_writes()
    assert not by_thread(writer, lambda: writer.put_from_handler(TEXT, b"", True, True))
    async with on_tcp() as (writer, _, transport, _):
        cast(Any, transport)._extra["sslcontext"] = object()
        assert not by_thread(writer, lambda: writer.put_from_handler(TEXT, b"", True, True))


@in_memory
async def test_a_thread_that_writes_on_a_reset_connection_leaves_it_to_the_loop() -> None:
    async with on_tcp() as (writer, _, transport, theirs):
        transport.pause_reading()  # or the loop would see it first
        theirs.close()
        assert by_thread(writer, lambda: writer.put_from_handler(TEXT, b"Hello", True, True))
        await until(transport.is_closing)


@in_memory
async def test_an_end_may_mask_every_frame_with_one_key_on_purpose() -> None:
    log, transport = OnLog(), MemoryTransport()
    writer = Reach(asyncio.get_running_loop(), masks=True)
    writer.start(cast(asyncio.Transport, transport), (), log)
    writer.masking_keys = repeat(b"abcd")
    for _ in range(2):
        writer.put(TEXT, b"Hello", True)
        writer.flush()
    same = encode(TEXT, b"Hello", key=b"abcd")
    assert bytes(transport.written) == same + same
    assert [run[0] for run in log.runs] == [same, same]


@in_memory
async def test_what_the_system_has_not_taken_is_counted() -> None:
    async with on_tcp() as (writer, _, transport, _theirs):
        bound = transport.get_write_buffer_limits()[1]
        assert writer.unsent == (0, bound)
        writer.put(TEXT, b"Hello", True)
        assert writer.unsent == (len(HELLO), bound)
        size = 0
        while not transport.get_write_buffer_size():
            writer.put(BINARY, bytes(MAX_UNFLUSHED), True)
            writer.flush()
            size += MAX_UNFLUSHED
        assert 0 < writer.unsent[0] == transport.get_write_buffer_size() <= size + 1024
