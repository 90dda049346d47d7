"""The socket whose calls block, as in the tutorial."""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

from .errors import ConnectionClosed, EndlessLoop, WrongThread
from .locks import Latch
from .net.background import BackgroundLoop
from .net.base_socket import REST, BaseSocket
from .net.connection import Connection
from .net.inbox import ThreadInbox
from .payloads import BytesValue, CloseValue, check_type, encode_bytes, encode_close, encode_text
from .quantities import check_wait
from .wire.faults import Fault
from .wire.messages import Message
from .wire.opcodes import BINARY, CLOSE, TEXT

__all__ = ["WebSocket"]


class WebSocket(BaseSocket[ThreadInbox | None]):
    """A connection whose calls block, as in the tutorial. Any thread may call them.

    Sends hand the frame to the event loop and return; they wait only while the other end reads
    too slowly. Frames of one thread stay in their order, and frames never interleave.
    """

    # The package sets this, so that a socket need not import the widgets.
    panel_factory: ClassVar[Callable[[WebSocket], Any]]

    def __init__(
        self,
        connection: Connection,
        inbox: ThreadInbox | None,
        log: Any,
        background: BackgroundLoop,
    ) -> None:
        super().__init__(connection, inbox, log)
        self._background = background
        if inbox is not None:
            # Not a method of this socket: a client that nobody refers to can be collected.
            inbox.on_idle = functools.partial(
                connection.sender.submit, connection.answer_close, wait=False
            )

    def recv(self, timeout: float | None = None) -> Message:
        """Return the next message, in the order in which they came; wait for it if need be.

        Pings and pongs are messages too, and so is the close, once.

        Args:
            timeout: Seconds to wait; None waits for ever. A kernel interrupt gets through.

        Raises:
            ConnectionClosed: After the close was delivered, or the TCP connection has ended.
            WaitTimeout: Nothing came within `timeout` seconds.
            LocalError: The timeout is not a number of seconds.
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
        timeout = check_wait(timeout)
        if self._inbox.is_empty():
            self._connection.sender.flush_from_handler()
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
        """Iterate over the messages; the close is the last one."""
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
        else:
            self._send(*self._frame(type, value))

    def send_text(self, value: str) -> None:
        """Send a text message in one TEXT frame (RFC 6455, section 5.6).

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        payload = encode_text(value)
        self._check_data("text")
        self._send(TEXT, payload)

    def send_bytes(self, value: BytesValue) -> None:
        """Send a binary message in one BINARY frame (RFC 6455, section 5.6).

        Args:
            value: Bytes, a `str` taken as UTF-8, or integers from 0 to 255.

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        payload = encode_bytes(value)
        self._check_data("bytes")
        self._send(BINARY, payload)

    def send_ping(self, value: BytesValue = b"") -> None:
        """Send a PING frame; the other end answers with a PONG that carries the same payload.

        Args:
            value: Up to 125 bytes, as for `send_bytes` (RFC 6455, section 5.5.2).

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        self._send(*self._frame("ping", value))

    def send_pong(self, value: BytesValue = b"") -> None:
        """Send a PONG frame, asked for or not (RFC 6455, section 5.5.3).

        Args:
            value: Up to 125 bytes, as for `send_bytes`.

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        self._send(*self._frame("pong", value))

    def send_close(self, code: CloseValue = None, reason: str | None = None) -> None:
        """Start the closing handshake with a CLOSE frame (RFC 6455, section 7.1.2).

        Without a code the frame is empty, and the other end reports 1005. To end without any
        closing handshake see `drop`.

        Args:
            code: A close code; or a mapping such as {"code": 1000, "reason": "done"}.
            reason: Up to 123 bytes as UTF-8.

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        self._connection.close_in_turn(*self._close_arguments(code, reason))

    def send_fragment(self, value: BytesValue, *, type: str | None = None, fin: bool) -> None:
        """Send one fragment of a message by hand (RFC 6455, section 5.4).

        Args:
            value: Payload of this fragment; a text may be cut inside a character, as bytes.
            type: "text" or "bytes" for the first fragment, None for those that continue it.
            fin: FIN bit: whether this is the last fragment.

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        opcode, payload = self._fragment(type, value, fin)
        self._send(opcode, payload, fin)

    def send_fragments(self, type: str, parts: Iterable[BytesValue]) -> None:
        """Send one message, each part in a frame of its own (RFC 6455, section 5.4).

        Raises:
            InvalidMessage, NotOpen, ConnectionClosed: As `send`.
        """
        fragments = self._fragments(type, parts)
        size = sum(len(payload) for _, payload, _ in fragments)
        self._submit(self._connection.sender.send_fragments, fragments, size=size)

    def send_raw(self, data: BytesValue) -> None:
        """Put bytes on the wire as they are, to show what the other end makes of them.

        Neither the frame's form nor the connection's state is checked.

        Raises:
            ConnectionClosed: TCP has ended.
        """
        payload = encode_bytes(data)
        if self._connection.state.has_ended:
            raise self._closed()
        self._submit(self._connection.sender.send_raw, payload, size=len(payload))

    def break_rule(self, fault: str | Fault) -> None:
        """Break a rule of RFC 6455 on purpose, with a frame or from now on.

        Args:
            fault: One of `astra_nb.faults` about a frame or the conduct of this end, by its name,
                such as "reserved opcode" or "CLOSE not answered".

        Raises:
            LocalError: There is no such fault, or this end cannot commit it.
            ConnectionClosed: TCP has ended.
        """
        found = self._fault(fault)
        if found.stage == "conduct":
            self._submit(self._connection.lie, found, size=0)
        elif found.makes is None:
            self.drop()
        else:
            self.send_raw(found.makes(self._connection.side))

    def drop(self) -> None:
        """End the TCP connection without a closing handshake; the other end reports 1006."""
        if not self._connection.state.has_ended:
            # Past the outbox: a peer that does not read must not keep the connection up.
            # A RuntimeError: the loop has ended, and the connection with it.
            with contextlib.suppress(RuntimeError):
                self._connection.loop.call_soon_threadsafe(self._connection.drop)

    def close(self, code: CloseValue = 1000, reason: str | None = None) -> None:
        """Close, if it is not closed yet, and wait until TCP has ended.

        The wait is bounded by the connection's close timeout. Any thread but the loop's.
        """
        arguments = encode_close(code, reason)
        if self._may_send():
            self._connection.close_in_turn(*arguments)
        self.wait_closed()

    def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until the TCP connection has ended.

        Raises:
            WaitTimeout: It has not within `timeout` seconds.
            LocalError: The timeout is not a number of seconds.
        """
        timeout = check_wait(timeout)
        lost = self._connection.lost
        if lost.done():
            return
        self._background.forbid_wait()
        closed = Latch()
        # A RuntimeError: the loop has ended, and the connection with it.
        with contextlib.suppress(RuntimeError):
            self._connection.loop.call_soon_threadsafe(
                lost.add_done_callback, lambda _: closed.set()
            )
            if not self._background.wait(closed.wait, timeout):
                raise self._still(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def would_wait(self) -> bool:
        """Whether a send would have to wait now, because the other end reads too slowly."""
        return self._connection.sender.would_wait

    def flush(self) -> None:
        """Wait, up to 0.2 s, until all that was sent so far is on the wire and in the log."""
        connection = self._connection
        # A forked child has no such thread, and must not touch the loop.
        if not connection.state.has_ended and self._background.thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended
                connection.loop.call_soon_threadsafe(connection.sender.catch_up)
            self._background.settle()

    def panel(self) -> Any:
        """Make a live panel of this client: its frames, and a button for all that it can send."""
        return WebSocket.panel_factory(self)

    # Any thread

    def _send(self, opcode: int, payload: bytes, fin: bool = True) -> None:
        inbox, sender = self._inbox, self._connection.sender
        if (
            inbox is not None
            and opcode < CLOSE
            and sender.send_from_handler(opcode, payload, fin, inbox.is_empty())
        ):
            return
        self._submit(self._connection.sender.send_if_open, opcode, payload, fin, size=len(payload))

    def _submit(self, action: Callable[..., object], *arguments: Any, size: int) -> None:
        if not self._connection.sender.submit(action, *arguments, size=size):
            raise self._closed()
