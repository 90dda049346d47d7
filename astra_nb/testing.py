"""Expectations about frames, for cells, graders and pytest; each raises AssertionError.

    from astra_nb.testing import expect_close, expect_frame, scenario

    with scenario(handle_socket) as client:
        client.send_text("Hello")
        expect_frame(client, "text", "Hello", sender="server")

They read a log: that of a server, of a client, or of a scenario. `await expect_frame_async(...)`
and the others with this ending take the same arguments and do not block the event loop.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from json import dumps, loads
from typing import Any, ParamSpec, TypeVar, cast, get_args

from .client import connect
from .errors import AstraError, WaitTimeout
from .log import FrameLog
from .log.records import FrameRecord, HandshakeRecord, OpenedRecord, Record
from .log.view import LogView
from .log.waiting import check_wait
from .net.addresses import websocket_url
from .net.background import BackgroundLoop
from .net.policy import Policy
from .net.routes import make_route
from .payloads import BytesValue, encode_bytes
from .runner import Runner
from .websocket import WebSocket
from .wire.messages import CloseFrame, Side
from .wire.opcodes import FrameType
from .wire.text import preview, visible

__all__ = [
    "expect_close",
    "expect_close_async",
    "expect_frame",
    "expect_frame_async",
    "expect_handshake",
    "expect_handshake_async",
    "expect_no_frame",
    "expect_no_frame_async",
    "expect_right",
    "scenario",
]

TIMEOUT = 2.0  # seconds
QUIET = 0.2  # seconds
CLOSE_TIMEOUT = 0.5  # seconds
SHUTDOWN = 3.0  # seconds a scenario's server may take to end
SHOWN = 8  # frames in a message
EMPTY = 1005
SHOWN_VALUE = 60  # characters

Source = Any
"""A log, or an object that has one as its attribute `log`: a server, a socket, a scenario."""

Value = BytesValue | re.Pattern[str] | re.Pattern[bytes] | Callable[[Any], object]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait of an expectation, for a record that matches; None when it does not come."""

    source: Source
    matches: Callable[[Record], bool]
    connection: int | None
    count: int
    after: int
    timeout: float | None

    def block(self) -> Record | None:
        log = _log(self.source)
        if not isinstance(log, FrameLog):
            return self.look(log)
        try:
            return log.wait_for(self.matches, **self.numbers())
        except WaitTimeout:
            return None

    async def follow(self) -> Record | None:
        log = _log(self.source)
        if not isinstance(log, FrameLog):
            return self.look(log)
        try:
            return await log.wait_for_async(self.matches, **self.numbers())
        except WaitTimeout:
            return None

    def numbers(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "count": self.count,
            "after": self.after,
            "timeout": self.timeout,
        }

    def look(self, view: LogView) -> Record | None:
        check_wait(self.count, self.after, self.timeout)
        chosen = view.filter(predicate=self.matches, connection=self.connection)
        found = chosen.since(self.after)
        return found[self.count - 1] if len(found) >= self.count else None


Steps = Generator[Wait, Record | None, R]
"""An expectation: yields each wait, gets what it found, and returns or raises at its end."""


def _blocking(steps: Callable[P, Steps[R]]) -> Callable[P, R]:
    @wraps(steps)
    def expect(*args: P.args, **options: P.kwargs) -> R:
        expectation = steps(*args, **options)
        found = None
        while True:
            try:
                wait = expectation.send(found)
            except StopIteration as end:
                return cast(R, end.value)
            found = wait.block()

    return _without_steps(expect)


