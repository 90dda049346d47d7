"""How a wrong result of an exercise by hand came about: which bytes it was made from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import operator
from typing import Any

from astra_nb.wire.frames import apply_mask, decode

from .comparing import how_differs

__all__ = ["explain_accept", "explain_built", "explain_reading"]

OPERATORS = {"+": operator.add, "-": operator.sub, "&": operator.and_, "*": operator.mul}
BITS = (
    ("fin", 0, "the first of them"),
    ("opcode", 0, "the last four of them"),
    ("masked", 1, "the first of them"),
)
FURTHEST = 20  # bytes: no header is longer
SIZES = {16: "MD5 or a UUID", 28: "SHA-224", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}


def explain_reading(data: bytes, value: Any) -> str:
    """Return which bytes of a frame a wrong payload was taken from; "" when it cannot be told."""
    frame = decode(data)
    payload, right = value["payload"], frame.payload
    for field, byte, bits in BITS:
        if value[field] != (wanted := getattr(frame, field)):
            return (
                f"{field!r} is {value[field]!r}, and {wanted!r} is right: byte {byte} of the frame "
                f"is {data[byte]:02x}, in bits {data[byte]:08b}, and {field!r} is {bits}."
            )
    if not isinstance(payload, bytes) or payload == right:
        return ""
    start, size, key = frame.header_length, len(right), frame.masking_key
    there = (
        f"the payload begins at byte {start} (counted from 0) and has {size:,} "
        f"byte{'s' if size != 1 else ''}"
    )
    if not payload:
        return f"The payload is empty; {there}."
    wide = data[2 : start - 4 * frame.masked]
    if wide and len(payload) != size and right.startswith(payload[:4]):
        return (
            f"It has {len(payload):,} bytes; the bytes of the length are {wide.hex(' ')}, that is "
            f"{size:,}."
        )
    for first in (start, *range(FURTHEST)):
        taken = data[first : first + len(payload)]
        if len(taken) != len(payload):
            continue
        if taken == payload and (key is None or first != start):
            still = "" if key is None else ", and they are still masked"
            last = first + len(taken) - 1
            return f"Those are bytes {first} to {last} of the frame{still}; {there}."
        if key is None:
            continue
        for at in range(FURTHEST):
            if apply_mask(taken[:64], data[at : at + 4]) == payload[:64]:
                if (first, at) == (start, start - 4):
                    return f"It has {len(payload):,} bytes; {there}."
                return (
                    f"Those are bytes {first} to {first + len(taken) - 1}, unmasked with bytes "
                    f"{at} to {at + 3}; {there}, and its key stands in bytes {start - 4} to "
                    f"{start - 1}."
                )
    if key is not None and len(payload) == size > 4:
        used = bytes(one ^ two for one, two in zip(payload, frame.masked_payload, strict=True))
        repeated = (used[:4] * (size // 4 + 1))[:size] == used
        if repeated:
            return f"It was unmasked with {used[:4].hex(' ')}; the key is {key.hex(' ')}."
        good = next(i for i in range(size) if payload[i] != right[i])
        if good >= 4:
            return (
                f"The first {good} bytes are unmasked well; byte {good} (counted from 0) goes with "
                f"key[{good % 4}], as i % 4 says."
            )
    return ""


def explain_built(text: str, key: bytes, right: bytes, value: Any) -> str:
    """Return which part of a frame is the first wrong one, and how it differs."""
    if not isinstance(value, (bytes, bytearray)):
        return ""
    came, payload = bytes(value), text.encode()
    wide = len(right) - len(payload) - 4
    if came == b"":
        return "It is empty."
    if came == right.decode("latin-1").encode():
        return (
            "Each byte from 0x80 on has become two, such as c2 81 for 81: the whole frame was "
            "encoded as UTF-8, and only the text is text."
        )
    parts = (("first byte", 0, 1), ("second byte", 1, 2), ("length", 2, wide))
    for name, begin, end in parts:
        if came[begin:end] != right[begin:end]:
            said = f"The {name} is {came[begin:end].hex(' ') or 'missing'}, and "
            said += f"{right[begin:end].hex(' ')} is right"
            return f"{said}{about_head(name, came, right, len(payload))}."
    if came[wide : wide + 4] != key:
        used = came[wide : wide + 4]
        behind = f"in bytes {wide} to {wide + 3} (counted from 0)"
        if used == key[::-1]:
            return f"The key stands in reverse order {behind}."
        if came[wide:] == apply_mask(payload, key):
            return "The key is missing before the masked payload."
        return (
            f"The four bytes of the key, {behind}, are {used.hex(' ') or 'missing'}; the key that "
            f"is given is {key.hex(' ')}."
        )
    masked = came[wide + 4 :]
    if len(masked) != len(payload):
        how = how_differs(masked, right[wide + 4 :])
        return f"Header and key are right. Of the masked payload: {how}."
    used = bytes(one ^ two for one, two in zip(masked, payload, strict=True))
    known = {
        key[::-1]: "with the key in reverse order",
        key[1:] + key[:1]: "beginning with the second byte of the key, not with the first",
        key[2:] + key[:2]: "beginning with the third byte of the key, not with the first",
        key[-1:] + key[:-1]: "beginning with the last byte of the key, not with the first",
        bytes(4): "not at all",
    }
    for mask, how in known.items():
        if apply_mask(payload, mask) == masked:
            return f"Header and key are right; the payload was masked {how}."
    for sign, work in OPERATORS.items():
        if masked == bytes(work(byte, key[i % 4]) & 0xFF for i, byte in enumerate(payload)):
            return f"Header and key are right; masking is XOR, in Python ^, and not {sign}."
    if masked[:4] == right[wide + 4 : wide + 8]:
        good = next(i for i, byte in enumerate(used) if byte != key[i % 4])
        return (
            f"Header and key are right, and {good} bytes of the payload are masked well; byte "
            f"{good} of it (counted from 0) goes with key[{good % 4}]."
        )
    if apply_mask(payload, used[:4]) == masked:
        return (
            f"Header and key are right; the payload was masked with {used[:4].hex(' ')}, which "
            "is not the key."
        )
    return (
        "Header and key are right; the masked payload is not: byte i of it is "
        "payload[i] ^ key[i % 4]."
    )


def about_head(name: str, came: bytes, right: bytes, size: int) -> str:
    """Return what a wrong first part of a header would mean, as an end of the sentence."""
    if name == "first byte":
        return ": FIN 1 and opcode 1"
    if name == "second byte":
        if len(came) > 1 and not came[1] & 0x80:
            return f": 0x80 for the MASK bit, and {right[1] & 0x7F}"
        shown = came[1] & 0x7F if len(came) > 1 else 0
        return f": it says {shown}, and {right[1] & 0x7F} is right for {size:,} bytes"
    wide = 2 if right[1] & 0x7F == 126 else 8
    given = came[2 : 2 + wide]
    if int.from_bytes(given, "little") == size:
        return ": the highest byte comes first, big"
    number = int.from_bytes(given, "big")
    return f": {wide} bytes that say {size:,}, and these say {number:,}"


def explain_accept(key: str, guid: str, right: str, value: Any) -> str:
    """Return which of the four steps to an accept key went another way."""
    if not isinstance(value, str):
        return ""
    if not value:
        return "It is empty."
    if right.startswith(value) or right.endswith(value) or value.strip() == right:
        return ""  # what is too many or too few says it best
    if value.lower() == right.lower() or value == right[::-1]:
        return ""
    if right in value:
        before, _, behind = value.partition(right)
        sides = [f"{before!r} before it"] * bool(before) + [f"{behind!r} behind it"] * bool(behind)
        return f"The right value is in it; {' and '.join(sides)} is too much."
    if all(character in "0123456789abcdefABCDEF" for character in value):
        return (
            f"Those are {len(value)} hexadecimal digits; the header has the bytes of the hash in "
            "base64: digest(), then b64encode()."
        )
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "That is no base64; the last step is base64.b64encode(...).decode()."
    hashed = base64.b64decode(right)
    if data == hashed[::-1]:
        return "The bytes of the hash stand in reverse order."
    if hashed.startswith(data):
        return f"Only the first {len(data)} bytes of the hash are in it; it has 20: take all."
    if data.startswith(hashed):
        return "The hash is in it, and more bytes follow; only the hash is asked for."
    if len(data) == 40 and all(chr(byte) in "0123456789abcdefABCDEF" for byte in data):
        return "The hexadecimal digits of a hash are in it: hexdigest() gives them, digest() not."
    if len(data) == 40:
        return "That is base64 of 40 bytes, two hashes of 20; one hash of both together is meant."
    if len(data) in SIZES:
        return (
            f"That is base64 of {len(data)} bytes, as many as {SIZES[len(data)]} has; the RFC "
            "takes SHA-1, which has 20."
        )
    if len(data) != 20:
        return f"That is base64 of {len(data)} bytes, and SHA-1 gives 20: was it hashed?"
    for text, said in texts(key, guid):
        if hashlib.sha1(text, usedforsecurity=False).digest() == data:
            return said
    for one, other in ((key, guid), (guid, key)):
        if hmac.new(one.encode(), other.encode(), hashlib.sha1).digest() == data:
            return "That is an HMAC; the RFC takes SHA-1 of the key with the GUID behind it."
    return (
        "It is base64 of 20 bytes, as SHA-1 gives them; but what went into the hash was not the "
        "key and the GUID as they are. Look at each letter of the GUID, and print what is hashed."
    )


def texts(key: str, guid: str) -> list[tuple[bytes, str]]:
    """What else people hash, and what to say about it."""
    whole = key + guid
    found = [
        (whole.encode(encoding), f"The text was hashed in {encoding.upper()}: encode() is enough.")
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
    ]
    for between in (":", "-", ",", "\r\n", "\t", ";", "+", "\0", "."):
        found.append(
            ((key + between + guid).encode(), f"{between!r} stands between the key and the GUID.")
        )
    for text, said in (
        (whole + "\n", "A line break was hashed too, behind the GUID."),
        (whole + "\r\n", "A line break was hashed too, behind the GUID."),
        (whole.strip("="), "The = of the key is missing in what was hashed."),
        (whole.lower(), "The text was made lower case before it was hashed; its case counts."),
        (whole.upper(), "The text was made upper case before it was hashed; its case counts."),
        (key.upper() + guid, "The key was made upper case; it is taken as it came."),
        (whole + whole, "The key and the GUID were hashed twice over."),
        (key + guid + guid, "The GUID is in it twice."),
        (whole[::-1], "The text was hashed in reverse order."),
        (repr(whole), "Python's spelling of the text was hashed, quotes and all."),
        (str(whole.encode()), "Python's spelling of bytes was hashed: encode() instead of str()."),
        (str(key.encode()) + guid, "Python's spelling of the key was hashed: b and quotes."),
        ("Sec-WebSocket-Key: " + whole, "The name of the header is no part of the key."),
    ):
        found.append((text.encode(), said))
    raw = bytes.fromhex(guid.replace("-", ""))
    found.append((key.encode() + raw, "The GUID was hashed as 16 bytes; it is taken as text."))
    encoded = base64.b64encode(whole.encode())
    found.append((encoded, "base64 came before the hash; it comes after it."))
    twice = base64.b64encode(key.encode()) + guid.encode()
    found.append((twice, "The key was put into base64 once more; it is taken as it came."))
    return found
