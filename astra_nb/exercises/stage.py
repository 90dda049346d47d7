"""The server of one check: on a free port, on a loop of its own, with one handler."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from astra_nb.jupyter.handler_output import install, uninstall
from astra_nb.log import FrameLog
from astra_nb.log.records import OutputRecord
from astra_nb.net import background
from astra_nb.net.addresses import websocket_url
from astra_nb.net.policy import Policy
from astra_nb.net.routes import make_route
from astra_nb.runner import Runner

from . import guard
from .lines import code_of, line_in
from .watch import Run, Watch

__all__ = ["Stage"]

CLOSE_TIMEOUT = 2.0  # seconds, as for every server
SETTLING = 0.03  # seconds; the loop may be busy with a handler
GRACE = 0.3  # seconds for handlers to end by themselves
ENDING = 1.4  # seconds for everything
STOP_EVERY = 0.01  # seconds between two attempts to stop a handler
MAX_FRAMES = 30_000
HOSTNAME = "127.0.0.1"


class CheckLog(FrameLog):
    """A log whose frames no flood of prints can push out.

    Attributes:
        output: What the handler printed, bounded.
    """

    def __init__(self) -> None:
        super().__init__(max_frames=MAX_FRAMES)
        self.output = guard.Output()

    def append(self, connection: int, record_type: Callable[..., Any], **fields: Any) -> int:
        if record_type is OutputRecord:
            self.output(fields["stream"], fields["text"] + "\n")
            if self.output.total > guard.SHOWN_OUTPUT:
                return 0
        return super().append(connection, record_type, **fields)


class Stage:
    """A server for one check, and the handler on it.

    Args:
        handler: The student's handler.
        path: Path of the only route.
        port: The port; 0 takes a free one.
        automatic_pong: Whether the server answers PING frames by itself.

    Raises:
        InvalidRoute: This is no handler.
        AddressInUse: The port is taken.
        AddressUnavailable: Nothing may listen here.
    """

    def __init__(
        self,
        handler: Callable[..., Any],
        *,
        path: str = "/",
        port: int = 0,
        automatic_pong: bool = True,
    ) -> None:
        make_route(path, handler)  # says what is wrong with the handler itself
        self.watch = Watch(handler)
        self.automatic_pong = automatic_pong
        self.log = CheckLog()
        route = make_route(path, self.watch.watched(), automatic_pong=automatic_pong)
        policy = Policy(HOSTNAME, routes=[route], close_timeout=CLOSE_TIMEOUT)
        self._loop = background.BackgroundLoop()
        context = guard.protected_context()
        self._runner = context.run(
            Runner, policy, self.log, HOSTNAME, port, None, itertools.count(1), loop=self._loop
        )
        install()
        self._excepthook = threading.excepthook
        threading.excepthook = self._thread_raised
        self._loop.loop.set_exception_handler(self._task_raised)
        try:
            self._runner.run()
        except BaseException:
            uninstall()
            threading.excepthook = self._excepthook
            raise
        self.url = websocket_url(HOSTNAME, self._runner.port)

    @property
    def running(self) -> bool:
        """Whether the server still listens; a handler may have taken its place."""
        return self._runner.running

    def settle(self) -> None:
        """Wait until the server has sent and logged what handlers gave it; bounded."""
        self._loop.settle(SETTLING)

    def end(self) -> bool:
        """Shut the server down and stop what is left of the handler; bounded.

        Returns:
            Whether everything has ended. What has not goes on in daemon threads.
        """
        ending = threading.Thread(
            target=self._runner.shutdown, name="astra_nb check's end", daemon=True
        )
        ending.start()
        began = time.monotonic()
        while time.monotonic() < began + ENDING and (ending.is_alive() or self._at_work()):
            if time.monotonic() > began + GRACE:
                for run in self._at_work():
                    run.interrupt()
            ending.join(STOP_EVERY)
        ended = not ending.is_alive() and not self._at_work()
        threading.excepthook = self._excepthook
        if ended:
            uninstall()
        # Else what still prints is kept from the cells, for as long as it does.
        return ended

    def _thread_raised(self, raised: threading.ExceptHookArgs) -> None:
        if not self.watch.is_its_own(raised.exc_value):
            self._excepthook(raised)

    def _task_raised(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.watch.is_its_own(context.get("exception")):
            loop.default_exception_handler(context)

    def _at_work(self) -> list[Run]:
        """Handlers that have not ended; of those on the loop, only one that is in there now."""
        code = code_of(self.watch.handler)
        runs = []
        for run in list(self.watch.runs.values()):
            if run.ended or not run.thread.is_alive():
                continue
            if run.task is not None:
                frame = sys._current_frames().get(run.thread.ident or 0)
                if code is None or line_in(frame, code) is None:
                    continue  # the loop waits; shutting down cancels the task
            runs.append(run)
        return runs
