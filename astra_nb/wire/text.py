"""Payloads as text that tells the truth: what a stranger sent never controls what shows it.

Every character that would act instead of being seen (control characters, the bidirectional
controls, invisible ones, lone surrogates) is shown as an escape, and so is every byte that is
not UTF-8. A backslash is doubled, so that no payload can look like an escape.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from . import close_codes
from .opcodes import FrameType

__all__ = ["hexdump", "invalid_utf8", "preview", "spaced_hex", "visible", "visible_utf8"]

SHORT_ESCAPES = {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
NOT_PLAIN = re.compile(r"[^ -\[\]-~]")
CUT = "…"


def visible(text: str) -> str:
    r"""Show a text on one line, with an escape for each character that cannot be seen.

    Escapes are those of Python: `\n`, `\x1b`, `\u202e`, `\U000e0001`, and `\\` for a backslash.
    """
    return NOT_PLAIN.sub(shown, text)


def shown(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable() and character != "\\":
        return character
    short = SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible_utf8(data: bytes) -> str:
    r"""Show bytes that are meant to be UTF-8 on one line, with an escape for each bad byte.

    Characters are shown as by `visible`, and a byte that belongs to none as `\x80` to `\xff`.
    """
    return NOT_PLAIN.sub(shown_utf8, data.decode("utf-8", "surrogateescape"))


def shown_utf8(match: re.Match[str]) -> str:
    character = match[0]
    # These lone surrogates stand for bad bytes and nothing else: UTF-8 holds no surrogates.
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return shown(match)


def invalid_utf8(data: bytes) -> tuple[int, str] | None:
    """Find where bytes stop being UTF-8: the offset of the first bad byte and why it is bad.

    Returns:
        None when all of it is UTF-8. Bytes that end inside a character are "unexpected end of
        data" at the offset where that character begins.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as exc:
        return exc.start, exc.reason
    return None


def spaced_hex(data: bytes, limit: int | None = None) -> str:
    """Write bytes as `00 58 0e`; those after the first `limit` bytes as one ellipsis."""
    if limit is None or len(data) <= limit:
        return data.hex(" ")
    return f"{data[:limit].hex(' ')} {CUT}"


def hexdump(data: bytes, width: int = 16, offset: int = 0) -> str:
    """Write bytes as lines of an offset, `width` bytes in hex, and their ASCII characters.

    Args:
        data: Any bytes.
        width: Bytes in a line.
        offset: What the offset of the first byte is called.
    """
    return "\n".join(hexdump_lines(data, width, offset))


def hexdump_lines(data: bytes, width: int, offset: int) -> Iterator[str]:
    for start in range(0, len(data), width):
        chunk = data[start : start + width]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
        yield f"{offset + start:08x}  {chunk.hex(' '):<{width * 3 - 1}}  |{shown}|"


def preview(payload: bytes, type: FrameType, limit: int = 60) -> str:
    """Show a payload on one line, as its type is read.

    Text stands in quotes; bytes are hex, followed by the text in quotes when they are printable
    ASCII; a close is its code, the code's name and the reason in quotes.

    Args:
        payload: The payload, unmasked.
        type: Type of the frame.
        limit: Characters of text, or bytes of hex times three, until it is cut with an ellipsis.
    """
    if type == "close":
        return preview_close(payload, limit)
    if type == "text" or (type == "continuation" and is_printable_utf8(payload, limit)):
        return quoted(payload, limit)
    shown = spaced_hex(payload, max(limit // 3, 1))
    if payload and len(payload) * 4 + 2 <= limit and payload.isascii():
        text = payload.decode("ascii")
        if text.isprintable():
            return f'{shown} "{visible(text)}"'
    return shown


def preview_close(payload: bytes, limit: int) -> str:
    if not payload:
        return "no code"
    if len(payload) == 1:
        return f"{payload.hex()} (half a code)"
    code = int.from_bytes(payload[:2], "big")
    shown = f"{code} {close_codes.name(code)}"
    return f"{shown} {quoted(payload[2:], limit)}" if len(payload) > 2 else shown


def quoted(payload: bytes, limit: int) -> str:
    head, cut = shorten(payload, limit)
    return f'"{visible_utf8(head)}{CUT if cut else ""}"'


def is_printable_utf8(payload: bytes, limit: int) -> bool:
    head, _ = shorten(payload, limit)
    try:
        return head.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def shorten(payload: bytes, limit: int) -> tuple[bytes, bool]:
    """Cut UTF-8 after `limit` characters, never inside one."""
    if len(payload) <= limit:
        return payload, False
    # A character has at most four bytes, so that what lies behind need not be looked at.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(payload[: limit * 4 + 3])
    if len(text) <= limit and len(payload) <= limit * 4 + 3:
        return payload, False
    return text[:limit].encode("utf-8", "surrogateescape"), True
