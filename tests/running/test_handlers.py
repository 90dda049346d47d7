"""The handlers of a server: what may happen between any two steps of the loop's thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from astra_nb import WebSocket, connect
from astra_nb.log import FrameLog
from astra_nb.running.handlers import Handlers
from tests.servers import serving


def test_threads_may_end_while_those_that_are_left_are_counted() -> None:
    handlers = Handlers(FrameLog())
    handlers.threads.update((number, threading.Thread()) for number in range(1000))
    notices: list[str] = []

    def step(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != sys.modules[Handlers.__module__].__file__:
            return None
        frame.f_trace_opcodes = True
        if handlers.threads:
            handlers.threads.popitem()
        return step

    async def end() -> None:
        earlier = sys.gettrace()
        sys.settrace(step)
        try:
            await handlers.end(notices.append, None)
        finally:
            sys.settrace(earlier)

    asyncio.run(end())
    assert notices == []


def test_what_a_handler_raises_is_in_the_log_once_and_after_what_it_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(socket: WebSocket) -> None:
        sys.stderr.write("printed")
        raise ValueError("raised")

    with serving(fail) as server:
        list(connect(server.url))
        told = [
            (record.kind, getattr(record, "text", getattr(record, "summary", "")))
            for record in server.log.filter(kind=["error", "output"])
        ]
    assert told == [("output", "printed"), ("error", "ValueError: raised")]
    assert "The handler of connection 1 raised:\nTraceback" in capsys.readouterr().err
