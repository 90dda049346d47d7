"""Records of the opening handshakes that others recorded, with their secrets hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from astra_nb.log.records import Direction, HandshakeRecord, OpenedRecord, Side, handshake_record
from astra_nb.wire.handshake import parse_head
from astra_nb.wire.redaction import Redactor, redact_path

__all__ = ["SIDE", "Handshake", "direction_of", "field", "names_of"]

# A recording of others has no end that keeps it; it is read as if the client did.
SIDE: Side = "client"


def direction_of(sender: Side) -> Direction:
    """Return the direction of what an end sent, seen from the end that keeps the log."""
    return "sent" if sender == SIDE else "received"


@dataclass(eq=False)
class Handshake:
    """The opening handshake of one connection. Numbers of its records are given later."""

    connection: int
    peer: str  # the server's address
    path: str = ""
    redactor: Redactor = dataclass_field(default_factory=Redactor)

    def head(self, sender: Side, head: bytes, time: float) -> HandshakeRecord:
        """Return the record of a request or a response."""
        if sender == "client":
            self.path = redact_path(parse_head(head)[0].partition(" ")[2].rpartition(" ")[0])
        return handshake_record(
            raw=self.redactor.head(head),
            number=1,
            time=time,
            connection=self.connection,
            side=SIDE,
            direction=direction_of(sender),
        )

    def opened(self, head: bytes, time: float) -> OpenedRecord:
        """Return the record of the opening that a response with status 101 makes."""
        headers = parse_head(head)[1]
        return OpenedRecord(
            number=1,
            time=time,
            connection=self.connection,
            side=SIDE,
            peer=self.peer,
            path=self.path,
            subprotocol=self.redactor.agreed(field(headers, "sec-websocket-protocol") or None),
            extensions=names_of(field(headers, "sec-websocket-extensions")),
        )


def field(headers: Iterable[tuple[str, str]], name: str) -> str:
    """Return the value of a header, in lower case by name; several are joined by commas."""
    return ", ".join(value for each, value in headers if each.lower() == name)


def names_of(extensions: str) -> tuple[str, ...]:
    """Return the names in the value of Sec-WebSocket-Extensions (RFC 6455, section 9.1)."""
    names = (element.partition(";")[0].strip() for element in extensions.split(","))
    return tuple(name for name in names if name)
