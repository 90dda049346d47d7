"""A room server: those in one room hear each other, and who comes and goes."""

from __future__ import annotations

from .client import Client
from .exercise import HandlerExercise
from .script import Talk

__all__ = ["room"]

NOTEBOOK = "3-protocols"


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
    for client in (ada, bob, eve):
        await client.expect_nothing(
            "wrong-room", "Something came here that belongs to the other room, or came twice."
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
            await client.expect("text", f"{nick} left")
    text = talk.word()
    await clients[0].send("text", text)
    await clients[0].expect("text", f"{nicks[0]}: {text}")


room = HandlerExercise(
    name="room",
    title="A room server",
    rfc="section 3",
    notebook=NOTEBOOK,
    path="/{room}",
    prompt=(
        "Clients that connect with the same path are in one room: "
        '`socket.path_parameters["room"]` is its name. The first text of a client is its name, '
        "and all in the room, the new one too, get `NICK joined`. Each further text goes to all in "
        "the room, the sender too, as `NICK: TEXT`. When a client has left, the others get "
        "`NICK left`."
    ),
    stub="rooms = {}\n\n\ndef handle_socket(socket):\n    ...\n",
    hints=[
        "A dict of sets: rooms.setdefault(name, set()) gives the members of a room.",
        "Read the name with a first recv() before the loop.",
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

    first = socket.recv()
    if first.type != "text":
        return
    nick = first.value
    members.add(socket)
    try:
        tell(f"{nick} joined")
        for message in socket:
            if message.type == "text":
                tell(f"{nick}: {message.value}")
    finally:
        members.discard(socket)
        tell(f"{nick} left")
""",
    scenarios=[joining_and_talking, leaving, two_rooms],
    advice={
        "wrong-room": 'Rooms are kept apart: socket.path_parameters["room"] says which one it is.',
        "not-mine": "Compare with what is asked for: NICK joined, NICK: TEXT, NICK left.",
        "wrong-value": "Compare letter by letter: NICK joined, NICK: TEXT, NICK left.",
        "known-mistake": "Each room by itself; the first text is the name, each further one goes "
        "out as NICK: TEXT.",
        "nothing": (
            "All in the same room should get this, the new one and the sender too; and when "
            "someone has left, the others hear of it: finally is the place."
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
