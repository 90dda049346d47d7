"""Frames, handshakes and closings in words."""

from __future__ import annotations

from .closing import why_closed, why_closed_text
from .handshake import accept_steps

__all__ = ["accept_steps", "why_closed", "why_closed_text"]
