"""A room server: those in one room hear each other, and who comes and goes."""

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.scenario import ODD, Client, Script

ALONE = "That is the text alone: a client's name becomes NICK joined, any other NICK: TEXT."
NO_NAME = "A client that has given no name is not in the room: nobody is told about it."
NOT_TEXT = "Only a text can be a name, and only texts are said in a room: look at message.type."
LEFT = "A client left: the others get NICK left, however it leaves."
Room = dict[Client, str]  # who is in it, and the name of each


def say(client: Client, text: str, room: Room, why: str = "") -> None:
    """Send a text: everyone in the room hears it, or that the client joined."""
    said = f"{room[client]}: {text}" if client in room else f"{text} joined"
    known = {text: ALONE, f"{text} joined": "Only the first text of a client is its name."}
    room.setdefault(client, text)
    client.send("text", text)
    for each in room:
        each.expect("text", said, mistakes=known, why=why)


def joining_talking_leaving(script: Script) -> None:
    hall, cellar = Room(), Room()
    ada, cid, eve = (script.client(path) for path in ("hall", "hall", "cellar"))
    for client, room in ((eve, cellar), (ada, hall), (ada, hall)):
        say(client, script.word(), room)
    cid.expect_nothing(NO_NAME)
    bob = script.client("hall")
    for client in (bob, ada, bob, cid):
        say(client, script.word(), hall)
    for way, *code in (("close",), ("close", 1001), ("close_without_code",), ("vanish",)):
        leaver = script.client("hall")
        say(leaver, hall[ada], hall, "Others have left, or have the same name: go by sockets.")
        nick = hall.pop(leaver)
        getattr(leaver, way)(*code)
        script.expect(hall, ("text", f"{nick} left"), why=LEFT)
    eve.expect_nothing("That belongs to the other room.")


def names_and_texts_of_every_kind(script: Script) -> None:
    room, (ada, bob, other) = Room(), (script.client("Hall") for _ in range(3))
    say(ada, "Zoë {x} %s", room)
    other.close()
    ada.expect_nothing(NO_NAME)
    for text in ("", script.word()):  # an empty name, and what is said
        bob.send_all([("pong", b"Eve"), ("bytes", b"Eve"), ("ping", b"Eve")])
        bob.expect("pong", b"Eve", why=NOT_TEXT)
        ada.expect_nothing(NOT_TEXT)
        say(bob, text, room)
    texts = (*ODD, room[ada], room[ada], "a: b", f"{room[ada]} left")
    ada.send_all([("text", text) for text in texts])
    said = [("text", f"{room[ada]}: {text}") for text in texts]
    script.expect(room, *said, why="Each text is said, unchanged and in order, an empty one too.")


def one_leaves_while_a_text_goes_out(script: Script) -> None:
    room, (speaker, *others) = Room(), (script.client("hall") for _ in range(4))
    for client in (speaker, *others):
        say(client, script.word(), room)
    script.hold(*others)
    speaker.send("text", script.word())
    script.one_leaves_between()
    script.release()
    for client in (speaker, *others) * 2:  # the text, and who left, in any order
        client.expect("text", why="A client left while this went out: do you loop over a copy?")
    speaker.expect_nothing()


room = HandlerExercise(
    name="room",
    title="A room server",
    rfc="section 3",
    path="/{room}",
    prompt='Clients that connect with the same path are in one room: `socket.path_parameters["room"'
    "]` is its name. The first text from a client is its name, which two may have. It puts the "
    "client into the room, and everyone there, the new one too, gets `NICK joined`. Each further "
    "text goes to everyone in the room, the sender too, as `NICK: TEXT`. However a client leaves, "
    "the others get `NICK left`. Nobody is told about a client that has given no name, and it gets "
    "nothing. Skip anything that is not text.",
    stub="rooms = {}\n\n\n" + HANDLER_STUB,
    hints=[
        "A dict can hold the names of those in a room: rooms.setdefault(room, {}). A socket is a "
        "better key than a name, which two may have.",
        "A client without a name is not in the room yet. An empty text is a name, too.",
        "However a client leaves, the handler reaches `finally`: take it out, and tell the others.",
        "A function that sends a text to everyone saves two loops. Let it loop over a copy.",
    ],
    solution_text="""\
rooms = {}


def handle_socket(socket):
    nicks = rooms.setdefault(socket.path_parameters["room"], {})

    def tell(text):
        for member in list(nicks):
            member.send_text(text)

    try:
        for message in socket:
            if message.type == "text" and socket in nicks:
                tell(f"{nicks[socket]}: {message.value}")
            elif message.type == "text":
                nicks[socket] = message.value
                tell(f"{message.value} joined")
    finally:
        if socket in nicks:
            nick = nicks.pop(socket)
            tell(f"{nick} left")
""",
    scenarios=[
        joining_talking_leaving,
        one_leaves_while_a_text_goes_out,
        names_and_texts_of_every_kind,
    ],
    wrong=[("def handle_socket(s):\n    for m in s: s.send_text(m.value)", "known-mistake")],
    advice={
        "nothing not-passed-on": "Everyone in the room gets this, including its sender.",
        "wrong-value": "Compare letter by letter: NICK joined, NICK: TEXT, NICK left.",
        "too-early": NO_NAME,
    },
)
