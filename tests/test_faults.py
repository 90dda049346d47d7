"""Faults, put in over a real socket: each ends in a state the log tells in words, nothing is left.

A bystander is connected to the same server all the while, and nothing of its may be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import re
import select
import signal
import socket as sockets
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from astra_nb import AsyncWebSocket, FrameLog, Server, WebSocket, connect
from astra_nb.errors import ConnectFailed, ConnectionClosed, EndlessLoop, LoopBlocked
from astra_nb.log.records import ClosedRecord, NoticeRecord
from astra_nb.net import background, blocking
from astra_nb.wire.frames import decode

from . import records
from .conformance.octets import frame, mask_all, read_frames
from .helpers import REPOSITORY, free_port, run_python, wait_until
from .interrupts import CHILD
from .servers import KINDS, Kind, Steps, echo, handler_of, serving

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
HELLO = mask_all(b"\x81\x05Hello")


@contextmanager
def faulty(handler: Callable[[Any], Any], **settings: Any) -> Iterator[Server]:
    """Run a server with `handler` at "/", and a bystander that is served to the end."""
    server = Server(port=0)
    for name, value in settings.items():
        setattr(server, name, value)
    server.websocket("/", handler)
    server.websocket("/bystander", handler_of("def", echo))
    with server:
        with connect(f"{server.url}bystander") as bystander:
            bystander.send_text("before")
            assert bystander.recv(10).value == "before"
            yield server
            bystander.send_text("after")
            while (message := bystander.recv(10)).type == "ping":
                pass  # the server's keepalive
            assert message.value == "after"
            assert [r.payload for r in records.frames(bystander.log, type="text")] == [
                b"before",
                b"before",
                b"after",
                b"after",
            ]


def open_raw(server: Server) -> sockets.socket:
    """Connect and do the opening handshake; the rest is up to the test."""
    sock = sockets.create_connection(("127.0.0.1", server.port), 10)
    sock.sendall(request(server))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return sock


def request(server: Server, more: bytes = b"") -> bytes:
    return (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n%s\r\n" % (server.port, more)
    )


def read_to_end(sock: sockets.socket) -> bytes:
    data = b""
    while part := sock.recv(65536):
        data += part
    return data


def close_code(data: bytes) -> int:
    """Read the code of the CLOSE frame that these bytes are."""
    close = decode(data).close
    assert close is not None
    return close.code


def ended(server: Server) -> ClosedRecord:
    """Wait for the end of the connection at "/", the second one."""
    return records.closed(server.log, connection=2, timeout=10)


# --- handlers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_raises(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    async def script(socket: Steps) -> None:
        await socket.recv()
        raise KeyError("lost")

    with faulty(handler_of(kind, script)) as server:
        with open_raw(server) as sock:
            sock.sendall(HELLO)
            assert close_code(read_to_end(sock)) == 1011
        closed = ended(server)
        assert closed.first == "server"
        assert "1011" in closed.why_closed
        error = records.handler_error(server.log, connection=2)
        assert error.summary == "KeyError: 'lost'"
        assert "in script" in error.traceback
    assert "KeyError: 'lost'" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_writes_to_one_who_has_left(
    kind: Kind, capsys: pytest.CaptureFixture[str]
) -> None:
    members: list[Steps] = []

    async def script(socket: Steps) -> None:
        members.append(socket)
        await socket.recv()
        await members[1].send_text("are you there?")

    with faulty(handler_of(kind, script), close_timeout=0.2) as server:
        with open_raw(server) as sock:
            wait_until(lambda: members)
            with open_raw(server):
                wait_until(lambda: members[1:])
            records.closed(server.log, connection=3)
            sock.sendall(HELLO)
            assert close_code(read_to_end(sock)) == 1011
        error = records.handler_error(server.log, connection=2)
        assert error.summary.startswith("astra_nb.errors.ConnectionClosed: ")
        assert "in script" in error.traceback
        # Connection 3 itself ended for its handler, and that is not an error.
        assert not list(server.log.filter(kind="error", connection=3))
    assert "The handler of connection 2 raised:" in capsys.readouterr().err


def test_a_group_of_tasks_whose_connection_ends() -> None:
    async def handle_socket(socket: Any) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(read_on(socket))

    async def read_on(socket: Any) -> None:
        while True:
            await socket.recv()

    with faulty(handle_socket) as server:
        with open_raw(server) as sock:
            sock.sendall(mask_all(frame(CLOSE, b"\x03\xe8")))
            assert close_code(read_to_end(sock)) == 1000
        ended(server)
        assert not list(server.log.filter(kind="error"))


def test_a_handler_that_awaits_a_cancelled_task(capsys: pytest.CaptureFixture[str]) -> None:
    async def handle_socket(socket: Any) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    with faulty(handle_socket, close_timeout=0.2) as server:
        with open_raw(server) as sock:
            assert close_code(read_to_end(sock)) == 1011
        assert records.handler_error(server.log, connection=2).summary.endswith("CancelledError")
    assert "The handler of connection 2 raised:" in capsys.readouterr().err


async def echo_once(socket: Any) -> None:
    await socket.send_text(f"got {(await socket.recv()).value}")


def undeclared(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorated(socket: Any) -> Any:
        return handler(socket)

    return decorated


class Later:
    """Can be awaited, and is not a coroutine."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def __await__(self) -> Iterator[Any]:
        return echo_once(self.socket).__await__()


