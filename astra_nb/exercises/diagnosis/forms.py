"""Forms: what a wrong payload may be, seen beside the right one."""

from __future__ import annotations

import re
from collections.abc import Callable

from .misconceptions import Misconception as M  # noqa: N817  (as in the rules)

__all__ = ["FORMS", "PARTS", "text_of"]

BRACES = re.compile(r"\{[A-Za-z_][\w.\[\]()]*\}")  # of an f-string without its f


def text_of(octets: bytes) -> str:
    """Return a payload as text; each byte that is not UTF-8 as a lone surrogate."""
    return octets.decode("utf-8", "surrogateescape")


def _spelled(text: str) -> tuple[str, str]:
    return repr(text), repr(text.encode("utf-8", "surrogateescape"))


def _ascii(text: str) -> list[str]:
    return [character for character in text if character.isascii() and character != "?"]


# What a payload is, given the right one, both as text; some are said of texts alone.
FORMS: tuple[tuple[M, bool, Callable[[str, str], object], str], ...] = (
    (M.WHOLE_MESSAGE, False, lambda came, right: came.startswith("Message("),
     "The whole Message was sent as text."),
    (M.REPR, False, lambda came, right: right and came in _spelled(right),
     "Python's spelling of the value was sent, quotes and all."),
    (M.NOT_FILLED_IN, False, lambda came, right: BRACES.search(came) and not BRACES.search(right),
     "Braces were sent, without a value in them."),
    (M.EMPTY, False, lambda came, right: not came,
     "The payload is missing: an empty message came."),
    (M.CASE, True, lambda came, right: came.lower() == right.lower(),
     "The case of the letters changed."),
    (M.BLANK, True, lambda came, right: came.split() == right.split(),
     "Only blanks or line breaks differ."),
    (M.ASCII, True, lambda came, right: not right.isascii() and _ascii(came) == _ascii(right),
     "Characters beyond ASCII were lost."),
)  # fmt: skip
PARTS: tuple[tuple[M, Callable[[bytes, bytes], bool], str], ...] = (
    (M.REVERSED, lambda came, right: came == right[::-1], "The payload came in reverse order."),
    (M.DOUBLED, lambda came, right: came == right * 2, "The payload came twice in one message."),
    (M.CUT, lambda came, right: right.startswith(came) or right.endswith(came), "A part is "
     "missing: {how}."),
    (M.ADDED, lambda came, right: len(right) > 2 and right in came, "Something was added: {how}."),
)  # fmt: skip
