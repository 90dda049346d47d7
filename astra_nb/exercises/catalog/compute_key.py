"""The accept key by hand."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from astra_nb.exercises.calls import Call, FunctionExercise
from astra_nb.exercises.explaining import explain_accept
from astra_nb.wire.handshake import GUID, accept_key

__all__ = ["compute_key"]

NOTEBOOK = "4-by-hand"
EXAMPLE = "dGhlIHNhbXBsZSBub25jZQ=="


def accept_mistakes(key: str) -> Iterator[tuple[Any, str]]:
    def digest(text: str) -> bytes:
        return hashlib.sha1(text.encode(), usedforsecurity=False).digest()

    right = digest(key + GUID)
    yield base64.b64encode(right), "That is bytes; the header is text: .decode()."
    yield right.hex(), "That is the hash in hexadecimal; the header has it in base64."
    yield right, "Those are the bytes of the hash; the header has them in base64."
    yield (
        base64.b64encode(right.hex().encode()).decode(),
        "The hexadecimal digits were encoded; base64 takes the 20 bytes of the hash: digest().",
    )
    yield base64.b64encode(digest(key)).decode(), "The GUID of the RFC is missing behind the key."
    yield base64.b64encode(digest(GUID + key)).decode(), "The key comes first, then the GUID."
    yield (
        base64.b64encode(digest(key + GUID.lower())).decode(),
        "The GUID is text, and its letters are capitals.",
    )
    yield base64.encodebytes(right).decode(), "A line break is at the end: b64encode() adds none."
    yield (
        base64.b64encode(hashlib.sha256((key + GUID).encode()).digest()).decode(),
        "That is SHA-256; the RFC takes SHA-1.",
    )
    yield (
        base64.b64encode(
            hashlib.md5((key + GUID).encode(), usedforsecurity=False).digest()
        ).decode(),
        "That is MD5; the RFC takes SHA-1.",
    )
    decoded = base64.b64decode(key) + GUID.encode()
    yield (
        base64.b64encode(hashlib.sha1(decoded, usedforsecurity=False).digest()).decode(),
        "The key is not decoded: it is taken as the text that it is.",
    )
    yield (
        base64.urlsafe_b64encode(right).decode(),
        "The alphabet is that with + and /, not - and _.",
    )
    header = base64.b64encode(right).decode()
    yield str(header.encode()), "That is Python's spelling of bytes: .decode() makes a str of them."
    yield f"Sec-WebSocket-Accept: {header}", "The value alone is asked for, without the name."
    yield header.rstrip("="), "The = at the end is missing; it belongs to base64."
    yield (
        base64.b64encode((key + GUID).encode()).decode(),
        "The hash is missing: SHA-1 comes before base64.",
    )
    yield base64.b32encode(right).decode(), "That is base32; the header has base64."
    for other, said in (
        (key.lower() + GUID, "The case of the key counts: it is taken as it came."),
        (GUID, "The key is missing: the hash is that of the GUID alone."),
        (key + key + GUID, "The key is in it twice."),
        (f"{key}\n{GUID}", "No line break stands between the key and the GUID."),
        (f"{key} {GUID}", "No blank stands between the key and the GUID."),
        (key + GUID.replace("-", ""), "The GUID is taken with its hyphens."),
        (key.rstrip("=") + GUID, "The key is taken as it came, with its = at the end."),
        (f"{key}{{{GUID}}}", "The GUID is taken without braces."),
    ):
        yield base64.b64encode(digest(other)).decode(), said
    again = hashlib.sha1(right, usedforsecurity=False).digest()
    yield base64.b64encode(again).decode(), "That is hashed twice; once is enough."
    if key != EXAMPLE:
        yield accept_key(EXAMPLE), "That is the example of the RFC; the key is another one here."
    yield key, "That is the key itself."


def keys(chance: random.Random) -> list[Call]:
    values = [EXAMPLE]
    values += [base64.b64encode(chance.randbytes(16)).decode() for _ in range(12)]
    values += [base64.b64encode(bytes([byte]) * 16).decode() for byte in (0, 0xFB, 0xFF)]
    return [
        Call(
            (key,),
            partial(accept_key, key),
            "the example of the RFC"
            if index == 0
            else "a key by chance"
            if index < 13
            else "a key",
            partial(accept_mistakes, key),
            explain=partial(explain_accept, key, GUID, accept_key(key)),
        )
        for index, key in enumerate(values)
    ]


compute_key = FunctionExercise(
    name="compute_key",
    title="Compute the accept key",
    rfc="section 4.2.2",
    notebook=NOTEBOOK,
    function="accept",
    prompt=(
        "Write `accept(key)`. It gets the value of `Sec-WebSocket-Key` and gives that of "
        "`Sec-WebSocket-Accept`, both as `str`."
    ),
    stub="import base64\nimport hashlib\n\n\ndef accept(key):\n    ...\n",
    hints=[
        "The key is taken as text, without decoding it. Behind it comes the GUID of the RFC: "
        f"{GUID}.",
        "hashlib.sha1(...).digest() gives the 20 bytes of the hash; it takes bytes.",
        "base64.b64encode(...) gives bytes; .decode() makes a str of them.",
    ],
    solution_text=f'''\
import base64
import hashlib


def accept(key):
    guid = "{GUID}"
    digest = hashlib.sha1((key + guid).encode()).digest()
    return base64.b64encode(digest).decode()
''',
    calls=keys,
    advice={
        "known-mistake": "key, GUID, SHA-1, base64: four steps, in this order.",
        "wrong-value": "key, GUID, SHA-1, base64: four steps, in this order.",
        "wrong-result-type": "The value of a header is text: a str.",
    },
)
