"""Answer pings by hand."""

from __future__ import annotations

from astra_nb.exercises.client import Client
from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.history import describe
from astra_nb.exercises.manners import (
    expect_all,
    leave_without_a_code,
    send_all,
    send_around_a_ping,
    vanish,
)
from astra_nb.exercises.script import Talk

__all__ = ["answer_pings"]

NOTEBOOK = "2-control-frames"


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
    stub=HANDLER_STUB,
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
        "nothing": "Automatic pong is off: each PING is answered by the handler, whatever its "
        "payload, and each text is echoed. Follow the lines that ran.",
        "behind": "Each PING gets its own PONG, in the order in which they came.",
        "ahead": "Each PING gets its own PONG, in the order in which they came.",
        "not-again": "A payload need not be another one each time. Each PING gets a PONG.",
        "answered-pong": 'Answer only what has the type "ping".',
    },
)
