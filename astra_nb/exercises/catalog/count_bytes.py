"""Count bytes: how many a payload has."""

import sys
from collections.abc import Callable

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import ODD, Script

OTHERS: tuple[tuple[Callable[[bytes], object], str], ...] = (  # of several the last one counts
    (lambda d: len(d.strip()), "That leaves out blanks and line breaks at both ends; they count."),
    (lambda d: max(d, default=0), "That is the highest of its bytes; how many are there?"),
    (lambda d: len(d) % 256, "That is only the lower byte of the number."),
    (lambda d: int.from_bytes(d[:99], "big"), "Those are the bytes read as one number."),
    (sum, "That is the sum of the bytes, not how many they are."),
    (sys.getsizeof, "That is what Python needs in memory; len() counts the bytes."),
    (lambda d: len(d.decode("utf-8", "ignore").encode("utf-16")), "That is its length in UTF-16."),
    (lambda d: len(str(d)), "That is the length of Python's spelling of the bytes."),
    (lambda d: len(d) + 6, "That is the whole frame with its masking key; count the payload."),
    (lambda d: len(d) * 2, "That is twice as many: two hexadecimal digits stand for one byte."),
    (
        lambda d: len(d) - d.count(0),
        "That is how many bytes are not 0; a byte that is 0 counts, too.",
    ),
    (lambda d: len(d.decode("utf-8", "ignore")), "That is the number of characters, not of bytes."),
)


def bytes_and_texts(script: Script) -> None:
    """Bytes, and texts in UTF-8."""
    client, total = script.client(), 0
    first = b"\x81\x81\x81" + bytes(script.random.sample(range(128, 256), 9))
    tables = (first, bytes([0, 88, 14, 67, 45]), b"", bytes(3), b"\n1 \n\n", b"[]", first, first)
    large = map(script.octets, (300, 1, 125, 126, 127, 70_000, 65_536))
    texts = ("Grüße, 世界", script.word(), " \n", "1", "0e", "\U0001f600 e\u0301", *ODD)
    messages = [("bytes", data) for data in (*tables, *large)]
    messages += [("text", text.encode()) for text in texts]
    for number, (type, data) in enumerate(messages, 1):
        total += len(data)
        known = {str(number): "That is how many messages came; how many bytes does this one have?"}
        known[str(total)] = "That is the number of bytes in all messages together."
        known |= {str(other(data)): said for other, said in OTHERS}
        client.send(type, data)
        client.expect("text", str(len(data)), mistakes=known)


def fragments_and_rows(script: Script) -> None:
    """Fragments, several messages in a row, and pings and pongs."""
    client, data = script.client(), script.octets(7)
    client.send_fragments("text", [b"5 \xe2", b"\x82\xac"])
    client.expect("text", "5")
    row = [("bytes", script.octets(size)) for size in script.random.sample(range(20, 90), 4)]
    client.exchange(row, lambda _, data: ("text", str(len(data))), at_once=True)
    client.control_between(("bytes", data), ("text", "7"))
    client.close_without_code()


def two_clients(script: Script) -> None:
    """Two clients, each counted by itself."""
    for client in (script.client(), script.client()) * 3:
        data = script.octets(script.random.randrange(20, 99))
        client.send("bytes", data)
        client.expect("text", str(len(data)))


count_bytes = HandlerExercise(
    name="count_bytes",
    title="Count bytes",
    rfc="sections 5.2 and 5.6",
    notebook="1-first-steps",
    prompt=(
        "The client sends byte tables, such as `send_bytes([0, 88, 14, 67, 45])`. Answer each "
        "message with a text that says how many bytes its payload has: `5`. Answer a text in the "
        "same way, by its bytes in UTF-8. Do not answer pings and pongs."
    ),
    hints=[
        "The value of a bytes message is a Python `bytes`; len() counts its bytes.",
        "len() of a `str` counts characters. text.encode() gives its bytes in UTF-8.",
        "The answer is a text, and send_text() takes a str. Answer each message, in a loop.",
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type == "bytes":
            socket.send_text(str(len(message.value)))
        elif message.type == "text":
            socket.send_text(str(len(message.value.encode())))
""",
    scenarios=[bytes_and_texts, fragments_and_rows, two_clients],
    wrong=[
        Wrong("def handle_socket(s): s.send_text(str(sum(s.recv().value)))", "known-mistake"),
        Wrong("def handle_socket(s): s.send_text(len(s.recv().value))", "raised"),
    ],
    advice={
        "wrong-type": "Send the number as text: send_text(str(...)).",
        "nothing": "Count every bytes and text message; one without a payload has 0.",
        "wrong-value": "Send the number of bytes in this payload, in decimal digits.",
    },
)
