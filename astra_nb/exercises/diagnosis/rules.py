"""From evidence to one finding: an ordered table of rules, of which the first that holds counts.

Each rule looks at facts alone, says nothing but what they show, and yields nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from astra_nb.wire.text import counted

from .difference import how_differs
from .errors import advice_on
from .evidence import Error, Evidence, Said
from .misconceptions import Finding, Table
from .misconceptions import Misconception as M  # noqa: N817  (in every line below)

__all__ = ["RULES", "about", "diagnose"]

SHOWN_CALLS = 8
KINDS = {"nothing": "nothing", "open": "an open connection", "end": "the end of the handler"}
OF_ERRORS = {"SystemExit": M.FORBIDDEN, "NotAllowed": M.FORBIDDEN, "EndlessLoop": M.NEVER_ENDS,
             "NotOpen": M.CLOSED_TWICE, "ConnectionClosed": M.SENT_TO_GONE,
             "AddressInUse": M.OWN_SERVER}  # fmt: skip
OF_MESSAGES = {M.NOTHING, M.NOTHING_YET, M.NOT_PASSED_ON, M.TO_ITSELF, M.TOO_MANY, M.REPEATED,
               M.WRONG_TYPE, M.WRONG_VALUE}  # fmt: skip

Rule = Callable[[Evidence], Iterator[Finding]]


def diagnose(evidence: Evidence) -> Finding:
    """Return the finding of the first rule that holds, with both sides and the calls."""
    wanted, calls = evidence.wanted, evidence.handler.calls[-SHOWN_CALLS:]
    found = next(found for rule in RULES for found in rule(evidence))
    why = wanted.why if found.misconception in OF_MESSAGES else ""
    any_payload = wanted.any_payload and wanted.kind == "message"  # a close is shown by its code
    said = f"{wanted.said.type} (any payload)" if any_payload else str(wanted.said)
    rows = tuple((c.line, str(c.said or ""), c.state.replace("done", "")) for c in calls)
    table = Table("What the handler called", ("line", "message", ""), rows)
    return replace(
        found,
        advice=found.advice or why or found.misconception.advice,
        expected=KINDS.get(wanted.kind, said),
        came=str(evidence.came or "" if wanted.kind in KINDS else evidence.came or "nothing"),
        tables=(table,) if rows else (),
    )


def out_of_turn(e: Evidence) -> Iterator[Finding]:
    """Hold when what came was sent before anything was received, or after what gets no answer."""
    calls, own = e.handler.calls, e.handler.number
    sent = [i for i, call in enumerate(calls) if (call.owner, call.said) == (own, e.came)]
    sent = [i for i in sent if calls[i].name != "recv" and e.came and e.came.type != "close"]
    for mine in sent[: e.right.count(e.came) + 1][-1:]:
        taken = [call.said for call in calls[:mine] if call.name == "recv" and call.said]
        did = f"Your handler sent {e.came}, at {calls[mine].line}, "
        if e.said and not taken and not e.right:
            yield Finding(M.TOO_EARLY, f"{did}before it received anything.")
        elif taken and taken[-1] in e.unanswered:
            said = f"{did}after it received {taken[-1]}, which must get no answer from it."
            yield Finding(M.UNASKED, said)


def raised(e: Evidence) -> Iterator[Finding]:
    """Hold for an error that is not just the end of the connection; of others, when silent."""
    for handler in (e.handler, *e.others) if _is_silent(e) else (e.handler,):
        error, own = handler.error, handler is e.handler
        by_close = error and "ConnectionClosed" in error.kinds and not handler.open_at_end
        if error and not (by_close and (own or not error.of_call.startswith("send"))):
            yield about(error, "Your handler" if own else "The handler of another client")


def about(error: Error, whose: str) -> Finding:
    """Return what to say of an error of a student's code."""
    kind = next((OF_ERRORS[each] for each in error.kinds if each in OF_ERRORS), M.RAISED)
    if kind is M.SENT_TO_GONE and error.of_call in ("", "recv", "send_close"):
        kind = M.RAISED
    did = f"tried to {error.text}" if "NotAllowed" in error.kinds else f"raised {error}"
    at = f", at {error.line}" if error.line else ""
    return Finding(kind, f"{whose} {did}{at}.", advice_on(error))


def broken_off(e: Evidence) -> Iterator[Finding]:
    if e.ended == "refused":
        yield Finding(M.DROPPED, "The client could not take what your handler sent, and closed.")
    if e.ended == "dropped" and e.wanted.kind != "end":
        said = "The server ended the TCP connection without a CLOSE frame, so the client sees 1006."
        yield Finding(M.DROPPED, said)


def not_awaited(e: Evidence) -> Iterator[Finding]:
    for handler in (e.handler, *e.others) if _is_silent(e) else ():
        if call := handler.last("not awaited"):
            yield Finding(M.NO_AWAIT, f"A call was never awaited: {call.line}.")


def returned(e: Evidence) -> Iterator[Finding]:
    h = e.handler
    if h.ended and h.open_at_end and h.error is None and _is_close(e.came):
        what = f" {h.returned}" if h.returned else ""
        times = f" after {counted(len(e.right), 'right message')}" if e.right else ""
        last = f" Its last call was {h.calls[-1].line}." if h.calls else ""
        said = f"Your handler returned{what}{times}, and that closed the connection.{last}"
        yield Finding(M.RETURNED, said)


