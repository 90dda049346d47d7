"""Who sends on a connection: in the order of the calls, and never more than may wait."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from astra_nb import (
    AsyncWebSocket,
    CloseFrame,
    ConnectionClosed,
    Server,
    WebSocket,
    connect,
    connect_async,
)
from astra_nb.errors import WrongThread
from astra_nb.net import inbox, outbox
from astra_nb.net.connection import PIECE, Connection
from astra_nb.net.receiving import MAX_FRAGMENTS

from . import records
from .conformance.octets import frame, mask_all, read_frames
from .helpers import wait_until
from .net.peers import Peer, raw_client, raw_server
from .servers import KINDS, Kind, Steps, handler_of, run_async, serving

TEXT, BINARY, PING, PONG = 1, 2, 9, 10
MEGABYTE = 1_000_000
BUFFER = 2 * 65536  # bytes of asyncio's buffer before it pauses, and what one write adds


async def read_on(socket: Steps) -> None:
    while (await socket.recv()).type != "close":
        pass


def connections(server: Server) -> list[Connection]:
    return [socket._connection for socket in server.connections]


@contextlib.contextmanager
def deaf(server: Server) -> Iterator[Peer]:
    """Connect a peer that does not read; its window is small."""
    with sockets.socket() as sock:
        sock.settimeout(20)
        sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", server.port))
        sock.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        yield Peer(sock, masks=True)


# --- order -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_handlers_own_socket_a_cells_and_a_broadcast_keep_the_order_of_the_calls(
    kind: Kind,
) -> None:
    async def script(own: Steps) -> None:
        (each,) = server.connections
        for number in range(50):
            each.send_text(f"cell {number}")
            await own.send_text(f"own {number}")
            server.broadcast("text", f"all {number}")
            await own.send_fragments("text", ["fragments", f" {number}"])
        each.send_text("bye")
        await own.close(4000)

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        got = [message.value for message in client]
    kinds = ("cell", "own", "all", "fragments")
    expected = [f"{who} {number}" for number in range(50) for who in kinds]
    assert got == [*expected, "bye", CloseFrame(4000)]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_comes_between_the_fragments_of_a_message(kind: Kind) -> None:
    parts = [bytes(40_000)] * 5
    count = 40

    async def script(own: Steps) -> None:
        for _ in range(count):
            await own.send_fragments("bytes", parts)
            await own.send_text("whole")
        await own.recv()

    with serving(handler_of(kind, script)) as server, connect(server.url) as client:
        wait_until(lambda: server.connections)
        (each,) = server.connections

        def send() -> None:
            for _ in range(count):
                each.send_fragments("bytes", parts)
                each.send_text("whole")

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        got = [client.recv(20).value for _ in range(6 * count)]
        for thread in threads:
            thread.join()
    assert got.count("whole") == got.count(b"".join(parts)) == 3 * count


@pytest.mark.parametrize("kind", KINDS)
def test_a_broadcast_is_the_last_of_3000_sends_of_a_cell(kind: Kind) -> None:
    with serving(handler_of(kind, read_on)) as server, connect(server.url) as client:
        (target,) = server.connections
        for number in range(3000):
            target.send_text(str(number))
        assert server.broadcast("text", "end") == 1
        assert [client.recv(20).value for _ in range(3001)] == [*map(str, range(3000)), "end"]


def test_a_clients_close_comes_after_all_that_its_threads_have_sent() -> None:
    got: list[Any] = []

    async def script(socket: Steps) -> None:
        while (message := await socket.recv()).type != "close":
            got.append(message.value)

    with serving(handler_of("def", script)) as server:
        with connect(server.url) as client:
            for number in range(3000):
                client.send_text(str(number))
        records.closed(server.log)
    assert got == [*map(str, range(3000))]


# --- the wrong thread, the wrong loop ----------------------------------------------------------

Call = Callable[[AsyncWebSocket], Any]
AWAITED: dict[str, Call] = {
    "recv": lambda socket: socket.recv(),
    "recv with a timeout": lambda socket: socket.recv(0.01),
    "the next message": lambda socket: socket.__anext__(),
    "send": lambda socket: socket.send("text", "lost?"),
    "send a close": lambda socket: socket.send("close", 1000),
    "send_text": lambda socket: socket.send_text("lost?"),
    "send_bytes": lambda socket: socket.send_bytes(b"lost?"),
    "send_ping": lambda socket: socket.send_ping(b"lost?"),
    "send_pong": lambda socket: socket.send_pong(b"lost?"),
    "send_close": lambda socket: socket.send_close(1000),
    "send_fragment": lambda socket: socket.send_fragment("lost?", type="text", fin=False),
    "send_fragments": lambda socket: socket.send_fragments("text", ["lost", "?"]),
    "send_raw": lambda socket: socket.send_raw(b"\x81\x00"),
    "break_rule": lambda socket: socket.break_rule("RSV1 bit"),
    "drop": lambda socket: socket.drop(),
    "close": lambda socket: socket.close(),
    "wait_closed": lambda socket: socket.wait_closed(),
    "wait_closed with a timeout": lambda socket: socket.wait_closed(0.01),
    "the end of a block": lambda socket: socket.__aexit__(None, None, None),
}


def test_each_awaited_method_is_among_the_calls() -> None:
    methods = {
        name
        for name, value in vars(AsyncWebSocket).items()
        if asyncio.iscoroutinefunction(value) and not name.startswith("_")
    }
    assert methods == {name for name in AWAITED if hasattr(AsyncWebSocket, name)}


def stumble(call: Call, socket: AsyncWebSocket) -> str:
    """Call a method in this thread, on a loop of its own; return what it says."""
    with pytest.raises(WrongThread) as caught:
        run_async(call(socket))
    return str(caught.value)


@pytest.mark.parametrize("name", AWAITED)
def test_a_call_on_a_handlers_socket_from_a_cell_names_what_to_call(name: str) -> None:
    sockets: list[AsyncWebSocket] = []

    async def handler(socket: AsyncWebSocket) -> None:
        sockets.append(socket)
        async for _ in socket:
            pass

    with serving(handler) as server, connect(server.url) as client:
        wait_until(lambda: sockets)
        told = stumble(AWAITED[name], sockets[0])
        assert "nothing was done" in told
        assert 'server.connections[0].send_text("Hello")' in told
        with pytest.raises(WrongThread):  # also where no loop runs at all
            AWAITED[name](sockets[0]).send(None)
        server.connections[0].send_text("Hello")
        assert client.recv(20).value == "Hello"
        client.send_text("still read by the handler")
    assert [record.payload for record in records.frames(client.log, direction="received")] == [
        b"Hello",
        b"\x03\xe8",
    ]


@pytest.mark.parametrize("name", AWAITED)
def test_a_call_on_an_async_client_from_elsewhere_names_connect(name: str) -> None:
    with serving(handler_of("def", read_on)) as server:
        own, other = asyncio.new_event_loop(), asyncio.new_event_loop()

        async def begin() -> AsyncWebSocket:
            return await connect_async(server.url)

        client = own.run_until_complete(begin())
        told: list[str] = []
        with pytest.raises(WrongThread, match=r"a socket from connect\(\) may be used from any"):
            other.run_until_complete(AWAITED[name](client))  # the same thread
        thread = threading.Thread(target=lambda: told.append(stumble(AWAITED[name], client)))
        thread.start()
        thread.join()
        assert "connect_async()" in told[0]
        assert client.state == "open"
        own.run_until_complete(client.close())
        for loop in (own, other):
            loop.close()
        with pytest.raises((WrongThread, ConnectionClosed)):  # both are true by now
            run_async(AWAITED[name](client))
    assert [record.type for record in records.frames(client.log, direction="sent")] == ["close"]


def test_what_is_handed_to_the_loop_of_an_async_client_is_delivered() -> None:
    with serving(handler_of("def", read_on)) as server:

        async def script() -> None:
            async with connect_async(server.url) as client:
                loop = asyncio.get_running_loop()

                def send() -> None:
                    sent = asyncio.run_coroutine_threadsafe(client.send_text("Hello"), loop)
                    sent.result(20)

                await asyncio.to_thread(send)

        run_async(script())
        assert records.frame(server.log, type="text").payload == b"Hello"


def test_sends_on_a_loop_that_has_ended_tell_of_the_end() -> None:
    with serving(handler_of("def", read_on)) as server:
        client = connect(server.url)
    client.wait_closed(20)
    wait_until(client._connection.loop.is_closed)
    # As a thread that has looked just before the end.
    client._connection.state.is_open, client._connection.close_asked = True, False
    with pytest.raises(ConnectionClosed):
        client.send_text("late")
    with pytest.raises(ConnectionClosed):
        client.send_raw(b"\x81\x00")
    client.send_close(1000)
    client.drop()
    client.close()


# --- bounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_broadcasts_to_peers_that_do_not_read_are_bounded(kind: Kind) -> None:
    with serving(handler_of(kind, read_on)) as server, contextlib.ExitStack() as stack:
        server.log.recording = False
        peers = [stack.enter_context(deaf(server)) for _ in range(20)]
        wait_until(lambda: len(server.connections) == 20)
        payload = bytes(MEGABYTE)
        counts = [server.broadcast("bytes", payload) for _ in range(300)]
        assert counts[-1] == 0
        for connection in connections(server):
            written = connection.transport.get_write_buffer_size()
            assert len(connection.sender.outbox) * MEGABYTE <= outbox.MAX_BYTES + MEGABYTE
            assert written <= MEGABYTE + BUFFER
        assert 2 <= sum(counts) // 20 <= 6  # as much as that waits, the rest is left out
        for peer in peers:
            peer.reset()


def test_small_broadcasts_to_a_peer_that_does_not_read_are_bounded_in_number() -> None:
    with serving(handler_of("def", read_on)) as server, deaf(server) as peer:
        wait_until(lambda: server.connections)
        (connection,) = connections(server)
        while connection.sender.is_writable:
            server.broadcast("bytes", bytes(65536))
        for _ in range(outbox.MAX_ENTRIES + 10):
            server.broadcast("text", "small")
        assert outbox.MAX_ENTRIES <= len(connection.sender.outbox) <= outbox.MAX_ENTRIES + 1
        peer.reset()


@pytest.mark.parametrize("kind", KINDS)
def test_pings_of_a_peer_that_does_not_read_cost_one_pong(kind: Kind) -> None:
    count = 100_000
    with serving(handler_of(kind, read_on)) as server, deaf(server) as peer:
        server.log.max_frames = 1000
        wait_until(lambda: server.connections)
        (connection,) = connections(server)
        batch = 1000
        for first in range(0, count, batch):
            peer.send(*(frame(PING, b"%0125d" % number) for number in range(first, first + batch)))
        wait_until(lambda: server.log.last_number >= count, 30)
        # 256 KiB is what asyncio reads at once: the pongs for it are written together.
        assert connection.transport.get_write_buffer_size() <= BUFFER + 2**18
        assert len(connection.sender.outbox) == 0
        newest = b"%0125d" % (count - 1)
        data = bytearray()
        while not data.endswith(newest):
            data += peer.sock.recv(65536)
        answered = [int(each.payload) for each in read_frames(bytes(data))]
        assert answered == sorted(answered)
        assert len(answered) < count // 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_endless_message_of_empty_fragments_is_refused(kind: Kind) -> None:
    with serving(handler_of(kind, read_on)) as server, raw_client(server.port) as peer:
        fragments = frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * MAX_FRAGMENTS
        peer.sock.sendall(mask_all(fragments))
        assert peer.read_frame().payload == b"\x03\xf1too many fragments"
        closed = records.closed(server.log)
    assert closed.detail.startswith("the message has more than 100,000 fragments")


def test_a_client_refuses_an_endless_message_of_empty_fragments() -> None:
    def script(peer: Peer) -> None:
        peer.send(frame(BINARY, b"", fin=False) + frame(0, b"", fin=False) * MAX_FRAGMENTS)
        assert peer.read_frame().payload == b"\x03\xf1too many fragments"

    with raw_server(script) as url:
        client = connect(url)
        with pytest.raises(ConnectionClosed, match="more than 100,000 fragments"):
            client.recv(20)
        client.wait_closed(20)


def never_reads(closed: threading.Event) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        assert closed.wait(20)

    return script


@pytest.mark.parametrize("way", ["close", "with"])
def test_closing_a_client_does_not_wait_for_a_server_that_does_not_read(way: str) -> None:
    closed = threading.Event()
    with raw_server(never_reads(closed)) as url:
        client = connect(url, close_timeout=0.05)
        errors: list[Exception] = []

        def send() -> None:
            try:
                while True:
                    client.send_bytes(bytes(65536))
            except Exception as exc:  # noqa: BLE001  (the test looks at it)
                errors.append(exc)

        thread = threading.Thread(target=send)
        thread.start()
        wait_until(lambda: not client._connection.sender.is_writable)
        if way == "close":
            client.close()
        else:
            with client:
                pass
        assert client.state == "closed"
        thread.join(20)
        closed.set()
    assert len(errors) == 1


@pytest.mark.parametrize("way", ["close", "with"])
def test_closing_an_async_client_does_not_wait_for_a_server_that_does_not_read(way: str) -> None:
    closed = threading.Event()

    async def script(url: str) -> None:
        client = await connect_async(url, close_timeout=0.05)
        sending = asyncio.ensure_future(keep_sending(client))
        while client._connection.sender.is_writable:  # noqa: ASYNC110  (nothing else tells)
            await asyncio.sleep(0)
        if way == "close":
            await client.close()
        else:
            async with client:
                pass
        assert client.state == "closed"
        assert await sending

    with raw_server(never_reads(closed)) as url:
        run_async(script(url))
        closed.set()


async def keep_sending(client: AsyncWebSocket) -> bool:
    with contextlib.suppress(Exception):
        while True:
            await client.send_bytes(bytes(65536))
    return client.state != "open"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", ["handler", "cell"])
def test_closing_from_the_server_does_not_wait_for_a_client_that_does_not_read(
    kind: Kind, who: str
) -> None:
    async def script(own: Steps) -> None:
        if who == "cell":
            await read_on(own)
            return
        while own.socket._connection.sender.is_writable:
            server.broadcast("bytes", bytes(65536))
        await own.close(4000)

    with serving(handler_of(kind, script)) as server, deaf(server):
        server.close_timeout = 0.05
        wait_until(lambda: server.connections or server.log.filter(kind="closed"))
        if who == "cell":
            target = server.connections[0]
            target._connection.close_timeout = 0.05
            while not target.would_wait:
                target.send_bytes(bytes(65536))
            target.close()
            assert target.state == "closed"
        assert records.closed(server.log).tcp == "timeout"


@pytest.mark.parametrize("compress", ["sent", "received"])
def test_the_logs_bound_holds_for_what_compressed_messages_are_in_memory(compress: str) -> None:
    def handler(socket: WebSocket) -> None:
        for message in socket:
            if message.type == "text" and compress == "sent":
                for _ in range(64):
                    socket.send_bytes(bytes(2**20))

    with serving(handler, compression="deflate") as server:
        server.log.max_bytes = 8 * 2**20
        with connect(server.url, compression="deflate") as client:
            client.log.max_bytes = 8 * 2**20
            if compress == "sent":
                client.send_text("go")
                for _ in range(64):
                    assert client.recv(20).value == bytes(2**20)
            else:
                for _ in range(64):
                    client.send_bytes(bytes(2**20))
        records.closed(server.log)
        for log in (server.log, client.log):
            kept = sum(len(record.payload) for record in records.frames(log))
            assert kept <= 8 * 2**20
            assert log.dropped >= 56


# --- compressed messages -----------------------------------------------------------------------


def deflated(size: int) -> bytes:
    """A frame of a client whose message is that long: 1,000 times as long as the frame."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return mask_all(frame(BINARY, data[:-4], rsv=4))


