"""A running tap: its listening sockets and its connections."""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import cast

from astra_nb.log import FrameLog
from astra_nb.net.tap_leg import Leg
from astra_nb.net.tap_line import TapLine, TapSettings

from .listener import Listener

__all__ = ["TapRunner"]

ABORT = 2.0  # seconds that connections have to end when the tap does


class TapRunner(Listener[Leg]):
    """A running tap."""

    what = "tap"
    open_timeout = 10.0  # seconds that a client may take for TLS
    close_timeout = ABORT

    def __init__(
        self,
        settings: TapSettings,
        log: FrameLog,
        port: int,
        cell: str | None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(log, settings.hostname, port, cell, tls=tls)
        self._settings = settings

    def _make_connection(self) -> Leg:
        line = TapLine(self._settings, self.log)
        leg = line.legs["client"]
        self._connections.add(leg)
        line.closed.add_done_callback(lambda _: self._connections.discard(leg))
        return leg

    @property
    def _lines(self) -> list[TapLine]:
        return [cast(TapLine, leg.line) for leg in list(self._connections)]

    def release(self, number: int | None = None, value: object = None) -> int:
        """Release what rules hold, as `RuledWay.release` does. Any thread."""
        if not self.running:
            return 0
        return self._background.call(
            lambda: sum(line.release(number, value) for line in self._lines)
        )

    def _abort(self) -> None:
        for line in self._lines:
            line.cut("the tap was shut down")

    async def _shutdown(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        waiting = [line.closed for line in self._lines]
        self._abort()
        if waiting:
            await asyncio.wait(waiting, timeout=ABORT)
