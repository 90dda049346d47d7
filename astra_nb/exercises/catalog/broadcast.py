"""Broadcast: what one client sends goes to all others."""

from astra_nb.exercises.exercise import HANDLER_STUB, HandlerExercise
from astra_nb.exercises.scenario import Client, Script

ROW = "Each goes to all others, unchanged and in order, an empty or repeated one too."
COPY = "A client came or left while this went out: do you loop over a copy, list(members)?"


def pass_on(script: Script, speaker: Client, *others: Client, why: str = "") -> None:
    for type, value in (("text", script.word()), ("bytes", script.octets(5))):
        speaker.send(type, value)
        script.expect(others, (type, value), why=why)


def to_all_others(script: Script) -> None:
    one, two, three = (script.client() for _ in range(3))
    for speaker, *others in ((one, two, three), (two, one, three), (three, one, two)):
        pass_on(script, speaker, *others)
    script.expect_nothing(one, two, three)
    one.send_all(row := script.messages("text", "bytes"))
    script.expect((two, three), *row, why=ROW)
    three.control_between(("text", "bye"), None)
    script.expect((one, two), ("text", "bye"), why="Skip pings and pongs: look at message.type.")


def each_leaves_in_another_way(script: Script) -> None:
    one, two, three, four, five = (script.client() for _ in range(5))
    two.close(1001)
    three.close_without_code()
    four.vanish()
    pass_on(script, one, five, why="Others have left: take each out of the set in `finally`.")
    script.hold(one)
    five.send("text", script.word())
    one.forget()
    script.release()
    five.forget()  # in its handler a send has raised
    pass_on(script, *(script.client() for _ in range(3)))


def one_comes_or_leaves_meanwhile(script: Script) -> None:
    speaker, *others = (script.client() for _ in range(4))
    for happens in (script.client, script.one_leaves_between):
        script.hold(*others)
        speaker.send("text", word := script.word())
        happens()
        script.release()
        script.expect(others, ("text", word), why=COPY)
    speaker.see_no_more()  # its handler may be on its way to the newcomer
    script.clients[-1].forget()  # the newcomer may have the first one, too


broadcast = HandlerExercise(
    name="broadcast",
    title="Broadcast to all but the sender",
    rfc="section 5.6",
    prompt="Send each text or bytes message from one client to all other connected clients, but "
    "not back to the sender. Do not pass on pings and pongs. Clients come and go, some without a "
    "CLOSE frame.",
    stub="members = set()\n\n\n" + HANDLER_STUB,
    hints=[
        "All handlers share what is outside of them: put each socket into a set there, and loop "
        "over the set for each text or bytes message.",
        "Clients come and go while you loop, and a set must not change then: loop over a copy.",
        "Take a socket out of the set in `finally`: a client may leave without a CLOSE frame, and "
        "a send to another one may raise.",
    ],
    solution_text="""\
members = set()


def handle_socket(socket):
    members.add(socket)
    try:
        for message in socket:
            for member in list(members):
                if member is not socket and message.type in ("text", "bytes"):
                    member.send(message.type, message.value)
    finally:
        members.discard(socket)
""",
    scenarios=[to_all_others, each_leaves_in_another_way, one_comes_or_leaves_meanwhile],
    wrong=[("def handle_socket(s):\n    for m in s: pass", "not-passed-on")],
    advice={
        "not-passed-on": "Each of the others must get this, from the moment it is connected: keep "
        "the sockets outside of the handlers, and skip only the sender.",
        "to-itself": "Skip the sender, and send to each of the others: if member is not socket.",
        "closed-twice": "Pass on text and bytes alone: a close that is passed on closes others.",
        "wrong-value": "Pass on what a client sent unchanged, and add nothing.",
    },
)
