"""How much asyncio reads at once: little, until more comes."""

from __future__ import annotations

import asyncio

__all__ = ["LARGE", "SMALL", "adapt"]

# asyncio asks for 256 KiB each time, and has them cut down to what came. Short frames in the log
# then lie between holes, and keep up to three times their memory.
SMALL, LARGE = 64 * 1024, 256 * 1024


def adapt(transport: asyncio.Transport, size: int, came: int) -> int:
    """Choose the size of the next read, and return it in bytes.

    Args:
        transport: One of asyncio's selector transports; others decide for themselves.
        size: What the last read asked for; 0 before the first.
        came: What it got.
    """
    wanted = LARGE if size and came == size else SMALL if came <= SMALL else size or LARGE
    if wanted != size and hasattr(transport, "max_size"):
        transport.max_size = wanted
    return wanted
