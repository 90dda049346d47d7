"""Event loops inside a running one, for code that cannot be changed."""

from __future__ import annotations

import asyncio
import sys

from astra_nb.errors import LocalError

__all__ = ["allow_nested_loops"]


def allow_nested_loops() -> None:
    """Make `asyncio.run()` and `run_until_complete()` work inside a running event loop.

    A notebook's cell is run by the kernel's event loop, so `asyncio.run(main())` fails there.
    `await main()` is the better way; this is for code that cannot be changed. It patches asyncio
    for the whole process, with nest_asyncio (nest_asyncio2 from Python 3.14 on), and cannot be
    undone; calling it again does nothing. Nothing in astra_nb needs it or calls it.

    `asyncio.Runner` stays as it is. Call this in the thread whose loop runs, such as in a cell.

    Raises:
        LocalError: No event loop runs here, or it is one that cannot be patched, such as uvloop's.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError as exc:
        raise LocalError(
            "no event loop runs in this thread, so asyncio.run() works here as it is; "
            "call allow_nested_loops() in a cell, or in a coroutine"
        ) from exc
    if sys.version_info >= (3, 14):
        from nest_asyncio2 import apply
    else:
        from nest_asyncio import apply
    try:
        apply(loop)
    except ValueError as exc:
        raise LocalError(
            f"the running event loop is a {type(loop).__module__}.{type(loop).__qualname__}, "
            f"which cannot be nested; use asyncio's loop, or await instead"
        ) from exc
