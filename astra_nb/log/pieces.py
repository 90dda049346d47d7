"""Received frames whose bytes came in two chunks, not joined before they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Pieces", "Recorder", "keep"]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The bytes of whole frames: the rest of the chunk before, and the start of this chunk.

    They are joined when they are read: for long frames that copy costs more than the rest of
    recording them.
    """

    before: bytes  # the start of the first frame
    chunk: bytes  # the next bytes, as they were received
    cut: int  # where the last whole frame in the chunk ends

    def __len__(self) -> int:
        return len(self.before) + self.cut

    def join(self) -> bytes:
        """Return the bytes in one piece."""
        return b"".join((self.before, memoryview(self.chunk)[: self.cut]))


def keep(before: bytes, chunk: bytes, cut: int) -> bytes | Pieces:
    """Return `before` and the start of a chunk, up to `cut`, in the form in which they are kept."""
    if not before and cut == len(chunk):
        return chunk
    # Joined when someone looks; but a large chunk is not kept for a small part of it.
    return Pieces(before, chunk, cut) if 2 * cut > len(chunk) else before + chunk[:cut]


class Recorder(Protocol):
    """Records a run of frames: their bytes, how many, a verdict, their plain payloads."""

    def __call__(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None: ...
