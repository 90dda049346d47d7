"""Compute the accept key of the opening handshake by hand."""

from base64 import b64encode
from random import Random

from astra_nb.exercises.function_exercise import Call, FunctionExercise
from astra_nb.wire.handshake import GUID, accept_key

EXAMPLE = "dGhlIHNhbXBsZSBub25jZQ=="
HASHED, TEXT, END = "(key + guid).encode()", "key + guid", "base64.b64encode(digest).decode()"
HASH = f"hashlib.sha1({HASHED}).digest()"


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
        (END, "base64.b64encode(digest)", "That is bytes; the header is text: .decode()."),
        (END, "digest", "Those are the bytes of the hash; the header has them in base64."),
        (END, "digest.hex()", "That is the hash in hexadecimal; the header has it in base64."),
        (END, "str(base64.b64encode(digest))", "That is Python's spelling of bytes: .decode()."),
        (END, f"'Sec-WebSocket-Accept: ' + {END}", "The value is asked for, without the name."),
        (END, "base64.encodebytes(digest).decode()", "There is an extra line break at the end."),
        ("b64encode", "b32encode", "That is base32; the header has base64."),
        ("b64encode", "urlsafe_b64encode", "This base64 has - and _ where + and / are right."),
        ("digest()", "hexdigest().encode()", "Those are hexadecimal digits in base64, not bytes."),
        (HASH, HASHED, "The hash is missing: SHA-1 before base64."),
        (HASH, "hashlib.sha1(key.encode()).digest() + hashlib.sha1(guid.encode()).digest()",
         "Those are two hashes; take one, of the key and the GUID together."),
        (HASH, "__import__('hmac').digest(key.encode(), guid.encode(), 'sha1')",
         "That is an HMAC; the RFC takes SHA-1 of the key with the GUID after it."),
        (".digest()", ".digest()[:16]", "Only the first 16 of the 20 bytes of the hash are in it."),
        ("sha1", "sha256", "That is SHA-256; the RFC takes SHA-1."),
        ("sha1", "sha512", "That is SHA-512; the RFC takes SHA-1."),
        ("sha1", "md5", "That is MD5; the RFC takes SHA-1."),
        (HASHED, HASH, "It is hashed twice; once is enough."),
        (HASHED, "base64.b64decode(key) + guid.encode()", "The key was decoded; take it as text."),
        (TEXT, "key", "The GUID of the RFC is missing from what was hashed."),
        (TEXT, "guid", "The key is missing from what was hashed."),
        (TEXT, "guid + key", "The GUID is first in what was hashed; the key comes first."),
        (TEXT, "key + guid.lower()", "The GUID was hashed in lower case; it has capitals."),
        (TEXT, "key + guid.replace('-', '')", "The GUID was hashed without its hyphens."),
        (TEXT, "key + ' ' + guid", "What was hashed has a blank between key and GUID."),
        (HASHED, "(key + guid).encode('utf-16')", "It was hashed in UTF-16; encode() is enough."),
        (END, f'"{accept_key(EXAMPLE)}"', "That is the RFC's example; this key is different."),
    ],
    advice={
        "wrong-value": "Key, GUID, SHA-1, base64: four steps. Compare each letter of the GUID.",
        "wrong-result-type": "The value of a header is text: a str.",
    },
)  # fmt: skip
