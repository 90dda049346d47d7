"""Spies: a handler's socket that records each call, its line, and what it waits for."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import linecache
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from astra_nb.async_websocket import AsyncWebSocket
from astra_nb.errors import ConnectionClosed, WaitTimeout
from astra_nb.net.closing import close_payload
from astra_nb.net.routes import is_async
from astra_nb.payloads import encode_close
from astra_nb.websocket import WebSocket
from astra_nb.wire.messages import CloseFrame, Message

from . import guard
from .diagnosis.difference import short
from .diagnosis.evidence import KEPT, Call, Error, Handler, Said

__all__ = ["Run", "Runs", "error_facts", "said_of"]

RECORDED = (
    "recv send send_text send_bytes send_ping send_pong send_close send_fragment send_fragments "
    "send_raw close drop wait_closed flush".split()
)
SLICE = 0.02  # seconds between two looks at what a scenario asks for
LATE = "no message came in time (a check makes a long silence short)"
SOCKETS = {WebSocket.__module__, AsyncWebSocket.__module__}


def said_of(message: Message) -> Said:
    """Return a message as evidence has it."""
    value: Any = message.value
    if message.type == "close":
        return Said("close", b"" if value is None else close_payload(value))
    return Said(message.type, value.encode() if isinstance(value, str) else bytes(value))


def sent(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Said | None:
    """Return the message that a call sends; None where it sends none, or cannot."""
    # Whatever is wrong with an argument, the call itself says it.
    with contextlib.suppress(Exception):
        given = inspect.signature(getattr(WebSocket, name)).bind(None, *arguments, **options)
        values = list(given.arguments.values())[1:]  # in the order of the parameters
        type: Any = values.pop(0) if name == "send" else name.removeprefix("send_")
        if type == "close":
            code, reason = encode_close(*(values[:2] or (None,)))
            return said_of(Message("close", CloseFrame(code or 1005, reason)))
        if type in ("text", "bytes", "ping", "pong"):
            return said_of(Message(type, values[0] if values else b""))
    return None


def line_of(code: Any, number: int) -> str:
    """Return a line of code as "line 3: socket.recv()"."""
    text = linecache.getline(code.co_filename, number).strip()
    return f"line {number}: {text}" if text else f"line {number}"


def error_facts(error: BaseException) -> Error:
    """Return what is known of an error: the student's last line, and the socket's call in it."""
    line = of_call = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if not guard.is_library(frame.f_code):
            line, of_call = line_of(frame.f_code, number), ""
        elif not of_call and frame.f_globals.get("__name__") in SOCKETS:
            of_call = frame.f_code.co_name
    kinds = tuple(each.__name__ for each in type(error).__mro__)
    return Error(kinds, str(error)[:300], line, of_call)


def awaited_at(coroutine: Any) -> str:
    """Return the innermost line of a student's coroutines that awaits something; or ""."""
    line = ""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        if not guard.is_library(frame.f_code):
            line = line_of(frame.f_code, frame.f_lineno or 0)
        coroutine = coroutine.cr_await
    return line


@dataclass(eq=False)
class Record(Call):
    """A call while it is made; its coroutine is what an awaitable one returned, until awaited."""

    coroutine: Any = None

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Record]:
        self.state, self.coroutine, state = "waits", None, "raised"
        try:
            yield self
            state = "done"
        finally:
            self.state = state

    def received(self, result: Any) -> Any:
        if isinstance(result, Message):
            self.said = said_of(result)
        return result

    def facts(self, scheduled: frozenset[Any]) -> Call:
        found = copy.copy(self)
        if (coroutine := found.coroutine) is not None:
            created = inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            found.state = "not awaited" if created and coroutine not in scheduled else "done"
        return found


@dataclass(eq=False, repr=False)  # a handler can reach it: it shows nothing of what was said
class Run(Handler):
    """One call of the handler, on one connection."""

    calls: list[Record] = field(default_factory=list)
    plain: Any = None  # the socket
    socket: Any = None  # the spy on it, which the handler got
    thread: threading.Thread = field(default_factory=threading.current_thread)
    task: asyncio.Task[Any] | None = None  # when it runs on the event loop

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Note how the handler ends."""
        try:
            yield
        except guard.Stopped:
            pass
        except BaseException as error:
            self.error = error_facts(error)
            raise
        finally:
            self.open_at_end = self.socket.state == "open"
            self.ended = True

    def forget(self) -> None:
        """Close what was never awaited, so that Python does not warn of it."""
        for record in self.calls:
            if record.coroutine is not None:
                with contextlib.suppress(ValueError, RuntimeError):  # it runs after all
                    record.coroutine.close()

    def facts(self, scheduled: frozenset[Any]) -> Handler:
        """Return what is known of it; tasks of the server's loop run what is `scheduled`."""
        found: Any = copy.copy(self)
        found.calls = [record.facts(scheduled) for record in self.calls[-KEPT:]]
        found.busy_at = "" if found.ended or found.waits else guard.place(found.thread)
        if self.task and not (found.ended or found.waits or found.busy_at):
            found.busy_at = awaited_at(self.task.get_coro())
        return found  # type: ignore[no-any-return]


