"""Broadcast: what one client sends goes to all others."""

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import Client, Script

__all__ = ["broadcast"]

CONTROL = "A PONG, a PING and a text were sent; pass on no pings and pongs: see message.type."
LOST = "Several messages were sent in a row: each goes to all others, once, unchanged and in order."

SKIPPED = (
    "A client that had it left while it went out to the others, and not all of them got it. Do "
    "you loop over the very list that this client is taken out of? Go over a copy: list(members)."
)


def pass_on(type: str, value: str | bytes, speaker: Client, *others: Client) -> None:
    speaker.send(type, value)
    for client in others:
        client.expect(type, value)


def to_all_others(script: Script) -> None:
    """One speaks, the others hear."""
    clients = [script.client() for _ in range(3)]
    for speaker in clients:
        others = [client for client in clients if client is not speaker]
        pass_on("text", script.word(), speaker, *others)
        pass_on("bytes", script.octets(5), speaker, *others)
    script.expect_nothing(*clients)


def messages_of_every_kind(script: Script) -> None:
    """Messages of every kind, several in a row, and control frames."""
    one, two, three = (script.client() for _ in range(3))
    word, data = script.word(), script.octets(4)
    texts = (word, word, "", "ping", "close", "Grüße")
    row: list[tuple[str, str | bytes]] = [("text", text) for text in texts]
    row += [("bytes", table) for table in (data, b"", b"Hello", script.octets(70_000))]
    one.send_all(row)
    for client in (two, three):
        client.expect_all(row, why=LOST)
    three.control_between(("text", word), None)
    for client in (one, two):
        client.expect("text", word, why=CONTROL)
    two.send_fragments("text", [b"5 \xe2", b"\x82", b"\xac"], ping=data)
    two.expect("pong", data)
    for client in (one, three):
        client.expect("text", "5 €")


def someone_comes_meanwhile(script: Script) -> None:
    """A client comes while a message goes out to the others."""
    one, two, three = (script.client() for _ in range(3))
    script.hold(two, three)
    one.send("text", word := script.word())
    newcomer = script.client()
    script.release()
    for client in (two, three):
        client.expect("text", word)
    newcomer.forget()
    pass_on("text", script.word(), one, two, three)


def someone_leaves_meanwhile(script: Script) -> None:
    """A client is gone before a message has gone out to it; then others come."""
    one, two, three = (script.client() for _ in range(3))
    script.hold(two, three)
    one.send("text", script.word())
    three.forget()
    script.release()
    one.forget()  # whether it has ended is no matter, but not what it left behind
    two.forget()
    pass_on("text", script.word(), *(script.client() for _ in range(3)))


def one_leaves_that_had_it(script: Script) -> None:
    """A client leaves while a message that it has already goes out to others."""
    speaker, *others = (script.client() for _ in range(4))
    script.hold(*others)
    speaker.send("text", word := script.word())
    script.one_leaves_between()
    script.release()
    for client in others:
        client.expect("text", word, missing=SKIPPED)


def everyone_leaves(script: Script) -> None:
    """Everyone leaves, each in another way, and others come."""
    stayer, closer, silent, lost, coded = (script.client() for _ in range(5))
    pass_on("text", script.word(), lost, stayer, closer, silent, coded)
    silent.close(1001)
    coded.close()
    lost.vanish()
    script.expect_nothing(stayer, closer)
    pass_on("text", script.word(), stayer, closer)
    closer.close_without_code()
    newcomer = script.client()
    for speaker, listener in ((newcomer, stayer), (stayer, newcomer)):
        pass_on("text", script.word(), speaker, listener)


broadcast = HandlerExercise(
    name="broadcast",
    title="Broadcast to all but the sender",
    rfc="section 5.6",
    notebook="3-protocols",
    prompt=(
        "Send each text or bytes message from one client to all other connected clients, but not "
        "back to the sender. Do not pass on pings and pongs. Clients come and go, some without a "
        "CLOSE frame."
    ),
    stub="members = set()\n\n\ndef handle_socket(socket):\n    ...\n",
    hints=[
        "All handlers share what is outside of them: put each new socket into a set, and loop over "
        "the set for each text or bytes message; skip the sender.",
        "Clients come and go while you loop over the set, and a set must not change then: make a "
        "copy first, such as a list.",
        "However a client leaves, take its socket out of the set, even if a send to another one "
        "raises: that is what `try` and `finally` are for.",
    ],
    solution_text="""\
members = set()


def handle_socket(socket):
    members.add(socket)
    try:
        for message in socket:
            if message.type not in ("text", "bytes"):
                continue
            for member in list(members):
                if member is not socket:
                    member.send(message.type, message.value)
    finally:
        members.discard(socket)
""",
    scenarios=[
        to_all_others,
        messages_of_every_kind,
        someone_comes_meanwhile,
        someone_leaves_meanwhile,
        one_leaves_that_had_it,
        everyone_leaves,
    ],
    wrong=[
        Wrong(
            "def handle_socket(s):\n    for m in s:\n        s.send(m.type, m.value)\n",
            "not-passed-on",
        ),
        Wrong("def handle_socket(socket):\n    for m in socket:\n        pass\n", "not-passed-on"),
    ],
    advice={
        "not-passed-on": "Each of the others must get this, from the moment it is connected: keep "
        "the sockets outside of the handlers.",
        "to-itself": "Skip the sender, and send to each of the others: if member is not socket.",
        "too-many": "Each message goes to each other client once, and nothing else is sent.",
        "wrong-value": "Pass on what a client sent unchanged, and add nothing.",
        "wrong-type": "Pass on bytes as bytes and text as text: send(message.type, message.value).",
        "sent-to-gone": "A client had already left. Take its socket out of what others see when it "
        "leaves, even if something raises: `try` and `finally`.",
    },
)
