"""Criteria that select records of a log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypedDict, Unpack, get_args

from astra_nb.quantities import as_integer
from astra_nb.wire.opcodes import FrameType

from .records import Direction, Record

__all__ = ["KINDS", "Criteria", "Predicate", "Wanted", "criteria", "record_text", "type_of"]

RECORD_TYPES: tuple[type[Record], ...] = get_args(Record)
KINDS: tuple[str, ...] = tuple(record_type.kind for record_type in RECORD_TYPES)
TYPES: tuple[str, ...] = (*get_args(FrameType), *(kind for kind in KINDS if kind != "frame"))
DIRECTIONS: tuple[str, ...] = get_args(Direction)

Predicate = Callable[[Record], bool]


class Wanted(TypedDict, total=False):
    """Keywords that select records; `LogView.filter` says what each means."""

    kind: str | Iterable[str] | None
    type: str | Iterable[str] | None
    direction: str | Iterable[str] | None
    connection: int | Iterable[int] | None
    text: str | re.Pattern[str] | None


CRITERIA = (*Wanted.__annotations__, "predicate")


@dataclass(frozen=True, slots=True)
class Criteria:
    """Checked criteria; those that are not None must hold. `LogView.filter` says what they mean."""

    kind: frozenset[str] | None = None
    type: frozenset[str] | None = None
    direction: frozenset[str] | None = None
    connection: frozenset[int] | None = None
    text: str | re.Pattern[str] | None = None
    predicate: Predicate | None = None

    def matches(self, record: Record) -> bool:
        """Return whether a record meets all criteria."""
        if self.kind is not None and record.kind not in self.kind:
            return False
        if self.connection is not None and record.connection not in self.connection:
            return False
        if self.direction is not None and getattr(record, "direction", "") not in self.direction:
            return False
        if self.type is not None and type_of(record) not in self.type:
            return False
        if isinstance(self.text, str):
            if self.text not in record_text(record):
                return False
        elif self.text is not None and self.text.search(record_text(record)) is None:
            return False
        return self.predicate is None or bool(self.predicate(record))

    def __str__(self) -> str:
        sets = (self.kind, self.type, self.direction, self.connection)
        parts = [
            f"{name} {' or '.join(map(repr, sorted(values)))}"
            for name, values in zip(CRITERIA, sets, strict=False)
            if values is not None
        ]
        if isinstance(self.text, str):
            parts.append(f"text {self.text!r}")
        elif self.text is not None:
            parts.append(f"text like {self.text.pattern!r}")
        if self.predicate is not None:
            parts.append(f"predicate {getattr(self.predicate, '__name__', 'given')}")
        return ", ".join(parts)


def criteria(predicate: Predicate | None = None, **wanted: Unpack[Wanted]) -> Criteria:
    """Check the criteria that a caller gave, as for `LogView.filter`, which says what is raised."""
    for name in wanted:
        if name not in CRITERIA:
            raise TypeError(f"{name!r} is not a criterion; choose from {listed(CRITERIA)}")
    text = wanted.get("text")
    pattern = text.pattern if isinstance(text, re.Pattern) else text
    if pattern is not None and not isinstance(pattern, str):
        raise TypeError(f"text is a str or a compiled pattern for str, not {text!r}")
    if predicate is not None and not callable(predicate):
        raise TypeError(f"predicate is a function that gets a record, not {predicate!r}")
    return Criteria(
        kind=one_of("kind", wanted.get("kind"), KINDS),
        type=one_of("type", wanted.get("type"), TYPES),
        direction=one_of("direction", wanted.get("direction"), DIRECTIONS),
        connection=numbers(wanted.get("connection")),
        text=text,
        predicate=predicate,
    )


def one_of(
    name: str, given: str | Iterable[str] | None, known: tuple[str, ...]
) -> frozenset[str] | None:
    if given is None:
        return None
    values = frozenset({given} if isinstance(given, str) else given)
    for value in values:
        if value not in known:
            raise ValueError(f"{value!r} is not a {name}; choose from {listed(known)}")
    return values


def listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def numbers(given: int | Iterable[int] | None) -> frozenset[int] | None:
    if given is None:
        return None
    values = []
    for value in given if isinstance(given, Iterable) else (given,):
        number = as_integer(value)
        if number is None:
            raise TypeError(
                f"connection is the number of a connection, such as socket.id, not {value!r}"
            )
        if number < 0:
            raise ValueError(
                f"connections are numbered from 1, and 0 is the server; {number} is neither"
            )
        values.append(number)
    return frozenset(values)


def type_of(record: Record) -> str:
    """Return the type of a frame, or the kind of another record."""
    return record.frame.type if record.kind == "frame" else record.kind


def record_text(record: Record) -> str:
    """Return the text in which a record is searched.

    A payload is read as UTF-8, whatever its type; of a close it is the code and the reason.
    """
    match record.kind:
        case "frame":
            close = record.frame.close
            if close is not None:
                return f"{close.code} {close.reason}"
            return record.payload.decode("utf-8", "replace")
        case "handshake":
            return record.raw.decode("utf-8", "replace")
        case "opened":
            return " ".join(
                (record.peer, record.path, record.subprotocol or "", *record.extensions)
            )
        case "closed":
            closes = (
                f"{close.code} {close.reason}" for close in (record.sent, record.received) if close
            )
            return " ".join((*closes, record.tcp, str(record.status or ""), record.detail))
        case "error":
            return f"{record.summary}\n{record.traceback}"
        case "output" | "notice":
            return record.text
        case "check":
            return " ".join((record.exercise, record.title, record.outcome, record.misconception))
