"""A room server: those in one room hear each other, and who comes and goes."""

from collections.abc import Callable

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import Client, Script

__all__ = ["room"]

FIRST = "Only the first text of a client is its name."
NO_NAME = "This client has given no name, so it is not in the room: it gets nothing yet."
NOT_TEXT = "Only a text can be a name, and only texts are said in a room: look at message.type."
ALL = "Nothing came here. Everyone in the room gets this, including the client that caused it."
LOST = "Several texts were sent in a row: each goes to everyone in the room, as NICK: TEXT, in \
order."
SAME_NAME = "Two clients of this room have the same name, and one of them got nothing: a name does \
not tell clients apart, a socket does."
SKIPPED = (
    "A client that had this text left while it went out to the others, and not all of them got it. "
    "Do you loop over the very list that this client is taken out of? Go over a copy."
)
OTHER_ROOM = "That belongs to the other room, or came twice."
WAYS: tuple[tuple[str, Callable[[Client], None]], ...] = (
    ("with close code 1000", Client.close),
    ("with close code 1001", lambda client: client.close(1001)),
    ("with an empty CLOSE frame", Client.close_without_code),
    ("without a CLOSE frame", Client.vanish),
)


def enter(client: Client, nick: str, *there: Client, missing: str = ALL) -> None:
    client.send("text", nick)
    for each in (client, *there):
        each.expect("text", f"{nick} joined", missing=missing)


def say(client: Client, nick: str, text: str, *there: Client, missing: str = ALL) -> None:
    client.send("text", text)
    mistakes = {text: "The name of the speaker is missing: NICK: TEXT.", f"{text} joined": FIRST}
    for each in (client, *there):
        each.expect("text", f"{nick}: {text}", mistakes={**mistakes, f"{nick} joined": FIRST},
                    missing=missing)  # fmt: skip


def joining_talking_leaving(script: Script) -> None:
    """Joining, talking, leaving."""
    names, clients = script.words(3), list[Client]()
    for nick in names:
        clients.append(script.client("hall"))
        enter(clients[-1], nick, *clients[:-1])
        say(clients[0], names[0], script.word(), *clients[1:])
        say(clients[-1], nick, script.word(), *clients[:-1])
    while len(clients) > 1:
        clients.pop(0).close()
        nick = names.pop(0)
        for client in clients:
            client.expect("text", f"{nick} left", missing="A client left, and nobody was told.")
        say(clients[0], names[0], script.word(), *clients[1:])


def two_rooms(script: Script) -> None:
    """Two rooms."""
    rooms, (a, b, c) = script.words(2), script.words(3)
    ada, bob = script.client(rooms[0]), script.client(rooms[1])
    for client, nick in ((ada, a), (bob, b)):
        enter(client, nick)
    script.expect_nothing(ada, bob, why=OTHER_ROOM)
    eve = script.client(rooms[0])
    enter(eve, c, ada)
    say(eve, c, script.word(), ada)
    script.expect_nothing(ada, bob, eve, why=OTHER_ROOM)
    eve.close()
    ada.expect("text", f"{c} left")
    script.expect_nothing(ada, bob, why=OTHER_ROOM)


def before_the_name(script: Script) -> None:
    """Before a name, and in place of it."""
    a, b, c = script.words(3)
    silent, ada = script.client("hall"), script.client("hall")
    enter(ada, a)
    for leave in (Client.close, Client.vanish):
        leave(script.client("hall"))
    ada.expect_nothing("Two clients left that had given no name: nobody is told about them.")
    bob = script.client("hall")
    bob.send_all([("pong", b"Eve"), ("bytes", b"Eve"), ("ping", b"Eve")])
    bob.expect("pong", b"Eve", why=NOT_TEXT)
    script.expect_nothing(ada, bob, why=NOT_TEXT)
    enter(bob, b, ada)
    say(bob, b, script.word(), ada)
    silent.expect_nothing(NO_NAME)
    enter(silent, c, ada, bob)


def someone_comes_meanwhile(script: Script) -> None:
    """Someone comes while a text goes out."""
    ada, bob, (a, b, c) = script.client("hall"), script.client("hall"), script.words(3)
    enter(ada, a)
    enter(bob, b, ada)
    script.hold(ada, bob)
    ada.send("text", script.word())
    newcomer = script.client("hall")
    newcomer.send("text", c)
    script.release()
    for client in (ada, bob):
        client.expect("text")
        client.expect("text")
    newcomer.forget()
    for client in (ada, bob):
        client.expect("text", f"{c} left", missing="A client left, and nobody was told.")


