"""Frames by hand: read one, build a masked one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from websockets.frames import Frame as Serializer
from websockets.frames import Opcode

from astra_nb.exercises.calls import Call, FunctionExercise
from astra_nb.exercises.explaining import explain_built, explain_reading
from astra_nb.wire.frames import apply_mask, decode

__all__ = ["frame_bytes", "masked_frame", "read_frame"]

NOTEBOOK = "4-by-hand"


def frame_bytes(opcode: int, payload: bytes, key: bytes | None = None, fin: bool = True) -> bytes:
    """Put a frame together, masked with a key of our choice."""
    plain = Serializer(Opcode(opcode), payload, fin=fin).serialize(mask=False)
    if key is None:
        return plain
    header = plain[: len(plain) - len(payload)]
    return header[:1] + bytes([header[1] | 0x80]) + header[2:] + key + apply_mask(payload, key)


# Read a frame


def reading(data: bytes) -> dict[str, Any]:
    frame = decode(data)
    return {
        "fin": frame.fin,
        "opcode": frame.opcode,
        "masked": frame.masked,
        "payload": frame.payload,
    }


def reading_mistakes(data: bytes) -> Iterator[tuple[Any, str]]:
    right = reading(data)
    frame = decode(data)

    def but(**other: Any) -> dict[str, Any]:
        return right | other

    start = frame.header_length
    key = frame.masking_key or bytes(4)
    wide = start - (4 if frame.masked else 0)
    if wide > 2:
        little = int.from_bytes(data[2:wide], "little")
        if start + little <= len(data):  # else it is but all that follows
            yield (
                but(payload=apply_mask(data[start : start + little], key)),
                "The bytes of the length stand in network order, the highest first: big.",
            )
    if wide == 10:
        first = int.from_bytes(data[2:6], "big")
        rest = data[6:]
        yield (
            but(
                payload=apply_mask(rest[4 : 4 + first], rest[:4]) if frame.masked else rest[:first]
            ),
            "Behind 127 the length has eight bytes.",
        )
    yield (
        but(payload=apply_mask(data[start:], key)),
        "Bytes behind the payload belong to the next frame: "
        + (
            f"the bytes of the length are {data[2:wide].hex(' ')}, that is {len(frame.payload):,}."
            if wide > 2
            else "the length, without the MASK bit, says where it ends."
        ),
    )
    yield but(opcode=data[0]), "The opcode is the last four bits of the first byte: byte & 0x0F."
    yield but(opcode=data[0] & 0xF0), "Those are the first four bits: FIN, RSV1, RSV2, RSV3."
    yield but(payload=data[2:]), "The payload does not always begin at byte 2."
    yield but(opcode=data[0] & 0x07), "The opcode has four bits: byte & 0x0F."
    if frame.masked:
        yield but(payload=right["payload"][:-4]), "The length does not count the masking key."
        yield but(payload=frame.masked_payload), "The payload is still masked (section 5.3)."
        once = bytes(byte ^ key[0] for byte in frame.masked_payload)
        yield but(payload=once), "Each byte has its own byte of the key: key[i % 4]."
        yield (
            but(payload=apply_mask(frame.masked_payload, key[::-1])),
            "The key is taken in the order in which it stands in the frame.",
        )
        turned = key[1:] + key[:1]
        yield (
            but(payload=apply_mask(frame.masked_payload, turned)),
            "The first byte of the payload goes with the first of the key: key[i % 4].",
        )
        if wide > 2:
            size = int.from_bytes(data[6 : 4 + wide], "big")
            yield (
                but(payload=apply_mask(data[4 + wide : 4 + wide + size], data[2:6])),
                "First comes the longer form of the length, then the key.",
            )
        yield but(masked=False), "The MASK bit is the first bit of the second byte."
        yield but(masked=False, payload=frame.masked_payload), "The MASK bit was not seen."
    if wide > 2:
        marker = data[1] & 0x7F
        yield (
            but(payload=right["payload"][:marker]),
            f"{marker} in the length field is no length: it says that the length follows.",
        )
    yield but(payload=right["payload"][:-1]), "The last byte of the payload is missing."
    yield but(fin=not frame.fin), "FIN is the first bit of the first byte: 0x80."


def calls_to_read(chance: random.Random) -> list[Call]:
    cases: list[tuple[str, bytes]] = []
    key = chance.randbytes(4)
    for what, opcode, payload, masked, fin in (
        ("a short text", 1, b"Hello", False, True),
        ("an empty payload", 2, b"", False, True),
        ("a masked text", 1, b"Hello, " + chance.randbytes(2).hex().encode(), True, True),
        ("a PING", 9, bytes([0, 88, 14, 67, 45]), True, True),
        ("a first fragment", 1, b"Hel", True, False),
        ("a payload of 125 bytes", 2, chance.randbytes(125), False, True),
        ("a payload of 126 bytes", 2, chance.randbytes(126), False, True),
        ("a masked payload of 300 bytes", 2, chance.randbytes(300), True, True),
        ("a payload of 65,536 bytes", 2, chance.randbytes(65536), True, True),
        ("a masked frame without a payload", 1, b"", True, True),
        ("one masked byte", 2, b"\xff", True, True),
        ("a continuation", 0, b"lo, ", True, False),
        ("a last fragment", 0, "wörld".encode(), False, True),
        ("an empty CLOSE frame", 8, b"", True, True),
        ("a CLOSE frame with a reason", 8, b"\x03\xe8done", False, True),
        ("a PONG", 10, bytes(range(125)), True, True),
        ("a masked payload of zeros", 2, bytes(9), True, True),
        ("a payload of 127 bytes", 2, chance.randbytes(127), True, True),
        ("a masked payload of 255 bytes", 1, b"x" * 255, True, True),
        ("a payload of 256 bytes", 2, chance.randbytes(256), False, False),
        ("a payload of 65,535 bytes", 2, chance.randbytes(65535), False, True),
    ):
        cases.append((what, frame_bytes(opcode, payload, key if masked else None, fin)))
    zeros = bytes([0, chance.randrange(1, 256), 0, 0])
    cases.append(("a masking key with zeros in it", frame_bytes(1, b"Hello, world", zeros)))
    cases.append(("a masking key of zeros", frame_bytes(1, b"Hello, world", bytes(4))))
    cases = [(what, data + b"\x81\x05He" if len(data) > 127 else data) for what, data in cases]
    cases.insert(3, ("a frame, and the first bytes of the next", cases[2][1] + b"\x81\x05He"))
    return [
        Call(
            (data,),
            partial(reading, data),
            what,
            partial(reading_mistakes, data),
            explain=partial(explain_reading, data),
        )
        for what, data in cases
    ]


read_frame = FunctionExercise(
    name="read_frame",
    title="Read a frame by hand",
    rfc="section 5.2",
    notebook=NOTEBOOK,
    function="read",
    prompt=(
        "Write `read(data)`. It gets `bytes` that begin with one whole frame, and gives a dict: "
        '`{"fin": True, "opcode": 1, "masked": True, "payload": b"Hello"}`. The payload is '
        "unmasked. Mind the three forms of the length: up to 125, 126 and two bytes, 127 and "
        "eight bytes. Bytes behind the frame are not yours."
    ),
    stub="def read(data):\n    ...\n",
    hints=[
        "data[0] holds FIN (0x80) and the opcode (0x0F); data[1] holds MASK (0x80) and the length "
        "(0x7F).",
        'When the length field is 126, the length is int.from_bytes(data[2:4], "big"); when it is '
        "127, that of data[2:10].",
        "The key, if there is one, follows the length; the payload follows the key.",
        "Unmask with key[i % 4]: bytes(b ^ key[i % 4] for i, b in enumerate(payload)).",
    ],
    solution_text="""\
