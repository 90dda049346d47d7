"""Reason of a closed connection, as a sentence: which end closed, how, with which codes."""

from __future__ import annotations

from http import HTTPStatus

from . import close_codes
from .messages import CloseFrame, Side, other_end
from .text import invalid_utf8, visible

__all__ = ["close_fault", "describe_close", "read_close", "why_closed"]

LONGEST = 300  # characters of a reason or a detail
EMPTY = 1005
FAILING = (1002, 1007)  # codes with which a CLOSE frame is refused
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
    sent_fault: str = "",
    received_fault: str = "",
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
        sent_fault: What is wrong in the CLOSE frame that `side` sent, as by `close_fault`.
        received_fault: The same of the one it received; it was refused when `received` is None.
    """
    peer = other_end(side)
    if status is not None:
        sentence = f"The opening handshake ended with HTTP status {status}{status_name(status)}"
        section = "4.2.2"
    elif sent is None and received is None and not received_fault:
        sentence = (
            f"{capitalised(end_of_tcp(tcp, side))} without a CLOSE frame, "
            f"so the {side} reports {describe_code(1006)}"
        )
        section = "7.1.5"
    else:
        closes = {side: sent, peer: received}
        faults = {side: sent_fault, peer: received_fault}
        sentence, section = closing_handshake(side, first, closes, faults, tcp, bool(detail))
        if received_fault and received_fault in detail:
            detail = ""  # the sentence has it
    why = f" {capitalised(visible(detail, LONGEST)).rstrip('.')}." if detail else ""
    return f"{sentence} (RFC 6455, section {section}).{why}"


def closing_handshake(
    side: Side,
    first: str,
    closes: dict[Side, CloseFrame | None],
    faults: dict[Side, str],
    tcp: str,
    failed: bool,
) -> tuple[str, str]:
    has_sent = [end for end in (side, other_end(side)) if closes[end] or faults[end]]
    opener = next((end for end in has_sent if end == first), has_sent[0])
    answerer = other_end(opener)
    is_refused = closes[other_end(side)] is None
    reports = f", so the {side} reports {describe_code(1006)}" if is_refused else ""
    sentence = f"The {opener} {close_told('closed first', closes[opener], faults[opener])}; "
    if answerer in has_sent:
        answer = closes[answerer]
        fails = faults[opener] and answer is not None and answer.code in FAILING
        verb = "failed the connection" if fails else "answered"
        sentence += f"the {answerer} {close_told(verb, answer, faults[answerer])}"
        if tcp != "closed":
            sentence += f", and then {end_of_tcp(tcp, side)}"
        return sentence + reports, "7.1.7" if fails or is_refused else "7.1.2"
    if failed and opener == side:
        # It may be in the log: an end that fails a connection does not read on (section 7.1.7).
        sentence += f"after that it read no CLOSE frame from the {answerer}"
        if tcp != "closed":
            sentence += f", and {end_of_tcp(tcp, side)}"
        return sentence + reports, "7.1.7"
    if tcp == "closed":
        sentence += f"the {answerer} did not answer with a CLOSE frame"
    elif tcp == f"dropped by {answerer}":
        sentence += f"{end_of_tcp(tcp, side)} instead of answering with a CLOSE frame"
    else:
        sentence += f"{end_of_tcp(tcp, side)} before the {answerer} answered with a CLOSE frame"
    return sentence + reports, "7.1.5" if is_refused else "7.1.2"


def close_told(verb: str, close: CloseFrame | None, fault: str) -> str:
    if fault or close is None:
        return f"sent a CLOSE frame with {fault}"
    return f"{verb} with {describe_close(close)}"


def read_close(payload: bytes) -> tuple[CloseFrame, str]:
    """Return what the payload of any CLOSE frame says, and what is wrong with it, if anything.

    The code is 1005 where there is none; a reason that is not UTF-8 has replacement characters.
    """
    if len(payload) < 2:
        return CloseFrame(EMPTY), close_fault(payload)
    code = int.from_bytes(payload[:2], "big")
    return CloseFrame(code, payload[2:].decode("utf-8", "replace")), close_fault(payload)


def close_fault(payload: bytes) -> str:
    """Return what in the payload of a CLOSE frame breaks a rule, with the rule's section; or "".

    It is the end of a sentence such as "The client sent a CLOSE frame with ...".
    """
    if len(payload) == 1:
        return "one byte of payload, and a close code has two (RFC 6455, section 5.5.1)"
    if not payload:
        return ""
    code = int.from_bytes(payload[:2], "big")
    if not close_codes.is_valid_on_wire(code):
        if code in close_codes.CLOSE_CODES:
            return f"{code}, which must not be sent (RFC 6455, section 7.4.1)"
        return f"{code}, which is {close_codes.name(code)} (RFC 6455, section 7.4.2)"
    broken = invalid_utf8(payload[2:])
    if broken is None:
        return ""
    where = f"at byte {broken.offset} of it, {broken.fault}"
    return f"{code} and a reason that is not UTF-8: {where} (RFC 6455, section 8.1)"


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
