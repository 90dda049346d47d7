"""Echo: what comes goes back as it came."""

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import MANY, ODD, Script


def texts_and_bytes(script: Script) -> None:
    """Texts and bytes."""
    client, word, data = script.client(), script.word(), script.octets(6)
    texts = (*script.words(3), "Grüße, 世界", f"  {script.word()}\n", *ODD, word, word)
    client.exchange([("text", text) for text in texts])
    tables = (bytes([0, 88, 14, 67, 45]), data, data, b" \n\t", b"", b"Hello", b"0", bytes(4))
    client.exchange([("bytes", table) for table in tables])
    client.control_between(("text", word), ("text", word))
    client.control_between(("bytes", data), ("bytes", data))
    client.close_without_code()


def long_and_fragmented(script: Script) -> None:
    """Long and fragmented messages."""
    client, word, data = script.client(), script.word(), script.octets(6)
    client.exchange([("bytes", script.octets(n)) for n in (125, 126, 127, 65535, 65536)])
    client.exchange([("text", word * 8000)])
    client.send_fragments("text", [word, " ", b"5 " + "€".encode()[:1], "€".encode()[1:]])
    client.expect("text", f"{word} 5 €")
    client.send_fragments("bytes", [data[:2], data[2:], b""], ping=b"ping")
    client.expect_all([("pong", b"ping"), ("bytes", data)])


def many(script: Script) -> None:
    """A long silence, and then many messages before the first answer is read."""
    client = script.client()
    script.pause()
    texts = (*script.words(MANY), "", "again", "again")
    client.exchange([("text", text) for text in texts], at_once=True)
    client.close(1001)


def two_echoes(script: Script) -> None:
    """Two clients at once."""
    clients = [script.client(), script.client()]
    for _ in range(4):
        client = script.random.choice(clients)
        client.exchange([("text", script.word()), ("bytes", script.octets(5))])


echo = HandlerExercise(
    name="echo",
    title="Echo",
    rfc="section 5.6",
    notebook="1-first-steps",
    prompt=(
        "Write a handler that sends every text and every binary message back as it came: text as "
        "text, bytes as bytes. It goes on until the client closes. Do not answer pings and pongs: "
        "the server answers a PING by itself."
    ),
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
    scenarios=[texts_and_bytes, long_and_fragmented, many, two_echoes],
    wrong=[
        Wrong("def handle_socket(s): s.send_text(s.recv().value)", "returned"),
        Wrong("def handle_socket(s):\n    for m in s: print(m.value)", "nothing"),
    ],
    advice={
        "wrong-type": "Send bytes back as bytes; look at message.type.",
        "nothing": "Answer every text and every bytes message, even an empty one.",
        "wrong-value": "Add nothing and take nothing away: no blanks, no line breaks, no strip().",
    },
)
