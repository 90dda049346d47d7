"""A room server: those in one room hear each other, and who comes and goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from astra_nb.exercises.client import QUIET, Client
from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.manners import (
    expect_all,
    expect_past_control,
    expect_silence,
    leave_without_a_code,
    see_open,
    send_all,
    send_between_control_frames,
    vanish,
)
from astra_nb.exercises.script import Talk

__all__ = ["room"]

NOTEBOOK = "3-protocols"
ONLY_TEXT = "Only a text can be a name: look at the type of the first message, and wait for a text."
LOST = "A text before this one is missing: several were sent in a row, and all of them go to all."


async def enter(client: Client, nick: str, there: list[Client]) -> None:
    await client.send("text", nick)
    for each in (client, *there):
        await each.expect("text", f"{nick} joined")


async def joining_and_talking(talk: Talk) -> None:
    """Joining, and talking."""
    nicks = talk.words(2)
    ada = await talk.connect("kitchen")
    await enter(ada, nicks[0], [])
    bob = await talk.connect("kitchen")
    await enter(bob, nicks[1], [ada])
    for speaker, nick in ((ada, nicks[0]), (bob, nicks[1])):
        text = talk.word()
        await speaker.send("text", text)
        for client in (ada, bob):
            await client.expect(
                "text",
                f"{nick}: {text}",
                mistakes={
                    text: "The name of the speaker is missing: NICK: TEXT.",
                    f"{nick} joined": "Only the first text of a client is its name.",
                    f"{text} joined": "Only the first text of a client is its name.",
                },
            )


async def two_rooms(talk: Talk) -> None:
    """Two rooms."""
    rooms = talk.words(2)
    nicks = talk.words(3)
    clients: list[Client] = []
    for nick, name in zip(nicks, (rooms[0], rooms[1], rooms[0]), strict=True):
        clients.append(await talk.connect(name))
        await clients[-1].send("text", nick)
        await clients[-1].expect("text", f"{nick} joined")
    ada, bob, eve = clients
    other = f"{nicks[1]} joined"
    await ada.expect(
        "text", f"{nicks[2]} joined", mistakes={other: f"{other}: that is in the other room."}
    )
    text = talk.word()
    await eve.send("text", text)
    for client in (eve, ada):
        await client.expect("text", f"{nicks[2]}: {text}")
    why = "Something came here that belongs to the other room, or came twice."
    await expect_silence((ada, bob, eve), "wrong-room", why)
    await eve.close()
    await ada.expect("text", f"{nicks[2]} left")
    await expect_silence((ada, bob), "wrong-room", why)


LEAVINGS: tuple[tuple[str, Callable[[Client], Awaitable[None]]], ...] = (
    ("with close code 1000", Client.close),
    ("with close code 1001", lambda client: client.close(1001)),
    ("with an empty CLOSE frame", leave_without_a_code),
    ("without a CLOSE frame", vanish),
)


async def leaving(talk: Talk) -> None:
    """Leaving."""
    nicks = talk.words(3)
    clients: list[Client] = []
    for nick in nicks:
        newcomer = await talk.connect("hall")
        await enter(newcomer, nick, clients)
        clients.append(newcomer)
    while len(clients) > 1:
        leaver = clients.pop(0)
        nick = nicks.pop(0)
        await leaver.close()
        for client in clients:
            await see_open(leaver, client)
            await client.expect("text", f"{nick} left")
    text = talk.word()
    await clients[0].send("text", text)
    await clients[0].expect("text", f"{nicks[0]}: {text}")


async def left_in_any_way(talk: Talk) -> None:
    """Leaving in any way."""
    ada = await talk.connect("hall")
    await enter(ada, "Ada", [])
    for how, leave in LEAVINGS:
        nick, text = talk.words(2)
        leaver = await talk.connect("hall")
        await enter(leaver, nick, [ada])
        await leave(leaver)
        heard = await talk.until(ada.arrived)
        if heard is None and ada.handler_waits:
            ada.fail(
                "not-told",
                f"A client left {how}, and nobody heard of it.",
                f"text {nick} left",
                advice="However a client leaves, its handler comes to an end; so `finally` is the "
                "place. The value of a close is None where no close code came.",
            )
        await ada.expect("text", f"{nick} left")
        await ada.send("text", text)
        await ada.expect("text", f"Ada: {text}")


async def two_of_one_name(talk: Talk) -> None:
    """Two of one name."""
    nick, text = talk.words(2)
    one = await talk.connect("attic")
    await enter(one, nick, [])
    two = await talk.connect("attic")
    await two.send("text", nick)
    for client in (two, one):
        await same_name(talk, client, f"{nick} joined")
    for speaker in (one, two):
        await speaker.send("text", text)
        for client in (one, two):
            await same_name(talk, client, f"{nick}: {text}", text)
    await two.close()
    await same_name(talk, one, f"{nick} left")
    await one.send("text", text)
    await same_name(talk, one, f"{nick}: {text}", text)


async def same_name(talk: Talk, client: Client, text: str, said: str = "") -> None:
    """Expect a text; and where none comes, say that two clients have one name."""
    if await talk.until(client.arrived) is None and client.handler_waits:
        client.fail(
            "same-name",
            "Two clients of this room have the same name, and one of them got nothing.",
            f"text {text}",
            advice="A name does not tell clients apart; a socket does.",
        )
    again: dict[str | bytes, str] = {}
    if said:
        again[f"{said} joined"] = "Only the first text of a client is its name."
    await client.expect("text", text, mistakes=again)


async def before_the_name(talk: Talk) -> None:
    """What comes before a name, and in place of it."""
    nicks = talk.words(2)
    ada = await talk.connect("hall")
    await enter(ada, nicks[0], [])
    for leave in (Client.close, vanish):
        await leave(await talk.connect("hall"))
    heard = await talk.until(ada.arrived, QUIET)
    if heard is not None and heard.close is None:
        ada.fail(
            "no-name",
            f"Two clients left that had said no name, and {heard} came here.",
            "nothing",
            heard,
            advice=ONLY_TEXT,
        )
    bob = await talk.connect("hall")
    for type, value in (("pong", b"Eve"), ("bytes", b"Eve"), ("ping", b"Eve")):
        await bob.send(type, value)
    await bob.expect("pong", b"Eve")
    await bob.send("text", nicks[1])
    for client in (bob, ada):
        heard = await talk.until(client.arrived)
        if heard is not None and heard.close is None and nicks[1].encode() not in heard.payload:
            client.fail(
                "no-name",
                f"A client sent a PONG, bytes and a PING before its name, and {heard} came.",
                f"text {nicks[1]} joined",
                heard,
                advice=ONLY_TEXT,
            )
        await client.expect("text", f"{nicks[1]} joined")


async def whatever_is_said(talk: Talk) -> None:
    """Texts of every kind, several in a row, and what is no text."""
    nick, word = talk.words(2)
    ada = await talk.connect("Hall")
    await enter(ada, "Zoë {x} %s", [])
    bob = await talk.connect("Hall")
    await enter(bob, nick, [ada])
    texts = [
        word,
        word,
        "",
        nick,
        "a: b",
        "joined",
        f"{nick} left",
        "{nick}",
        "Grüße",
        "x" * 70_000,
    ]
    await send_all(bob, [("text", text) for text in texts])
    for client in (ada, bob):
        await expect_all(client, [("text", f"{nick}: {text}") for text in texts], LOST)
    eve = await talk.connect("Hall")
    await enter(eve, "", [ada, bob])
    await eve.send("text", word)
    for client in (eve, ada, bob):
        await client.expect("text", f": {word}")
    await eve.close()
    for client in (ada, bob):
        await client.expect("text", " left")
    await bob.send("bytes", b"no text")
    said = f"Zoë {{x}} %s: {word}"
    await send_between_control_frames(ada, ("text", word), ("text", said))
    await expect_past_control(bob, said, "Bytes, a PONG and a PING were sent in this room")


room = HandlerExercise(
    name="room",
    title="A room server",
    rfc="section 3",
    notebook=NOTEBOOK,
    path="/{room}",
    prompt=(
        "Clients that connect with the same path are in one room: "
        '`socket.path_parameters["room"]` is its name. The first text of a client is its name: '
        "with it the client is in the room, and all in there, the new one too, get "
        "`NICK joined`. Each further text goes to all in the room, the sender too, as "
        "`NICK: TEXT`. When a client has left, in whatever way, the others get `NICK left`; of one "
        "that had said no name nobody hears. Two may have the same name. What is no text is passed "
        "over."
    ),
    stub="rooms = {}\n\n\ndef handle_socket(socket):\n    ...\n",
    hints=[
        "A dict of sets: rooms.setdefault(name, set()) gives the members of a room.",
        "Keep the name in a variable of the handler that is None until the first text has come.",
        "What comes after the close goes into finally: take the socket out, then tell the others.",
        "A function tell(members, text) saves writing the loop three times.",
    ],
    solution_text="""\
