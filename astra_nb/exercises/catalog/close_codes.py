"""Close codes: close with the one that fits."""

from astra_nb.exercises.exercise import HandlerExercise
from astra_nb.exercises.scenario import Payload, Script

WORDS = {"forbidden": 1008, "shutdown": 1001, "bye": 1000}
NEARLY = [near for word in WORDS for near in (word.upper(), f" {word}", f"{word}s", word[1:])]
TWENTY = ("x" * 20, "\U0001f600" * 5, "ü" * 5 + "x" * 10)  # bytes in UTF-8
TOO_BIG = ("x" * 21, "ü" * 11, "shutdown" * 3, "long " * 60)


def messages_that_no_rule_is_about(script: Script) -> None:
    client = script.client()
    texts = [text for _, text in script.messages("text") if len(text) <= 10]
    client.exchange([("text", text) for text in (*texts, *TWENTY, *NEARLY)])
    for data in (b"bye", b"forbidden", script.octets(25)):
        client.control_between(("pong", data), None)
        client.exchange([("text", script.word())])
    client.close_without_code()


def messages_that_ask_for_a_close(script: Script) -> None:
    stayer, datas = script.client(), (script.octets(3), script.octets(50), b"", b"bye")
    asking: list[tuple[str, Payload, int]] = [("text", text, 1009) for text in TOO_BIG]
    asking += [("bytes", data, 1003) for data in datas]
    asking += [("text", word, code) for word, code in WORDS.items()]
    for type, value, code in asking:
        client = script.client()
        client.exchange([("text", script.word())])
        client.send(type, value)
        client.expect_close(code, "bye" if value == "bye" else None)
    stayer.exchange([("text", script.word())])


close_codes = HandlerExercise(
    name="close_codes",
    title="Close with the code that fits",
    rfc="section 7.4.1",
    prompt="An echo with rules. Echo every text, but close with the code that fits when a text has "
    "more than 20 bytes in UTF-8 (too big), or is `forbidden` (against the policy), `shutdown` "
    "(you are going away) or `bye` (a normal closure, with the reason `bye`). A bytes message "
    "is data that you do not support, whatever its size. Skip pings and pongs.",
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
    scenarios=[messages_that_no_rule_is_about, messages_that_ask_for_a_close],
    wrong=[("def handle_socket(s):\n    for m in s: s.send(m.type, m.value)", "unasked")],
    advice={
        "closed-early": "No rule asks for this: 20 bytes are allowed, pings and pongs skipped, and "
        "only whole words count.",
        "returned": "Where a rule asks for a close, send_close() first; else stay in the loop.",
        "not-closed": "A rule asks for it. Count the bytes in UTF-8, not the characters; compare "
        "whole words; close with 1003 on bytes, whatever their size; send nothing before it.",
    },
)
