"""A handler and a client that is connected to it, for one test."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from astra_nb.client import connect
from astra_nb.errors import AstraError
from astra_nb.log import FrameLog
from astra_nb.net.addresses import websocket_url
from astra_nb.net.background import BackgroundLoop
from astra_nb.net.policy import Policy
from astra_nb.net.routes import make_route
from astra_nb.running.runner import Runner
from astra_nb.websocket import WebSocket

__all__ = ["scenario"]

TIMEOUT = 2.0  # seconds
CLOSE_TIMEOUT = 0.5  # seconds
SHUTDOWN = 3.0  # seconds a scenario's server may take to end


@contextmanager
def scenario(
    handler: Callable[..., Any], *, path: str = "/", automatic_pong: bool = True, **options: Any
) -> Iterator[WebSocket]:
    """Serve a handler on a free port, and yield a client that is connected to it.

    At the end both are shut down, whatever the handler does. `client.log` has every frame as the
    client sent and received it.

    Args:
        handler: A `def` or an `async def` that takes a socket.
        path: Path of the only route; without parameters also that of the client.
        automatic_pong: Whether the server answers PING frames by itself.
        options: Further options of `connect`, such as `subprotocols`.
    """
    route = make_route(path, handler, automatic_pong=automatic_pong)
    policy = Policy("127.0.0.1", routes=[route], close_timeout=CLOSE_TIMEOUT)
    loop = BackgroundLoop()
    log = FrameLog()
    runner = Runner(policy, log, "127.0.0.1", 0, None, itertools.count(1), loop=loop)
    runner.run()
    try:
        # A parameter of the path matches its own name.
        url = websocket_url("127.0.0.1", runner.port) + re.sub("^/+|[{}]", "", path)
        try:
            client = connect(url, **{"timeout": TIMEOUT, "close_timeout": CLOSE_TIMEOUT, **options})
        except AstraError as error:
            raise AssertionError(f"no connection to the handler could be opened: {error}") from None
        try:
            yield client
        finally:
            client.close()
    finally:
        # In a thread: a handler that blocks its loop for ever must not block this thread.
        ending = threading.Thread(target=runner.shutdown, name="astra_nb scenario", daemon=True)
        ending.start()
        ending.join(SHUTDOWN)
