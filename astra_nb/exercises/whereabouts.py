"""Where a message got lost: who sent it, who got it, and what stands still meanwhile."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING

from astra_nb.wire.messages import CloseFrame

from .history import describe, describe_close
from .lines import Line, code_of, line_in
from .watch import Watch

if TYPE_CHECKING:
    from .footsteps import Footsteps
    from .verdicts import Verdicts

__all__ = [
    "about_threads",
    "about_way",
    "last_steps",
    "ran_for",
    "spoke_last",
    "threads",
    "trip_before",
]

ORDER = ("first", "second", "third", "fourth", "fifth", "sixth")


def about_way(client: Verdicts, wanted: str) -> str:
    """Return who sent or closed last, who got that, and where the sender's handler stands.

    Args:
        client: The one that got nothing.
        wanted: What it should have got, as `describe` says it.
    """
    clients = client.talk.clients
    last = {
        each.number: spoken[-1]
        for each in clients
        if (spoken := [f for f in each.passed.frames if f.direction == "received"])
        and spoken[-1].type in ("text", "bytes", "close")
    }
    if not last or len(clients) < 2:
        return ""
    names = {
        each.number: f"the {ORDER[i]} client" if i < len(ORDER) else f"client {i + 1}"
        for i, each in enumerate(clients)
    }
    number, frame = max(last.items(), key=lambda pair: pair[1].number)
    sender = next(each for each in clients if each.number == number)
    if frame.type == "close":
        return f" The {names[number][4:]} closed before that."
    said = sender.said[-1] if sender.said else b""
    as_it_was = describe(frame.type, said) == wanted
    it = "it" if as_it_was else "something"
    got = [
        names[each.number]
        for each in clients
        if any(
            h.number > frame.number and (h.payload == said or not as_it_was)
            for h in each.passed.heard
        )
    ]
    name = names[number]
    if got == [name]:
        whom = f"only that one got {it}"
    elif names[client.number] in got:
        whom = f"{enumerated(got)} got something, but not this"
    elif got:
        whom = f"{enumerated(got)} got {it}, and {names[client.number]} did not"
    else:
        whom = f"nobody got {it if as_it_was else 'anything'}"
    sentence = f" The {name[4:]} sent {describe(frame.type, said)}: {whom}."
    run = client.talk.stage.watch.runs.get(number)
    line = client.talk.stage.watch.line(run) if run is not None else None
    if run is not None and run.ended:
        return f"{sentence} Its handler has ended."
    if line is not None and line.waits == "recv" and number != client.number:
        return f"{sentence} Its handler waits in recv() again, at {line}."
    return sentence


def enumerated(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def last_steps(client: Verdicts) -> Footsteps | None:
    """Find the steps of the handler to which something was sent last."""
    speaker = max(client.talk.clients, key=newest, default=client)
    run = client.talk.stage.watch.runs.get((speaker if newest(speaker) else client).number)
    return run.steps if run is not None else None


def newest(client: Verdicts) -> int:
    """Number of the newest frame that a client sent; 0 for none."""
    return max((f.number for f in client.passed.frames if f.direction == "received"), default=0)


def trip_before(steps: Footsteps, spoke: str) -> int:
    """Index of the newest trip that is not for this message."""
    trips = len(steps.trips)
    return -2 if trips > 1 and ran_for(steps, -1) == f"for {spoke}" else -1


def ran_for(steps: Footsteps | None, trip: int) -> str:
    """Return what the lines of a trip ran for."""
    message = steps.trips[trip].message if steps is not None else None
    if message is None:
        return "since the opening"
    value = message.value
    if isinstance(value, CloseFrame):
        return f"for {describe_close(value.code, value.reason)}"
    return "for the close" if value is None else f"for {describe(message.type, value)}"


def spoke_last(client: Verdicts) -> bool:
    """Whether nobody sent anything after this client's last message."""
    return newest(client) == max(map(newest, client.talk.clients))


def threads(watch: Watch) -> list[Line] | None:
    """Return where the threads stand that a handler began; None when it begins none."""
    code = code_of(watch.handler)
    try:
        source = inspect.getsource(inspect.unwrap(watch.handler))
    except (OSError, TypeError):
        return None
    if code is None or not re.search(r"Thread\(|\.submit\(|to_thread\(|run_in_executor\(", source):
        return None
    handlers = {run.thread.ident for run in watch.runs.values()}
    frames = sys._current_frames().items()
    lines = (line_in(frame, code) for number, frame in frames if number not in handlers)
    return [line for line in lines if line is not None]


def about_threads(watch: Watch) -> str:
    """Return where the threads stand that a handler began; "" when it begins none."""
    lines = threads(watch)
    if lines is None:
        return ""
    if not lines:
        return " No thread of yours runs now."
    waiting = [line for line in lines if line.waits == "send"]
    if waiting:
        many = "A thread" if len(waiting) == 1 else f"{len(waiting)} threads"
        stand = "stands" if len(waiting) == 1 else "stand"
        return (
            f" {many} of yours {stand} at {waiting[0]}, and send{'s' * (len(waiting) == 1)} to a "
            "client that does not read. Whatever else such a thread should do waits as long."
        )
    line = lines[0]
    handlers = sum(not run.ended for run in watch.runs.values())
    if len(lines) < handlers:
        many = "one thread" if len(lines) == 1 else f"{len(lines)} threads"
        return (
            f" There are {handlers} handlers and only {many} of yours that still run"
            f"{'s' * (len(lines) == 1)}, at {line}: does each go on after one message?"
        )
    return f" A thread of yours stands at {line}{' and ' * bool(line.doing)}{line.doing}."
