"""The frame log: every byte on record in a bounded ring, and the views that read it."""

from .frame_log import FrameLog
from .view import LogView

__all__ = ["FrameLog", "LogView"]
