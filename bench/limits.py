"""What the operating system gives a process: its own core, and open files."""

from __future__ import annotations

import os
import sys

__all__ = ["cores", "pin", "raise_file_limit"]


def cores() -> list[int]:
    """List the cores this process may use; empty where pinning is unknown."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(core: int | None) -> None:
    """Keep this process on one core, where the system can do that."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def raise_file_limit() -> int:
    """Allow as many open files as the system's hard limit permits, and return that number."""
    if sys.platform == "win32":
        return 8192
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
