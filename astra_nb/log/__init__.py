"""The frame log: records of every frame in a bounded ring, and views of them."""

from .frame_log import FrameLog
from .view import LogView

__all__ = ["FrameLog", "LogView"]
