"""Broadcast: what one client sends goes to all others."""

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import Client, Script

CONTROL = "Pass on no pings and pongs: look at message.type."
ROW = "Several messages were sent in a row: each goes to all others, once, unchanged and in order."
COPY = (
    "A client that had this message left while it went out to the others, and not all of them got "
    "it. Do you loop over the very list that it is taken out of? Go over a copy: list(members)."
)


def pass_on(script: Script, speaker: Client, *others: Client) -> None:
    for type, value in (("text", script.word()), ("bytes", script.octets(5))):
        speaker.send(type, value)
        script.expect(others, (type, value))


def to_all_others(script: Script) -> None:
    one, two, three = (script.client() for _ in range(3))
    for speaker, *others in ((one, two, three), (two, one, three), (three, one, two)):
        pass_on(script, speaker, *others)
    script.expect_nothing(one, two, three)
    one.send_all(row := script.messages("text", "bytes"))
    script.expect((two, three), *row, why=ROW)
    three.control_between(("text", "bye"), None)
    script.expect((one, two), ("text", "bye"), why=CONTROL)


def a_client_comes_or_leaves_while_a_message_goes_out(script: Script) -> None:
    one, two, three = (script.client() for _ in range(3))
    script.hold(two, three)
    one.send("text", word := script.word())
    newcomer = script.client()
    script.release()
    script.expect((two, three), ("text", word))
    newcomer.forget()
    pass_on(script, one, two, three)
    script.hold(two, three)
    one.send("text", script.word())
    for client in (three, one, two):
        client.forget()
        script.release()
    pass_on(script, *(script.client() for _ in range(3)))


def one_leaves_that_had_the_message(script: Script) -> None:
    speaker, *others = (script.client() for _ in range(4))
    script.hold(*others)
    speaker.send("text", word := script.word())
    script.one_leaves_between()
    script.release()
    script.expect(others, ("text", word), why=COPY)


def everyone_leaves_in_another_way(script: Script) -> None:
    stayer, closer, silent, lost, coded = (script.client() for _ in range(5))
    pass_on(script, lost, stayer, closer, silent, coded)
    silent.close(1001)
    coded.close()
    lost.vanish()
    script.expect_nothing(stayer, closer)
    pass_on(script, stayer, closer)
    closer.close_without_code()
    pass_on(script, script.client(), stayer)


broadcast = HandlerExercise(
    name="broadcast",
    title="Broadcast to all but the sender",
    rfc="section 5.6",
    prompt="Send each text or bytes message from one client to all other connected clients, but "
    "not back to the sender. Do not pass on pings and pongs. Clients come and go, some without a "
    "CLOSE frame.",
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
        a_client_comes_or_leaves_while_a_message_goes_out,
        one_leaves_that_had_the_message,
        everyone_leaves_in_another_way,
    ],
    wrong=[
        Wrong("def handle_socket(s):\n    for m in s: s.send(m.type, m.value)", "not-passed-on"),
        Wrong("def handle_socket(s):\n    for m in s: pass", "not-passed-on"),
    ],
    advice={
        "not-passed-on": "Each of the others must get this, from the moment it is connected: keep "
        "the sockets outside of the handlers, and skip only the sender.",
        "to-itself": "Skip the sender, and send to each of the others: if member is not socket.",
        "wrong-value": "Pass on what a client sent unchanged, and add nothing.",
        "wrong-type": "Pass on bytes as bytes and text as text: send(message.type, message.value).",
    },
)
