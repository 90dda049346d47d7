"""Broadcast: what one client sends goes to all others."""

from __future__ import annotations

from .exercise import HandlerExercise
from .script import Talk

__all__ = ["broadcast"]

NOTEBOOK = "3-protocols"


async def to_all_others(talk: Talk) -> None:
    """One speaks, the others hear."""
    clients = [await talk.connect() for _ in range(3)]
    for speaker in clients:
        text = talk.word()
        await speaker.send("text", text)
        for client in clients:
            if client is not speaker:
                await client.expect("text", text)
    for client in clients:
        await client.expect_nothing("to-itself", "The sender got its own message back.")


async def bytes_as_bytes(talk: Talk) -> None:
    """Bytes too."""
    one, other = await talk.connect(), await talk.connect()
    data = talk.octets(5)
    await one.send("bytes", data)
    await other.expect("bytes", data)
    await one.expect_nothing("to-itself", "The sender got its own message back.")


async def someone_leaves(talk: Talk) -> None:
    """Someone leaves, someone comes."""
    clients = [await talk.connect() for _ in range(3)]
    await clients[0].close()
    latecomer = await talk.connect()
    for speaker in (clients[1], latecomer, clients[2]):
        text = talk.word()
        await speaker.send("text", text)
        for client in (clients[1], clients[2], latecomer):
            if client is not speaker:
                await client.expect("text", text)


broadcast = HandlerExercise(
    name="broadcast",
    title="Broadcast to all but the sender",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "What one client sends, text or bytes, goes to all other clients that are connected, and "
        "not back to the sender. Clients come and go."
    ),
    stub="members = set()\n\n\ndef handle_socket(socket):\n    ...\n",
    hints=[
        "All handlers share what is outside of them: put each socket into a set when it comes.",
        "Take it out again when the handler ends: try and finally.",
        "Go over a copy, list(members), because others come and go meanwhile; and skip the sender.",
    ],
    solution_text="""\
members = set()


def handle_socket(socket):
    members.add(socket)
    try:
        for message in socket:
            if message.type not in ("text", "bytes"):
                continue
            for member in list(members):
                if member is not socket:
                    member.send(message.type, message.value)
    finally:
        members.discard(socket)
""",
    scenarios=[bytes_as_bytes, to_all_others, someone_leaves],
    advice={
        "not-passed-on": (
            "What another client sent should have come here. Handlers reach each other only "
            "through something outside of them, such as a set of sockets; a socket goes in as soon "
            "as its handler begins. And each of the others gets what one sends."
        ),
        "to-itself": "Skip the sender, and send to each of the others: if member is not socket.",
        "too-many": "Each message goes to each other client once, and nothing else is sent.",
        "wrong-value": "What a client sent goes out unchanged, and nothing of your own with it.",
        "as-text": "Bytes go on as bytes, text as text: send(message.type, message.value).",
        "behind": "This came back to its sender, or came twice.",
    },
)
