"""The close codes: what each says, who may send it, and which are never on the wire.

The table holds RFC 6455, section 7.4.1, and what the IANA registry "WebSocket Close Code Number"
added to it; the ranges are those of section 7.4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "CLOSE_CODES",
    "RANGES",
    "CloseCode",
    "CodeRange",
    "is_valid_on_wire",
    "lookup",
    "name",
    "range_of",
    "why_not_sent",
]

MaySend = Literal["either", "client", "server", "never"]


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A close code of the table.

    Attributes:
        code: The number.
        name: Its name in the IANA registry, in lower case but for acronyms.
        meaning: What it says, as one sentence.
        may_send: Who puts it into a CLOSE frame: "either", "client", "server" or "never". A code
            for one end only is a convention: the other end does not refuse it.
        how: How it comes about: what to call, or what makes an endpoint report it.
        reference: Where it is defined.
    """

    code: int
    name: str
    meaning: str
    may_send: MaySend
    how: str
    reference: str


@dataclass(frozen=True, slots=True)
class CodeRange:
    """A range of close codes (RFC 6455, section 7.4.2).

    Attributes:
        first: The lowest code of the range.
        last: The highest code of the range.
        name: Short name.
        meaning: Whom the range is for, as one sentence.
    """

    first: int
    last: int
    name: str
    meaning: str


RFC_CODES = "RFC 6455, section 7.4.1"
RFC_RANGES = "RFC 6455, section 7.4.2"
IANA = "IANA WebSocket Close Code Number Registry"

ROWS: tuple[CloseCode, ...] = (
    CloseCode(
        1000,
        "normal closure",
        "The connection has done what it was opened for.",
        "either",
        "send_close(1000)",
        RFC_CODES,
    ),
    CloseCode(
        1001,
        "going away",
        "This end goes away: the server shuts down, or the reader left the page.",
        "either",
        "send_close(1001); also what server.shutdown() sends, and a browser that leaves a page",
        RFC_CODES,
    ),
    CloseCode(
        1002,
        "protocol error",
        "The other end broke a rule of the protocol.",
        "either",
        "send_close(1002); also the answer to a broken frame, such as a reserved opcode",
        RFC_CODES,
    ),
    CloseCode(
        1003,
        "unsupported data",
        "The message has a type that this end cannot use, such as bytes where text is meant.",
        "either",
        "send_close(1003)",
        RFC_CODES,
    ),
    CloseCode(
        1004,
        "reserved",
        "This code has no meaning yet.",
        "never",
        "no endpoint sends or reports it; a meaning may be given to it later",
        RFC_CODES,
    ),
    CloseCode(
        1005,
        "no status received",
        "The CLOSE frame held no close code.",
        "never",
        "send_close() sends a CLOSE frame without a code, and the other end reports 1005",
        RFC_CODES,
    ),
    CloseCode(
        1006,
        "abnormal closure",
        "The connection ended without a CLOSE frame.",
        "never",
        "drop() ends the TCP connection without a CLOSE frame, and the other end reports 1006",
        RFC_CODES,
    ),
    CloseCode(
        1007,
        "invalid frame payload data",
        "The payload does not fit its type, such as text that is not UTF-8.",
        "either",
        "send_close(1007); also the answer to a text message that is not UTF-8",
        RFC_CODES,
    ),
    CloseCode(
        1008,
        "policy violation",
        "The message broke a rule of the application, and no other code fits better.",
        "either",
        "send_close(1008)",
        RFC_CODES,
    ),
    CloseCode(
        1009,
        "message too big",
        "The message is longer than this end accepts.",
        "either",
        "send_close(1009); also the answer to a message over max_message_size",
        RFC_CODES,
    ),
    CloseCode(
        1010,
        "mandatory extension",
        "The client needs an extension that the server did not agree to.",
        "client",
        "send_close(1010) from a client; a server refuses the opening handshake instead",
        RFC_CODES,
    ),
    CloseCode(
        1011,
        "internal error",
        "This end met a condition that it did not expect, such as an error in a handler.",
        "either",
        "send_close(1011); also what is sent when a handler raises",
        f"{RFC_CODES}, with erratum 3227",
    ),
    CloseCode(
        1012,
        "service restart",
        "The service restarts; the client may come back after a short random wait.",
        "server",
        "send_close(1012) from a server",
        IANA,
    ),
    CloseCode(
        1013,
        "try again later",
        "The service is overloaded; the client may come back later, or go to another address.",
        "server",
        "send_close(1013) from a server",
        IANA,
    ),
    CloseCode(
        1014,
        "bad gateway",
        "The server is a gateway, and the server behind it gave an invalid answer.",
        "server",
        "send_close(1014) from a gateway",
        IANA,
    ),
    CloseCode(
        1015,
        "TLS handshake",
        "The TLS handshake failed, so that there was never a WebSocket connection.",
        "never",
        "a client reports it when a wss:// address has, for example, an invalid certificate",
        RFC_CODES,
    ),
    CloseCode(
        3000,
        "unauthorized",
        "The client must say who it is before it may use this service.",
        "either",
        "send_close(3000)",
        IANA,
    ),
    CloseCode(
        3003,
        "forbidden",
        "The client is known, and may not use this service.",
        "either",
        "send_close(3003)",
        IANA,
    ),
    CloseCode(3008, "timeout", "The other end took too long.", "either", "send_close(3008)", IANA),
)

