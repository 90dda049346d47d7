"""Join fragments: from the frames of one sender to its messages."""

import re
from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.exercises.socket_spy import said_of
from astra_nb.log.joiner import Joiner
from astra_nb.wire.frames import decode, encode

# Of each frame: opcode, FIN (+ is 1, - is 0), payload (_ is a blank).
PLANS = (
    "1+Hello", "1+one_{0} 2+two_", "1-Hel 0-lo_ 0+{0}", "1-\xe2 0+\x82\xac", "2-a 0+b 1+{0}", "",
    "1-before 9+still? 0-after 0+{0}", "9+still?", "2-{0} 0+ 1+end", "1+{0} 8+\x03\xe8", "10+{0}",
    "1-a 0-b 9+still? 10+{0} 0+c 2-d 0+e 10+ 8+", "1-{0} 9+ 0-a 0+b", "1+ 2+x 1+y", "1- 0+{0}",
    "2- 0+", "1-Hel", "2-a 0- 0+{0}", "1+again 1+again 1-a 0+b 1-a 0+b", "2-\xff\0 0-\0\0 0+0",
    "1+{0} 2-a 0-b", "2-{0}" + " 0-{0}{0}" * 40 + " 0+end", "2-a 9+{0} 10+{0} 0+b 1+{0}",
)  # fmt: skip
ADD = "messages.append((kind, payload))"
WHOLE = f"if frame.fin:\n            {ADD}"


def call(plan: str) -> Call:
    data = [
        (int(opcode), text.replace("_", " ").encode("latin-1"), fin == "+")
        for opcode, fin, text in re.findall(r"(\d+)([+-])(\S*)", plan)
    ]
    frames = [decode(encode(opcode, payload, fin=fin)) for opcode, payload, fin in data]
    joiner = Joiner()
    joined = [joiner.add(*each) for each in data if each[0] < 8]
    return Call((frames,), [(m.type, said_of(m).payload) for m in joined if m])


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
        ("payload += frame", "payload = frame", "Only last fragments are there, not all of them."),
        ("return messages", "return messages + [(kind, payload)][: not frame.fin]",
         "A message is there whose last frame has not come; leave it out."),
        (WHOLE, "messages.append((frame.type, frame.payload))",
         "Each frame became a message; one ends with the frame whose FIN is 1."),
        ("continue", f"{ADD}; continue", "A control frame ended a message; its FIN is its own."),
        ("continue", "break", "A control frame ended the loop; leave out that frame alone."),
        (">= 8", "> 8", "A CLOSE frame is a message here; it is a control frame."),
        (">= 8", "> 99", "Control frames are messages here; leave them out, opcode 8 and above."),
        ("return messages", "return messages[:-1]", "The last message is missing; FIN 1 ends it."),
        (ADD, f"payload and {ADD}", "An empty message is missing; it counts."),
    ],
)  # fmt: skip
