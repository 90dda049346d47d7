"""Received frames whose bytes came in two chunks, not joined before they are read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pieces"]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The bytes of whole frames: the rest of the chunk before, and the start of this chunk.

    They are joined when they are read: for long frames that copy costs more than the rest of
    recording them.

    Attributes:
        before: The start of the first frame.
        chunk: The next bytes, as they were received.
        cut: Where the last whole frame in `chunk` ends.
    """

    before: bytes
    chunk: bytes
    cut: int

    def __len__(self) -> int:
        return len(self.before) + self.cut

    def join(self) -> bytes:
        """Return the bytes in one piece."""
        return b"".join((self.before, memoryview(self.chunk)[: self.cut]))
