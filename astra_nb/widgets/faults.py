"""The faults that a panel can put on an open connection."""

from __future__ import annotations

from astra_nb.wire.faults import FRAMES, Fault

__all__ = ["FAULTS", "Fault"]

FAULTS = FRAMES
