"""The handlers of a server: what may happen between any two steps of the loop's thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType
from typing import Any

from astra_nb.running.handlers import Handlers


def test_threads_may_end_while_those_that_are_left_are_counted() -> None:
    handlers = Handlers(None)
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
