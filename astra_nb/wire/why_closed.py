"""Reason of a closed connection, as a sentence: which end closed, how, with which codes."""

from __future__ import annotations

from http import HTTPStatus

from . import close_codes
from .messages import CloseFrame, Side, other_end
from .text import visible

__all__ = ["describe_close", "why_closed"]

LONGEST = 300  # characters of a reason or a detail
EMPTY = 1005
SILENT_ENDS = {
    "closed": "the TCP connection was closed",
    "dropped by server": "the server dropped the TCP connection",
    "dropped by client": "the client dropped the TCP connection",
    "reset": "the TCP connection was reset",
    "timeout": "time ran out, and the {side} ended the TCP connection",
}


def why_closed(
    *,
    side: Side,
    first: str = "",
    sent: CloseFrame | None = None,
    received: CloseFrame | None = None,
    tcp: str = "closed",
    status: int | None = None,
    detail: str = "",
) -> str:
    """Return why a connection closed, as a sentence.

    Args:
        side: The end that reports.
        first: The end that sent the first CLOSE frame; "" when there was none.
        sent: The close that `side` sent; code 1005 stands for an empty frame.
        received: The close that it received.
        tcp: How TCP ended: "closed", "dropped by server", "dropped by client", "reset", "timeout".
        status: HTTP status code when the opening handshake was refused.
        detail: The rule that was broken, when one was.
    """
    if status is not None:
        sentence = f"The opening handshake ended with HTTP status {status}{status_name(status)}"
        section = "4.2.2"
    elif sent is None and received is None:
        sentence = (
            f"{capitalised(end_of_tcp(tcp, side))} without a CLOSE frame, "
            f"so the {side} reports {describe_code(1006)}"
        )
        section = "7.1.5"
    else:
        sentence, section = closing_handshake(side, first, sent, received, tcp, bool(detail))
    why = f" {capitalised(visible(detail, LONGEST)).rstrip('.')}." if detail else ""
    return f"{sentence} (RFC 6455, section {section}).{why}"


def closing_handshake(
    side: Side,
    first: str,
    sent: CloseFrame | None,
    received: CloseFrame | None,
    tcp: str,
    failed: bool,
) -> tuple[str, str]:
    closes = {side: sent, other_end(side): received}
    opener: Side = "server" if first == "server" else "client" if first == "client" else side
    if closes[opener] is None:
        opener = other_end(opener)
    answerer = other_end(opener)
    opening, answer = closes[opener], closes[answerer]
    assert opening is not None
    sentence = f"The {opener} closed first with {describe_close(opening)}; "
    if answer is not None:
        sentence += f"the {answerer} answered with {describe_close(answer)}"
        if tcp != "closed":
            sentence += f", and then {end_of_tcp(tcp, side)}"
        return sentence, "7.1.2"
    if failed and received is None:
        # It may be in the log: an end that fails a connection does not read on (section 7.1.7).
        sentence += f"after that it read no CLOSE frame from the {answerer}"
        if tcp != "closed":
            sentence += f", and {end_of_tcp(tcp, side)}"
        return f"{sentence}, so the {side} reports {describe_code(1006)}", "7.1.7"
    if tcp == "closed":
        sentence += f"the {answerer} did not answer with a CLOSE frame"
    elif tcp == f"dropped by {answerer}":
        sentence += f"{end_of_tcp(tcp, side)} instead of answering with a CLOSE frame"
    else:
        sentence += f"{end_of_tcp(tcp, side)} before the {answerer} answered with a CLOSE frame"
    if received is None:
        return f"{sentence}, so the {side} reports {describe_code(1006)}", "7.1.5"
    return sentence, "7.1.2"


def describe_close(close: CloseFrame) -> str:
    """Return the code, its name and the reason of a CLOSE frame, or that it was empty."""
    if close.code == EMPTY:
        return f"an empty CLOSE frame, which is reported as {describe_code(EMPTY)}"
    reason = f', reason "{visible(close.reason, LONGEST)}"' if close.reason else ""
    return f"{describe_code(close.code)}{reason}"


def describe_code(code: int) -> str:
    return f"{code} ({close_codes.name(code)})"


def end_of_tcp(tcp: str, side: Side) -> str:
    return SILENT_ENDS[tcp].format(side=side)


def status_name(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
