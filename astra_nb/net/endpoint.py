"""One end of a TCP connection that is in a log: its transport, its timer, and what it records.

Everything in an `Endpoint` but `notice` happens on its loop's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from astra_nb import seeded
from astra_nb.log import FrameLog
from astra_nb.log.pieces import Recorder
from astra_nb.log.recorder import FrameRecorder
from astra_nb.log.records import Direction, NoticeRecord, OpenedRecord, handshake_record
from astra_nb.wire.messages import Side
from astra_nb.wire.redaction import Redactor, redact_path

from .addresses import describe_peer

__all__ = ["LARGE", "SMALL", "Endpoint"]

# asyncio asks for 256 KiB each time, and has them cut down to what came. Short frames in the log
# then lie between holes, and keep up to three times their memory.
SMALL, LARGE = 64 * 1024, 256 * 1024


class Endpoint(asyncio.Protocol):
    """The base of a `Connection` and of a tap's `Leg`, with its number in the log `tap`."""

    # Of ten thousand a dictionary for each would weigh more than all that is in it.
    __slots__ = (
        "_head", "_read_size", "_timer", "loop", "lost", "number", "peer", "redactor", "tap",
        "transport",
    )  # fmt: skip

    side: Side

    def __init__(self, number: int, tap: FrameLog) -> None:
        self.number = number
        self.tap = tap
        self.redactor = Redactor()
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.lost: asyncio.Future[None] = self.loop.create_future()  # done when TCP has ended
        self.peer = "unknown"
        self._head = bytearray()  # of the opening handshake
        self._read_size = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.peer = describe_peer(transport.get_extra_info("peername"))
        if seeded.current is not None and self.side == "server":
            self.peer = self.peer.rpartition(":")[0]  # the system chose the client's port

    def _set_timer(self, seconds: float | None, call: Callable[[], None] | None = None) -> None:
        """Schedule the one call of the phase, in place of the one that was to come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and call is not None:
            self._timer = self.loop.call_later(seconds, call)

    def _adapt_reads(self, came: int) -> None:
        """Choose the size of the next read, when the last one got so many bytes."""
        size = self._read_size
        wanted = LARGE if size and came == size else SMALL if came <= SMALL else size or LARGE
        if wanted != size and hasattr(self.transport, "max_size"):  # others decide for themselves
            self.transport.max_size = wanted
        self._read_size = wanted

    # The log

    def record_head(self, head: bytes, direction: Direction = "received") -> None:
        raw = self.redactor.head(head)
        self.tap.append(self.number, handshake_record, side=self.side, direction=direction, raw=raw)

    def record_opening(self, path: str, subprotocol: str | None, extensions: Iterable[str]) -> None:
        self.tap.append(
            self.number,
            OpenedRecord,
            side=self.side,
            peer=self.peer,
            path=redact_path(path),
            subprotocol=self.redactor.agreed(subprotocol),
            extensions=tuple(extensions),
        )

    def recorder(self, direction: Direction) -> Recorder:
        """Return a function that records frames of this connection."""
        return FrameRecorder(self.tap, self.number, self.side, direction).record

    def notice(self, text: str) -> None:
        """Put a sentence in the log. Any thread."""
        self.tap.append(self.number, NoticeRecord, text=text)
