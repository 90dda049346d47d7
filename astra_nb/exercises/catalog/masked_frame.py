"""Build a masked frame by hand: from a text and a key to the bytes that a client sends."""

from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.wire.frames import decode, encode

PARTS = "fin rsv1 opcode masked payload_length header_length masking_key masked_payload".split()


def parts(frame: bytes) -> dict[str, object]:
    return {name: getattr(decode(frame), name) for name in PARTS}


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
    prompt="Write `build(text, key)`. It returns the `bytes` of one TEXT frame as a client sends "
    "it: FIN 1, opcode 1, MASK 1, the length in its shortest form, the four bytes of `key`, and "
    "the masked payload.",
    stub="def build(text, key):\n    ...\n",
    hints=[
        "The first byte is 0x81. The second is 0x80 plus the length, if that is 125 or less.",
        "From 126 bytes on, it is 0x80 | 126, and 2 bytes of length follow; from 65,536 on, it is "
        '0x80 | 127, and 8 bytes follow. number.to_bytes(count, "big") makes them.',
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
    parts=parts,
    mutations=[
        ("length < 126", "length < 128", "126 and 127 are no lengths; they say that it follows."),
        ("header + key +", "header +", "The key is not in the frame."),
        ("header + key + masked", "header + masked + key", "The key is after the payload."),
        ("key + masked", "key + payload", "The key is there; the payload is not masked with it."),
        ("enumerate(payload)", "enumerate(payload[:4])", "Only 4 bytes of the payload are there."),
        ('"big"', '"little"', "The length has its lowest byte first; network order is the other."),
    ],
    advice={"wrong-value": "The header: section 5.2. Byte i is masked by XOR (^) with key[i % 4]."},
)  # fmt: skip
