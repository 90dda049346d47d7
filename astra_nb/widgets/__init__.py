"""What a notebook shows of a server: the live panel and its parts."""

from .frame_log_view import FrameLogView
from .panel import ServerPanel, panel_for

__all__ = ["FrameLogView", "ServerPanel", "panel_for"]
