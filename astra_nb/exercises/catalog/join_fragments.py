"""Join fragments: the messages that the frames of one sender are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from websockets.frames import Close

from astra_nb.exercises.calls import Call, FunctionExercise
from astra_nb.exercises.history import shown
from astra_nb.wire.frames import Frame, decode

from .read_frame import frame_bytes

__all__ = ["join_fragments"]

NOTEBOOK = "4-by-hand"
SHOWN_FRAMES = 24


def joined(frames: list[Frame], control: tuple[int, ...] = ()) -> list[tuple[str, bytes]]:
    """Join, and take control frames with these opcodes for messages of their own."""
    messages: list[tuple[str, bytes]] = []
    type, parts = "", b""
    for frame in frames:
        if frame.is_control and frame.opcode not in control:
            continue
        if frame.opcode != 0:
            type, parts = frame.type, b""
        parts += frame.payload
        if frame.fin:
            messages.append((type, parts))
    return messages


def unfinished(data: list[Frame]) -> list[tuple[str, bytes]]:
    """Join, and take what has not ended for a message too."""
    messages = joined(data)
    rest: list[Frame] = []
    for frame in data:
        rest = [] if frame.fin else [*rest, frame]
    if rest:
        messages.append((rest[0].type, b"".join(frame.payload for frame in rest)))
    return messages


def join_mistakes(frames: list[Frame]) -> Iterator[tuple[Any, str]]:
    right = joined(frames)
    data = [frame for frame in frames if not frame.is_control]
    yield [(payload, type) for type, payload in right], "First the type, then the payload."
    if any(not frame.fin for frame in data):
        turned, parts = [], b""
        for frame in data:
            parts = frame.payload if frame.opcode != 0 else frame.payload + parts
            if frame.fin:
                turned.append(parts)
        yield (
            [(type, payload) for (type, _), payload in zip(right, turned, strict=False)],
            "Fragments are put together in the order in which they came.",
        )
        yield (
            [("continuation", payload) for _, payload in right],
            "The type of a message is that of its first frame; opcode 0 only continues it.",
        )
        last = [frame.type for frame in data if frame.fin]
        yield (
            [(type, payload) for type, (_, payload) in zip(last, right, strict=False)],
            "The type of a message is that of its first frame; opcode 0 only continues it.",
        )
        yield (
            [(frame.type, frame.payload) for frame in data],
            "Each frame became a message; a message ends with the frame whose FIN is 1.",
        )
        yield (
            [(frame.type, frame.payload) for frame in data if frame.fin],
            "Only last fragments are left: the payloads of a message's frames are put together.",
        )
        yield (
            [(frame.type, frame.payload) for frame in data if frame.opcode != 0],
            "Only first fragments are left; those with opcode 0 continue the message.",
        )
    inverted, type, parts = [], "", b""
    for frame in data:
        type, parts = (frame.type, b"") if frame.opcode != 0 else (type, parts)
        parts += frame.payload
        if not frame.fin:
            inverted.append((type, parts))
    if inverted:
        yield (
            inverted,
            "FIN was taken the wrong way round: FIN 1 ends a message, FIN 0 says more comes.",
        )
    if right:
        only = "only" if len(right) == 1 else "last"
        yield right[:-1], f"The {only} message is missing: it is whole with its frame of FIN 1."
    if len(right) > 1:
        total = [(right[0][0], b"".join(payload for _, payload in right))]
        yield total, "All messages became one: begin anew after each frame whose FIN is 1."
        growing, so_far = [], b""
        for type, payload in right:
            so_far += payload
            growing.append((type, so_far))
        yield growing, "Payloads pile up from message to message: begin anew after each."
    if len(data) != len(frames):
        mixed, parts, type = [], b"", ""
        for frame in frames:
            if frame.opcode != 0 and not frame.is_control:
                type, parts = frame.type, b""
            parts += frame.payload
            if frame.fin and not frame.is_control:
                mixed.append((type, parts))
        yield mixed, "A control frame between fragments got mixed into the message."
        for which, said in (
            ((8,), "A CLOSE frame became a message: it is a control frame too, with opcode 8."),
            ((9,), "A PING became a message: it is a control frame."),
            ((10,), "A PONG became a message: it is a control frame."),
            ((8, 9, 10), "Control frames, opcode 8 and above, became messages; leave them out."),
        ):
            yield joined(frames, which), said
        ended, type, parts = [], "", b""
        for frame in frames:
            if frame.opcode != 0 and not frame.is_control:
                type, parts = frame.type, b""
            if not frame.is_control:
                parts += frame.payload
            if frame.fin:
                ended.append((type, parts))
        yield ended, "A control frame ended a message: its FIN is its own."
    seen = list(dict.fromkeys(right))
    if seen != right:
        yield seen, "A message that came twice is there once; each one counts."
    yield [each for each in right if each[1]], "An empty message is a message too."
    yield (
        unfinished(data),
        "The frames of the last message are not all there: its frame with FIN 1 has not come.",
    )
    yield (
        [(type, payload.decode("utf-8", "replace")) for type, payload in right],
        ("Payloads are bytes here; decode nothing."),
    )


EMPTY_PING = decode(frame_bytes(9, b""))


def fragments(opcode: int, parts: list[bytes]) -> list[Frame]:
    last = len(parts) - 1
    return [
        decode(frame_bytes(opcode if index == 0 else 0, part, fin=index == last))
        for index, part in enumerate(parts)
    ]


def calls_to_join(chance: random.Random) -> list[Call]:
    ping = decode(frame_bytes(9, b"still there?"))
    word = chance.randbytes(3).hex().encode()
    euro = "€ 5".encode()
    cases: list[tuple[str, list[Frame]]] = [
        ("one whole message", fragments(1, [b"Hello"])),
        ("two whole messages", fragments(1, [b"one " + word]) + fragments(2, [b"two"])),
        ("three fragments", fragments(1, [b"Hel", b"lo ", word])),
        ("a character cut in two", fragments(1, [euro[:1], euro[1:]])),
        ("fragments, then a whole message", fragments(2, [b"a", b"b"]) + fragments(1, [word])),
    ]
    between = fragments(1, [b"before ", b"after ", word])
    cases.append(("a PING between fragments", [*between[:1], ping, *between[1:]]))
    cases.append(("a PING alone", [ping]))
    cases.append(("an empty last fragment", fragments(2, [word, b""]) + fragments(1, [b"end"])))
    close = decode(frame_bytes(8, Close(1000, "done").serialize()))
    empty_close = decode(frame_bytes(8, b""))
    pong = decode(frame_bytes(10, word))
    cases.append(("a CLOSE frame at the end", [*fragments(1, [word]), close]))
    cases.append(("a PONG alone", [pong]))
    cases.append(
        (
            "two control frames in a row, in a message and behind one",
            [*between[:2], ping, pong, *between[2:], *fragments(2, [b"two"]), pong, empty_close],
        )
    )
    cases.append(("an empty PING between fragments", [between[0], EMPTY_PING, *between[1:]]))
    cases.append(
        ("empty messages", fragments(1, [b""]) + fragments(2, [b"x"]) + fragments(1, [b"y"]))
    )
    cases.append(("an empty first fragment", fragments(1, [b"", word]) + fragments(2, [b"", b""])))
    cases.append(("an empty fragment in between", fragments(2, [b"a", b"", word])))
    cases.append(
        ("the same message twice", fragments(1, [b"again"]) * 2 + fragments(1, [b"a", b"b"]) * 2)
    )
    cases.append(("bytes that are no text", fragments(2, [b"\xff\x00", bytes(3), b"0"])))
    cases.append(
        (
            "a message that has not ended",
            fragments(1, [word]) + fragments(2, [b"a", b"b", b"c"])[:2],
        )
    )
    cases.append(("a first fragment alone", fragments(1, [b"Hel", b"lo"])[:1]))
    cases.append(("a long message", fragments(2, [chance.randbytes(200) for _ in range(40)])))
    many: list[Frame] = []
    for _ in range(6):
        parts = [chance.randbytes(2).hex().encode() for _ in range(chance.randrange(1, 4))]
        many += fragments(chance.choice([1, 2]), parts)
        if chance.random() < 0.5:
            many.insert(chance.randrange(len(many) + 1), chance.choice([ping, pong]))
    cases.append(("many messages", many))
    cases.append(("no frame at all", []))
    return [
        Call(
            (list(frames),),
            partial(joined, frames),
            what,
            partial(join_mistakes, frames),
            rows=frame_rows(frames),
        )
        for what, frames in cases
    ]


def frame_rows(frames: list[Frame]) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(
        ("client", frame.type, shown(frame.type, frame.payload), f"FIN {frame.fin:d}")
        for frame in frames[:SHOWN_FRAMES]
    )


join_fragments = FunctionExercise(
    name="join_fragments",
    title="Join fragments",
    rfc="section 5.4",
    notebook=NOTEBOOK,
    function="join",
    prompt=(
        "Write `join(frames)`. It gets the frames of one sender in their order, each with `fin`, "
        "`opcode`, `type` and `payload`, and gives a list of the messages: pairs of type and "
        'payload, such as `[("text", b"Hello")]`. A first frame has opcode 1 or 2, those that '
        "continue it 0, and the last one FIN 1. Control frames (opcode 8 and above) may stand "
        "anywhere and are left out, and so is a message whose last frame has not come."
    ),
    stub="def join(frames):\n    ...\n",
    hints=[
        "Keep the type and what came so far in two variables, outside the loop.",
        "opcode 1 or 2 begins a message, 0 adds to it; FIN 1 ends it: append it to the list.",
        "A frame with opcode 8 or above is skipped: continue.",
    ],
    solution_text="""\
def join(frames):
    messages = []
    for frame in frames:
        if frame.opcode >= 8:
            continue
        if frame.opcode != 0:
            type, payload = frame.type, b""
        payload += frame.payload
        if frame.fin:
            messages.append((type, payload))
    return messages
""",
    calls=calls_to_join,
    compare=lambda value, expected: (
        isinstance(value, list) and [tuple(message) for message in value] == expected
    ),
    advice={
        "known-mistake": "Go through the frames above one by one, and write down what you keep.",
        "wrong-value": "Go through the frames above one by one, and write down what you keep.",
        "wrong-result-type": 'Give a list of pairs: [("text", b"Hello")].',
    },
)
