"""Broadcast: what one client sends goes to all others."""

from __future__ import annotations

from collections.abc import Sequence

from astra_nb.exercises.client import Client
from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.manners import (
    expect_all,
    expect_past_control,
    expect_silence,
    leave_without_a_code,
    see_others_open,
    send_all,
    send_around_a_ping,
    send_between_control_frames,
    vanish,
)
from astra_nb.exercises.script import Talk

__all__ = ["broadcast"]

NOTEBOOK = "3-protocols"
LOST = (
    "A message before this one is missing: several were sent in a row, and each of them goes to "
    "all others."
)


async def to_all_others(talk: Talk) -> None:
    """One speaks, the others hear."""
    clients = [await talk.connect() for _ in range(3)]
    for speaker in clients:
        text = talk.word()
        await speaker.send("text", text)
        for client in clients:
            if client is not speaker:
                await client.expect("text", text)
    await expect_silence(clients, "to-itself", "The sender got its own message back.")


async def bytes_as_bytes(talk: Talk) -> None:
    """Bytes too."""
    one, other = await talk.connect(), await talk.connect()
    data = talk.octets(5)
    await one.send("bytes", data)
    await other.expect("bytes", data)
    await one.expect_nothing("to-itself", "The sender got its own message back.")


async def whatever_it_is(talk: Talk) -> None:
    """Messages of every kind, several in a row, and control frames."""
    one, two, three = [await talk.connect() for _ in range(3)]
    word, data = talk.word(), talk.octets(4)
    row: list[tuple[str, str | bytes]] = [
        ("text", word),
        ("text", word),
        ("text", ""),
        ("bytes", data),
        ("bytes", b""),
        ("bytes", b"Hello"),
        ("text", "ping"),
        ("text", "close"),
        ("text", "Grüße"),
        ("bytes", talk.octets(70_000)),
    ]
    await send_all(one, row)
    await heard_by((two, three), row)
    await send_between_control_frames(three, ("text", word), None)
    for client in (one, two):
        await expect_past_control(client, word)
    await send_around_a_ping(two, "text", [b"5 \xe2", b"\x82", b"\xac"], data)
    await two.expect("pong", data)
    await heard_by((one, three), [("text", "5 €")])


async def heard_by(clients: Sequence[Client], messages: list[tuple[str, str | bytes]]) -> None:
    for client in clients:
        await expect_all(client, messages, LOST)


async def everyone_leaves(talk: Talk) -> None:
    """Everyone leaves, each in another way, and others come."""
    stayer, closer, silent, lost = [await talk.connect() for _ in range(4)]
    text, other = talk.words(2)
    await lost.send("text", text)
    await heard_by((stayer, closer, silent), [("text", text)])
    await silent.close(1001)
    await see_others_open(silent, [stayer, closer, lost])
    await vanish(lost)
    await see_others_open(lost, [stayer, closer])
    await stayer.send("text", other)
    await closer.expect("text", other)
    await leave_without_a_code(closer)
    await see_others_open(closer, [stayer])
    await stayer.send("text", talk.word())
    newcomer = await talk.connect()
    for speaker, listener in ((newcomer, stayer), (stayer, newcomer)):
        text = talk.word()
        await speaker.send("text", text)
        await listener.expect("text", text)


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
        "not back to the sender. Pings and pongs go to nobody. Clients come and go, some without a "
        "CLOSE frame."
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
    scenarios=[bytes_as_bytes, to_all_others, whatever_it_is, everyone_leaves, someone_leaves],
    advice={
        "not-passed-on": (
            "Each of the others gets what one sends, from the moment it is connected. Follow the "
            "lines that ran: which one should have sent this here, and why did it not?"
        ),
        "to-itself": "Skip the sender, and send to each of the others: if member is not socket.",
        "known-mistake": "Each of the others gets each message, in order, whoever sent it.",
        "too-many": "Each message goes to each other client once, and nothing else is sent.",
        "wrong-value": "What a client sent goes out unchanged, and nothing of your own with it.",
        "as-text": "Bytes go on as bytes, text as text: send(message.type, message.value).",
        "behind": "This came back to its sender, or came twice.",
    },
)
