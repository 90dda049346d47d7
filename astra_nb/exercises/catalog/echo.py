"""Echo: what comes goes back as it came."""

from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.scenario import MANY, Script


def texts_and_bytes(script: Script) -> None:
    client, word, data = script.client(), script.word(), script.octets(6)
    client.exchange(script.messages("text", "bytes"))
    client.send_fragments("text", [word, b" 5 \xe2", b"\x82\xac"])
    client.expect("text", f"{word} 5 €")
    client.control_between(("text", word), ("text", word))
    client.control_between(("bytes", data), ("bytes", data))
    client.close_without_code()


def many_messages_after_a_long_silence(script: Script) -> None:
    client, again = script.client(), script.word()
    script.pause()
    texts = (*script.words(MANY), "", again, again)
    client.exchange([("text", text) for text in texts], at_once=True)
    client.close(1001)


def two_clients(script: Script) -> None:
    for client in (script.client(), script.client()) * 2:
        client.exchange([("text", script.word()), ("bytes", script.octets(5))])


echo = HandlerExercise(
    name="echo",
    title="Echo",
    rfc="section 5.6",
    prompt="Write a handler that sends every text and every binary message back as it came: text "
    "as text, bytes as bytes. It goes on until the client closes. Do not answer pings and pongs: "
    "the server answers a PING by itself.",
    hints=[
        "socket.recv() returns the next Message, with a type and a value.",
        "Put recv() and the answer in a `while True:` loop; the client's close ends it.",
        'socket.send(type, value) takes the type first. Answer only the types "text" and "bytes".',
    ],
    solution_text="""\
def handle_socket(socket):
    while True:
        message = socket.recv()
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)
""",
    scenarios=[texts_and_bytes, many_messages_after_a_long_silence, two_clients],
    wrong=[("def handle_socket(s): s.send_text(s.recv().value)", "returned")],
    advice={
        "wrong-type": "Send bytes back as bytes and text as text; look at message.type.",
        "nothing": "Send every text and every bytes message back when it comes, even an empty one.",
        "wrong-value": "Send each message whole and unchanged, in the order in which they came.",
    },
)
