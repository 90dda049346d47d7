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
from .forms import FORMS, PARTS, text_of
from .misconceptions import Finding, Side, Table
from .misconceptions import Misconception as M  # noqa: N817  (in every line below)

__all__ = ["RULES", "about", "diagnose"]

SHOWN_CALLS = 8
KINDS = {"nothing": "nothing", "open": "an open connection", "end": "the end of the handler"}

Rule = Callable[[Evidence], Iterator[Finding]]


def diagnose(evidence: Evidence) -> Finding:
    """Return the finding of the first rule that holds, with both sides and the calls."""
    wanted, came, calls = evidence.wanted, evidence.came, evidence.handler.calls[-SHOWN_CALLS:]
    found = next(found for rule in RULES for found in rule(evidence))
    expected = Side(KINDS[wanted.kind]) if wanted.kind in KINDS else _side(wanted.said)
    if wanted.any_payload:
        expected = Side(wanted.said.type, "(any payload)")
    nothing = None if wanted.kind in KINDS else Side("nothing")
    rows = tuple((c.line, str(c.said or ""), c.state.replace("done", "")) for c in calls)
    table = Table("What the handler called", ("line", "message", ""), rows)
    return replace(
        found,
        advice=found.advice or found.misconception.advice,
        expected=expected,
        came=nothing if came is None else _side(came),
        tables=(table,) if rows else (),
    )


def _side(said: Said) -> Side:
    if said.type != "close":
        return Side(said.type, said.shown)
    return Side("close", str(said).removeprefix("close ").removeprefix("a close "))


# What ended a handler, and what its connection shows of that


def raised(e: Evidence) -> Iterator[Finding]:
    error = e.handler.error
    if error and not ("ConnectionClosed" in error.kinds and not e.handler.open_at_end):
        yield about(error, "Your handler", e.wanted.kind in ("end", "nothing"))


def another_raised(e: Evidence) -> Iterator[Finding]:
    for other in e.others if _is_silent(e) else ():
        error = other.error
        if error and (
            other.open_at_end
            or "ConnectionClosed" not in error.kinds
            or error.of_call.startswith("send")
        ):
            yield about(error, "The handler of another client")


def about(error: Error, whose: str, at_close: bool = False) -> Finding:
    """Return what to say of an error of a student's code."""
    kinds, at, advice = error.kinds, f" at {error.line}" if error.line else "", ""
    comma_at = f",{at}" if at else ""
    if "SystemExit" in kinds:
        kind, did = M.EXIT, f"tried to end Python{at}"
    elif "NotAllowed" in kinds:
        kind, did = M.FORBIDDEN, f"tried to {error.text}{at}"
    elif ("OSError" in kinds and "in use" in error.text) or "AddressInUse" in kinds:
        kind, did = M.OWN_SERVER, f"started a server of its own{at}, on a port that is taken"
    elif "ConnectionClosed" in kinds:
        kind = M.OTHER_RECV if error.of_call == "recv" else M.SENT_TO_GONE
        did = f"raised {kinds[0]}{comma_at}"
    else:
        kind = M.RAISED_AT_CLOSE if at_close else M.RAISED
        kind = {"EndlessLoop": M.NEVER_ENDS, "NotOpen": M.CLOSED_TWICE}.get(kinds[0], kind)
        did, advice = f"raised {error}{comma_at}", advice_on(error)
    return Finding(kind, f"{whose} {did}.", advice)


def beside_raised(e: Evidence) -> Iterator[Finding]:
    for error in e.beside if e.came is None else ():
        said = f"A thread or task of yours ended with {error}"
        at = f", at {error.line}" if error.line else ""
        yield Finding(M.BESIDE_RAISED, f"{said}{at}.", advice_on(error))


def not_awaited(e: Evidence) -> Iterator[Finding]:
    for handler in (e.handler, *e.others) if _is_silent(e) else ():
        if call := handler.last("not awaited"):
            yield Finding(M.NO_AWAIT, f"A call was never awaited: {call.line}.")


def refused(e: Evidence) -> Iterator[Finding]:
    if e.ended == "refused":
        yield Finding(M.REFUSED, "The client could not take what your handler sent, and closed.")