def read(data):
    masked = data[1] >= 0x80
    length = data[1] & 0x7F
    start = 2
    if length == 126:
        length = int.from_bytes(data[2:4], "big")
        start = 4
    elif length == 127:
        length = int.from_bytes(data[2:10], "big")
        start = 10
    if masked:
        key = data[start:start + 4]
        start += 4
    payload = data[start:start + length]
    if masked:
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return {
        "fin": data[0] >= 0x80,
        "opcode": data[0] & 0x0F,
        "masked": masked,
        "payload": payload,
    }
""",
    calls=calls_to_read,
    compare=lambda value, expected: dict(value) == expected and isinstance(value["payload"], bytes),
    advice={
        "wrong-value": "Draw the frame byte by byte, as the figure in section 5.2 does.",
        "wrong-result-type": "Give a dict with the keys fin, opcode, masked and payload.",
        "raised": "Which bytes are there at all? A frame may be as short as two bytes.",
        "known-mistake": "Draw the frame byte by byte, as the figure in section 5.2 does.",
    },
)


# Build a masked frame


def masked_mistakes(text: str, key: bytes) -> Iterator[tuple[Any, str]]:
    payload = text.encode()
    size = len(payload)
    right = frame_bytes(1, payload, key)
    wide = len(right) - size - 4
    masked = apply_mask(payload, key)
    yield frame_bytes(1, payload), "The frame is not masked; a client masks every frame."
    yield (
        right[: wide + 4] + payload,
        "The key is there and the payload is not masked with it.",
    )
    yield right[:wide] + masked, "The payload is masked and the key is not in the frame."
    yield (
        right[:1] + bytes([right[1] & 0x7F]) + right[2:],
        "The MASK bit is 0: set 0x80 in the second byte.",
    )
    yield b"\x01" + right[1:], "FIN is 0: the first byte of a whole text message is 0x81."
    yield b"\x82" + right[1:], "Opcode 2 is for bytes; a text has opcode 1."
    if len(text) != size:
        count = len(text)
        if count < 126:
            wrong = bytes([0x81, 0x80 | count]) + key + masked
            yield wrong, "The length counts the bytes in UTF-8, not the characters."
    if 126 <= size < 65536:
        little = bytes([0x81, 0xFE]) + size.to_bytes(2, "little") + key + masked
        yield little, "The bytes of the length stand in network order, the highest first: big."
        long = bytes([0x81, 0xFF]) + size.to_bytes(8, "big") + key + masked
        yield long, "The shortest form of the length must be used: here 126 and two bytes."
    if size > 125:
        yield (
            bytes([0x81, 0x80 | (size & 0x7F)]) + key + masked,
            "Seven bits hold a length up to 125; beyond, 126 or 127 says that it follows.",
        )
    if size < 126:
        yield (
            bytes([0x81, 0xFE]) + size.to_bytes(2, "big") + key + masked,
            "The shortest form of the length must be used: up to 125 in the second byte itself.",
        )
    head = right[:wide]
    yield head + masked + key, "The key stands before the payload."
    yield head + bytes(4) + masked, "The key itself is not masked; it stands there as it is."
    either = bytes(byte | key[i % 4] for i, byte in enumerate(payload))
    yield head + key + either, "Masking is XOR, in Python ^; | is OR."
    four = bytes(byte ^ part for byte, part in zip(payload, key, strict=False))
    yield (
        head + key + four,
        f"The masked payload has 4 bytes, and the payload has {size}. zip() ends with the shorter "
        "of two; the key begins anew after its four bytes: key[i % 4].",
    )
    if size < 122:
        longer = bytes([head[0], head[1] + 4])
        yield longer + key + masked, "The length is that of the payload; the key does not count."
    if size > 65535:
        short_form = bytes([0x81, 0xFF]) + size.to_bytes(4, "big") + key + masked
        yield short_form, "Behind 127 the length has eight bytes."
    if len(text) != size:
        narrow = text.encode("latin-1", "replace")
        wrong = bytes([0x81, 0x80 | len(narrow)]) + key + apply_mask(narrow, key)
        yield wrong, "That text is in Latin-1; a TEXT frame has UTF-8: text.encode()."
    once = bytes(byte ^ key[0] for byte in payload)
    yield right[: wide + 4] + once, "Each byte has its own byte of the key: key[i % 4]."


def calls_to_mask(chance: random.Random) -> list[Call]:
    words = ["Hello", "", "Grüße"]
    words += ["".join(chance.choice("abcdefgh") for _ in range(n)) for n in (
        chance.randrange(7, 90), 125, 126, 127, 300, 65535, 65536)]  # fmt: skip
    calls = []
    texts: list[tuple[str, bytes, str]] = []
    for text in words:
        key = bytes(chance.randrange(1, 256) for _ in range(4))
        texts.append((text, key, ""))
    key = chance.randbytes(4)
    texts += [
        ("Hello, world", bytes(4), "a key of zeros"),
        ("Hello, world", bytes([0, *chance.randbytes(2), 0]), "a key with zeros in it"),
        ("\0\0 zeros \0", key, "zeros"),
        (" \n\t ", key, "blanks"),
        ("\U0001f600" * 5, key, "four bytes for each character"),
        ("ü" * 62 + "x", key, "63 characters"),
        ("ü" * 63, key, "63 characters"),
        ("ü" * 100, key, "100 characters"),
        ("ü" * 32768, key, "32,768 characters"),
    ]
    for text, key, what in texts:
        size = len(text.encode())
        calls.append(
            Call(
                (text, key),
                partial(frame_bytes, 1, text.encode(), key),
                f"a payload of {size:,} byte{'s' if size != 1 else ''}{', ' * bool(what)}{what}",
                partial(masked_mistakes, text, key),
                explain=partial(explain_built, text, key, frame_bytes(1, text.encode(), key)),
            )
        )
    return calls


masked_frame = FunctionExercise(
    name="masked_frame",
    title="Build a masked frame by hand",
    rfc="sections 5.2 and 5.3",
    notebook=NOTEBOOK,
    function="build",
    prompt=(
        "Write `build(text, key)`. It gives the `bytes` of one TEXT frame as a client sends it: "
        "FIN 1, opcode 1, MASK 1, the length in its shortest form, the four bytes of `key`, and "
        "the masked payload."
    ),
    stub="def build(text, key):\n    ...\n",
    hints=[
        "The first byte is 0x81. The second is 0x80 plus the length, if that is 125 or less.",
        'From 126 bytes on the length follows: (300).to_bytes(2, "big") behind 0x80 | 126, and '
        "eight bytes behind 0x80 | 127 from 65,536 on.",
        "What counts is the length of the bytes in UTF-8: payload = text.encode().",
        "Mask with key[i % 4]; the key itself stands before the payload.",
    ],
    solution_text="""\
def build(text, key):
    payload = text.encode()
    length = len(payload)
    if length < 126:
        header = bytes([0x81, 0x80 | length])
    elif length < 65536:
        header = bytes([0x81, 0x80 | 126]) + length.to_bytes(2, "big")
    else:
        header = bytes([0x81, 0x80 | 127]) + length.to_bytes(8, "big")
    masked = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return header + key + masked
""",
    calls=calls_to_mask,
    compare=lambda value, expected: isinstance(value, (bytes, bytearray)) and value == expected,
    advice={
        "known-mistake": "Compare byte by byte with the figure in section 5.2.",
        "wrong-value": ("The text `Hello` with the key 37 fa 21 3d is an example in section 5.7."),
        "wrong-result-type": "A frame is bytes: bytes([...]) + key + ...",
    },
)
