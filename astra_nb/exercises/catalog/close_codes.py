"""Close codes: close with the one that fits."""

from __future__ import annotations

from functools import partial

from astra_nb.exercises.client import Client
from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.history import describe_close
from astra_nb.exercises.manners import (
    CONTROL,
    expect_all,
    leave_without_a_code,
    send_all,
    send_between_control_frames,
)
from astra_nb.exercises.script import Talk
from astra_nb.wire.messages import CloseFrame

__all__ = ["close_codes"]

NOTEBOOK = "2-control-frames"
LONGEST = 20  # bytes


async def still_talking(talk: Talk) -> None:
    """Nothing to close."""
    client = await talk.connect()
    exact = "ü" * 5 + "x" * (LONGEST - 10)
    for text in (*talk.words(2), exact, "forbidden fruit", "bye-bye"):
        await client.send("text", text)
        await client.expect("text", text)


async def nearly_a_rule(talk: Talk) -> None:
    """Texts that no rule is about, and control frames."""
    client = await talk.connect()
    word = talk.word()
    nearly = (
        "",
        "Bye",
        "bye ",
        "BYE",
        "Forbidden",
        "shutdown now",
        "shut",
        "close",
        "1000",
        "byes",
    )
    for text in (*nearly, "x" * LONGEST, "\U0001f600" * (LONGEST // 4), word, word):
        await client.send("text", text)
        await client.expect("text", text)
    await send_between_control_frames(client, ("text", word), ("text", word))
    for data in (b"bye", b"forbidden", talk.octets(LONGEST + 5)):
        await client.send("pong", data)
        await client.send("ping", data)
        await client.send("text", word)
        close = await talk.until(partial(_closed_or_echoed, client, word))
        if isinstance(close, CloseFrame):
            client.fail(
                "closed-by-pong",
                f"A PING and a PONG came, and then {describe_close(close.code)}; the rules are "
                "about text and bytes messages.",
                f"text {word}",
                advice=CONTROL,
            )
        await expect_all(client, [("pong", data), ("text", word)])
    texts = [("text", text) for text in (*talk.words(3), "")]
    await send_all(client, texts)
    await expect_all(client, texts)
    await leave_without_a_code(client)


def _closed_or_echoed(client: Client, word: str) -> CloseFrame | bool:
    heard = client.passed.heard
    closes = [each.close for each in heard if each.close is not None]
    return closes[0] if closes else heard[-1].payload == word.encode()


async def too_big(talk: Talk) -> None:
    """A text that is too long."""
    emoji = "\U0001f600" * (LONGEST // 4) + "!"
    long = talk.word() * 30
    for text in ("x" * (LONGEST + 1), "ü" * (LONGEST // 2 + 1), emoji, "shutdown" * 3, long):
        client = await talk.connect()
        await client.send("text", text)
        await client.expect_close(1009)
    client = await talk.connect()
    await client.send_fragments("text", ["x" * LONGEST, "x"])
    await client.expect_close(1009)


async def by_type_and_word(talk: Talk) -> None:
    """Bytes, and words that ask for a close."""
    cases: list[tuple[str, str | bytes, int, str | None]] = [
        ("bytes", talk.octets(3), 1003, None),
        ("bytes", talk.octets(50), 1003, None),
        ("bytes", b"", 1003, None),
        ("bytes", b"bye", 1003, None),
        ("bytes", b"Hello", 1003, None),
        ("text", "forbidden", 1008, None),
        ("text", "shutdown", 1001, None),
        ("text", "bye", 1000, "bye"),
    ]
    for type, value, code, reason in cases:
        client = await talk.connect()
        await client.send(type, value)
        await client.expect_close(code, reason)
    client = await talk.connect()
    await client.send_fragments("text", ["b", "ye"])
    await client.expect_close(1000, "bye")


async def after_some_talk(talk: Talk) -> None:
    """A close after some talk."""
    code, word = talk.random.choice([(1008, "forbidden"), (1001, "shutdown")])
    leaver, stayer = await talk.connect(), await talk.connect()
    for text in talk.words(talk.random.randrange(1, 4)):
        await leaver.send("text", text)
        await leaver.expect("text", text)
    await leaver.send("text", word)
    await leaver.expect_close(code)
    text = talk.word()
    await stayer.send("text", text)
    await stayer.expect("text", text)


close_codes = HandlerExercise(
    name="close_codes",
    title="Close with the code that fits",
    rfc="section 7.4.1",
    notebook=NOTEBOOK,
    prompt=(
        "An echo with rules. Echo every text, but close with the code that fits when one comes "
        "that has more than 20 bytes in UTF-8 (too big), is `forbidden` (against the policy), is "
        "`shutdown` (you are going away), or is `bye` (a normal closure, with the reason `bye`). "
        "A bytes message is data that you do not support, whatever its size. Pings and pongs get "
        "no answer of yours, and no close."
    ),
    stub=HANDLER_STUB,
    hints=[
        "The codes: 1000 normal, 1001 going away, 1003 unsupported data, 1008 policy violation, "
        "1009 message too big.",
        'socket.send_close(1008) closes; socket.send_close(1000, "bye") gives a reason too.',
        "After send_close() nothing more may be sent: return, or use elif and else.",
        "Bytes in UTF-8 are counted by len(text.encode()). More than 20 are too many, 20 are not.",
    ],
    solution_text="""\
def handle_socket(socket):
    for message in socket:
        if message.type == "bytes":
            socket.send_close(1003)
        elif message.type != "text":
            continue
        elif len(message.value.encode()) > 20:
            socket.send_close(1009)
        elif message.value == "forbidden":
            socket.send_close(1008)
        elif message.value == "shutdown":
            socket.send_close(1001)
        elif message.value == "bye":
            socket.send_close(1000, "bye")
        else:
            socket.send_text(message.value)
""",
    scenarios=[
        still_talking,
        too_big,
        by_type_and_word,
        nearly_a_rule,
        after_some_talk,
    ],
    advice={
        "closed-early": "No rule asks for a close here. 20 bytes in UTF-8 are allowed, for each "
        "text by itself; only the whole word counts; pings and pongs get no close.",
        "not-closed": "A rule is about this message. Count the bytes in UTF-8, not the "
        "characters; compare whole words; and bytes are closed with 1003, whatever their size.",
        "returned": "Texts that no rule names are echoed, and the connection stays open.",
        "first-only": "Texts that no rule names are echoed, and the connection stays open.",
        "sent-before-close": "Who closes does not echo: look at the rules first, and echo only "
        "when none of them holds.",
        "closed-twice": "After send_close() no data frame may follow, so no echo, and no "
        "second close: return, or use elif and else.",
    },
)
