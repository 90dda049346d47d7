"""The phases of a connection, and the facts of how it ended: all that changes them is here.

Pure: no I/O, no clock. A `Connection` tells what happened; `ClosingState` says what that means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from astra_nb.errors import ConnectionClosed
from astra_nb.wire.messages import CloseFrame, Side
from astra_nb.wire.why_closed import why_closed

__all__ = ["EMPTY", "TRANSITIONS", "ClosingState", "Last", "Phase", "close_payload", "parse_close"]

EMPTY = 1005  # stands for a CLOSE frame without a code (RFC 6455, section 7.1.5)


class Phase(Enum):
    """The phase in which one end of a connection is.

    RFC 6455 names three states after the opening handshake. ANSWERING is part of its CLOSING: the
    peer's last frame has come, and this end still sends what a handler answers to earlier ones.
    """

    HANDSHAKING = "handshaking"
    OPEN = "open"
    ANSWERING = "answering"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Last:
    """The frame after which nothing more is read: a CLOSE frame, or one that breaks a rule."""

    close: CloseFrame | None  # with code 1005 when it is empty; None when it was another frame
    # Payload of the CLOSE frame that this end owes for it (RFC 6455, sections 5.5.1 and 7.1.7), if
    # it has not sent one.
    answer: bytes
    refusal: str = ""  # why the connection has to be failed; "" for a CLOSE frame
    close_fault: str = ""  # what is wrong in a CLOSE frame that was refused for what it holds


# Each step that there is, and the sentence of RFC 6455 that it obeys.
TRANSITIONS: dict[tuple[Phase, Phase], str] = {
    (Phase.HANDSHAKING, Phase.OPEN): (
        "4.2.2: This completes the server's handshake. If the server finishes these steps without "
        "aborting the WebSocket handshake, the server considers the WebSocket connection to be "
        "established and that the WebSocket connection is in the OPEN state."
    ),
    (Phase.HANDSHAKING, Phase.CLOSING): (
        "4.2.2: If the server does not wish to accept this connection, it MUST return an "
        "appropriate HTTP error code (e.g., 403 Forbidden) and abort the WebSocket handshake "
        "described in this section."
    ),
    (Phase.HANDSHAKING, Phase.CLOSED): (
        "4.1: If the connection could not be opened, either because a direct connection failed or "
        "because any proxy used returned an error, then the client MUST _Fail the WebSocket "
        "Connection_ and abort the connection attempt."
    ),
    (Phase.OPEN, Phase.ANSWERING): (
        "5.5.1: An endpoint MAY delay sending a Close frame until its current message is sent."
    ),
    (Phase.OPEN, Phase.CLOSING): (
        "7.1.3: Upon either sending or receiving a Close control frame, it is said that _The "
        "WebSocket Closing Handshake is Started_ and that the WebSocket connection is in the "
        "CLOSING state."
    ),
    (Phase.ANSWERING, Phase.CLOSING): (
        "5.5.1: If an endpoint receives a Close frame and did not previously send a Close frame, "
        "the endpoint MUST send a Close frame in response."
    ),
    (Phase.OPEN, Phase.CLOSED): (
        "7.1.5: If _The WebSocket Connection is Closed_ and no Close control frame was received "
        "by the endpoint (such as could occur if the underlying transport connection is lost), "
        "_The WebSocket Connection Close Code_ is considered to be 1006."
    ),
    (Phase.CLOSING, Phase.CLOSED): (
        "7.1.4: If the TCP connection was closed after the WebSocket closing handshake was "
        "completed, the WebSocket connection is said to have been closed _cleanly_."
    ),
}

# Frames may be sent in these.
SENDING = (Phase.OPEN, Phase.ANSWERING)


@dataclass(slots=True)
class ClosingState:
    """The phase of one end, and what will be on record about its end."""

    side: Side
    phase: Phase = Phase.HANDSHAKING  # set by `enter` only
    is_open: bool = field(default=False, init=False)  # whether frames may be sent
    # What `recv()` and `send()` raise from now on; None while messages may still come.
    error: ConnectionClosed | None = field(default=None, init=False)
    # The fields of a `ClosedRecord`.
    sent: CloseFrame | None = None
    received: CloseFrame | None = None
    first: Side | Literal[""] = ""  # the end whose CLOSE frame was the first; "" before one
    tcp: str = ""  # how TCP ended, where that was not the usual way
    status: int | None = None  # of a refused opening handshake
    detail: str = ""  # why this end has failed the connection; "" when it has not
    sent_fault: str = ""  # what is wrong in the CLOSE frame that this end has sent
    received_fault: str = ""

    @property
    def peer(self) -> Side:
        """The other end."""
        return "client" if self.side == "server" else "server"

    def enter(self, phase: Phase) -> None:
        """Go on to another phase, by a step of the table; does nothing when it is this one."""
        if phase is self.phase:
            return
        if (self.phase, phase) not in TRANSITIONS:
            raise RuntimeError(f"a connection that is {self.phase.value} is never {phase.value}")
        self.phase = phase
        self.is_open = phase in SENDING

    def close_sent(self, close: CloseFrame, fault: str = "") -> None:
        """Note that this end has sent a CLOSE frame; the first one counts."""
        if self.sent is None:
            self.sent, self.sent_fault = close, fault
        self.first = self.first or self.side

    def close_received(self, close: CloseFrame | None, fault: str = "") -> None:
        """Note that the peer has sent a CLOSE frame; None for one that was refused."""
        self.received, self.received_fault = close, fault
        self.first = self.first or self.peer

    def failed(self, detail: str) -> None:
        """Note why this end fails the connection (RFC 6455, section 7.1.7)."""
        self.detail = self.detail or detail

    def tcp_ended(self, how: str) -> None:
        """Note how TCP ended; the first cause counts."""
        self.tcp = self.tcp or how

    @property
    def has_ended(self) -> bool:
        """Whether TCP has ended."""
        return self.phase is Phase.CLOSED

    def facts(self) -> dict[str, Any]:
        """Return the fields of a `ClosedRecord`, as far as they are known by now."""
        is_told = self.received is not None or self.detail or self.status is not None
        silent = self.has_ended and not is_told
        return {
            "first": self.first,
            "sent": self.sent,
            "received": self.received,
            "tcp": self.tcp or (f"dropped by {self.peer}" if silent else "closed"),
            "status": self.status,
            "detail": self.detail,
            "sent_fault": self.sent_fault,
            "received_fault": self.received_fault,
        }

    def settle(self) -> ConnectionClosed:
        """Return the error that tells how the connection ended; it does not change any more."""
        if self.error is None:
            facts = self.facts()
            self.error = ConnectionClosed(
                why_closed(side=self.side, **facts),
                sent=self.sent,
                received=self.received,
                first=self.first,
            )
        return self.error


def close_payload(close: CloseFrame) -> bytes:
    """Return the payload of a CLOSE frame (RFC 6455, section 5.5.1)."""
    return b"" if close.code == EMPTY else close.code.to_bytes(2, "big") + close.reason.encode()


def parse_close(payload: bytes) -> CloseFrame:
    """Return what the payload of a valid CLOSE frame says."""
    if not payload:
        return CloseFrame(EMPTY)
    return CloseFrame(int.from_bytes(payload[:2], "big"), payload[2:].decode())
