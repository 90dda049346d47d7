"""Greet: the server speaks first."""

from __future__ import annotations

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.manners import (
    expect_all,
    leave_without_a_code,
    send_all,
    send_between_control_frames,
)
from astra_nb.exercises.script import Talk

__all__ = ["greet"]

NOTEBOOK = "1-first-steps"
NO_NAMES = ("ping", "close", "None", "0", "exit", '{"type": "text"}', "{name}", "%s", 'it\'s "it"')


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
    stub=HANDLER_STUB,
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
        "first-only": "Each name that comes is greeted, until the client closes.",
        "returned": "The server speaks first, then each name that comes is greeted, until the "
        "client closes.",
        "too-many": "Welcome! comes once, before the loop.",
        "wrong-value": "Compare comma, blank and exclamation mark, letter by letter: "
        "Welcome! and Hello, NAME!",
        "cut": "Compare letter by letter: Welcome! and Hello, NAME!",
        "added": "Compare letter by letter: Welcome! and Hello, NAME!",
    },
)
