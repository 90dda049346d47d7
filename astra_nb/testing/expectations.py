"""Expectations about the frames and handshakes in a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, cast, get_args

from astra_nb.log.records import FrameRecord, HandshakeRecord, Record
from astra_nb.log.waiting import check_wait
from astra_nb.net.policy import split_target
from astra_nb.net.uris import percent_encoded
from astra_nb.wire.messages import CloseFrame, Side
from astra_nb.wire.redaction import HIDDEN, SUBPROTOCOL_HEADER, redact_header, redact_path
from astra_nb.wire.text import preview, visible

from .values import SHOWN, Value, check_number, check_text, check_type, check_value
from .waits import Source, awaitable, blocking, log_of, wait_for

TIMEOUT = 2.0  # seconds
QUIET = 0.2  # seconds
TRIES = 3  # checks on a machine that is too busy
LAST = 8  # frames in a message
EMPTY = 1005


@blocking
async def expect_frame(
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
) -> FrameRecord:
    """Expect that a frame is in the log, or comes soon.

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
    shown, is_right = check_value(type, value, json)

    def matches(frame: FrameRecord) -> bool:
        return type in (None, frame.type) and is_right(frame)

    times = f"{count} times " if count != 1 else ""
    wanted = f"{times}{type or 'frame'}{shown}"
    return await _expect(source, wanted, matches, sender, connection, count, after, timeout)


expect_frame_async = awaitable(expect_frame)


@blocking
async def expect_close(
    source: Source,
    code: int | None = None,
    reason: str | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    after: int = 0,
    timeout: float | None = TIMEOUT,
) -> FrameRecord:
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
        check_number("a close code", code, 0xFFFF)
    check_text("a close reason", reason)
    wanted = "close" if code is None else f"close {code}"
    if reason is not None:
        wanted += f' with the reason "{visible(reason)}"'

    def matches(frame: FrameRecord) -> bool:
        close = frame.frame.close or CloseFrame(EMPTY)
        right = code in (None, close.code) and reason in (None, close.reason)
        return frame.type == "close" and right

    return await _expect(source, wanted, matches, sender, connection, 1, after, timeout)


expect_close_async = awaitable(expect_close)


@blocking
async def expect_no_frame(
    source: Source,
    type: str | None = None,
    *,
    sender: Side | None = None,
    connection: int | None = None,
    after: int = 0,
    seconds: float = QUIET,
) -> None:
    """Expect that no such frame is in the log, and that none comes for a moment.

    Args:
        seconds: How many seconds to wait for it.
        source, type, sender, connection, after: As for `expect_frame`.

    Raises:
        AssertionError: There is one.
        ValueError, TypeError, WrongThread: As for `expect_frame`.
    """
    if seconds is None:
        raise TypeError("seconds is a number: waiting for nothing has to end")
    check_type(type)
    matches = _frames_of(sender, lambda frame: type in (None, frame.type))
    found = await wait_for(source, matches, connection, 1, after, seconds)
    if found is not None:
        raise AssertionError(
            f"no {type or 'frame'}{_by(sender)} was expected, but this one came: "
            f"{_row(cast(FrameRecord, found))}\n{_frames(source, 0)}"
        )


expect_no_frame_async = awaitable(expect_no_frame)


@blocking
async def expect_handshake(
    source: Source,
    *,
    status: int = 101,
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    connection: int | None = None,
    timeout: float | None = TIMEOUT,
) -> HandshakeRecord:
    """Expect an opening handshake that was answered with this status (RFC 6455, section 4).

    Any of those in the log may be the one, and one that comes later.

    Args:
        status: HTTP status code of the answer.
        path: Path of the request, with its query, as for `connect`.
        headers: Headers of the answer that must be there with this value.
        source, connection, timeout: As for `expect_frame`.

    Returns:
        The answer, with `status`, `start_line` and `headers`.

    Raises:
        AssertionError: No such answer came; the message says what differs in the last one.
        ValueError: Also for a path or a header with a secret, which the log hides.
        TypeError, WrongThread: As for `expect_frame`.
    """
    check_number("status", status, 999)
    check_text("path", path)
    if path is not None and redact_path(path) != path:
        raise ValueError(
            f"the log hides secrets, so no path in it is this one; leave out what is hidden here: "
            f"{visible(redact_path(path), SHOWN)}"
        )
    if not isinstance(headers or {}, Mapping):
        raise TypeError(f"headers is a dict of names and values, not {headers!r:.{SHOWN}}")
    for name, value in (headers or {}).items():
        check_text("the name of a header", name)
        check_text(f"the header {name}", value)
        # Which subprotocols are hidden depends on the route.
        if name.lower() != SUBPROTOCOL_HEADER and redact_header(name, value) != value:
            raise ValueError(
                f"the log hides the value of the header {visible(name, SHOWN)}, so it cannot be "
                f"compared; socket.response_with_secrets has it"
            )

    timeout = check_wait(1, 0, timeout)
    deadline = None if timeout is None else monotonic() + timeout
    number, problems = 0, list[str]()
    while True:
        left = None if deadline is None else max(deadline - monotonic(), 0)
        found = await wait_for(source, _is_answer, connection, 1, number, left)
        if not isinstance(found, HandshakeRecord):
            break
        problem = _wrong_answer(found, status, headers or {})
        if path is not None and not problem:
            came = _path_of(await wait_for(source, _is_request, found.connection, 1, 0, 0))
            # As `connect` encodes it, but for what the log puts there itself.
            encoded = HIDDEN.join(map(percent_encoded, path.split(HIDDEN)))
            if came not in (path, encoded):
                shown = "none" if came is None else visible(came)
                problem = f"the path of the request is {shown}, not {visible(path)}"
        if not problem:
            return found
        number = found.number
        problems.append(problem)
    if not problems:
        raise AssertionError(f"no answer to an opening handshake came{_within(timeout)}")
    others = f" (the last of {len(problems)} answers)" if len(problems) > 1 else ""
    raise AssertionError(problems[-1] + others)


