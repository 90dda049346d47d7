"""How a connection ended, put together from what both ends did. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from websockets.frames import Close
from websockets.protocol import Protocol, State

from astra_nb.wire.messages import CloseFrame, Side

__all__ = ["Ending", "close_frame"]


@dataclass(slots=True)
class Ending:
    """What the protocol does not know of a connection's end.

    Attributes:
        tcp: How TCP ended, where that was not the usual way; see `ClosedRecord`.
        status: HTTP status code of a refused opening handshake.
        refusal: Why the connection was failed, where the receiver did not say.
        failed: Sent because the connection was failed, instead of what the protocol sent.
        answered: Sent as the answer to a CLOSE frame, instead of what the protocol sent.
        unanswered: TCP ended before the answer to a CLOSE frame was sent.
    """

    tcp: str = ""
    status: int | None = None
    refusal: str = ""
    failed: CloseFrame | None = None
    answered: CloseFrame | None = None
    unanswered: bool = False

    def facts(self, protocol: Protocol, side: Side, refusal: str) -> dict[str, Any]:
        """Give the fields of a `ClosedRecord`, as far as they are known by now.

        Args:
            protocol: Of the end that keeps the log.
            side: Which end that is.
            refusal: Why it has failed the connection; "" when it has not.
        """
        peer: Side = "client" if side == "server" else "server"
        received = None if self.failed else close_frame(protocol.close_rcvd)
        sent = self.failed or self.answered or close_frame(protocol.close_sent)
        if self.unanswered:
            sent = None
        first: Side | Literal[""]
        if protocol.close_rcvd_then_sent and self.failed is None:
            first = peer
        else:
            first = side if sent else peer if received else ""
        tcp = self.tcp
        if not tcp:
            told = received is not None or refusal or self.status is not None
            dropped = not told and protocol.state is State.CLOSED
            tcp = f"dropped by {peer}" if dropped else "closed"
        return {
            "first": first,
            "sent": sent,
            "received": received,
            "tcp": tcp,
            "status": self.status,
            "detail": refusal,
        }


def close_frame(close: Close | None) -> CloseFrame | None:
    """Give what `websockets` says of a CLOSE frame as ours."""
    return None if close is None else CloseFrame(int(close.code), close.reason)
