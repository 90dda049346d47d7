"""Faults: ways to break RFC 6455 on purpose, each with its rule and what the other end must do.

No I/O: a fault is a name and sentences, and for most the bytes that are sent or changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .frame_faults import FRAMES, KEY, Fault, Stage
from .frames import apply_mask, split
from .handshake_faults import ANSWERS, REQUESTS
from .messages import Side
from .tables import html_table, text_table
from .text import counted

__all__ = ["FAULTS", "FRAMES", "KEY", "Fault", "Stage", "fault_named", "remasked"]


def conduct(
    name: str, section: str, breaks: str, then: str, seconds: float | None = None,
    senders: tuple[Side, ...] = ("server", "client"),
) -> Fault:  # fmt: skip
    return Fault(name, section, None, breaks, then, None, "conduct", senders, None, seconds)


CONDUCT: tuple[Fault, ...] = (
    conduct(
        "CLOSE not answered", "5.5.1", "An end that receives a CLOSE frame must send one back.",
        "The other end waits for a while, closes TCP, and reports 1006.", 60.0,
    ),
    conduct(
        "late CLOSE", "5.5.1",
        "An end answers a CLOSE frame as soon as practical, and this one waits.",
        "The other end waits for a while, and may close TCP before the answer comes.", 1.0,
    ),
    conduct(
        "TCP left open", "7.1.1",
        "After the closing handshake the server closes TCP at once; the client waits for that.",
        "The other end may wait for a while, and then closes TCP itself.", 60.0,
    ),
    conduct(
        "PONG with another payload", "5.5.3", "A PONG carries the payload of its PING.",
        "The other end takes it for an unsolicited PONG: its PING stays unanswered.",
    ),
    conduct(
        "reading that stops", "5.5.1", "An end that does not read cannot answer a CLOSE frame.",
        "The other end can send until TCP's buffers are full; then it has to wait or give up.",
    ),
    conduct(
        "same masking key each time", "5.3",
        "The masking key of each frame must be new and unpredictable.",
        "The other end cannot fail the connection for it: each frame by itself is right.",
        senders=("client",),
    ),
)  # fmt: skip

TITLES = ("name", "who", "when", "rule that it breaks", "RFC 6455")


class Shelf(tuple[Fault, ...]):
    """Faults that show themselves as a table."""

    __slots__ = ()

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (each.name, each.who, each.stage, each.breaks, f"section {each.section}")
            for each in self
        ]

    def __repr__(self) -> str:
        return text_table(TITLES, self._cells())

    def _repr_html_(self) -> str:
        return html_table(counted(len(self), "fault"), TITLES, self._cells())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # else IPython would take the members one by one


FAULTS = Shelf((*FRAMES, *REQUESTS, *ANSWERS, *CONDUCT))


def fault_named(name: str, faults: Iterable[Fault] | None = None) -> Fault:
    """Return the fault of a name; the `KeyError` for an unknown one lists those there are."""
    known = list(FAULTS if faults is None else faults)
    for fault in known:
        if fault.name == name:
            return fault
    names = ", ".join(repr(fault.name) for fault in known)
    raise KeyError(f"no fault has the name {name!r:.60}; choose from {names}")


def remasked(data: bytes, keys: Iterator[bytes]) -> bytes:
    """Return frames with the next of these masking keys in each that is masked."""
    parts = []
    for frame in split(data):
        if frame.masking_key is None or not frame.complete:
            parts.append(frame.raw)
        else:
            start, key = frame.raw[: frame.header_length - 4], next(keys)
            parts.append(start + key + apply_mask(frame.payload, key))
    return b"".join(parts)