expect_handshake_async = awaitable(expect_handshake)


class NotRight(AssertionError):
    """A check that did not accept an answer, after its card was shown: one line in a notebook."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def expect_right(exercise: Any, answer: object, *, seed: str | None = None) -> None:
    """Expect that an exercise's check accepts an answer; for graders.

    In a notebook the result of the check is shown first, so that it stays in the outputs, and the
    error is one line. A machine that is too busy to judge is asked again, a few times.

    Args:
        exercise: An exercise, such as `echo`.
        answer: The student's handler or function.
        seed: Shapes the values of the check, as in `check`.

    Raises:
        AssertionError: It is not right, or not attempted; the message is the result of the check.
    """
    # Not at the top: these imports are slow, and few programs that use this module need them.
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    for _ in range(TRIES):
        found = exercise.check(answer, seed=seed)
        if found.outcome != "too busy":
            break
    if get_ipython() is None:
        if not found:
            raise AssertionError(str(found))
        return
    display(found)  # type: ignore[no-untyped-call]
    if not found:
        raise NotRight(f"{found.title}: {found.outcome}; see above.")


async def _expect(
    source: Source,
    wanted: str,
    matches: Callable[[FrameRecord], bool],
    sender: Side | None,
    connection: int | None,
    count: int,
    after: int,
    timeout: float | None,
) -> FrameRecord:
    is_right = _frames_of(sender, matches)
    found = await wait_for(source, is_right, connection, count, after, timeout)
    if found is None:
        raise AssertionError(
            f"{wanted}{_by(sender)} was expected and did not come{_within(timeout)}\n"
            f"{_frames(source, after)}"
        )
    return cast(FrameRecord, found)


def _is_answer(record: Record) -> bool:
    return isinstance(record, HandshakeRecord) and record.status is not None


def _is_request(record: Record) -> bool:
    return isinstance(record, HandshakeRecord) and record.status is None


def _path_of(request: Record | None) -> str | None:
    if not isinstance(request, HandshakeRecord):
        return None
    target = request.start_line.partition(" ")[2].rpartition(" ")[0]
    return split_target(target)[1]


def _wrong_answer(found: HandshakeRecord, status: int, headers: Mapping[str, str]) -> str:
    """Return what is not as expected in an answer, or ""."""
    if found.status != status:
        return (
            f"the opening handshake was answered with {visible(found.start_line)}, but {status} "
            f"was expected"
        )
    for name, value in headers.items():
        came = [each for key, each in found.headers if key.lower() == name.lower()]
        # One of several, or all of them as they may be joined (RFC 9110, section 5.3).
        if not came or value not in (*came, ", ".join(came)):
            said = f"is {' and '.join(map(repr, map(visible, came)))}" if came else "is not there"
            return f"the header {name} {said}, and {value!r} was expected"
    return ""


def _frames_of(
    sender: Side | None, matches: Callable[[FrameRecord], bool]
) -> Callable[[Record], bool]:
    if sender not in (None, *get_args(Side)):
        raise ValueError(f'sender is "server", "client" or None for either, not {sender!r}')
    return lambda record: (
        isinstance(record, FrameRecord) and sender in (None, record.sender) and matches(record)
    )


def _frames(source: Source, after: int) -> str:
    frames = [record for record in log_of(source).since(after) if isinstance(record, FrameRecord)]
    if not frames:
        return f"no frame{f' after number {after}' if after else ''} is in the log"
    return "\n".join(["the last frames:", *(f"  {_row(frame)}" for frame in frames[-LAST:])])


def _row(record: FrameRecord) -> str:
    shown = preview(record.payload, record.type) or "(empty)"
    return f"{record.sender} {record.type} {shown}"


def _by(sender: Side | None) -> str:
    return "" if sender is None else f" from the {sender}"


def _within(timeout: float | None) -> str:
    return "" if timeout is None else f" within {timeout:g} s"
