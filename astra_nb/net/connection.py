"""One WebSocket connection on one event loop: an `asyncio.Protocol` around a Sans-I/O protocol.

The verdicts of `websockets`' protocol count. A connection puts its parts together: `receiving`
reads, `sending` writes, `closing` knows the phase, `endpoint` has TCP, the timer and the log.

Everything in a `Connection` happens on its loop's thread; other threads use `Sender.submit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools

from websockets.http11 import Request, Response
from websockets.protocol import Protocol as SansIOProtocol

from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord
from astra_nb.wire.faults import Fault
from astra_nb.wire.frames import whole_frames
from astra_nb.wire.handshake import head_end
from astra_nb.wire.messages import CloseFrame, Message
from astra_nb.wire.opcodes import PING

from .closing import EMPTY, ClosingState, Last, Phase, close_payload, parse_close
from .endpoint import SMALL, Endpoint
from .inbox import TaskInbox, ThreadInbox, payload_size
from .keepalive import Keepalive
from .lies import HONEST, Lies
from .receiving import Receiver
from .sending import Sender

__all__ = ["Connection"]

# Bytes of compressed frames that are taken at once: they may expand a thousandfold.
PIECE = 4096
MAX_LATE = 64 * 2**20  # bytes of messages that are delivered while this end closes
REPLY_GRACE = 1.0  # seconds a handler has to answer the messages that came before the last frame


class Connection(Endpoint):
    """One end of a WebSocket connection. The server's and the client's are subclasses.

    Attributes:
        inbox: Where messages go; None when nobody waits for them.
        close_asked: Whether a thread has asked for a CLOSE frame that may still be under way.
        request: The request of the opening handshake, once the connection was opened.
        response: The answer in the opening handshake; None before it.
        lies: What this end does wrong on purpose.
    """

    __slots__ = (
        "_delivered", "_held", "_keepalive", "_late", "_receiver", "_unread",
        "automatic_pong", "close_asked", "close_timeout", "inbox", "keepalive", "lies",
        "open_timeout", "protocol", "sender", "state",
    )  # fmt: skip

    request: Request
    response: Response | None

    def __init__(
        self,
        protocol: SansIOProtocol,
        *,
        number: int,
        tap: FrameLog,
        open_timeout: float | None,
        close_timeout: float | None,
    ) -> None:
        super().__init__(number, tap)
        self.protocol = protocol
        self.open_timeout = open_timeout
        self.close_timeout = close_timeout
        self.state = ClosingState(self.side)
        masks = self.side == "client"
        self.sender = Sender(self.loop, masks, state=self.state, notice=self.notice)
        self.inbox: TaskInbox | ThreadInbox | None = None
        self.automatic_pong = True
        self.keepalive: float | None = None
        self.close_asked = False
        self.lies = HONEST

        self._delivered = 0.0  # when messages last came, in the loop's time
        self._held: Last | None = None  # not answered yet: a handler may answer what came before it
        self._keepalive: Keepalive | None = None
        self._receiver: Receiver | None = None
        self._unread: bytearray | None = None  # compressed frames; None where they are not
        self._late = 0  # bytes of messages that came while this end closed

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.sender.start(self.transport)
        self._set_timer(self.open_timeout, self._open_timed_out)

    def data_received(self, data: bytes) -> None:
        if self._receiver is None:
            self._receive_handshake(data)
            return
        if len(data) >= SMALL or self._read_size != SMALL:
            self._adapt_reads(len(data))
        if self._unread is None:
            self._receive_frames(data, self._receiver)
        else:
            self._unread += data
            self._receive_pieces()

    def eof_received(self) -> bool:
        self._end_receiving()
        if self.state.is_open:
            # asyncio closes the transport next, as soon as the peer has read the rest.
            self._start_closing()
        return self.lies.keeps_tcp is not None and self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self.sender.stop_handler_writes()  # before the socket's file descriptor is closed
        self._end_receiving()
        if isinstance(exc, ConnectionError):
            self.state.tcp_ended("reset")
        elif exc is not None and not isinstance(exc, OSError):  # raised in data_received()
            self.state.failed(f"an error at this end: {exc!r}")
        unread = len(self._unread or b"")
        self._unread = None
        if self._receiver is not None:
            unread += self._receiver.unrecorded
        if unread:
            self.notice(f"{unread:,} more bytes came that nobody read; they are not on record")
        self._set_timer(None)
        self._stop_keepalive()
        self.state.enter(Phase.CLOSED)
        self.tap.append(self.number, ClosedRecord, side=self.side, **self.state.facts())
        self._finish()
        if not self.lost.done():
            self.lost.set_result(None)
        self.sender.resume()

    def pause_writing(self) -> None:
        self.sender.pause()

    def resume_writing(self) -> None:
        self.sender.resume()

    def _end_receiving(self) -> None:
        """Called when TCP brings nothing more."""
        self.answer_close()
        if self._receiver is not None:
            self._receiver.end()
        elif self._head and self.state.status is None:
            self.record_head(bytes(self._head))
            self._head.clear()
        self.sender.flush()

    # Opening handshake

    def _receive_handshake(self, data: bytes) -> None:
        raise NotImplementedError

    def opened(self, path: str) -> None:
        """Record the opening, and start what runs while the connection is open."""
        protocol = self.protocol
        self._head = bytearray()
        self._set_timer(None)
        self.state.enter(Phase.OPEN)
        self.sender.start(self.transport, protocol.extensions, self.recorder("sent"))
        self._receiver = Receiver(protocol, self.recorder("received"), self.sender.take_pong)
        self._unread = bytearray() if protocol.extensions else None
        names = [extension.name for extension in protocol.extensions]
        self.record_opening(path, protocol.subprotocol, names)
        if self.keepalive:
            # Past the outbox: to a peer that does not read it would never be sent, nor be missed.
            ping = functools.partial(self.sender.send_if_open, PING)
            unanswered, silent = self.sender.is_unanswered, self._peer_is_silent
            self._keepalive = Keepalive(self.loop, self.keepalive, ping, unanswered, silent)

    @property
    def is_established(self) -> bool:
        """Whether the opening handshake was done."""
        return self._receiver is not None

    def _write_head(self, data: bytes) -> None:
        """Record and write a head, and frames that follow it, as it may be with a fault."""
        end = head_end(data) or len(data)
        self.record_head(data[:end], "sent")
        if data[end:]:
            self.recorder("sent")(data[end:], *whole_frames(data[end:])[1:])
        self.transport.write(data)

    # Receiving

    def _receive_pieces(self) -> None:
        """Take compressed frames piece by piece, as far as the handler keeps up."""
        unread, receiver = self._unread, self._receiver
        while unread and receiver is not None and not self._reading_is_paused:
            piece = bytes(unread[:PIECE])
            del unread[:PIECE]
            self._receive_frames(piece, receiver)

    @property
    def _reading_is_paused(self) -> bool:
        # While this end closes, the rest of the closing handshake must be read.
        return (
            self.inbox is not None and self.inbox.paused and self.state.phase is not Phase.CLOSING
        )

    def _receive_frames(self, data: bytes, receiver: Receiver) -> None:
        self.sender.flush()  # so that the log has the order of the wire
        messages, last = receiver.receive(data)
        replies = self.protocol.data_to_send()
        if last is not None:
            self._receive_last(messages, last, replies, len(data))
            return
        if messages and self.inbox is not None:
            self._delivered = self.loop.time()
            size = len(data) if not self.protocol.extensions else sum(map(payload_size, messages))
            if self.state.phase is Phase.CLOSING and self._is_too_late(size):
                return
            if self.inbox.put(messages, size) and self.state.phase is Phase.OPEN:
                self.transport.pause_reading()
        if replies and self.automatic_pong:
            self.sender.reply(self.lies.pongs(replies))
        if messages and self.inbox is not None:
            self.inbox.run_reader(self.sender.gather)

    def _is_too_late(self, size: int) -> bool:
        """Return whether messages are left out, because reading goes on without a handler."""
        was, self._late = self._late, self._late + size
        if self._late > MAX_LATE >= was:
            self.notice(
                f"More than {MAX_LATE >> 20} MiB came while this end closed; what came after that "
                f"is only in the log: no handler gets it"
            )
        return self._late > MAX_LATE

    def _receive_last(
        self, messages: list[Message], last: Last, replies: list[bytes], size: int
    ) -> None:
        """Take the frame that ends the connection, and what came before it in the same chunk.

        A handler is given a moment to answer the messages before that frame: no data frame may
        follow the CLOSE frame that this end sends next (RFC 6455, section 5.5.1).
        """
        before = [message for message in messages if message.type != "close"]
        # The protocol has queued a PONG frame for each PING, and then its answer to the last frame.
        pongs = replies[: sum(message.type == "ping" for message in before)]
        self._held = last
        if before:
            self._delivered = self.loop.time()
            if self.inbox is not None:
                self.inbox.deliver(before, size)
        if pongs and self.automatic_pong:
            self.sender.reply(self.lies.pongs(pongs))
        left = self._delivered + REPLY_GRACE - self.loop.time()
        if self.state.phase is not Phase.OPEN or left <= 0 or self.inbox is None:
            self.answer_close()
        else:
            self.state.enter(Phase.ANSWERING)
            self._stop_keepalive()
            self._set_timer(left, self.answer_close)
            self.inbox.call_when_idle()

    def answer_close(self) -> None:
        """Answer the last frame that came; does nothing when there is none, or it was answered."""
        if self._held is None or self.lies.delays_close():
            return
        self.sender.catch_up()
        last, self._held = self._held, None
        if last is None:
            return  # answered by something that waited
        state = self.state
        if last.close is None:
            state.failed(last.refusal)
            if last.close_fault:
                state.close_received(None, last.close_fault)
        else:
            state.close_received(last.close)
        answers = self.lies.answers_close or last.close is None
        if answers and state.is_open and not self.transport.is_closing():
            if not self.sender.raw_close:
                self.sender.send_close(last.answer)
            state.close_sent(parse_close(last.answer))
        state.settle()  # before a handler's thread sees that nothing can be sent
        self._start_closing()
        if self.side == "server" and self.lies.keeps_tcp is None:
            self.sender.end()  # the server ends TCP first (RFC 6455, section 7.1.1)
        if last.close is not None and self.inbox is not None:
            self.inbox.deliver([Message("close", last.close if last.answer else None)], 0)
        self._finish()

    def resume_reading(self) -> None:
        """Go on reading: called when the handler has caught up, or has ended."""
        if self.inbox is not None:
            if not self.inbox.paused:
                return
            self.inbox.paused = False
        self._receive_pieces()
        if not (self._reading_is_paused or self.transport.is_closing()):
            self.transport.resume_reading()

    def resume_reading_soon(self) -> None:
        """Call `resume_reading` on the loop, from any thread."""
        # A RuntimeError: the loop has ended, and the connection with it.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.resume_reading)

    # Keepalive

    def _peer_is_silent(self) -> None:
        self.state.failed(f"no pong came within {self.keepalive:g} s")
        self.send_close(1011, "keepalive ping timeout")
        self.sender.end()
        self._finish()

    def _stop_keepalive(self) -> None:
        if self._keepalive is not None:
            self._keepalive.stop()

    # Closing

    def send_close(self, code: int | None, reason: str = "") -> None:
        """Start the closing handshake; does nothing when it has started already."""
        if self._held is not None:
            self.answer_close()
        elif self.state.is_open:
            close = CloseFrame(EMPTY if code is None else code, reason)
            self.sender.send_close(close_payload(close))
            self.state.close_sent(close)
            self._start_closing()

    def close_in_turn(self, code: int | None, reason: str = "") -> None:
        """Start the closing handshake after all that was sent before. Any thread.

        What was sent before has the close timeout to leave, in case the peer does not read.
        """
        self.close_asked = True
        if self.sender.submit(self.send_close, code, reason, wait=False):
            # A RuntimeError: the CLOSE frame was the last thing that the loop did.
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._bound_close)

    def _bound_close(self) -> None:
        if self.state.phase is Phase.OPEN:
            self._set_timer(self.close_timeout, self._close_timed_out)

    def drop(self) -> None:
        """End TCP without a closing handshake; the peer reports 1006."""
        self.sender.flush()
        self.state.tcp_ended(f"dropped by {self.side}")
        if self.state.is_open:
            self.state.enter(Phase.CLOSING)
        self.transport.abort()

    def _start_closing(self) -> None:
        """Enter CLOSING: nothing is sent any more, and TCP ends within the close timeout."""
        if self.state.phase is Phase.CLOSING:
            return
        self.state.enter(Phase.CLOSING)
        self._stop_keepalive()
        self.resume_reading()  # the rest of the closing handshake must be read
        if not self.transport.is_closing():
            longer = self.lies.keeps_tcp
            self._set_timer(self.close_timeout if longer is None else longer, self._close_timed_out)

    def lie(self, fault: Fault) -> None:
        """Begin to break a rule on purpose, by a fault of the stage "conduct"."""
        if self.lies is HONEST:
            self.lies = Lies(self)
        self.lies.begin(fault)

    def _close_timed_out(self) -> None:
        self.state.tcp_ended("timeout")
        self.transport.abort()

    _open_timed_out = _close_timed_out  # a server answers first

    def _finish(self) -> None:
        """End the inbox, so that `recv()` raises: no message comes any more."""
        self.state.settle()
        if self.inbox is not None and not self.inbox.ended:
            self.inbox.end()
