"""Measure the round trip time."""

from __future__ import annotations

from astra_nb.exercises.client import QUIET, Client
from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.history import Heard
from astra_nb.exercises.manners import leave_without_a_code, vanish
from astra_nb.exercises.script import Talk

__all__ = ["measure_rtt"]

NOTEBOOK = "2-control-frames"
GLANCE = 0.02  # seconds


async def asked(client: Client) -> Heard:
    """Ask for one measurement, and give the PING that came."""
    await client.send("text", "measure")
    ping = await client.expect("ping")
    if ping.time < client.received_at("text"):
        client.fail(
            "ping-too-early",
            "The PING was sent before the client asked for a measurement.",
            "ping, after the text measure",
            ping,
        )
    if not ping.payload:
        client.fail(
            "empty-ping",
            "The PING has no payload, so its PONG cannot be told from another one.",
            "ping with a payload",
            ping,
        )
    return ping


async def answered_late(
    talk: Talk,
    client: Client,
    ping: Heard,
    delay: float,
    decoy: bool = False,
    last_try: bool = False,
) -> None:
    """Send the PONG for a PING after a while, and judge the time that is said.

    Args:
        delay: Seconds until the PONG goes out.
        decoy: Whether something that looks like this PONG has gone out before.
        last_try: Whether a time that is off for no known reason counts as wrong. A machine that
            stood still for a moment is nobody's fault, so there is a second try.
    """
    await talk.until(lambda: None, delay)
    early = client.arrived()
    if early is not None and early.type == "text":
        key, why = (
            (
                "any-pong",
                "The answer came before the PONG with the payload of this PING: PONGs with another "
                "payload came first, and bytes that look like it.",
            )
            if decoy
            else ("no-wait", "The answer came before the PONG did.")
        )
        client.fail(key, why, "text, after the PONG with the payload of the PING", early)
    await client.send("pong", ping.payload)
    heard = await client.expect("text")
    pong = client.received_at("pong")
    took = (pong - ping.time) * 1000
    try:
        said = float(heard.payload)
    except ValueError:
        client.fail(
            "not-a-number",
            "The answer is no number.",
            "text with a number, such as 12.5",
            heard,
            advice="Send the number alone, without a unit: send_text(str(...)).",
        )
    wanted = f"text with about {took:.0f} (milliseconds)"
    slack = 25 + took * 0.1
    if abs(said - took) > slack:
        if abs(said * 1000 - took) <= slack:
            key, why = "wrong-unit", "That is in seconds; milliseconds are asked for."
        elif abs(said / 1000 - took) <= slack:
            key, why = "wrong-unit", "That is in microseconds; milliseconds are asked for."
        elif abs(said / 1_000_000 - took) <= slack:
            key, why = "wrong-unit", "That is in nanoseconds; milliseconds are asked for."
        elif abs(-said - took) <= slack:
            key, why = "wrong-value", "The sign is wrong: later minus earlier is positive."
        elif abs(said * 60_000 - took) <= slack:
            key, why = "wrong-unit", "That is in minutes; milliseconds are asked for."
        elif said == round(took / 1000):
            key, why = "wrong-unit", "Whole seconds are too coarse; milliseconds are asked for."
        elif abs(said * 2 - took) <= slack * 0.5:
            key, why = "wrong-value", "That is about half of what the round trip took."
        elif said > 1e6:
            key, why = (
                "wrong-value",
                "That is a time of day or of a clock, and no difference: subtract the time at "
                "which the PING was sent.",
            )
        elif any(abs(said * factor - took) <= slack * 0.5 for factor in (10, 100)):
            key, why = "wrong-unit", "That is too small by 10 or 100; 1000 makes milliseconds."
        elif not last_try:
            ping = await asked(client)
            await answered_late(talk, client, ping, delay, last_try=True)
            return
        elif said < took:
            key, why = (
                "wrong-value",
                f"{said:g} ms is less than the round trip took: was the time taken after the PING "
                "had gone and its PONG was there, or with a clock that stands still while a "
                "handler waits, such as time.process_time()?",
            )
        else:
            key, why = "wrong-value", f"{said:g} ms is more than the round trip took."
        client.fail(key, why, wanted, heard)


async def one_measurement(talk: Talk) -> None:
    """One measurement."""
    client = await talk.connect(automatic_pong=False)
    await talk.until(lambda: None, 0.1)
    await answered_late(talk, client, await asked(client), 0.15)


