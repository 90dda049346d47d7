"""Control frames: close with the code that fits, answer pings by hand, measure the round trip."""

from __future__ import annotations

from functools import partial

from astra_nb.wire.messages import CloseFrame

from .client import QUIET, Client
from .exercise import HandlerExercise
from .history import Heard, describe, describe_close
from .manners import (
    CONTROL,
    expect_all,
    leave_without_a_code,
    send_all,
    send_around_a_ping,
    send_between_control_frames,
    vanish,
)
from .script import Talk

__all__ = ["answer_pings", "close_codes", "measure_rtt"]

NOTEBOOK = "2-control-frames"
STUB = "def handle_socket(socket):\n    ...\n"
LONGEST = 20  # bytes


# Close codes


async def still_talking(talk: Talk) -> None:
    """Nothing to close."""
    client = await talk.connect()
    exact = "ü" * 5 + "x" * (LONGEST - 10)
    for text in (*talk.words(2), exact, "forbidden fruit", "bye-bye"):
        await client.send("text", text)
        await client.expect("text", text)


async def nearly_a_rule(talk: Talk) -> None:
    """Texts that no rule is about, and control frames."""
    client = await talk.connect()
    word = talk.word()
    nearly = (
        "",
        "Bye",
        "bye ",
        "BYE",
        "Forbidden",
        "shutdown now",
        "shut",
        "close",
        "1000",
        "byes",
    )
    for text in (*nearly, "x" * LONGEST, "\U0001f600" * (LONGEST // 4), word, word):
        await client.send("text", text)
        await client.expect("text", text)
    await send_between_control_frames(client, ("text", word), ("text", word))
    for data in (b"bye", b"forbidden", talk.octets(LONGEST + 5)):
        await client.send("pong", data)
        await client.send("ping", data)
        await client.send("text", word)
        close = await talk.until(partial(_closed_or_echoed, client, word))
        if isinstance(close, CloseFrame):
            client.fail(
                "closed-by-pong",
                f"A PING and a PONG came, and then {describe_close(close.code)}; the rules are "
                "about text and bytes messages.",
                f"text {word}",
                advice=CONTROL,
            )
        await expect_all(client, [("pong", data), ("text", word)])
    texts = [("text", text) for text in (*talk.words(3), "")]
    await send_all(client, texts)
    await expect_all(client, texts)
    await leave_without_a_code(client)


def _closed_or_echoed(client: Client, word: str) -> CloseFrame | bool:
    heard = client.passed.heard
    closes = [each.close for each in heard if each.close is not None]
    return closes[0] if closes else heard[-1].payload == word.encode()


async def too_big(talk: Talk) -> None:
    """A text that is too long."""
    emoji = "\U0001f600" * (LONGEST // 4) + "!"
    long = talk.word() * 30
    for text in ("x" * (LONGEST + 1), "ü" * (LONGEST // 2 + 1), emoji, "shutdown" * 3, long):
        client = await talk.connect()
        await client.send("text", text)
        await client.expect_close(1009)
    client = await talk.connect()
    await client.send_fragments("text", ["x" * LONGEST, "x"])
    await client.expect_close(1009)


async def by_type_and_word(talk: Talk) -> None:
    """Bytes, and words that ask for a close."""
    cases: list[tuple[str, str | bytes, int, str | None]] = [
        ("bytes", talk.octets(3), 1003, None),
        ("bytes", talk.octets(50), 1003, None),
        ("bytes", b"", 1003, None),
        ("bytes", b"bye", 1003, None),
        ("bytes", b"Hello", 1003, None),
        ("text", "forbidden", 1008, None),
        ("text", "shutdown", 1001, None),
        ("text", "bye", 1000, "bye"),
    ]
    for type, value, code, reason in cases:
        client = await talk.connect()
        await client.send(type, value)
        await client.expect_close(code, reason)
    client = await talk.connect()
    await client.send_fragments("text", ["b", "ye"])
    await client.expect_close(1000, "bye")


async def after_some_talk(talk: Talk) -> None:
    """A close after some talk."""
    code, word = talk.random.choice([(1008, "forbidden"), (1001, "shutdown")])
    leaver, stayer = await talk.connect(), await talk.connect()
    for text in talk.words(talk.random.randrange(1, 4)):
        await leaver.send("text", text)
        await leaver.expect("text", text)
    await leaver.send("text", word)
    await leaver.expect_close(code)
    text = talk.word()
    await stayer.send("text", text)
    await stayer.expect("text", text)


close_codes = HandlerExercise(
    name="close_codes",
    title="Close with the code that fits",
    rfc="section 7.4.1",
    notebook=NOTEBOOK,
    prompt=(
        "An echo with rules. Echo every text, but close with the code that fits when one comes "
        "that has more than 20 bytes in UTF-8 (too big), is `forbidden` (against the policy), is "
        "`shutdown` (you are going away), or is `bye` (a normal closure, with the reason `bye`). "
        "A bytes message is data that you do not support, whatever its size. Pings and pongs get "
        "no answer of yours, and no close."
    ),
    stub=STUB,
    hints=[
        "The codes: 1000 normal, 1001 going away, 1003 unsupported data, 1008 policy violation, "
        "1009 message too big.",
        'socket.send_close(1008) closes; socket.send_close(1000, "bye") gives a reason too.',
        "After send_close() nothing more may be sent: return, or use elif and else.",
        "Bytes in UTF-8 are counted by len(text.encode()). More than 20 are too many, 20 are not.",
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type == "bytes":
            socket.send_close(1003)
        elif message.type != "text":
            continue
        elif len(message.value.encode()) > 20:
            socket.send_close(1009)
        elif message.value == "forbidden":
            socket.send_close(1008)
        elif message.value == "shutdown":
            socket.send_close(1001)
        elif message.value == "bye":
            socket.send_close(1000, "bye")
        else:
            socket.send_text(message.value)
""",
    scenarios=[
        still_talking,
        too_big,
        by_type_and_word,
        nearly_a_rule,
        after_some_talk,
    ],
    advice={
        "closed-early": "Which rule asks for a close here? 20 bytes are allowed, and only the "
        "whole word counts.",
        "not-closed": "Which rule is about this message? Count the bytes in UTF-8, not the "
        "characters; compare whole words; and bytes are closed with 1003, whatever their size.",
        "raised": "An exception closes with 1011. Is the type looked at before the value is used?",
        "returned": "Texts that no rule names are echoed, and the connection stays open.",
        "first-only": "Texts that no rule names are echoed, and the connection stays open.",
        "sent-before-close": "Who closes does not echo: look at the rules first, and echo only "
        "when none of them holds.",
        "closed-twice": "After send_close() nothing may follow, no echo and no second close: "
        "return, or use elif and else.",
    },
)


# Answer pings by hand


async def pings(talk: Talk) -> None:
    """Pings with and without a payload."""
    client = await talk.connect()
    for data in (bytes([0, 88, 14, 67, 45]), talk.octets(8), b"", talk.octets(125)):
        await client.send("ping", data)
        await client.expect("pong", data)


async def pings_in_a_row(talk: Talk) -> None:
    """Several pings at once."""
    client = await talk.connect()
    payloads = [talk.octets(3) + bytes([number]) for number in range(4)]
    await send_all(client, [("ping", data) for data in payloads])
    for data in payloads:
        await client.expect("pong", data)


async def pings_again(talk: Talk) -> None:
    """The same payload again, from one client and from two."""
    one, other = await talk.connect(), await talk.connect()
    data = talk.octets(5)
    for client in (one, one, other, one):
        await client.send("ping", data)
        await _answered_again(talk, client, data)
        await client.expect("pong", data)
    for payload in (b"", b"", bytes(4), bytes(125), b"ping", b"close"):
        await other.send("ping", payload)
        await other.expect("pong", payload)
    await send_all(one, [("ping", data)] * 3)
    await expect_all(one, [("pong", data)] * 3)
    await leave_without_a_code(one)
    await other.send("ping", data)
    await other.expect("pong", data)
    await vanish(other)


async def _answered_again(talk: Talk, client: Client, data: bytes) -> None:
    heard = await talk.until(client.arrived)
    times = sum(
        frame.type == "ping" and frame.payload == data
        for each in talk.clients
        for frame in each.passed.frames
    )
    if heard is None and times > 1 and client.handler_waits:
        client.fail(
            "not-again",
            "This PING has a payload that an earlier one had too, and no PONG came.",
            describe("pong", data),
        )


async def texts_between(talk: Talk) -> None:
    """Texts of every kind, and pings between them."""
    client = await talk.connect()
    word, data = talk.word(), talk.octets(4)
    for text in ("", "ping", "pong", "close", "Grüße", word, word):
        await client.send("text", text)
        await client.expect("text", text)
        await client.send("ping", data)
        await client.expect("pong", data)
    await send_around_a_ping(client, "text", [b"Hel", b"lo ", word.encode()], data)
    await expect_all(client, [("pong", data), ("text", f"Hello {word}")])
    row: list[tuple[str, str | bytes]] = [
        ("ping", data),
        ("text", word),
        ("ping", b""),
        ("text", ""),
    ]
    await send_all(client, row)
    await expect_all(client, [("pong" if type == "ping" else type, value) for type, value in row])
    for payload in (b"", data):
        await client.send("pong", payload)
    await client.send("ping", payload := talk.octets(6))
    heard = await talk.until(client.arrived)
    if heard is not None and heard.payload in (b"", data):
        client.fail(
            "answered-pong",
            f"After two PONG frames {heard} came; a PONG is an answer itself, and gets none "
            "(section 5.5.3).",
            describe("pong", payload),
            heard,
        )
    await client.expect("pong", payload)


async def among_others(talk: Talk) -> None:
    """Pings among texts and pongs."""
    client = await talk.connect()
    word, data = talk.word(), talk.octets(4)
    await client.send("text", word)
    await client.expect("text", word)
    await client.send("pong", data)
    await client.expect_nothing(
        "answered-pong", "A PONG is an answer itself, and gets none (section 5.5.3)."
    )
    await client.send("ping", data)
    await client.expect("pong", data)
    await client.send("text", word)
    await client.expect("text", word)


answer_pings = HandlerExercise(
    name="answer_pings",
    title="Answer pings by hand",
    rfc="sections 5.5.2 and 5.5.3",
    notebook=NOTEBOOK,
    prompt=(
        "Automatic pong is switched off here, so the answer is yours. Answer each PING with a PONG "
        "that carries the same payload, each time. Echo texts. A PONG that comes gets no answer."
    ),
    stub=STUB,
    hints=[
        'A ping comes through recv() with the type "ping"; its value is bytes.',
        "socket.send_pong(message.value) answers it.",
        "Do nothing with a pong.",
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type == "ping":
            socket.send_pong(message.value)
        elif message.type == "text":
            socket.send_text(message.value)
""",
    automatic_pong=False,
    scenarios=[pings, pings_in_a_row, pings_again, texts_between, among_others],
    advice={
        "wrong-type": "A PING is answered with a PONG: send_pong().",
        "cut": "The PONG carries the payload of its PING, all of it (section 5.5.3).",
        "empty": "The PONG carries the payload of its PING (section 5.5.3).",
        "wrong-value": "The PONG carries the payload of its PING, unchanged (section 5.5.3).",
        "nothing": "Automatic pong is off: a PING is only answered by the handler, and at once. "
        'It comes with the type "ping", in small letters.',
        "behind": "Each PING gets its own PONG, in the order in which they came.",
        "ahead": "Each PING gets its own PONG, in the order in which they came.",
        "not-again": "A payload need not be another one each time. Each PING gets a PONG.",
        "answered-pong": 'Answer only what has the type "ping".',
    },
)


# Measure the round trip time


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
    talk: Talk, client: Client, ping: Heard, delay: float, decoy: bool = False
) -> None:
    """Send the PONG for a PING after a while, and judge the time that is said."""
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
            key, why = "wrong-value", "That is half of it: the round trip is there and back."
        elif said > 1e6:
            key, why = (
                "wrong-value",
                "That is a time of day or of a clock, and no difference: subtract the time at "
                "which the PING was sent.",
            )
        elif any(abs(said * factor - took) <= slack * 0.5 for factor in (10, 100)):
            key, why = "wrong-unit", "That is too small by 10 or 100; 1000 makes milliseconds."
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
    await answered_late(talk, other, second, 0.1 + talk.random.random() / 20)
    await answered_late(talk, one, first, 0.05)
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
        )
    for decoy in (b"", b"not mine", first.payload, talk.octets(125)):
        await client.send("pong", decoy)
    await client.send("bytes", second.payload)
    await answered_late(talk, client, second, 0.2 + talk.random.random() / 10, True)


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
    stub="import time\n\n\n" + STUB,
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
        "wrong-type": "First the PING goes out; the answer as text follows when its PONG is there.",
        "nothing": "Is the PONG waited for in the same loop in which texts are read, and "
        "is the result sent?",
        "too-many": "One PING and one text for each measurement.",
    },
)
