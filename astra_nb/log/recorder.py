"""Recorder of the frames of one connection in one direction."""

from __future__ import annotations

from dataclasses import dataclass

from astra_nb.wire.messages import Side

from .frame_log import FrameLog
from .pieces import Pieces
from .records import Direction

__all__ = ["FrameRecorder"]


# Each open connection has two; a `functools.partial` weighs four times as much. An object that is
# called by itself takes twice as long to call as a method.
@dataclass(slots=True, eq=False)
class FrameRecorder:
    """Records the frames of one connection in one direction; its `record` is a `Recorder`."""

    log: FrameLog
    connection: int
    side: Side  # which end keeps this log
    direction: Direction

    def record(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None:
        """Record a run of frames. See `FrameLog.append_frames`."""
        self.log.append_frames(
            self.connection, self.side, self.direction, data, count, verdict, messages
        )