def dropped(e: Evidence) -> Iterator[Finding]:
    if e.ended == "dropped" and e.wanted.kind != "end":
        called = any(call.name == "drop" for h in (e.handler, *e.others) for call in h.calls)
        said = "The server ended the TCP connection without a CLOSE frame, so the client sees 1006."
        yield Finding(M.DROPPED, said, "" if called else "Look at what your handler sent last.")


def returned(e: Evidence) -> Iterator[Finding]:
    h = e.handler
    if not (h.ended and h.open_at_end and h.error is None and _is_close(e.came)):
        return
    if e.wanted.kind == "close" and e.came is not None and e.came.code == 1000:
        said = "Your handler returned instead of closing, and the server closed with 1000."
        yield Finding(M.RETURNED_INSTEAD, said)
    if h.returned:
        said = f"Your handler returned {h.returned}, and with that it ended."
        yield Finding(M.RETURNED_VALUE, said)
    # A PONG may be the server's.
    count = sum(said.type != "pong" or bool(h.sent(said, h.number)) for said in e.right)
    times = f" after {count} right message{'s' * (count > 1)}" if count else ""
    last = f" Its last call was {h.calls[-1].line}." if h.calls else ""
    said = f"Your handler returned{times}, and that closed the connection.{last}"
    yield Finding(M.FIRST_ONLY if count == 1 else M.RETURNED, said)


def closed_others(e: Evidence) -> Iterator[Finding]:
    for call in (call for other in e.others for call in other.calls):
        closes = call.owner == e.handler.number and call.name in ("close", "send_close", "drop")
        if closes and _is_close(e.came) and e.wanted.kind != "close":
            said = f"The handler of another client closed this connection, at {call.line}."
            yield Finding(M.CLOSED_OTHERS, said)


def _with(close: Said | None) -> str:
    return str(close).replace("a close without", "without").replace("close ", "with ", 1)


def _is_close(said: Said | None) -> bool:
    return said is not None and said.type == "close"


def _is_silent(e: Evidence) -> bool:
    return e.came is None or _is_close(e.came)


# A close was expected, or none


def wrong_close(e: Evidence) -> Iterator[Finding]:
    wanted, came = e.wanted.said, e.came
    if e.wanted.kind != "close":
        answer = e.wanted.kind == "message"
        what = "where an answer was expected" if answer else "but the client had not closed"
        if _is_close(came) and e.wanted.kind != "end":
            yield Finding(M.CLOSED_EARLY, f"The connection was closed {_with(came)}, {what}.")
    elif came is None:
        yield Finding(M.NOT_CLOSED, "No close came, and nothing else did.")
    elif came.type != "close":
        if str(wanted.code).encode() in came.payload or b"clos" in came.payload.lower():
            said = f"A {came.type} message that speaks of closing came, and no CLOSE frame."
            yield Finding(M.SENT_INSTEAD, said)
        if e.ended:
            yield Finding(M.SENT_BEFORE_CLOSE, f"Before the close {came} came.")
        yield Finding(M.NOT_CLOSED, f"No close came, but {came}.")
    elif not came.payload:
        yield Finding(M.EMPTY_CLOSE, f"The CLOSE frame has no code; {wanted} was expected.")
    elif came.code != wanted.code:
        said = f"The connection was closed {_with(came)}; {wanted} would fit what came."
        yield Finding(M.WRONG_CODE, said)
    else:
        how = f"is not: {how_differs(came.reason, wanted.reason)}" if came.reason else "is missing"
        yield Finding(M.WRONG_REASON, f"The code is right, but the reason {how}.")


# Nothing more was expected


def never_ends(e: Evidence) -> Iterator[Finding]:
    if e.wanted.kind == "end" and e.came is None:
        call, busy = e.handler.last("waits"), e.handler.busy_at
        at = f": it still waits in {call.line}" if call else busy and f": it is still at {busy}"
        said = f"The connection has ended, and your handler did not end with it{at}."
        yield Finding(M.NEVER_ENDS, said)


def answered_unasked(e: Evidence) -> Iterator[Finding]:
    """Hold when what came was sent after a message that gets no answer, and before the next."""
    calls, sent = e.handler.calls, e.handler.sent(e.came, e.handler.number)
    for mine in sent[: e.right.count(e.came) + 1][-1:] if e.came else ():
        taken = [c.said for c in calls[:mine] if c.name == "recv" and c.said]
        if taken and taken[-1] in e.unanswered:
            said = (
                f"Your handler sent {e.came}, at {calls[mine].line}, after it received {taken[-1]}"
            )
            yield Finding(M.UNASKED, f"{said}, which must get no answer from it.")


