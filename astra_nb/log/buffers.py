"""Picture of buffers that fill: what waits between a sender and a reader, and how much may."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from astra_nb.wire.svg import Drawing, Picture

from .pictures import LINE, WIDTH

__all__ = ["Buffer", "Level", "buffers"]

TANK, HEIGHT, STEP = 116, 100, 170  # pixels: of one buffer, and from one to the next
BAR, OWNER, NAME = 20, 17, 16  # characters
LINES = 6  # below a buffer, so that the picture stays as high while it moves
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Level:
    """How full a buffer is, in one unit."""

    held: int
    bound: int  # above it the way before it is stopped; what is under way may exceed it
    unit: str  # "bytes", "messages" or "calls"
    most: int  # that was seen in it

    @property
    def lines(self) -> list[str]:
        most = [f"(most {self.most:,})"] if self.most > self.held else []
        return [f"{self.held:,}", f"of {self.bound:,} {self.unit}", *most]


@dataclass(frozen=True, slots=True)
class Buffer:
    """A place where messages wait."""

    name: str
    owner: str  # "server", "client", or the system of one of them
    levels: tuple[Level, ...]  # in each unit that it is bounded in; none where nobody knows

    @property
    def parts(self) -> tuple[float, float]:
        """How much of it is filled, and was at most: from 0 to 1."""
        held = max((each.held / (each.bound or 1) for each in self.levels), default=0.0)
        most = max((each.most / (each.bound or 1) for each in self.levels), default=0.0)
        return min(held, 1.0), min(most, 1.0)

    @property
    def texts(self) -> tuple[str, ...]:
        """How full it is, in words."""
        return tuple(" ".join(each.lines) for each in self.levels) or (NOT_KNOWN,)


def buffers(title: str, ways: Sequence[Sequence[Buffer]], notes: Sequence[str]) -> Picture:
    """Draw the buffers of each way in the order in which messages pass them."""
    lines = []
    for way in ways:
        for buffer in way:
            held, most = (round(part * BAR) for part in buffer.parts)
            bar = ("#" * held).ljust(most, ".")
            texts = ", ".join(buffer.texts)
            lines.append(f"{buffer.owner:{OWNER}}{buffer.name:{NAME}}[{bar:{BAR}}]  {texts}")
        lines.append("")
    wrapped = [line for note in notes for line in textwrap.wrap(note, 76)]
    drawn = draw(ways, notes)
    description = ". ".join(
        f"{buffer.name} of the {buffer.owner}: {', '.join(buffer.texts)}"
        for way in ways
        for buffer in way
    )
    text = "\n".join([title, "", *lines, *wrapped]).rstrip()
    return drawn.picture(title, f"{description}. {' '.join(notes)}".rstrip(), text)


def draw(ways: Sequence[Sequence[Buffer]], notes: Sequence[str]) -> Drawing:
    drawing = Drawing(WIDTH + 8)
    placed = [(way, buffer) for way in ways for buffer in way]
    bottom = LINE * 2.5 + HEIGHT
    for at, (_, buffer) in enumerate(placed):
        draw_buffer(drawing, 4 + at * STEP, bottom, buffer)
    for at, ((way, _), (after, _)) in enumerate(pairwise(placed)):
        if way is after:
            y = bottom - HEIGHT / 2
            drawing.line((at * STEP + 8 + TANK, y), ((at + 1) * STEP, y), arrow=True)
    below = bottom + LINE * (LINES + 1.5)
    for row, note in enumerate(notes):
        drawing.words(4, below + LINE * row, note)
    drawing.height = below + LINE * 2
    return drawing


def draw_buffer(drawing: Drawing, x: float, bottom: float, buffer: Buffer) -> None:
    middle = x + TANK / 2
    held, most = buffer.parts
    drawing.words(middle, LINE, buffer.owner, anchor="middle")
    drawing.words(middle, LINE * 2, buffer.name, anchor="middle", bold=True)
    drawing.box(x, bottom - HEIGHT, TANK, HEIGHT)
    if held:
        drawing.box(x, bottom - HEIGHT * held, TANK, HEIGHT * held, tinted=True)
    if most > held:
        y = bottom - HEIGHT * most
        drawing.line((x, y), (x + TANK, y), dashed=True)
    below = [line for level in buffer.levels for line in level.lines] or [NOT_KNOWN]
    for row, line in enumerate(below, 1):
        drawing.words(middle, bottom + LINE * row, line, anchor="middle")
