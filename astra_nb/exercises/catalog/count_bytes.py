"""Count bytes: how many a payload has."""

import sys
from collections.abc import Callable

from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.scenario import Payload, Script
from astra_nb.exercises.scripted_client import octets

OTHERS: tuple[tuple[Callable[[bytes], object], str], ...] = (  # of several the last one counts
    (lambda d: len(d[:99].strip()), "That leaves out blanks and line breaks at the ends."),
    (lambda d: max(d, default=0), "That is the highest of its bytes; how many are there?"),
    (lambda d: len(d) % 256, "That is only the lower byte of the number."),
    (lambda d: int.from_bytes(d[:99], "big"), "Those are the bytes read as one number."),
    (sum, "That is the sum of the bytes, not how many they are."),
    (sys.getsizeof, "That is what Python needs in memory; len() counts the bytes."),
    (lambda d: len(d.decode("utf-8", "ignore").encode("utf-16")), "That is its length in UTF-16."),
    (lambda d: len(str(d)), "That is the length of Python's spelling of the bytes."),
    (lambda d: len(d) + 6, "That is the whole frame with its masking key; count the payload."),
    (lambda d: len(d) * 2, "Two hexadecimal digits stand for one byte: that is twice as many."),
    (lambda d: len(d) - d.count(0), "That counts the bytes that are not 0; the others count, too."),
    (lambda d: len(d.decode("utf-8", "ignore")), "That is the number of characters, not of bytes."),
)


def size(type: str, value: Payload) -> tuple[str, str]:
    return "text", str(len(octets(value)))


def bytes_and_texts(script: Script) -> None:
    client, total = script.client(), 0
    twelve = bytes(script.random.sample(range(128, 256), 12))
    # With these, each mistake gives another number.
    messages: list[tuple[str, Payload]] = [("bytes", twelve), ("bytes", bytes([0, 88, 14, 67, 45]))]
    messages += [("text", "Grüße, 世界"), *script.messages("bytes", "text")]
    for number, (type, value) in enumerate(messages, 1):
        total += len(octets(value))
        known = {str(other(octets(value))): said for other, said in OTHERS}
        known[str(number)] = "That is how many messages came; how many bytes does this one have?"
        known[str(total)] = "That is the number of bytes in all messages together."
        client.send(type, value)
        client.expect(*size(type, value), mistakes=known)
    client.control_between(("bytes", twelve[:7]), ("text", "7"))
    script.client().exchange(script.messages("bytes"), size, at_once=True)
    client.close_without_code()


count_bytes = HandlerExercise(
    name="count_bytes",
    title="Count bytes",
    rfc="sections 5.2 and 5.6",
    prompt="Answer each message with a text that says how many bytes its payload has: `5` for "
    "`send_bytes([0, 88, 14, 67, 45])`. A text has its bytes in UTF-8. Skip pings and pongs.",
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
    scenarios=[bytes_and_texts],
    wrong=[("def handle_socket(s): s.send_text(str(sum(s.recv().value)))", "known-mistake")],
    advice={
        "wrong-type": "Send the number as text: send_text(str(...)).",
        "nothing": "Send a number for every bytes and text message; without a payload it is 0.",
        "wrong-value": "Send the number alone: of the payload's bytes, which for a text are UTF-8.",
    },
)