CLOSE_CODES: Mapping[int, CloseCode] = MappingProxyType({row.code: row for row in ROWS})

RANGES: tuple[CodeRange, ...] = (
    CodeRange(0, 999, "not used", "These numbers are no close codes."),
    CodeRange(
        1000, 2999, "protocol", "The protocol, its later versions and extensions define these."
    ),
    CodeRange(
        3000,
        3999,
        "libraries",
        "Libraries, frameworks and applications use these and register them with IANA.",
    ),
    CodeRange(
        4000, 4999, "private", "Both ends agree on these between themselves; nobody registers them."
    ),
)

# The way out for those codes of the table that are never sent.
INSTEAD = {
    1004: "it is reserved and has no meaning; send_close(1000) closes normally",
    1005: (
        "it is what an endpoint reports for a CLOSE frame without a code; "
        "call send_close() for that"
    ),
    1006: (
        "it is what an endpoint reports when the connection ended without a CLOSE frame; "
        "call drop() for that"
    ),
    1015: (
        "it is what an endpoint reports when the TLS handshake failed; "
        "no call makes one fail, and send_close(1008) refuses a client"
    ),
}
ALLOWED = "send 1000 to 1003, 1007 to 1014, or one of your own from 4000 to 4999"


def lookup(code: int) -> CloseCode | None:
    """Find a close code in the table; None for one that has no row, such as 4000."""
    return CLOSE_CODES.get(code)


def name(code: int) -> str:
    """Name a close code: its name in the table, or that of its range.

    A code above 4999 is "not a close code", as are those below 1000.
    """
    row = CLOSE_CODES.get(code)
    if row is not None:
        return row.name
    if 1000 <= code <= 2999:
        return "not assigned"
    if 3000 <= code <= 3999:
        return "library code"
    if 4000 <= code <= 4999:
        return "private code"
    return "not a close code"


def range_of(code: int) -> CodeRange | None:
    """Find the range a close code lies in; None below 0 and above 4999."""
    for row in RANGES:
        if row.first <= code <= row.last:
            return row
    return None


def is_valid_on_wire(code: int) -> bool:
    """Tell whether an endpoint may put a close code into a CLOSE frame.

    An endpoint that receives another one fails the connection with 1002.
    """
    row = CLOSE_CODES.get(code)
    if row is not None:
        return row.may_send != "never"
    return 3000 <= code <= 4999


def why_not_sent(code: int) -> str:
    """Say why a close code may not be sent, and what to do instead; "" when it may be.

    A code that is meant for one end only, such as 1010 for a client, is not refused.
    """
    if is_valid_on_wire(code):
        return ""
    if code in INSTEAD:
        return f"close code {code} is never put on the wire: {INSTEAD[code]} ({RFC_CODES})"
    if 1000 <= code <= 2999:
        return f"close code {code} is not assigned to any meaning; {ALLOWED} ({RFC_RANGES})"
    where = "begin at 1000" if code < 1000 else "end at 4999"
    return f"{integer_text(code)} is no close code: the codes {where}; {ALLOWED} ({RFC_RANGES})"


def integer_text(number: int) -> str:
    # str() refuses numbers with thousands of digits.
    return str(number) if number.bit_length() <= 128 else f"a number of {number.bit_length()} bits"
