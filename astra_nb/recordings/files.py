"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from os import PathLike
from pathlib import Path

__all__ = ["write"]


def write(path: str | PathLike[str], text: str) -> None:
    """Write a text as UTF-8 to a file; an existing one is replaced once all of it is on the disk.

    A link stays a link, and the file's permissions stay. What is not a file, such as a pipe, is
    written to.

    Raises:
        OSError: The file cannot be written; an existing one is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
