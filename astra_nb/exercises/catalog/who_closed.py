"""Who closed, and why: read off a log."""

from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.log import FrameLog
from astra_nb.log.records import NoticeRecord
from astra_nb.net.closing import close_payload
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import CloseFrame

# Sender, opcode, and payload: of a CLOSE frame its code and its reason.
PLANS = (
    "{2}; c8 1000 {0}; s8 1000", "{2}; s8 1008 {0}; c8 1008", "s8 1001; c8 1001", "", "{2}; c8; s8",
    "{2}", "{2}; s8 1011 Fehler: ü", "c1 close 1000; c8 4321", "c8 1001 Grüße", "c8 3000; s8 3000",
    "{2}; s8 4999 €", "c8 1000 " + "x" * 123 + "; s8", "s8 1002  1000 close ; c8 1002", "s8; c8",
    "c8; s8 1000 {0}", "s8 {1} {0}; c8", "c9 \x03\xe8done; sa \x03\xe8done; s8 1003",
    "c2 \x03\xe8{0}; s2; c8 1009 {0}", "c9; sa; c1 close", "s8 4000 {0}; c8 1000 bye",
)  # fmt: skip


def call(plan: str, number: int, key: bytes) -> Call:
    log, closes = FrameLog(), list[tuple[str, int, str]]()
    for step in filter(None, plan.split("; ")):
        sender, opcode, said = {"c": "client", "s": "server"}[step[0]], int(step[1], 16), step[3:]
        payload = said.encode("latin-1") if opcode != 8 else b""
        if opcode == 8:
            code, _, reason = said.partition(" ")
            closes.append((sender, int(code or 1005), reason))
            payload = close_payload(CloseFrame(*closes[-1][1:]))
        raw = encode(opcode, payload, key=key if sender == "client" else None)
        log.append_frames(number, "server", "received" if sender == "client" else "sent", raw, 1)
    log.append(0, NoticeRecord, text="Stopped listening")  # not a frame
    return Call((log,), closes[0] if closes else ("nobody", 1006, ""))


def calls(chance: Random) -> list[Call]:
    word = f"{chance.choice(('done', 'bye', 'enough'))} {chance.randrange(100, 1000)}"
    plans = [plan.format(word, chance.randint(3000, 4999), "c1 Hi; s1 Hi") for plan in PLANS]
    return [call(plan, chance.randrange(1, 9), chance.randbytes(4)) for plan in plans]


who_closed = FunctionExercise(
    name="who_closed",
    title="Who closed, and why",
    rfc="sections 5.5.1 and 7.1.5",
    function="who",
    prompt="Write `who(log)`. It takes the log of a server with one connection, and returns who "
    'sent the first CLOSE frame, with which code and which reason: `("client", 1000, "done")`. An '
    'empty CLOSE frame counts as code 1005. Without any, the answer is `("nobody", 1006, "")`. '
    "Each record of `log.frames` has a `type`, a `payload` and a `direction`: `received` or "
    "`sent`, seen from the server.",
    stub="def who(log):\n    ...\n",
    hints=[
        'Go through log.frames; the first record whose type is "close" decides.',
        "The first 2 bytes of its payload are the code, the highest first; the rest is the reason.",
        "In a server's log `received` means that the client sent it. A CLOSE frame may be empty.",
        "That nobody closed is known only after the last record.",
    ],
    solution_text="""\
def who(log):
    for record in log.frames:
        if record.type == "close":
            sender = "client" if record.direction == "received" else "server"
            code = int.from_bytes(record.payload[:2], "big") or 1005
            reason = record.payload[2:].decode()
            return (sender, code, reason)
    return ("nobody", 1006, "")
""",
    calls=calls,
    mutations=[
        ("in log.frames", "in log.frames[::-1]", "That is the last CLOSE frame; the first counts."),
        ('record.type == "close"', "record", "That is the first frame; look for a CLOSE frame."),
        ("if record.type", "if 0 and record.type", "There is a CLOSE frame here, and it counts."),
        ('== "received"', '== "sent"', "It was the other end: `received` came from the client."),
        ("payload[:2]", "payload[1:2]", "That is only one byte of the code; it has two."),
        ('"big"', '"little"', "The code has its lowest byte first; it is in network order."),
    ],
    advice={
        "wrong-value": "The first CLOSE frame counts, whoever sent it; its reason is UTF-8. The "
        "code of an empty one is 1005; without any, it is nobody, 1006 (section 7.1.5).",
        "raised": "Only log.frames have payloads: empty, or two bytes of code and then a text.",
    },
)  # fmt: skip
