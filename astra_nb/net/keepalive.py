"""PING frames that an end sends by itself, to find out whether the peer is still there."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from astra_nb import seeded

__all__ = ["Keepalive"]


@dataclass
class Keepalive:
    """Pings the peer every so often, and says when one PING stays unanswered."""

    loop: asyncio.AbstractEventLoop  # the connection's; all methods are called on its thread
    interval: float  # seconds between two PING frames, which is also how long one may be unanswered
    ping: Callable[[bytes], object]  # called with the payload of each PING frame
    is_unanswered: Callable[[bytes], bool]  # whether no PONG has come for such a payload
    on_silence: Callable[[], None]  # called once, when one is unanswered; after it none is sent

    def __post_init__(self) -> None:
        # A PONG that answers another PING than the last one must not be taken for its answer.
        start = 1 if seeded.current is not None else time.monotonic_ns()
        self._payloads = itertools.count(start)
        self._timer = self.loop.call_later(self.interval, self._keep_alive, b"")

    def _keep_alive(self, last: bytes) -> None:
        if last and self.is_unanswered(last):
            self.on_silence()
            return
        payload = next(self._payloads).to_bytes(8, "big")
        self.ping(payload)
        self._timer = self.loop.call_later(self.interval, self._keep_alive, payload)

    def stop(self) -> None:
        """Send no more PING frames."""
        self._timer.cancel()
