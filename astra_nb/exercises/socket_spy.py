"""Spies: a handler's socket that records each call, its line, and what it waits for."""

from __future__ import annotations

import asyncio
import contextlib
import functools
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
from astra_nb.wire.messages import CloseFrame, Message

from . import guard
from .diagnosis.evidence import Call, Error, Handler, Said

__all__ = ["Record", "Run", "Runs", "error_facts", "line_of", "said_of"]

RECORDED = frozenset(
    "recv send send_text send_bytes send_ping send_pong send_close send_fragment send_fragments "
    "send_raw close drop wait_closed flush".split()
)
KEPT = 400  # calls of one handler
SLICE = 0.02  # seconds between two looks for a silence that a scenario asks for
LATE = "no message came in time (a check makes a long silence short)"
PACKAGE = __name__.partition(".")[0]
SOCKETS = (f"{PACKAGE}.websocket", f"{PACKAGE}.async_websocket")


def said_of(message: Message) -> Said:
    """Return a message as evidence has it."""
    value: Any = message.value
    if message.type == "close":
        return Said("close", b"" if value is None else close_payload(value))
    return Said(message.type, value.encode() if isinstance(value, str) else bytes(value))


def sent(name: str, arguments: tuple[Any, ...]) -> Said | None:
    """Return the message that a call sends; None where it sends none, or cannot."""
    type, *values = arguments if name == "send" else (name.removeprefix("send_"), *arguments)
    # Whatever is wrong with an argument, the call itself says it.
    with contextlib.suppress(Exception):
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


@dataclass(eq=False)
class Record:
    """A call on a socket, while it is made: the mutable form of `Call`."""

    name: str
    frame: tuple[Any, int]  # code and line
    owner: int
    said: Said | None
    caller: Run
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    state: str = "made"
    coroutine: Any = None  # what an awaitable call returned, until it is awaited

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        self.state, self.coroutine = "waits", None
        self.caller.waits.append(self)
        state = "raised"
        try:
            yield
            state = "done"
        finally:
            self.state, self.ended = state, time.perf_counter()
            self.caller.waits.remove(self)

    def received(self, result: Any) -> Any:
        if isinstance(result, Message):
            self.said = said_of(result)
        return result

    def frozen(self, scheduled: frozenset[Any]) -> Call:
        state, coroutine = self.state, self.coroutine
        if state == "made" and coroutine is None:
            state = "waits"  # it has just begun
        elif state == "made":
            created = inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            state = "not awaited" if created and coroutine not in scheduled else "done"
        return Call(self.name, line_of(*self.frame), state, self.said, self.owner)


@dataclass(eq=False, repr=False)  # a handler can reach it: it shows nothing of what was said
class Run:
    """One call of the handler, on one connection."""

    number: int  # of the connection
    is_async: bool
    socket: Any = None  # what it got: a spy
    thread: threading.Thread = field(default_factory=threading.current_thread)
    task: asyncio.Task[Any] | None = None  # when it runs on the event loop
    records: list[Record] = field(default_factory=list)  # its calls, without the oldest ones
    waits: list[Record] = field(default_factory=list)  # those in which it waits now
    ended: bool = False
    open_at_end: bool = False
    result: Any = None
    error: BaseException | None = None

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Note how the handler ends."""
        try:
            yield
        except guard.Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  (noted and raised again)
            self.error = error
            trace = error.__traceback__
            raise error.with_traceback(trace.tb_next if trace is not None else None) from None
        finally:
            if self.task is not None or not inspect.isawaitable(self.result):
                self.open_at_end = self.socket.state == "open"
                self.ended = True

    def forget(self) -> None:
        """Close what was never awaited, so that Python does not warn of it."""
        for record in self.records:
            if record.coroutine is not None:
                with contextlib.suppress(ValueError, RuntimeError):  # it runs after all
                    record.coroutine.close()

    @property
    def is_idle(self) -> bool:
        """Whether it has ended, or waits for a message of its own."""
        last = [(each.name, each.owner) for each in self.waits[-1:]]
        return self.ended or last == [("recv", self.number)]

    def facts(self, scheduled: frozenset[Any], busy_at: str) -> Handler:
        """Return what is known of it; tasks of the server's loop run what is `scheduled`."""
        return Handler(
            number=self.number,
            calls=tuple(record.frozen(scheduled) for record in self.records[-KEPT:]),
            ended=self.ended,
            open_at_end=self.open_at_end,
            returned="" if self.result is None else f"{self.result!r:.60}",
            error=error_facts(self.error) if self.error is not None else None,
            busy_at="" if self.ended else busy_at,
        )


