"""Figure of a frame: that of RFC 6455, section 5.2, with the bits of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from .fields import Field, fields
from .frames import Frame

__all__ = ["figure"]

ROW = 32  # bits
PAYLOAD_ROWS = 2  # that show bits of the payload
RULER = (
    " 0                   1                   2                   3",
    " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
)


def figure(frame: Frame) -> str:
    """Return a drawing of a frame, 32 bits in a row; of a long payload the beginning."""
    parts = fields(frame)
    header_bits = len(frame.header) * 8
    end = len(frame.raw) * 8
    last_row = -(-header_bits // ROW) + PAYLOAD_ROWS
    shown = min(end, last_row * ROW)
    lines = [line.rstrip() for line in RULER]
    above: set[int] = set()
    for start in range(0, shown, ROW):
        stop = min(start + ROW, shown)
        segments = cut_row(parts, start, stop)
        borders = {begin - start for _, begin, _ in segments} | {stop - start}
        lines.append(border(borders | above, max(borders | above)))
        lines += labels(segments)
        lines.append(bit_line(frame, segments))
        above = borders
    lines.append(border(above, max(above)))
    if shown < end:
        lines.append(f" and {(end - shown) // 8:,} more bytes of payload")
    return "\n".join(lines)


Segment = tuple[Field, int, int]


def cut_row(parts: Sequence[Field], start: int, stop: int) -> list[Segment]:
    """Return the fields in a row, each with its first bit there and the bit after its last."""
    return [
        (part, max(part.first_bit, start), min(part.first_bit + part.bit_count, stop))
        for part in parts
        if part.first_bit < stop and part.first_bit + part.bit_count > start
    ]


def border(borders: set[int], stop: int) -> str:
    return "-".join("+" if bit in borders else "-" for bit in range(stop + 1))


def labels(segments: Sequence[Segment]) -> list[str]:
    """Return the names of the fields of a row: across where there is room, else downwards."""
    widths = [2 * (end - begin) - 1 for _, begin, end in segments]
    lines = zip_longest(*(label(*segment) for segment in segments), fillvalue="")
    return [f"|{'|'.join(map(str.center, words, widths))}|" for words in lines]


def label(part: Field, begin: int, end: int) -> list[str]:
    width = 2 * (end - begin) - 1
    if end - begin == 1:
        return list(part.name)
    name = part.name if begin == part.first_bit else f"{part.name} (continued)"
    if len(name) <= width:
        return [name]
    lines = [""]
    for word in name.split():
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word[:width])
    return [line for line in lines if line]


def bit_line(frame: Frame, segments: Sequence[Segment]) -> str:
    # Only the bits of this row: a payload may have millions.
    shown = (replace(part, first_bit=begin, bit_count=end - begin) for part, begin, end in segments)
    return f"|{'|'.join(' '.join(part.bits(frame)) for part in shown)}|"
