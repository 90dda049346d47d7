"""A file while its records are read: bounds, progress, and what is left out."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from astra_nb.extras import install_command
from astra_nb.log.records import NoticeRecord, Record

__all__ = ["Reading", "needs_extra", "with_progress"]

LARGE = 16 * 2**20  # bytes of a file for which a bar is shown
KEEP_MORE = "FrameLog.open(path, max_frames=..., max_bytes=...) keeps more"
EVERY = 1000  # records between two steps of the bar


@dataclass
class Reading:
    """One file that is read."""

    file: BinaryIO
    max_frames: int  # of the newest frames that a reader may have to hold, and of other records
    max_bytes: int  # of them
    count: int = 0  # of records that were read
    older: int = 0  # records that the reader has not kept, because of the bounds
    older_frames: int = 0  # how many of those are frames
    # What else of the file is not among the records, such as "IP fragments": how many.
    left_out: Counter[str] = field(default_factory=Counter)

    def notice(self, last: Record | None) -> NoticeRecord | None:
        """Return a record that tells what was left out, to follow the last one; None if nothing."""
        parts = [f"{what}: {count:,}" for what, count in self.left_out.items()]
        if self.older:
            parts.append(f"older records: {self.older:,} ({KEEP_MORE})")
        if not parts:
            return None
        number, time = (1, 0.0) if last is None else (last.number + 1, last.time)
        text = f"left out of this log: {', '.join(parts)}"
        return NoticeRecord(number=number, time=time, connection=0, text=text)


def needs_extra(package: str, what: str) -> ImportError:
    """Return the error for a package of the extra that is not installed."""
    return ImportError(f"{what} needs the package {package}; {install_command('files')}")


def with_progress(
    records: Iterator[Record], progress: Callable[[int, int], object] | None, reading: Reading
) -> Iterator[Record]:
    """Yield and count records, and tell how much of their file has been read.

    `progress` gets the bytes read and the file's size; None shows a bar for a large file.
    """
    file = reading.file
    size = os.fstat(file.fileno()).st_size
    with contextlib.ExitStack() as stack:
        if progress is None and size >= LARGE:
            with contextlib.suppress(ImportError):
                progress = stack.enter_context(bar(size))
        for record in records:
            if reading.count % EVERY == 0 and progress is not None:
                progress(file.tell(), size)
            reading.count += 1
            yield record
        if progress is not None:
            progress(size, size)


@contextlib.contextmanager
def bar(size: int) -> Iterator[Callable[[int, int], object]]:
    """Show a bar; yield a function that moves it. Raise `ImportError` without tqdm."""
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # no thread that outlives it

    with Bar(total=size, unit="B", unit_scale=True) as shown:
        yield lambda done, size: shown.update(done - shown.n)
