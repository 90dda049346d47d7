"""First steps: echo, greet, five types, count bytes."""

from __future__ import annotations

import sys

from .exercise import HandlerExercise
from .manners import (
    expect_all,
    leave_without_a_code,
    send_all,
    send_around_a_ping,
    send_between_control_frames,
)
from .script import Talk

__all__ = ["count_bytes", "echo", "five_types", "greet"]

NOTEBOOK = "1-first-steps"
STUB = "def handle_socket(socket):\n    ...\n"
NO_NAMES = ("ping", "close", "None", "0", "exit", '{"type": "text"}', "{name}", "%s", 'it\'s "it"')


# Echo


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
    """Several messages before the first answer is read."""
    client = await talk.connect()
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
    stub=STUB,
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
            "Every message is answered, the empty ones too. One recv() takes one message, and "
            'message.type is the str "text" or "bytes".'
        ),
        "cut": "Is something taken off an end: by a slice, an index, or strip()?",
        "blank": "Nothing is added or taken off: no blanks, no line breaks, no strip().",
    },
)


# Greet


async def greeting_first(talk: Talk) -> None:
    """The greeting comes first."""
    client = await talk.connect()
    await client.expect("text", "Welcome!")
    await client.expect_nothing(why="One greeting is enough: it came again, or too early.")


async def greeted_by_name(talk: Talk) -> None:
    """Each name is greeted."""
    client = await talk.connect()
    await client.expect("text", "Welcome!")
    for word in talk.words(3):
        await client.send("text", word)
        await client.expect(
            "text",
            f"Hello, {word}!",
            mistakes={
                "Welcome!": "The greeting of the opening came again; it comes once.",
                word: "The name came back alone, without a greeting.",
            },
        )


async def unusual_names(talk: Talk) -> None:
    """Unusual names, the same one twice, and several in a row."""
    client = await talk.connect()
    await client.expect("text", "Welcome!")
    word = talk.word()
    long = talk.word() * 20
    for text in (word, "", *NO_NAMES, "Welcome!", "Ada KING", "Jürgen", "世界", long, word, word):
        await client.send("text", text)
        await client.expect("text", f"Hello, {text}!")
    await send_between_control_frames(client, ("text", word), ("text", f"Hello, {word}!"))
    texts = [*talk.words(2), word, ""]
    await send_all(client, [("text", text) for text in texts])
    await expect_all(client, [("text", f"Hello, {text}!") for text in texts])
    await client.send_fragments("text", ["Grace ", "Hopper"])
    await client.expect("text", "Hello, Grace Hopper!")
    await leave_without_a_code(client)


async def no_name(talk: Talk) -> None:
    """Bytes, which are no name."""
    client = await talk.connect()
    await client.expect("text", "Welcome!")
    word = talk.word()
    await client.send("bytes", talk.octets(4))
    await client.send("bytes", b"Ada")
    await client.send("text", word)
    heard = await talk.until(client.arrived)
    if heard is not None and heard.close is None and word.encode() not in heard.payload:
        client.fail(
            "answered-bytes",
            f"The client sent bytes, which are no name, and {heard} came.",
            f"text Hello, {word}!",
            heard,
            advice='Answer only what has the type "text".',
        )
    await client.expect("text", f"Hello, {word}!")


async def two_guests(talk: Talk) -> None:
    """Two guests, one after the other."""
    names = talk.words(2)
    guests = [await talk.connect(), await talk.connect()]
    for guest in guests:
        await guest.expect("text", "Welcome!")
    for guest, guest_name in zip(guests, names, strict=True):
        await guest.send("text", guest_name)
    for guest, guest_name in zip(reversed(guests), reversed(names), strict=True):
        await guest.expect("text", f"Hello, {guest_name}!")


