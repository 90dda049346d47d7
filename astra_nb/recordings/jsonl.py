"""JSON Lines of records: written and read back without loss.

A line is an object with "kind" and the record's fields. Bytes are hex. A frame is its bytes on
the wire and is decoded again, so that a line cannot contradict itself.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO, Literal, cast, get_args, get_origin, get_type_hints

from astra_nb.log import LogView
from astra_nb.log.records import FrameRecord, Record
from astra_nb.wire.frames import Frame, decode
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.text import shortened, utf8_fault

from .files import write
from .reading import Reading

__all__ = [
    "brief",
    "from_line",
    "from_values",
    "read",
    "read_file",
    "seconds",
    "to_line",
    "to_text",
    "write",
    "write_file",
]

RECORD_TYPES: dict[str, type[Record]] = {
    record_type.kind: record_type for record_type in get_args(Record)
}
MAX_LINE = 2**28  # characters; hex of a frame as long as a log keeps by default, and more
LATER = ("sent_fault", "received_fault")  # older files do not have them
LONGEST = 60  # characters of a value in an error message
LATEST = 32503680000.0  # the year 3000: Windows shows no later time, and nothing the year 10000
HIGHEST = 2**32 - 1  # no log comes so far, and a page reads much greater numbers as others


def to_line(record: Record) -> str:
    """Return a record as one line of JSON, line break included."""
    if isinstance(record, FrameRecord):
        return frame_line(record)
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return json.dumps({"kind": record.kind, **values}, default=to_json) + "\n"


def frame_line(record: FrameRecord) -> str:
    """Return the same for a frame, of which there are many: without a search for its fields."""
    message = "null" if record.message is None else f'"{record.message.hex()}"'
    verdict = json.dumps(record.verdict) if record.verdict else '""'
    return (
        f'{{"kind": "frame", "number": {record.number}, "time": {record.time!r}, '
        f'"connection": {record.connection}, "side": "{record.side}", '
        f'"direction": "{record.direction}", "frame": "{record.frame.raw.hex()}", '
        f'"verdict": {verdict}, '
        f'"message": {message}}}\n'
    )


def to_text(records: Iterable[Record]) -> str:
    """Return records as JSON Lines, one line each."""
    return "".join(map(to_line, records))


def to_json(value: bytes | Frame | CloseFrame) -> object:
    if isinstance(value, CloseFrame):
        return asdict(value)
    return (value.raw if isinstance(value, Frame) else value).hex()


def read(source: str | PathLike[str]) -> list[Record]:
    """Return the records of a file, or of the text itself.

    Args:
        source: A path, or the text: a string that is empty, holds a line break or begins with "{".

    Raises:
        ValueError: A line that is not a record; it names the line.
    """
    if isinstance(source, str) and (
        not source or "\n" in source or source.lstrip().startswith("{")
    ):
        text = source
    else:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except UnicodeDecodeError as exc:
            where = f"the file is not UTF-8 at byte {exc.start}"
            raise ValueError(f"{where}: {utf8_fault(exc)}") from exc
    # Not splitlines(): JSON may hold U+2028 in a text, which does not end a line here.
    return list(from_lines(text.split("\n")))


def from_lines(lines: Iterable[str | bytes]) -> Iterator[Record]:
    """Yield the records of lines; empty ones are skipped."""
    last = 0
    for position, line in enumerate(lines, start=1):
        if position == 1:  # some programs of Windows begin with a byte order mark
            line = (
                line.removeprefix("\ufeff")
                if isinstance(line, str)
                else line.removeprefix(BOM_UTF8)
            )
        if not line.strip():
            continue
        try:
            record = from_line(line)
            if record.number <= last:
                raise ValueError(f'"number" is {record.number}, not above {last}')
        except ValueError as exc:
            raise ValueError(f"line {position} is not a record: {exc}") from exc
        last = record.number
        yield record


def write_file(view: LogView, file: BinaryIO) -> None:
    """Write the records of a view as JSON Lines."""
    for record in view:
        file.write(to_line(record).encode())


def read_file(reading: Reading) -> Iterator[Record]:
    """Yield the records of a file of JSON Lines; a line is held in memory, and no more."""

    def lines() -> Iterator[bytes]:
        while line := reading.file.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise ValueError(f"a line is longer than {MAX_LINE:,} bytes")
            yield line

    return from_lines(lines())


def from_line(line: str | bytes) -> Record:
    """Return the record of one line; raise `ValueError` with what is wrong in it."""
    try:
        text = line if isinstance(line, str) else line.decode()
        return from_values(json.loads(text))
    except UnicodeDecodeError as exc:
        raise ValueError(f"it is not UTF-8 at byte {exc.start}: {utf8_fault(exc)}") from exc
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc


def from_values(values: object) -> Record:
    """Return the record of an object that `json.loads` returned; raise as `from_line`."""
    if not isinstance(values, dict):
        raise ValueError(f'it is not an object with a "kind" but {brief(values)}')
    kind = values.pop("kind", None)
    record_type = RECORD_TYPES.get(kind) if isinstance(kind, str) else None
    if record_type is None:
        raise ValueError(f'"kind" is {brief(kind)}; the kinds are {", ".join(RECORD_TYPES)}')
    known = FIELDS[record_type.kind]
    for name in values:
        if name not in known:
            raise ValueError(f"a record of kind {kind!r} has no field {brief(name)}")
    arguments: dict[str, Any] = {}
    for name, check in known.items():
        if name in LATER and name not in values:
            continue
        if name not in values:
            raise ValueError(f'a record of kind {kind!r} needs the field "{name}"')
        try:
            arguments[name] = check(values[name])
        except ValueError as exc:
            raise ValueError(f'"{name}" is {brief(values[name])}, not {exc}') from exc
    return cast("Callable[..., Record]", record_type)(**arguments)


def brief(value: object) -> str:
    """Return a value as it is shown in an error message."""
    return shortened(ascii(value), LONGEST)


# Checks of values from JSON: each returns the field of a record, or raises ValueError with what the
# value should be. True and False are no numbers here.


def integer(lowest: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if type(value) is not int or not lowest <= value <= HIGHEST:
            raise ValueError(f"an integer from {lowest} to {HIGHEST}")
        return value

    return check


def seconds(value: object) -> float:
    """Return a time in seconds since the epoch; raise `ValueError` if it is not one."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= LATEST:
        raise ValueError("a number of seconds since the epoch")
    return float(value)