def _awaitable(blocking: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    steps: Callable[P, Steps[R]] = blocking.__wrapped__  # type: ignore[attr-defined]

    @wraps(steps)
    async def expect(*args: P.args, **options: P.kwargs) -> R:
        expectation = steps(*args, **options)
        found = None
        while True:
            try:
                wait = expectation.send(found)
            except StopIteration as end:
                return cast(R, end.value)
            found = await wait.follow()

    expect.__doc__ = f"Expect as `{steps.__name__}` does, without blocking the event loop."
    expect.__name__ = expect.__qualname__ = f"{steps.__name__}_async"
    return _without_steps(expect)


def _without_steps(expect: Callable[P, R]) -> Callable[P, R]:
    shown = signature(expect).replace(return_annotation=Signature.empty)
    vars(expect)["__signature__"] = shown
    return expect


@_blocking
def expect_frame(
    source: Source,
    type: str | None = None,
    value: Value | None = None,
    *,
    json: object = ...,
    sender: Side | None = None,
    connection: int | None = None,
    count: int = 1,
    after: int = 0,
    timeout: float | None = TIMEOUT,
) -> Steps[FrameRecord]:
    """Expect that a frame is on the log, or comes soon.

    Args:
        source: A log, or an object that has one: a server, a socket, a scenario. A filtered view
            is only looked at: nothing is waited for.
        type: Its type: "text", "bytes", "continuation", "ping", "pong" or "close"; None for any.
        value: Its whole payload as a str, as bytes or as a byte table such as [0, 88, 14]; or a
            compiled pattern to search in it; or a function that gets the payload, of a text as a
            str, and returns whether it is right. None for any.
        json: What its payload says as JSON, instead of `value`; `...` for anything. The order of
            keys and blanks do not matter, and 1 equals 1.0, but not True.
        sender: The end that sent it, "server" or "client"; None for either.
        connection: Number of its connection, such as `socket.id`; None for any.
        count: Which of the matching frames: 1 for the first.
        after: Only frames whose number is above this one.
        timeout: Seconds to wait; None for no limit.

    Returns:
        The frame, with `type`, `payload`, `frame`, `number` and `time`.

    Raises:
        AssertionError: It did not come; the message shows the frames that did.
        ValueError: A type or sender that does not exist, a value that no frame carries, or a
            count below 1: a mistake in the expectation itself.
        TypeError: The source has no log, or an argument is of another type than these.
        WrongThread: The wait would block the event loop that the frames come on; write
            `await expect_frame_async(...)`.
    """
    shown, is_right = _check_value(type, value, json)

    def matches(frame: FrameRecord) -> bool:
        return type in (None, frame.type) and is_right(frame)

    times = f"{count} times " if count != 1 else ""
    wanted = f"{times}{type or 'frame'}{shown}"
    return (yield from _expect(source, wanted, matches, sender, connection, count, after, timeout))


expect_frame_async = _awaitable(expect_frame)


@_blocking
def expect_close(
    source: Source,
    code: int | None = None,
    reason: str | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    after: int = 0,
    timeout: float | None = TIMEOUT,
) -> Steps[FrameRecord]:
    """Expect a CLOSE frame, with this code and this reason (RFC 6455, section 5.5.1).

    Args:
        code: Its close code; 1005 for an empty frame, None for any.
        reason: Its close reason; None for any.
        source, sender, connection, after, timeout: As for `expect_frame`.

    Raises:
        AssertionError: No such frame came; the message shows the frames that did.
        ValueError, TypeError, WrongThread: As for `expect_frame`.
    """
    if code is not None:
        _check_number("a close code", code, 0xFFFF)
    _check_text("a close reason", reason)
    wanted = "close" if code is None else f"close {code}"
    if reason is not None:
        wanted += f' with the reason "{visible(reason)}"'

    def matches(frame: FrameRecord) -> bool:
        close = frame.frame.close or CloseFrame(EMPTY)
        right = code in (None, close.code) and reason in (None, close.reason)
        return frame.type == "close" and right

    return (yield from _expect(source, wanted, matches, sender, connection, 1, after, timeout))


expect_close_async = _awaitable(expect_close)


@_blocking
def expect_no_frame(
    source: Source,
    type: str | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    after: int = 0,
    seconds: float = QUIET,
) -> Steps[None]:
    """Expect that no such frame is on the log, and that none comes for a moment.

    Args:
        seconds: How many seconds to wait for it.
        source, type, sender, connection, after: As for `expect_frame`.

    Raises:
        AssertionError: There is one.
        ValueError, TypeError, WrongThread: As for `expect_frame`.
    """
    if seconds is None:
        raise TypeError("seconds is a number: an expectation of nothing has to end")
    _check_type(type)
    matches = _frames_of(sender, lambda frame: type in (None, frame.type))
    found = yield Wait(source, matches, connection, 1, after, seconds)
    if found is not None:
        raise AssertionError(
            f"no {type or 'frame'}{_by(sender)} was expected, but this one came: "
            f"{_row(cast(FrameRecord, found))}\n{_frames(source, 0)}"
        )


expect_no_frame_async = _awaitable(expect_no_frame)


@_blocking
def expect_handshake(
    source: Source,
    *,
    status: int = 101,
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    connection: int | None = None,
    timeout: float | None = TIMEOUT,
) -> Steps[HandshakeRecord]:
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
        ValueError, TypeError, WrongThread: As for `expect_frame`.
    """
    _check_number("status", status, 999)
    _check_text("path", path)
    if not isinstance(headers or {}, Mapping):
        raise TypeError(f"headers is a dict of names and values, not {headers!r:.{SHOWN_VALUE}}")
    for name, value in (headers or {}).items():
        _check_text("the name of a header", name)
        _check_text(f"the header {name}", value)

    def answered(record: Record) -> bool:
        return isinstance(record, HandshakeRecord) and record.status is not None

    found = cast(HandshakeRecord | None, (yield Wait(source, answered, connection, 1, 0, timeout)))
    if found is None:
        raise AssertionError(f"no answer to an opening handshake came{_within(timeout)}")
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
        opened = yield Wait(
            source, lambda record: record.kind == "opened", found.connection, 1, 0, timeout
        )
        came = opened.path if isinstance(opened, OpenedRecord) else "none"
        if came != path:
            raise AssertionError(f"the path of the request is {visible(came)}, not {path}")
    return found


expect_handshake_async = _awaitable(expect_handshake)


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


def _expect(
    source: Source,
    wanted: str,
    matches: Callable[[FrameRecord], bool],
    sender: Side | None,
    connection: int | None,
    count: int,
    after: int,
    timeout: float | None,
) -> Steps[FrameRecord]:
    found = yield Wait(source, _frames_of(sender, matches), connection, count, after, timeout)
    if found is None:
        raise AssertionError(
            f"{wanted}{_by(sender)} was expected and did not come{_within(timeout)}\n"
            f"{_frames(source, after)}"
        )
    return cast(FrameRecord, found)


def _frames_of(
    sender: Side | None, matches: Callable[[FrameRecord], bool]
) -> Callable[[Record], bool]:
    if sender not in (None, *get_args(Side)):
        raise ValueError(f'sender is "server", "client" or None for either, not {sender!r}')
    return lambda record: (
        isinstance(record, FrameRecord) and sender in (None, record.sender) and matches(record)
    )


def _check_type(type: str | None) -> None:
    if type not in (None, *get_args(FrameType)):
        known = ", ".join(map(repr, get_args(FrameType)))
        raise ValueError(f"{type!r} is not the type of a frame; there are {known}")


def _check_text(what: str, text: object) -> None:
    if text is not None and not isinstance(text, str):
        raise TypeError(f"{what} is a str, not {text!r:.{SHOWN_VALUE}}")


def _check_number(what: str, number: object, highest: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{what} is a whole number, not {number!r:.{SHOWN_VALUE}}")
    if not 0 <= number <= highest:
        raise ValueError(f"{what} is a number from 0 to {highest:,}, not {number}")


def _check_value(
    type: str | None, value: Value | None, json: object
) -> tuple[str, Callable[[FrameRecord], bool]]:
    """Return how an expected payload is shown, and a function that finds it."""
    _check_type(type)
    if json is not ...:
        if value is not None:
            raise TypeError("the payload is given once: as a value, or with json=")
        try:
            said = dumps(json, ensure_ascii=False)
        except (TypeError, ValueError) as exc:
            raise TypeError(f"json={json!r:.{SHOWN_VALUE}} is not a value of JSON: {exc}") from None
        wanted = _canonical(said)
        return (
            f" JSON {visible(said, SHOWN_VALUE)}",
            lambda frame: _canonical(frame.payload) == wanted,
        )
    if value is None:
        return "", lambda frame: True
    if isinstance(value, re.Pattern):
        shown = f" like {value.pattern!r:.{SHOWN_VALUE}}"
        if isinstance(value.pattern, bytes):
            return shown, lambda frame: value.search(frame.payload) is not None
        return shown, lambda frame: value.search(_text(frame)) is not None
    if callable(value):
        return f" that {getattr(value, '__name__', 'the function')} accepts", lambda frame: bool(
            value(_text(frame) if frame.type == "text" else frame.payload)
        )
    if isinstance(value, Mapping):
        raise TypeError(f"a dict is expected as JSON: write json={value!r:.{SHOWN_VALUE}}")
    payload = encode_bytes(value)
    return (
        f" {preview(payload, cast(FrameType, type or 'bytes'))}",
        lambda frame: frame.payload == payload,
    )


def _text(frame: FrameRecord) -> str:
    return frame.payload.decode("utf-8", "replace")


def _canonical(text: str | bytes) -> str | None:
    """Return JSON in the one form that all equal values have; None when it is not JSON."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        return dumps(loads(text, parse_float=_number), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _number(digits: str) -> float:
    number = float(digits)
    return int(number) if number.is_integer() else number


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


def _within(timeout: float | None) -> str:
    return "" if timeout is None else f" within {timeout:g} s"
