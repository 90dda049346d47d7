"""One end of an open connection without a network, for tests of a single step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from astra_nb import AsyncWebSocket
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord, FrameRecord, NoticeRecord
from astra_nb.net.connection import Connection
from astra_nb.net.inbox import TaskInbox
from astra_nb.wire.messages import Message
from fuzz.memory import MemoryTransport, Side, make, opening
from tests.conformance.octets import mask_all, read_frames

__all__ = ["Memory", "in_memory", "until"]


class Memory:
    """A connection that has done its opening handshake, unless `opened` is False.

    Attributes:
        connection: The end under test.
        transport: Keeps what is written; a test plays the peer.
        start: Bytes written before the first frame.
    """

    def __init__(
        self,
        side: Side = "server",
        *,
        compressed: bool = False,
        keepalive: float | None = None,
        opened: bool = True,
    ) -> None:
        self.log = FrameLog()
        self.inbox = TaskInbox(lambda: self.connection.resume_reading())
        self.connection: Connection = make(side, self.log, self.inbox, compressed=compressed)
        self.inbox.on_idle = self.connection.answer_close
        self.connection.keepalive = keepalive
        self.transport = MemoryTransport()
        self.connection.connection_made(self.transport)
        if opened:
            self.connection.data_received(opening(side, compressed=compressed))
        self.start = len(self.transport.written)

    @property
    def written(self) -> bytes:
        """What was written since the opening handshake."""
        return bytes(self.transport.written[self.start :])

    @property
    def payloads(self) -> list[bytes]:
        """The payloads of the frames that were written."""
        return [frame.payload for frame in read_frames(self.written)]

    def receive(self, frames: bytes) -> None:
        """Have the connection receive frames, given as a server sends them."""
        side = self.connection.side
        self.connection.data_received(mask_all(frames) if side == "server" else frames)

    def take(self) -> list[Message]:
        """Take the messages that wait, as a handler that keeps up does."""
        messages = list(self.inbox.messages)
        self.inbox.messages.clear()
        return messages

    def socket(self) -> AsyncWebSocket:
        """Return the socket of a handler."""
        return AsyncWebSocket(self.connection, self.inbox, self.log)

    def end(self, exc: Exception | None = None) -> None:
        """End TCP."""
        self.connection.connection_lost(exc)

    def frame_records(self, direction: str = "sent") -> list[FrameRecord]:
        return [
            record
            for record in self.log
            if isinstance(record, FrameRecord) and record.direction == direction
        ]

    def notices(self) -> list[str]:
        return [record.text for record in self.log if isinstance(record, NoticeRecord)]

    def closed(self) -> ClosedRecord:
        """Return the record of how the connection ended."""
        (record,) = (record for record in self.log if isinstance(record, ClosedRecord))
        return record


async def until(predicate: Callable[[], object]) -> None:
    """Turn the loop until the answer is true; `in_memory` sets the deadline."""
    while not predicate():  # noqa: ASYNC110  (nothing else tells)
        await asyncio.sleep(0)


def in_memory(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on a loop; it makes its own `Memory`."""

    def run(**arguments: Any) -> None:
        asyncio.run(asyncio.wait_for(test(**arguments), 20))

    # pytest finds the arguments in the signature of what is wrapped.
    run.__wrapped__ = test  # type: ignore[attr-defined]
    run.__name__ = test.__name__
    return run


def timers(method: str) -> int:
    """Count the calls of a method of a connection that are to come."""
    handles = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() and method in repr(handle) for handle in handles)
