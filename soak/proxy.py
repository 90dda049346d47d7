"""A TCP proxy that puts faults in: it cuts what it passes on, stalls, and resets.

Each connection's faults follow from its seed. When they fall also depends on how TCP cuts.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from socket import SO_LINGER, SOL_SOCKET

__all__ = ["FaultyProxy"]

CHUNKS = (1, 2, 3, 7, 125, 127, 1000, 4096, 65536)  # bytes that are passed on at once
PATIENCE = 10.0  # seconds
STALLS = 0.002  # of the chunks
STALL = 0.02  # seconds


class FaultyProxy:
    """A proxy between clients and one server.

    Args:
        port: Where the server listens.
        seed: Of the faults.
        resets: The share of the connections that end with a reset.

    Attributes:
        port: Where the proxy listens.
        cuts, stalls, resets: How many faults were put in.
    """

    def __init__(self, port: int, seed: int, resets: float) -> None:
        self.port = 0
        self.cuts = self.stalls = self.resets = 0
        self._target = port
        self._random = random.Random(seed)
        self._share = resets
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FaultyProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        # What still closes does so by itself, unless something hangs.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PATIENCE)
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        rng = random.Random(self._random.random())
        # After the opening handshake, so that each connection has one.
        budget = rng.randrange(2_000, 200_000) if rng.random() < self._share else None
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        ways = [
            asyncio.ensure_future(self._pump(reader, far_writer, rng, budget)),
            asyncio.ensure_future(self._pump(far_reader, writer, rng, budget)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, far_writer):
                end.close()
            with contextlib.suppress(OSError):
                await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        rng: random.Random,
        budget: int | None,
    ) -> None:
        """Pass one direction on, until its end or until its budget of bytes is used up."""
        passed = 0
        while data := await source.read(65536):
            while data:
                size = rng.choice(CHUNKS)
                chunk, data = data[:size], data[size:]
                sink.write(chunk)
                self.cuts += bool(data)
                passed += len(chunk)
                if rng.random() < STALLS:
                    self.stalls += 1
                    await asyncio.sleep(STALL * rng.random())
                if budget is not None and passed > budget:
                    self._reset(sink)
                    raise ConnectionResetError("as the seed says")
            await sink.drain()
        sink.write_eof()

    def _reset(self, sink: asyncio.StreamWriter) -> None:
        """End TCP with RST."""
        self.resets += 1
        sock = sink.get_extra_info("socket")
        sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        sink.transport.abort()
