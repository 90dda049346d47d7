"""Encoding of values as payloads of the five message types.

Each `encode_*` function checks a value completely before anything is sent.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping

from .errors import InvalidMessage
from .quantities import as_integer
from .wire import close_codes
from .wire.frames import MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD
from .wire.messages import MESSAGE_TYPES, CloseFrame, MessageType
from .wire.opcodes import BINARY, PING, PONG, TEXT
from .wire.text import shortened

__all__ = [
    "ENCODERS",
    "MAX_CLOSE_REASON",
    "BytesValue",
    "CloseValue",
    "check_type",
    "encode",
    "encode_bytes",
    "encode_close",
    "encode_control",
    "encode_text",
]

MAX_TABLE = 64 * 1024 * 1024  # items
LONGEST = 60  # characters of a value in an error message

BytesValue = str | bytes | bytearray | memoryview | Iterable[int]
CloseValue = Mapping[str, object] | CloseFrame | int | None


def encode_text(value: object) -> bytes:
    """Return the payload of a TEXT frame: a text as UTF-8 (RFC 6455, section 5.6).

    Raises:
        InvalidMessage: Not a `str`, or it holds a lone surrogate, which UTF-8 cannot carry.
    """
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            return utf8(value, "the text")  # which says what is wrong
    is_bytes = isinstance(value, (bytes, bytearray, memoryview))
    way_out = "send_bytes(...)" if is_bytes else "str(...) or json.dumps(...)"
    raise InvalidMessage(
        f"a text message takes a str, not {describe(value)}; use {way_out} for this value"
    )


def encode_bytes(value: object) -> bytes:
    """Return the payload of a BINARY frame (RFC 6455, section 5.6).

    Args:
        value: A bytes-like object whose items are bytes; a `str`, taken as UTF-8; or an iterable
            of integers from 0 to 255, at most 67,108,864 of them.

    Raises:
        InvalidMessage: None of these, a number out of range, or an array of wider items: whether
            its memory or its numbers are meant, only the caller knows.
    """
    payload = octets(value, MAX_TABLE)
    if payload is None:
        raise InvalidMessage(
            f"the byte table has more than {MAX_TABLE:,} items; make it shorter, "
            f"or give the data as bytes"
        )
    return payload


def encode_control(value: object) -> bytes:
    """Return the payload of a PING or PONG frame: as `encode_bytes`, up to 125 bytes.

    Raises:
        InvalidMessage: As for `encode_bytes`, or longer than 125 bytes (RFC 6455, section 5.5).
    """
    payload = octets(value, MAX_CONTROL_PAYLOAD)
    if payload is None or len(payload) > MAX_CONTROL_PAYLOAD:
        size = f"more than {MAX_CONTROL_PAYLOAD}" if payload is None else f"{len(payload):,}"
        raise InvalidMessage(
            f"the payload has {size} bytes; a control frame carries at most "
            f"{MAX_CONTROL_PAYLOAD} (RFC 6455, section 5.5); shorten it, or send it as bytes"
        )
    return payload


def encode_close(value: object = None, reason: str | None = None) -> tuple[int | None, str]:
    """Return the code and reason of a CLOSE frame, checked (RFC 6455, section 5.5.1).

    Args:
        value: None for an empty frame; a close code; a mapping with "code" and an optional
            "reason"; or a `CloseFrame`.
        reason: Close reason, up to 123 bytes as UTF-8.

    Returns:
        Code and reason; the code is None for an empty frame.

    Raises:
        InvalidMessage: A code that must not be sent, a reason without a code, a reason that is
            too long or not a text, a reason that is given twice, or an unknown key.
    """
    given, given_reason = code_and_reason(value)
    if given_reason in (None, ""):
        given_reason = "" if reason is None else reason
    elif reason not in (None, ""):
        raise InvalidMessage("the close reason was given twice; give it once")
    if not isinstance(given_reason, str):
        raise InvalidMessage(f"a close reason is a str, not {describe(given_reason)}")
    if given is None:
        if given_reason:
            raise InvalidMessage(
                f"a close reason needs a close code before it: "
                f"send_close(1000, {shortened(repr(given_reason), LONGEST)}) "
                f"(RFC 6455, section 5.5.1)"
            )
        return None, ""
    code = as_integer(given)
    if code is None:
        hint = "; write send_close(1000, reason)" if isinstance(given, (str, list, tuple)) else ""
        raise InvalidMessage(
            f"a close code is an integer such as 1000, not {describe(given)}{hint}"
        )
    refusal = close_codes.why_not_sent(code)
    if refusal:
        raise InvalidMessage(refusal)
    size = len(utf8(given_reason, "the close reason"))
    if size > MAX_CLOSE_REASON:
        raise InvalidMessage(
            f"the close reason has {size:,} bytes as UTF-8; a CLOSE frame has room for "
            f"{MAX_CLOSE_REASON} after the code (RFC 6455, section 5.5); shorten it"
        )
    return code, given_reason


def check_type(type: object) -> MessageType:
    """Return the name of a message type; raise `InvalidMessage` unless it is one of the five."""
    if isinstance(type, str) and type in MESSAGE_TYPES:
        return type
    raise InvalidMessage(
        f"{describe(type)} is not a message type; the five are "
        f"{', '.join(repr(name) for name in MESSAGE_TYPES)}, and the type comes first: "
        f'send("text", "Hello")'
    )


def code_and_reason(value: object) -> tuple[object, object]:
    if isinstance(value, CloseFrame):
        return value.code, value.reason
    if not isinstance(value, Mapping):
        return value, None
    unknown = [key for key in value if key not in ("code", "reason")]
    if unknown:
        raise InvalidMessage(
            f'a close has a "code" and a "reason", not {describe(unknown[0])}; '
            f'write {{"code": 1000, "reason": "..."}}'
        )
    return value.get("code"), value.get("reason")


def octets(value: object, limit: int) -> bytes | None:
    """Return a value as bytes; None for a byte table of more than `limit` items."""
    if isinstance(value, str):
        return utf8(value, "the text")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        view = memoryview(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError) as exc:
        if isinstance(value, memoryview):
            raise InvalidMessage(f"the memoryview cannot be read: {exc}; give its bytes") from exc
        return byte_table(value, limit)
    if view.ndim == 0:  # a NumPy number: one byte of it, or eight, is surely a mistake
        return byte_table(value, limit)
    if view.itemsize != 1:
        # As one byte each they would lose their upper bytes, or their sign; as memory they would
        # have this machine's byte order, which the peer cannot know.
        raise InvalidMessage(
            f"the {type(value).__name__} has items of {view.itemsize} bytes; write "
            f"value.tobytes() for its memory, in this machine's byte order, or value.tolist() "
            f"for one byte per number"
        )
    return bytes(view)


def byte_table(value: object, limit: int) -> bytes | None:
    """Return an iterable of integers as bytes; None when there are more than `limit`."""
    if isinstance(value, (set, frozenset)):
        raise InvalidMessage(
            f"a set keeps neither order nor repetitions, so {describe(value)} is not a byte table; "
            f"write a list, like [0, 88, 14]"
        )
    # bytes(5) would be five zero bytes: a number alone is surely a mistake.
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise InvalidMessage(
            f"bytes are given as bytes, as a str, or as integers from 0 to 255 like [0, 88, 14], "
            f"not as {describe(value)}"
        )
    table = bytearray()
    for position, item in enumerate(value):
        if position >= limit:
            return None
        number = as_integer(item)
        if number is None:
            raise InvalidMessage(
                f"item {position} of the byte table is {describe(item)}; "
                f"each item must be an integer from 0 to 255"
            )
        if not 0 <= number <= 255:
            raise InvalidMessage(
                f"item {position} of the byte table is {close_codes.integer_text(number)}; "
                f"a byte holds an integer from 0 to 255"
            )
        table.append(number)
    return bytes(table)


def utf8(text: str, what: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidMessage(
            f"{what} is not valid Unicode: character {exc.start} is the lone surrogate "
            f"U+{ord(text[exc.start]):04X}, which UTF-8 cannot carry; remove it"
        ) from exc


def describe(value: object) -> str:
    """Return a value for an error message: its type and a short form of it."""
    if value is None:
        return "None"
    kind = type(value).__name__
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{kind} {close_codes.integer_text(int(value))}"
    if isinstance(value, (str, bytes, bytearray)):
        value = value[:LONGEST]  # a megabyte need not be written out to be cut
    return f"{kind} {shortened(reprlib.repr(value), LONGEST)}"


def encode(type: str, value: object) -> tuple[int, bytes]:
    """Return opcode and payload of a message of one of the first four types."""
    opcode, encode_value = ENCODERS[check_type(type)]
    return opcode, encode_value(b"" if value is None and opcode in (PING, PONG) else value)


# Opcode and encoder of every type but close, which is a code and a reason.
ENCODERS: dict[MessageType, tuple[int, Callable[[object], bytes]]] = {
    "text": (TEXT, encode_text),
    "bytes": (BINARY, encode_bytes),
    "ping": (PING, encode_control),
    "pong": (PONG, encode_control),
}
