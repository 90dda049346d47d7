"""The five message types of the tutorial, and the rules for what each may carry.

Every `encode_*` function checks a value completely before anything is sent and gives the payload
of the frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from astra_nb.errors import InvalidMessage

from . import close_codes

__all__ = [
    "BytesValue",
    "CloseFrame",
    "CloseValue",
    "Message",
    "MessageType",
    "check_type",
    "encode_bytes",
    "encode_close",
    "encode_control",
    "encode_text",
]

MessageType = Literal["text", "bytes", "ping", "pong", "close"]
MESSAGE_TYPES: tuple[MessageType, ...] = get_args(MessageType)

MAX_CONTROL_PAYLOAD = 125  # bytes; RFC 6455, section 5.5
MAX_CLOSE_REASON = 123  # bytes; the code takes two of the 125

BytesValue = str | bytes | bytearray | memoryview | Iterable[int]


@dataclass(frozen=True, slots=True)
class CloseFrame:
    """What a CLOSE frame says (RFC 6455, section 5.5.1).

    Attributes:
        code: Close code.
        reason: Close reason, "" when there is none.
    """

    code: int
    reason: str = ""


CloseValue = Mapping[str, object] | CloseFrame | int | None


@dataclass(frozen=True, slots=True)
class Message:
    """What `recv()` gives.

    Attributes:
        type: "text", "bytes", "ping", "pong" or "close".
        value: A `str` for text; `bytes` for bytes, ping and pong; for close a `CloseFrame`, or
            None when the CLOSE frame was empty or there was none.
    """

    type: MessageType
    value: str | bytes | CloseFrame | None


def encode_text(value: object) -> bytes:
    """Encode a TEXT payload as UTF-8 (RFC 6455, section 5.6).

    Raises:
        InvalidMessage: Not a `str`, or it holds a lone surrogate, which UTF-8 cannot carry.
    """
    if not isinstance(value, str):
        way_out = "send_bytes(...)" if is_bytes_like(value) else "str(...) or json.dumps(...)"
        raise InvalidMessage(
            f"a text message takes a str, not {describe(value)}; use {way_out} for this value"
        )
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidMessage(
            f"the text is no valid Unicode: character {exc.start} is the lone surrogate "
            f"U+{ord(value[exc.start]):04X}, which UTF-8 cannot carry; remove it, "
            f"or send the data as bytes"
        ) from exc


def encode_bytes(value: object) -> bytes:
    """Encode the payload of a BINARY frame.

    Args:
        value: A bytes-like object; a `str`, taken as UTF-8; or an iterable of integers from
            0 to 255.

    Raises:
        InvalidMessage: None of these, or a number out of range.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    # bytes(5) would be five zero bytes: a number alone is surely a mistake.
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise InvalidMessage(
            f"bytes are given as bytes, as a str, or as integers from 0 to 255 like [0, 88, 14], "
            f"not as {describe(value)}"
        )
    table = list(value)
    for position, number in enumerate(table):
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidMessage(
                f"item {position} of the byte table is {describe(number)}; "
                f"each item must be an integer from 0 to 255"
            )
        if not 0 <= number <= 255:
            raise InvalidMessage(
                f"item {position} of the byte table is {number}; "
                f"a byte holds an integer from 0 to 255"
            )
    return bytes(table)


def encode_control(value: object) -> bytes:
    """Encode the payload of a PING or PONG frame: as `encode_bytes`, up to 125 bytes.

    Raises:
        InvalidMessage: As for `encode_bytes`, or longer than 125 bytes (section 5.5).
    """
    payload = encode_bytes(value)
    if len(payload) > MAX_CONTROL_PAYLOAD:
        raise InvalidMessage(
            f"the payload has {len(payload)} bytes; a control frame carries at most "
            f"{MAX_CONTROL_PAYLOAD} (RFC 6455, section 5.5); shorten it, or send it as bytes"
        )
    return payload


def encode_close(value: object = None, reason: str | None = None) -> tuple[int | None, str]:
    """Check what a CLOSE frame shall say.

    Args:
        value: None for an empty frame; a close code; a mapping with "code" and an optional
            "reason"; or a `CloseFrame`.
        reason: Close reason, up to 123 bytes as UTF-8.

    Returns:
        Code and reason; the code is None for an empty frame.

    Raises:
        InvalidMessage: A code that may not be sent, a reason without a code, a reason that is
            too long or no text, or an unknown key.
    """
    if isinstance(value, CloseFrame):
        code: object = value.code
        given_reason: object = value.reason if reason is None else reason
    elif isinstance(value, Mapping):
        unknown = [key for key in value if key not in ("code", "reason")]
        if unknown:
            raise InvalidMessage(
                f'a close has a "code" and a "reason", not {describe(unknown[0])}; '
                f'write {{"code": 1000, "reason": "..."}}'
            )
        if reason is not None and value.get("reason") is not None:
            raise InvalidMessage("the close reason was given twice; give it once")
        code = value.get("code")
        given_reason = value.get("reason") if reason is None else reason
    else:
        code, given_reason = value, reason
    if given_reason is None:
        given_reason = ""
    if not isinstance(given_reason, str):
        raise InvalidMessage(f"a close reason is a str, not {describe(given_reason)}")
    if code is None:
        if given_reason:
            raise InvalidMessage(
                f"a close reason needs a close code before it: "
                f"send_close(1000, {given_reason!r}) (RFC 6455, section 5.5.1)"
            )
        return None, ""
    if isinstance(code, bool) or not isinstance(code, int):
        raise InvalidMessage(
            f"a close code is an integer such as 1000, not {describe(code)}"
            + ("; write send_close(1000, reason)" if isinstance(code, str) else "")
        )
    refusal = close_codes.why_not_sent(code)
    if refusal:
        raise InvalidMessage(refusal)
    size = len(encode_text(given_reason))
    if size > MAX_CLOSE_REASON:
        raise InvalidMessage(
            f"the close reason has {size} bytes as UTF-8; a CLOSE frame has room for "
            f"{MAX_CLOSE_REASON} after the code (RFC 6455, section 5.5); shorten it"
        )
    return int(code), given_reason


def check_type(type: object) -> MessageType:
    """Check the name of a message type.

    Raises:
        InvalidMessage: It is none of the five.
    """
    for known in MESSAGE_TYPES:
        if type == known:
            return known
    raise InvalidMessage(
        f"{describe(type)} is no message type; the five are "
        f"{', '.join(repr(name) for name in MESSAGE_TYPES)}, and the type comes first: "
        f'send("text", "Hello")'
    )


def is_bytes_like(value: object) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview))


def describe(value: object) -> str:
    """Name a value in an error message: its type and a short form of it."""
    if value is None:
        return "None"
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{type(value).__name__} {text}"