def one_leaves_that_had_it(script: Script) -> None:
    """Someone leaves while a text that they have already goes out to others."""
    clients, nicks = [script.client("hall") for _ in range(4)], script.words(4)
    for count, (client, nick) in enumerate(zip(clients, nicks, strict=True)):
        enter(client, nick, *clients[:count])
    script.hold(*clients[1:])
    clients[0].send("text", script.word())
    script.one_leaves_between()
    script.release()
    for client in clients:  # the text, and who left, in any order
        client.expect("text", missing=SKIPPED)
        client.expect("text", missing=SKIPPED)


def two_of_one_name(script: Script) -> None:
    """Two of one name."""
    nick, text = script.words(2)
    one, two = script.client("attic"), script.client("attic")
    enter(one, nick)
    enter(two, nick, one, missing=SAME_NAME)
    for speaker, other in ((one, two), (two, one)):
        say(speaker, nick, text, other, missing=SAME_NAME)
    two.close()
    one.expect("text", f"{nick} left", missing=SAME_NAME)
    say(one, nick, text, missing=SAME_NAME)


def texts_of_every_kind(script: Script) -> None:
    """Texts of every kind, several in a row, and what is no text."""
    (nick, word), zoe = script.words(2), "Zoë {x} %s"
    ada, bob, eve = (script.client("Hall") for _ in range(3))
    enter(ada, zoe)
    enter(bob, nick, ada)
    texts = [word, word, "", nick, "a: b", "joined", f"{nick} left", "{nick}", "x" * 70_000]
    bob.send_all([("text", text) for text in texts])
    for client in (ada, bob):
        client.expect_all([("text", f"{nick}: {text}") for text in texts], why=LOST)
    enter(eve, "", ada, bob)
    say(eve, "", word, ada, bob)
    eve.close()
    for client in (ada, bob):
        client.expect("text", " left")
    bob.send("bytes", b"no text")
    script.expect_nothing(ada, bob, why=NOT_TEXT)
    ada.control_between(("text", word), ("text", f"{zoe}: {word}"))
    bob.expect("text", f"{zoe}: {word}", why=NOT_TEXT)


def left_in_any_way(script: Script) -> None:
    """Leaving in any way."""
    ada, nicks = script.client("hall"), script.words(5)
    enter(ada, nicks[0])
    for (how, leave), nick in zip(WAYS, nicks[1:], strict=True):
        leaver = script.client("hall")
        enter(leaver, nick, ada)
        leave(leaver)
        ada.expect("text", f"{nick} left", missing=f"A client left {how}, and nobody was told.")
        say(ada, nicks[0], script.word())


room = HandlerExercise(
    name="room",
    title="A room server",
    rfc="section 3",
    notebook="3-protocols",
    path="/{room}",
    prompt=(
        'Clients that connect with the same path are in one room: `socket.path_parameters["room"]` '
        "is its name. The first text from a client is its name: it puts the client into the room, "
        "and everyone there, including the new client, gets `NICK joined`. Each further text goes "
        "to everyone in the room, including the sender, as `NICK: TEXT`. When a client leaves, in "
        "whatever way, the others get `NICK left`; nobody is told about a client that never gave a "
        "name, and it gets nothing. Two clients may have the same name. Skip anything that is not "
        "text."
    ),
    stub="rooms = {}\n\n\ndef handle_socket(socket):\n    ...\n",
    hints=[
        "A dict of sets can hold the sockets of each room: rooms.setdefault(name, set()). A socket "
        "is a better key than a name, which two may have.",
        "A client without a name is not in the room yet. Keep the name in a variable of the "
        "handler that is None until the first text has come: an empty text is a name, too.",
        "However a client leaves, the handler reaches `finally`: take the socket out first, and "
        "then tell the others, if there was a name.",
        "A function that sends one text to all members saves writing the loop three times. Loop "
        "over a copy.",
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
        joining_talking_leaving,
        two_rooms,
        before_the_name,
        two_of_one_name,
        someone_comes_meanwhile,
        one_leaves_that_had_it,
        texts_of_every_kind,
        left_in_any_way,
    ],
    wrong=[
        Wrong(
            "def handle_socket(s):\n    for m in s:\n        s.send_text(m.value)\n", "to-itself"
        ),
        Wrong("def handle_socket(s):\n    s.path_parameters['name']\n", "raised"),
    ],
    advice={
        "wrong-value": "Compare letter by letter: NICK joined, NICK: TEXT, NICK left.",
        "too-early": "A client that has given no name is not in the room: it gets nothing yet.",
        "sent-to-gone": "Sending to a client that has left raises ConnectionClosed, and that ends "
        "this handler. Take the socket out first, then tell the others.",
        "returned": "After the name the handler stays in a loop until the client closes.",
        "too-many": "Each of these texts comes once.",
        "to-itself": "The first text is a name: everyone gets NICK joined; then NICK: TEXT.",
    },
)
