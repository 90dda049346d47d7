"""Greet on open: the server speaks first."""

from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.scenario import Script

WELCOME = "Welcome!"
NO_STRIP = "Blanks in the name are missing or changed; any text is a name, as it came: no strip()."


def hello(type: str, name: str) -> tuple[str, str]:
    return "text", f"Hello, {name}!"


def mistakes(type: str, name: str) -> dict[str, str]:
    return {
        WELCOME: "That is the first greeting; it comes once.",
        name: "That is the name alone, without a greeting.",
        f"Hello, {' '.join(name.split()[:1])}!": "That is only the first word of the name.",
        f"Hello, {' '.join(name.split())}!": NO_STRIP,
        f"Hello, {name.strip()}!": NO_STRIP,
    }


def names_of_every_kind(script: Script) -> None:
    client, word = script.client(), script.word()
    client.expect("text", WELCOME)
    client.expect_nothing()
    client.exchange([*script.messages("text"), ("text", WELCOME)], hello, mistakes)
    client.control_between(("text", word), hello("text", word))
    for data in (script.octets(4), b"Ada", b""):
        client.send("bytes", data, unanswered=True)
    client.exchange([("text", word)], hello)
    client.close_without_code()


def two_guests(script: Script) -> None:
    guests = (script.client(), script.client())
    for guest in guests:
        guest.expect("text", WELCOME)
    for guest in guests:
        guest.exchange([("text", script.word())], hello)


greet = HandlerExercise(
    name="greet",
    title="Greet on open",
    rfc="section 1.2",
    prompt="The server speaks first. As soon as a connection opens, send the text `Welcome!`. Then "
    "answer each text, which is a name, with `Hello, NAME!`. Any text is a name, even an empty "
    "one. Do not answer anything else.",
    hints=[
        "A handler is called when the connection opens; its first line can already send.",
        "The greeting comes before the loop, the answers in it.",
        "An f-string puts a value in: an f before the quotes, and the value in braces.",
        "Look at message.type: bytes, pings and pongs are not names.",
    ],
    solution_text="""\
def handle_socket(socket):
    socket.send_text("Welcome!")
    while True:
        message = socket.recv()
        if message.type == "text":
            socket.send_text(f"Hello, {message.value}!")
""",
    scenarios=[names_of_every_kind, two_guests],
    wrong=[("def handle_socket(s): s.recv()", "nothing-yet")],
    advice={
        "too-many": "Send Welcome! once, before the loop; greet each name once.",
        "nothing-yet": "Send Welcome! to each client, before the first recv().",
        "wrong-value": "Compare every character: `Hello, NAME!`, with the name as it came.",
    },
)
