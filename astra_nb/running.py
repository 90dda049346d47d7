"""The servers that run in this process: which takes whose place, and what an exit and a fork do.

They are kept as `Serving`, which holds no `Server`, so that a server nobody refers to can be
collected. Any thread may call these functions.
"""

from __future__ import annotations

import atexit
import os
import threading

from .serving import Serving

__all__ = ["earlier", "forget", "remember"]

_servings: list[Serving] = []
_lock = threading.Lock()


def remember(serving: Serving) -> None:
    """Keep a server that has begun to run."""
    with _lock:
        _servings.append(serving)


def forget(serving: Serving) -> None:
    """Keep it no longer."""
    with _lock:
        if serving in _servings:
            _servings.remove(serving)


def earlier(own: Serving | None, hostname: str, port: int, cell: str | None) -> Serving | None:
    """Give the running server whose place a new one takes.

    Args:
        own: What the same `Server` ran before.
        hostname: Where the new one listens.
        port: Its port; 0 for any free one, which replaces what the same cell ran that way.
        cell: The id of the cell that runs it.
    """
    with _lock:
        for serving in _servings:
            if not serving.running:
                continue
            if own is serving:
                return serving
            if port == 0:
                if cell is not None and serving.cell == cell and serving.asked_port == 0:
                    return serving
            elif (serving.hostname, serving.port) == (hostname, port):
                return serving
    return None


def _shutdown_all() -> None:
    with _lock:
        servings = list(_servings)
    for serving in servings:
        serving.shutdown()


def _close_in_child() -> None:
    # A forked child has copies of the listening sockets and would keep the port taken.
    global _lock
    _lock = threading.Lock()
    for serving in _servings:
        serving.forget_after_fork()
    _servings.clear()


atexit.register(_shutdown_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
