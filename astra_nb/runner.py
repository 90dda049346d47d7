"""A running server: its sockets, its connections, and the handlers at work on them.

It does not refer to the `Server`, so that one that nothing refers to can be collected.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import socket as sockets
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from websockets.http11 import Request

from .async_websocket import AsyncWebSocket
from .errors import ConnectionClosed, InvalidRoute, LoopBlocked, LuaError
from .jupyter.handler_output import Lines, handler_context, install, uninstall, wrap
from .locks import Latch
from .log import FrameLog
from .log.records import HandlerErrorRecord, NoticeRecord, OutputRecord
from .net import background
from .net.addresses import bind, websocket_url
from .net.connection import Connection
from .net.inbox import TaskInbox, ThreadInbox
from .net.policy import Policy
from .net.routes import Route
from .net.server_connection import ServerConnection
from .websocket import WebSocket

__all__ = ["Runner"]

ACCEPT_RETRY = 0.2  # seconds until the next try after a client could not be accepted
SHUTDOWN_GRACE = 0.5  # seconds beyond the close timeout for handlers to end by themselves
LISTENING_CONNECTION = 0  # number of the records that belong to no connection


class Runner:
    """A running server.

    Args:
        numbers: The connections' numbers. The server's, so that on the log of a server that runs
            again a number still means one connection.
        loop: A loop for this server alone, which ends with it; None shares the one of all. With
            its own, a handler that never gives the loop back holds up no other server.

    Attributes:
        ended: Set when all is gone.
        cell: The notebook cell that called `run()`, or None.
        panels: What shows the server, and is closed when another server replaces it.
    """

    def __init__(
        self,
        policy: Policy,
        log: FrameLog | None,
        hostname: str,
        port: int,
        cell: str | None,
        numbers: Iterator[int],
        *,
        loop: background.BackgroundLoop | None = None,
    ) -> None:
        self.policy = policy
        self.log = log
        self.hostname = hostname
        self.port = port
        self.asked_port = port  # 0 when the system chose the port
        self.cell = cell
        self.running = False
        self.ended = Latch()
        self.panels: Iterable[Any] = ()
        self._numbers = numbers
        self._own_loop = loop
        self._connections: set[ServerConnection] = set()
        self._sockets: dict[int, WebSocket] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._lines: dict[int, Lines] = {}
        self._listening: list[sockets.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._is_told = False  # that a client could not be let in
        self._ending: asyncio.Task[None] | None = None
        self._thread_ended = asyncio.Event()
        self._unfinished = [True]  # popped by the thread that finishes
        # A handler's prints belong to the cell that runs now.
        self._context = contextvars.copy_context()

    def run(self) -> None:
        """Listen. Any thread but the loop's. What was begun is undone when this raises."""
        try:
            self._background = background.acquire(self, self._own_loop)
            self._background.forbid_wait()
            bind(self.hostname, self.port, self._listening)
            self.port = self._listening[0].getsockname()[1]
            self._background.call(self._listen)
            self._notice(f"Listening at {websocket_url(self.hostname, self.port)}")
        except BaseException:
            self.shutdown()
            raise

    def _listen(self) -> None:
        # On the loop's thread, which no interrupt reaches.
        install()
        self.running = True
        self._background.listeners.add(self._notice)
        self._accepting = [
            self._background.loop.create_task(self._accept(listening))
            for listening in self._listening
        ]

    async def _accept(self, listening: sockets.socket) -> None:
        # One at a time: asyncio's own server tries as often as the backlog is long, and reports
        # each time, while the process is out of file descriptors.
        loop = asyncio.get_running_loop()
        while self._ending is None:
            try:
                client, _ = await loop.sock_accept(listening)
            except ConnectionError:
                continue  # it has gone away again
            except OSError as exc:
                if not self._is_told:
                    self._is_told = True
                    self._notice(
                        f"A client had to wait: it could not be accepted ({exc.strerror}). Each "
                        f"connection and each open file takes a file descriptor; close some. "
                        f"The server goes on trying, and does not say this again."
                    )
                await asyncio.sleep(ACCEPT_RETRY)
                continue
            try:
                await loop.connect_accepted_socket(self._make_connection, client)
            except OSError:
                client.close()

    def _make_connection(self) -> ServerConnection:
        connection = ServerConnection(
            self.policy,
            next_number=self._numbers.__next__,
            tap=self.log,
            on_open=self._opened,
            on_closed=self._closed,
        )
        self._connections.add(connection)
        return connection

    def _opened(
        self,
        connection: ServerConnection,
        route: Route,
        parameters: dict[str, str],
        request: Request,
    ) -> None:
        start = self._start_task if route.is_async else self._start_thread
        start(connection, route, parameters, request)

    def _make_context(self, number: int) -> contextvars.Context:
        wrap()
        self._lines[number] = lines = Lines(self._sink(number))
        return handler_context(self._context, lines)

    def _start_task(
        self,
        connection: ServerConnection,
        route: Route,
        parameters: dict[str, str],
        request: Request,
    ) -> None:
        number, earlier = connection.number, connection.inbox
        inbox = TaskInbox(connection.resume_reading)
        connection.inbox = inbox
        socket = AsyncWebSocket(connection, inbox, request, self.log)
        socket.path_parameters = parameters
        if isinstance(earlier, ThreadInbox):  # the handler's call in a thread gave an awaitable
            earlier.move_to(inbox)
        self._tasks[number] = connection.loop.create_task(
            self._run_async(route, socket, connection), context=self._make_context(number)
        )

    def _start_thread(
        self,
        connection: ServerConnection,
        route: Route,
        parameters: dict[str, str],
        request: Request,
    ) -> None:
        number = connection.number
        inbox = ThreadInbox(connection.resume_reading_soon)
        connection.inbox = inbox
        socket = WebSocket(connection, inbox, request, self.log, self._background)
        socket.path_parameters = parameters
        self._sockets[number] = socket

        def start_task() -> None:
            self._sockets.pop(number, None)  # it could receive, and its handler does that now
            self._start_task(connection, route, parameters, request)

        thread = threading.Thread(
            target=self._make_context(number).run,
            args=(self._run_blocking, route, socket, connection, start_task),
            name=f"astra_nb handler {number}",
            daemon=True,
        )
        self._threads[number] = thread
        connection.sender.let_write(thread)
        try:
            thread.start()
            connection.sender.let_write(thread)
        except RuntimeError as exc:  # the system gives no more threads
            del self._threads[number]
            connection.notice(f"No handler could be started: {exc}.")
            connection.send_close(1013, "no thread for a handler")

    def _sink(self, number: int) -> Callable[[str, str], None]:
        log = self.log

        def sink(stream: str, text: str) -> None:
            if log is not None:
                log.append(number, OutputRecord, stream=stream, text=text)

        return sink

    async def _run_async(
        self, route: Route, socket: AsyncWebSocket, connection: Connection
    ) -> None:
        code = 1000
        try:
            result = route.handler(socket)
            if inspect.isawaitable(result):
                result = await result
            code = self._judge(connection, result)
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if self._ending is None:
                if task is not None and task.cancelling():
                    raise
                code = self._report(connection, exc)  # of another task, which the handler awaited
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
            self._threads.pop(connection.number, None)
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
        connection.resume_reading()
        connection.inbox = None  # what still comes is on the log, and nobody waits for it

    def _judge(self, connection: Connection, result: object) -> int:
        """Return the close code after a handler that returned."""
        if not (inspect.isgenerator(result) or inspect.isasyncgen(result)):
            return 1000
        return self._report(
            connection,
            InvalidRoute(
                f"the handler returned {result!r:.80}, a generator, none of whose lines has run; "
                f"take the yield out, and send with socket.send_text(...)"
            ),
        )

    def _judge_error(self, connection: Connection, exc: BaseException) -> int:
        """Return the close code after a handler that raised; only its own end is not an error."""
        return 1000 if _tells_end(exc, connection.state) else self._report(connection, exc)

    def _report(self, connection: Connection, exc: BaseException) -> int:
        """Show and record what a handler raised; the peer learns only the close code."""
        # Without the frame of this module, whose caller the handler is.
        trace = exc.__traceback__.tb_next if exc.__traceback__ is not None else None
        if isinstance(exc, LuaError):
            lines = [exc.report()]  # its author wrote Lua; where Python was tells them nothing
        else:
            lines = traceback.format_exception(type(exc), exc, trace)
        if self.log is not None:
            self.log.append(
                connection.number,
                HandlerErrorRecord,
                summary="".join(traceback.format_exception_only(exc)).strip(),
                traceback="".join(lines),
            )
        text = f"The handler of connection {connection.number} raised:\n{''.join(lines)}"
        print(text, file=sys.stderr, end="", flush=True)  # noqa: T201
        return 1011

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(cast(ServerConnection, connection))
        self._sockets.pop(connection.number, None)

    def _notice(self, text: str) -> None:
        if self.log is not None:
            self.log.append(LISTENING_CONNECTION, NoticeRecord, text=text)

    # Seen from other threads

    def sockets(self) -> list[WebSocket]:
        """Blocking sockets of the open connections, oldest first."""
        return self._background.call(self._open_sockets) if self.running else []

    def _open_sockets(self) -> list[WebSocket]:
        result = []
        for connection in sorted(self._connections, key=lambda each: each.number):
            if connection.close_asked or not connection.state.is_open:
                continue
            number = connection.number
            socket = self._sockets.get(number)
            if socket is None:
                socket = WebSocket(connection, None, connection.request, self.log, self._background)
                self._sockets[number] = socket
            result.append(socket)
        return result

    def broadcast(self, frame: tuple[bytes, int, bytes]) -> int:
        """Send one frame, serialized already, on every open connection."""
        return self._background.call(lambda: self._broadcast(*frame)) if self.running else 0

    def _broadcast(self, frame: bytes, opcode: int, payload: bytes) -> int:
        connections = list(self._connections)
        return sum(
            connection.sender.broadcast(frame, opcode, payload) for connection in connections
        )

    def settle(self) -> None:
        """Wait, up to 0.2 s, until the loop has done what other threads have asked of it so far."""
        if self.running:
            self._background.settle()

    def forbid_wait(self) -> None:
        """Refuse a blocking call on the loop's own thread, with `WrongThread`."""
        if self.running:
            self._background.forbid_wait()

    # The end

    def shutdown(self, code: int = 1001, reason: str = "") -> None:
        """Close all, wait until all is gone, and give the port back. Idempotent, bounded.

        All of it happens on the loop's thread: an interrupt ends only the wait for it.

        Raises:
            LoopBlocked: A handler blocks the loop; the port was given back, and the connections
                are closed when the handler ends.
        """
        threads = list(self._threads.values())
        current = threading.current_thread()
        loop = background.loop_of(self)
        if loop is None:  # not begun, or ended
            self._finish()
            return
        try:
            loop.loop.call_soon_threadsafe(self._start_shutdown, code, reason, current)
            if loop.is_current_thread:
                return
            loop.wait(self.ended.wait)
        except RuntimeError:  # the loop has ended, and everything on it
            self._finish()
        except LoopBlocked:
            background.give_up(loop)
            self._finish()
            raise
        stuck = set(self._threads.values())
        for thread in threads:
            if thread is not current and thread not in stuck:
                thread.join(SHUTDOWN_GRACE)
        loop.join()

    def shutdown_soon(self) -> None:
        """Close all without waiting. Any thread, a garbage collection's among them: no lock."""
        loop = background.loop_of(self)
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.loop.call_soon_threadsafe(self._start_shutdown, 1001, "")

    def _start_shutdown(
        self, code: int, reason: str, caller: threading.Thread | None = None
    ) -> None:
        if self._ending is None:
            # Kept, because the loop itself holds tasks only weakly.
            loop = asyncio.get_running_loop()
            self._ending = loop.create_task(self._shutdown(code, reason, caller))
            self._ending.add_done_callback(lambda _: self._finish())
        if self.ended.is_set():  # it was given up, and the loop ends now
            for connection in self._connections:
                connection.transport.abort()

    async def _shutdown(self, code: int, reason: str, caller: threading.Thread | None) -> None:
        await self._stop_accepting()
        self._close_listening()
        connections = list(self._connections)
        for connection in connections:
            if connection.state.is_open:
                connection.close_in_turn(code, reason)
            elif not connection.is_established:
                connection.transport.abort()
        waiting = [connection.lost for connection in connections]
        if waiting:
            await asyncio.wait(waiting, timeout=self.policy.close_timeout)
        for connection in list(self._connections):
            connection.transport.abort()
        tasks = list(self._tasks.values())
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=SHUTDOWN_GRACE)
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending, timeout=SHUTDOWN_GRACE)
            for number, task in list(self._tasks.items()):
                if task in pending:
                    self._notice(
                        f"The handler of connection {number} did not end after its connection "
                        f"had closed, although it was cancelled; it catches even that."
                    )
        await self._wait_for_threads(caller)

    async def _stop_accepting(self) -> None:
        for listening in self._listening:
            # A client that was accepted just now is not lost by the cancelling below.
            with contextlib.suppress(NotImplementedError, ValueError):
                asyncio.get_running_loop().remove_reader(listening)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for accepting in self._accepting:
            accepting.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)

    async def _wait_for_threads(self, caller: threading.Thread | None) -> None:
        def left() -> list[int]:
            return [number for number, each in self._threads.items() if each is not caller]

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_GRACE):
                while left():
                    self._thread_ended.clear()
                    await self._thread_ended.wait()
        for number in left():
            self._notice(
                f"The handler of connection {number} did not end after its connection had "
                f"closed; its thread goes on by itself until it does."
            )

    def _close_listening(self) -> None:
        for listening in self._listening:
            listening.close()

    def _finish(self) -> None:
        try:
            self._unfinished.pop()
        except IndexError:
            return
        self._close_listening()
        if self.running:
            self._notice("Stopped listening")
            self.running = False
            uninstall()
            self._background.listeners.discard(self._notice)
        background.release(self)
        self.ended.set()

    def forget_after_fork(self) -> None:
        """In a forked child: give back the copies of the listening sockets, touch nothing else."""
        self._close_listening()
        self.running = False
        self.ended.set()


def _tells_end(exc: BaseException, connection: object) -> bool:
    """Return whether an error, or all those of a group, tells that one connection has ended."""
    if isinstance(exc, BaseExceptionGroup):
        return all(_tells_end(each, connection) for each in exc.exceptions)
    return isinstance(exc, ConnectionClosed) and exc.connection is connection
