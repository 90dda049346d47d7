"""The servers and taps of this process: which one a new one replaces, and what exit and fork do.

They are kept as `Listener`, which does not hold a `Server`, so that one that nothing refers to can
be collected. Any thread may call these functions.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from astra_nb import seeded
from astra_nb.errors import LoopBlocked
from astra_nb.locks import make_rlock
from astra_nb.net.addresses import is_free, overlap

from .listener import Listener

__all__ = ["in_turn", "make_room", "running", "shut_down", "shut_down_with", "started"]

MARGIN = 5.0  # seconds beyond the close timeout to wait for the end of a server


class Place(NamedTuple):
    """Where a server runs, or ran until nothing referred to it, and the cell that ran it."""

    hostname: str
    port: int
    asked_port: int  # 0 when the system chose the port
    cell: str | None
    what: str  # "server" or "tap"
    url: str
    runner: weakref.ref[Listener[Any]]  # returns it, at least until it has ended


# Their single operations are atomic, so they need no lock: a garbage collection calls `drop`,
# perhaps while the same thread is in here.
_runners: dict[Listener[Any], None] = {}
# A cell that is run again drops its server before it runs the next one, which replaces it.
_dropped: deque[Place] = deque(maxlen=100)

in_turn = make_rlock()
"""Held while a server starts: two on one address, or one that is run twice, do so in turn."""


@contextlib.contextmanager
def started(runner: Listener[Any]) -> Iterator[None]:
    """Run what listens, and keep it; all is undone when it or the block raises."""
    try:
        _runners[runner] = None
        runner.run()
        yield
    except BaseException:  # an interrupt may come anywhere
        runner.shutdown()
        forget(runner)
        raise


def shut_down(runner: Listener[Any], *code_and_reason: Any) -> None:
    """Shut down what listens, and forget it where an interrupt has not ended the wait."""
    try:
        runner.shutdown(*code_and_reason)
    finally:
        if runner.ended.is_set():
            forget(runner)


def shut_down_with(
    holder: object, runner: Listener[Any], way_out: str
) -> weakref.finalize[Any, Any]:
    """Shut down what listens, with a warning, when nothing refers to its holder any more."""
    finalizer = weakref.finalize(holder, _collected, runner, way_out)
    finalizer.atexit = False  # `_shutdown_all` does it
    return finalizer


def _collected(runner: Listener[Any], way_out: str) -> None:
    if runner.running:
        runner.shutdown_soon()
        drop(runner)
        warnings.warn(
            f"the {runner.what} at {runner.url} was closed: nothing refers to it any more; keep it "
            f"in a variable, or {way_out}",
            ResourceWarning,
            stacklevel=2,
        )


def drop(runner: Listener[Any]) -> None:
    """Keep of a server that was collected only where it ran."""
    _dropped.append(_place(runner))
    forget(runner)


def forget(runner: Listener[Any]) -> None:
    """Remove a server; nothing happens when it is not kept."""
    _runners.pop(runner, None)


def earlier(own: Listener[Any] | None, hostname: str, port: int, cell: str | None) -> list[Place]:
    """Return the places of the servers that a new one replaces.

    Those are `own`, which the same `Server` ran before, and what has its address; with port 0, what
    the same cell ran that way.
    """

    def is_replaced(place: Place) -> bool:
        if own is not None and place.runner() is own:
            return True
        if port == 0:
            return cell is not None and place.cell == cell and place.asked_port == 0
        return place.port == port and overlap(place.hostname, hostname)

    running = [_place(runner) for runner in list(_runners) if runner.running]
    return [place for place in [*running, *_dropped] if is_replaced(place)]


def make_room(
    own: Listener[Any] | None, hostname: str, port: int, cell: str | None
) -> tuple[int, int]:
    """End what a new one replaces, as `earlier` finds it. Call it while `in_turn` is held.

    Return the port to listen on, which is the seed's or the earlier one, if that is free, where any
    would do; and the port that was asked for.
    """
    asked_port, given = port, port
    for place in earlier(own, hostname, given, cell):
        found = place.runner()
        end(place)
        if found is own is not None and given:
            asked_port = place.asked_port
        if found is not None and found is not own:
            for panel in list(found.panels):
                panel.close()
        if not port and is_free(hostname, place.port):
            port = place.port
        print(f"Replaced the {place.what} that was running at {place.url}.")  # noqa: T201
    if not given and seeded.current is not None:
        port = seeded.current.port()
    return port, asked_port


def end(place: Place) -> None:
    """Shut down what runs at a place, wait until it has ended, and forget the place."""
    runner = place.runner()
    if runner is not None:
        runner.forbid_wait()
        runner.shutdown()
        runner.ended.wait(runner.close_timeout + MARGIN)  # it was closing already
        forget(runner)
    with contextlib.suppress(ValueError):
        _dropped.remove(place)


def _place(runner: Listener[Any]) -> Place:
    return Place(
        runner.hostname,
        runner.port,
        runner.asked_port,
        runner.cell,
        runner.what,
        runner.url,
        weakref.ref(runner),
    )


def _all() -> list[Listener[Any]]:
    closing = [runner for place in list(_dropped) if (runner := place.runner()) is not None]
    return [*_runners, *closing]


def _shutdown_all() -> None:
    for runner in _all():
        # A handler that blocks the loop must not keep the others, or the process.
        with contextlib.suppress(LoopBlocked):
            runner.shutdown()


def _close_in_child() -> None:
    # A forked child has copies of the listening sockets and would keep the port taken.
    for runner in _all():
        runner.forget_after_fork()
    _runners.clear()
    _dropped.clear()


def running() -> list[Listener[Any]]:
    """Return the servers and taps that run."""
    return [each for each in _all() if each.running]


atexit.register(_shutdown_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
