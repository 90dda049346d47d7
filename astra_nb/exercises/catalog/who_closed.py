"""Who closed, and why: read it off a log."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from websockets.frames import Close

from astra_nb.exercises.calls import Call, FunctionExercise
from astra_nb.exercises.history import SHOWN_FRAMES, shown
from astra_nb.log import FrameLog

from .read_frame import frame_bytes

__all__ = ["who_closed"]

NOTEBOOK = "4-by-hand"


def closing_log(chance: random.Random, plan: list[tuple[str, int, bytes]]) -> FrameLog:
    """Make a server's log of one connection: who sent which opcode with which payload."""
    log = FrameLog()
    number = chance.randrange(1, 9)
    for sender, opcode, payload in plan:
        if sender == "client":
            data = frame_bytes(opcode, payload, chance.randbytes(4))
            log.append_frames(number, "server", "received", data, 1)
        else:
            log.append_frames(number, "server", "sent", frame_bytes(opcode, payload), 1)
    return log


def as_it_stands(opcode: int, payload: bytes) -> str:
    """A payload as a frame has it: that of a CLOSE frame in bytes, for its code is no text."""
    return payload.hex(" ") or "(empty)" if opcode == 8 else shown("text", payload)


def closer(plan: list[tuple[str, int, bytes]]) -> tuple[str, int, str]:
    for sender, opcode, payload in plan:
        if opcode == 8:
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            return sender, code, payload[2:].decode()
    return "nobody", 1006, ""


def closer_mistakes(plan: list[tuple[str, int, bytes]]) -> Iterator[tuple[Any, str]]:
    who, code, reason = closer(plan)
    other = "client" if who == "server" else "server"
    closes = [step for step in plan if step[1] == 8]
    if len(closes) > 1:
        last = closer([closes[-1]])
        if last != (who, code, reason):
            yield last, "That is the answer to the first CLOSE frame; who began?"
    for number, (sender, opcode, payload) in enumerate(plan, 1):
        if opcode != 8:
            yield (
                (
                    sender,
                    int.from_bytes(payload[:2], "big"),
                    payload[2:].decode("utf-8", "replace"),
                ),
                f"That is read from frame {number}, which is a text; the type of a record tells a "
                "CLOSE frame.",
            )
    yield (who, str(code), reason), "The code is a number: an int, no str."
    for other_order in ((code, who, reason), (who, reason, code)):
        yield other_order, "The order is: who, code, reason."
    if who != "nobody":
        direction = "received" if who == "client" else "sent"
        yield (
            (direction, code, reason),
            "Who sent it is asked: on a server's log `received` came from the client.",
        )
        number = next(i for i, step in enumerate(plan, 1) if step[1] == 8)
        kind = "a CLOSE frame" if closes[0][2] else "an empty CLOSE frame"
        answered = "" if len(closes) > 1 else "; nobody answered it, and it counts all the same"
        yield ("nobody", 1006, ""), f"Frame {number} of {len(plan)} is {kind}{answered}."
        yield (
            (other, code, reason),
            ("It was the other end: on a server's log `received` came from the client."),
        )
        yield (who, code, ""), "The reason is missing: it follows the two bytes of the code."
        if reason:
            yield (who, code, reason.encode()), "The reason is text: decode it as UTF-8."
        raw = closes[0][2]
        if not raw:
            for wrong in (0, 1000, 1006, None):
                yield (
                    (who, wrong, ""),
                    ("An empty CLOSE frame has no code; that is reported as 1005 (section 7.1.5)."),
                )
        yield (
            (who, int.from_bytes(raw[:2], "little"), reason),
            ("The bytes of the code stand in network order, the highest first: big."),
        )
    else:
        for wrong in (1000, 1005, 0, None):
            yield ("nobody", wrong, ""), "Without any CLOSE frame 1006 is reported (section 7.1.5)."
        for wrong_who in ("server", "client", ""):
            yield (wrong_who, 1006, ""), 'Nobody sent a CLOSE frame: the first item is "nobody".'


def explain_closer(plan: list[tuple[str, int, bytes]], value: Any) -> str:
    """Return which bytes a wrong code should have come from; "" when it cannot be told."""
    who, code, _ = closer(plan)
    raw = next((payload for _, opcode, payload in plan if opcode == 8), b"")
    if not isinstance(value, (tuple, list)) or len(value) != 3 or value[0] != who or len(raw) < 2:
        return ""
    if value[1] == code:
        return ""
    return (
        f"The code is {value[1]!r:.40}. The payload of that CLOSE frame is {raw.hex(' ')}: it "
        f"begins with {raw[:2].hex(' ')}, that is {code}, and what follows is the reason."
    )


