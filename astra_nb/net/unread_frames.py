"""What comes after the last frame that is read: on record up to a bound, and counted after it.

No I/O, no clock, no thread.
"""

from __future__ import annotations

from collections.abc import Callable

from astra_nb.wire.frames import whole_frames

__all__ = ["MAX_LATE", "LateFrames"]

MAX_LATE = 64 * 1024  # bytes on record that came after the last frame that is read


class LateFrames:
    """Records frames that nobody reads any more.

    Args:
        verdict: Why they are ignored.
        refused_rest: Bytes of the refused frame that have not come yet.
        record: Called with the bytes of frames, how many they are, and the verdict.

    Attributes:
        verdict: As given.
        unrecorded: Bytes that are not on record.
    """

    __slots__ = ("_record", "_refused_rest", "_room", "unrecorded", "verdict")

    def __init__(
        self, verdict: str, refused_rest: int, record: Callable[[bytes, int, str], None]
    ) -> None:
        self.verdict = verdict
        self.unrecorded = 0
        self._refused_rest = refused_rest
        self._room = MAX_LATE
        self._record = record

    def take(self, tail: bytearray) -> None:
        """Take the whole frames out of what has come."""
        rest = min(self._refused_rest, len(tail))
        self._refused_rest -= rest
        self.unrecorded += rest
        del tail[:rest]
        cut, count = whole_frames(tail)
        if max(cut, len(tail) - cut) > self._room:
            self.unrecorded += len(tail)
            tail.clear()
            self._room = 0
        elif count:
            self._record(bytes(tail[:cut]), count, self.verdict)
            self._room -= cut
            del tail[:cut]