def never_ends(e: Evidence) -> Iterator[Finding]:
    if e.wanted.kind == "end" and e.came is None:
        call, busy = e.handler.last("waits"), e.handler.busy_at
        at = f": it still waits in {call.line}" if call else busy and f": it is still at {busy}"
        said = f"The connection has ended, and your handler did not end with it{at}."
        yield Finding(M.NEVER_ENDS, said)


def wrong_close(e: Evidence) -> Iterator[Finding]:
    """Hold for a close where none was expected, and for anything but the one that was."""
    wanted, came = e.wanted.said, e.came
    if e.wanted.kind != "close":
        answer = e.wanted.kind == "message"
        what = "where an answer was expected" if answer else "but the client had not closed"
        if _is_close(came) and e.wanted.kind != "end":
            yield Finding(M.CLOSED_EARLY, f"{_capital(came)} came, {what}.")
    elif came is None or came.type != "close":
        said = f"{_capital(came or 'nothing')} came where {wanted} was expected."
        yield Finding(M.NOT_CLOSED, said)
    elif came.code != wanted.code:
        yield Finding(M.WRONG_CLOSE, f"{_capital(came)} came; {wanted} would fit what was sent.")
    else:
        how = how_differs(came.reason, wanted.reason)
        yield Finding(M.WRONG_CLOSE, f"The code is right, but the reason is not: {how}.")


def known(e: Evidence) -> Iterator[Finding]:
    """Hold for what is known to be wrong, and never for the right message."""
    is_right = e.came == e.wanted.said and not e.wanted.any_payload
    for payload, said in e.wanted.mistakes if not is_right else ():
        if e.came == Said(e.wanted.said.type, payload):
            yield Finding(M.KNOWN_MISTAKE, said)


def came_before(e: Evidence) -> Iterator[Finding]:
    is_telling = e.came and len(e.came.payload) > 2 and not e.came.payload.isdigit()
    if is_telling and e.came in e.right:
        yield Finding(M.REPEATED, f"{_capital(e.came)} came again.")
    fits = e.came and (e.wanted.kind in KINDS or e.came.type == e.wanted.said.type)
    if fits and e.came in e.said and e.wanted.said not in e.said:
        yield Finding(M.TO_ITSELF, f"What this client sent came back to it: {e.came}.")


def too_many(e: Evidence) -> Iterator[Finding]:
    if e.came is not None and not _is_close(e.came) and e.wanted.kind in KINDS:
        yield Finding(M.TOO_MANY, f"One message too many: {e.came}.")


def wrong_type(e: Evidence) -> Iterator[Finding]:
    if e.came is not None and e.came.type != e.wanted.said.type:
        one, other = (t if t == "bytes" else f"a {t}" for t in (e.came.type, e.wanted.said.type))
        yield Finding(M.WRONG_TYPE, f"{_capital(one)} came where {other} was expected.")


def wrong_value(e: Evidence) -> Iterator[Finding]:
    if e.came is not None:
        both = (e.came.payload, e.wanted.said.payload)
        texts = (each.decode("utf-8", "surrogateescape") for each in both)
        how = how_differs(*(texts if e.came.type == "text" else both))
        yield Finding(M.WRONG_VALUE, f"The payload is not as expected: {how}.")


def stuck(e: Evidence) -> Iterator[Finding]:
    for handler in (e.handler, *e.others):
        whose = "Your handler" if handler is e.handler else "Another handler"
        call = handler.last("waits")
        if call and (call.name != "recv" or call.owner != handler.number):
            yield Finding(M.STUCK, f"{whose} waits at {call.line}, and nothing came here.")
        elif not call and handler.busy_at:
            yield Finding(M.STUCK, f"{whose} is still at {handler.busy_at}.")


def nothing(e: Evidence) -> Iterator[Finding]:
    call = e.handler.last("waits")
    at = f" Your handler waits at {call.line}." if call else ""
    if e.others_said:
        yield Finding(M.NOT_PASSED_ON, f"Nothing came here.{at}")
    if not e.said:
        said = f"Nothing came, and the client has not said anything yet.{at}"
        yield Finding(M.NOTHING_YET, said)
    again = " It had sent the same before." if e.said[-1] in e.said[:-1] else ""
    missing = "Nothing more came." if e.answers else f"No answer came to {e.said[-1]}."
    yield Finding(M.NOTHING, f"{missing}{again}{at}")


def _is_close(said: Said | None) -> bool:
    return said is not None and said.type == "close"


def _is_silent(e: Evidence) -> bool:
    return e.came is None or _is_close(e.came)


def _capital(said: Said | str | None) -> str:
    return f"{str(said)[:1].upper()}{str(said)[1:]}"


RULES: tuple[Rule, ...] = (
    out_of_turn, raised, broken_off, not_awaited, returned, never_ends, wrong_close, known,
    came_before, too_many, wrong_type, wrong_value, stuck, nothing,
)  # fmt: skip
