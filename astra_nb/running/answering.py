"""Calls of handshake hooks and of the handlers of pages, while their connections wait."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from astra_nb.errors import LocalError
from astra_nb.net.calls import call
from astra_nb.net.connection import Connection
from astra_nb.net.policy import Policy
from astra_nb.net.routes import Handler
from astra_nb.net.server_connection import ServerConnection

__all__ = ["Answering"]


@dataclass
class Answering:
    """Calls what answers requests. On the loop's thread."""

    policy: Policy  # has the seconds that an answer may take, `open_timeout`
    # Lends the context of a connection, by its number: its prints are on record.
    context: Callable[[int], AbstractContextManager[contextvars.Context]]
    # Shows and records what was raised, and by what.
    report: Callable[[Connection, BaseException, str], object]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def ask(
        self, connection: ServerConnection, function: Handler, arguments: tuple[object, ...]
    ) -> None:
        """Call a function, and give what it returns to the connection."""
        task = connection.loop.create_task(self._answer(connection, function, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(
        self, connection: ServerConnection, function: Handler, arguments: tuple[object, ...]
    ) -> None:
        limit = self.policy.open_timeout
        name = getattr(function, "__name__", repr(function))
        try:
            with self.context(connection.number) as context:
                result = await call(function, arguments, context, limit)
            connection.answered(result)
        except asyncio.CancelledError:  # the server ends, and aborts its connections
            raise
        except BaseException as exc:  # noqa: BLE001  (a stranger's function may raise anything)
            self.report(connection, _explained(exc, name, limit), f"function {name}()")
            connection.failed_to_answer()

    async def end(self) -> None:
        """Stop waiting for functions that still run."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _explained(exc: BaseException, name: str, limit: float) -> BaseException:
    if not isinstance(exc, TimeoutError) or exc.args:
        return exc
    return LocalError(
        f"{name}() returned nothing within {limit:g} s, and the client got 500; answer sooner, or "
        f"allow more time with server.open_timeout"
    )
