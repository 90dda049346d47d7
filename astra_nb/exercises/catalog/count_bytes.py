"""Count bytes: how many a payload has."""

from __future__ import annotations

import sys

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.manners import (
    expect_all,
    leave_without_a_code,
    send_all,
    send_between_control_frames,
)
from astra_nb.exercises.script import Talk

__all__ = ["count_bytes"]

NOTEBOOK = "1-first-steps"


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
        str(len(str(payload))): (
            "That is the length of Python's spelling of the bytes."
            if type == "bytes"
            else "That is more: does something stand around the text, such as b'', or before it, "
            "as utf-8-sig puts it there?"
        ),
        str(list(payload)): "Those are the bytes themselves; how many are there?",
    }
    for number, said in counts(payload):
        mistakes.setdefault(str(number), said)
    if size + 2 != size * 2:
        mistakes[str(size + 2)] = (
            "That is two too many: is a frame's header counted, or a pair of quotes?"
        )
    if payload.startswith(b"\0"):
        mistakes["0"] = "The payload begins with a byte of 0, and that is a byte like any other."
    bare = payload.lstrip(b"\0")
    mistakes[str(len(bare))] = "The zeros at the front are not counted; a byte of 0 is a byte too."
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
    stub=HANDLER_STUB,
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
        "nothing": "Every bytes and every text is counted, and one without a payload has 0. Follow "
        "the lines that ran.",
        "known-mistake": "What counts is the payload of each message by itself: 00 58 0e 43 2d "
        "are 5 bytes.",
        "wrong-value": "The answer is how many bytes the payload of this one message has, in "
        "decimal digits, and nothing else.",
    },
)
