"""Answer pings by hand: each PING gets a PONG with its payload."""

from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.scenario import Payload, Script


def pong(type: str, value: Payload) -> tuple[str, Payload]:
    """Return the right answer."""
    return "pong" if type == "ping" else type, value


def pings(script: Script) -> None:
    one, other = script.client(), script.client()
    one.exchange([("ping", script.octets(6))], pong)
    one.expect_nothing()
    script.hold(one)  # what the handler sends waits; what the server sends does not
    one.send("ping", data := script.octets(7))
    one.expect_nothing("The server sent that PONG: automatic pong must be off here.")
    script.release()
    one.expect("pong", data)
    for client in (one, other):
        client.exchange([("ping", data), *script.messages("ping")], pong)
    one.exchange([("ping", word) for word in script.words(4)], pong, at_once=True)
    one.close_without_code()
    other.vanish()


def texts_between(script: Script) -> None:
    client, data = script.client(), script.octets(4)
    for message in script.messages("text"):
        client.exchange([message, ("ping", data)], pong)
    for payload in (data, b"", script.octets(125)):
        client.send("pong", payload, unanswered=True)
    client.expect_nothing()
    client.exchange([("ping", data), ("text", script.word())], pong)


answer_pings = HandlerExercise(
    name="answer_pings",
    title="Answer pings by hand",
    rfc="sections 5.5.2 and 5.5.3",
    prompt="Automatic pong is switched off here. Answer each PING with a PONG that carries the "
    "same payload. Echo texts. Do not answer a PONG.",
    hints=[
        'A ping comes through recv() with the type "ping"; its value is bytes.',
        "send_pong() takes the payload of the PONG: that of the PING, empty or not.",
        "Each PING gets its own PONG, even if its payload came before. Do nothing with a pong.",
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type == "ping":
            socket.send_pong(message.value)
        elif message.type == "text":
            socket.send_text(message.value)
""",
    automatic_pong=False,
    scenarios=[pings, texts_between],
    wrong=[("def handle_socket(s):\n    for m in s: s.send_pong(b'')", "wrong-value")],
    advice={
        "wrong-type": "Answer a PING with a PONG, by send_pong(), and a text with a text.",
        "wrong-value": "The PONG carries the payload of its PING, all of it, unchanged.",
        "nothing": "Automatic pong is off: send each PING a PONG, even an empty one; echo texts.",
    },
)
