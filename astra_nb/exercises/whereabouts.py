"""Where a message got lost: who sent it, who got it, and what stands still meanwhile."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

from .history import describe
from .watch import Line, Watch, code_of, line_in

if TYPE_CHECKING:
    from .verdicts import Verdicts

__all__ = ["about_threads", "about_way", "spoke_last", "threads"]

ORDER = ("first", "second", "third", "fourth", "fifth", "sixth")


def about_way(client: Verdicts, wanted: str) -> str:
    """Say who sent last, who got that, and where the sender's handler stands.

    Args:
        client: The one that got nothing.
        wanted: What it should have got, as `describe` says it.
    """
    clients = client.talk.clients
    last = {
        each.number: spoken[-1]
        for each in clients
        if (spoken := [f for f in each.passed.frames if f.direction == "received"])
        and spoken[-1].type in ("text", "bytes")
    }
    if not last or len(clients) < 2:
        return ""
    names = {
        each.number: f"the {ORDER[i]} client" if i < len(ORDER) else f"client {i + 1}"
        for i, each in enumerate(clients)
    }
    number, frame = max(last.items(), key=lambda pair: pair[1].number)
    sender = next(each for each in clients if each.number == number)
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
    else:
        whom = (
            f"{' and '.join(got)} got {it}, and {names[client.number]} did not"
            if got
            else (f"nobody got {it if as_it_was else 'anything'}")
        )
    sentence = f" The {name[4:]} sent {describe(frame.type, said)}: {whom}."
    run = client.talk.stage.watch.runs.get(number)
    line = client.talk.stage.watch.line(run) if run is not None else None
    if run is not None and run.ended:
        return f"{sentence} Its handler has ended."
    if line is not None and line.waits == "recv" and number != client.number:
        return f"{sentence} Its handler waits in recv() again, at {line}."
    return sentence


def spoke_last(client: Verdicts) -> bool:
    """Whether nobody sent anything after this client's last message."""

    def newest(each: Verdicts) -> int:
        numbers = [f.number for f in each.passed.frames if f.direction == "received"]
        return max(numbers, default=0)

    return newest(client) == max(map(newest, client.talk.clients))


def threads(watch: Watch) -> list[Line] | None:
    """Tell where the threads stand that a handler began; None when it begins none."""
    code = code_of(watch.handler)
    try:
        source = inspect.getsource(inspect.unwrap(watch.handler))
    except (OSError, TypeError):
        return None
    if code is None or "Thread(" not in source:
        return None
    handlers = {run.thread.ident for run in watch.runs.values()}
    frames = sys._current_frames().items()
    lines = (line_in(frame, code) for number, frame in frames if number not in handlers)
    return [line for line in lines if line is not None]


def about_threads(watch: Watch) -> str:
    """Say where the threads stand that a handler began; "" when it begins none."""
    lines = threads(watch)
    if lines is None:
        return ""
    if not lines:
        return " No thread of yours runs: was it started, and does it go on after one message?"
    line = lines[0]
    handlers = sum(not run.ended for run in watch.runs.values())
    if len(lines) < handlers:
        many = "one thread" if len(lines) == 1 else f"{len(lines)} threads"
        return (
            f" There are {handlers} handlers and only {many} of yours that still run"
            f"{'s' * (len(lines) == 1)}, at {line}: does each go on after one message?"
        )
    return f" A thread of yours stands at {line}{' and ' * bool(line.doing)}{line.doing}."
