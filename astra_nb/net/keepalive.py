"""PING frames that an end sends by itself, to find out whether the peer is still there."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from astra_nb import seeded

__all__ = ["Keepalive"]


class Keepalive:
    """Pings the peer every so often, and says when one PING stays unanswered.

    Args:
        loop: The connection's event loop; all methods are called on its thread.
        interval: Seconds between two PING frames, which is also how long one may be unanswered.
        ping: Called with the payload of each PING frame.
        is_unanswered: Called with such a payload; returns whether no PONG has come for it.
        on_silence: Called once, when one is unanswered; after it none is sent.
    """

    __slots__ = (
        "_interval", "_is_unanswered", "_loop", "_on_silence", "_payloads", "_ping", "_timer",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interval: float,
        ping: Callable[[bytes], object],
        is_unanswered: Callable[[bytes], bool],
        on_silence: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._interval = interval
        self._ping = ping
        self._is_unanswered = is_unanswered
        self._on_silence = on_silence
        # A PONG that answers another PING than the last one must not be taken for its answer.
        start = 1 if seeded.current is not None else time.monotonic_ns()
        self._payloads = itertools.count(start)
        self._timer = loop.call_later(interval, self._keep_alive, b"")

    def _keep_alive(self, last: bytes) -> None:
        if last and self._is_unanswered(last):
            self._on_silence()
            return
        payload = next(self._payloads).to_bytes(8, "big")
        self._ping(payload)
        self._timer = self._loop.call_later(self._interval, self._keep_alive, payload)

    def stop(self) -> None:
        """Send no more PING frames."""
        self._timer.cancel()
