"""Bytes and text of a peer as text that is safe to show: escapes, previews, hex dumps, counts.

Every character that would act instead of being seen (control characters, the bidirectional
controls, invisible ones, lone surrogates) is shown as an escape, and so is every byte that is
not UTF-8. A backslash is doubled, so that no payload can look like an escape.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple

from . import close_codes
from .opcodes import FrameType

__all__ = [
    "BrokenUtf8",
    "as_printed",
    "ascii_text",
    "counted",
    "hexdump",
    "invalid_utf8",
    "preview",
    "shortened",
    "spaced_hex",
    "utf8_fault",
    "visible",
    "visible_utf8",
]

NOT_PLAIN = re.compile(r"[^ -\[\]-~]")
CUT = "…"


def counted(count: int, noun: str) -> str:
    """Return "1 frame" or "2,000 frames"; the noun has a regular plural."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shortened(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters; the last one of a cut text is an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + CUT


def visible(text: str, limit: int | None = None) -> str:
    r"""Return a text on one line, with an escape for each character that cannot be seen.

    Escapes are those of Python: `\n`, `\x1b`, `\u202e`, `\U000e0001`, and `\\` for a backslash. An
    ellipsis stands for what follows `limit` characters; None shows all.
    """
    return escaped(text, limit, shown)


def as_printed(text: str, limit: int | None = None) -> str:
    r"""Return what was printed on one line: as `visible`, but with each backslash as it is.

    Whoever printed `b'\x01'` finds it as the cell shows it. It is not told from a printed escape,
    so this is not for payloads.
    """
    return visible(text, limit).replace("\\\\", "\\")


def escaped(text: str, limit: int | None, escape: Callable[[re.Match[str]], str]) -> str:
    cut = CUT if limit is not None and len(text) > limit else ""
    return NOT_PLAIN.sub(escape, text[:limit]) + cut


def shown(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable() and character != "\\":
        return character
    if "\x80" <= character <= "\xff":
        return f"\\u{ord(character):04x}"  # \x80 to \xff are bytes
    return character.encode("unicode_escape").decode()


def visible_utf8(data: bytes, limit: int | None = None) -> str:
    r"""Return bytes that are meant to be UTF-8 on one line, with an escape for each bad byte.

    Characters and the limit are as for `visible`; a byte of none reads `\x80` to `\xff`.
    """
    text = data.decode("utf-8", "surrogateescape") if limit is None else text_head(data, limit)
    return escaped(text, limit, shown_utf8)


def text_head(data: bytes, limit: int) -> str:
    """Decode UTF-8 up to `limit` characters and at least one more, if there are more."""
    # A character has at most four bytes; three may wait in the decoder.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    head = data[: limit * 4 + 4]
    return decoder.decode(head, final=len(head) == len(data))


def shown_utf8(match: re.Match[str]) -> str:
    character = match[0]
    # These lone surrogates stand for bad bytes and nothing else: UTF-8 holds no surrogates.
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return shown(match)


class BrokenUtf8(NamedTuple):
    """Where bytes stop being UTF-8."""

    offset: int  # of the byte with which the broken character begins
    fault: str
    is_cut: bool  # whether the bytes end inside a character, so that others could complete it


def invalid_utf8(data: bytes) -> BrokenUtf8 | None:
    """Return where bytes stop being UTF-8; None when all of it is UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as exc:
        return BrokenUtf8(exc.start, utf8_fault(exc), exc.reason == "unexpected end of data")
    return None


def utf8_fault(error: UnicodeDecodeError) -> str:
    """Return what is wrong with bytes that are not UTF-8, in the terms of RFC 3629, section 3."""
    lead, *others = error.object[error.start : error.start + 4]
    if lead < 0xC0:
        return f"{lead:02x} is a continuation byte, and no character begins before it"
    if lead > 0xF7:
        return f"{lead:02x} is never a byte of UTF-8"
    length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    more = list(takewhile(lambda byte: 0x80 <= byte <= 0xBF, others[: length - 1]))
    shown = bytes([lead, *more]).hex(" ")
    point = lead & (0x7F >> length)
    for index in range(length - 1):  # 0 for what is not there
        point = point << 6 | (more[index] & 0x3F if index < len(more) else 0)
    known = f" U+{point:04X}" if len(more) == length - 1 else ""
    verb = "is" if known else "begins"
    # The second byte tells a character that is too short or a surrogate; some first bytes do, too.
    if more or lead < 0xC2 or lead > 0xF4:
        if point < {2: 0x80, 3: 0x800, 4: 0x10000}[length]:
            return f"{shown} {verb} an overlong form{known and ' of' + known}"
        if 0xD800 <= point <= 0xDFFF:
            return f"{shown} {verb} a surrogate{known and ',' + known}"
        if point > 0x10FFFF:
            return f"{shown} {verb} a number beyond U+10FFFF"
    after = others[len(more) :]
    end = f"{after[0]:02x} does not continue it" if after else "the rest is missing"
    return f"{shown} begins a character of {length} bytes, and {end}"


def spaced_hex(data: bytes, limit: int | None = None) -> str:
    """Return bytes as `00 58 0e`; an ellipsis stands for those after the first `limit`."""
    if limit is None or len(data) <= limit:
        return data.hex(" ")
    return f"{data[:limit].hex(' ')} {CUT}"


def hexdump(data: bytes) -> str:
    """Return bytes as lines of an offset, 16 bytes in hex, and their ASCII characters."""
    lines = []
    for start in range(0, len(data), 16):
        chunk = data[start : start + 16]
        lines.append(f"{start:08x}  {chunk.hex(' '):<47}  |{ascii_text(chunk)}|")
    return "\n".join(lines)


def ascii_text(data: bytes) -> str:
    """Return bytes as ASCII, with a dot for each that is not a printable character."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def preview(payload: bytes, type: FrameType, limit: int = 60) -> str:
    """Return a payload, unmasked, on one line, as its type is read.

    Text is in quotes; bytes are hex, followed by the text in quotes when they are printable
    ASCII; a close is its code, the code's name and the reason in quotes. The limit, in characters
    of text, or bytes of hex times three, is where an ellipsis cuts it.
    """
    if type == "close":
        return preview_close(payload, limit)
    if type == "text" or (
        type == "continuation" and text_head(payload, limit)[:limit].isprintable()
    ):
        return f'"{visible_utf8(payload, limit)}"'
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
    return f'{shown} "{visible_utf8(payload[2:], limit)}"' if len(payload) > 2 else shown