def too_many(e: Evidence) -> Iterator[Finding]:
    if e.came is None or _is_close(e.came) or e.wanted.kind not in KINDS:
        return
    if e.wanted.why:
        yield Finding(M.KNOWN_MISTAKE, f"{e.wanted.why} What came is {e.came}.")
    if e.others and e.came in e.said and e.came not in e.right:
        yield Finding(M.TO_ITSELF, f"What the client sent came back to it: {e.came}.")
    what = "The answer before came again" if e.came in e.right[-1:] else "One message too many"
    yield Finding(M.TOO_MANY, f"{what}: {e.came}.")


# A message was expected, and another one came


def too_early(e: Evidence) -> Iterator[Finding]:
    calls, sent = e.handler.calls, e.handler.sent(e.came, e.handler.number)
    for first in sent[:1] if e.said and not e.right else ():
        if not any(call.name == "recv" for call in calls[:first]):
            said = f"{_capital(e.came)} was sent before the client said anything"
            yield Finding(M.TOO_EARLY, f"{said}, at {calls[first].line}.")


def known_mistake(e: Evidence) -> Iterator[Finding]:
    """Hold for what is known to be wrong, and never for the right message."""
    if e.by_heart and _is_telling(e.came):
        yield Finding(M.KNOWN_BY_HEART, f"{_capital(e.came)} was right for an earlier message.")
    is_right = e.came == e.wanted.said and not e.wanted.any_payload
    for payload, said in e.wanted.mistakes if not is_right else ():
        if e.came == Said(e.wanted.said.type, payload):
            yield Finding(M.KNOWN_MISTAKE, said)


def repeated(e: Evidence) -> Iterator[Finding]:
    if e.came is None or e.wanted.any_payload or e.came not in e.right[-1:]:
        return
    for handler in (e.handler, *e.others):
        sent = handler.sent(e.came, e.handler.number)
        between = handler.calls[sent[-2] : sent[-1]] if len(sent) > 1 else ()
        if between and not any(call.name == "recv" and call.said for call in between):
            yield Finding(M.TOO_MANY, f"The answer before came again: {e.came}.")
    said = f"{_capital(e.came)} is the same as the one before, though the message is different."
    yield Finding(M.BEHIND, said)


def wrong_type(e: Evidence) -> Iterator[Finding]:
    """Hold for another type, and before most of that for what the scenario says of any message."""
    wanted, came = e.wanted.said, e.came
    if came is None:
        return
    is_text = came.type == "text" != wanted.type
    if is_text and came.payload.startswith(b"Message("):
        yield Finding(M.WHOLE_MESSAGE, "The whole Message was sent as text.")
    if e.wanted.why:
        yield Finding(M.KNOWN_MISTAKE, e.wanted.why)
    if is_text and came.payload == repr(wanted.payload).encode():
        yield Finding(M.REPR, f"What should go as {wanted.type} came spelled out as text.")
    if {came.type, wanted.type} == {"text", "bytes"}:
        kind = M.AS_BYTES if wanted.type == "text" else M.AS_TEXT
        what = "The right payload" if came.payload == wanted.payload else "A message"
        yield Finding(kind, f"{what} came as {came.type}, not as {wanted.type}.")
    if came.type != wanted.type:
        one, other = (t if t == "bytes" else f"a {t}" for t in (came.type, wanted.type))
        yield Finding(M.WRONG_TYPE, f"{_capital(one)} came where {other} was expected.")


def another_message(e: Evidence) -> Iterator[Finding]:
    """Hold for a message that this client sent, or that is right later or was right before."""
    if e.came in e.said and e.wanted.said not in e.said:
        said = f"What this client sent came back to it as it was: {e.came}."
        yield Finding(M.TO_ITSELF if e.others_said else M.ECHOED, said)
    for messages, kind, when in ((e.later, M.AHEAD, "a later"), (e.right, M.BEHIND, "an earlier")):
        if e.came in messages and _is_telling(e.came):
            yield Finding(kind, f"{_capital(e.came)} belongs to {when} message.")


