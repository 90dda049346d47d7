"""Pairing of PING and PONG frames by their payloads (RFC 6455, section 5.5.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["UnansweredPings"]

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class UnansweredPings(Generic[T]):
    """The PING frames of one sender on one connection that have no PONG yet, oldest first.

    Not safe for use by several threads at once.
    """

    limit: int | None = None  # how many are kept, 1 or more: another one drops the oldest
    _waiting: dict[bytes, T] = field(default_factory=dict)

    def ping(self, payload: bytes, value: T) -> None:
        """Keep a PING frame; `pong` returns the value for a PONG frame with this plain payload."""
        waiting = self._waiting
        # Of two with the same payload only the newer can be answered: its PONG settles both.
        waiting.pop(payload, None)
        waiting[payload] = value
        if self.limit is not None and len(waiting) > self.limit:
            del waiting[next(iter(waiting))]

    def pong(self, payload: bytes) -> T | None:
        """Return the value of the PING frame that a PONG frame answers, or None.

        It is the newest PING with the same payload. It and those before it are removed: an
        endpoint may answer only the most recent of several PING frames.
        """
        waiting = self._waiting
        if payload not in waiting:
            return None
        while True:
            oldest = next(iter(waiting))
            value = waiting.pop(oldest)
            if oldest == payload:
                return value

    def __contains__(self, payload: bytes) -> bool:
        return payload in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)
