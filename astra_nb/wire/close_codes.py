"""Close codes: what each means, which end may send it, and which are never on the wire.

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
    "name",
    "range_of",
    "why_not_sent",
]

MaySend = Literal["either", "client", "server", "never"]


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A row of the table.

    Attributes:
        code: The number.
        name: Its name in the IANA registry, in lower case but for acronyms.
        meaning: Its meaning, as one sentence.
        may_send: The end that puts it into a CLOSE frame: "either", "client", "server" or "never".
            A code for one end only is a convention: the other end does not refuse it.
        how: What to call to send it, or what makes an endpoint report it.
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
        meaning: Who defines its codes, as one sentence.
        code_name: What a code of it is called that is not in the table.
    """

    first: int
    last: int
    name: str
    meaning: str
    code_name: str


RFC_CODES = "RFC 6455, section 7.4.1"
RFC_RANGES = "RFC 6455, section 7.4.2"
IANA = "IANA WebSocket Close Code Number Registry"


def sent(
    code: int,
    name: str,
    meaning: str,
    also: str = "",
    may_send: MaySend = "either",
    reference: str = RFC_CODES,
) -> CloseCode:
    return CloseCode(code, name, meaning, may_send, f"send_close({code}){also}", reference)


def reported(code: int, name: str, meaning: str, how: str) -> CloseCode:
    return CloseCode(code, name, meaning, "never", how, RFC_CODES)


ROWS = (
    sent(1000, "normal closure", "The connection has done what it was opened for."),
    sent(1001, "going away",
        "This end is going away: the server is shutting down, or the user left the page.",
        "; also what server.shutdown() sends, and a browser whose user leaves the page"),
    sent(1002, "protocol error",
        "The other end broke a rule of the protocol.",
        "; also the answer to a broken frame, such as a reserved opcode"),
    sent(1003, "unsupported data",
        "The message has a type that this end cannot use, such as bytes where text is expected."),
    reported(1004, "reserved",
        "This code has no meaning yet.",
        "no endpoint sends or reports it; a meaning may be given to it later"),
    reported(1005, "no status received",
        "The CLOSE frame held no close code.",
        "send_close() sends a CLOSE frame without a code, and the other end reports 1005"),
    reported(1006, "abnormal closure",
        "The connection ended without a CLOSE frame.",
        "drop() ends the TCP connection without a CLOSE frame, and the other end reports 1006"),
    sent(1007, "invalid frame payload data",
        "The payload does not fit its type, such as text that is not UTF-8.",
        "; also the answer to a text message that is not UTF-8"),
    sent(1008, "policy violation",
        "The message broke a rule of the application, and no other code fits better."),
    sent(1009, "message too big",
        "The message is longer than this end accepts.",
        "; also the answer to a message over max_message_size"),
    sent(1010, "mandatory extension",
        "The client needs an extension that the server did not agree to.",
        " from a client; a server refuses the opening handshake instead",
        may_send="client"),
    sent(1011, "internal error",
        "This end met a condition that it did not expect, such as an error in a handler.",
        "; also what is sent when a handler raises",
        reference=f"{RFC_CODES}, with erratum 3227"),
    sent(1012, "service restart",
        "The service restarts; the client may come back after a short random wait.",
        " from a server",
        may_send="server", reference=IANA),
    sent(1013, "try again later",
        "The service is overloaded; the client may come back later, or go to another address.",
        " from a server",
        may_send="server", reference=IANA),
    sent(1014, "bad gateway",
        "The server is a gateway, and the server behind it gave an invalid answer.",
        " from a gateway",
        may_send="server", reference=IANA),
    reported(1015, "TLS handshake",
        "The TLS handshake failed, so there never was a WebSocket connection.",
        "a client reports it when a wss:// address has, for example, an invalid certificate"),
    sent(3000, "unauthorized",
        "The client must say who it is before it may use this service.",
        reference=IANA),
    sent(3003, "forbidden", "The client is known, but is not allowed to use this "
    "service.", reference=IANA),
    sent(3008, "timeout", "The other end took too long.", reference=IANA),
)  # fmt: skip

CLOSE_CODES: Mapping[int, CloseCode] = MappingProxyType({row.code: row for row in ROWS})

NOT_A_CODE = "not a close code"
RANGES = (
    CodeRange(0, 999, "not used", "These numbers are not close codes.", NOT_A_CODE),
    CodeRange(1000, 2999, "protocol",
        "The protocol, its later versions and extensions define these.", "not assigned"),
    CodeRange(3000, 3999, "libraries",
        "Libraries, frameworks and applications use these and register them with IANA.",
        "library code"),
    CodeRange(4000, 4999, "private",
        "Both ends agree on these between themselves; nobody registers them.", "private code"),
)  # fmt: skip

# What to do instead of sending those codes of the table that are never sent.
INSTEAD = {
    1004: "it is reserved and has no meaning; send_close(1000) closes normally",
    1005: "it is what an endpoint reports for a CLOSE frame without a code; "
        "call send_close() for that",
    1006: "it is what an endpoint reports when the connection ended without a CLOSE frame; "
        "call drop() for that",
    1015: "it is what an endpoint reports when the TLS handshake failed; "
        "no call makes one fail, and send_close(1008) refuses a client",
}  # fmt: skip
ALLOWED = "send 1000 to 1003, 1007 to 1014, or one of your own from 4000 to 4999"


def name(code: int) -> str:
    """Return the name of a close code in the table, or one for the codes of its range.

    A code below 1000 or above 4999 is "not a close code".
    """
    row = CLOSE_CODES.get(code)
    if row is not None:
        return row.name
    part = range_of(code)
    return NOT_A_CODE if part is None else part.code_name


def range_of(code: int) -> CodeRange | None:
    """Return the range of a close code; None below 0 and above 4999."""
    return next((row for row in RANGES if row.first <= code <= row.last), None)


def is_valid_on_wire(code: int) -> bool:
    """Return whether an endpoint may put a close code into a CLOSE frame.

    An endpoint that receives another one fails the connection with 1002.
    """
    row = CLOSE_CODES.get(code)
    return 3000 <= code <= 4999 if row is None else row.may_send != "never"


def why_not_sent(code: int) -> str:
    """Return why a close code must not be sent, and what to do instead; "" when it may be.

    A code that is meant for one end only, such as 1010 for a client, is not refused.
    """
    if is_valid_on_wire(code):
        return ""
    if code in INSTEAD:
        return f"close code {code} is never put on the wire: {INSTEAD[code]} ({RFC_CODES})"
    if 1000 <= code <= 2999:
        return f"close code {code} has no assigned meaning; {ALLOWED} ({RFC_RANGES})"
    where = "begin at 1000" if code < 1000 else "end at 4999"
    return f"{integer_text(code)} is not a close code: the codes {where}; {ALLOWED} ({RFC_RANGES})"


def integer_text(number: int) -> str:
    """Return a number as text; str() refuses numbers with thousands of digits."""
    return str(number) if number.bit_length() <= 128 else f"a number of {number.bit_length()} bits"
