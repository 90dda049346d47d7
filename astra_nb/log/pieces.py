"""A run of received frames as it came, not yet joined."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pieces"]


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the chunk before left over, and this chunk up to a cut.

    Joining them is left to whoever looks: for long frames that copy costs more than all else
    that a record does.

    Attributes:
        before: The start of the first frame.
        chunk: What came next, as it was received.
        cut: Where the last whole frame in `chunk` ends.
    """

    before: bytes
    chunk: bytes
    cut: int

    def __len__(self) -> int:
        return len(self.before) + self.cut

    def join(self) -> bytes:
        """Give the bytes of the run."""
        return b"".join((self.before, memoryview(self.chunk)[: self.cut]))
