"""A file while its records are read: bounds, progress, and what is left out."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from astra_nb.log.records import NoticeRecord, Record
from astra_nb.wire.text import counted

__all__ = ["Reading", "needs_extra", "with_progress"]

LARGE = 16 * 2**20  # bytes of a file for which a bar is shown
EVERY = 1000  # records between two steps of the bar


@dataclass
class Reading:
    """One file that is read.

    Attributes:
        file: The file, in binary.
        max_frames: How many of the newest frames a reader may have to hold, and of other records.
        max_bytes: How many bytes of them.
        left_out: What of the file is not among the records, such as "TLS connection": how often.
    """

    file: BinaryIO
    max_frames: int
    max_bytes: int
    left_out: Counter[str] = field(default_factory=Counter)

    def notice(self, last: Record | None) -> NoticeRecord | None:
        """Return a record that tells what was left out, to follow the last one; None if nothing."""
        if not self.left_out:
            return None
        text = ", ".join(counted(count, what) for what, count in self.left_out.items())
        number, time = (1, 0.0) if last is None else (last.number + 1, last.time)
        return NoticeRecord(
            number=number, time=time, connection=0, text=f"left out of this log: {text}"
        )


def needs_extra(package: str, what: str) -> ImportError:
    """Return the error for a package of the extra that is not installed."""
    return ImportError(f'{what} needs the package {package}; pip install "astra-nb[files]"')


def with_progress(
    records: Iterator[Record],
    file: BinaryIO,
    size: int,
    progress: Callable[[int, int], object] | None,
) -> Iterator[Record]:
    """Yield records, and tell how much of their file has been read.

    Args:
        records: Records that are read from the file meanwhile.
        file: The file.
        size: Its size in bytes.
        progress: Called with the bytes read and the size; None shows a bar for a large file.
    """
    with contextlib.ExitStack() as stack:
        bar: Any = None
        if progress is None and size >= LARGE:
            with contextlib.suppress(ImportError):
                from tqdm.auto import tqdm

                bar = stack.enter_context(tqdm(total=size, unit="B", unit_scale=True))
        for count, record in enumerate(records):
            if count % EVERY == 0:
                if progress is not None:
                    progress(file.tell(), size)
                elif bar is not None:
                    bar.update(file.tell() - bar.n)
            yield record
        if progress is not None:
            progress(size, size)
        elif bar is not None:
            bar.update(size - bar.n)
