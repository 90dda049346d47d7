"""The socket whose calls block, as in the tutorial."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import InvalidState, ProtocolError
from websockets.http11 import Request

from .errors import ConnectionClosed, EndlessLoop, WaitTimeout, WrongThread
from .net.background import BackgroundLoop
from .net.base_socket import REST, BaseSocket
from .net.connection import Connection
from .net.inbox import ThreadInbox
from .payloads import BytesValue, CloseValue, check_type, encode_bytes, encode_close, encode_text
from .wire.messages import Message
from .wire.opcodes import BINARY, TEXT

__all__ = ["WebSocket"]

MAX_WAITING = 1024 * 1024  # bytes handed over by threads and not yet written
MAX_WAITING_FRAMES = 4096
FRAMES_A_TURN = 1024  # taken from threads before other connections get their turn
COUNTED_SIZE = 4096  # bytes; smaller payloads are bounded by MAX_WAITING_FRAMES


class WebSocket(BaseSocket[ThreadInbox | None]):
    """A connection whose calls block, as in the tutorial. Any thread may call them.

    Sends hand the frame to the event loop and return; they wait only while the other end reads
    too slowly. Frames of one thread stay in their order, and frames never interleave.
    """

    def __init__(
        self,
        connection: Connection,
        inbox: ThreadInbox | None,
        request: Request,
        log: Any,
        background: BackgroundLoop,
    ) -> None:
        super().__init__(connection, inbox, request, log)
        self._background = background
        self._outbox: deque[tuple[Callable[..., object], tuple[Any, ...], int]] = deque()
        self._wake_scheduled = False
        self._waiting = 0  # bytes in the outbox
        self._room = threading.Condition()
        self._waiters = 0  # threads that wait for room
        connection.on_writable.append(weakref.WeakMethod(self._go_on))
        if inbox is not None:
            inbox.on_idle = _weakly(self._answer_close)

    def recv(self, timeout: float | None = None) -> Message:
        """Give the next message, in the order in which they came; wait for it if need be.

        Pings and pongs are messages too, and so is the close, once.

        Args:
            timeout: Seconds to wait; None waits for ever. A kernel interrupt gets through.

        Raises:
            ConnectionClosed: After the close was delivered, or the TCP connection has ended.
            WaitTimeout: Nothing came within `timeout` seconds.
            WrongThread: Called on the thread that runs the event loop.
        """
        if self._inbox is None:
            raise WrongThread(
                "the messages of this connection go to its async def handler; "
                "this socket is for sending"
            )
        if self._background.is_current_thread:
            raise WrongThread(
                "recv() of a blocking socket would block the event loop that must receive the "
                "message; in an async def handler, await the handler's own socket"
            )
        try:
            message = self._inbox.take(timeout)
        except queue.Empty:
            raise self._no_message(timeout) from None
        if message is None:
            error = self._closed()
            if isinstance(error, EndlessLoop):
                time.sleep(REST)
            raise error
        return message

    def __iter__(self) -> Self:
        """Give message after message, the close as the last one; then just end."""
        return self

    def __next__(self) -> Message:
        try:
            return self.recv()
        except ConnectionClosed:
            raise StopIteration from None

    def send(self, type: str, value: object = None, reason: str | None = None) -> None:
        """Send a message: the type first, then what it carries.

        Args:
            type: "text", "bytes", "ping", "pong" or "close".
            value: As for the `send_*` method of that type.
            reason: Close reason, for "close" only.

        Raises:
            InvalidMessage: The type or the value cannot be sent; nothing was.
            NotOpen: This end has sent a CLOSE frame.
            ConnectionClosed: The other end has closed, or TCP has ended.
        """
        if check_type(type) == "close":
            self.send_close(value, reason)  # type: ignore[arg-type]
            return
        if value is None and type in ("ping", "pong"):
            value = b""
        self._submit_frame(*self._frame(type, value))

    def send_text(self, value: str) -> None:
        """Send a text message in one TEXT frame (RFC 6455, section 5.6).

        Raises: as `send`.
        """
        payload = encode_text(value)
        self._check_data("text")
        self._submit_frame(TEXT, payload)

    def send_bytes(self, value: BytesValue) -> None:
        """Send a binary message in one BINARY frame (RFC 6455, section 5.6).

        Args:
            value: Bytes, a `str` taken as UTF-8, or integers from 0 to 255.

        Raises: as `send`.
        """
        payload = encode_bytes(value)
        self._check_data("bytes")
        self._submit_frame(BINARY, payload)

    def send_ping(self, value: BytesValue = b"") -> None:
        """Send a PING frame; the other end answers with a PONG that carries the same payload.

        Args:
            value: Up to 125 bytes, as for `send_bytes` (RFC 6455, section 5.5.2).

        Raises: as `send`.
        """
        self._submit_frame(*self._frame("ping", value))

    def send_pong(self, value: BytesValue = b"") -> None:
        """Send a PONG frame, asked for or not (RFC 6455, section 5.5.3).

        Args:
            value: Up to 125 bytes, as for `send_bytes`.

        Raises: as `send`.
        """
        self._submit_frame(*self._frame("pong", value))

    def send_close(self, code: CloseValue = None, reason: str | None = None) -> None:
        """Start the closing handshake with a CLOSE frame (RFC 6455, section 7.1.2).

        Without a code the frame is empty, and the other end reports 1005. To end without any
        closing handshake see `drop`.

        Args:
            code: A close code; or a mapping such as {"code": 1000, "reason": "done"}.
            reason: Up to 123 bytes as UTF-8.

        Raises: as `send`.
        """
        arguments = self._close_arguments(code, reason)
        self._connection.close_asked = True
        self._submit(self._connection.send_close, *arguments)

    def send_fragment(self, value: BytesValue, *, type: str | None = None, fin: bool) -> None:
        """Send one fragment of a message by hand (RFC 6455, section 5.4).

        Args:
            value: Payload of this fragment; a text may be cut inside a character, as bytes.
            type: "text" or "bytes" for the first fragment, None for those that continue it.
            fin: FIN bit: whether this is the last fragment.

        Raises: as `send`.
        """
        opcode, payload = self._fragment(type, value, fin)
        self._submit_frame(opcode, payload, fin)

    def send_fragments(self, type: str, parts: Iterable[BytesValue]) -> None:
        """Send one message, each part in a frame of its own (RFC 6455, section 5.4).

        Raises: as `send`.
        """
        for fragment in self._fragments(type, parts):
            self._submit_frame(*fragment)

    def send_raw(self, data: BytesValue) -> None:
        """Put bytes on the wire as they are, to show what the other end makes of them.

        Neither the frame's form nor the connection's state is checked.

        Raises:
            ConnectionClosed: TCP has ended.
        """
        payload = encode_bytes(data)
        if self._connection.lost.done():
            raise self._closed()
        self._submit(self._connection.send_raw, payload, size=len(payload))

    def drop(self) -> None:
        """End the TCP connection without a closing handshake; the other end reports 1006."""
        if not self._connection.lost.done():
            # Past the outbox: a peer that does not read must not keep the connection up.
            self._background.loop.call_soon_threadsafe(self._connection.drop)

    def close(self, code: CloseValue = 1000, reason: str | None = None) -> None:
        """Close, if it is not closed yet, and wait until TCP has ended.

        The wait is bounded by the connection's close timeout. Any thread but the loop's.
        """
        arguments = encode_close(code, reason)
        if self._connection.is_open and not self._connection.close_asked:
            self._connection.close_asked = True
            # A RuntimeError: the loop has ended, and the connection with it.
            with contextlib.suppress(ConnectionClosed, RuntimeError):
                self._submit(self._connection.send_close, *arguments)
        self.wait_closed()

    def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until the TCP connection has ended.

        Raises:
            WaitTimeout: It has not within `timeout` seconds.
        """
        lost = self._connection.lost
        if lost.done():
            return
        self._background.forbid_wait()
        # Not on the loop: it may end together with the connection, and the wait with it.
        with self._room:
            self._waiters += 1
            try:
                ended = self._room.wait_for(lost.done, timeout)
            finally:
                self._waiters -= 1
        if not ended:
            raise WaitTimeout(
                f"the connection is still {self.state} after {timeout:g} s; "
                f"send_close() starts the closing handshake"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def flush(self) -> None:
        """Wait until the loop has taken everything that was sent so far."""
        if not self._connection.lost.done() and self._outbox:
            self._background.settle()

    # From any thread to the loop

    def _submit_frame(self, opcode: int, payload: bytes, fin: bool = True) -> None:
        self._submit(self._connection.send, opcode, payload, fin, size=len(payload))

    def _submit(self, action: Callable[..., object], *arguments: Any, size: int = 0) -> None:
        if not self._has_room():
            self._wait_for_room()
        self._outbox.append((action, arguments, size))
        if size > COUNTED_SIZE:
            with self._room:
                self._waiting += size
        self._wake()

    def _empty_outbox(self) -> None:
        # Cleared first: a thread that appends from here on schedules another turn.
        self._wake_scheduled = False
        connection, outbox = self._connection, self._outbox
        unsent = taken = 0
        for _ in range(FRAMES_A_TURN):
            if not outbox or not connection.is_writable:
                break
            action, arguments, size = outbox.popleft()
            if size > COUNTED_SIZE:
                taken += size
            try:
                action(*arguments)
            except (InvalidState, ProtocolError):
                unsent += 1  # the connection closed after the sender had looked
        else:
            self._wake_scheduled = True
            connection.loop.call_soon(self._empty_outbox)
        if unsent:
            connection.notice(
                f"{unsent} frame{'s were' if unsent > 1 else ' was'} not sent: "
                f"the connection had just closed"
            )
        if taken or self._waiters:
            with self._room:
                self._waiting -= taken
                self._room.notify_all()

    def _go_on(self) -> None:
        """The other end reads again, or the connection has ended."""
        self._empty_outbox()
        with self._room:
            self._room.notify_all()

    def _answer_close(self) -> None:
        """The handler has answered all that came; on its thread, behind what it has sent."""
        self._outbox.append((self._connection.answer_close, (), 0))
        self._wake()

    def _wake(self) -> None:
        if not self._wake_scheduled:
            self._wake_scheduled = True
            self._background.loop.call_soon_threadsafe(self._empty_outbox)

    def _has_room(self) -> bool:
        return (
            self._connection.is_writable
            and self._waiting <= MAX_WAITING
            and len(self._outbox) <= MAX_WAITING_FRAMES
        )

    def _wait_for_room(self) -> None:
        """Wait while the other end reads too slowly."""
        if self._background.is_current_thread:
            return
        lost = self._connection.lost
        with self._room:
            self._waiters += 1
            try:
                self._room.wait_for(lambda: lost.done() or self._has_room())
            finally:
                self._waiters -= 1
        if lost.done():
            raise self._closed()


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Call a method only as long as its object lives, and do not keep it alive."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call
