"""What comes after the last frame that is read: on record up to a bound, and counted after it.

No I/O, no clock, no thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from astra_nb.wire.frames import whole_frames

__all__ = ["MAX_LATE", "LateFrames"]

MAX_LATE = 64 * 1024  # bytes on record that came after the last frame that is read


@dataclass
class LateFrames:
    """Records frames that nobody reads any more."""

    verdict: str  # why they are ignored
    refused_rest: int  # bytes of the refused frame that have not come yet
    # Called with the bytes of frames, how many they are, and the verdict.
    record: Callable[[bytes, int, str], None]
    unrecorded: int = 0  # bytes that are not on record
    _room: int = MAX_LATE

    def take(self, tail: bytearray) -> None:
        """Take the whole frames out of what has come."""
        rest = min(self.refused_rest, len(tail))
        self.refused_rest -= rest
        self.unrecorded += rest
        del tail[:rest]
        cut, count = whole_frames(tail)
        if max(cut, len(tail) - cut) > self._room:
            self.unrecorded += len(tail)
            tail.clear()
            self._room = 0
        elif count:
            self.record(bytes(tail[:cut]), count, self.verdict)
            self._room -= cut
            del tail[:cut]
