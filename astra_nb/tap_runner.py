"""A running tap: its listening sockets and its connections."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator

from .listener import Listener
from .log import FrameLog
from .net.tap_line import Leg, TapLine, TapSettings

__all__ = ["TapRunner"]

ABORT = 2.0  # seconds that connections have to end when the tap does


class TapRunner(Listener[Leg]):
    """A running tap. See `Listener` for the other arguments.

    Args:
        settings: What all its connections share.
        numbers: The connections' numbers on the log.
        open_timeout: Seconds that a client may take for TLS.
    """

    what = "tap"
    open_timeout = 10.0
    close_timeout = ABORT

    def __init__(
        self,
        settings: TapSettings,
        log: FrameLog,
        port: int,
        cell: str | None,
        numbers: Iterator[int],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(log, settings.hostname, port, cell, tls=tls)
        self._settings = settings
        self._taps_log = log
        self._numbers = numbers

    def _make_connection(self) -> Leg:
        line = TapLine(self._settings, self._taps_log, self._numbers)
        leg = line.legs["client"]
        self._connections.add(leg)
        line.closed.add_done_callback(lambda _: self._connections.discard(leg))
        return leg

    def release(self) -> int:
        """Let go on what rules hold; return how many messages that were. Any thread."""
        if not self.running:
            return 0
        return self._background.call(
            lambda: sum(leg.line.release() for leg in list(self._connections))
        )

    def _abort(self) -> None:
        for leg in list(self._connections):
            leg.line.cut("the tap was shut down")

    async def _shutdown(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        waiting = [leg.line.closed for leg in self._connections]
        self._abort()
        if waiting:
            await asyncio.wait(waiting, timeout=ABORT)
