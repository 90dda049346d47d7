"""Join fragments: from the frames of one sender to its messages."""

import re
from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.wire.frames import Frame, decode, encode
from astra_nb.wire.text import counted, preview

PLANS = (
    "1+Hello", "1+one_{0} 2+two_", "1-Hel 0-lo_ 0+{0}", "1-\xe2 0+\x82\xac", "2-a 0+b 1+{0}", "",
    "1-before 9+still? 0-after 0+{0}", "9+still?", "2-{0} 0+ 1+end", "1+{0} 8+\x03\xe8", "10+{0}",
    "1-a 0-b 9+still? 10+{0} 0+c 2-d 0+e 10+ 8+", "1-{0} 9+ 0-a 0+b", "1+ 2+x 1+y", "1- 0+{0}",
    "2- 0+", "1-Hel", "2-a 0- 0+{0}", "1+again 1+again 1-a 0+b 1-a 0+b", "2-\xff\0 0-\0\0 0+0",
    "1+{0} 2-a 0-b", "2-{0}" + " 0-{0}{0}" * 40 + " 0+end", "2-a 9+{0} 10+{0} 0+b 1+{0}",
)  # fmt: skip
PILE, SKIP, END, ADD = (
    "payload += frame.payload",
    "frame.opcode >= 8",
    "return messages",
    "messages.append((kind, payload))",
)
ONE = "messages.append((frame.type, frame.payload))"
EACH = f"if frame.fin:\n            {ADD}"


def call(plan: str) -> Call:
    """Make the call for frames: opcode, FIN (+ is 1, - is 0), payload (_ is a blank)."""
    frames, messages, kind, payload = list[Frame](), list[tuple[str, bytes]](), "", b""
    for opcode, fin, text in re.findall(r"(\d+)([+-])(\S*)", plan):
        data = text.replace("_", " ").encode("latin-1")
        frames.append(decode(encode(int(opcode), data, fin=fin == "+")))
        if int(opcode) < 8:
            kind, payload = (kind, payload) if opcode == "0" else (str(frames[-1].type), b"")
            payload += frames[-1].payload
            messages += [(kind, payload)] if fin == "+" else []
    rows = tuple(("client", f.type, preview(f.payload, f.type), f"{f.fin:d}") for f in frames)
    return Call((frames,), messages, counted(len(frames), "frame"), rows=rows)


def calls(chance: Random) -> list[Call]:
    return [call(plan.format(chance.randbytes(3).hex())) for plan in PLANS]


join_fragments = FunctionExercise(
    name="join_fragments",
    title="Join fragments",
    rfc="section 5.4",
    function="join",
    prompt="Write `join(frames)`. It takes the frames of one sender in order, each with `fin`, "
    "`opcode`, `type` and `payload`, and returns a list of the messages: pairs of type and "
    'payload, such as `[("text", b"Hello")]`. A first frame has opcode 1 or 2, those that '
    "continue it 0, and the last one FIN 1. Control frames (opcode 8 and above) may come "
    "anywhere: leave them out. Also leave out a message whose last frame has not come.",
    stub="def join(frames):\n    ...\n",
    hints=[
        "Keep the type and what came so far in two variables, outside the loop.",
        "Opcode 1 or 2 begins a message, 0 adds to it; FIN 1 ends it: append it to the list.",
        "Skip a frame with opcode 8 or above, wherever it comes.",
    ],
    solution_text="""\
def join(frames):
    messages, kind, payload = [], "", b""
    for frame in frames:
        if frame.opcode >= 8:
            continue
        if frame.opcode != 0:
            kind, payload = frame.type, b""
        payload += frame.payload
        if frame.fin:
            messages.append((kind, payload))
    return messages
""",
    calls=calls,
    mutations=[
        (ADD, "messages.append((payload, kind))", "First the type, then the payload."),
        (ADD, ADD.replace("payload", "payload.decode()"), "The payloads are str; decode nothing."),
        (ADD, ADD.replace("kind", "frame.type"), "The type is the last frame's, not the first's."),
        ("payload += frame", "payload = frame", "Only last fragments are there, not all of them."),
        (ADD, ONE, "Only last fragments are there, not all of them."),
        (EACH, ONE, "Each frame became a message; one ends with the frame whose FIN is 1."),
        (EACH, f"frame.opcode and {ADD}", "Only first fragments are there; 0 continues them."),
        ("continue", "payload += frame.payload; continue", "A control frame's payload is in it."),
        ("continue", f"{ADD}; continue", "A control frame ended a message; its FIN is its own."),
        (SKIP, "frame.opcode > 8", "A CLOSE frame is a message here; it is a control frame."),
        (SKIP, "frame.opcode == 8", "A PING or PONG is a message here; it is a control frame."),
        (SKIP, "False", "Control frames are messages here; leave them out, opcode 8 and above."),
        (END, f"{END}[:-1]", "The last message is missing; FIN 1 made it whole."),
        (END, "return list(dict.fromkeys(messages))", "A message that came twice is there once."),
        (END, "return [m for m in messages if m[1]]", "An empty message is missing; it counts."),
        (END, f"{END} + [(kind, payload)] * (not frame.fin)", "The last message is not whole."),
        (END, "return [(messages[0][0], b''.join(m[1] for m in messages))]", "All messages are "
         "joined into one; FIN 1 ends each."),
        ('frame.type, b""', "frame.type, payload", "Payloads pile up from message to message."),
        (PILE, "payload = frame.payload + payload", "The fragments are in reverse order."),
    ],
    advice={
        "wrong-value": "Go through the frames one by one, and write down what you keep.",
        "wrong-result-type": 'Return a list of pairs: [("text", b"Hello")].',
    },
)  # fmt: skip
