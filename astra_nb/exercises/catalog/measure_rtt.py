"""Measure the round trip time: a PING, its PONG, and the time between the two."""

import time
from typing import NamedTuple

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.scenario import Client, Script

SLACK = 1.5 + 1000 * time.get_clock_info("monotonic").resolution  # ms; whole ones are fine
UNASKED = "Only the text `measure` asks for a measurement, letter for letter."
OTHERS = (
    "Send the answer when the PONG has come that has the payload of your PING; no other counts."
)
UNITS = {1e3: "seconds", 1e-3: "microseconds", 1e-6: "nanoseconds"}


class Ping(NamedTuple):
    """A PING from the handler."""

    payload: bytes
    asked: float  # when `measure` was sent, in seconds
    came: float


def ask(client: Client, *earlier: Ping) -> Ping:
    def judge(payload: bytes) -> str:
        if payload in [ping.payload for ping in earlier]:
            return "An earlier PING had the same payload: its PONG could be taken for this one's."
        return "" if payload else "A PING without a payload gets a PONG like any other."

    asked = time.perf_counter()
    client.send("text", "measure")
    return Ping(client.expect("ping", judge=judge), asked, time.perf_counter())


def answer(client: Client, ping: Ping) -> None:
    """Answer a PING, and see that the text says a time between what it took here at either end."""

    def judge(payload: bytes) -> str:
        most = (time.perf_counter() - ping.asked) * 1001  # in ms; clocks differ a bit
        try:
            said = float(payload)
        except ValueError:
            return "The answer is not a number. Send only the number, without a unit."
        if least - SLACK <= said <= most + SLACK:
            return ""
        for factor, unit in UNITS.items():
            if least - SLACK <= said * factor <= most + SLACK and most < 1.5 * least:
                return f"That is in {unit}; the time in milliseconds is asked for."
        return f"{said:g} is not between {least:.0f} ms (from the PING to its PONG) and {most:.0f} \
(from `measure` to this answer). Read a clock right before you send the PING and right after its \
PONG came; use one that does not stand still in recv(), as time.process_time() does."

    client.expect_nothing(OTHERS)
    least = (time.perf_counter() - ping.came) * 999
    client.send("pong", ping.payload)
    client.expect("text", judge=judge)


def several(script: Script) -> None:
    """Three measurements, and what belongs to none, or to the one before."""
    client = script.client(automatic_pong=False)
    client.expect_nothing(UNASKED)
    answer(client, first := ask(client))
    second = ask(client, first)
    client.send_all([("pong", b""), ("pong", "not mine"), ("pong", first.payload)])
    client.send_all([("bytes", second.payload), ("ping", second.payload)])
    client.expect("pong", second.payload, why=OTHERS)
    answer(client, second)
    answer(client, ask(client, first, second))


def not_asked_for(script: Script) -> None:
    """Nobody asks, and then two ask at once."""
    one, other = (script.client(automatic_pong=False) for _ in range(2))
    one.send_all([("text", text) for text in ("measured", "", "Measure", " measure")])
    one.send_all([("pong", b""), ("pong", b"1"), ("bytes", b"measure"), ("ping", b"measure")])
    one.expect("pong", b"measure", why=UNASKED)
    one.expect_nothing(UNASKED)
    first, second = ask(one), ask(other)
    answer(other, second)
    answer(one, first)
    other.close_without_code()
    one.vanish()


measure_rtt = HandlerExercise(
    name="measure_rtt",
    title="Measure the round trip time",
    rfc="sections 5.5.2 and 5.5.3",
    prompt="When the text `measure` comes, send a PING with a payload that no earlier one had, "
    "wait for the PONG that carries the same payload, and send a text with the time between the "
    "two in milliseconds, as a number: `12.5`. Other PONGs, and messages of other types, may "
    "come in between; they do not count. Any other text asks for nothing.",
    stub="import time\n\n\n" + HANDLER_STUB,
    hints=[
        "time.perf_counter() reads a clock in seconds: read it right before you send the PING and "
        "right after its PONG came. A second has 1000 milliseconds.",
        "A pong comes through recv(): compare its type, and its value, which is bytes, with the "
        "payload of your ping. Only the text `measure` asks for one; skip everything else.",
        "A counter gives a new payload each time; str() and encode() make bytes of it.",
    ],
    solution_text="""\
import time


def handle_socket(socket):
    number = 0
    for message in socket:
        if message.type == "text" and message.value == "measure":
            number += 1
            payload = str(number).encode()
            before = time.perf_counter()
            socket.send_ping(payload)
        elif message.type == "pong" and number and message.value == payload:
            socket.send_text(str((time.perf_counter() - before) * 1000))
""",
    scenarios=[several, not_asked_for],
    wrong=[
        ("def handle_socket(s):\n    for m in s: s.send_ping()", "known-mistake"),
        ("def handle_socket(s):\n    for m in s: s.send_text('0.1')", "wrong-type"),
    ],
    advice={
        "wrong-type": "Send the PING first; send the answer as text when its PONG has come.",
        "nothing": "Wait on, whatever comes, for the PONG with the payload of the PING, as bytes.",
    },
)
