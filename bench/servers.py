"""The servers that are compared, each in its own process.

`python -m bench.servers NAME CPU` prints its port and serves until its standard input ends; the
name "tap PORT" is a tap before that port.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from .limits import pin, raise_file_limit
from .wire import CLOSE

__all__ = ["SERVERS", "main"]

CLOSE_SIZE = 8  # bytes of a masked CLOSE frame with a code


def announce(port: int) -> None:
    print(json.dumps({"port": port}), flush=True)


def wait_for_end() -> None:
    sys.stdin.read()


def run_on_loop(start: Callable[[], Awaitable[tuple[int, Any]]]) -> None:
    """Run a peer's event loop in the main thread until standard input ends."""

    async def serve() -> None:
        port, _keep = await start()
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            wait_for_end()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=end, daemon=True).start()
        announce(port)
        await done.wait()

    asyncio.run(serve())


# --- ours -------------------------------------------------------------------------------------


def ours(*, asynchronous: bool, record: bool) -> None:
    from astra_nb import Server

    server = Server(port=0, record=record)
    server.max_message_size = 2**20

    if asynchronous:

        async def echo_async(socket: Any) -> None:
            async for message in socket:
                if message.type == "text":
                    await socket.send_text(message.value)

        server.websocket("/", echo_async)
    else:

        def echo(socket: Any) -> None:
            for message in socket:
                if message.type == "text":
                    socket.send_text(message.value)

        server.websocket("/", echo)
    server.run()
    announce(server.port)
    wait_for_end()
    server.shutdown()


def ours_broadcast(*, record: bool) -> None:
    from astra_nb import Server

    server = Server(port=0, record=record)

    async def on_request(socket: Any) -> None:
        async for message in socket:
            if message.type == "text":
                server.broadcast("text", message.value)

    server.websocket("/", on_request)
    server.run()
    announce(server.port)
    wait_for_end()
    server.shutdown()


# --- websockets -------------------------------------------------------------------------------


def websockets_asyncio() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async def start() -> tuple[int, Any]:
        server = await serve(echo, "127.0.0.1", 0, compression=None)
        return next(iter(server.sockets)).getsockname()[1], server

    run_on_loop(start)


def websockets_sync() -> None:
    from websockets.sync.server import ServerConnection, serve

    def echo(socket: ServerConnection) -> None:
        for message in socket:
            socket.send(message)

    server = serve(echo, "127.0.0.1", 0, compression=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    announce(server.socket.getsockname()[1])
    wait_for_end()
    server.shutdown()


def websockets_broadcast() -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    async def start() -> tuple[int, Any]:
        async def on_request(socket: ServerConnection) -> None:
            async for message in socket:
                broadcast(server.connections, message)

        server = await serve(on_request, "127.0.0.1", 0, compression=None)
        return next(iter(server.sockets)).getsockname()[1], server

    run_on_loop(start)


# --- aiohttp ----------------------------------------------------------------------------------


def aiohttp_echo() -> None:
    from aiohttp import WSMsgType, web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=2**20)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        return socket

    async def start() -> tuple[int, Any]:
        application = web.Application()
        application.router.add_get("/", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner.addresses[0][1], runner

    run_on_loop(start)


# --- picows -----------------------------------------------------------------------------------


def picows_echo() -> None:
    from picows import (
        WSFrame,
        WSListener,
        WSMsgType,
        WSTransport,
        WSUpgradeRequest,
        ws_create_server,
    )

    class Echo(WSListener):  # type: ignore[misc,unused-ignore]
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())
            if frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()

    def listener(request: WSUpgradeRequest) -> WSListener:
        return Echo()

    async def start() -> tuple[int, Any]:
        server = await ws_create_server(listener, "127.0.0.1", 0, max_frame_size=2**20)
        return server.sockets[0].getsockname()[1], server

    run_on_loop(start)


def our_tap(port: int) -> None:
    """Stand before a server of this machine."""
    from astra_nb import tap

    with tap(f"ws://127.0.0.1:{port}") as t:
        announce(t.port)
        wait_for_end()


# --- what costs nothing -----------------------------------------------------------------------


class BareTransport(asyncio.Protocol):
    """Answers the handshake and then says nothing: what an asyncio transport weighs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        if self.head is None:
            if len(data) == CLOSE_SIZE and data[0] == CLOSE:
                self.transport.close()
            else:
                self.reply(data)
        else:
            self.head += data
            self.answer_handshake(self.head)

    def answer_handshake(self, data: bytes) -> None:
        head, end, _ = data.partition(b"\r\n\r\n")
        if not end:
            return
        self.head = None
        (key,) = (
            line[18:].strip()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key:")
        )
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(digest)
            + b"\r\n\r\n"
        )

    def reply(self, data: bytes) -> None:
        """Echo one whole masked frame of under 126 bytes, for `ask_all`."""
        size = data[1] & 0x7F
        key, payload = data[2:6], data[6 : 6 + size]
        text = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
        self.transport.write(bytes((0x81, size)) + text)


def bare_transport() -> None:
    async def start() -> tuple[int, Any]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(BareTransport, "127.0.0.1", 0, backlog=1024)
        return server.sockets[0].getsockname()[1], server

    run_on_loop(start)


class Ceiling(BareTransport):
    """Answers every frame like the first one without reading it: what the load can take."""

    pending = b""
    reply_bytes = b""
    request_size = 0
    received = 0

    def reply(self, data: bytes) -> None:
        if not self.request_size:
            self.pending += data
            frame = read_whole_frame(self.pending)
            if frame is None:
                return
            self.request_size, self.reply_bytes = frame
            data = self.pending
        count, self.received = divmod(self.received + len(data), self.request_size)
        if count:
            self.transport.write(self.reply_bytes * count)


def read_whole_frame(data: bytes) -> tuple[int, bytes] | None:
    """Return the size of the masked frame in `data`, and its echo."""
    from astra_nb.wire.frames import decode

    frame = decode(data)
    if not frame.complete:
        return None
    header = bytes((data[0], data[1] & 0x7F)) + data[2 : frame.header_length - 4]
    return len(frame.raw), header + frame.payload


def ceiling() -> None:
    async def start() -> tuple[int, Any]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Ceiling, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1], server

    run_on_loop(start)


SERVERS: dict[str, Callable[[], None]] = {
    "astra async": lambda: ours(asynchronous=True, record=True),
    "astra async, log off": lambda: ours(asynchronous=True, record=False),
    "astra def": lambda: ours(asynchronous=False, record=True),
    "astra def, log off": lambda: ours(asynchronous=False, record=False),
    "astra broadcast": lambda: ours_broadcast(record=True),
    "astra broadcast, log off": lambda: ours_broadcast(record=False),
    "websockets asyncio": websockets_asyncio,
    "websockets sync": websockets_sync,
    "websockets broadcast": websockets_broadcast,
    "aiohttp": aiohttp_echo,
    "picows": picows_echo,
    "bare transport": bare_transport,
    "ceiling": ceiling,
}


def main() -> None:
    name, core = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    pin(int(core) if core else None)
    raise_file_limit()
    if name.startswith("tap "):
        our_tap(int(name.removeprefix("tap ")))
    else:
        SERVERS[name]()


if __name__ == "__main__":
    main()
