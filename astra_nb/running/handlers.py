"""The handlers at work on a server's connections: started, judged when they end, waited for."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import traceback
from collections.abc import Callable, Iterator

from astra_nb.async_websocket import AsyncWebSocket
from astra_nb.errors import ConnectionClosed, InvalidRoute, LuaError
from astra_nb.jupyter.handler_output import Lines, handler_context, tell, wrap
from astra_nb.log import FrameLog
from astra_nb.log.records import HandlerErrorRecord, OutputRecord
from astra_nb.net import calls
from astra_nb.net.background import BackgroundLoop
from astra_nb.net.connection import Connection
from astra_nb.net.inbox import TaskInbox, ThreadInbox
from astra_nb.net.routes import Route
from astra_nb.net.server_connection import ServerConnection
from astra_nb.websocket import WebSocket

from . import answering

__all__ = ["Handlers"]

# Files whose functions call a user's, and are left out of its traceback.
OURS = (__file__, answering.__file__, calls.__file__)
GRACE = 0.5  # seconds for handlers to end by themselves, after their connections


class Handlers:
    """The handlers of a running server. On the loop's thread, but for what they run."""

    background: BackgroundLoop  # of the connections; set before the first handler starts

    def __init__(self, log: FrameLog) -> None:
        # Whether the server shuts down, so that a cancelled handler is no error.
        self.ending = False
        self.threads: dict[int, threading.Thread] = {}  # by the number of their connection
        self._log = log
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._sockets: dict[int, WebSocket] = {}
        self._lines: dict[int, Lines] = {}
        self._thread_ended = asyncio.Event()
        # A handler's prints belong to the cell that runs now.
        self._context = contextvars.copy_context()

    def socket_of(self, connection: ServerConnection) -> WebSocket:
        """Return the one blocking socket of a connection; that of its handler if it is a `def`."""
        number = connection.number
        if number not in self._sockets:
            self._sockets[number] = WebSocket(connection, None, self._log, self.background)
        return self._sockets[number]

    def forget(self, number: int) -> None:
        """Called when a connection has ended."""
        self._sockets.pop(number, None)

    def start(self, connection: ServerConnection, route: Route, parameters: dict[str, str]) -> None:
        """Start the route's handler for a connection that is open."""
        start = self._start_task if route.is_async else self._start_thread
        start(connection, route, parameters)

    def _make_context(self, number: int) -> contextvars.Context:
        def sink(stream: str, text: str) -> None:
            self._log.append(number, OutputRecord, stream=stream, text=text)

        wrap()
        self._lines[number] = lines = Lines(sink)
        return handler_context(self._context, lines)

    @contextlib.contextmanager
    def lend_context(self, number: int) -> Iterator[contextvars.Context]:
        """Lend the context of a connection, by its number: its prints are on record."""
        try:
            yield self._make_context(number)
        finally:
            self._lines.pop(number).flush()

    def _start_task(
        self, connection: ServerConnection, route: Route, parameters: dict[str, str]
    ) -> None:
        number, earlier = connection.number, connection.inbox
        inbox = TaskInbox(connection.resume_reading)
        connection.inbox = inbox
        socket = AsyncWebSocket(connection, inbox, self._log)
        socket.path_parameters = parameters
        if isinstance(earlier, ThreadInbox):  # the handler's call in a thread gave an awaitable
            earlier.move_to(inbox)
        self._tasks[number] = connection.loop.create_task(
            self._run_async(route, socket, connection), context=self._make_context(number)
        )

    def _start_thread(
        self, connection: ServerConnection, route: Route, parameters: dict[str, str]
    ) -> None:
        number = connection.number
        inbox = ThreadInbox(connection.resume_reading_soon)
        connection.inbox = inbox
        socket = WebSocket(connection, inbox, self._log, self.background)
        socket.path_parameters = parameters
        self._sockets[number] = socket

        def start_task() -> None:
            self._sockets.pop(number, None)  # it could receive, and its handler does that now
            self._start_task(connection, route, parameters)

        thread = threading.Thread(
            target=self._make_context(number).run,
            args=(self._run_blocking, route, socket, connection, start_task),
            name=f"astra_nb handler {number}",
            daemon=True,
        )
        self.threads[number] = thread
        connection.sender.let_write(thread)
        try:
            thread.start()
            connection.sender.let_write(thread)
        except RuntimeError as exc:  # the system gives no more threads
            del self.threads[number]
            connection.notice(f"No handler could be started: {exc}.")
            connection.send_close(1013, "no thread for a handler")

    async def _run_async(
        self, route: Route, socket: AsyncWebSocket, connection: Connection
    ) -> None:
        code = 1000
        try:
            result = route.handler(socket)
            while inspect.isawaitable(result):
                result = await result
            code = self._judge(connection, result)
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if not self.ending:
                if task is not None and task.cancelling():
                    raise
                code = self.report(connection, exc)  # of another task, which the handler awaited
        except BaseException as exc:  # noqa: BLE001  (a handler is a stranger: any error is its own)
            code = self._judge_error(connection, exc)
        finally:
            self._tasks.pop(connection.number, None)
            self._lines.pop(connection.number).flush()
            self._handler_done(connection, code)

    def _run_blocking(
        self,
        route: Route,
        socket: WebSocket,
        connection: Connection,
        start_task: Callable[[], None],
    ) -> None:
        code = 1000
        is_async = False
        try:
            result = route.handler(socket)
            is_async = inspect.isawaitable(result)
            if is_async:
                # It awaits its socket's calls, which block here: call it again, on the loop.
                route.is_async = True
                if inspect.iscoroutine(result):
                    result.close()  # it has not begun
            else:
                code = self._judge(connection, result)
        except BaseException as exc:  # noqa: BLE001  (a handler is a stranger: any error is its own)
            code = self._judge_error(connection, exc)
        finally:
            self.threads.pop(connection.number, None)
            self._lines.pop(connection.number).flush()
            # A RuntimeError: the loop is closed already, the handler has outlived the server.
            with contextlib.suppress(RuntimeError):
                if is_async:
                    connection.loop.call_soon_threadsafe(start_task)
                else:
                    self._handler_done(connection, code)

    def _handler_done(self, connection: Connection, code: int) -> None:
        connection.sender.submit(self._forget_inbox, connection, wait=False)
        connection.close_in_turn(code)

    def _forget_inbox(self, connection: Connection) -> None:
        self._thread_ended.set()
        connection.inbox = None  # what still comes is in the log, and nobody waits for it
        connection.resume_reading()

    def _judge(self, connection: Connection, result: object) -> int:
        """Return the close code after a handler that returned."""
        lines = getattr(result, "gen", result)  # of a function under contextlib.contextmanager
        if not (inspect.isgenerator(lines) or inspect.isasyncgen(lines)):
            return 1000
        return self.report(
            connection,
            InvalidRoute(
                f"the handler returned {lines!r:.80}, a generator, none of whose lines has run; "
                f"take the yield out, and send with socket.send_text(...)"
            ),
        )

    def _judge_error(self, connection: Connection, exc: BaseException) -> int:
        """Return the close code after a handler that raised; only its own end is not an error."""
        return 1000 if _tells_end(exc, connection.state) else self.report(connection, exc)

    def report(self, connection: Connection, exc: BaseException, function: str = "handler") -> int:
        """Show and record what a handler or another function of the user's raised.

        The peer learns only the close code that is returned.
        """
        trace = exc.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename in OURS:
            trace = trace.tb_next
        if isinstance(exc, LuaError):
            lines = [exc.report()]  # its author wrote Lua; where Python was tells them nothing
        else:
            lines = traceback.format_exception(type(exc), exc, trace)
        printed = self._lines.get(connection.number)
        if printed is not None:
            printed.flush()  # it came before
        self._log.append(
            connection.number,
            HandlerErrorRecord,
            summary="".join(traceback.format_exception_only(exc)).strip(),
            traceback="".join(lines),
        )
        tell(f"The {function} of connection {connection.number} raised:\n{''.join(lines)}")
        return 1011

    async def end(self, notice: Callable[[str], None], caller: threading.Thread | None) -> None:
        """Wait, for a while, until the handlers have ended, and cancel those that are tasks.

        `notice` is told of each that does not end. The `caller` is not waited for: it waits for
        this.
        """
        if tasks := list(self._tasks.values()):
            _, pending = await asyncio.wait(tasks, timeout=GRACE)
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending, timeout=GRACE)
            for number, task in list(self._tasks.items()):
                if task in pending:
                    notice(
                        f"The handler of connection {number} did not end after its connection "
                        f"had closed, although it was cancelled; it catches even that."
                    )

        def left() -> list[int]:
            return [number for number, each in list(self.threads.items()) if each is not caller]

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while left():
                    self._thread_ended.clear()
                    await self._thread_ended.wait()
        for number in left():
            notice(
                f"The handler of connection {number} did not end after its connection had "
                f"closed; its thread keeps running until it does."
            )


def _tells_end(exc: BaseException, connection: object) -> bool:
    """Return whether an error, or all those of a group, tells that one connection has ended."""
    if isinstance(exc, BaseExceptionGroup):
        return all(_tells_end(each, connection) for each in exc.exceptions)
    return isinstance(exc, ConnectionClosed) and exc.connection is connection
