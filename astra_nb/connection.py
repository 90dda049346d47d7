"""One WebSocket connection on one event loop: an `asyncio.Protocol` around a Sans-I/O protocol.

What `websockets`' protocol says is law here. This module moves bytes between it and the
transport, taps them, checks what the protocol leaves to its user (UTF-8, the shortest length
form), and turns frames into messages.

Everything in a `Connection` happens on its loop's thread. The other threads come in through
`astra_nb.websocket`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable
from typing import Any, Literal, Protocol, cast

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol as SansIOProtocol
from websockets.protocol import State

from .addresses import describe_peer
from .errors import ConnectionClosed
from .inbox import TaskInbox, ThreadInbox
from .log.pieces import Pieces
from .receiving import Receiver, whole_frames
from .wire import explain, handshake
from .wire.frames import CLOSE, CONTINUATION, PING, PONG, TEXT
from .wire.messages import CloseFrame, Message
from .wire.records import (
    ClosedRecord,
    Direction,
    HandshakeRecord,
    NoticeRecord,
    OpenedRecord,
    Side,
)

__all__ = ["Connection", "Tap"]

MAX_UNFLUSHED = 64 * 1024  # bytes that may wait for the next turn of the loop
MAX_PINGS = 256  # sent and not yet answered
REPLY_GRACE = 0.25  # seconds a handler has to answer the messages that came before the last frame
RAW = "raw bytes"  # the verdict on what was put on the wire as it was


class Tap(Protocol):
    """Where a connection puts what happens; a `FrameLog` is one."""

    def append_frames(
        self,
        connection: int,
        side: Side,
        direction: Direction,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None: ...

    def append(self, connection: int, record_type: Any, **fields: Any) -> int: ...


class Connection(asyncio.Protocol):
    """One end of a WebSocket connection. `astra_nb.server` and `astra_nb.client` subclass it.

    Args:
        protocol: The Sans-I/O protocol of this end.
        number: The connection's number on its log.
        tap: Where bytes and happenings go; None records nothing.
        open_timeout: Seconds the opening handshake may take.
        close_timeout: Seconds to wait for the other end after a CLOSE frame was sent.
        on_closed: Called once, when TCP has ended.
    """

    # Ten thousand of them may be open at once, and a dictionary for each would weigh more than
    # all that is in it.
    __slots__ = (
        "_answered",
        "_compressed",
        "_delivered",
        "_failed",
        "_flush_scheduled",
        "_head",
        "_held",
        "_held_timer",
        "_keepalive_timer",
        "_pings",
        "_plain",
        "_raw_close",
        "_receiver",
        "_refusal",
        "_status",
        "_tcp",
        "_timer",
        "_unanswered",
        "_unflushed",
        "_writable_waiters",
        "automatic_pong",
        "close_asked",
        "close_timeout",
        "closed",
        "fragmenting",
        "handshake_done",
        "inbox",
        "is_open",
        "is_writable",
        "keepalive",
        "latency",
        "loop",
        "lost",
        "number",
        "on_closed",
        "on_writable",
        "open_timeout",
        "peer",
        "protocol",
        "tap",
        "transport",
    )

    side: Side

    def __init__(
        self,
        protocol: SansIOProtocol,
        *,
        number: int,
        tap: Tap | None,
        open_timeout: float,
        close_timeout: float,
        on_closed: Callable[[Connection], None] | None = None,
    ) -> None:
        self.protocol = protocol
        self.number = number
        self.tap = tap
        self.open_timeout = open_timeout
        self.close_timeout = close_timeout
        self.on_closed = on_closed
        self.loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.inbox: TaskInbox | ThreadInbox | None = None
        self.automatic_pong = True
        self.keepalive: float | None = None
        self.latency: float | None = None
        self.peer = "unknown"
        self.closed: ConnectionClosed | None = None
        self.on_writable: list[weakref.WeakMethod[Callable[[], None]]] = []
        self.fragmenting = False  # this end has begun a fragmented message
        self.handshake_done = False
        self.is_open = False  # frames may be sent
        self.close_asked = False  # a thread has asked for a CLOSE frame that is still under way
        self.is_writable = True  # the peer reads fast enough
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)

        self._head = bytearray()  # of the opening handshake
        self._refusal = ""  # why the connection was failed, where the receiver did not say
        self._failed: CloseFrame | None = None  # sent instead of what the protocol says it sent
        self._flush_scheduled = False
        self._unflushed = 0
        self._compressed = False
        self._plain: list[bytes] = []  # payloads under way to a compressing extension
        self._writable_waiters: list[asyncio.Future[None]] = []
        self._raw_close = False
        self._delivered = 0.0  # when messages last came, in the loop's time
        # While a handler may still answer what came before a CLOSE frame or a bad one: what this
        # end will answer to that frame, and the message of a CLOSE frame.
        self._held: tuple[list[bytes], list[Message]] | None = None
        self._held_timer: asyncio.TimerHandle | None = None
        self._answered: CloseFrame | None = None  # sent instead of what the protocol says it sent
        self._unanswered = False  # TCP ended before the answer to a CLOSE frame was sent
        self._pings: dict[bytes, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._keepalive_timer: asyncio.TimerHandle | None = None
        self._tcp: str = ""
        self._status: int | None = None
        self._receiver = Receiver(protocol, self._record_received, self._measure)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.peer = describe_peer(transport.get_extra_info("peername"))
        self._timer = self.loop.call_later(self.open_timeout, self._open_timed_out)

    def data_received(self, data: bytes) -> None:
        if self.protocol.state is State.CONNECTING:
            self._receive_handshake(data)
        else:
            self._receive_frames(data)

    def eof_received(self) -> None:
        self.answer_close()
        self.is_open = False
        if self.protocol.state is State.CONNECTING and self._head and self._status is None:
            self._record_head(bytes(self._head))
        self._receiver.end()
        self.protocol.receive_eof()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.answer_close()
        self.is_open = False
        if isinstance(exc, ConnectionError) and not self._tcp:
            self._tcp = "reset"
        self._receiver.end()
        if self._receiver.unrecorded:
            self.notice(
                f"{self._receiver.unrecorded:,} more bytes came that nobody read; "
                f"they are not on record"
            )
        self.protocol.receive_eof()
        self.protocol.data_to_send()
        for timer in (self._timer, self._keepalive_timer):
            if timer is not None:
                timer.cancel()
        record = self._closed_facts()
        if self.tap is not None:
            self.tap.append(self.number, ClosedRecord, side=self.side, **record)
        self._finish()
        if not self.lost.done():
            self.lost.set_result(None)
        self.resume_writing()
        if self.on_closed is not None:
            self.on_closed(self)

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

    # Opening handshake

    def _receive_handshake(self, data: bytes) -> None:
        raise NotImplementedError

    def take_head(self, data: bytes) -> tuple[bytes, bytes]:
        """Split what came into the part that belongs to the head, and the rest behind it."""
        start = len(self._head)
        self._head += data
        end = handshake.head_end(self._head)
        if end is None:
            return data, b""
        rest = bytes(self._head[end:])
        del self._head[end:]
        return data[: end - start], rest

    def _record_head(self, head: bytes, direction: Direction = "received") -> None:
        if self.tap is None:
            return
        hidden = handshake.redact(head)
        self.tap.append(
            self.number, _handshake_record, side=self.side, direction=direction, raw=hidden
        )

    def opened(self, path: str) -> None:
        """The handshake is done: record it, and start what runs while the connection is open."""
        self._head = bytearray()
        self.handshake_done = self.is_open = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        protocol = self.protocol
        self._compressed = bool(protocol.extensions)
        self._receiver = Receiver(protocol, self._record_received, self._measure)
        if self.tap is not None:
            self.tap.append(
                self.number,
                OpenedRecord,
                side=self.side,
                peer=self.peer,
                path=handshake.redact_path(path),
                subprotocol=protocol.subprotocol,
                extensions=tuple(extension.name for extension in protocol.extensions),
            )
        if self.keepalive:
            self._keepalive_timer = self.loop.call_later(self.keepalive, self._keep_alive, None)

    def _open_timed_out(self) -> None:
        self._tcp = "timeout"
        if self._head:
            self._record_head(bytes(self._head))
        self.transport.abort()

    # Receiving

    def _receive_frames(self, data: bytes) -> None:
        if self._flush_scheduled:
            self.flush()  # so that what the protocol queues below are its own replies
        receiver = self._receiver
        messages = receiver.receive(data)
        if self.protocol.state is not State.OPEN or receiver.failure is not None:
            self._receive_last(messages, len(data))
            return
        if messages and self.inbox is not None:
            self._delivered = self.loop.time()
            if self.inbox.deliver(messages, len(data)):
                self.transport.pause_reading()
        replies = self.protocol.data_to_send()
        if replies:
            self._write(self._without_unwanted(replies))

    def _receive_last(self, messages: list[Message], size: int) -> None:
        """Take what ends the connection, a CLOSE frame or a bad one, and what came with it.

        A handler is given a moment to answer the messages before that frame: nothing may follow
        the CLOSE frame that this end sends next (RFC 6455, section 5.5.1).
        """
        if self._held is not None:
            return  # nothing is read behind that frame
        replies = self._without_unwanted(self._last_replies())
        if not self.is_open:
            if messages:
                self._note_closed_if_received()
            self._deliver(messages, size)
            self._write(replies)
            self._closing()
            return
        cut = next(
            (i for i, write in enumerate(replies) if not write or write[0] & 0x0F == CLOSE),
            len(replies),
        )
        last = [message for message in messages if message.type == "close"]
        if len(messages) > len(last):
            self._delivered = self.loop.time()
            self._deliver([message for message in messages if message.type != "close"], size)
        self._write(replies[:cut])
        self._held = (replies[cut:], last)
        left = self._delivered + REPLY_GRACE - self.loop.time()
        if left <= 0 or self.inbox is None or self.inbox.ask_when_idle():
            self.answer_close()
        else:
            self._held_timer = self.loop.call_later(left, self.answer_close)

    def answer_close(self) -> None:
        """Send what was held back for a handler to answer first; does nothing if nothing was."""
        if self._held is None:
            return
        (replies, last), self._held = self._held, None
        if self._held_timer is not None:
            self._held_timer.cancel()
        self.flush()
        self.is_open = False
        self._unanswered = self.transport.is_closing()
        self._note_closed_if_received()  # before a handler hears of the CLOSE frame and sends
        self._deliver(last, 0)
        self._write(replies)
        self._closing()

    def _deliver(self, messages: list[Message], size: int) -> None:
        if messages and self.inbox is not None:
            self.inbox.deliver(messages, size)

    def _note_closed_if_received(self) -> None:
        if self.protocol.close_rcvd is not None:
            self._note_closed()

    def _last_replies(self) -> list[bytes]:
        """Give what the protocol answers to the frames that came, put right where need be."""
        protocol, receiver = self.protocol, self._receiver
        replies = protocol.data_to_send()
        if not self.is_open:
            return replies
        if receiver.failure is not None:
            # What the protocol does not check (RFC 6455, section 7.1.7).
            failure = receiver.failure
            replies = replies[: failure.kept_replies]
            if protocol.state is State.OPEN:
                protocol.fail(failure.code, failure.reason)
                return replies + protocol.data_to_send()
            # A CLOSE frame behind the bad one was answered, but that was not written yet.
            self._failed = CloseFrame(failure.code, failure.reason)
            payload = Close(failure.code, failure.reason).serialize()
            end = [b""] if self.side == "server" else []
            return [*replies, self._close_frame(payload), *end]
        if receiver.interrupted is not None:
            # The protocol fails a connection that is closed inside a fragmented message; but a
            # CLOSE frame, as any control frame, may come there (RFC 6455, section 5.4).
            self._answered = _close_frame(protocol.close_rcvd)
            answer = self._close_frame(receiver.interrupted)
            return [answer if write and write[0] & 0x0F == CLOSE else write for write in replies]
        return replies

    def _close_frame(self, payload: bytes) -> bytes:
        return Frame(Opcode.CLOSE, payload).serialize(mask=self.side == "client")

    def _measure(self, payload: bytes) -> None:
        sent = self._pings.get(payload)
        if sent is None:
            return
        self.latency = time.perf_counter() - sent
        # A peer may answer only the latest of several pings (RFC 6455, section 5.5.3).
        for earlier in list(self._pings):
            del self._pings[earlier]
            if earlier == payload:
                break

    def _record_received(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None:
        if self.tap is not None:
            self.tap.append_frames(
                self.number, self.side, "received", data, count, verdict, messages
            )

    # Sending; the callers have checked the payloads

    @property
    def refusal(self) -> str:
        """Why this end has failed the connection; "" when it has not."""
        return self._refusal or self._receiver.refusal

    def send(self, opcode: int, payload: bytes, fin: bool = True) -> bool:
        """Queue one frame for the next turn of the loop.

        Returns:
            Whether so much had been queued that it was written at once.

        Raises:
            websockets.exceptions.InvalidState: The connection is not open.
        """
        protocol = self.protocol
        if self._held is not None:
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
        if self._compressed and opcode < CLOSE:
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
        if self._compressed and opcode < CLOSE:
            self._plain.append(payload)
        frame = Frame(Opcode(opcode), payload, fin)
        extensions = self.protocol.extensions
        self._write([frame.serialize(mask=self.side == "client", extensions=extensions)])

    def send_close(self, code: int | None, reason: str = "") -> None:
        """Start the closing handshake; does nothing when it has started already."""
        if self._held is not None:
            self.answer_close()
        elif self.is_open:
            self.protocol.send_close(code, reason)
            self.flush()
            self._closing()

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

    def drop(self) -> None:
        """End TCP without a closing handshake; the peer reports 1006."""
        self.flush()
        self.is_open = False
        if not self._tcp:
            self._tcp = f"dropped by {self.side}"
        self.transport.abort()

    def flush(self) -> None:
        """Write what the protocol has queued: one write, one entry on the log."""
        self._flush_scheduled = False
        writes = self.protocol.data_to_send()
        if writes:
            self._write(writes)

    def write_serialized(self, frame: bytes, opcode: int, payload: bytes) -> bool:
        """Send a frame that was serialized once for many connections.

        Returns:
            Whether it was sent: the connection is open and not inside a fragmented message.
        """
        data = opcode < CLOSE
        if not self.is_open or self.transport.is_closing() or (data and self.fragmenting):
            return False
        if self._compressed and data:
            self.send(opcode, payload)  # each connection has a compressor of its own
            return True
        self.flush()
        if self.tap is not None:
            self.tap.append_frames(self.number, self.side, "sent", frame, 1)
        self.transport.write(frame)
        return True

    def _write(self, writes: list[bytes]) -> None:
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
                if self._compressed:
                    plain = tuple(
                        self._plain.pop(0) if write[0] & 0x0F < CLOSE else None for write in writes
                    )
                self.tap.append_frames(self.number, self.side, "sent", data, len(writes), "", plain)
            self.transport.write(data)
        if end and not self.transport.is_closing():
            self.half_close()
            self._closing()

    def _without_unwanted(self, writes: list[bytes]) -> list[bytes]:
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

    def resume_reading(self) -> None:
        """Go on reading after the handler has caught up, or does not care any more."""
        if self.inbox is not None and self.inbox.paused:
            self.inbox.paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def resume_reading_soon(self) -> None:
        """The same, from any thread."""
        # A RuntimeError: the loop has ended, and the connection with it.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.resume_reading)

    def notice(self, text: str) -> None:
        """Put a sentence on the log."""
        if self.tap is not None:
            self.tap.append(self.number, NoticeRecord, text=text)

    def _keep_alive(self, unanswered: bytes | None) -> None:
        if not self.is_open or self._held is not None or self.keepalive is None:
            return
        if unanswered is not None and unanswered in self._pings:
            self._refusal = f"no pong came within {self.keepalive:g} s"
            self.protocol.fail(1011, "keepalive ping timeout")
            self.flush()
            self._closing()
            return
        payload = time.monotonic_ns().to_bytes(8, "big")
        self.send(PING, payload)
        self._keepalive_timer = self.loop.call_later(self.keepalive, self._keep_alive, payload)

    # Closing

    def _closing(self) -> None:
        """The closing handshake is under way, or the connection has failed."""
        protocol = self.protocol
        self.is_open = False
        self.resume_reading()  # the rest of the closing handshake must be read
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.close_timeout, self._close_timed_out)
        if protocol.close_rcvd is not None or self.refusal or self._failed is not None:
            self._finish()

    def _close_timed_out(self) -> None:
        if not self._tcp:
            self._tcp = "timeout"
        self.transport.abort()

    def _finish(self) -> None:
        """No message comes any more: let `recv()` raise."""
        self._note_closed()
        if self.inbox is not None and not self.inbox.ended:
            self.inbox.end()

    def _note_closed(self) -> None:
        if self.closed is None:
            facts = self._closed_facts()
            self.closed = ConnectionClosed(
                explain.why_closed_text(side=self.side, **facts),
                sent=facts["sent"],
                received=facts["received"],
                first=facts["first"],
            )

    def _closed_facts(self) -> dict[str, Any]:
        """What a `ClosedRecord` says, as far as it is known."""
        protocol = self.protocol
        peer: Side = "client" if self.side == "server" else "server"
        received = _close_frame(protocol.close_rcvd)
        sent = self._failed or self._answered or _close_frame(protocol.close_sent)
        if self._unanswered:
            sent = None
        if self._failed is not None:
            received = None
        first: Side | Literal[""]
        if protocol.close_rcvd_then_sent and self._failed is None:
            first = peer
        else:
            first = self.side if sent else peer if received else ""
        if self._tcp:
            tcp = self._tcp
        elif received is not None or self.refusal or self._status is not None:
            tcp = "closed"
        elif protocol.state is State.CLOSED:
            tcp = f"dropped by {peer}"
        else:
            tcp = "closed"
        return {
            "first": first,
            "sent": sent,
            "received": received,
            "tcp": tcp,
            "status": self._status,
            "detail": self.refusal,
        }


def _handshake_record(*, raw: bytes, **fields: Any) -> HandshakeRecord:
    """Take a head apart when someone looks at it; until then the bytes are kept alone."""
    start_line, headers = handshake.parse_head(raw)
    status: int | None = None
    if start_line.startswith("HTTP/"):
        digits = start_line.split(" ")[1:2]
        status = int(digits[0]) if digits and digits[0].isdecimal() else None
    return HandshakeRecord(
        raw=raw, start_line=start_line, headers=tuple(headers), status=status, **fields
    )


def _close_frame(close: Close | None) -> CloseFrame | None:
    return None if close is None else CloseFrame(int(close.code), close.reason)