rooms = {}


def handle_socket(socket):
    members = rooms.setdefault(socket.path_parameters["room"], set())

    def tell(text):
        for member in list(members):
            member.send_text(text)

    nick = None
    try:
        for message in socket:
            if message.type != "text":
                continue
            if nick is None:
                nick = message.value
                members.add(socket)
                tell(f"{nick} joined")
            else:
                tell(f"{nick}: {message.value}")
    finally:
        members.discard(socket)
        if nick is not None:
            tell(f"{nick} left")
""",
    scenarios=[
        joining_and_talking,
        leaving,
        two_rooms,
        before_the_name,
        two_of_one_name,
        whatever_is_said,
        left_in_any_way,
    ],
    advice={
        "wrong-room": 'Rooms are kept apart: socket.path_parameters["room"] says which one it is.',
        "not-mine": "Compare with what is asked for: NICK joined, NICK: TEXT, NICK left.",
        "wrong-value": "Compare letter by letter: NICK joined, NICK: TEXT, NICK left.",
        "known-mistake": "Each room by itself; the first text is the name, each further one goes "
        "out as NICK: TEXT.",
        "nothing": (
            "All in the same room get this, whoever brought it about. Follow the lines that ran: "
            "which one should have sent it here, and why did it not?"
        ),
        "not-passed-on": "All in the same room should get this.",
        "sent-to-gone": (
            "Sending to someone who has left raises ConnectionClosed, and that ended this handler. "
            "Take the socket out first, then tell the others."
        ),
        "first-only": "After the name the handler stays in a loop until the client closes.",
        "too-many": "Each of these texts comes once.",
        "behind": "Each text goes out as NICK: TEXT.",
        "echoed": "The first text is a name: all get NICK joined. Each further one is NICK: TEXT.",
        "added": "Compare letter by letter: NICK joined, NICK: TEXT, NICK left.",
    },
)
