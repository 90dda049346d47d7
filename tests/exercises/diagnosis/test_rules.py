"""Each rule holds where it should, and is silent close by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from astra_nb.exercises.diagnosis.evidence import (
    KEPT,
    Call,
    Error,
    Evidence,
    Handler,
    Said,
    Wanted,
)
from astra_nb.exercises.diagnosis.misconceptions import Misconception
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
    ("out_of_turn", Evidence(MESSAGE, BYE, unanswered=(HELLO,), handler=Handler(1, calls=(
        RECV, replace(SEND, said=BYE)))), "unasked", "after it received text",
     {"unanswered": ()}),
    ("out_of_turn", Evidence(MESSAGE, BYE, said=(HELLO,), handler=Handler(1, calls=(
        replace(SEND, said=BYE), RECV))), "too-early", "before it received anything",
     {"right": (HELLO,)}),
    ("out_of_turn", Evidence(MESSAGE, BYE, said=(HELLO,), handler=Handler(1, calls=(
        replace(SEND, said=BYE),) * (KEPT - 1))), "too-early", "before it received anything",
     {"handler": Handler(1, calls=(replace(SEND, said=BYE),) * KEPT)}),
    ("failed", Evidence(MESSAGE, handler=raising("ValueError", text="no")), "raised",
     "Your handler raised ValueError: no, at line 4: x.", {"handler": IDLE}),
    ("failed", Evidence(MESSAGE, handler=raising("SystemExit")), "forbidden",
     "raised SystemExit, at line 4", {"handler": RETURNED}),
    ("failed", Evidence(MESSAGE, handler=raising("NotAllowed", text="fork a process")), "forbidden",
     "tried to fork a process, at", {"handler": IDLE}),
    ("failed", Evidence(MESSAGE, handler=raising("ConnectionClosed", of_call="send_text")),
     "sent-to-gone", "raised ConnectionClosed, at", {"handler": raising(
         "ConnectionClosed", of_call="send_text", open_at_end=False)}),
    ("failed", Evidence(MESSAGE, handler=raising("ConnectionClosed", of_call="recv")),
     "sent-to-gone", "raised ConnectionClosed", {"handler": IDLE}),
    ("failed", Evidence(MESSAGE, handler=raising("NotOpen", text="closed")), "closed-twice",
     "NotOpen", {"handler": IDLE}),
    ("failed", Evidence(MESSAGE, handler=raising("EndlessLoop", text="loop")), "never-ends",
     "EndlessLoop", {"handler": IDLE}),
    ("failed", Evidence(MESSAGE, others=(raising("ValueError", text="no"),)), "raised",
     "The handler of another client raised ValueError", {"others": (OTHER,)}),
    ("failed", Evidence(MESSAGE, others=(raising("ValueError", text="no"),)), "raised",
     "The handler of another client raised ValueError", {"came": BYE}),
    ("failed", Evidence(MESSAGE, others=(raising(
        "ConnectionClosed", of_call="send", open_at_end=False),)), "sent-to-gone", "another client",
     {"others": (raising("ConnectionClosed", of_call="recv", open_at_end=False),)}),
    ("broken_off", Evidence(MESSAGE, ended="refused"), "dropped", "could not take",
     {"ended": "closed"}),
    ("broken_off", Evidence(MESSAGE, ended="dropped"), "dropped", "sees 1006", {"ended": "closed"}),
    ("failed", Evidence(MESSAGE, handler=replace(IDLE, calls=(
        replace(SEND, state="not awaited"),))), "no-await", "never awaited: line 4",
     {"handler": IDLE}),
    ("failed", Evidence(MESSAGE, others=(replace(OTHER, calls=(
        replace(SEND, state="not awaited"),)),)), "no-await", "never awaited",
     {"came": BYE}),
    ("returned", Evidence(MESSAGE, CLOSED, handler=RETURNED, right=(HELLO,)), "returned",
     "returned after 1 right message, and", {"handler": IDLE}),
    ("returned", Evidence(MESSAGE, CLOSED, handler=RETURNED), "returned",
     "returned after 0 right messages, and", {"came": BYE}),
    ("returned", Evidence(MESSAGE, CLOSED, handler=replace(
        RETURNED, returned="'Hello'")), "returned", "returned 'Hello' after", {"handler": IDLE}),
    ("returned", Evidence(POLICY, CLOSED, handler=RETURNED), "returned", "that closed",
     {"handler": replace(RETURNED, open_at_end=False)}),
    ("silent", Evidence(Wanted("end"), handler=replace(IDLE, calls=(), busy_at=
     "line 5: pass")), "never-ends", "still at line 5", {"wanted": MESSAGE}),
    ("silent", Evidence(Wanted("end"), handler=IDLE), "never-ends",
     "end with it. Your handler is still at line 3",
     {"came": BYE}),
    ("silent", Evidence(POLICY), "not-closed", "got nothing where close 1008",
     {"wanted": MESSAGE}),
    ("unlike", Evidence(POLICY, HELLO), "not-closed", 'got text "Hello" where close',
     {"wanted": MESSAGE}),
    ("unlike", Evidence(POLICY, Said("close")), "wrong-close", "got close (empty) where",
     {"wanted": MESSAGE}),
    ("unlike", Evidence(POLICY, Said("close", b"\x03\xe9")), "wrong-close",
     "1001 going away where close 1008",
     {"wanted": MESSAGE}),
    ("unlike", Evidence(POLICY, Said("close", b"\x03\xf0")), "wrong-close",
     'policy violation where close 1008 policy violation "no"',
     {"wanted": MESSAGE}),
    ("unlike", Evidence(POLICY, Said("close", b"\x03\xf0No")), "wrong-close",
     '"No" where close 1008 policy violation "no"',
     {"wanted": MESSAGE}),
    ("unlike", Evidence(MESSAGE, CLOSED, handler=IDLE), "closed-early",
     'where text "Hello" was',
     {"came": HELLO}),
    ("unlike", Evidence(Wanted("open"), CLOSED, handler=IDLE), "closed-early",
     "where an open connection was", {"wanted": POLICY}),
    ("unlike", Evidence(replace(
        MESSAGE, mistakes=((b"Bye", "That is the end."), (b"Hello", "Never."))), BYE),
     "known-mistake", "That is the end.", {"came": HELLO}),
    ("unlike", Evidence(Wanted(
        "message", Said("text"), any_payload=True, mistakes=((b"", "It is late."),)), Said(
            "text")), "known-mistake", "It is late.", {"came": Said("bytes")}),
    ("unlike", Evidence(Wanted("nothing"), HELLO, right=(HELLO,)), "repeated", "came again",
     {"right": (BYE,)}),
    ("unlike", Evidence(MESSAGE, BYE, right=(BYE, HELLO)), "repeated", "came again",
     {"came": Said("text", b"12"), "right": (Said("text", b"12"), HELLO)}),
    ("unlike", Evidence(MESSAGE, BYE, said=(BYE,)), "to-itself", "came back to it",
     {"said": (BYE, HELLO)}),
    ("unlike", Evidence(MESSAGE, BYE, said=(BYE,)), "to-itself", "came back to it",
     {"wanted": Wanted("message", DATA)}),
    ("unlike", Evidence(Wanted("nothing"), BYE, right=(HELLO,)), "too-many",
     "where nothing was expected", {"came": None}),
    ("unlike", Evidence(Wanted("open"), BYE), "too-many", "where an open",
     {"came": CLOSED}),
    ("unlike", Evidence(MESSAGE, Said("bytes", b"Hello")), "wrong-type",
     '6f "Hello" where text "Hello" was', {"came": HELLO}),
    ("unlike", Evidence(MESSAGE, Said("ping")), "wrong-type",
     'got ping (empty) where text "Hello" was', {"came": BYE}),
    ("unlike", Evidence(MESSAGE, BYE), "wrong-value", "is not as expected", {"came": None}),
    ("unlike", Evidence(MESSAGE, Said("text", b"Hell")), "wrong-value", "lacks 'o'",
     {"came": None}),
    ("silent", Evidence(MESSAGE, handler=Handler(1, busy_at="line 5: pass")), "stuck",
     "Your handler is still at line 5", {"handler": IDLE}),
    ("silent", Evidence(MESSAGE, handler=Handler(1, calls=(replace(WAITS, owner=2),))),
     "stuck", "Your handler is still at line 3", {"handler": IDLE}),
    ("silent", Evidence(MESSAGE, handler=IDLE, others=(Handler(2, calls=(replace(
        SEND, state="waits"),)),)), "stuck", "Another handler is still at line 4",
     {"others": (OTHER,)}),
    ("silent", Evidence(MESSAGE, handler=IDLE), "nothing-yet",
     'got nothing where text "Hello" was expected. Your handler is still at line 3',
     {"said": (BYE,)}),
    ("silent", Evidence(MESSAGE, others_said=True), "not-passed-on", "got nothing where",
     {"others_said": False}),
    ("silent", Evidence(MESSAGE, said=(BYE, BYE), handler=IDLE), "nothing",
     "It had sent the same before. Your handler is still at line 3", {"said": ()}),
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
    if but:
        near = next(BY_NAME[name](replace(evidence, **but)), None)
        assert near is None or near.key != key


def test_every_rule_has_a_case() -> None:
    assert set(BY_NAME) == {case[0] for case in CASES}


def test_every_misconception_has_an_own_key() -> None:
    keys = [each.value for each in Misconception]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("came", [BYE, DATA, None])
def test_what_a_scenario_says_of_an_expectation_is_the_advice(came: Said | None) -> None:
    wanted = replace(MESSAGE, why="A client left.")
    assert diagnose(Evidence(wanted, came, said=(DATA,))).advice == "A client left."
    found = diagnose(Evidence(wanted, came, handler=raising("ValueError")))
    assert not found.advice


@pytest.mark.parametrize("kind", ["OSError", "ValueError"])
def test_only_an_address_in_use_speaks_of_another_server(kind: str) -> None:
    found = diagnose(Evidence(MESSAGE, handler=raising(kind, text="x is already in use")))
    assert ("its own server" in found.advice) == (kind == "OSError")


def test_both_sides_are_shown() -> None:
    found = diagnose(Evidence(MESSAGE, BYE, handler=IDLE))
    assert (found.expected, found.came) == ('text "Hello"', 'text "Bye"')
    found = diagnose(Evidence(POLICY, Said("close"), handler=IDLE))
    assert found.expected == 'close 1008 policy violation "no"'
    assert found.came == "close (empty)"
    for came in (None, BYE, CLOSED):  # of any reason: the code is what is expected
        wanted = Wanted("close", Said("close", b"\x03\xf0"), any_payload=True)
        assert diagnose(Evidence(wanted, came)).expected == "close 1008 policy violation"
    found = diagnose(Evidence(POLICY, Said("close"), handler=IDLE))
    [table] = found.tables
    assert table.rows[0] == ("line 3: socket.recv()", 'text "Hello"', "")


@pytest.mark.parametrize("came", [HELLO, BYE, DATA, Said("text"), Said("ping"), CLOSED, None])
@pytest.mark.parametrize("kind", ["message", "close", "nothing", "open", "end"])
@pytest.mark.parametrize("handler", [IDLE, RETURNED, Handler(1), raising("KeyError")])
def test_there_is_a_finding_for_anything(came: Said | None, kind: str, handler: Handler) -> None:
    wanted = POLICY if kind == "close" else Wanted(kind, Said("text", b"Hi"))
    assert diagnose(Evidence(wanted, came, handler=handler)).headline
