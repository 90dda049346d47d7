"""Close codes: close with the one that fits."""

from astra_nb.exercises.exercise import HandlerExercise, Wrong
from astra_nb.exercises.scenario import ODD, Payload, Script

WORDS = {"forbidden": 1008, "shutdown": 1001, "bye": 1000}
NEARLY = [near for w in WORDS for near in (w.upper(), w.title(), f" {w}", f"{w} ", f"{w}s", w[1:])]
EMOJI = "\U0001f600" * 5  # four bytes each
TOO_BIG = ("x" * 21, "ü" * 11, f"{EMOJI}!", "shutdown" * 3, "long " * 60)


def still_open(script: Script) -> None:
    """Messages that no rule is about."""
    client, word = script.client(), script.word()
    texts = (word, "x" * 20, EMOJI, "ü" * 5 + "x" * 10, *script.words(3), *NEARLY, *ODD, word, word)
    client.exchange([("text", text) for text in texts])
    client.exchange([("text", text) for text in (*script.words(3), "")], at_once=True)
    for data in (b"bye", b"forbidden", script.octets(25)):
        client.send("pong", data, unanswered=True)
        client.send("ping", data, unanswered=True)
        client.expect("pong", data)
        client.exchange([("text", script.word())])
    client.close_without_code()


def closes(script: Script) -> None:
    """Messages that ask for a close."""
    tables = (script.octets(3), script.octets(50), b"", b"bye")
    asking: list[tuple[str, Payload, int]] = [("text", text, 1009) for text in TOO_BIG]
    asking += [("bytes", table, 1003) for table in tables]
    asking += [("text", word, code) for word, code in WORDS.items()]
    for type, value, code in asking:
        client = script.client()
        client.send(type, value)
        client.expect_close(code, "bye" if value == "bye" else None)


def after_some_texts(script: Script) -> None:
    """A close after some texts, of one client of two."""
    word, code = script.random.choice(list(WORDS.items()))
    leaver, stayer = script.client(), script.client()
    leaver.exchange([("text", text) for text in script.words(script.random.randrange(1, 4))])
    leaver.send("text", word)
    leaver.expect_close(code)
    stayer.exchange([("text", script.word())])


close_codes = HandlerExercise(
    name="close_codes",
    title="Close with the code that fits",
    rfc="section 7.4.1",
    notebook="2-control-frames",
    prompt=(
        "An echo with rules. Echo every text, but close with the code that fits when a text has "
        "more than 20 bytes in UTF-8 (too big), or is `forbidden` (against the policy), `shutdown` "
        "(you are going away) or `bye` (a normal closure, with the reason `bye`). A bytes message "
        "is data that you do not support, whatever its size. Do not answer pings and pongs, and do "
        "not close for them."
    ),
    hints=[
        "The codes: 1000 normal, 1001 going away, 1003 unsupported data, 1008 policy violation, "
        "1009 message too big.",
        "send_close() takes a code and a reason. Send nothing after it: return, or use elif.",
        "len(text.encode()) counts the bytes in UTF-8. More than 20 are too many, 20 are not.",
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
    scenarios=[still_open, closes, after_some_texts],
    wrong=[
        Wrong("def handle_socket(s):\n    for m in s: s.send(m.type, m.value)", "unasked"),
        Wrong("def handle_socket(s): s.send_close(1009)", "closed-early"),
    ],
    advice={
        "closed-early": "No rule asks for this. 20 bytes are allowed; only the whole word counts.",
        "not-closed": "A rule asks for it. Count the bytes in UTF-8, not the characters; compare "
        "whole words; and close with 1003 on bytes, whatever their size.",
        "unasked": "The rules are about text and bytes messages; send nothing for pings and pongs.",
    },
)
