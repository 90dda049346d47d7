"""Harness: the server of one check, with spies on the student's handler, and the clients' loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from typing import Any

from astra_nb.errors import LoopBlocked
from astra_nb.log import FrameLog
from astra_nb.net.addresses import websocket_url
from astra_nb.net.background import BackgroundLoop, acquire, release
from astra_nb.net.blocking import place_of
from astra_nb.net.policy import Policy
from astra_nb.net.routes import make_route
from astra_nb.running.runner import Runner

from . import guard
from .diagnosis.evidence import Handler
from .socket_spy import Run, Runs

__all__ = ["Harness"]

HOSTNAME = "127.0.0.1"
CLOSE_TIMEOUT = 2.0  # seconds, as for every server
GRACE = 0.3  # seconds for handlers to end by themselves
ENDING = 1.4  # seconds for everything
LOOK_EVERY = 0.01  # seconds between two looks whether all has ended
STOP_EVERY = 0.2  # seconds between two attempts to stop a handler


class Harness:
    """A server for one check, on a loop of its own; use it as a context manager.

    Raises:
        InvalidRoute: This is not a handler.
    """

    def __init__(self, handler: Any, path: str, automatic_pong: bool, log: FrameLog) -> None:
        make_route(path, handler)  # says what is wrong with the handler itself
        self.log = log
        self.runs = Runs()
        self._loop = BackgroundLoop()
        self.clients_loop = BackgroundLoop()
        route = make_route(path, self.runs.watched(handler), automatic_pong=automatic_pong)
        self._policy = Policy(HOSTNAME, routes=[route], close_timeout=CLOSE_TIMEOUT)

    def __enter__(self) -> Harness:
        with contextlib.ExitStack() as stack:
            context = stack.enter_context(guard.at_work())
            self._loop.loop.set_exception_handler(lambda *_: None)  # what ended a task
            self._runner = context.run(
                Runner, self._policy, self.log, HOSTNAME, 0, None, itertools.count(1),
                loop=self._loop,
            )  # fmt: skip
            self._runner.run()
            acquire(self, self.clients_loop)
            self._guard = stack.pop_all()
        self.url = websocket_url(HOSTNAME, self._runner.port)
        return self

    def __exit__(self, *_: object) -> None:
        """Shut the server down, and stop what is left of the handler; bounded."""
        release(self)
        self.clients_loop.join()
        name = "astra_nb check's end"
        ending = threading.Thread(target=self._shut_down, name=name, daemon=True)
        ending.start()
        began, tries = time.monotonic(), 0
        while (passed := time.monotonic() - began) < ENDING and (ending.is_alive() or self._left()):
            if passed > GRACE + tries * STOP_EVERY:  # what a `finally` does takes a moment
                for run in self._left():
                    guard.interrupt(run.thread, tries)
                tries += 1
            ending.join(LOOK_EVERY)
        for run in self.runs.runs:
            run.forget()
        guard.close_after([ending, *(run.thread for run in self._left())], self._guard)

    def _shut_down(self) -> None:
        with contextlib.suppress(LoopBlocked):  # a finding says so
            self._runner.shutdown()

    def _left(self) -> list[Run]:
        """Handlers that have not ended; of those on the loop, only one that is in there now."""
        running = [run for run in list(self.runs.runs) if not run.ended and run.thread.is_alive()]
        return [run for run in running if run.task is None or place_of(run.thread.ident)]

    def pass_time(self, seconds: float) -> None:
        """Set the clock of the handlers' loop forward, so that their timeouts come."""
        loop, clock = self._loop.loop, self._loop.loop.time
        set_forward = {"time": lambda: clock() + seconds}
        loop.call_soon_threadsafe(vars(loop).update, set_forward)

    def settle(self) -> None:
        """Wait until the server has sent and logged what handlers gave it; bounded."""
        self._loop.settle(GRACE / 10)

    def handlers(self) -> list[Handler]:
        """Return what is known of each handler now, by the number of its connection."""
        tasks: list[Any] = []
        with contextlib.suppress(RuntimeError):  # tasks came or went meanwhile
            tasks = [task.get_coro() for task in asyncio.all_tasks(self._loop.loop)]
        return [run.facts(frozenset(tasks)) for run in self.runs.runs]
