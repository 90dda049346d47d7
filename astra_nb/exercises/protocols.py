"""Small protocols: requests in JSON, broadcast, rooms, and one who reads too slowly."""

from __future__ import annotations

import json
from typing import Any

from .client import Client
from .exercise import HandlerExercise
from .script import Talk

__all__ = ["broadcast", "json_requests", "room", "slow_reader"]

NOTEBOOK = "3-protocols"
STUB = "def handle_socket(socket):\n    ...\n"


# Requests and replies in JSON


def reply_mistakes(expected: dict[str, Any]) -> Any:
    """Give what looks at a wrong reply."""

    def look(came: Any) -> str | None:
        if not isinstance(came, dict):
            return f"The reply is {came!r:.60}, and no JSON object: a reply has keys."
        if "id" not in came:
            return "The reply has no id, so nobody knows which request it belongs to."
        if came["id"] != expected["id"] or type(came["id"]) is not type(expected["id"]):
            return f"The id of the reply is {came['id']!r:.40}; that of the request was not."
        if "error" in expected and "error" not in came:
            return "This request fails, so its reply has an error and no result."
        if "error" not in expected and "error" in came:
            return "This request is a good one, so its reply has a result and no error."
        if set(came) - set(expected):
            return f"The reply has a key too many: {', '.join(sorted(set(came) - set(expected)))}."
        if "result" in expected:
            mine, right = came.get("result"), expected["result"]
            if type(mine) is not type(right) and str(mine) == str(right):
                return "The result has the right value as another type: a number is no string."
            return "The result is not the right one."
        return "The error has another text than the one asked for."

    return look


async def ask(client: Client, request: object, expected: dict[str, Any]) -> None:
    text = request if isinstance(request, str) else json.dumps(request)
    await client.send("text", text)
    await client.expect_json(expected, mistakes=reply_mistakes(expected))


async def good_requests(talk: Talk) -> None:
    """Good requests."""
    client = await talk.connect()
    number = talk.random.randrange(10, 1000)
    one, other = talk.random.randrange(2, 50), talk.random.randrange(2, 50)
    word = talk.word()
    await ask(
        client,
        {"id": number, "op": "add", "args": [one, other]},
        {"id": number, "result": one + other},
    )
    await ask(
        client, {"id": "a", "op": "upper", "args": [word]}, {"id": "a", "result": word.upper()}
    )
    await ask(client, {"id": 0, "op": "add", "args": [1, 2, 3, 4]}, {"id": 0, "result": 10})


async def bad_requests(talk: Talk) -> None:
    """Bad requests."""
    client = await talk.connect()
    number = talk.random.randrange(10, 1000)
    await ask(
        client,
        {"id": number, "op": talk.word(), "args": []},
        {"id": number, "error": "unknown op"},
    )
    await ask(client, "{" + talk.word(), {"id": None, "error": "not JSON"})
    await ask(client, {"id": 7, "op": "add", "args": [1, "x"]}, {"id": 7, "error": "bad arguments"})
    await ask(client, {"id": 8, "op": "add", "args": [2, 2]}, {"id": 8, "result": 4})


async def two_askers(talk: Talk) -> None:
    """Two clients, with the same ids."""
    one, other = await talk.connect(), await talk.connect()
    for client in (one, other, one):
        numbers = [talk.random.randrange(100) for _ in range(talk.random.randrange(1, 5))]
        await ask(
            client, {"id": 1, "op": "add", "args": numbers}, {"id": 1, "result": sum(numbers)}
        )


json_requests = HandlerExercise(
    name="json_requests",
    title="Requests and replies in JSON",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "Each text is a request in JSON, and gets one reply in JSON, as text. "
        '`{"id": 7, "op": "add", "args": [1, 2]}` gets `{"id": 7, "result": 3}`. The op `add` '
        "sums its arguments, `upper` gives its only one in capitals. What fails gets an error in "
        'place of a result: `{"id": 7, "error": "unknown op"}`, or `"bad arguments"` when add or '
        'upper cannot use them. What is no JSON at all gets `{"id": null, "error": "not JSON"}`. '
        "The connection stays open."
    ),
    stub="import json\n\n\n" + STUB,
    hints=[
        "json.loads(message.value) reads a request, json.dumps({...}) writes a reply.",
        "json.loads raises ValueError for what is no JSON: try, and reply in the except.",
        "sum(args) raises TypeError when an argument is no number.",
        'Copy the id from the request: reply = {"id": request["id"]}.',
    ],
    solution_text="""\
import json


def handle_socket(socket):
    def result_of(request):
        if request["op"] == "add":
            return {"result": sum(request["args"])}
        if request["op"] == "upper":
            [word] = request["args"]
            return {"result": word.upper()}
        return {"error": "unknown op"}

    for message in socket:
        if message.type != "text":
            continue
        reply = {"id": None}
        try:
            request = json.loads(message.value)
            reply["id"] = request["id"]
            reply.update(result_of(request))
        except json.JSONDecodeError:
            reply["error"] = "not JSON"
        except (TypeError, ValueError, AttributeError):
            reply["error"] = "bad arguments"
        socket.send_text(json.dumps(reply))
""",
    scenarios=[good_requests, bad_requests, two_askers],
    advice={
        "known-mistake": "Compare key by key; JSON tells numbers, strings and null apart.",
        "wrong-value": "Compare key by key; JSON tells numbers, strings and null apart.",
        "raised": "A bad request gets a reply with an error; it does not end the handler. Which "
        "exception is that, and where could it be caught?",
        "closed-early": "A bad request gets a reply with an error; the connection stays open.",
        "nothing": "Every request gets a reply, also one that fails.",
        "as-bytes": "JSON goes as text: send_text(json.dumps(...)).",
    },
)


