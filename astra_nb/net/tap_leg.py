"""One of the two TCP connections of a tap: to the client, or to the server."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from socket import SO_LINGER, SOL_SOCKET
from typing import Protocol

from astra_nb.log import FrameLog
from astra_nb.wire.messages import Side, other_end

from .endpoint import SMALL, Endpoint
from .tap_rules import End

__all__ = ["Leg"]

HALF_CLOSED = 2.0  # seconds that TLS, which knows no half-closed connection, stays after one end
RESET_GRACE = 1.0  # seconds that what was sent before a reset has to leave
SLOW = "the other end is slow"
LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class LegLine(Protocol):
    """What a leg is part of: a `TapLine`."""

    def connected(self, end: Side) -> None: ...
    def received(self, sender: Side, data: bytes) -> None: ...
    def ended(self, sender: Side, end: End) -> None: ...
    def lost(self, end: Side, exc: Exception | None) -> None: ...
    def hold_up(self, sender: Side, *, held_up: bool, why: str) -> None: ...


class Leg(Endpoint):
    """One of the two TCP connections: its far end, `end`, is the client or the server."""

    def __init__(self, line: LegLine, end: Side, log: FrameLog) -> None:
        super().__init__(0, log)
        self.line = line
        self.end: Side = end
        self.side = other_end(end)  # the tap is in the other's place
        self._is_tls = False
        self._paused: set[str] = set()
        self._has_ended = False  # whether nothing more is sent
        self._resetting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        self.line.connected(self.end)

    def data_received(self, data: bytes) -> None:
        if len(data) >= SMALL or self._read_size != SMALL:
            self._adapt_reads(len(data))
        self.line.received(self.end, data)

    def eof_received(self) -> bool:
        self.line.ended(self.end, "eof")
        return not self._is_tls  # asyncio then keeps nothing open, and warns when it is asked to

    def connection_lost(self, exc: Exception | None) -> None:
        self.note_lost()
        self.line.lost(self.end, exc)

    def note_lost(self) -> None:
        """Note that TCP has ended, or never began."""
        if not self.lost.done():
            self.lost.set_result(None)

    def pause_writing(self) -> None:
        self.line.hold_up(other_end(self.end), held_up=True, why=SLOW)

    def resume_writing(self) -> None:
        self.line.hold_up(other_end(self.end), held_up=False, why=SLOW)
        if self._resetting:
            self.loop.call_soon(self.abort)

    def hold_up(self, why: str, *, held_up: bool) -> None:
        """Read no more, or again if there is no other reason not to."""
        was_paused = bool(self._paused)
        self._paused = self._paused | {why} if held_up else self._paused - {why}
        if was_paused != bool(self._paused) and self.transport is not None and not self.lost.done():
            (self.transport.resume_reading if was_paused else self.transport.pause_reading)()

    def write(self, data: bytes) -> None:
        """Send bytes, unless TCP is ending, or has in this direction."""
        if self._may_write:
            self.transport.write(data)

    def end_sending(self) -> None:
        """Send FIN after all that was sent; TLS, which has no such thing, is closed soon."""
        if not self._may_write:
            return
        self._has_ended = True
        if self.transport.can_write_eof():
            with contextlib.suppress(OSError):  # it is gone, and asyncio will say so
                self.transport.write_eof()
        else:
            self.loop.call_later(HALF_CLOSED, self.transport.close)

    @property
    def _may_write(self) -> bool:
        transport = self.transport
        return not (transport is None or transport.is_closing() or self._has_ended)

    def reset(self) -> None:
        """End TCP by a reset, once what was sent has left, or a moment is over."""
        transport = self.transport
        if transport is None or self.lost.done() or self._resetting:
            return
        self._resetting = True
        transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, LINGER)
        if transport.get_write_buffer_size() and not transport.is_closing():
            self.loop.call_later(RESET_GRACE, self.abort)
            transport.set_write_buffer_limits(0)
        else:
            self.abort()

    def abort(self) -> None:
        """End TCP at once, unless it has ended: asyncio's transport then has no loop any more."""
        if self.transport is not None and not self.lost.done():
            self.transport.abort()
