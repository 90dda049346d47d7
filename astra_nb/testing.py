"""Expectations about frames, for cells, graders and pytest; each raises AssertionError.

    from astra_nb.testing import expect_close, expect_frame, scenario

    with scenario(handle_socket) as client:
        client.send_text("Hello")
        expect_frame(client, "text", "Hello", sender="server")

They read a log: that of a server, of a client, or of a scenario.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from .client import connect
from .errors import AstraError, WaitTimeout
from .log import FrameLog
from .log.records import FrameRecord, HandshakeRecord, OpenedRecord, Record
from .log.view import LogView
from .net.addresses import websocket_url
from .net.background import BackgroundLoop
from .net.policy import Policy
from .net.routes import make_route
from .runner import Runner
from .websocket import WebSocket
from .wire.messages import CloseFrame, Side
from .wire.text import preview, visible

__all__ = [
    "expect_close",
    "expect_frame",
    "expect_handshake",
    "expect_no_frame",
    "expect_right",
    "scenario",
]

TIMEOUT = 2.0  # seconds
QUIET = 0.2  # seconds
CLOSE_TIMEOUT = 0.5  # seconds
SHUTDOWN = 3.0  # seconds a scenario's server may take to end
SHOWN = 8  # frames in a message
EMPTY = 1005

Source = Any
"""A log, or an object that has one as its attribute `log`: a server, a socket, a scenario."""


def expect_frame(
    source: Source,
    type: str | None = None,
    value: str | bytes | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    count: int = 1,
    after: int = 0,
    timeout: float = TIMEOUT,
) -> FrameRecord:
    """Expect that a frame is on the log, or comes soon.

    Args:
        source: A log, or an object that has one: a server, a socket, a scenario.
        type: Its type: "text", "bytes", "continuation", "ping", "pong" or "close"; None for any.
        value: Its whole payload; None for any.
        sender: The end that sent it; None for either.
        connection: Number of its connection; None for any.
        count: Which of the matching frames: 1 for the first.
        after: Only frames whose number is above this one.
        timeout: Seconds to wait.

    Returns:
        The frame, with `type`, `payload`, `frame`, `number` and `time`.

    Raises:
        AssertionError: It did not come; the message shows the frames that did.
        TypeError: The source has no log.
    """
    payload = value.encode() if isinstance(value, str) else value
    times = f"{count} times " if count > 1 else ""
    shown = "" if payload is None else f" {preview(payload, type or 'bytes')}"  # type: ignore[arg-type]

    def matches(frame: FrameRecord) -> bool:
        return type in (None, frame.type) and payload in (None, frame.payload)

    wanted = f"{times}{type or 'frame'}{shown}"
    return _expect(source, wanted, matches, sender, connection, count, after, timeout)


def expect_close(
    source: Source,
    code: int | None = None,
    reason: str | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    after: int = 0,
    timeout: float = TIMEOUT,
) -> FrameRecord:
    """Expect a CLOSE frame, with this code and this reason (RFC 6455, section 5.5.1).

    Args:
        code: Its close code; 1005 for an empty frame, None for any.
        reason: Its close reason; None for any.
        source, sender, connection, after, timeout: As for `expect_frame`.

    Raises:
        AssertionError: No such frame came; the message shows the frames that did.
        TypeError: The source has no log.
    """
    wanted = "close" if code is None else f"close {code}"
    if reason is not None:
        wanted += f' with the reason "{visible(reason)}"'

    def matches(frame: FrameRecord) -> bool:
        close = frame.frame.close or CloseFrame(EMPTY)
        right = code in (None, close.code) and reason in (None, close.reason)
        return frame.type == "close" and right

    return _expect(source, wanted, matches, sender, connection, 1, after, timeout)


def expect_no_frame(
    source: Source,
    type: str | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    after: int = 0,
    seconds: float = QUIET,
) -> None:
    """Expect that no such frame is on the log, and that none comes for a moment.

    Args:
        seconds: How many seconds to wait for it.
        source, type, sender, connection, after: As for `expect_frame`.

    Raises:
        AssertionError: There is one.
        TypeError: The source has no log.
    """
    try:
        found = expect_frame(
            source, type, sender=sender, connection=connection, after=after, timeout=seconds
        )
    except AssertionError:
        return
    raise AssertionError(
        f"no {type or 'frame'}{_by(sender)} was expected, but this one came: {_row(found)}\n"
        f"{_frames(source, 0)}"
    )


def expect_handshake(
    source: Source,
    *,
    status: int = 101,
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    connection: int | None = None,
    timeout: float = TIMEOUT,
) -> HandshakeRecord:
    """Expect an opening handshake that was answered with this status (RFC 6455, section 4).

    Args:
        status: HTTP status code of the answer.
        path: Path of the request, when the handshake opened a connection.
        headers: Headers of the answer that must be there with this value.
        source, connection, timeout: As for `expect_frame`.

    Returns:
        The answer, with `status`, `start_line` and `headers`.

    Raises:
        AssertionError: No such answer came; the message says what differs.
        TypeError: The source has no log.
    """

    def answered(record: Record) -> bool:
        return (
            isinstance(record, HandshakeRecord)
            and record.status is not None
            and (connection is None or record.connection == connection)
        )

    found = cast(HandshakeRecord | None, _wait(source, answered, 1, 0, timeout))
    if found is None:
        raise AssertionError(f"no answer to an opening handshake came within {timeout:g} s")
    if found.status != status:
        raise AssertionError(
            f"the opening handshake was answered with {visible(found.start_line)}, "
            f"and {status} was expected"
        )
    have = {name.lower(): value for name, value in found.headers}
    for name, value in (headers or {}).items():
        came = have.get(name.lower())
        if came != value:
            said = "is not there" if came is None else f"is {visible(came)!r}"
            raise AssertionError(f"the header {name} {said}, and {value!r} was expected")
    if path is not None:
        opened = _wait(source, lambda record: record.kind == "opened", 1, 0, timeout)
        came = opened.path if isinstance(opened, OpenedRecord) else "none"
        if came != path:
            raise AssertionError(f"the path of the request is {visible(came)}, not {path}")
    return found


def expect_right(exercise: Any, answer: object) -> None:
    """Expect that an exercise's check accepts an answer; for graders.

    In a notebook the result of the check is shown first, so that it stays in the outputs.

    Raises:
        AssertionError: It is not right, or not attempted; the message is the result of the check.
    """
    # Not at the top: these imports are slow, and few programs that use this module need them.
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    found = exercise.check(answer)
    if get_ipython() is not None:
        display(found)  # type: ignore[no-untyped-call]
    if not found:
        raise AssertionError(str(found))


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


def _log(source: Source) -> LogView:
    log = source if isinstance(source, LogView) else getattr(source, "log", None)
    if not isinstance(log, LogView):
        raise TypeError(
            f"an expectation looks at a log, a server or a socket, not at {source!r:.60}"
        )
    return log


def _wait(
    source: Source, matches: Callable[[Record], bool], count: int, after: int, timeout: float
) -> Record | None:
    log = _log(source)
    if isinstance(log, FrameLog):
        try:
            return log.wait_for(matches, count=count, after=after, timeout=timeout)
        except WaitTimeout:
            return None
    found = [record for record in log.since(after) if matches(record)]
    return found[count - 1] if len(found) >= count else None


def _expect(
    source: Source,
    wanted: str,
    matches: Callable[[FrameRecord], bool],
    sender: Side | None,
    connection: int | None,
    count: int,
    after: int,
    timeout: float,
) -> FrameRecord:
    def found(record: Record) -> bool:
        return (
            isinstance(record, FrameRecord)
            and sender in (None, record.sender)
            and connection in (None, record.connection)
            and matches(record)
        )

    record = _wait(source, found, count, after, timeout)
    if record is None:
        raise AssertionError(
            f"{wanted}{_by(sender)} was expected and did not come within {timeout:g} s\n"
            f"{_frames(source, after)}"
        )
    return cast(FrameRecord, record)


def _frames(source: Source, after: int) -> str:
    frames = [record for record in _log(source).since(after) if isinstance(record, FrameRecord)]
    if not frames:
        return "no frame is on the log"
    return "\n".join(["the last frames:", *(f"  {_row(frame)}" for frame in frames[-SHOWN:])])


def _row(record: FrameRecord) -> str:
    shown = preview(record.payload, record.type) or "(empty)"
    return f"{record.sender} {record.type} {shown}"


def _by(sender: Side | None) -> str:
    return "" if sender is None else f" from the {sender}"
