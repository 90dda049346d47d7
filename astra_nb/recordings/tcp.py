"""TCP put together again: the bytes of one direction in their order (RFC 9293, section 3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["HalfStream"]

MAX_WAITING = 256  # segments after a hole; then the hole is a gap
MAX_HELD = 2**20  # bytes of them
PATIENCE = 16  # segments of the connection that may pass after the hole was acknowledged


@dataclass(slots=True, eq=False)
class HalfStream:
    """The bytes that one end sends.

    Segments may come twice, overlap, or come in another order. Where bytes are missing for good,
    because the capture has lost them, their count is returned in their place.
    """

    held: int = 0  # bytes that wait for others before them
    _next: int | None = None  # sequence number of the next byte; counts on beyond 2**32
    _waiting: dict[int, bytes] = field(default_factory=dict)
    _waited: int = 0
    _fin: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether everything up to a FIN has come."""
        return self._fin is not None and self._next is not None and self._next >= self._fin

    def begins_again(self, seq: int) -> bool:
        """Return whether a SYN with this number begins another connection."""
        return self._next is not None and not self._waited and self._absolute(seq + 1) != self._next

    def _absolute(self, seq: int) -> int:
        """Return a sequence number counted from the start, near the next one."""
        if self._next is None:
            return seq
        return self._next + (seq - self._next + 2**31) % 2**32 - 2**31

    def add(self, seq: int, payload: bytes, *, syn: bool, fin: bool) -> Iterator[bytes | int]:
        """Take a segment, and yield the bytes that are next, and the length of each gap."""
        start = self._absolute(seq) + syn
        if self._next is None:
            self._next = start
        if fin:
            self._fin = start + len(payload)
        if payload and start + len(payload) > self._next and start - self._next < 2**30:
            before = self._waiting.get(start, b"")
            if len(payload) > len(before):
                self._waiting[start] = payload
                self.held += len(payload) - len(before)
        yield from self._ready()
        if len(self._waiting) > MAX_WAITING or self.held > MAX_HELD:
            yield from self._skip()

    def acknowledged(self, ack: int) -> Iterator[bytes | int]:
        """Take a segment of the other end, which tells that what is before `ack` was received."""
        if not self._waiting or self._next is None:
            return
        self._waited += 1
        if self._waited > PATIENCE and self._absolute(ack) > self._next:
            yield from self._skip()

    def end(self) -> Iterator[bytes | int]:
        """Yield what is left when no more segments come."""
        while self._waiting:
            yield from self._skip()
        if self._fin is not None and self._next is not None and self._fin > self._next:
            yield self._fin - self._next
            self._next = self._fin

    def _skip(self) -> Iterator[bytes | int]:
        assert self._next is not None
        first = min(self._waiting)
        yield first - self._next
        self._next = first
        yield from self._ready()

    def _ready(self) -> Iterator[bytes | int]:
        assert self._next is not None
        while self._waiting and (first := min(self._waiting)) <= self._next:
            payload = self._waiting.pop(first)
            self.held -= len(payload)
            rest = payload[self._next - first :]
            if rest:
                self._next += len(rest)
                self._waited = 0
                yield rest
