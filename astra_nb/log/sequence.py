"""Sequence diagram of records in plain text: two life lines, and an arrow for each frame."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from astra_nb.wire.messages import Side
from astra_nb.wire.opcodes import FrameType
from astra_nb.wire.text import counted, shortened

from .records import Record
from .table import details

__all__ = ["arrow", "draw", "name_of"]

SHORTEST, LONGEST = 24, 76  # characters on an arrow
INDENT = "  "


def draw(records: Sequence[Record], left_out: int = 0) -> str:
    """Return a diagram of what passed between client and server, and how each connection ended.

    Output of handlers, notices and checks are left out. With several connections, each line begins
    with the number of its connection.
    """
    shown = [each for each in records if each.kind not in ("output", "notice", "check")]
    labels = [label(record) for record in shown]
    width = max([SHORTEST, *map(len, labels)]) + len("-- ") + len(" -->")
    numbers = [f"#{record.connection}" for record in shown]
    margin = max(map(len, numbers)) + 1 if len(set(numbers)) > 1 else 0
    lines = [f"{counted(left_out, 'earlier record')} not shown."] if left_out else []
    lines += [f"{'':{margin}}client{'server':>{width}}", f"{'':{margin}}{life_lines(width)}"]
    for record, text, number in zip(shown, labels, numbers, strict=True):
        start = number if margin else ""
        for line in draw_record(record, text, width):
            lines.append(f"{start:{margin}}{line}".rstrip())
            start = ""
    return "\n".join(lines if shown else [*lines, "(nothing passed)"])


def label(record: Record) -> str:
    """Return the text on the arrow; "" for records without one."""
    if record.kind == "frame":
        fin = "" if record.frame.fin else " FIN 0"
        return shortened(f"{name_of(record.type)}{fin} {details(record)}".rstrip(), LONGEST)
    return shortened(details(record), LONGEST) if record.kind == "handshake" else ""


def name_of(type: FrameType) -> str:
    """Return an opcode as RFC 6455 writes it."""
    return {"bytes": "BINARY", "reserved": "RESERVED OPCODE"}.get(type, type.upper())


def arrow(text: str, sender: Side, width: int) -> str:
    """Return an arrow with a text on it, from the client on the left or from the server."""
    if sender == "client":
        return f"{f'-- {text} '.ljust(width - 1, '-')}>"
    return f"<{f'- {text} '.ljust(width - 1, '-')}"


def draw_record(record: Record, text: str, width: int) -> Iterator[str]:
    match record.kind:
        case "frame" | "handshake":
            yield f"{INDENT}|{arrow(text, record.sender, width)}|"
        case "opened":
            yield f"{INDENT}|{'(open)':^{width}}|"
        case "error" | "closed":
            raised = "The handler raised " if record.kind == "error" else ""
            room = max(width, 72) - len(INDENT)
            yield life_lines(width)
            yield from (INDENT + line for line in textwrap.wrap(raised + details(record), room))


def life_lines(width: int) -> str:
    return f"{INDENT}|{'':{width}}|"
