"""The tutorial's own Lua beside Python: `%load_ext astra_nb`, then `%%lua` cells.

Needs the extra `lua`.
"""

from __future__ import annotations

from .programs import Lua

__all__ = ["Lua"]
