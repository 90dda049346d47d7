"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO

__all__ = ["write", "writing"]


def write(path: str | PathLike[str], text: str) -> None:
    """Write a text as UTF-8 to a file, as `writing` does."""
    with writing(path) as file:
        file.write(text.encode())


@contextlib.contextmanager
def writing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to write; an existing one is replaced once all of it is on the disk.

    If the block raises, the existing one is as it was. A link stays a link, and the file's
    permissions stay. What is not a file, such as a pipe, is written to.

    Raises:
        OSError: The file cannot be written; an existing one is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        file = beside.open("xb")
    except OSError as exc:  # it names the other file
        raise OSError(exc.errno, exc.strerror, os.fspath(path)) from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