greet = HandlerExercise(
    name="greet",
    title="Greet on open",
    rfc="section 1.2",
    notebook=NOTEBOOK,
    prompt=(
        "The server speaks first. As soon as a connection opens send the text `Welcome!`. Then "
        "answer each text, which is a name, with `Hello, NAME!`. Any text is a name, the empty one "
        "too; what is no text gets no answer of yours."
    ),
    stub=STUB,
    hints=[
        "A handler is called when the connection opens; its first line may send already.",
        "The greeting stands before the loop, the answers stand in it.",
        'An f-string puts the name in: f"Hello, {message.value}!"',
    ],
    solution_text="""\
def handle_socket(socket):
    socket.send_text("Welcome!")
    while True:
        message = socket.recv()
        if message.type == "text":
            socket.send_text(f"Hello, {message.value}!")
""",
    scenarios=[greeting_first, greeted_by_name, unusual_names, no_name, two_guests],
    advice={
        "nothing-yet": (
            "The client says nothing before it was greeted. Send before the first recv()."
        ),
        "first-only": "After the greeting the handler stays: each name that comes is greeted.",
        "returned": "After the greeting the handler stays: each name that comes is greeted.",
        "too-many": "Welcome! comes once, before the loop.",
        "wrong-value": "Compare comma, blank and exclamation mark, letter by letter: "
        "Welcome! and Hello, NAME!",
        "cut": "Compare letter by letter: Welcome! and Hello, NAME!",
        "added": "Compare letter by letter: Welcome! and Hello, NAME!",
    },
)


# Five types


async def text_and_bytes(talk: Talk) -> None:
    """Text and bytes."""
    client = await talk.connect(automatic_pong=False)
    word, data = talk.word(), talk.octets(5)
    await client.send("text", word)
    await client.expect("text", word)
    await client.send("bytes", data)
    await client.expect("bytes", data)


async def ping_and_pong(talk: Talk) -> None:
    """Ping and pong."""
    client = await talk.connect(automatic_pong=False)
    for type in ("ping", "pong"):
        for data in (talk.octets(5), b""):
            await client.send(type, data)
            await client.expect(type, data)


async def whatever_it_carries(talk: Talk) -> None:
    """Empty, long, and the same one twice."""
    client = await talk.connect(automatic_pong=False)
    data = talk.octets(4)
    for text in ("", "ping", "close", "Grüße, 世界", data.hex(), data.hex()):
        await client.send("text", text)
        await client.expect("text", text)
    for type in ("bytes", "ping", "pong"):
        for value in (b"", b"close", bytes(3), data, data, talk.octets(125)):
            await client.send(type, value)
            await client.expect(type, value)
    await client.send("bytes", long := talk.octets(70_000))
    await client.expect("bytes", long)
    await send_around_a_ping(client, "text", [b"5 \xe2", b"\x82", b"\xac"], data)
    await expect_all(client, [("ping", data), ("text", "5 €")])
    for type in ("ping", "pong", "bytes"):
        values = [talk.octets(3) + bytes([number]) for number in range(3)]
        row = [(type, value) for value in values]
        await send_all(client, row)
        await expect_all(client, row)
    await leave_without_a_code(client)


async def gone(talk: Talk) -> None:
    """A client that goes away, and the next one."""
    for code, reason in ((1001, ""), (3000, "Grüße"), (4999, "close")):
        client = await talk.connect(automatic_pong=False)
        word = talk.word()
        await client.send("ping", word)
        await client.expect("ping", word)
        await client.close(code, reason)


async def any_order(talk: Talk) -> None:
    """All types, in an order by chance."""
    client = await talk.connect(automatic_pong=False)
    types = ["text", "bytes", "ping", "pong"] * 2
    talk.random.shuffle(types)
    for type in types:
        value: str | bytes = talk.word() if type == "text" else talk.octets(4)
        await client.send(type, value)
        await client.expect(type, value)
    await client.close(4000 + talk.random.randrange(1000), talk.word())


