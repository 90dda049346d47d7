"""Echo: what comes goes back as it came."""

from __future__ import annotations

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.manners import (
    expect_all,
    leave_without_a_code,
    send_all,
    send_around_a_ping,
    send_between_control_frames,
)
from astra_nb.exercises.script import Talk

__all__ = ["echo"]

NOTEBOOK = "1-first-steps"
PAUSE = 0.6  # seconds; some take silence for the end after half a second
NO_NAMES = ("ping", "close", "None", "0", "exit", '{"type": "text"}', "{name}", "%s", 'it\'s "it"')


async def some_texts(talk: Talk) -> None:
    """Several texts."""
    client = await talk.connect()
    for word in talk.words(3):
        await client.send("text", word)
        await client.expect("text", word)
    for text in ("Grüße, 世界", f"  {talk.word()}\n"):
        await client.send("text", text)
        await client.expect("text", text)


async def bytes_and_empties(talk: Talk) -> None:
    """Bytes, and messages without a payload."""
    client = await talk.connect()
    for value in (bytes([0, 88, 14, 67, 45]), talk.octets(6), b" \n\t", b""):
        await client.send("bytes", value)
        await client.expect("bytes", value)
    await client.send("text", "")
    await client.expect("text", "")


async def long_and_fragmented(talk: Talk) -> None:
    """Long and fragmented messages."""
    client = await talk.connect()
    for size in (125, 126, 127, 65535, 65536):
        data = talk.octets(size)
        await client.send("bytes", data)
        await client.expect("bytes", data)
    long = talk.word() * 8000
    await client.send("text", long)
    await client.expect("text", long)
    first, second = talk.words(2)
    await client.send_fragments("text", [first, " ", second])
    await client.expect("text", f"{first} {second}")
    euro = "€".encode()
    await client.send_fragments("text", [b"5 " + euro[:1], euro[1:]])
    await client.expect("text", "5 €")
    data, ping = talk.octets(6), talk.octets(3)
    await send_around_a_ping(client, "bytes", [data[:2], data[2:], b""], ping)
    await expect_all(client, [("pong", ping), ("bytes", data)])


async def whatever_it_says(talk: Talk) -> None:
    """Payloads that look like something else, and the same one twice."""
    client = await talk.connect()
    word, data = talk.word(), talk.octets(4)
    for text in (*NO_NAMES, word, word):
        await client.send("text", text)
        await client.expect("text", text)
    for value in (b"Hello", b"0", bytes(4), data, data):
        await client.send("bytes", value)
        await client.expect("bytes", value)
    await send_between_control_frames(client, ("text", word), ("text", word))
    await send_between_control_frames(client, ("bytes", data), ("bytes", data))
    await leave_without_a_code(client)


async def several_in_a_row(talk: Talk) -> None:
    """A silence, and then several messages before the first answer is read."""
    client = await talk.connect()
    await talk.until(lambda: None, PAUSE)
    word, other = talk.words(2)
    texts = [("text", text) for text in (word, other, word, "", f"{other}!")]
    await send_all(client, texts)
    await expect_all(client, texts)
    await client.close(1001)


async def two_echoes(talk: Talk) -> None:
    """Two clients at once."""
    one, other = await talk.connect(), await talk.connect()
    for _ in range(4):
        client = talk.random.choice([one, other])
        if talk.random.random() < 0.5:
            text = talk.word()
            await client.send("text", text)
            await client.expect("text", text)
        else:
            data = talk.octets(talk.random.randrange(2, 9))
            await client.send("bytes", data)
            await client.expect("bytes", data)


echo = HandlerExercise(
    name="echo",
    title="Echo",
    rfc="section 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "Write a handler that sends every text and every binary message back as it came: text as "
        "text, bytes as bytes. It goes on until the client closes. Pings and pongs get no answer "
        "of yours: the server answers a PING by itself."
    ),
    stub=HANDLER_STUB,
    hints=[
        "socket.recv() gives the next Message, with a type and a value.",
        "Put recv() and the answer in a `while True:` loop; the close of the client ends it.",
        "socket.send(type, value) takes the type first: what came in as message.type can go out "
        'as it. Answer only the types "text" and "bytes".',
    ],
    solution_text="""\
def handle_socket(socket):
    while True:
        message = socket.recv()
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)
""",
    scenarios=[
        some_texts,
        bytes_and_empties,
        whatever_it_says,
        several_in_a_row,
        long_and_fragmented,
        two_echoes,
    ],
    advice={
        "as-text": "What came as bytes goes back as bytes; look at message.type.",
        "nothing": (
            "Every text and every bytes message is answered, an empty one too. Follow the lines "
            "that ran: which one should have answered this?"
        ),
        "blank": "Nothing is added or taken off: no blanks, no line breaks, no strip().",
    },
)