# Broadcast


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
            "as its handler begins."
        ),
        "to-itself": "Skip the sender: if member is not socket.",
        "too-many": "Each message goes to each other client once.",
        "behind": "This came back to its sender, or came twice.",
    },
)


# Rooms


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
            "All in the same room should get this, the sender too; and when someone has left, "
            "the others hear of it: finally is the place."
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


# A slow reader

SIZE = 256 * 1024  # bytes of a message
COUNT = 48  # so many of them fill every buffer on the way


async def nobody_is_slow(talk: Talk) -> None:
    """Nobody is slow."""
    speaker, listener = await talk.connect(), await talk.connect()
    for text in talk.words(3):
        await speaker.send("text", text)
        await listener.expect("text", text)


async def one_is_slow(talk: Talk) -> None:
    """One does not read."""
    speaker, sleeper, listener = [await talk.connect() for _ in range(3)]
    text = talk.word()
    await speaker.send("text", text)
    await listener.expect("text", text)
    sleeper.stop_reading()
    data = talk.octets(SIZE)
    for number in range(COUNT):
        payload = data + bytes([number])
        await speaker.send("bytes", payload)
        await listener.expect("bytes", payload)
    await talk.forget(sleeper)


slow_reader = HandlerExercise(
    name="slow_reader",
    title="Survive a slow reader",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "A broadcast once more: what one client sends goes to all others, text and bytes, in "
        "order. But now one of them stops reading, and `send` waits when the other end does not "
        "read. The others must not notice. Whoever reads too slowly may lose messages, or the "
        "connection."
    ),
    stub="import queue\nimport threading\n\noutboxes = {}\n\n\n" + STUB,
    hints=[
        "Whoever reads must not send: between the two belongs a queue for each client.",
        "Give each connection a queue.Queue(maxsize=32) and a thread that takes messages from it "
        "and sends them.",
        "put_nowait() raises queue.Full when someone does not keep up: drop that client.",
        "socket.drop() also works while a send waits; the thread's send then raises "
        "ConnectionClosed.",
    ],
    solution_text="""\
import queue
import threading

outboxes = {}


def handle_socket(socket):
    outbox = outboxes[socket] = queue.Queue(maxsize=32)

    def send_all():
        try:
            while (message := outbox.get()) is not None:
                socket.send(message.type, message.value)
        except Exception:
            socket.drop()

    threading.Thread(target=send_all, daemon=True).start()
    try:
        for message in socket:
            if message.type not in ("text", "bytes"):
                continue
            for member, waiting in list(outboxes.items()):
                try:
                    if member is not socket:
                        waiting.put_nowait(message)
                except queue.Full:
                    member.drop()
    finally:
        del outboxes[socket]
        if outbox.full():
            outbox.get()
        outbox.put(None)
""",
    scenarios=[one_is_slow, nobody_is_slow],
    advice={
        "slow-send": (
            "This send waits for the client that does not read, and meanwhile nobody else gets "
            "anything. Who reads messages should not be the one who sends them."
        ),
        "nothing": (
            "Since one client stopped reading, the others get nothing. Where does a handler wait?"
        ),
        "not-passed-on": "What another client sent should have come here.",
        "behind": "Messages must stay in their order: one queue and one thread for each client.",
        "wrong-value": "Messages must stay in their order: one queue and one thread for each "
        "client; only who does not read may lose some.",
        "sent-to-gone": "Sending to someone who has left raises ConnectionClosed; catch it there.",
        "to-itself": "Skip the sender.",
    },
)
