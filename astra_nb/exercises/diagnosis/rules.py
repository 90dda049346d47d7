"""From evidence to one finding: an ordered table of rules, of which the first that holds counts.

Each rule looks at facts alone, says nothing but what they show, and yields nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from astra_nb.wire.text import counted

from .difference import how_differs
from .evidence import KEPT, Error, Evidence, Handler, Wanted
from .misconceptions import Finding, Table
from .misconceptions import Misconception as M  # noqa: N817  (in every line below)

__all__ = ["RULES", "about", "diagnose"]

SHOWN_CALLS = 8
KINDS = {"nothing": "nothing", "open": "an open connection", "end": "the end of the handler"}
OF_ERRORS = {"SystemExit": M.FORBIDDEN, "NotAllowed": M.FORBIDDEN, "EndlessLoop": M.NEVER_ENDS,
             "NotOpen": M.CLOSED_TWICE, "ConnectionClosed": M.SENT_TO_GONE}  # fmt: skip
# What an error means here, by its type and a part of its text; the first that fits counts.
MEANINGS: tuple[tuple[str, str, str], ...] = (
    ("OSError", "in use", "The check has its own server; it needs only the handler."),
    ("TimeoutError", "", "A client may be silent for long: recv() without a timeout waits."),
    ("Exception", "Message", "recv() gives a Message; the payload is message.value."),
    ("TypeError", "'Frame' object", "The parts of a frame are attributes: frame.payload."),
    ("UnboundLocalError", "", "A name that a function assigns to is local: write global NAME."),
    ("RuntimeError", "changed size", "It changes while a loop goes over it: go over a copy."),
    ("UnicodeDecodeError", "", "Not all bytes are UTF-8 text; pass bytes on without decode()."),
    ("AttributeError", "'NoneType' object", "What is before the dot is None: the value of an empty "
     "close, or the result of a method that changes its object, such as update()."),
)  # fmt: skip
BROKEN_OFF = {
    "refused": "The client could not take what your handler sent, and closed.",
    "dropped": "The server ended TCP without a CLOSE frame, so the client sees 1006.",
}


def diagnose(evidence: Evidence) -> Finding:
    """Return the finding of the first rule that holds, with both sides and the calls."""
    found = next(found for rule in RULES for found in rule(evidence))
    calls = evidence.handler.calls[-SHOWN_CALLS:]
    rows = tuple((c.line, str(c.said or ""), c.state.replace("done", "")) for c in calls)
    return replace(
        found,
        expected=_expected(evidence.wanted),
        came=str(evidence.came or ("" if evidence.wanted.kind in KINDS else "nothing")),
        tables=(Table("What the handler called", ("line", "message", ""), rows),) if rows else (),
    )


def about(error: Error, whose: str) -> Finding:
    """Return what to say of an error of a student's code."""
    kind = next((OF_ERRORS[each] for each in error.kinds if each in OF_ERRORS), M.RAISED)
    did = f"tried to {error.text}" if "NotAllowed" in error.kinds else f"raised {error}"
    at = f", at {error.line}" if error.line else ""
    fits = (says for type, part, says in MEANINGS if type in error.kinds and part in error.text)
    return Finding(kind, f"{whose} {did}{at}.", next(fits, ""))


def out_of_turn(e: Evidence) -> Iterator[Finding]:
    """Hold when what came was sent before anything was received, or after what gets no answer."""
    taken, after, line = None, None, ""
    for call in e.handler.calls if not _is_silent(e) else ():
        if call.name == "recv":
            taken = call.said or taken
        elif (call.owner, call.said) == (e.handler.number, e.came):
            after, line = taken, call.line
    did, is_whole = f"Your handler sent {e.came}, at {line}, ", len(e.handler.calls) < KEPT
    if line and e.said and not after and not e.right and is_whole:
        yield Finding(M.TOO_EARLY, f"{did}before it received anything.")
    if line and after in e.unanswered:
        said = f"{did}after it received {after}, which must get no answer from it."
        yield Finding(M.UNASKED, said)


def failed(e: Evidence) -> Iterator[Finding]:
    """Hold for a call not awaited, or an error but that of the end; of others, when silent."""
    for handler in (e.handler, *e.others) if _is_silent(e) else (e.handler,):
        error, own = handler.error, handler is e.handler
        by_close = error and "ConnectionClosed" in error.kinds and not handler.open_at_end
        for line in (call.line for call in handler.calls if call.state == "not awaited"):
            yield Finding(M.NO_AWAIT, f"A call was never awaited: {line}.")
        if error and not (by_close and (own or not error.of_call.startswith("send"))):
            yield about(error, "Your handler" if own else "The handler of another client")


