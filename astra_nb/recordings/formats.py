"""The formats of files, by suffix: how the records of a log are written and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from astra_nb.log import FrameLog, LogView
from astra_nb.log.records import Record

from . import jsonl
from .files import writing
from .reading import Reading, with_progress

__all__ = ["FORMATS", "Format", "load", "save", "writer"]

F = TypeVar("F")


class Format(NamedTuple):
    """A file format.

    Attributes:
        write: Writes the records of a view to a file; None when the format is only read.
        read: Yields the records of a file, oldest first; None when the format is only written.
    """

    write: Callable[[LogView, BinaryIO], None] | None = None
    read: Callable[[Reading], Iterator[Record]] | None = None


# All but JSON Lines are loaded when someone reads or writes one.


def _write_har(view: LogView, file: BinaryIO) -> None:
    from . import har

    har.write_file(view, file)


def _read_har(reading: Reading) -> Iterator[Record]:
    from . import har_reading

    return har_reading.read_file(reading)


def _write_pcapng(view: LogView, file: BinaryIO) -> None:
    from . import pcapng

    pcapng.write_file(view, file)


def _read_capture(reading: Reading) -> Iterator[Record]:
    from . import captures

    return captures.read_file(reading)


FORMATS: dict[str, Format] = {
    ".jsonl": Format(jsonl.write_file, jsonl.read_file),
    ".har": Format(_write_har, _read_har),
    ".pcapng": Format(_write_pcapng, _read_capture),
    ".pcap": Format(None, _read_capture),
}


def save(view: LogView, path: str | PathLike[str]) -> None:
    """Write the records of a view to a file. See `LogView.save`."""
    write = writer(path)
    with writing(path) as file:
        write(view, file)


def writer(path: str | PathLike[str]) -> Callable[[LogView, BinaryIO], None]:
    """Return what writes the format that a path's suffix names.

    Raises:
        ValueError: The suffix names no format that can be written; the message names those.
    """
    return chosen(path, {suffix: format.write for suffix, format in FORMATS.items()})


def load(
    log: FrameLog, path: str | PathLike[str], progress: Callable[[int, int], object] | None
) -> None:
    """Load the records of a file into a log. See `FrameLog.open`."""
    reader = chosen(path, {suffix: format.read for suffix, format in FORMATS.items()})
    with Path(path).open("rb") as file:
        reading = Reading(file, log.max_frames, log.max_bytes)
        last = None
        for last in with_progress(reader(reading), progress, reading):
            log.load(last)
    log.count_dropped(reading.older_frames)
    reading.older += reading.count - len(log)
    if reading.older:
        log.max_frames += 1  # for the notice
    notice = reading.notice(last)
    if notice is not None:
        log.load(notice)


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
