"""Recorder of the frames of one connection in one direction."""

from __future__ import annotations

from astra_nb.wire.messages import Side

from .frame_log import FrameLog
from .pieces import Pieces
from .records import Direction

__all__ = ["FrameRecorder"]


class FrameRecorder:
    """Records the frames of one connection in one direction; its `record` is a `Recorder`.

    Its arguments are those of `FrameLog.append_frames`.
    """

    # Each open connection has two; a `functools.partial` weighs four times as much. An object that
    # is called by itself takes twice as long to call as a method.
    __slots__ = ("_connection", "_direction", "_log", "_side")

    def __init__(self, log: FrameLog, connection: int, side: Side, direction: Direction) -> None:
        self._log = log
        self._connection = connection
        self._side = side
        self._direction = direction

    def record(
        self,
        data: bytes | Pieces,
        count: int,
        verdict: str = "",
        messages: tuple[bytes | None, ...] | None = None,
    ) -> None:
        """Record a run of frames. See `FrameLog.append_frames`."""
        self._log.append_frames(
            self._connection, self._side, self._direction, data, count, verdict, messages
        )
