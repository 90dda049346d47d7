"""Five types: each kind of message is answered with its own."""

from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.scenario import Script

TYPES = ("text", "bytes", "ping", "pong")


def every_type(script: Script) -> None:
    client = script.client(automatic_pong=False)
    for type in TYPES:
        client.exchange([(type, script.word())])
        client.expect_nothing()
    client.exchange(script.messages(*TYPES))
    client.close_without_code()


def several_in_a_row(script: Script) -> None:
    for code, reason in ((1001, ""), (3000, "Grüße"), (4999, "close")):
        client = script.client(automatic_pong=False)
        for type in TYPES:
            client.exchange([(type, word) for word in script.words(3)], at_once=True)
        client.close(code, reason)


five_types = HandlerExercise(
    name="five_types",
    title="Five types",
    rfc="sections 5.5 and 5.6",
    prompt="There are five types of messages: text, bytes, ping, pong, close. Answer each of the "
    "first four with a message of its own kind and the same value: a ping with a ping, a pong "
    "with a pong. The server itself answers the close; then the handler ends. Automatic pong is "
    "switched off here.",
    hints=[
        "All five types come through socket.recv(); message.type says which one it is.",
        "Each type has its own method, send_text() to send_pong(); send() takes the type first.",
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
    scenarios=[every_type, several_in_a_row],
    wrong=[("def handle_socket(s):\n    for m in s: s.send_text(m.type)", "wrong-value")],
    advice={
        "wrong-type": "Answer each type with its own kind: ping with ping, pong with pong.",
        "nothing": 'Send back each "text", "bytes", "ping" and "pong", even an empty one.',
        "wrong-value": "Send back message.value, unchanged, whatever the type.",
    },
)
