"""Build a masked frame by hand: from a text and a key to the bytes that a client sends."""

from __future__ import annotations

from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.wire.frames import decode, encode

__all__ = ["masked_frame"]


def judge(value: bytes, text: str, key: bytes) -> str:
    """Return the first part of a frame's header that is wrong, as a reader of it would see it."""
    if len(value) < 2:
        return ""
    frame, size, field = decode(bytes(value)), len(text.encode()), value[1] & 0x7F
    length, used = frame.payload_length, (frame.masking_key or b"").hex(" ")
    notes = {len(text): "characters, not bytes", size + 4: "with the key"}
    where = {126: "2 bytes after 126", 127: "8 bytes after 127"}.get(field, "second byte")
    parts = (
        (frame.fin, "FIN is 0; a whole message in one frame has FIN 1."),
        (frame.opcode == 1, f"The opcode is {frame.opcode}; a text has 1."),
        (value[0] == 0x81, "An RSV bit is 1; all three are 0."),
        (frame.masked, "MASK, 0x80 in the second byte, is 0; a client masks every frame."),
        (length == size, f"The length ({notes.get(length, where)}) is {length:,}, not {size:,}."),
        (field == min(size, 126 + (size > 65535)), "The length is not in its shortest form."),
        (used == key.hex(" "), f"The key in the frame is {used}, and {key.hex(' ')} is given."),
    )  # fmt: skip
    return next((said for holds, said in parts if not holds), "")


def calls(chance: Random) -> list[Call]:
    key = chance.randbytes(4)
    texts = ["Hello", "", "Grüße", "\0\0 zeros \0", " \n\t ", "\U0001f600" * 5, "ü" * 62 + "x",
             "ü" * 63, "ü" * 100, "ü" * 32768]  # fmt: skip
    for size in (chance.randrange(7, 90), 125, 126, 127, 300, 65535, 65536):
        texts.append("".join(chance.choices("abcdefgh", k=size)))
    pairs = [(text, bytes(chance.randrange(1, 256) for _ in range(4))) for text in texts]
    pairs += [("Hello, world", bytes(4)), ("Hello, world", bytes([0, *key[:2], 0]))]
    return [Call((text, key), encode(1, text.encode(), key=key), f"{len(text.encode()):,} bytes")
            for text, key in pairs]  # fmt: skip


masked_frame = FunctionExercise(
    name="masked_frame",
    title="Build a masked frame by hand",
    rfc="sections 5.2 and 5.3",
    function="build",
    prompt="Write `build(text, key)`. It returns the `bytes` of one TEXT frame as a client "
    "sends it: "
    "FIN 1, opcode 1, MASK 1, the length in its shortest form, the four bytes of `key`, and the "
    "masked payload.",
    stub="def build(text, key):\n    ...\n",
    hints=[
        "The first byte is 0x81. The second is 0x80 plus the length, if that is 125 or less.",
        "From 126 bytes on, the second byte is 0x80 | 126, and 2 bytes of length follow; from "
        '65,536 on, it is 0x80 | 127, and 8 bytes follow. number.to_bytes(count, "big") makes '
        "them.",
        "The length is that of the bytes in UTF-8; text.encode() returns them.",
        "Byte i of the payload is masked with key[i % 4]; the key itself comes before it.",
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
    calls=calls,
    same=lambda value, right: isinstance(value, (bytes, bytearray)) and value == right,
    judge=judge,
    mutations=[
        ("header + key + masked", "header + masked", "The key is not in the frame."),
        ("header + key + masked", "header + masked + key", "The key is after the payload."),
        ("header + key +", "header + bytes(4) +", "There are zeros in place of the key."),
        ("key + masked", "key + payload", "The key is there; the payload is not masked with it."),
        ("enumerate(payload)", "enumerate(payload[:4])", "Only four bytes of it are there: zip() "
         "stops with the key."),
        (".encode()", '.encode("latin-1")', "That text is in Latin-1; a TEXT frame has UTF-8."),
        ('8, "big"', '8, "little"', "The 8 bytes of the length begin with the lowest one."),
        ('"big"', '"little"', "The length has its lowest byte first; network order is the other."),
        ("length.to_bytes(8", "length.to_bytes(4", "The length has 4 bytes; after 127 it has 8."),
        ("byte ^ key[i % 4]", "byte | key[i % 4]", "It is masked with |; masking is XOR, ^."),
        ("byte ^ key[i % 4]", "byte + key[i % 4] & 255", "It is masked with +; masking is XOR, ^."),
        ("i % 4", "0", "It is masked with one byte of the key; take key[i % 4]."),
        ("i % 4", "3 - i % 4", "It is masked with the key in reverse order."),
        ("i % 4", "(i + 1) % 4", "It is masked beginning with the second byte of the key."),
        ("i % 4", "(i + 2) % 4", "It is masked beginning with the third byte of the key."),
    ],
    advice={"wrong-result-type": "A frame is bytes: bytes([...]) + key + ..."},
)  # fmt: skip
