"""What one end sends: queued, tapped once, and written, with the pings that wait for an answer.

Everything here happens on the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol as SansIOProtocol

from astra_nb.log import FrameLog
from astra_nb.log.records import NoticeRecord
from astra_nb.wire.messages import Side
from astra_nb.wire.opcodes import CLOSE, CONTINUATION, PING, PONG, TEXT

from .receiving import whole_frames

__all__ = ["SendingHalf"]

MAX_UNFLUSHED = 64 * 1024  # bytes that may wait for the next turn of the loop
MAX_PINGS = 256  # sent and not yet answered
RAW = "raw bytes"  # the verdict on what was put on the wire as it was


class SendingHalf(asyncio.Protocol):
    """The half of a connection that sends. The callers have checked the payloads.

    Args:
        protocol: The Sans-I/O protocol of this end.
        number: The connection's number on its log.
        tap: Where bytes and happenings go; None records nothing.

    Attributes:
        answering: A CLOSE frame has come and its answer is held back, so that a handler can
            still answer what came before it.
        is_open: Frames may be sent.
        is_writable: The peer reads fast enough.
        fragmenting: This end has begun a fragmented message.
        automatic_pong: Pings are answered by the protocol.
        latency: Seconds between the last ping that was answered and its pong.
        on_writable: Called when the peer reads again.
    """

    # Ten thousand of them may be open at once, and a dictionary for each would weigh more than
    # all that is in it.
    __slots__ = (
        "_flush_scheduled",
        "_pings",
        "_plain",
        "_raw_close",
        "_unflushed",
        "_writable_waiters",
        "answering",
        "automatic_pong",
        "compressed",
        "fragmenting",
        "is_open",
        "is_writable",
        "latency",
        "loop",
        "number",
        "on_writable",
        "protocol",
        "tap",
        "transport",
    )

    side: Side

    def __init__(self, protocol: SansIOProtocol, *, number: int, tap: FrameLog | None) -> None:
        self.protocol = protocol
        self.number = number
        self.tap = tap
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.answering = False
        self.automatic_pong = True
        self.compressed = False
        self.fragmenting = False
        self.is_open = False
        self.is_writable = True
        self.latency: float | None = None
        self.on_writable: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._flush_scheduled = False
        self._pings: dict[bytes, float] = {}
        self._plain: list[bytes] = []  # payloads under way to a compressing extension
        self._raw_close = False
        self._unflushed = 0
        self._writable_waiters: list[asyncio.Future[None]] = []

    def closing(self) -> None:
        """Hear that the protocol wants TCP to end."""
        raise NotImplementedError

    # How fast the peer reads

    def pause_writing(self) -> None:
        self.is_writable = False

    async def wait_writable(self) -> None:
        """Wait until the peer reads fast enough, or TCP has ended."""
        while not self.is_writable:
            waiter = self.loop.create_future()
            self._writable_waiters.append(waiter)
            await waiter

    def resume_writing(self) -> None:
        self.is_writable = True
        waiters, self._writable_waiters = self._writable_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        for reference in self.on_writable:
            go_on = reference()
            if go_on is not None:
                go_on()

    # Frames

    def send(self, opcode: int, payload: bytes, fin: bool = True) -> bool:
        """Queue one frame for the next turn of the loop.

        Returns:
            Whether so much had been queued that it was written at once.

        Raises:
            websockets.exceptions.InvalidState: The connection is not open.
        """
        protocol = self.protocol
        if self.answering:
            self._send_before_answer(opcode, payload, fin)
            return False
        if opcode == TEXT:
            protocol.send_text(payload, fin)
        elif opcode == CONTINUATION:
            protocol.send_continuation(payload, fin)
        elif opcode == PING:
            protocol.send_ping(payload)
            self._pings[payload] = time.perf_counter()
            if len(self._pings) > MAX_PINGS:
                del self._pings[next(iter(self._pings))]
        elif opcode == PONG:
            protocol.send_pong(payload)
        else:
            protocol.send_binary(payload, fin)
        if self.compressed and opcode < CLOSE:
            self._plain.append(payload)
        self._unflushed += len(payload) + 14  # the longest header
        if self._unflushed > MAX_UNFLUSHED:
            self.flush()
            return True
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self.loop.call_soon(self.flush)
        return False

    def _send_before_answer(self, opcode: int, payload: bytes, fin: bool) -> None:
        # The protocol takes the closing handshake for done, and sends nothing more.
        if self.compressed and opcode < CLOSE:
            self._plain.append(payload)
        frame = Frame(Opcode(opcode), payload, fin)
        extensions = self.protocol.extensions
        self.write([frame.serialize(mask=self.side == "client", extensions=extensions)])

    def send_raw(self, data: bytes) -> None:
        """Put bytes on the wire as they are, whatever the protocol thinks of them."""
        self.flush()
        if self.transport.is_closing():
            return
        if self.tap is not None:
            cut, count = whole_frames(data)
            if count:
                self.tap.append_frames(self.number, self.side, "sent", data[:cut], count, RAW)
            if cut < len(data):
                self.tap.append_frames(self.number, self.side, "sent", data[cut:], 1, RAW)
        if data and data[0] & 0x0F == CLOSE:
            # The peer will answer this CLOSE frame; its answer needs no answer.
            self._raw_close = True
        self.transport.write(data)

    def flush(self) -> None:
        """Write what the protocol has queued: one write, one entry on the log."""
        self._flush_scheduled = False
        writes = self.protocol.data_to_send()
        if writes:
            self.write(writes)

    def write_serialized(self, frame: bytes, opcode: int, payload: bytes) -> bool:
        """Send a frame that was serialized once for many connections.

        Returns:
            Whether it was sent: the connection is open and not inside a fragmented message.
        """
        data = opcode < CLOSE
        if not self.is_open or self.transport.is_closing() or (data and self.fragmenting):
            return False
        if self.compressed and data:
            self.send(opcode, payload)  # each connection has a compressor of its own
            return True
        self.flush()
        if self.tap is not None:
            self.tap.append_frames(self.number, self.side, "sent", frame, 1)
        self.transport.write(frame)
        return True

    def write(self, writes: list[bytes]) -> None:
        """Write serialized frames, as one entry on the log; a last b"" stands for TCP's FIN."""
        self._unflushed = 0
        if not writes:
            return
        end = not writes[-1]
        if end:
            writes.pop()
        if writes and not self.transport.is_closing():
            data = writes[0] if len(writes) == 1 else b"".join(writes)
            if self.tap is not None:
                plain: tuple[bytes | None, ...] | None = None
                if self.compressed:
                    plain = tuple(
                        self._plain.pop(0) if write[0] & 0x0F < CLOSE else None for write in writes
                    )
                self.tap.append_frames(self.number, self.side, "sent", data, len(writes), "", plain)
            self.transport.write(data)
        if end and not self.transport.is_closing():
            self.half_close()
            self.closing()

    def without_unwanted(self, writes: list[bytes]) -> list[bytes]:
        """Leave out automatic replies that this connection shall not make."""
        if not self.automatic_pong:
            # Between receive_data() and here the protocol queues nothing but its own replies.
            writes = [write for write in writes if not write or write[0] & 0x0F != PONG]
        if self._raw_close:
            writes = [write for write in writes if not write or write[0] & 0x0F != CLOSE]
        return writes

    def half_close(self) -> None:
        """Say that nothing more is sent (RFC 6455, section 7.1.1)."""
        # An OSError: the peer has reset TCP, and connection_lost() is about to be called.
        with contextlib.suppress(OSError):
            if self.transport.can_write_eof():
                self.transport.write_eof()

    # Pings that were sent

    def measure(self, payload: bytes) -> None:
        """Take the payload of a PONG frame that came."""
        sent = self._pings.get(payload)
        if sent is None:
            return
        self.latency = time.perf_counter() - sent
        # A peer may answer only the latest of several pings (RFC 6455, section 5.5.3).
        for earlier in list(self._pings):
            del self._pings[earlier]
            if earlier == payload:
                break

    # The log

    def notice(self, text: str) -> None:
        """Put a sentence on the log."""
        if self.tap is not None:
            self.tap.append(self.number, NoticeRecord, text=text)
