"""Each rule holds where it should, and is silent close by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from astra_nb.exercises.diagnosis.evidence import Call, Error, Evidence, Handler, Said, Wanted
from astra_nb.exercises.diagnosis.misconceptions import Misconception, Side
from astra_nb.exercises.diagnosis.rules import RULES, diagnose

HELLO, BYE, DATA = Said("text", b"Hello"), Said("text", b"Bye"), Said("bytes", b"\x00\xff")
MESSAGE = Wanted("message", HELLO)
CLOSED = Said("close", b"\x03\xe8")
POLICY = Wanted("close", Said("close", b"\x03\xf0no"))
RECV = Call("recv", "line 3: socket.recv()", "done", HELLO, 1)
WAITS = replace(RECV, state="waits", said=None)
SEND = Call("send_text", "line 4: socket.send_text(text)", "done", HELLO, 1)
RETURNED = Handler(1, calls=(RECV, SEND), ended=True, open_at_end=True)
IDLE = Handler(1, calls=(RECV, WAITS))
OTHER = Handler(2, calls=(replace(WAITS, owner=2),))


def raising(*kinds: str, text: str = "", of_call: str = "", open_at_end: bool = True) -> Handler:
    error = Error((*kinds, "Exception"), text, "line 4: x", of_call)
    return replace(RETURNED, error=error, open_at_end=open_at_end)


# Rule, evidence where it holds, its key and a part of what it says, and what makes it silent.
CASES: list[tuple[str, Evidence, str, str, dict[str, Any]]] = [
    ("raised", Evidence(MESSAGE, handler=raising("ValueError", text="no")), "raised",
     "Your handler raised ValueError: no, at line 4: x.", {"handler": IDLE}),
    ("raised", Evidence(MESSAGE, handler=raising("SystemExit")), "exit", "tried to end Python at",
     {"handler": RETURNED}),
    ("raised", Evidence(MESSAGE, handler=raising("NotAllowed", text="fork a process")), "forbidden",
     "tried to fork a process at", {"handler": IDLE}),
    ("raised", Evidence(MESSAGE, handler=raising("AddressInUse")), "own-server", "port that is",
     {"handler": IDLE}),
    ("raised", Evidence(Wanted("end"), handler=raising("ValueError")), "raised-at-close", "Value",
     {"handler": IDLE}),
    ("raised", Evidence(MESSAGE, handler=raising("ConnectionClosed", of_call="send_text")),
     "sent-to-gone", "raised ConnectionClosed, at", {"handler": raising(
         "ConnectionClosed", of_call="send_text", open_at_end=False)}),
    ("raised", Evidence(MESSAGE, handler=raising("ConnectionClosed", of_call="recv")),
     "other-recv", "raised ConnectionClosed", {"handler": IDLE}),
    ("raised", Evidence(MESSAGE, handler=raising("NotOpen", text="closed")), "closed-twice",
     "NotOpen", {"handler": IDLE}),
    ("raised", Evidence(MESSAGE, handler=raising("EndlessLoop", text="loop")), "never-ends",
     "EndlessLoop", {"handler": IDLE}),
    ("refused", Evidence(MESSAGE, ended="refused"), "refused", "could not take",
     {"ended": "closed"}),
    ("closed_others", Evidence(MESSAGE, CLOSED, handler=IDLE, others=(replace(
        OTHER, calls=(Call("close", "line 9: each.close()", "done", owner=1),)),)),
     "closed-others", "closed this connection, at line 9", {"others": (replace(
         OTHER, calls=(Call("close", "line 9: each.close()", "done", owner=2),)),)}),
    ("not_awaited", Evidence(MESSAGE, handler=replace(IDLE, calls=(
        replace(SEND, state="not awaited"),))), "no-await", "never awaited: line 4",
     {"handler": IDLE}),
    ("not_awaited", Evidence(MESSAGE, others=(replace(OTHER, calls=(
        replace(SEND, state="not awaited"),)),)), "no-await", "never awaited",
     {"came": BYE}),
    ("returned", Evidence(MESSAGE, CLOSED, handler=RETURNED, right=(HELLO,)), "first-only",
     "returned after 1 right message, and", {"handler": IDLE}),
    ("returned", Evidence(MESSAGE, CLOSED, handler=RETURNED), "returned",
     "Its last call was line 4", {"came": BYE}),
    ("returned", Evidence(MESSAGE, CLOSED, handler=replace(
        RETURNED, returned="'Hello'")), "returned-value", "returned 'Hello', and", {"came": None}),
    ("returned", Evidence(POLICY, CLOSED, handler=RETURNED), "returned-instead", "instead of",
     {"handler": replace(RETURNED, open_at_end=False)}),
    ("dropped", Evidence(MESSAGE, ended="dropped"), "dropped", "sees 1006", {"ended": "closed"}),
    ("another_raised", Evidence(MESSAGE, others=(raising("ValueError", text="no"),)), "raised",
     "The handler of another client raised ValueError", {"others": (OTHER,)}),
    ("another_raised", Evidence(MESSAGE, others=(raising(
        "ConnectionClosed", of_call="send", open_at_end=False),)), "sent-to-gone", "another client",
     {"others": (raising("ConnectionClosed", of_call="recv", open_at_end=False),)}),
    ("never_ends", Evidence(Wanted("end"), handler=replace(IDLE, calls=(), busy_at=
     "line 5: pass")), "never-ends", "still at line 5", {"wanted": MESSAGE}),
    ("never_ends", Evidence(Wanted("end"), handler=IDLE), "never-ends", "still waits in line 3",
     {"came": BYE}),
    ("too_many", Evidence(Wanted("nothing"), HELLO, right=(HELLO,)), "too-many", "came again",
     {"wanted": MESSAGE}),
    ("too_many", Evidence(Wanted("nothing"), BYE, right=(HELLO,)), "too-many", "One message too",
     {"came": None}),
    ("too_many", Evidence(Wanted("nothing"), BYE, said=(BYE,), others=(OTHER,)), "to-itself",
     "came back to it", {"wanted": MESSAGE}),
    ("too_many", Evidence(Wanted("nothing"), BYE, said=(BYE,)), "too-many", "One message too",
     {"came": CLOSED}),
    ("too_many", Evidence(Wanted("open"), BYE), "too-many", "One message too", {"came": CLOSED}),
    ("too_many", Evidence(Wanted("nothing", why="That is not asked for."), BYE), "known-mistake",
     "That is not asked for. What came is text", {"came": None}),
    ("answered_unasked", Evidence(MESSAGE, BYE, unanswered=(HELLO,), handler=Handler(1, calls=(
        RECV, replace(SEND, said=BYE)))), "unasked", "after it received text",
     {"unanswered": ()}),
    ("wrong_close", Evidence(POLICY), "not-closed", "nothing else did", {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, Said("text", b"close 1008")), "sent-instead", "speaks of",
     {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, HELLO, ended="closed"), "sent-before-close", "Before the",
     {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, HELLO), "not-closed", "but text", {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, Said("close")), "empty-close", "no code",
     {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, Said("close", b"\x03\xe9")), "wrong-code", "1001",
     {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, Said("close", b"\x03\xf0")), "wrong-reason", "is missing",
     {"wanted": MESSAGE}),
    ("wrong_close", Evidence(POLICY, Said("close", b"\x03\xf0No")), "wrong-reason", "case",
     {"wanted": MESSAGE}),
    ("wrong_close", Evidence(MESSAGE, CLOSED, handler=IDLE), "closed-early", "an answer was",
     {"came": HELLO}),
    ("wrong_close", Evidence(Wanted("open"), CLOSED, handler=IDLE), "closed-early",
     "had not closed", {"wanted": POLICY}),
    ("too_early", Evidence(MESSAGE, BYE, said=(HELLO,), handler=Handler(1, calls=(
        replace(SEND, said=BYE), RECV))), "too-early", "before the client",
     {"right": (HELLO,)}),
    ("known_mistake", Evidence(MESSAGE, BYE, by_heart=True), "known-by-heart", "earlier message",
     {"by_heart": False}),
    ("known_mistake", Evidence(replace(
        MESSAGE, mistakes=((b"Bye", "That is the end."), (b"Hello", "Never."))), BYE),
     "known-mistake", "That is the end.", {"came": HELLO}),
    ("known_mistake", Evidence(Wanted(
        "message", Said("text"), any_payload=True, mistakes=((b"", "It is late."),)), Said(
            "text")), "known-mistake", "It is late.", {"came": Said("bytes")}),
    ("repeated", Evidence(MESSAGE, BYE, right=(BYE,), handler=Handler(1, calls=(
        RECV, replace(SEND, said=BYE),
        replace(SEND, said=BYE)))), "too-many", "came again",
     {"right": (HELLO,)}),
    ("repeated", Evidence(MESSAGE, BYE, right=(BYE,), handler=Handler(1, calls=(
        replace(SEND, said=BYE), RECV,
        replace(SEND, said=BYE)))), "behind", "same as the one before",
     {"came": None}),
    ("repeated", Evidence(MESSAGE, BYE, right=(BYE,), handler=Handler(1), others=(Handler(2, calls=(
        replace(SEND, said=BYE), replace(SEND, said=BYE))),)), "too-many",
     "came again", {"right": (HELLO,)}),
    ("in_pieces", Evidence(MESSAGE, Said("text", b"Hel"), handler=Handler(1, calls=(
        replace(SEND, said=Said("text", b"Hel")),
        replace(SEND, said=Said("text", b"lo"))))), "in-pieces", "but 2 came",
     {"handler": Handler(1, calls=(replace(SEND, said=Said("text", b"Hel")),))}),
    ("wrong_type", Evidence(Wanted("message", DATA), Said("text", b"b'\\x00\\xff'")), "repr",
     "spelled out as text", {"came": DATA}),
    ("wrong_type", Evidence(MESSAGE, Said("bytes", b"Hello")), "as-bytes", "The right payload came",
     {"came": HELLO}),
    ("wrong_type", Evidence(Wanted("message", DATA), HELLO), "as-text", "A message came as text",
     {"wanted": Wanted("message", DATA, why="Something else.")}),
    ("wrong_type", Evidence(MESSAGE, Said("ping")), "wrong-type", "A ping came where a text",
     {"came": BYE}),
    ("wrong_type", Evidence(Wanted("message", DATA), Said("text", b"Message(type='text')")),
     "whole-message", "whole Message", {"came": DATA}),
    ("another_message", Evidence(MESSAGE, BYE, said=(BYE,), others_said=True), "to-itself",
     "came back", {"said": (BYE, HELLO)}),
    ("another_message", Evidence(MESSAGE, BYE, said=(BYE,)), "echoed", "came back",
     {"said": (HELLO,)}),
    ("wrong_type", Evidence(replace(MESSAGE, why="Something else came."), BYE), "known-mistake",
     "Something else", {"wanted": MESSAGE}),
    ("another_message", Evidence(MESSAGE, BYE, later=(BYE,)), "ahead", "a later message",
     {"later": ()}),
    ("another_message", Evidence(MESSAGE, BYE, right=(BYE, HELLO)), "behind", "an earlier message",
     {"came": Said("text", b"12"), "right": (Said("text", b"12"), HELLO)}),
    ("form", Evidence(MESSAGE, Said("text", b"{name}")), "not-filled-in", "Braces",
     {"wanted": Wanted("message", Said("text", b"{name}!"))}),
    ("form", Evidence(MESSAGE, Said("text")), "empty", "is missing", {"came": BYE}),
    ("form", Evidence(MESSAGE, Said("text", b"hELLO")), "case", "The case", {"came": BYE}),
    ("form", Evidence(MESSAGE, Said("text", b" Hello\n")), "blank", "blanks", {"came": BYE}),
    ("form", Evidence(Wanted("message", Said("text", "Grüße".encode())), Said("text", b"Gr??e")),
     "ascii", "beyond ASCII", {"wanted": MESSAGE, "came": Said("text", b"Hello?")}),
    ("form", Evidence(MESSAGE, Said("text", b"'Hello'")), "repr", "spelling", {"came": BYE}),
    ("payload", Evidence(MESSAGE, Said("text", b"olleH")), "reversed", "reverse", {"came": None}),
    ("payload", Evidence(MESSAGE, Said("text", b"HelloHello")), "doubled", "twice",
     {"came": None}),
    ("payload", Evidence(MESSAGE, Said("text", b"Hell")), "cut", "missing: 'o'", {"came": None}),
    ("payload", Evidence(MESSAGE, Said("text", b"Hello!")), "added", "Something was added",
     {"came": None}),
    ("payload", Evidence(MESSAGE, BYE), "wrong-value", "is not as expected", {"came": None}),
    ("beside_raised", Evidence(MESSAGE, beside=(Error(("KeyError",), "1", "line 7: y"),)),
     "thread-raised", "ended with KeyError: 1, at line 7", {"came": BYE}),
    ("stuck", Evidence(MESSAGE, handler=Handler(1, busy_at="line 5: pass")), "stuck",
     "Your handler is still at line 5", {"handler": IDLE}),
    ("stuck", Evidence(MESSAGE, handler=Handler(1, calls=(replace(WAITS, owner=2),))),
     "other-recv", "another connection, at line 3", {"handler": IDLE}),
    ("stuck", Evidence(MESSAGE, handler=IDLE, others=(Handler(2, calls=(replace(
        SEND, state="waits"),)),)), "slow-send", "Another handler waits in send_text()",
     {"others": (OTHER,)}),
    ("nothing", Evidence(MESSAGE, handler=IDLE), "nothing-yet", "has not said anything",
     {"said": (BYE,)}),
    ("nothing", Evidence(replace(
        MESSAGE, missing="A client left, and nobody was told.")), "known-mistake",
     "A client left", {"came": BYE}),
    ("nothing", Evidence(MESSAGE, others_said=True, back=("client 2",)), "to-itself",
     "Client 2 got back", {"others_said": False}),
    ("nothing", Evidence(MESSAGE, others_said=True, elsewhere=("client 2",)),
     "not-passed-on", "Client 2 got it.", {"others_said": False}),
    ("nothing", Evidence(MESSAGE, said=(BYE,), handler=IDLE, printed=True), "nothing",
     "No answer came to text", {}),
]  # fmt: skip
BY_NAME = {rule.__name__: rule for rule in RULES}


@pytest.mark.parametrize("case", CASES, ids=[f"{n}: {c[0]} {c[2]}" for n, c in enumerate(CASES)])
def test_a_rule_holds_here_and_not_close_by(
    case: tuple[str, Evidence, str, str, dict[str, Any]],
) -> None:
    name, evidence, key, says, but = case
    found = next(BY_NAME[name](evidence))
    assert found.key == key
    assert says in found.headline
    whole = diagnose(evidence)
    assert whole.key == key, whole
    assert whole.advice or not whole.misconception.advice
    if but:
        near = next(BY_NAME[name](replace(evidence, **but)), None)
        assert near is None or near.key != key


def test_every_rule_has_a_case() -> None:
    assert set(BY_NAME) == {case[0] for case in CASES}


def test_every_misconception_has_an_own_key() -> None:
    keys = [each.value for each in Misconception]
    assert len(keys) == len(set(keys))


def test_both_sides_are_shown() -> None:
    found = diagnose(Evidence(MESSAGE, BYE, handler=IDLE))
    assert (found.expected, found.came) == (Side("text", '"Hello"'), Side("text", '"Bye"'))
    found = diagnose(Evidence(POLICY, Said("close"), handler=IDLE))
    assert (str(found.expected), str(found.came)) == (
        'close 1008 (policy violation), reason "no"', "close without a code",
    )  # fmt: skip
    [table] = found.tables
    assert table.rows[0] == ("line 3: socket.recv()", 'text "Hello"', "")


@pytest.mark.parametrize("came", [HELLO, BYE, DATA, Said("text"), Said("ping"), CLOSED, None])
@pytest.mark.parametrize("kind", ["message", "close", "nothing", "open", "end"])
@pytest.mark.parametrize("handler", [IDLE, RETURNED, Handler(1), raising("KeyError")])
def test_there_is_a_finding_for_anything(came: Said | None, kind: str, handler: Handler) -> None:
    wanted = POLICY if kind == "close" else Wanted(kind, Said("text", b"Hi"))
    assert diagnose(Evidence(wanted, came, handler=handler)).headline
