"""The one way to send: the frames of a connection leave in the order of the calls.

A call on the loop's thread, or on that of a blocking handler, goes straight through when nothing
waits before it; the calls of other threads wait in the outbox for their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from asyncio import _get_running_loop
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from astra_nb.errors import WrongThread
from astra_nb.locks import make_lock
from astra_nb.wire.frames import decode, whole_frames
from astra_nb.wire.messages import Side
from astra_nb.wire.opcodes import CLOSE, PING
from astra_nb.wire.pings import UnansweredPings
from astra_nb.wire.why_closed import read_close

from .closing import ClosingState
from .outbox import Outbox
from .serializing import MAX_SHORT, SHORT
from .writing import MAX_UNFLUSHED, Writer

__all__ = ["Sender"]

MAX_PINGS = 256  # sent and not yet answered
RAW = "raw bytes"  # the verdict on what was put on the wire as it was

# What an awaitable socket says when it is used where its event loop does not run.
WRONG_LOOP: dict[Side, str] = {
    "server": (
        "nothing was done: this socket belongs to the event loop that runs its async def handler, "
        "and the call came from another thread or event loop; the sockets in "
        'server.connections may be used from anywhere: server.connections[0].send_text("Hello")'
    ),
    "client": (
        "nothing was done: this socket belongs to the event loop in which connect_async() was "
        "awaited, and the call came from another thread or event loop; a socket from connect() may "
        "be used from anywhere"
    ),
}

_creating = make_lock()  # an outbox for a connection, which few connections need


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Sender(Writer):
    """The sending half of a connection. The callers have checked the payloads.

    Everything but `submit`, `send_from_handler`, `flush_from_handler`, `outbox` and the attributes
    is called on the loop's thread.
    """

    state: ClosingState  # nothing is sent when it is not open
    notice: Callable[[str], None]  # called with a sentence for the log
    fragmenting: bool = False  # whether this end has begun a fragmented message
    # Whether a CLOSE frame went out as raw bytes: the peer's answer needs no answer.
    raw_close: bool = False
    latency: float | None = None  # seconds from the last PING that was answered to its PONG
    _thread: int = field(default_factory=threading.get_ident)
    _outbox: Outbox | None = None
    _late_pong: bytes | None = None
    _skipped: int = 0  # broadcasts since the peer stopped reading
    _pings: UnansweredPings[float] | None = None
    _waiters: tuple[asyncio.Future[None], ...] = ()

    # From any thread

    @property
    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the connection's event loop."""
        return threading.get_ident() == self._thread

    def check_loop(self) -> None:
        """Raise `WrongThread` for an awaitable call outside of the connection's own loop."""
        if _get_running_loop() is not self.loop:
            raise WrongThread(WRONG_LOOP[self.state.side])

    @property
    def would_wait(self) -> bool:
        """Whether a send of another thread would have to wait now. Any thread."""
        return not (self.is_writable and (self._outbox is None or self._outbox.has_room))

    @property
    def waiting(self) -> tuple[int, int]:
        """How many calls of other threads wait, and bytes of their long payloads. Any thread."""
        return (0, 0) if self._outbox is None else self._outbox.waiting

    @property
    def outbox(self) -> Outbox:
        """The queue of what other threads send; created when it is first needed."""
        if self._outbox is None:
            with _creating:
                if self._outbox is None:
                    self._outbox = Outbox(self.loop, lambda: self.is_writable, self._not_sent)
        return self._outbox

    def submit(
        self, action: Callable[..., object], *arguments: Any, size: int = 0, wait: bool = True
    ) -> bool:
        """Do something in its turn: after all that was sent before, before all that is sent later.

        Args:
            action: Called on the loop's thread.
            size: Bytes of its payload.
            wait: Whether to wait while the peer reads too slowly and the outbox is full, which
                raises `WrongThread` on the loop's thread; what ends a connection does not wait.

        Returns:
            False when the connection has ended, by now or during that wait.
        """
        if self.on_loop_thread:
            if not self._blocked() and (self.is_writable or not wait):
                action(*arguments)
                return True
            if wait and self.outbox.is_full:
                raise WrongThread(
                    "the other end reads too slowly, so this call would have to wait, and it was "
                    "made on the thread that runs the event loop; in an async def handler await "
                    "the handler's own socket, or send from a thread"
                )
            self.outbox.put(action, *arguments, size=size)
            return True
        outbox = self.outbox
        if wait and not outbox.has_room:
            outbox.wait(lambda: self.state.has_ended or outbox.has_room)
            if self.state.has_ended:
                return False
        try:
            outbox.put(action, *arguments, size=size)
        except RuntimeError:
            return False  # the loop is closed, and the connection with it
        return True

    def _blocked(self) -> bool:
        """Return whether something still waits before what is sent now; take what may be taken."""
        outbox = self._outbox
        if outbox is None or not len(outbox):
            return False
        outbox.take()
        return len(outbox) > 0

    def _not_sent(self, count: int) -> None:
        self.notice(
            f"{count} frame{'s were' if count > 1 else ' was'} not sent: "
            f"the connection had just closed"
        )

    # Frames

    def send(self, opcode: int, payload: bytes, fin: bool = True) -> bool:
        """Send one frame with the next flush; return whether the loop should have its turn."""
        if self._outbox is not None and self._blocked():
            self._outbox.put(self.send_if_open, opcode, payload, fin, size=len(payload))
            return True
        return (self._put if opcode < CLOSE else self._send)(opcode, payload, fin)

    def send_message(self, opcode: int, payload: bytes) -> bool | None:
        """Send a whole data frame, as `send`; None when it may not be sent now.

        This is the way of every message of an `async def` handler.
        """
        if not (self.is_writable and self.state.is_open) or self.fragmenting:
            return None
        length = len(payload)
        bare = self._outbox is None and self._lock is None and self._plain is None
        if length > MAX_SHORT or self.masks or not bare:
            return self.send(opcode, payload)
        self._frames += (SHORT[opcode][length], payload)  # as `put_frame`, but two calls less
        self._size += 2 + length
        if self._flush_scheduled and self._size <= MAX_UNFLUSHED:
            return False
        return self._flush_later()

    def send_if_open(self, opcode: int, payload: bytes, fin: bool = True) -> bool:
        """Send one frame whose sender looked a while ago; return whether it was sent."""
        if not self.state.is_open:
            return False
        self._send(opcode, payload, fin)
        return True

    def send_fragments(self, fragments: Sequence[tuple[int, bytes, bool]]) -> bool:
        """As `send_if_open`, all fragments of a message, with nothing between (section 5.4)."""
        if not self.state.is_open:
            return False
        for fragment in fragments:
            self._send(*fragment)
        return True

    def _send(self, opcode: int, payload: bytes, fin: bool) -> bool:
        if opcode == PING:
            if self._pings is None:
                self._pings = UnansweredPings(MAX_PINGS)
            self._pings.ping(payload, time.perf_counter())
        return self._put(opcode, payload, fin)

    def send_from_handler(self, opcode: int, payload: bytes, fin: bool, is_last: bool) -> bool:
        """Send a data frame on the thread of a blocking handler, if nothing waits before it.

        `is_last` tells that no message waits that the handler may answer next. Return whether it
        was sent; else it has to be submitted.
        """
        outbox = self._outbox
        return (
            self._handler != 0
            and (outbox is None or outbox.is_idle)
            and self.state.is_open
            and self._put_from_handler(opcode, payload, fin, is_last)
        )

    def catch_up(self) -> None:
        """Write all that was sent so far, by other threads too, as far as the peer reads."""
        # With TCP at its end it would vanish; connection_lost() counts it instead.
        if self._outbox is not None and not self._transport.is_closing():
            self._outbox.take()
        self.flush()

    def send_close(self, payload: bytes) -> None:
        """Send a CLOSE frame after what has gathered."""
        self.stop_handler_writes()
        self._send(CLOSE, payload, True)
        self.flush()

    def reply(self, pongs: list[bytes]) -> None:
        """Write the protocol's own PONG frames.

        To a peer that does not read only the newest is kept: it answers the earlier PING frames
        too (RFC 6455, section 5.5.3).
        """
        self.flush()
        if self.is_writable:
            self._write(b"".join(pongs), len(pongs))
        else:
            self._late_pong = pongs[-1]

    def send_raw(self, data: bytes) -> None:
        """Put bytes on the wire as they are, whatever the protocol thinks of them."""
        with self._lock or contextlib.nullcontext():
            self._send_raw(data)

    def _send_raw(self, data: bytes) -> None:
        self.flush()
        if self._transport.is_closing():
            return
        cut, count = whole_frames(data)
        if count:
            self.record(data[:cut], count, RAW)
        if cut < len(data):
            self.record(data[cut:], 1, RAW)
        if data and data[0] & 0x0F == CLOSE:
            self.raw_close = True
            self.state.close_sent(*read_close(decode(data).payload))
        self._transport.write(data)

    def broadcast(self, frame: bytes, opcode: int, payload: bytes) -> bool:
        """Send a frame that was serialized once for many connections.

        Returns:
            Whether it was sent, or will be: the connection is open, not inside a fragmented
            message, and its peer is not so slow that its outbox is full.
        """
        if not self.state.is_open or self._transport.is_closing():
            return False
        if self.fragmenting and opcode < CLOSE:
            return False
        waits = self._outbox is not None and self._blocked()
        if waits or not self.is_writable:
            if not (self._skipped or self.outbox.is_full):
                self.outbox.put(self.send_if_open, opcode, payload, size=len(payload))
                return True
            self._skipped += 1
            return False
        if self._extensions:
            self._send(opcode, payload, True)  # each connection has a compressor of its own
            return True
        if self._frames:
            self.flush()
        self._write(frame, 1)
        return True

    def end(self) -> None:
        """Write what has gathered, then FIN: nothing more is sent (RFC 6455, section 7.1.1)."""
        self.stop_handler_writes()
        self.flush()
        # An OSError: the peer has reset TCP, and connection_lost() is about to be called.
        with contextlib.suppress(OSError):
            if not self._transport.is_closing():
                if self._transport.can_write_eof():
                    self._transport.write_eof()
                else:  # TLS ends in both directions at once
                    self._transport.close()

    # How fast the peer reads

    def pause(self) -> None:
        """Called when the peer reads too slowly."""
        self.is_writable = False

    def resume(self) -> None:
        """Called when the peer reads again, or TCP has ended."""
        self.is_writable = True
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        pong, self._late_pong = self._late_pong, None
        if pong is not None and self.state.is_open:
            self._write(pong, 1)
        if self._skipped:
            self.notice(
                f"{self._skipped:,} broadcasts were not sent: the other end read too slowly"
            )
            self._skipped = 0
        if self._outbox is not None:
            self._outbox.take()
            self._outbox.notify()

    async def wait_writable(self) -> None:
        """Wait until the peer reads fast enough, or TCP has ended."""
        while not self.is_writable:
            waiter = self.loop.create_future()
            self._waiters = (*self._waiters, waiter)
            await waiter

    # Pings that were sent

    def take_pong(self, payload: bytes) -> None:
        """Take the payload of a PONG frame that came, and measure the round trip."""
        if self._pings is not None:
            sent = self._pings.pong(payload)
            self.latency = self.latency if sent is None else time.perf_counter() - sent

    def is_unanswered(self, payload: bytes) -> bool:
        """Whether no PONG has come for this PING or a later one."""
        return self._pings is not None and payload in self._pings
