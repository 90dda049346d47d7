"""Read a frame by hand: from bytes to FIN, opcode, MASK and payload."""

from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.wire.frames import decode, encode

FIELDS = ("fin", "opcode", "masked", "payload")
NEXT = b"\x81\x05He"  # the first bytes of the next frame


def calls(chance: Random) -> list[Call]:
    key, word = chance.randbytes(4), chance.randbytes(2).hex().encode()
    frames = [
        encode(1, b"Hello"), encode(2), encode(1, b"Hello, " + word, key=key),
        encode(1, word) + NEXT, encode(9, bytes([0, 88, 14, 67, 45]), key=key) + NEXT,
        encode(1, b"Hel", key=key, fin=False), encode(0, b"lo, ", fin=False), encode(0, word),
        encode(1, key=key), encode(2, b"\xff", key=key), encode(8, key=key), encode(8, b"\x03\xe8"),
        encode(10, bytes(range(125)), key=key), encode(2, bytes(9), key=key),
        encode(1, word, key=bytes([0, key[1], 0, 0])), encode(1, b"Hello, world", key=bytes(4)),
        encode(1, word, key=key, rsv=4), encode(2, word, fin=False, rsv=3),
    ]  # fmt: skip
    for size in (256, 126, 127, 255, 65535, 65536):
        frames += [encode(2, chance.randbytes(size), key=each) + NEXT for each in (None, key)]
    read = [(each, decode(each)) for each in frames]
    return [Call((data,), {name: getattr(frame, name) for name in FIELDS}, repr(frame)[1:-1])
            for data, frame in read]  # fmt: skip


read_frame = FunctionExercise(
    name="read_frame",
    title="Read a frame by hand",
    rfc="section 5.2",
    function="read",
    prompt="Write `read(data)`. It takes `bytes` that begin with one whole frame, and returns a "
    'dict: `{"fin": True, "opcode": 1, "masked": True, "payload": b"Hello"}`. The payload is '
    "unmasked. Mind the three forms of the length: up to 125, 126 and two bytes, 127 and eight "
    "bytes. Bytes after the frame belong to the next one.",
    stub="def read(data):\n    ...\n",
    hints=[
        "data[0] holds FIN (0x80), RSV (0x70), opcode (0x0F); data[1] MASK (0x80), length (0x7F).",
        "A length of 126 says that the true one is in the next 2 bytes, 127 in the next 8.",
        "The key, if there is one, follows the length; the payload follows the key.",
        "Masking is XOR. Byte i goes with byte i % 4 of the key; bytes(...) makes bytes of them.",
    ],
    solution_text="""\
def read(data):
    masked, length, start = data[1] >= 0x80, data[1] & 0x7F, 2
    if length > 125:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start], "big")
    key = data[start : start + 4] if masked else bytes(4)
    start = start + len(key) * masked
    payload = data[start : start + length]
    return {
        "fin": data[0] >= 0x80,
        "opcode": data[0] & 0x0F,
        "masked": masked,
        "payload": bytes(byte ^ key[i % 4] for i, byte in enumerate(payload)),
    }
""",
    calls=calls,
    mutations=[
        ("data[0] & 0x0F", "data[0]", "The opcode is the whole first byte; it is its last 4 bits."),
        ("byte ^ key[i % 4]", "byte", "The payload is still masked (section 5.3)."),
        ("start + length]", "]", "Bytes after the payload are in it; they are the next frame's."),
        ('bytes(byte', 'data[2:] or bytes(byte', "That is all from byte 2 on, the key included."),
        ('"big"', '"little"', "The length has its lowest byte first; network order is the other."),
        ("length = int.from", "int.from", "126 and 127 are no lengths; they say that it follows."),
        ("else 10", "else 6", "The length is taken from too few bytes; after 127 it has 8."),
        ("i % 4", "(i + start) % 4", "Byte 0 of the payload goes with key[0], wherever it is."),
        ("i % 4", "0", "It is unmasked with one byte of the key; take key[i % 4]."),
        ("start = start +", "data[0] +", "The payload begins with the key; the key comes before."),
    ],
    advice={
        "wrong-value": "Draw the frame byte by byte (figure in section 5.2). The MASK bit "
        "says whether there is a key, and is no part of the length.",
        "raised": "Which bytes are there at all? A frame may be as short as two bytes.",
    },
)  # fmt: skip
