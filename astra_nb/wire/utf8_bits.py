"""Picture of UTF-8: the bytes of each character as boxes of bits (RFC 3629, section 3)."""

from __future__ import annotations

from .svg import Drawing, Picture
from .text import counted, text_head, visible

__all__ = ["bit_boxes"]

LINE = 22  # pixels
BIT = 15
BITS = 200  # where the boxes begin
CHARACTERS = 16  # that are shown
TEXT_KEY = "Bits before | say how many bytes a character has; those after it are its code point."
SVG_KEY = "Grey bits say how many bytes a character has; the others are its code point."
BAD = "not UTF-8"


def bit_boxes(payload: bytes) -> Picture:
    """Return a picture of the first 16 characters of a text's payload, bit by bit."""
    drawing = Drawing(BITS + 4 * (8 * BIT + 12))
    lines, shown = [], 0
    for row, character in enumerate(text_head(payload, CHARACTERS)[:CHARACTERS]):
        data = character.encode("utf-8", "surrogateescape")
        # These lone surrogates stand for bad bytes and nothing else: UTF-8 holds no surrogates.
        is_bad = "\udc80" <= character <= "\udcff"
        label = f"\\x{data[0]:02x}" if is_bad else visible(character)
        name = BAD if is_bad else f"U+{ord(character):04X}"
        first = 0 if is_bad else len(data) + 1 if len(data) > 1 else 1
        prefixes = [first, *[2] * (len(data) - 1)]
        drawing.words(8, LINE * (row + 1), label, bold=True)
        drawing.words(100, LINE * (row + 1), name)
        bits = [f"{byte:08b}" for byte in data]
        for index, (byte, prefix) in enumerate(zip(bits, prefixes, strict=True)):
            draw_byte(drawing, BITS + index * (8 * BIT + 12), LINE * (row + 1), byte, prefix)
        split = [f"{b[:p]}|{b[p:]}" if p else b for b, p in zip(bits, prefixes, strict=True)]
        lines.append(f"{label:12}{name:11}{' '.join(split)}")
        shown += len(data)
    left_out = len(payload) - shown
    more = [f"and {counted(left_out, 'more byte')}"] if left_out else []
    for row, line in enumerate([*more, SVG_KEY], len(lines) + 1):
        drawing.words(8, LINE * row, line)
    title = f"{counted(len(payload), 'byte')} of UTF-8"
    text = "\n".join([title, "", *lines, *more, "", TEXT_KEY])
    return drawing.picture(title, f"{'; '.join([*lines, *more])}. {TEXT_KEY}", text)


def draw_byte(drawing: Drawing, x: float, y: float, bits: str, prefix: int) -> None:
    for index, bit in enumerate(bits):
        left = x + index * BIT
        drawing.box(left, y - 13, BIT, 18, tinted=index < prefix)
        drawing.words(left + BIT / 2, y, bit, anchor="middle")