class Runs:
    """The handler's calls of one check, and what the spies share."""

    def __init__(self) -> None:
        self.runs: list[Run] = []  # one for each connection, in their order
        self.silences = 0  # how many long ones have passed
        self.held: set[int] = set()  # numbers of the connections to which sends wait, and closes

    def watched(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Return the handler with a spy in place of its socket, of the same kind."""

        def begin(socket: Any) -> Run:
            spy: Any = object.__new__(SPIES[type(socket)])
            spy.__dict__ = socket.__dict__
            run = Run(socket.id, plain=socket, socket=spy)
            spy.__dict__.update(_run=run, _runs=self)
            self.runs.append(run)
            return run

        def ended(run: Run, result: Any) -> None:
            run.returned = "" if result is None else short(result)

        async def call_async(socket: Any) -> None:
            run = begin(socket)
            run.task = asyncio.current_task()
            with run.at_work():
                result = handler(run.socket)
                while inspect.isawaitable(result):
                    result = await result
                ended(run, result)

        def call(socket: Any) -> Any:
            if isinstance(socket, AsyncWebSocket):
                return call_async(socket)
            run = begin(socket)
            with run.at_work():
                result = handler(run.socket)
                if inspect.isawaitable(result):
                    self.runs.remove(run)  # the server calls the handler again, on its loop
                    return result
                ended(run, result)
            return None

        return call_async if is_async(handler) else call

    def record(self, owner: Run, name: str, arguments: Any, options: dict[str, Any]) -> Record:
        """Begin to record a call on the socket of `owner`."""
        frame: Any = sys._getframe(2)  # noqa: SLF001  (documented)
        while guard.is_library(frame.f_code) and frame.f_back is not None:
            frame = frame.f_back  # such as functools or contextlib
        said = sent(name, arguments, options) if name.startswith("send") else None
        line = line_of(frame.f_code, frame.f_lineno or 0)
        record = Record(name, line, "waits", said, owner.number)
        calls = self._caller(owner).calls
        calls.append(record)
        del calls[: -2 * KEPT]
        return record

    def _caller(self, owner: Run) -> Run:
        """Return the handler that makes a call on a socket: not always the socket's own."""
        worker: object = threading.current_thread()
        with contextlib.suppress(RuntimeError):  # not on a loop
            worker = asyncio.current_task()
        running = (run for run in self.runs if not run.ended)
        return next((run for run in running if (run.task or run.thread) is worker), owner)

    def is_held(self, run: Run, name: str) -> bool:
        waits = name.startswith("send") or name in ("close", "flush")
        return waits and run.number in self.held and run.socket.state == "open"


def spied(name: str) -> Callable[..., Any]:
    """Return a method that records its calls on a blocking socket."""

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        runs, run, method = self._runs, self._run, getattr(self._run.plain, name)
        with runs.record(run, name, arguments, options).at_work() as record:
            while runs.is_held(run, name):
                time.sleep(SLICE)
            timeout = options.get("timeout", arguments[0] if arguments else None)
            if name != "recv" or not isinstance(timeout, (int, float)):
                return record.received(method(*arguments, **options))
            silences, end = runs.silences, time.monotonic() + timeout
            while True:  # a long silence ends the wait
                left = end - time.monotonic()
                try:
                    return record.received(method(max(0, min(left, SLICE))))
                except WaitTimeout:
                    if left <= SLICE or runs.silences > silences:
                        raise WaitTimeout(LATE) from None

    return call


def spied_async(name: str) -> Callable[..., Any]:
    """Return a method that records its calls on an awaitable socket."""

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        async def awaited() -> Any:
            with record.at_work():
                while self._runs.is_held(self._run, name):  # noqa: ASYNC110  (a thread ends it)
                    await asyncio.sleep(SLICE)
                return record.received(await getattr(self._run.plain, name)(*arguments, **options))

        record = self._runs.record(self._run, name, arguments, options)
        record.state, record.coroutine = "made", awaited()
        return record.coroutine

    return call


async def next_message(self: Any) -> Message:
    try:
        return await self.recv()  # type: ignore[no-any-return]
    except ConnectionClosed:
        raise StopAsyncIteration from None


# Of the same names as what they stand for: that is what an error and repr() show.
SPIES: dict[type, type] = {
    base: type(base.__name__, (base,), {name: spy(name) for name in RECORDED})
    for base, spy in ((WebSocket, spied), (AsyncWebSocket, spied_async))
}
SPIES[WebSocket].would_wait = property(  # type: ignore[attr-defined]
    lambda self: self._runs.is_held(self._run, "send") or self._run.plain.would_wait
)
SPIES[AsyncWebSocket].__anext__ = next_message  # type: ignore[attr-defined]