def calls_to_judge(chance: random.Random) -> list[Call]:
    def close(code: int, reason: str = "") -> bytes:
        return Close(code, reason).serialize()

    word = f"{chance.choice(['done', 'bye', 'enough'])} {chance.randrange(100, 1000)}"
    talk: list[tuple[str, int, bytes]] = [("client", 1, b"Hello"), ("server", 1, b"Hello")]
    plans: list[tuple[str, list[tuple[str, int, bytes]]]] = [
        (
            "the client closes",
            [*talk, ("client", 8, close(1000, word)), ("server", 8, close(1000))],
        ),
        (
            "the server closes",
            [*talk, ("server", 8, close(1008, word)), ("client", 8, close(1008))],
        ),
        ("no reason", [("server", 8, close(1001)), ("client", 8, close(1001))]),
        ("an empty CLOSE frame", [*talk, ("client", 8, b""), ("server", 8, b"")]),
        ("no CLOSE frame", talk),
        ("no answer to the CLOSE frame", [*talk, ("server", 8, close(1011, "Fehler: ü"))]),
        (
            "a text that speaks of closing",
            [("client", 1, b"close 1000"), ("client", 8, close(4321))],
        ),
    ]
    plans += [
        ("no frame at all", []),
        ("a CLOSE frame alone", [("client", 8, close(1001, "Grüße"))]),
        ("a code and no reason", [("client", 8, close(3000)), ("server", 8, close(3000))]),
        ("the highest code", [*talk, ("server", 8, close(4999, "€"))]),
        ("a reason of 123 bytes", [("client", 8, close(1000, "x" * 123)), ("server", 8, b"")]),
        (
            "a reason with digits and blanks",
            [("server", 8, close(1002, " 1000 close ")), ("client", 8, close(1002))],
        ),
        ("an empty CLOSE frame of the server", [*talk, ("server", 8, b""), ("client", 8, b"")]),
        (
            "an empty CLOSE frame, and a code in its answer",
            [("client", 8, b""), ("server", 8, close(1000, word))],
        ),
        (
            "pings and pongs before the close",
            [
                ("client", 9, b"\x03\xe8done"),
                ("server", 10, b"\x03\xe8done"),
                ("server", 8, close(1003)),
            ],
        ),
        (
            "bytes that look like a code and a reason",
            [
                ("client", 2, close(1000, word)),
                ("server", 2, b""),
                ("client", 8, close(1009, word)),
            ],
        ),
        (
            "pings, and no CLOSE frame",
            [("client", 9, b""), ("server", 10, b""), ("client", 1, b"close")],
        ),
        (
            "both closed at once",
            [("server", 8, close(4000, word)), ("client", 8, close(1000, "bye"))],
        ),
    ]
    mixed = list(talk) * chance.randrange(1, 4)
    who = chance.choice(["client", "server"])
    other = "server" if who == "client" else "client"
    code = chance.randrange(3000, 5000)
    plans.append(
        ("by chance", [*mixed, (who, 8, close(code, word)), (other, 8, close(code, word))])
    )
    calls = []
    for what, plan in plans:
        log = closing_log(chance, plan)
        calls.append(
            Call(
                (log,),
                partial(closer, plan),
                what,
                partial(closer_mistakes, plan),
                rows=tuple(
                    (sender, "close" if opcode == 8 else "text", as_it_stands(opcode, payload), "")
                    for sender, opcode, payload in plan[-SHOWN_FRAMES:]
                ),
                explain=partial(explain_closer, plan),
            )
        )
    return calls


who_closed = FunctionExercise(
    name="who_closed",
    title="Who closed, and why",
    rfc="sections 5.5.1 and 7.1.5",
    notebook=NOTEBOOK,
    function="who",
    prompt=(
        "Write `who(log)`. It gets the log of a server with one connection, and says who sent the "
        'first CLOSE frame, with which code and which reason: `("client", 1000, "done")`. An empty '
        'CLOSE frame counts as code 1005. Without any, the answer is `("nobody", 1006, "")`. Each '
        "record of `log.frames` has a `type`, a `payload` and a `direction`: `received` or `sent`, "
        "seen from the server."
    ),
    stub="def who(log):\n    ...\n",
    hints=[
        'for record in log.frames: the first one with record.type == "close" decides.',
        "The first two bytes of the payload are the code, the highest first; the rest is the "
        "reason in UTF-8.",
        'On a server\'s log `received` means that the client sent it. return ("nobody", 1006, "") '
        "stands behind the loop.",
    ],
    solution_text="""\
def who(log):
    for record in log.frames:
        if record.type == "close":
            sender = "client" if record.direction == "received" else "server"
            if not record.payload:
                return (sender, 1005, "")
            code = int.from_bytes(record.payload[:2], "big")
            return (sender, code, record.payload[2:].decode())
    return ("nobody", 1006, "")
""",
    calls=calls_to_judge,
    compare=lambda value, expected: isinstance(value, (tuple, list)) and tuple(value) == expected,
    advice={
        "known-mistake": "The first CLOSE frame counts, whoever sent it, answered or not.",
        "wrong-value": "The first CLOSE frame counts, whoever sent it, answered or not.",
        "wrong-result-type": 'Give three items: ("client", 1000, "done").',
        "raised": "The first two bytes of the payload are the code; only what follows is text. "
        "A CLOSE frame may be empty, and there may be none at all.",
    },
)
