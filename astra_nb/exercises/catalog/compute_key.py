"""Compute the accept key of the opening handshake by hand."""

from base64 import b64encode
from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.wire.handshake import GUID, accept_key

EXAMPLE = "dGhlIHNhbXBsZSBub25jZQ=="
HASHED, TEXT, END = "(key + guid).encode()", "key + guid", "base64.b64encode(digest).decode()"


def calls(chance: Random) -> list[Call]:
    keys = [EXAMPLE, *(b64encode(chance.randbytes(16)).decode() for _ in range(12))]
    keys += [b64encode(bytes([byte]) * 16).decode() for byte in (0, 0xFB, 0xFF)]
    return [Call((key,), accept_key(key)) for key in keys]


compute_key = FunctionExercise(
    name="compute_key",
    title="Compute the accept key",
    rfc="section 4.2.2",
    function="accept",
    prompt="Write `accept(key)`. It takes the value of `Sec-WebSocket-Key` and returns that of "
    "`Sec-WebSocket-Accept`, both as `str`.",
    stub="import base64\nimport hashlib\n\n\ndef accept(key):\n    ...\n",
    hints=[
        f"Take the key as text; do not decode it. The GUID of the RFC follows it: {GUID}.",
        "hashlib.sha1(...).digest() returns the 20 bytes of the hash; sha1() takes bytes.",
        "base64.b64encode(...) returns bytes; .decode() makes a str of them.",
    ],
    solution_text=f"""\
import base64
import hashlib


def accept(key):
    guid = "{GUID}"
    digest = hashlib.sha1((key + guid).encode()).digest()
    return base64.b64encode(digest).decode()
""",
    calls=calls,
    mutations=[
        (END, "digest.hex()", "That is the hash in hexadecimal; the header has it in base64."),
        (END, "str(base64.b64encode(digest))", "That is Python's spelling of bytes: .decode()."),
        ("digest()", "hexdigest().encode()", "Those are hexadecimal digits in base64, not bytes."),
        (f"hashlib.sha1({HASHED}).digest()", HASHED, "The hash is missing: SHA-1 before base64."),
        *(("sha1", name, f"That is {name.upper()}; the RFC takes SHA-1.")
          for name in ("sha256", "sha512", "md5")),
        (HASHED, "base64.b64decode(key) + guid.encode()", "The key was decoded; take it as text."),
        (TEXT, "key", "The GUID of the RFC is missing from what was hashed."),
        (TEXT, "guid", "The key is missing from what was hashed."),
        (TEXT, "guid + key", "The GUID is first in what was hashed; the key comes first."),
        (TEXT, "key + guid.lower()", "The GUID was hashed in lower case; it has capitals."),
        (TEXT, "key + guid.replace('-', '')", "The GUID was hashed without its hyphens."),
        (END, f'"{accept_key(EXAMPLE)}"', "That is the RFC's example; this key is different."),
    ],
    advice={
        "wrong-value": "Key, GUID, SHA-1, base64: four steps, anew for each key. Check each letter "
        "of the GUID.",
    },
)  # fmt: skip