async def returns_a_task(socket: AsyncWebSocket) -> object:
    return asyncio.ensure_future(echo_once(socket))


@pytest.mark.parametrize(
    "handler",
    [
        undeclared(echo_once),
        functools.wraps(echo_once)(undeclared(echo_once)),
        lambda socket: echo_once(socket),
        functools.partial(lambda room, socket: echo_once(socket), "room"),
        Later,
        returns_a_task,
    ],
    ids=["decorated", "wrapped", "lambda", "partial", "awaitable", "task"],
)
def test_a_handler_that_returns_what_must_be_awaited(handler: Callable[[Any], Any]) -> None:
    with faulty(handler, close_timeout=0.2) as server:
        for connection in 2, 3:  # the second time it is known
            with open_raw(server) as sock:
                sock.sendall(HELLO)
                answer, close = read_frames(read_to_end(sock))
            assert (answer.payload, close.payload) == (b"got Hello", b"\x03\xe8")
            records.closed(server.log, connection=connection)
        assert not list(server.log.filter(kind="error"))


def yields(socket: Any) -> Iterator[None]:
    yield


async def yields_async(socket: Any) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "generate",
    [yields, yields_async, contextmanager(yields), contextlib.asynccontextmanager(yields_async)],
    ids=["generator", "async generator", "context manager", "async context manager"],
)
def test_a_handler_that_returns_a_generator(
    kind: Kind, generate: Callable[[Any], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def handle_async(socket: Any) -> Any:
        return generate(socket)

    handler = handle_async if kind == "async def" else lambda socket: generate(socket)
    with faulty(handler, close_timeout=0.2) as server:
        with open_raw(server) as sock:
            assert close_code(read_to_end(sock)) == 1011
        error = records.handler_error(server.log, connection=2)
        assert "a generator, none of whose lines has run" in error.summary
    assert "take the yield out" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_returns_early(kind: Kind) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_text("that is all")

    with faulty(handler_of(kind, script)) as server:
        with open_raw(server) as sock:
            sock.sendall(HELLO)  # nobody will read it
            assert close_code(read_to_end(sock)[13:]) == 1000
        assert "1000" in ended(server).why_closed


def test_a_def_handler_that_blocks_for_ever_at_shutdown() -> None:
    let_go = threading.Event()

    def handle_socket(socket: WebSocket) -> None:
        let_go.wait(60)

    with faulty(handle_socket, close_timeout=0.2) as server:
        sock = open_raw(server)
    # The server is down; the handler is not, and the log says so.
    try:
        server.log.wait_for(kind="notice", text="handler of connection 2 did not end")
        with sock:
            assert close_code(read_to_end(sock)) == 1001
    finally:
        let_go.set()


def test_an_async_handler_that_waits_for_ever_at_shutdown() -> None:
    cancelled: list[bool] = []

    async def handle_socket(socket: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with faulty(handle_socket, close_timeout=0.2) as server:
        sock = open_raw(server)
    with sock:
        assert close_code(read_to_end(sock)) == 1001
    assert cancelled == [True]
    assert "1001" in ended(server).why_closed


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_catches_every_exception(kind: Kind) -> None:
    caught: list[BaseException] = []

    async def script(socket: Steps) -> None:
        while True:
            try:
                await socket.recv()
            except Exception as exc:  # noqa: BLE001  (that is the fault)
                caught.append(exc)

    with faulty(handler_of(kind, script)) as server:
        with open_raw(server) as sock:
            sock.sendall(mask_all(b"\x88\x02\x03\xe8"))
            assert close_code(read_to_end(sock)) == 1000
        error = records.handler_error(server.log, connection=2)
        assert error.summary.endswith("let ConnectionClosed end it")
    assert {type(exc) for exc in caught} == {ConnectionClosed}


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_catches_even_its_end(kind: Kind) -> None:
    let_go = threading.Event()
    caught: list[type[BaseException]] = []

    async def script(socket: Steps) -> None:
        while not let_go.is_set():
            try:
                await socket.recv()
            except:  # noqa: E722  (that is the fault)
                caught.append(sys.exc_info()[0] or BaseException)

    with faulty(handler_of(kind, script)) as server:
        with open_raw(server) as sock:
            sock.sendall(mask_all(b"\x88\x02\x03\xe8"))
            assert close_code(read_to_end(sock)) == 1000
        # It goes on, and the bystander is served all the same.
        wait_until(lambda: EndlessLoop in caught)

        def let_it_go() -> None:
            server.log.wait_for(
                kind="notice", text="handler of connection 2 did not end", timeout=20
            )
            let_go.set()

        waiting = threading.Thread(target=let_it_go)
        waiting.start()
    waiting.join(20)
    assert let_go.is_set(), "the log did not tell that the handler goes on"


# --- peers that vanish ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_resets(kind: Kind) -> None:
    with faulty(handler_of(kind, echo)) as server:
        sock = open_raw(server)
        sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        closed = ended(server)
        assert (closed.tcp, closed.code, closed.first) == ("reset", 1006, "")
        assert "reset" in closed.why_closed


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_ends_inside_a_frame(kind: Kind) -> None:
    with faulty(handler_of(kind, echo)) as server:
        with open_raw(server) as sock:
            sock.sendall(HELLO[:8])
        closed = ended(server)
        assert (closed.tcp, closed.code) == ("dropped by client", 1006)
        cut = records.frame(server.log, connection=2)
        assert cut.frame.raw == HELLO[:8]
        assert not cut.frame.complete
        assert cut.verdict.startswith("cut")


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_falls_silent_after_a_close(kind: Kind) -> None:
    async def script(socket: Steps) -> None:
        await socket.send_close(4000, "bye")
        await socket.recv()

    with faulty(handler_of(kind, script), close_timeout=0.2) as server, open_raw(server):
        closed = ended(server)
        assert (closed.tcp, closed.first, closed.code) == ("timeout", "server", 1006)
        assert "4000" in closed.why_closed


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_falls_silent_while_it_is_open(kind: Kind) -> None:
    with faulty(handler_of(kind, echo), keepalive=0.2, close_timeout=0.2) as server:
        with open_raw(server):
            closed = ended(server)
        assert closed.sent is not None
        assert closed.sent.code == 1011
        assert "no pong" in closed.detail


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_reads_nothing_while_the_handler_sends(kind: Kind) -> None:
    part = b"x" * 65536
    sent: list[int] = []
    ends: list[BaseException] = []

    async def script(socket: Steps) -> None:
        try:
            for number in range(20_000):  # 1.2 GiB, which no buffer holds
                await socket.send_bytes(part)
                sent.append(number)
        except ConnectionClosed as exc:
            ends.append(exc)
            raise

    process = psutil.Process()
    before = process.memory_info().rss
    with faulty(handler_of(kind, script)) as server:
        server.log.max_bytes = 2**20
        sock = open_raw(server)
        wait_until(lambda: len(sent) > 10, 20)
        counts = [0]

        def stands_still() -> bool:
            counts.append(len(sent))
            return len(counts) > 100 and counts[-100] == counts[-1]

        wait_until(stands_still, 20)
        assert process.memory_info().rss - before < 64 * 2**20
        sock.close()
        wait_until(lambda: ends, 10)
        assert ended(server).code == 1006


# --- opening handshakes -----------------------------------------------------------------------


def test_an_opening_handshake_a_byte_at_a_time() -> None:
    with faulty(handler_of("def", echo), open_timeout=0.3) as server:
        with sockets.create_connection(("127.0.0.1", server.port), 10) as sock:
            data = request(server)
            with contextlib.suppress(ConnectionError):
                for index in range(len(data)):
                    sock.sendall(data[index : index + 1])
                    if select.select([sock], [], [], 0.01)[0]:
                        break  # the server has answered before the request was complete
        closed = ended(server)
        assert closed.status == 408
        assert "o whole opening handshake within 0.3 s" in closed.why_closed


def test_an_opening_handshake_with_a_header_of_1_mib() -> None:
    with faulty(handler_of("def", echo)) as server:
        with sockets.create_connection(("127.0.0.1", server.port), 10) as sock:
            answer = b""
            with contextlib.suppress(ConnectionError):
                sock.sendall(request(server, b"X-Long: %s\r\n" % (b"x" * 2**20)))
            with contextlib.suppress(ConnectionError):
                answer = read_to_end(sock)
        closed = ended(server)
        assert closed.status == 431
        assert "431" in closed.why_closed
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


# --- messages ---------------------------------------------------------------------------------

MESSAGES = {
    "a message over the limit": (frame(TEXT, b"x" * 1001), 1009, "max_message_size"),
    "a fragmented message over the limit": (
        frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 401),
        1009,
        "max_message_size",
    ),
    "invalid UTF-8 across the border of fragments": (
        frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"\x28"),
        1007,
        "UTF-8",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_cannot_be(kind: Kind, name: str) -> None:
    data, code, words = MESSAGES[name]
    with faulty(handler_of(kind, echo), max_message_size=1000) as server:
        with open_raw(server) as sock:
            sock.sendall(mask_all(data))
            assert close_code(read_to_end(sock)) == code
        closed = ended(server)
        assert closed.sent is not None
        assert closed.sent.code == code
        assert words in closed.why_closed
        assert words in records.frames(server.log, connection=2, direction="received")[-1].verdict


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_sends_after_its_close(kind: Kind) -> None:
    got: list[str] = []

    async def script(socket: Steps) -> None:
        while True:
            got.append((await socket.recv()).type)

    with faulty(handler_of(kind, script)) as server:
        with open_raw(server) as sock:
            sock.sendall(mask_all(b"\x88\x02\x03\xe8"))
            sock.sendall(HELLO)
            assert close_code(read_to_end(sock)) == 1000
        ended(server)
        late = records.frame(server.log, connection=2, type="text")
        assert late.verdict == "ignored: it came after the CLOSE frame"
    assert got == ["close"]


# --- many at once -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_connects_and_drops_in_a_row(kind: Kind) -> None:
    process = psutil.Process()
    with faulty(handler_of(kind, echo)) as server:
        descriptors, threads = process.num_fds(), threading.active_count()
        for number in range(1000):
            with sockets.create_connection(("127.0.0.1", server.port), 10) as sock:
                if number % 3:
                    sock.sendall(request(server)[: -1 if number % 3 == 1 else None])
        wait_until(lambda: len(server.log.filter(kind="closed")) == 1000, 30)
        wait_until(lambda: process.num_fds() == descriptors, 10)
        wait_until(lambda: threading.active_count() == threads, 10)
        assert len(server.connections) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_two_threads_never_interleave(kind: Kind) -> None:
    count = 200

    async def script(socket: Steps) -> None:
        await socket.recv()

    with faulty(handler_of(kind, script)) as server, open_raw(server) as sock:
        target = server.connections[1]

        def send(letter: bytes) -> None:
            for size in range(count):
                target.send_bytes(letter * size * 100)

        threads = [threading.Thread(target=send, args=(letter,)) for letter in (b"a", b"b")]
        for thread in threads:
            thread.start()
        total = 2 * sum(len(frame(BINARY, b"x" * size * 100)) for size in range(count))
        data = b""
        while len(data) < total:
            data += sock.recv(65536)
        for thread in threads:
            thread.join()
        sock.sendall(HELLO)
    payloads, offset = [], 0
    while offset < len(data):
        one = decode(data, offset)
        offset += len(one.raw)
        payloads.append(one.payload)
    for letter in (b"a", b"b"):
        own = [payload for payload in payloads if payload[:1] == letter]
        assert own == [letter * size * 100 for size in range(1, count)]


def test_sends_from_the_handler_a_cell_and_the_panel_at_once() -> None:
    count = 100
    begin = threading.Barrier(3)

    def handle_socket(socket: WebSocket) -> None:
        begin.wait(20)
        for _ in range(count):
            socket.send_text("handler")
        socket.recv()

    with faulty(handle_socket) as server, connect(server.url) as client:
        panel = server.panel()

        def click() -> None:
            begin.wait(20)
            for _ in range(count):
                panel.send_text("panel", to=2)

        clicking = threading.Thread(target=click)
        clicking.start()
        target = server.connections[1]
        begin.wait(20)
        for _ in range(count):
            target.send_text("cell")
        clicking.join(20)
        got = [client.recv(20).value for _ in range(3 * count)]
        assert sorted(map(str, got)) == ["cell"] * count + ["handler"] * count + ["panel"] * count
        client.send_text("done")
        panel.close()


# --- the process ------------------------------------------------------------------------------


def test_an_interrupt_in_a_blocking_call() -> None:
    with faulty(handler_of("def", echo)) as server, connect(server.url) as client:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            client.recv(20)
        timer.join()
        assert client.state == "open"
        client.send_text("still here")
        assert client.recv(10).value == "still here"


@pytest.mark.parametrize("what", ["run", "shutdown", "connect"])
def test_an_interrupt_at_any_moment(what: str) -> None:
    code = f"SEED, MOMENTS, WHAT = 12, 60, {what!r}\n{CHILD}"
    done = run_python("-c", code)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_an_interrupt_of_a_shutdown() -> None:
    let_go = threading.Event()
    at_work = threading.Event()

    def handle_socket(socket: WebSocket) -> None:
        at_work.set()
        let_go.wait(60)
        socket.recv()

    server = Server(port=0)
    server.websocket("/", handle_socket)
    server.run()
    with open_raw(server) as sock:
        assert at_work.wait(10)
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            server.shutdown()
        timer.join()
        signal.signal(signal.SIGINT, before)
        assert close_code(read_to_end(sock)) == 1001
    let_go.set()
    wait_until(lambda: not server.running, 10)


def test_two_threads_that_shut_down_and_eight_that_run(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(port=0)
    server.websocket("/", handler_of("def", echo))
    in_threads(8, server.run)
    assert len(listening()) == 1
    with connect(server.url) as client:
        client.send_text("one of them")
        assert client.recv(10).value == "one of them"
    seen: list[bool] = []

    def shut_down() -> None:
        server.shutdown()
        seen.append(server.running or bool(listening()))

    in_threads(4, shut_down)
    assert seen == [False] * 4
    assert capsys.readouterr().out.count("Replaced the server") == 7


def in_threads(count: int, action: Callable[[], object]) -> None:
    threads = [threading.Thread(target=action) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def notices_of(server: Server) -> list[str]:
    return [each.text for each in server.log if isinstance(each, NoticeRecord)]


def listening() -> list[int]:
    found = psutil.Process().net_connections("tcp")
    return [each.laddr[1] for each in found if each.status == psutil.CONN_LISTEN]


COLLECTED = """
import gc, signal, warnings
from astra_nb import Server, connect
from astra_nb.running import registry
from astra_nb.net import background
signal.alarm(20)
warnings.simplefilter("ignore")
server = Server(port=0)
server.websocket("/", lambda socket: socket.recv())
server.run()
client = connect(server.url)
runner = server._runner
with background._lock, registry.in_turn, server.log._ring._lock:
    del server, client
    gc.collect()
print(runner.ended.wait(10))
"""


def test_a_collection_while_the_same_thread_is_inside() -> None:
    assert run_python("-c", COLLECTED).stdout == "True\n"


# --- the event loop ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_task_or_a_callback_that_exits(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks: list[asyncio.Task[None]] = []

    def fail() -> None:
        raise error

    async def fail_async() -> None:
        fail()

    async def handle_socket(socket: AsyncWebSocket) -> None:
        loop = asyncio.get_running_loop()
        tasks.append(asyncio.create_task(fail_async()))
        loop.call_soon(fail)
        loop.call_soon(loop.stop)
        await asyncio.wait(tasks)
        assert tasks[0].exception() is error
        await socket.send_text("still here")

    with faulty(handle_socket) as server, connect(server.url) as client:
        assert client.recv(10).value == "still here"
        name = type(error).__name__
        notices = notices_of(server)
        told = [text for text in notices if "event loop" in text]
        assert len(told) == 2
        assert all(f"raised {name}" in text and "keeps running" in text for text in told)
    assert name in capsys.readouterr().err


def test_a_loop_that_died() -> None:
    server = Server(port=0)
    server.run()
    loop = background.acquire("this test")
    loop.end()
    loop.join()
    server.shutdown()
    assert not server.running
    assert listening() == []
    with serving(handler_of("def", echo)) as again, connect(again.url) as client:
        client.send_text("a new loop")
        assert client.recv(10).value == "a new loop"
    background.release("this test")


def test_an_async_handler_that_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "STEP", 0.02)
    monkeypatch.setattr("astra_nb.net.background.STEP", 0.02)
    let_go, at_work = threading.Event(), threading.Event()

    async def talk(socket: AsyncWebSocket) -> None:
        await socket.recv()
        at_work.set()
        let_go.wait(60)

    server, other = Server(port=0), Server(port=0)
    server.websocket("/", talk)
    server.run()
    client = connect(server.url)
    client.send_text("now")
    assert at_work.wait(10)
    calls: list[Callable[[], object]] = [
        lambda: server.connections,
        lambda: server.broadcast("text", "to all"),
        lambda: connect(server.url, timeout=2),
        lambda: connect("ws://127.0.0.1:9/", timeout=2),
        other.run,
        client.close,
        client.wait_closed,
        server.shutdown,
    ]
    for call in calls:
        with pytest.raises(LoopBlocked) as caught:
            call()
        assert re.search(
            r"^the event loop is blocked by talk\(\) at line \d+ of .*test_faults\.py: "
            r"let_go\.wait\(60\); .*a `def` handler may block",
            str(caught.value),
        )
    notices = notices_of(server)
    [notice] = [text for text in notices if "blocked by talk()" in text]
    assert "let_go.wait(60)" in notice
    # The port was given back, and what is run now has a loop that works.
    assert listening() == []
    assert not server.running
    with serving(handler_of("def", echo)) as again, connect(again.url) as second:
        second.send_text("a new loop")
        assert second.recv(10).value == "a new loop"
    let_go.set()
    wait_until(lambda: client.state == "closed", 10)


def test_an_async_handler_that_cancels_all_tasks() -> None:
    async def cancel_all(socket: AsyncWebSocket) -> None:
        await socket.recv()
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(60)

    with faulty(cancel_all) as server, connect(server.url) as client:
        client.send_text("now")
        client.wait_closed(10)
        with connect(f"{server.url}bystander") as another:  # clients are let in as before
            another.send_text("let in")
            assert another.recv(10).value == "let in"


def test_the_log_says_that_an_async_handler_blocks_while_it_does() -> None:
    let_go, news = threading.Event(), threading.Event()

    async def talk(socket: AsyncWebSocket) -> None:
        await socket.recv()
        let_go.wait(60)

    with serving(talk) as server:
        client = connect(server.url)
        client.send_text("now")
        server.log.wait_for(type="text")
        texts: list[str] = []

        def look() -> None:
            # Called where the notice is appended, so nothing is waited for or read before.
            texts.extend(sys._getframe(depth).f_code.co_name for depth in range(8))
            news.set()

        list(server.log)  # a log calls its readers once after each reading
        stop = server.log.subscribe(look)
        assert news.wait(20)
        stop()
        let_go.set()
        assert "_keep_watch" in texts
        [notice] = [text for text in notices_of(server) if "blocked by talk()" in text]
        assert "let_go.wait(60)" in notice
        client.close()


NO_DESCRIPTORS = """
import os, resource, socket
from astra_nb import Server, connect
from tests.helpers import wait_until
server = Server(port=0)
server.websocket("/", lambda socket: socket.send_text("let in"))
server.run()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 30, hard))
clients = []
try:
    while True:
        clients.append(socket.create_connection(("127.0.0.1", server.port)))
except OSError:
    pass
def told():
    return [r.text for r in server.log.filter(kind="notice") if "could not be accepted" in r.text]
wait_until(told)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
with connect(server.url) as client:
    print(client.recv(10).value)
print(len(told()))
for sock in clients:
    sock.close()
server.shutdown()
"""


def test_a_lack_of_file_descriptors() -> None:
    done = run_python("-c", NO_DESCRIPTORS)
    assert (done.stdout, done.stderr) == ("let in\n1\n", "")


FORK = """
import os, socket
from astra_nb import Server, connect
server = Server(port=0)
def echo(socket):
    for message in socket:
        if message.type == "text":
            socket.send_text(message.value)
server.websocket("/", echo)
server.run()
client = connect(server.url)
child = os.fork()
if child == 0:
    # The child has no server, and can run one of its own on a port of its own.
    assert not server.running
    own = Server(port=0)
    own.websocket("/", echo)
    with own, connect(own.url) as other:
        other.send_text("in the child")
        assert other.recv(10).value == "in the child"
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
client.send_text("in the parent")
assert client.recv(10).value == "in the parent"
client.close()
port = server.port
server.shutdown()
socket.create_server(("127.0.0.1", port)).close()
print("ok")
"""


def test_a_fork_leaves_the_connections_to_the_parent() -> None:
    done = run_python("-W", "error", "-c", FORK)
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_ten_million_frames_leave_the_memory_flat() -> None:
    # A day at 115 frames a second. The process must not grow once the ring is full.
    log = FrameLog(max_frames=10_000, max_bytes=8 * 2**20)
    run = frame(TEXT, b"x" * 64) * 20
    process = psutil.Process()

    def pass_frames(count: int) -> None:
        for _ in range(count // 20):
            log.append_frames(1, "server", "received", run, 20)

    pass_frames(1_000_000)
    before = process.memory_info().rss
    pass_frames(9_000_000)
    assert log.last_number == 10_000_000
    assert len(list(log)) == 10_000
    assert log.dropped == 9_990_000
    assert process.memory_info().rss - before < 16 * 2**20


# --- the page that says all this --------------------------------------------------------------


def test_an_export_that_fails_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "log.jsonl"
    with faulty(handler_of("def", echo)) as server:
        earlier = server.log.to_jsonl(path)
        with open_raw(server) as sock:
            sock.sendall(HELLO)
            assert sock.recv(16) == b"\x81\x05Hello"
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", full)
                with pytest.raises(OSError, match="No space left"):
                    server.log.to_jsonl(path)
    assert path.read_text(encoding="utf-8") == earlier
    assert os.listdir(tmp_path) == ["log.jsonl"]


def test_the_guide_names_each_fault_and_its_test() -> None:
    text = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
    table = text.partition("## Faults")[2].partition("## ")[0]
    named = set(re.findall(r"`(test_\w+)` \|$", table, re.MULTILINE))
    own = {name for name in globals() if name.startswith("test_")}
    assert named == own - {"test_the_guide_names_each_fault_and_its_test"}


def test_an_async_handler_that_gives_the_loop_a_task_factory_that_fails() -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no tasks")

    async def break_loop(socket: AsyncWebSocket) -> None:
        asyncio.get_running_loop().set_task_factory(fail)
        await socket.send_text("done")

    with serving(break_loop) as server:
        with connect(server.url) as client:
            assert client.recv(10).value == "done"
        with pytest.raises(ConnectFailed):  # it does not wait for ever
            connect(f"ws://127.0.0.1:{free_port()}/", timeout=10)
