"""Five types: each kind of message is answered with its own."""

from __future__ import annotations

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.manners import (
    expect_all,
    leave_without_a_code,
    send_all,
    send_around_a_ping,
)
from astra_nb.exercises.script import Talk

__all__ = ["five_types"]

NOTEBOOK = "1-first-steps"


async def text_and_bytes(talk: Talk) -> None:
    """Text and bytes."""
    client = await talk.connect(automatic_pong=False)
    word, data = talk.word(), talk.octets(5)
    await client.send("text", word)
    await client.expect("text", word)
    await client.send("bytes", data)
    await client.expect("bytes", data)


async def ping_and_pong(talk: Talk) -> None:
    """Ping and pong."""
    client = await talk.connect(automatic_pong=False)
    for type in ("ping", "pong"):
        for data in (talk.octets(5), b""):
            await client.send(type, data)
            await client.expect(type, data)


async def whatever_it_carries(talk: Talk) -> None:
    """Empty, long, and the same one twice."""
    client = await talk.connect(automatic_pong=False)
    data = talk.octets(4)
    for text in ("", "ping", "close", "Grüße, 世界", data.hex(), data.hex()):
        await client.send("text", text)
        await client.expect("text", text)
    for type in ("bytes", "ping", "pong"):
        for value in (b"", b"close", bytes(3), data, data, talk.octets(125)):
            await client.send(type, value)
            await client.expect(type, value)
    await client.send("bytes", long := talk.octets(70_000))
    await client.expect("bytes", long)
    await send_around_a_ping(client, "text", [b"5 \xe2", b"\x82", b"\xac"], data)
    await expect_all(client, [("ping", data), ("text", "5 €")])
    for type in ("ping", "pong", "bytes"):
        values = [talk.octets(3) + bytes([number]) for number in range(3)]
        row = [(type, value) for value in values]
        await send_all(client, row)
        await expect_all(client, row)
    await leave_without_a_code(client)


async def gone(talk: Talk) -> None:
    """A client that goes away, and the next one."""
    for code, reason in ((1001, ""), (3000, "Grüße"), (4999, "close")):
        client = await talk.connect(automatic_pong=False)
        word = talk.word()
        await client.send("ping", word)
        await client.expect("ping", word)
        await client.close(code, reason)


async def any_order(talk: Talk) -> None:
    """All types, in an order by chance."""
    client = await talk.connect(automatic_pong=False)
    types = ["text", "bytes", "ping", "pong"] * 2
    talk.random.shuffle(types)
    for type in types:
        value: str | bytes = talk.word() if type == "text" else talk.octets(4)
        await client.send(type, value)
        await client.expect(type, value)
    await client.close(4000 + talk.random.randrange(1000), talk.word())


five_types = HandlerExercise(
    name="five_types",
    title="Five types",
    rfc="sections 5.5 and 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "There are five types of messages: text, bytes, ping, pong, close. Answer each of the "
        "first four with a message of its own kind and the same value: a ping with a ping, a pong "
        "with a pong. The close is answered by the server itself; then the handler ends. "
        "(Automatic pong is switched off in this exercise.)"
    ),
    stub=HANDLER_STUB,
    hints=[
        "All five types come through socket.recv(); message.type tells which one it is.",
        "socket.send(message.type, message.value) works for the first four.",
        'Leave the loop when message.type is "close".',
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type != "close":
            socket.send(message.type, message.value)
""",
    automatic_pong=False,
    scenarios=[text_and_bytes, ping_and_pong, whatever_it_carries, gone, any_order],
    advice={
        "wrong-type": (
            "Here each type is answered with its own kind: ping with ping, pong with pong."
        ),
        "nothing": (
            'Each "text", "bytes", "ping" and "pong" is answered, an empty one too. Follow the '
            "lines that ran: which one should have answered this?"
        ),
        "cut": "What comes goes back whole. A ping and a pong carry a payload too, up to 125 "
        "bytes; it goes back unchanged.",
        "empty": "A ping and a pong carry a payload, and it goes back unchanged.",
        "wrong-value": "What goes back is message.value, unchanged, for each of the four types.",
    },
)