def broken_off(e: Evidence) -> Iterator[Finding]:
    if e.ended in BROKEN_OFF and e.wanted.kind != "end":
        yield Finding(M.DROPPED, BROKEN_OFF[e.ended])


def returned(e: Evidence) -> Iterator[Finding]:
    handler, what = e.handler, f" {e.handler.returned}" if e.handler.returned else ""
    if handler.ended and handler.open_at_end and handler.error is None and _is_silent(e):
        times = f"{what} after {counted(len(e.right), 'right message')}"
        yield Finding(M.RETURNED, f"Your handler returned{times}, and that closed the connection.")


def unlike(e: Evidence) -> Iterator[Finding]:
    """Hold for whatever else came."""
    wanted, came, mistakes, headline = e.wanted, e.came, dict(e.wanted.mistakes), _got(e)
    if came is None:
        return
    fits = wanted.kind in KINDS or came.type == wanted.said.type
    if wanted.kind == "close":
        kind = M.WRONG_CLOSE if fits else M.NOT_CLOSED
    elif came.type == "close":
        kind = M.CLOSED_EARLY
    elif fits and came.payload in mistakes and (came != wanted.said or wanted.any_payload):
        kind, headline = M.KNOWN_MISTAKE, mistakes[came.payload]
    elif came in e.right and len(came.payload) > 2 and not came.payload.isdigit():
        kind, headline = M.REPEATED, f"The same message came again: {came}."
    elif fits and came in e.said and wanted.said not in e.said:
        kind, headline = M.TO_ITSELF, f"What this client sent came back to it: {came}."
    elif wanted.kind in KINDS:
        kind = M.TOO_MANY
    elif not fits:
        kind = M.WRONG_TYPE
    else:
        both: Any = (came.payload, wanted.said.payload)
        if came.type == "text":
            both = (each.decode("utf-8", "replace") for each in both)
        how = how_differs(*both)
        kind, headline = M.WRONG_VALUE, f"The payload is not as expected: {how}."
    yield Finding(kind, headline, wanted.why)


def silent(e: Evidence) -> Iterator[Finding]:
    """Hold when nothing came: for a handler that is stuck, or for what is missing."""
    headline, at = _got(e), _place(e.handler, "Your handler")
    if e.came is not None:
        return
    if e.wanted.kind == "end":
        said = f"The connection has ended, and your handler did not end with it.{at}"
        yield Finding(M.NEVER_ENDS, said)
    for handler in (e.handler, *e.others):
        if not handler.is_idle and (handler.waits or handler.busy_at):
            whose = "Your handler" if handler is e.handler else "Another handler"
            yield Finding(M.STUCK, f"{headline}{_place(handler, whose)}")
    if e.wanted.kind == "close":
        kind = M.NOT_CLOSED
    elif e.others_said:
        kind = M.NOT_PASSED_ON
    elif not e.said:
        kind = M.NOTHING_YET
    else:
        kind = M.NOTHING
        if not e.answers:
            again = " It had sent the same before." if e.said[-1] in e.said[:-1] else ""
            headline = f"No answer came to {e.said[-1]}.{again}"
    yield Finding(kind, f"{headline}{at}", e.wanted.why)


def _got(e: Evidence) -> str:
    return f"The client got {e.came or 'nothing'} where {_expected(e.wanted)} was expected."


def _expected(wanted: Wanted) -> str:
    any_payload = wanted.any_payload and wanted.kind == "message"  # a close is shown by its code
    said = f"{wanted.said.type} (any payload)" if any_payload else str(wanted.said)
    return KINDS.get(wanted.kind, said)


def _place(handler: Handler, whose: str) -> str:
    """Return where a handler stands, as a sentence; "" where that is not known."""
    line = handler.waits[-1].line if handler.waits else handler.busy_at
    return f" {whose} is still at {line}." if line else ""


def _is_silent(e: Evidence) -> bool:
    return e.came is None or e.came.type == "close"


RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    out_of_turn, failed, broken_off, returned, unlike, silent,
)  # fmt: skip
