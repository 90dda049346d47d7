"""Five types: each kind of message is answered with its own."""

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import Script

CONTROL = ("ping", "pong")


def text_and_bytes(script: Script) -> None:
    """Text and bytes."""
    client, data = script.client(automatic_pong=False), script.octets(4)
    texts = (script.word(), "", "ping", "close", "Grüße, 世界", data.hex(), data.hex())
    client.exchange([("text", text) for text in texts])
    tables = (script.octets(5), b"", b"close", bytes(3), data, data, script.octets(70_000))
    client.exchange([("bytes", table) for table in tables])


def ping_and_pong(script: Script) -> None:
    """Pings and pongs."""
    client, data = script.client(automatic_pong=False), script.octets(4)
    for type in CONTROL:
        client.exchange([(type, script.word())])
        client.expect_nothing()
        payloads = (b"", b"close", bytes(3), data, data, script.octets(125))
        client.exchange([(type, payload) for payload in payloads])
    client.close_without_code()


def in_a_row(script: Script) -> None:
    """Several in a row, and a ping between fragments."""
    client, data = script.client(automatic_pong=False), script.octets(4)
    client.send_fragments("text", [b"5 \xe2", b"\x82", b"\xac"], ping=data)
    client.expect_all([("ping", data), ("text", "5 €")])
    for type in (*CONTROL, "bytes"):
        client.exchange([(type, word) for word in script.words(3)], at_once=True)
    client.vanish()


def gone(script: Script) -> None:
    """A client that goes away, and the next one."""
    for code, reason in ((1001, ""), (3000, "Grüße"), (4999, "close")):
        client = script.client(automatic_pong=False)
        client.exchange([("ping", script.octets(6))])
        client.close(code, reason)


def any_order(script: Script) -> None:
    """All types, in an order by chance."""
    client = script.client(automatic_pong=False)
    types = ["text", "bytes", *CONTROL] * 2
    script.random.shuffle(types)
    client.exchange([(type, script.word()) for type in types])
    client.close(4000 + script.random.randrange(1000), script.word())


five_types = HandlerExercise(
    name="five_types",
    title="Five types",
    rfc="sections 5.5 and 5.6",
    notebook="1-first-steps",
    prompt=(
        "There are five types of messages: text, bytes, ping, pong, close. Answer each of the "
        "first four with a message of its own kind and the same value: a ping with a ping, a pong "
        "with a pong. The server itself answers the close; then the handler ends. "
        "(Automatic pong is switched off in this exercise.)"
    ),
    hints=[
        "All five types come through socket.recv(); message.type says which one it is.",
        "Each type has a method that sends it, send_text() to send_pong(); and send() takes the "
        "type as its first argument.",
        "Pings and pongs carry a payload too, as bytes; answer an empty one, too.",
        'Leave the loop when message.type is "close".',
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type != "close":
            socket.send(message.type, message.value)
""",
    automatic_pong=False,
    scenarios=[text_and_bytes, ping_and_pong, in_a_row, gone, any_order],
    wrong=[
        Wrong("def handle_socket(s):\n    for m in s: s.send_text(m.type)", "wrong-value"),
        Wrong("def handle_socket(s): s.send('text', s.recv().value)", "returned"),
    ],
    advice={
        "wrong-type": "Answer each type with its own kind: ping with ping, pong with pong.",
        "nothing": 'Answer each "text", "bytes", "ping" and "pong", even an empty one.',
        "wrong-value": "Send back message.value, unchanged, whatever the type.",
    },
)