async def not_asked_for(talk: Talk) -> None:
    """Nobody asks, and then two ask at once."""
    one, other = [await talk.connect(automatic_pong=False) for _ in range(2)]
    for type, value in (
        ("pong", b""),
        ("pong", b"1"),
        ("text", "measured"),
        ("text", ""),
        ("text", talk.word()),
        ("bytes", b"measure"),
    ):
        await one.send(type, value)
    await one.send("ping", data := talk.octets(3))
    first = await talk.until(one.arrived)
    if first is None or first.type == "pong":
        await one.expect("pong", data)
    await talk.until(one.arrived, QUIET)
    early = one.arrived()
    if early is not None and early.close is None:
        one.fail(
            "not-asked",
            f"No client has asked for a measurement, and {early} came.",
            "nothing, before the text measure",
            early,
        )
    first, second = await asked(one), await asked(other)
    # Asked once more, by itself, each would be right that has one clock for all.
    await answered_late(talk, other, second, 0.1 + talk.random.random() / 20, last_try=True)
    await answered_late(talk, one, first, 0.05, last_try=True)
    await leave_without_a_code(other)
    await vanish(one)


async def several_measurements(talk: Talk) -> None:
    """Two measurements, and pongs that belong to none, or to the one before."""
    client = await talk.connect(automatic_pong=False)
    first = await asked(client)
    await answered_late(talk, client, first, 0.05)
    second = await asked(client)
    if first.payload == second.payload:
        client.fail(
            "same-ping",
            "Both PING frames carry the same payload, so a late PONG could be taken for another.",
            "another payload for each PING",
            second,
        )
    for decoy in (b"", b"not mine", first.payload, talk.octets(125)):
        talk.speaking = False  # what an earlier one brought about is not due to this one
        await client.send("pong", decoy)
        early = await talk.until(client.arrived, GLANCE)
        if early is not None and early.type == "ping":
            why = "A PONG with another payload came, and another PING was sent."
            client.fail("ping-again", why, "no second PING", early)
    await client.send("bytes", second.payload)
    await answered_late(talk, client, second, 0.2 + talk.random.random() / 10, True)
    third = await asked(client)
    if third.payload in (first.payload, second.payload):
        why = "The third PING carries a payload that an earlier one had."
        client.fail("same-ping", why, "another payload for each PING", third)
    await answered_late(talk, client, third, 0.02)


measure_rtt = HandlerExercise(
    name="measure_rtt",
    title="Measure the round trip time",
    rfc="sections 5.5.2 and 5.5.3",
    notebook=NOTEBOOK,
    prompt=(
        "When the text `measure` comes, send a PING with a payload that no earlier one had, wait "
        "for the PONG that carries the same payload, and send a text with the time between the "
        "two in milliseconds, as a number: `12.5`. Other PONGs, and messages of other types, may "
        "come in between; they do not count. Any other text asks for nothing."
    ),
    stub="import time\n\n\n" + HANDLER_STUB,
    hints=[
        "time.perf_counter() gives seconds; take it right before the PING and right after the "
        "PONG.",
        "A pong comes through recv(): compare its value with the payload of your ping.",
        "Count the pings, and use the number as the payload: str(number).encode().",
        "(after - before) * 1000 are milliseconds; send_text(str(...)).",
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
    scenarios=[one_measurement, several_measurements, not_asked_for],
    advice={
        "no-wait": "Send the answer when the PONG is there: it comes through recv().",
        "not-asked": "Only the text `measure` asks: compare its type, and the whole value. Send a "
        "result only for a PONG that you wait for.",
        "any-pong": "Look at the type, and compare the value of the pong with the payload of your "
        "ping.",
        "empty-ping": "send_ping(payload) takes up to 125 bytes.",
        "same-ping": "Count your pings, and send the count as the payload.",
        "ping-too-early": "One PING for each text measure: send it in the loop, when that came.",
        "wrong-unit": "time.perf_counter() gives seconds; * 1000 makes milliseconds of them.",
        "wrong-value": "Take the time right before the PING is sent and right after its PONG came.",
        "ping-again": "Other PONGs do not count: the one with the payload of the PING is still to "
        "come. Wait on for it.",
        "wrong-type": "First the PING goes out; the answer as text follows when its PONG is there.",
        "nothing": "The PONG with the payload of the PING ends a measurement; its value is bytes. "
        "Follow the lines that ran: which one should have sent the result?",
        "too-many": "One PING and one text for each measurement.",
    },
)
