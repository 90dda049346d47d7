"""The servers that run in this process: which one a new one replaces, and what exit and fork do.

They are kept as `Runner`, which does not hold a `Server`, so that a server that nothing refers to
can be collected. Any thread may call these functions.
"""

from __future__ import annotations

import atexit
import os
import threading

from .runner import Runner

__all__ = ["earlier", "forget", "remember"]

_runners: list[Runner] = []
_lock = threading.Lock()


def remember(runner: Runner) -> None:
    """Add a server that has begun to run."""
    with _lock:
        _runners.append(runner)


def forget(runner: Runner) -> None:
    """Remove a server; nothing happens when it is not kept."""
    with _lock:
        if runner in _runners:
            _runners.remove(runner)


def earlier(own: Runner | None, hostname: str, port: int, cell: str | None) -> Runner | None:
    """Return the running server that a new one replaces, or None.

    Args:
        own: What the same `Server` ran before.
        hostname: Where the new one listens.
        port: Its port; 0 for any free one, which replaces what the same cell ran that way.
        cell: The id of the cell that runs it.
    """
    with _lock:
        for runner in _runners:
            if not runner.running:
                continue
            if own is runner:
                return runner
            if port == 0:
                if cell is not None and runner.cell == cell and runner.asked_port == 0:
                    return runner
            elif (runner.hostname, runner.port) == (hostname, port):
                return runner
    return None


def _shutdown_all() -> None:
    with _lock:
        runners = list(_runners)
    for runner in runners:
        runner.shutdown()


def _close_in_child() -> None:
    # A forked child has copies of the listening sockets and would keep the port taken.
    global _lock
    _lock = threading.Lock()
    for runner in _runners:
        runner.forget_after_fork()
    _runners.clear()


atexit.register(_shutdown_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
