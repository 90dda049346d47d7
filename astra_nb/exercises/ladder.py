"""From what was expected and what came to the one thing that is most useful to say."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Callable
from typing import Literal

from astra_nb.errors import ConnectionClosed, EndlessLoop, NotOpen
from astra_nb.wire.messages import CloseFrame

from .comparing import how_differs, how_texts_differ
from .guard import NotAllowed
from .history import Heard, describe, describe_close
from .lines import Line, code_of, line_of_error
from .meanings import meaning_of
from .watch import Run

__all__ = ["about_close", "about_error", "about_silence", "about_thread", "about_value"]

BRACES = re.compile(rb"\{[A-Za-z_][\w.\[\]()]*\}")  # of an f-string without its f

SHAPES: tuple[tuple[str, str, Callable[[bytes, bytes], bool]], ...] = (
    ("reversed", "The payload came in reverse order.", lambda came, right: came == right[::-1]),
    ("doubled", "The payload came twice in one message.", lambda came, right: came == right * 2),
    (
        "cut",
        "A part of the payload is missing.",
        lambda came, right: right.startswith(came) or right.endswith(came),
    ),
    (
        "added",
        "The payload is in it, and something was added to it.",
        lambda came, right: len(right) > 2 and right in came,
    ),
    (
        "ascii",
        "Characters beyond ASCII got lost.",
        lambda came, right: not right.isascii() and _plain(came) == _plain(right),
    ),
)


def _plain(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(character for character in text if character.isascii() and character != "?")


def about_error(error: BaseException, handler: object, at_close: bool) -> dict[str, str]:
    """Return what a handler raised, where, and what that means here.

    Args:
        error: What it raised.
        handler: The handler.
        at_close: Whether the client had closed, and nothing else was wrong.
    """
    line = line_of_error(error, code_of(handler))
    at = f" at {line}" if line else ""
    if isinstance(error, SystemExit):
        return {"key": "exit", "headline": f"Your handler tried to end Python{at}."}
    if isinstance(error, NotAllowed):
        return {"key": "forked", "headline": f"Your handler tried to {error}{at}."}
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return {
            "key": "own-server",
            "headline": f"Your handler started a server of its own{at}, on a port that is taken.",
        }
    said = type(error).__name__
    if str(error) and not isinstance(error, ConnectionClosed):
        said += f": {error}"
    advice = meaning_of(error)
    found = {
        "key": "raised",
        "headline": f"Your handler raised {said}{'' if said.endswith('.') else ','}{at}.".replace(
            ",.", "."
        ),
    }
    if isinstance(error, ConnectionClosed) and in_recv(error):
        found["key"] = "other-recv"
    elif at_close and not advice:
        found["key"] = "raised-at-close"
    elif isinstance(error, NotOpen):
        found["key"] = "closed-twice"
    elif isinstance(error, ConnectionClosed):
        found["key"] = "sent-to-gone"
    if isinstance(error, EndlessLoop):
        found["key"] = "never-ends"
    if advice:
        found["advice"] = advice
    return found


def about_thread(error: BaseException, handler: object) -> dict[str, str]:
    """Return what ended a thread, or a task, that a handler began."""
    line = line_of_error(error, code_of(handler))
    said = f"{type(error).__name__}: {error}".rstrip(": ").rstrip(".")
    return {
        "key": "thread-raised",
        "headline": f"A thread of yours ended with {said}, at {line}.",
        "advice": meaning_of(error),
    }


def in_recv(error: BaseException) -> bool:
    """Whether an error came out of recv()."""
    names = (frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__))
    return "recv" in names


def about_close(
    heard: Heard | None,
    refusal: CloseFrame | None,
    run: Run | None,
    answered: int,
    forgot_await: Line | None,
) -> dict[str, str]:
    """Return why the connection closed where a message was expected.

    Args:
        heard: The server's CLOSE frame; None when it sent none.
        refusal: The client's own CLOSE frame, when it could not go on; else None.
        run: The handler.
        answered: How many messages were as expected.
        forgot_await: A call on the socket that is not awaited.
    """
    if refusal is not None:
        return {
            "key": "refused",
            "headline": "The client could not take what your handler had sent, and closed with "
            f"{describe_close(refusal.code, refusal.reason)}.",
        }
    if heard is None:
        return {
            "key": "dropped",
            "headline": "The server ended the TCP connection without a CLOSE frame, so the client "
            "sees 1006.",
        }
    if run is not None and run.ended and run.open_at_end and run.error is None:
        if forgot_await:
            return {
                "key": "no-await",
                "headline": f"Your handler returned, and a call was never awaited: {forgot_await}.",
            }
        if run.result is not None:
            return {
                "key": "returned-value",
                "headline": f"Your handler returned {run.result!r:.60}, and with that it ended.",
            }
        times = f" after {answered} right message{'s' if answered > 1 else ''}" if answered else ""
        last = run.steps.last_line
        at = f" The last line that ran is {last}." if last is not None else ""
        return {
            "key": "returned" if answered != 1 or run.steps.loops else "first-only",
            "headline": f"Your handler returned{times}, and that closed the connection.{at}",
        }
    assert heard.close is not None
    return {
        "key": "closed-early",
        "headline": (
            f"Your handler closed the connection with "
            f"{describe_close(heard.close.code, heard.close.reason)}, where an answer was expected."
        ),
    }


def about_silence(
    line: Line | None,
    elsewhere: Line | None,
    *,
    answered: int,
    client_spoke: bool,
    others_spoke: bool,
    came_back: bool,
    forgot_await: Line | None,
    in_task: bool,
) -> dict[str, str]:
    """Return why nothing came, from where the handler stands.

    Args:
        line: Where this connection's handler stands.
        elsewhere: Where another connection's handler stands that does not wait in recv().
        answered: How many messages were as expected.
        client_spoke: Whether this client has sent something.
        others_spoke: Whether another client has.
        came_back: Whether another client got something that nobody expected.
        forgot_await: A call on the socket that is not awaited.
        in_task: Whether handlers are tasks of an event loop.
    """
    if forgot_await is not None:
        return {
            "key": "no-await",
            "headline": f"Nothing came: a call was never awaited, at {forgot_await}.",
        }
    starts = next((one for one in (line, elsewhere) if one and one.waits == "server"), None)
    if starts is not None:
        return {
            "key": "own-server",
            "headline": f"Your handler starts a server of its own at {starts}.",
        }
    if line is not None and line.waits == "send":
        return {
            "key": "slow-send",
            "headline": f"Nothing more came: your handler waits in send at {line}.",
        }
    if line is not None and not line.waits:
        return stuck("your handler", line, in_task)
    if elsewhere is not None and elsewhere.waits == "send":
        return {
            "key": "slow-send",
            "headline": f"Nothing more came: another handler waits in send at {elsewhere}.",
        }
    if elsewhere is not None:
        return stuck("the handler of another client", elsewhere, in_task)
    if came_back:
        return {
            "key": "to-itself",
            "headline": "What a client sent came back to that client, and not here.",
        }
    if not client_spoke and others_spoke:
        return {
            "key": "not-passed-on",
            "headline": "Another client sent something, and nothing came here.",
        }
    where = f" It waits in recv() at {line}." if line is not None else ""
    if not client_spoke:
        return {"key": "nothing-yet", "headline": f"Nothing came after the opening.{where}"}
    more = f" after {answered} answer{'s' if answered > 1 else ''}" if answered else ""
    if line is not None:
        where = f" It took that, sent nothing back, and waits in recv() again, at {line}."
    return {"key": "nothing", "headline": f"No answer came{more}.{where}"}


def stuck(whose: str, line: Line, in_task: bool) -> dict[str, str]:
    """Return the finding that a handler stays in a line that is not a call on its socket."""
    does = f" It {line.doing}." if line.doing else ""
    found = {"key": "stuck", "headline": f"Nothing came: {whose} is still at {line}.{does}"}
    if in_task and line.doing and "await" not in line.text:
        found["advice"] = (
            "This call is not awaited. As long as it waits the event loop stands: no other "
            "coroutine runs, and no connection opens."
        )
    elif "thread to end" in line.doing:
        found["advice"] = (
            "The answer is left to threads. Who took the message, and what did that thread do with "
            "it? What one takes out of recv() or of a queue, no other gets."
        )
    return found


def about_value(
    heard: Heard,
    type: str,
    payload: bytes,
    *,
    said: list[bytes],
    others: list[bytes],
    repeated: Literal["", "before", "after"],
    any_payload: bool = False,
) -> dict[str, str] | None:
    """Compare a message with the expected one; None when they are the same.

    Args:
        heard: What came.
        said: Payloads that this client sent.
        others: Payloads that other clients sent.
        repeated: Whether this is the last answer again, and if it came before a new message.
        any_payload: Whether only the type was known beforehand.
    """
    if (heard.type, heard.payload) == (type, payload):
        return None
    if repeated == "before":
        return {"key": "too-many", "headline": f"The answer before came again: {heard}."}
    if heard.type != type:
        return _other_type(heard, type, b"" if any_payload else payload)
    came = heard.payload
    if re.match(rb"Message\(type=|Message\(", came):
        return {"key": "whole-message", "headline": "The whole Message was sent as text."}
    if payload and came in (
        repr(payload).encode(),
        repr(payload.decode("utf-8", "replace")).encode(),
    ):
        return {
            "key": "repr",
            "headline": "Python's spelling of the value was sent, quotes and all.",
        }
    if BRACES.search(came) and not BRACES.search(payload):
        return {"key": "not-filled-in", "headline": "Braces were sent, and no value in them."}
    if not came and payload:
        return {"key": "empty", "headline": "The payload is missing: an empty message came."}
    if payload not in said and said and came == said[-1]:
        return {"key": "echoed", "headline": "What the client sent came back as it was."}
    if came in said:
        mine = said.index(payload) if payload in said else len(said) - 1
        when = "an earlier" if said.index(came) < mine else "a later"
        return {
            "key": "behind" if when == "an earlier" else "ahead",
            "headline": f"{capital(str(heard))} belongs to {when} message.",
        }
    if came in others:
        return {
            "key": "not-mine",
            "headline": f"{capital(str(heard))} belongs to another connection.",
        }
    if repeated == "after":
        return {
            "key": "same-again",
            "headline": "The answer is the same as the one before, though the message is another.",
        }
    if came.lower() == payload.lower():
        return {"key": "case", "headline": "The case of the letters changed."}
    if came.split() == payload.split():
        return {"key": "blank", "headline": "Only blanks or line breaks differ."}
    said_how = how(came, payload, type)
    for key, headline, found in SHAPES:
        if (
            payload
            and not payload.isdigit()
            and (key != "ascii" or type == "text")
            and found(came, payload)
        ):
            detail = f": {said_how}" if key in ("cut", "added") else ""
            return {"key": key, "headline": f"{headline[:-1]}{detail}."}
    return {"key": "wrong-value", "headline": f"The payload is not the expected one: {said_how}."}


def how(came: bytes, right: bytes, type: str) -> str:
    """Return how a payload differs from the right one."""
    if type == "text":
        return how_texts_differ(came.decode("utf-8", "replace"), right.decode("utf-8", "replace"))
    return how_differs(came, right)


def _other_type(heard: Heard, type: str, payload: bytes) -> dict[str, str]:
    said = heard.payload
    if heard.type == "text" and said.startswith(b"Message("):
        return {"key": "whole-message", "headline": "The whole Message was sent as text."}
    if heard.type == "text" and type != "text" and said == repr(payload).encode():
        return {
            "key": "repr",
            "headline": f"What should go as {type} came as its spelling in text.",
        }
    if {heard.type, type} == {"text", "bytes"}:
        key = "as-bytes" if type == "text" else "as-text"
        what = "The right payload" if said == payload else "A message"
        if said == payload.hex().encode():
            what = "The payload's hexadecimal digits"
        return {"key": key, "headline": f"{what} came as {heard.type}, not as {type}."}
    came, wanted = (one if one == "bytes" else f"a {one}" for one in (heard.type, type))
    return {"key": "wrong-type", "headline": f"{capital(came)} came where {wanted} was expected."}


def about_no_close(heard: Heard, code: int) -> dict[str, str]:
    """Return the finding that a message came where a close was expected."""
    if str(code).encode() in heard.payload or b"clos" in heard.payload.lower():
        return {
            "key": "sent-instead",
            "headline": f"A {heard.type} message that speaks of closing came, and no CLOSE frame.",
        }
    return {"key": "not-closed", "headline": f"No close came, but {heard}."}


def expected_line(type: str, payload: bytes) -> str:
    return describe(type, payload)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