five_types = HandlerExercise(
    name="five_types",
    title="Five types",
    rfc="sections 5.5 and 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "There are five types of messages: text, bytes, ping, pong, close. Answer each of the "
        "first four with a message of its own kind and the same value: a ping with a ping, a pong "
        "with a pong. The close is answered by the server itself; then the handler ends. "
        "(Automatic pong is switched off in this exercise.)"
    ),
    stub=STUB,
    hints=[
        "All five types come through socket.recv(); message.type tells which one it is.",
        "socket.send(message.type, message.value) works for the first four.",
        'Leave the loop when message.type is "close".',
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type != "close":
            socket.send(message.type, message.value)
""",
    automatic_pong=False,
    scenarios=[text_and_bytes, ping_and_pong, whatever_it_carries, gone, any_order],
    advice={
        "wrong-type": (
            "Here each type is answered with its own kind: ping with ping, pong with pong."
        ),
        "nothing": (
            'Each of "text", "bytes", "ping" and "pong" is answered. Pings and pongs are messages '
            "too, even empty ones."
        ),
        "cut": "What comes goes back whole. A ping and a pong carry a payload too, up to 125 "
        "bytes; it goes back unchanged.",
        "empty": "A ping and a pong carry a payload, and it goes back unchanged.",
        "wrong-value": "What goes back is message.value, unchanged, for each of the four types.",
    },
)


# Count bytes


ONE: dict[str | bytes, str] = {"1": "That counts the messages; how many bytes has this one?"}


PART = "That is one fragment; a message's payload is that of all its fragments together."


def count_mistakes(payload: bytes, type: str) -> dict[str | bytes, str]:
    """What people send instead of the number of bytes."""
    size = len(payload)
    mistakes: dict[str | bytes, str] = {
        "0": "Here is a payload, and 0 is for an empty one: is the number that of another message?",
        str(int.from_bytes(payload, "big")): "Those are the bytes read as one number.",
        str(size + 6): "That is the whole frame with its masking key; only the payload counts.",
    }
    if type == "text":
        mistakes[str(len(payload.decode()))] = (
            "That is the number of characters; in UTF-8 a character takes one to four bytes."
        )
        wide = len(payload.decode().encode("utf-16"))
        mistakes[str(wide)] = "That is the length in UTF-16; in a frame text goes as UTF-8."
    in_memory = sys.getsizeof(payload.decode() if type == "text" else payload)
    mistakes[str(in_memory)] = "That is what Python needs in memory; len() counts the bytes."
    mistakes |= {
        str(size * 2): "That is twice as many: are hexadecimal digits counted?",
        str(size - 1): "That is one too few: does counting begin at 0, or is a byte left out?",
        str(size + 1): "That is one too many.",
        str(size * 8): "That is the number of bits; a byte has eight of them.",
        f"{size}.0": "The number of bytes is a whole one: an int.",
        f"{size} bytes": "The number alone is asked for, without a unit.",
        str(sum(payload)): "That is the sum of the bytes, not how many they are.",
        str(len(str(payload))): "That is the length of Python's spelling of the bytes.",
        str(list(payload)): "Those are the bytes themselves; how many are there?",
    }
    for number, said in counts(payload):
        mistakes.setdefault(str(number), said)
    if size + 2 != size * 2:
        mistakes[str(size + 2)] = (
            "That is two too many: is a frame's header counted, or a pair of quotes?"
        )
    mistakes.pop(str(size), None)
    return mistakes


def counts(payload: bytes) -> list[tuple[int, str]]:
    """What else can be counted in a payload, and what to say about it."""
    found = [(len(set(payload)), "That is how many different bytes it has; each one counts.")]
    found.append((len(payload) - payload.count(0), "Bytes that are 0 count too."))
    if len(payload.split()) > 1:
        found.append(
            (len(payload.split()), "Those are words or parts; the bytes are to be counted.")
        )
    lost = payload.decode("utf-8", "ignore")
    found.append((len(lost), "Characters are counted that are left after decoding; count bytes."))
    if payload:
        found += [
            (max(payload), "That is the highest of its bytes; how many are there?"),
            (payload[0], "That is its first byte; the number of bytes stands nowhere in it."),
            (payload[-1], "That is its last byte; how many are there?"),
        ]
    return found


async def byte_tables(talk: Talk) -> None:
    """Byte tables."""
    client = await talk.connect()
    total = 0
    for payload in (bytes([0, 88, 14, 67, 45]), talk.octets(12), b"", talk.octets(300)):
        await client.send("bytes", payload)
        mistakes = count_mistakes(payload, "bytes")
        total += len(payload)
        if total > len(payload):
            mistakes[str(total)] = "That is how many came in all messages together."
        await client.expect("text", str(len(payload)), mistakes=ONE | mistakes)


async def texts_of_bytes(talk: Talk) -> None:
    """Texts, in UTF-8."""
    client = await talk.connect()
    for text in (talk.word(), "Grüße, 世界", ""):
        await client.send("text", text)
        await client.expect(
            "text", str(len(text.encode())), mistakes=count_mistakes(text.encode(), "text")
        )


async def counted_whole(talk: Talk) -> None:
    """Fragments, the same again, and payloads of every size."""
    client = await talk.connect()
    data = talk.octets(7)
    for payload in (data, data, bytes(3), b"12", b"[1, 2]", b"\n\n", "Grüße".encode()):
        await client.send("bytes", payload)
        await client.expect("text", str(len(payload)), mistakes=count_mistakes(payload, "bytes"))
    for text in ("12", " \n", "ping", "close", "00 58 0e", "[0, 88, 14]", "\U0001f600 e\u0301"):
        await client.send("text", text)
        await client.expect(
            "text", str(len(text.encode())), mistakes=count_mistakes(text.encode(), "text")
        )
    await client.send_fragments("bytes", [data[:4], b"", data[4:]])
    await client.expect("text", "7", mistakes={"4": PART, "3": PART, "0": PART})
    await client.send_fragments("text", [b"5 \xe2", b"\x82\xac"])
    await client.expect("text", "5", mistakes=count_mistakes("5 €".encode(), "text"))
    for size in (1, 125, 127, 126, 65536, 65535):
        await client.send("bytes", talk.octets(size))
        await client.expect("text", str(size))
    sizes = talk.random.sample(range(20, 90), 4)
    await send_all(client, [("bytes", talk.octets(size)) for size in sizes])
    await expect_all(client, [("text", str(size)) for size in sizes])
    await send_between_control_frames(client, ("bytes", data), ("text", "7"))
    await leave_without_a_code(client)


async def counted_apart(talk: Talk) -> None:
    """Two clients, each counted by itself."""
    clients = [await talk.connect(), await talk.connect()]
    for size in (3, 5, 4):
        for client in clients:
            payload = talk.octets(size + talk.random.randrange(20, 60))
            await client.send("bytes", payload)
            await client.expect(
                "text", str(len(payload)), mistakes=count_mistakes(payload, "bytes")
            )


count_bytes = HandlerExercise(
    name="count_bytes",
    title="Count bytes",
    rfc="sections 5.2 and 5.6",
    notebook=NOTEBOOK,
    prompt=(
        "The client sends byte tables, such as `send_bytes([0, 88, 14, 67, 45])`. Answer each "
        "message with a text that says how many bytes its payload has: `5`. A text counts too, by "
        "its bytes in UTF-8. Pings and pongs get no answer of yours."
    ),
    stub=STUB,
    hints=[
        "The value of a bytes message is a Python `bytes`; len() counts its bytes.",
        "len() of a `str` counts characters. text.encode() gives its bytes in UTF-8.",
        "The answer is a text: send_text(str(...)).",
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type == "bytes":
            socket.send_text(str(len(message.value)))
        elif message.type == "text":
            socket.send_text(str(len(message.value.encode())))
""",
    scenarios=[byte_tables, texts_of_bytes, counted_whole, counted_apart],
    advice={
        "as-bytes": "The number goes as text: send_text(str(...)).",
        "nothing": "Every message is counted: bytes and text, and one without a payload has 0.",
        "known-mistake": "What counts is the payload of each message by itself: 00 58 0e 43 2d "
        "are 5 bytes.",
        "wrong-value": "The answer is the number of bytes in decimal digits, and nothing else. Is "
        "something counted together that came in several messages, or from "
        "another connection? Each message is counted by itself.",
    },
)