def string(value: object) -> str:
    if type(value) is not str:
        raise ValueError("a string")
    return value


def choice(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(map(repr, allowed))}")
        return value

    return check


def octets(value: object) -> bytes:
    try:
        return bytes.fromhex(string(value))
    except ValueError as exc:
        raise ValueError("bytes in hex") from exc


def strings(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise ValueError("a list of strings")
    return tuple(map(string, value))


def pairs(value: object) -> tuple[tuple[str, ...], ...]:
    if type(value) is not list or any(type(pair) is not list or len(pair) != 2 for pair in value):
        raise ValueError("a list of pairs of a name and a value")
    return tuple(map(strings, value))


def close(value: object) -> CloseFrame:
    if type(value) is not dict or set(value) != {"code", "reason"}:
        raise ValueError('an object with "code" and "reason"')
    return CloseFrame(integer(0)(value["code"]), string(value["reason"]))


def frame(value: object) -> object:
    raw = octets(value)
    if not raw:
        raise ValueError("a frame, which has at least one byte")
    decoded = decode(raw)
    if len(decoded.raw) != len(raw):
        raise ValueError(f"one frame: {len(raw) - len(decoded.raw)} bytes follow it")
    return decoded


def or_none(check: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else check(value)


# By the type of the field.
CHECKS: dict[object, Callable[[object], object]] = {
    int: integer(0),
    float: seconds,
    str: string,
    bytes: octets,
    Frame: frame,
    CloseFrame: close,
    tuple[str, ...]: strings,
    tuple[tuple[str, str], ...]: pairs,
}


def check_of(hint: Any) -> Callable[[object], object]:
    """Return the check of a field with this type."""
    if get_origin(hint) is Literal:
        return choice(*get_args(hint))
    if NoneType in get_args(hint):
        return or_none(check_of(get_args(hint)[0]))
    return CHECKS[hint]


def checks_of(record_type: type[Record]) -> dict[str, Callable[[object], object]]:
    hints = get_type_hints(record_type)
    checks = {field.name: check_of(hints[field.name]) for field in fields(record_type)}
    return {**checks, "number": integer(1)}


# The fields of each kind of record, with their checks.
FIELDS = {record_type.kind: checks_of(record_type) for record_type in get_args(Record)}
