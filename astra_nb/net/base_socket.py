"""What the blocking and the awaitable socket share: everything that does not wait.

Every value is checked here before anything is put on the wire.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from astra_nb import payloads
from astra_nb.errors import (
    ConnectionClosed,
    EndlessLoop,
    InvalidMessage,
    LocalError,
    NotOpen,
    WaitTimeout,
)
from astra_nb.payloads import check_type, encode_bytes, encode_close
from astra_nb.wire.faults import Fault
from astra_nb.wire.frames import encode
from astra_nb.wire.opcodes import BINARY, CONTINUATION, TEXT

from .addresses import describe_peer
from .closing import Phase
from .connection import Connection
from .http_answers import hidden_request
from .inbox import TaskInbox, ThreadInbox
from .lies import check_faults

if TYPE_CHECKING:
    from .buffers import BuffersPicture  # which is loaded when someone asks for one

__all__ = ["REST", "BaseSocket", "ConnectionState", "serialize_for_many"]

PATIENCE = 1000  # calls in a row on a connection that has ended
TIGHT = 0.001  # seconds between calls of a loop that does nothing else
FORGIVEN = 5  # calls for each longer pause: a busy machine makes one every 30 calls in any loop
REST = 0.05  # seconds before raising again, for loops that swallow `EndlessLoop`

ConnectionState = Literal["connecting", "open", "closing", "closed"]

I = TypeVar("I", bound=TaskInbox | ThreadInbox | None)  # noqa: E741


class BaseSocket(Generic[I]):
    """What the blocking and the awaitable socket share: everything that does not wait."""

    def __init__(self, connection: Connection, inbox: I, log: Any) -> None:
        self._connection = connection
        self._inbox = inbox
        self.log = log
        self.path_parameters: dict[str, str] = {}
        self._raised = 0  # times in a row that a call told that the connection has ended
        self._raised_at = 0.0

    @functools.cached_property
    def request(self) -> Request:
        """The request of the opening handshake, its secrets hidden, as in the log.

        A proxy hands on the user's cookies and tokens, and a notebook stores what is shown.
        """
        return hidden_request(self._connection.request, self._connection.redactor)

    @functools.cached_property
    def request_with_secrets(self) -> Request:
        """The request as it came, for a handler that checks a token; do not show it."""
        return self._connection.request

    @functools.cached_property
    def response(self) -> Response | None:
        """The answer to that request, its secrets hidden; None before it is known."""
        response = self._connection.response
        if response is None:
            return None
        headers = Headers(self._connection.redactor.headers(response.headers.raw_items()))
        return Response(response.status_code, response.reason_phrase, headers)

    @property
    def response_with_secrets(self) -> Response | None:
        """The answer as it was sent, such as for a `Set-Cookie`; do not show it."""
        return self._connection.response

    @property
    def id(self) -> int:
        """Number of the connection, as in the log: 1, 2, 3 and so on."""
        return self._connection.number

    @property
    def remote_address(self) -> str:
        """Address of the other end, such as "127.0.0.1:51324"."""
        return self._connection.peer

    @property
    def local_address(self) -> str:
        """Address of this end, such as "127.0.0.1:51324"."""
        return describe_peer(self._connection.transport.get_extra_info("sockname"))

    @property
    def state(self) -> ConnectionState:
        """State of the connection (RFC 6455, sections 4.1, 7.1.3 and 7.1.4)."""
        phase = self._connection.state.phase
        if phase is Phase.CLOSED:
            return "closed"
        if phase is Phase.HANDSHAKING:
            return "connecting"
        return "open" if self._may_send() else "closing"

    @property
    def latency(self) -> float | None:
        """Seconds from the last answered ping to its pong; None before the first."""
        return self._connection.sender.latency

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that both ends agreed on, or None (RFC 6455, section 1.9)."""
        return self._connection.protocol.subprotocol

    @property
    def automatic_pong(self) -> bool:
        """Whether a PONG answers each PING by itself, as RFC 6455, section 5.5.2, asks."""
        return self._connection.automatic_pong

    @automatic_pong.setter
    def automatic_pong(self, value: bool) -> None:
        self._connection.automatic_pong = bool(value)

    @property
    def close_code(self) -> int | None:
        """The close code this end reports; None while the connection is not closed."""
        error = self._connection.state.error
        return None if error is None else error.code

    def buffers_picture(self, peer: BaseSocket[Any] | None = None) -> BuffersPicture:
        """Return a picture of the buffers between the two ends, how full they are and may get.

        It shows back-pressure: a program that does not take its messages fills its inbox, then the
        buffers of both systems, and then those of the sender, which has to wait. In a notebook the
        picture moves until the connection has ended; `print` shows it as it is now. Any thread may
        call this.

        Args:
            peer: The socket at the other end, if it is in this process too: the picture is then
                the whole way from this end to that one. Without it, it shows what this end has on
                its way out, and on its way in.

        Raises:
            LocalError: `peer` is not the other end of this connection.
        """
        from .buffers import BuffersPicture

        if peer is None:
            return BuffersPicture(self._connection)
        own, other = self._connection, peer._connection  # noqa: SLF001  (of the same class)
        ends = own.transport.get_extra_info("peername"), other.transport.get_extra_info("sockname")
        if own.side == other.side or ends[0] != ends[1]:
            raise LocalError(
                f"peer is the socket at the other end of connection {self.id}, which is at "
                f"{self.remote_address}, and not {peer!r}; leave it out if that end is not in this "
                f"process"
            )
        return BuffersPicture(own, other)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.request.path!r} {self.state}>"

    def _fault(self, fault: str | Fault) -> Fault:
        found = check_faults([fault], self._connection.side, "frame", "conduct")[0]
        if self._connection.state.has_ended:
            raise self._closed()
        return found

    def _closed(self) -> ConnectionClosed | EndlessLoop:
        """Return a new error each time: a raised one carries its traceback."""
        closed = self._connection.state.settle()
        now = time.monotonic()
        if now - self._raised_at >= TIGHT:
            self._raised = max(self._raised - FORGIVEN, 0)
        self._raised += 1
        self._raised_at = now
        if self._raised >= PATIENCE:
            self._raised = 0
            return EndlessLoop(
                f"{PATIENCE:,} calls in a row on a connection that has ended: this loop catches "
                f"every exception and would never end; let ConnectionClosed end it"
            )
        return ConnectionClosed(
            str(closed),
            sent=closed.sent,
            received=closed.received,
            first=closed.first,
            connection=self._connection.state,
        )

    def _may_send(self) -> bool:
        return self._connection.state.is_open and not self._connection.close_asked

    def _check_open(self, what: str) -> None:
        if self._may_send():
            return
        state = self._connection.state
        if state.error is not None:
            raise self._closed()
        if self._connection.close_asked or state.sent is not None:
            raise NotOpen(
                f"the {what} was not sent, because this end has already sent a CLOSE frame; no "
                f"data frame may follow that (RFC 6455, section 5.5.1), only answers to PING "
                f"frames; send before closing, or open a new connection"
            )
        raise NotOpen(f"the connection is {self.state}, so the {what} was not sent")

    def _check_data(self, what: str) -> None:
        connection = self._connection
        if not connection.state.is_open or connection.close_asked:
            self._check_open(what)
        if connection.sender.fragmenting:
            raise NotOpen(
                f"a fragmented message is under way, so the {what} was not sent: only control "
                f"frames may come between fragments (RFC 6455, section 5.4); "
                f"finish it with send_fragment(..., fin=True)"
            )

    def _frame(self, type: str, value: object) -> tuple[int, bytes]:
        """Check a message of one of the first four types; return its opcode and payload."""
        opcode, payload = payloads.encode(type, value)
        if opcode in (TEXT, BINARY):
            self._check_data(type)
        else:
            self._check_open(type)
        return opcode, payload

    def _fragment(self, type: str | None, value: object, fin: bool) -> tuple[int, bytes]:
        """Check one fragment and note whether a fragmented message is under way (section 5.4)."""
        self._check_open("fragment")
        if self._connection.sender.fragmenting:
            if type is not None:
                raise InvalidMessage(
                    f"a fragmented message is under way, so this fragment continues it and has no "
                    f"type of its own, not {type!r}: send_fragment(value, fin=...)"
                )
            opcode = CONTINUATION
        else:
            if type not in ("text", "bytes"):
                raise InvalidMessage(
                    f'the first fragment says what the message is: "text" or "bytes", not '
                    f'{type!r}: send_fragment(value, type="text"). Control frames are never '
                    f"fragmented (RFC 6455, section 5.4)"
                )
            opcode = TEXT if type == "text" else BINARY
        payload = encode_bytes(value)
        self._connection.sender.fragmenting = not fin
        return opcode, payload

    def _fragments(self, type: str, parts: Iterable[object]) -> list[tuple[int, bytes, bool]]:
        """Check all the fragments of one message."""
        if type not in ("text", "bytes"):
            raise InvalidMessage(
                f'only a "text" or a "bytes" message can be fragmented, not {type!r} '
                f"(RFC 6455, section 5.4)"
            )
        if isinstance(parts, (str, bytes, bytearray, memoryview)):
            raise InvalidMessage(
                f'the fragments are a list of parts, like ["Hel", "lo"], not one '
                f"{parts.__class__.__name__}"
            )
        encoded = [encode_bytes(part) for part in parts]
        if not encoded:
            raise InvalidMessage("a message has at least one fragment, which may be empty")
        self._check_data("message")
        first = TEXT if type == "text" else BINARY
        last = len(encoded) - 1
        return [
            (first if index == 0 else CONTINUATION, payload, index == last)
            for index, payload in enumerate(encoded)
        ]

    def _close_arguments(self, code: object, reason: str | None) -> tuple[int | None, str]:
        arguments = encode_close(code, reason)
        self._check_open("close")
        return arguments

    def _still(self, timeout: float | None) -> WaitTimeout:
        return WaitTimeout(
            f"the connection is still {self.state} after {timeout:g} s; "
            f"send_close() starts the closing handshake"
        )

    def _no_message(self, timeout: float | None) -> WaitTimeout:
        return WaitTimeout(
            f"no message came within {timeout:g} s; wait longer with recv(timeout=...), "
            f"or look at what did come with print(socket.log)"
        )


def serialize_for_many(type: str, value: object) -> tuple[bytes, int, bytes]:
    """Return one unmasked frame for many connections of a server, its opcode and its payload."""
    if check_type(type) == "close":
        raise InvalidMessage(
            "a close is not broadcast: it belongs to one connection; "
            "for socket in server.connections: socket.send_close(1000)"
        )
    opcode, payload = payloads.encode(type, value)
    return encode(opcode, payload), opcode, payload