@pytest.mark.parametrize("size", [100_000, 2**20, 100 * 2**20])
@pytest.mark.parametrize("kind", KINDS)
def test_the_memory_that_compressed_messages_take_at_once_is_bounded(kind: Kind, size: int) -> None:
    go_on = threading.Event()

    async def script(socket: Steps) -> None:
        if kind == "def":
            go_on.wait(20)
        while not go_on.is_set():  # noqa: ASYNC110  (a thread sets it)
            await asyncio.sleep(0.01)
        await read_on(socket)

    one, offer = deflated(size), "Sec-WebSocket-Extensions: permessage-deflate"
    with serving(handler_of(kind, script), compression="deflate") as server:
        server.log.recording = False
        with raw_client(server.port, "/", offer) as peer:
            tracemalloc.start()
            try:
                peer.sock.setblocking(False)
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    peer.sock.sendall(one * (2**19 // len(one) or 1))
                peer.sock.settimeout(20)
                if size > 2**20:
                    assert peer.read_frame().payload[:2] == b"\x03\xf1"  # 1009
                else:
                    (connection,) = connections(server)
                    wait_until(lambda: connection.inbox and connection.inbox.paused)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
                go_on.set()
    # What may wait for the handler, what one piece holds, one message, and what tests need.
    assert peak < inbox.HIGH_BYTES + 1000 * PIECE + 2 * 2**20 + 2**21
