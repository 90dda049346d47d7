"""Pictures as SVG and as text: lines, boxes and words in the colour of the page, light or dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from math import hypot
from typing import Any

__all__ = ["CHARACTER", "DASHES", "Drawing", "Picture", "arrow_point"]

CHARACTER = 6.63  # width of one in the font below
FONT = "font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:11px"
POINT = 7  # length of an arrow's point, and how wide it is
DASHES = "4 3"  # pixels drawn, and left out


def arrow_point(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Return the corners of the point of an arrow, as an SVG polygon has them."""
    (x0, y0), (x, y) = start, end
    length = hypot(x - x0, y - y0) or 1
    dx, dy = (x - x0) / length * POINT, (y - y0) / length * POINT
    wings = (x, y, x - dx - dy / 2, y - dy + dx / 2, x - dx + dy / 2, y - dy - dx / 2)
    return " ".join(f"{value:.1f}" for value in wings)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a notebook shows as SVG, and a terminal or a screen reader as text.

    Attributes:
        svg: The SVG element, with a title and a description; whatever peers sent is escaped.
        text: The same as plain text.
    """

    svg: str = field(repr=False)
    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        # Not _repr_svg_: JupyterLab shows that as an image, which the page's colours do not reach.
        # The classes keep a page's MathJax from reading a payload such as "$x$" as a formula.
        return (
            f'<div class="astra-nb-picture tex2jax_ignore mathjax_ignore">{self.svg}'
            f'<details><summary>as text</summary><pre style="overflow-x:auto">'
            f"{escape(self.text)}</pre></details></div>"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)


@dataclass(slots=True)
class Drawing:
    """Elements of an SVG, in pixels. Words must hold no control characters; markup is escaped.

    Attributes:
        width: How wide it is; the height is what the elements need.
    """

    width: int
    height: float = 0
    elements: list[str] = field(default_factory=list)

    def words(
        self, x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False
    ) -> None:
        """Write text whose baseline is at y; `anchor` is "start", "middle" or "end"."""
        weight = ' font-weight="bold"' if bold else ""
        self._add(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{weight} fill="currentColor" '
            f'xml:space="preserve">{escape(text)}</text>',
            y + 5,
        )

    def line(self, *points: tuple[float, float], arrow: bool = False, dashed: bool = False) -> None:
        """Draw a line through points; an arrow's point is at the last one."""
        dashes = f' stroke-dasharray="{DASHES}"' if dashed else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        bottom = max(y for _, y in points) + 2
        self._add(f'<polyline points="{path}" fill="none" stroke="currentColor"{dashes}/>', bottom)
        if arrow:
            self._add(
                f'<polygon points="{arrow_point(*points[-2:])}" fill="currentColor"/>', bottom
            )

    def box(self, x: float, y: float, width: float, height: float, *, tinted: bool = False) -> None:
        """Draw a rectangle; a tinted one has a little of the text's colour in it."""
        tint = "0.15" if tinted else "0"
        self._add(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'fill="currentColor" fill-opacity="{tint}" stroke="currentColor"/>',
            y + height + 2,
        )

    def picture(self, title: str, description: str, text: str) -> Picture:
        """Return the picture with its name, what it shows in sentences, and its form as text."""
        height = round(self.height + 4)
        elements = "\n".join(self.elements)
        return Picture(
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
            f'viewBox="0 0 {self.width} {height}" width="{self.width}" height="{height}" '
            f'style="max-width:100%;height:auto;{FONT}">'
            f"<title>{escape(title)}</title><desc>{escape(description)}</desc>\n{elements}</svg>",
            text,
        )

    def _add(self, element: str, bottom: float) -> None:
        self.elements.append(element)
        self.height = max(self.height, bottom)