class Runs:
    """The handler's calls of one check, and what the spies share."""

    def __init__(self) -> None:
        self.runs: list[Run] = []  # one for each connection, in their order
        self.silences = 0  # how many long ones have passed
        self.held: set[int] = set()  # numbers of the connections to which sends wait, and closes

    def watched(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Return the handler with a spy in place of its socket, of the same kind."""

        def call(socket: Any) -> Any:
            run = Run(socket.id, isinstance(socket, AsyncWebSocket))
            run.socket = (AsyncSocketSpy if run.is_async else SocketSpy)(socket, run, self)
            self.runs.append(run)
            with run.at_work():
                run.result = handler(run.socket)
            if run.ended:
                return None
            if run.is_async:
                return finish(run, run.result)
            self.runs.remove(run)  # the server calls the handler again, on its loop
            return run.result

        async def finish(run: Run, awaitable: Any) -> None:
            run.task, run.result = asyncio.current_task(), None
            with run.at_work():
                run.result = await awaitable

        async def call_async(socket: Any) -> None:
            result = call(socket)
            if result is not None:
                await result

        return call_async if is_async(handler) else call

    def record(self, owner: Run, name: str, arguments: tuple[Any, ...]) -> Record:
        """Begin to record a call on the socket of `owner`; the caller's caller made it."""
        frame = sys._getframe(2)  # noqa: SLF001  (documented)
        while guard.is_library(frame.f_code) and frame.f_back is not None:
            frame = frame.f_back  # such as functools or contextlib
        said = sent(name, arguments) if name.startswith("send") else None
        caller = self._caller(owner)
        record = Record(name, (frame.f_code, frame.f_lineno or 0), owner.number, said, caller)
        caller.records.append(record)
        del caller.records[: -2 * KEPT]
        return record

    def _caller(self, owner: Run) -> Run:
        """Return the handler that makes a call on a socket: not always the socket's own."""
        thread, task = threading.current_thread(), None
        if owner.is_async:
            with contextlib.suppress(RuntimeError):  # not on the loop
                task = asyncio.current_task()
        for run in self.runs:
            if not run.ended and (run.task is task if run.is_async else run.thread is thread):
                return run
        return owner


class Spy:
    """A socket that records the calls made on it; all else is handed on to the real one."""

    def __init__(self, socket: Any, run: Run, runs: Runs) -> None:
        self.__dict__.update(_spied=socket, _run=run, _runs=runs)

    def __getattribute__(self, name: str) -> Any:
        # isinstance() tells the real class, as for a socket outside of a check.
        if name == "__class__":
            return type(object.__getattribute__(self, "_spied"))
        return object.__getattribute__(self, name)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._spied, name)
        return functools.partial(self._call, name, value) if name in RECORDED else value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._spied, name, value)

    def __repr__(self) -> str:
        return repr(self._spied)

    _call: Callable[..., Any]

    def _is_held(self, name: str) -> bool:
        waits = name.startswith("send") or name in ("close", "flush")
        return waits and self._run.number in self._runs.held and self._spied.state == "open"

    def _slices(self, name: str, arguments: Any, options: Any) -> Iterator[dict[str, Any] | None]:
        """Yield the options of each try to receive; None for a call as it is.

        A recv() with a timeout waits in slices, and runs into it when a long silence passes.
        """
        timeout = options.get("timeout", arguments[0] if arguments else None)
        if name != "recv" or not isinstance(timeout, (int, float)) or not timeout > SLICE:
            yield None
            return
        before, end = self._runs.silences, time.monotonic() + timeout
        while (left := end - time.monotonic()) > SLICE and self._runs.silences == before:
            yield {"timeout": SLICE}
        yield {"timeout": max(left, 0) if self._runs.silences == before else 0}


class SocketSpy(Spy):
    """The socket of a `def` handler."""

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            return self._call("recv", self._spied.recv)
        except ConnectionClosed:
            raise StopIteration from None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._call("close", self._spied.close)

    def _call(self, name: str, method: Any, *arguments: Any, **options: Any) -> Any:
        record = self._runs.record(self._run, name, arguments)
        with record.waiting():
            while self._is_held(name):
                time.sleep(SLICE)
            for within in self._slices(name, arguments, options):
                if within is None:
                    return record.received(method(*arguments, **options))
                with contextlib.suppress(WaitTimeout):
                    return record.received(method(**within))
            raise WaitTimeout(LATE)


class AsyncSocketSpy(Spy):
    """The socket of an `async def` handler."""

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._call("recv", self._spied.recv)
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._call("close", self._spied.close)

    def _call(self, name: str, method: Any, *arguments: Any, **options: Any) -> Any:
        record = self._runs.record(self._run, name, arguments)
        record.coroutine = coroutine = self._awaited(record, method, arguments, options)
        return coroutine

    async def _awaited(self, record: Record, method: Any, arguments: Any, options: Any) -> Any:
        with record.waiting():
            while self._is_held(record.name):  # noqa: ASYNC110  (set by another thread)
                await asyncio.sleep(SLICE)
            for within in self._slices(record.name, arguments, options):
                if within is None:
                    return record.received(await method(*arguments, **options))
                with contextlib.suppress(WaitTimeout):
                    return record.received(await method(**within))
            raise WaitTimeout(LATE)