def in_pieces(e: Evidence) -> Iterator[Finding]:
    done = [call for call in e.handler.calls if call.state == "done"]
    last = max((i for i, call in enumerate(done) if call.name == "recv"), default=-1)
    sent = [call.said.payload for call in done[last + 1 :] if call.said]
    right = e.wanted.said.payload
    if e.came and right and e.came.payload != right and b"".join(sent) == right:
        yield Finding(M.IN_PIECES, f"One message was expected, but {len(sent)} came.")


def form(e: Evidence) -> Iterator[Finding]:
    """Name a payload that is the right one in another form."""
    if e.came is not None and not e.wanted.any_payload:
        came, right = text_of(e.came.payload), text_of(e.wanted.said.payload)
        for kind, of_texts, holds, said in FORMS:
            if holds(came, right) and (e.came.type == "text" or not of_texts):
                yield Finding(kind, said)


def payload(e: Evidence) -> Iterator[Finding]:
    """Find how a payload differs from the right one."""
    if e.came is not None:
        came, right = e.came.payload, e.wanted.said.payload
        is_text = e.came.type == "text"
        how = how_differs(text_of(came), text_of(right)) if is_text else how_differs(came, right)
        for kind, holds, said in PARTS if right and not right.isdigit() else ():
            if holds(came, right):
                yield Finding(kind, said.format(how=how))
        yield Finding(M.WRONG_VALUE, f"The payload is not as expected: {how}.")


# A message was expected, and nothing came


def stuck(e: Evidence) -> Iterator[Finding]:
    for handler in (e.handler, *e.others):
        whose = "Your handler" if handler is e.handler else "Another handler"
        call = handler.last("waits")
        if call is None:
            if handler.busy_at:
                yield Finding(M.STUCK, f"{whose} is still at {handler.busy_at}.")
        elif call.name != "recv":
            kind = M.SLOW_SEND if call.name.startswith("send") else M.STUCK
            said = f"{whose} waits in {call.name}(), at {call.line}, and nothing came here"
            yield Finding(kind, f"{said} meanwhile.")
        elif call.owner != handler.number:
            said = f"{whose} waits in recv() on the socket of another connection, at {call.line}."
            yield Finding(M.OTHER_RECV, said)


def nothing(e: Evidence) -> Iterator[Finding]:
    call = e.handler.last("waits")
    at = f", at {call.line}" if call else ""
    printed = " What it prints is not sent." if e.printed else ""
    if e.came is None and e.wanted.missing:
        yield Finding(M.KNOWN_MISTAKE, e.wanted.missing)
    if call and not e.said and not e.others_said:
        said = f"Nothing came. Your handler waits in recv(){at}, and the client has not said"
        yield Finding(M.NOTHING_YET, f"{said} anything yet.")
    if e.others_said and e.back and not e.elsewhere:
        said = f"{_capital(e.back[0])} got back what it had sent itself, and nothing came here."
        yield Finding(M.TO_ITSELF, said)
    if e.others_said:
        who = f" {_capital(e.elsewhere[0])} got it." if e.elsewhere else ""
        yield Finding(M.NOT_PASSED_ON, f"Nothing came here.{who}{printed}")
    to = f" to {e.said[-1]}" if e.said else ""
    waits = f" Its handler waits in recv() again{at}." if call else ""
    again = " It had sent the same before." if e.said and e.said[-1] in e.said[:-1] else ""
    missing = f"No answer came{to}.{again}"
    if e.answers:
        missing = f"After {counted(e.answers, 'right message')} nothing more came."
    yield Finding(M.NOTHING, f"{missing}{waits}{printed}")


def _is_telling(said: Said | None) -> bool:
    """Whether it is hardly right for another message by chance, as 5 and 0 are."""
    return said is not None and len(said.payload) > 2 and not said.payload.isdigit()


def _capital(said: Said | str | None) -> str:
    return f"{str(said)[:1].upper()}{str(said)[1:]}"


RULES: tuple[Rule, ...] = (
    answered_unasked, closed_others, raised, refused, not_awaited, returned, dropped,
    another_raised, never_ends, too_many, wrong_close, too_early, known_mistake, repeated,
    in_pieces, wrong_type, form, another_message, payload, beside_raised, stuck, nothing,
)  # fmt: skip
