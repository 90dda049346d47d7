"""The formats of files, by suffix: how the records of a log are written and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from astra_nb.log import LogView
from astra_nb.log.records import Record

from . import har, har_reading, jsonl
from .files import writing
from .reading import Reading, with_progress

__all__ = ["FORMATS", "Format", "read", "save"]

F = TypeVar("F")


class Format(NamedTuple):
    """A file format.

    Attributes:
        write: Writes the records of a view to a file; None when the format is only read.
        read: Yields the records of a file, oldest first; None when the format is only written.
    """

    write: Callable[[LogView, BinaryIO], None] | None = None
    read: Callable[[Reading], Iterator[Record]] | None = None


FORMATS: dict[str, Format] = {
    ".jsonl": Format(jsonl.write_file, jsonl.read_file),
    ".har": Format(har.write_file, har_reading.read_file),
}


def save(view: LogView, path: str | PathLike[str]) -> None:
    """Write the records of a view to a file. See `LogView.save`."""
    write = chosen(path, {suffix: format.write for suffix, format in FORMATS.items()})
    with writing(path) as file:
        write(view, file)


def read(
    path: str | PathLike[str],
    max_frames: int,
    max_bytes: int,
    progress: Callable[[int, int], object] | None,
) -> Iterator[Record]:
    """Yield the records of a file. See `FrameLog.open`."""
    reader = chosen(path, {suffix: format.read for suffix, format in FORMATS.items()})
    with Path(path).open("rb") as file:
        reading = Reading(file, max_frames, max_bytes)
        last = None
        size = os.fstat(file.fileno()).st_size
        for last in with_progress(reader(reading), file, size, progress):
            yield last
        notice = reading.notice(last)
        if notice is not None:
            yield notice


def chosen(path: str | PathLike[str], choices: dict[str, F | None]) -> F:
    suffix = Path(path).suffix.lower()
    choice = choices.get(suffix)
    if choice is None:
        known = ", ".join(each for each, choice in choices.items() if choice is not None)
        raise ValueError(
            f"{os.fspath(path)!r:.200} has the suffix {suffix!r:.60}; "
            f"the suffix names the format: {known}"
        )
    return choice
