"""The formats of files, by suffix: how the records of a log are written and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from astra_nb.log import FrameLog, LogView
from astra_nb.log.records import Record

from . import jsonl
from .files import write, writing
from .jsonl import read, to_text
from .reading import Reading, with_progress

__all__ = ["READERS", "WRITERS", "chosen", "load", "read", "save", "to_text", "write"]

F = TypeVar("F")


def lazy(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module of this package that is loaded when it is first called."""
    return lambda *args: getattr(import_module(f".{module}", __package__), name)(*args)


WRITERS: dict[str, Callable[[LogView, BinaryIO], None]] = {
    ".jsonl": jsonl.write_file,
    ".har": lazy("har", "write_file"),
    ".pcapng": lazy("pcapng", "write_file"),
}
# They yield records, oldest first.
READERS: dict[str, Callable[[Reading], Iterator[Record]]] = {
    ".jsonl": jsonl.read_file,
    ".har": lazy("har_reading", "read_file"),
    ".pcapng": lazy("captures", "read_file"),
    ".pcap": lazy("captures", "read_file"),
}


def save(view: LogView, path: str | PathLike[str]) -> None:
    """Write the records of a view to a file. See `LogView.save`."""
    write_file = chosen(WRITERS, path)
    with writing(path) as file:
        write_file(view, file)


def load(
    log: FrameLog, path: str | PathLike[str], progress: Callable[[int, int], object] | None
) -> None:
    """Load the records of a file into a log. See `FrameLog.open`."""
    read_file = chosen(READERS, path)
    with Path(path).open("rb") as file:
        reading = Reading(file, log.max_frames, log.max_bytes)
        last = None
        for last in with_progress(read_file(reading), progress, reading):
            log.load(last)
    log.count_dropped(reading.older_frames)
    reading.older += reading.count - len(log)
    if reading.older:
        log.max_frames += 1  # for the notice
    notice = reading.notice(last)
    if notice is not None:
        log.load(notice)


def chosen(formats: Mapping[str, F], path: str | PathLike[str]) -> F:
    """Return that of some formats which a path's suffix names; a `ValueError` lists them."""
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise ValueError(
            f"{os.fspath(path)!r:.200} has the suffix {suffix!r:.60}; "
            f"the suffix names the format: {', '.join(formats)}"
        )
    return formats[suffix]
