"""A room server: those in one room hear each other, and who comes and goes."""

from collections.abc import Callable

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import ODD, Client, Script

FIRST = "Only the first text of a client is its name."
NO_NICK = "The name of the speaker is missing: NICK: TEXT."
NO_NAME = "A client that has given no name is not in the room: nobody is told about it."
NOT_TEXT = "Only a text can be a name, and only texts are said in a room: look at message.type."
ROW = "Several texts were sent in a row: each goes to everyone in the room, in order."
SAME_NAME = "Two clients may have the same name: a socket tells them apart, not a name."
COPY = (
    "A client that had this text left while it went out to the others, and not all of them got it. "
    "Do you loop over the very list that this client is taken out of? Go over a copy."
)
OTHER_ROOM = "That belongs to the other room, or came twice."
LEFT = "A client left {}: the others get NICK left, however it leaves."
WAYS: dict[str, Callable[[Client], None]] = {
    "with close code 1000": Client.close,
    "with close code 1001": lambda client: client.close(1001),
    "with an empty CLOSE frame": Client.close_without_code,
    "without a CLOSE frame": Client.vanish,
}


def enter(client: Client, nick: str, *there: Client, why: str = "") -> None:
    client.send("text", nick)
    for each in (client, *there):
        each.expect("text", f"{nick} joined", why=why)


def say(client: Client, nick: str, text: str, *there: Client) -> None:
    client.send("text", text)
    known = {text: NO_NICK, f"{text} joined": FIRST, f"{nick} joined": FIRST}
    for each in (client, *there):
        each.expect("text", f"{nick}: {text}", mistakes=known)


def joining_talking_leaving(script: Script) -> None:
    ada, bob, (a, b) = script.client("hall"), script.client("hall"), script.words(2)
    enter(ada, a)
    say(ada, a, script.word())
    bob.expect_nothing(NO_NAME)
    enter(bob, b, ada)
    say(ada, a, script.word(), bob)
    say(bob, b, script.word(), ada)
    for (how, leave), nick in zip(WAYS.items(), (*script.words(3), a), strict=True):
        leaver = script.client("hall")
        enter(leaver, nick, ada, bob, why=SAME_NAME if nick == a else "")
        leave(leaver)
        script.expect((ada, bob), ("text", f"{nick} left"), why=LEFT.format(how))
        say(ada, a, script.word(), bob)


def two_rooms(script: Script) -> None:
    rooms, (a, b, c) = script.words(2), script.words(3)
    ada, bob, eve = (script.client(rooms[number]) for number in (0, 1, 0))
    enter(ada, a)
    enter(bob, b)
    script.expect_nothing(ada, bob, why=OTHER_ROOM)
    enter(eve, c, ada)
    say(eve, c, script.word(), ada)
    script.expect_nothing(ada, bob, eve, why=OTHER_ROOM)
    eve.close()
    ada.expect("text", f"{c} left")
    script.expect_nothing(ada, bob, why=OTHER_ROOM)


def before_the_name(script: Script) -> None:
    a, b, c = script.words(3)
    silent, ada = script.client("hall"), script.client("hall")
    enter(ada, a)
    for leave in (Client.close, Client.vanish):
        leave(script.client("hall"))
    ada.expect_nothing(NO_NAME)
    bob = script.client("hall")
    bob.send_all([("pong", b"Eve"), ("bytes", b"Eve"), ("ping", b"Eve")])
    bob.expect("pong", b"Eve", why=NOT_TEXT)
    script.expect_nothing(ada, bob, why=NOT_TEXT)
    enter(bob, b, ada)
    silent.expect_nothing(NO_NAME)
    enter(silent, c, ada, bob)


def someone_comes_or_leaves_while_a_text_goes_out(script: Script) -> None:
    clients, nicks = [script.client("hall") for _ in range(4)], script.words(5)
    for count, client in enumerate(clients):
        enter(client, nicks[count], *clients[:count])
    script.hold(*clients)
    clients[0].send("text", script.word())
    newcomer = script.client("hall")
    newcomer.send("text", nicks[4])
    script.release()
    for client in clients * 2:
        client.expect("text")
    newcomer.forget()
    script.expect(clients, ("text", f"{nicks[4]} left"))
    script.hold(*clients[1:])
    clients[0].send("text", script.word())
    script.one_leaves_between()
    script.release()
    for client in clients * 2:  # the text, and who left, in any order
        client.expect("text", why=COPY)


def texts_of_every_kind(script: Script) -> None:
    nick, word = "Zoë {x} %s", script.word()
    ada, bob = script.client("Hall"), script.client("Hall")
    enter(ada, nick)
    enter(bob, "", ada)
    say(bob, "", word, ada)
    texts = (*ODD, word, word, nick, "a: b", "joined", f"{nick} left", "x" * 70_000)
    ada.send_all([("text", text) for text in texts])
    script.expect((ada, bob), *[("text", f"{nick}: {text}") for text in texts], why=ROW)
    bob.send("bytes", b"no text")
    script.expect_nothing(ada, bob, why=NOT_TEXT)
    ada.control_between(("text", word), ("text", f"{nick}: {word}"))
    bob.expect("text", f"{nick}: {word}", why=NOT_TEXT)


room = HandlerExercise(
    name="room",
    title="A room server",
    rfc="section 3",
    path="/{room}",
    prompt='Clients that connect with the same path are in one room: `socket.path_parameters["room"'
    "]` is its name. The first text from a client is its name: it puts the client into the room, "
    "and everyone there, including the new client, gets `NICK joined`. Each further text goes "
    "to everyone in the room, including the sender, as `NICK: TEXT`. When a client leaves, in "
    "whatever way, the others get `NICK left`; nobody is told about a client that never gave a "
    "name, and it gets nothing. Two clients may have the same name. Skip anything that is not "
    "text.",
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
        someone_comes_or_leaves_while_a_text_goes_out,
        texts_of_every_kind,
    ],
    wrong=[
        Wrong("def handle_socket(s):\n    for m in s: s.send_text(m.value)", "to-itself"),
        Wrong("def handle_socket(s): s.path_parameters['name']", "raised"),
    ],
    advice={
        "nothing not-passed-on": "Everyone in the room gets this, including its sender.",
        "wrong-value": "Compare letter by letter: NICK joined, NICK: TEXT, NICK left.",
        "too-early": NO_NAME,
        "to-itself": "The first text is a name: everyone gets NICK joined; then NICK: TEXT.",
    },
)
