"""One WebSocket connection on one event loop: an `asyncio.Protocol` around a Sans-I/O protocol.

What `websockets`' protocol says is law here. This is the connection's life, from the opening
handshake to the end of TCP; `sending` and `receiving` are its two halves.

Everything in a `Connection` happens on its loop's thread. The other threads come in through
`astra_nb.websocket`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import cast

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol as SansIOProtocol
from websockets.protocol import State

from astra_nb.errors import ConnectionClosed
from astra_nb.log import FrameLog
from astra_nb.log.pieces import Pieces
from astra_nb.log.records import ClosedRecord, Direction, OpenedRecord, handshake_record
from astra_nb.wire.handshake import head_end
from astra_nb.wire.messages import CloseFrame, Message
from astra_nb.wire.opcodes import CLOSE, PING
from astra_nb.wire.redaction import redact, redact_path
from astra_nb.wire.why_closed import why_closed

from .addresses import describe_peer
from .ending import Ending, close_frame
from .inbox import TaskInbox, ThreadInbox
from .receiving import Receiver
from .sending import SendingHalf

__all__ = ["Connection"]

REPLY_GRACE = 1.0  # seconds a handler has to answer the messages that came before the last frame


class Connection(SendingHalf):
    """One end of a WebSocket connection. The server's and the client's are subclasses.

    Args:
        protocol: The Sans-I/O protocol of this end.
        number: The connection's number on its log.
        tap: Where bytes and happenings go; None records nothing.
        open_timeout: Seconds the opening handshake may take.
        close_timeout: Seconds to wait for the other end after a CLOSE frame was sent.
        on_closed: Called once, when TCP has ended.
    """

    __slots__ = (
        "_delivered",
        "_head",
        "_held",
        "_held_timer",
        "_keepalive_timer",
        "_receiver",
        "_timer",
        "close_asked",
        "close_timeout",
        "closed",
        "ending",
        "handshake_done",
        "inbox",
        "keepalive",
        "lost",
        "on_closed",
        "open_timeout",
        "peer",
    )

    def __init__(
        self,
        protocol: SansIOProtocol,
        *,
        number: int,
        tap: FrameLog | None,
        open_timeout: float,
        close_timeout: float,
        on_closed: Callable[[Connection], None] | None = None,
    ) -> None:
        super().__init__(protocol, number=number, tap=tap)
        self.open_timeout = open_timeout
        self.close_timeout = close_timeout
        self.on_closed = on_closed
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.inbox: TaskInbox | ThreadInbox | None = None
        self.keepalive: float | None = None
        self.peer = "unknown"
        self.closed: ConnectionClosed | None = None
        self.ending = Ending()
        self.handshake_done = False
        self.close_asked = False  # a thread has asked for a CLOSE frame that is still under way

        self._head = bytearray()  # of the opening handshake
        self._delivered = 0.0  # when messages last came, in the loop's time
        # While a handler may still answer what came before a CLOSE frame or a bad one: what this
        # end will answer to that frame, and the message of a CLOSE frame.
        self._held: tuple[list[bytes], list[Message]] | None = None
        self._held_timer: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._keepalive_timer: asyncio.TimerHandle | None = None
        self._receiver = Receiver(protocol, self._record_received, self.measure)

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
        if self.protocol.state is State.CONNECTING and self._head and self.ending.status is None:
            self._record_head(bytes(self._head))
        self._receiver.end()
        self.protocol.receive_eof()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.answer_close()
        self.is_open = False
        if isinstance(exc, ConnectionError) and not self.ending.tcp:
            self.ending.tcp = "reset"
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
        record = self.ending.facts(self.protocol, self.side, self.refusal)
        if self.tap is not None:
            self.tap.append(self.number, ClosedRecord, side=self.side, **record)
        self._finish()
        if not self.lost.done():
            self.lost.set_result(None)
        self.resume_writing()
        if self.on_closed is not None:
            self.on_closed(self)

    # Opening handshake

    def _receive_handshake(self, data: bytes) -> None:
        raise NotImplementedError

    def take_head(self, data: bytes) -> tuple[bytes, bytes]:
        """Split what came into the part that belongs to the head, and the rest behind it."""
        start = len(self._head)
        self._head += data
        end = head_end(self._head)
        if end is None:
            return data, b""
        rest = bytes(self._head[end:])
        del self._head[end:]
        return data[: end - start], rest

    def _record_head(self, head: bytes, direction: Direction = "received") -> None:
        if self.tap is None:
            return
        hidden = redact(head)
        self.tap.append(
            self.number, handshake_record, side=self.side, direction=direction, raw=hidden
        )

    def opened(self, path: str) -> None:
        """The handshake is done: record it, and start what runs while the connection is open."""
        self._head = bytearray()
        self.handshake_done = self.is_open = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        protocol = self.protocol
        self.compressed = bool(protocol.extensions)
        self._receiver = Receiver(protocol, self._record_received, self.measure)
        if self.tap is not None:
            self.tap.append(
                self.number,
                OpenedRecord,
                side=self.side,
                peer=self.peer,
                path=redact_path(path),
                subprotocol=protocol.subprotocol,
                extensions=tuple(extension.name for extension in protocol.extensions),
            )
        if self.keepalive:
            self._keepalive_timer = self.loop.call_later(self.keepalive, self._keep_alive, None)

    def _open_timed_out(self) -> None:
        self.ending.tcp = "timeout"
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
            self.write(self.without_unwanted(replies))

    def _receive_last(self, messages: list[Message], size: int) -> None:
        """Take what ends the connection, a CLOSE frame or a bad one, and what came with it.

        A handler is given a moment to answer the messages before that frame: nothing may follow
        the CLOSE frame that this end sends next (RFC 6455, section 5.5.1).
        """
        if self._held is not None:
            return  # nothing is read behind that frame
        replies = self.without_unwanted(self._last_replies())
        if not self.is_open:
            if messages and self.protocol.close_rcvd is not None:
                self._note_closed()
            self._deliver(messages, size)
            self.write(replies)
            self.closing()
            return
        cut = next(
            (i for i, write in enumerate(replies) if not write or write[0] & 0x0F == CLOSE),
            len(replies),
        )
        last = [message for message in messages if message.type == "close"]
        if len(messages) > len(last):
            self._delivered = self.loop.time()
            self._deliver([message for message in messages if message.type != "close"], size)
        self.write(replies[:cut])
        self._held = (replies[cut:], last)
        self.answering = True
        left = self._delivered + REPLY_GRACE - self.loop.time()
        if left <= 0 or self.inbox is None:
            self.answer_close()
        else:
            self._held_timer = self.loop.call_later(left, self.answer_close)
            self.inbox.call_when_idle()

    def answer_close(self) -> None:
        """Send what was held back for a handler to answer first; does nothing if nothing was."""
        if self._held is None:
            return
        (replies, last), self._held = self._held, None
        self.answering = False
        if self._held_timer is not None:
            self._held_timer.cancel()
        self.flush()
        self.is_open = False
        self.ending.unanswered = self.transport.is_closing()
        if self.protocol.close_rcvd is not None:
            self._note_closed()  # before a handler hears of the CLOSE frame and sends
        self._deliver(last, 0)
        self.write(replies)
        self.closing()

    def _deliver(self, messages: list[Message], size: int) -> None:
        if messages and self.inbox is not None:
            self.inbox.deliver(messages, size)

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
            self.ending.failed = CloseFrame(failure.code, failure.reason)
            payload = Close(failure.code, failure.reason).serialize()
            end = [b""] if self.side == "server" else []
            return [*replies, self._close_frame(payload), *end]
        if receiver.interrupted is not None:
            # The protocol fails a connection that is closed inside a fragmented message; but a
            # CLOSE frame, as any control frame, may come there (RFC 6455, section 5.4).
            self.ending.answered = close_frame(protocol.close_rcvd)
            answer = self._close_frame(receiver.interrupted)
            return [answer if write and write[0] & 0x0F == CLOSE else write for write in replies]
        return replies

    def _close_frame(self, payload: bytes) -> bytes:
        return Frame(Opcode.CLOSE, payload).serialize(mask=self.side == "client")

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

    # Keepalive

    def _keep_alive(self, unanswered: bytes | None) -> None:
        if not self.is_open or self._held is not None or self.keepalive is None:
            return
        if unanswered is not None and unanswered in self._pings:
            self.ending.refusal = f"no pong came within {self.keepalive:g} s"
            self.protocol.fail(1011, "keepalive ping timeout")
            self.flush()
            self.closing()
            return
        payload = time.monotonic_ns().to_bytes(8, "big")
        self.send(PING, payload)
        self._keepalive_timer = self.loop.call_later(self.keepalive, self._keep_alive, payload)

    # Closing

    @property
    def refusal(self) -> str:
        """Why this end has failed the connection; "" when it has not."""
        return self.ending.refusal or self._receiver.refusal

    def send_close(self, code: int | None, reason: str = "") -> None:
        """Start the closing handshake; does nothing when it has started already."""
        if self._held is not None:
            self.answer_close()
        elif self.is_open:
            self.protocol.send_close(code, reason)
            self.flush()
            self.closing()

    def drop(self) -> None:
        """End TCP without a closing handshake; the peer reports 1006."""
        self.flush()
        self.is_open = False
        if not self.ending.tcp:
            self.ending.tcp = f"dropped by {self.side}"
        self.transport.abort()

    def closing(self) -> None:
        """The closing handshake is under way, or the connection has failed."""
        protocol = self.protocol
        self.is_open = False
        self.resume_reading()  # the rest of the closing handshake must be read
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.close_timeout, self._close_timed_out)
        if protocol.close_rcvd is not None or self.refusal or self.ending.failed is not None:
            self._finish()

    def _close_timed_out(self) -> None:
        if not self.ending.tcp:
            self.ending.tcp = "timeout"
        self.transport.abort()

    def _finish(self) -> None:
        """No message comes any more: let `recv()` raise."""
        self._note_closed()
        if self.inbox is not None and not self.inbox.ended:
            self.inbox.end()

    def _note_closed(self) -> None:
        if self.closed is None:
            facts = self.ending.facts(self.protocol, self.side, self.refusal)
            self.closed = ConnectionClosed(
                why_closed(side=self.side, **facts),
                sent=facts["sent"],
                received=facts["received"],
                first=facts["first"],
            )
