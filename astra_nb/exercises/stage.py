"""The stage of a scenario: what its clients share, what each said and got, and how they wait."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from astra_nb.errors import AstraError

from .diagnosis.evidence import Said
from .diagnosis.misconceptions import Finding, Misconception, Table
from .harness import Harness
from .patience import Patience
from .socket_spy import Run, said_of

__all__ = ["End", "NotYet", "Stage"]

T = TypeVar("T")

TICK = 0.02  # seconds
ANSWER = 2.5  # seconds, as this process was given them, until a wait for an answer ends
REST = 0.4  # the same, while every handler waits for a message
WHOLE = 15.0  # the same, for a whole check


class NotYet(Exception):
    """Ends a check with a finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


@dataclass(eq=False)
class End:
    """A client's end of its connection."""

    socket: Any = None
    run: Run = field(default_factory=Run)  # the handler's call for it, once that has begun
    said: list[Said] = field(default_factory=list)
    unanswered: list[Said] = field(default_factory=list)  # of these, what is to get no answer
    inbox: list[Said] = field(default_factory=list)  # whole messages that came
    taken: int = 0  # how many of them were expected
    asked: int = 0  # how many of these before the last thing that was said
    leaving: bool = False
    ended: str = ""  # how the connection ended: "", "closed", "dropped" or "refused"

    async def read(self, changed: threading.Event) -> None:
        """Take what comes, until the connection ends."""
        with contextlib.suppress(AstraError):
            async for message in self.socket:
                if message.type == "close" and "received" not in self._closes():
                    break  # TCP ended without a CLOSE frame
                self.inbox.append(said_of(message))
                changed.set()
        closes = self._closes()
        mine = closes[:1] == ["sent"] and not self.leaving
        self.ended = "refused" if mine else "closed" if closes else "dropped"

    def _closes(self) -> list[str]:
        return [frame.direction for frame in self.socket.log.frames if frame.type == "close"]

    @property
    def pending(self) -> Said | None:
        """The first message that was not expected yet."""
        return self.inbox[self.taken] if len(self.inbox) > self.taken else None

    @property
    def closing(self) -> Said | None:
        """The CLOSE frame that has come, or what stands for one."""
        end = Said("close") if self.ended == "closed" else None
        return next((said for said in self.inbox if said.type == "close"), end)


class Stage:
    """What the clients of one scenario share: the server that they try, and how they wait."""

    def __init__(self, harness: Harness, patience: Patience, title: str) -> None:
        self.harness = harness
        self.patience = patience  # that of the check
        self.title = title  # what the scenario is about
        self.clients: list[Any] = []  # `scripted_client.Client`, each an `End`
        self.changed = threading.Event()
        self.is_holding = False  # whether sends are held until `release`
        self.left: Any = None  # whom nobody knew beforehand
        self.speaker: End | None = None  # who sent something last
        self.sayable = Counter[str]()  # what is said of mistakes, and how often it could be

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something on the loop of the clients: a handler may block that of the server."""
        future = asyncio.run_coroutine_threadsafe(work, self.harness.clients_loop.loop)
        future.add_done_callback(lambda _: self.changed.set())
        return future

    def until(
        self, ready: Callable[[], T], patience: float = ANSWER, rest: float = REST
    ) -> T | None:
        """Wait until `ready` returns something true; None when the patience is over.

        That is in seconds, as this process was given them; so is the rest, in which every handler
        waits for a message all the time.
        """
        began = rested = self.patience.tick()
        while True:
            self.changed.clear()
            if found := ready():
                return found
            given = self.patience.tick()
            # On a busy machine, what was sent may be on its way, also to a thread that is to wake.
            if not self.is_idle() or (given - rested > rest and not self._has_settled()):
                rested = given
            if given - began > patience or given - rested > rest:
                return None
            if given > WHOLE:
                said = f"The check has waited for {WHOLE:g} seconds in all, and is not done."
                advice = "Is there a line that takes long for each message?"
                raise NotYet(Finding(Misconception.STUCK, said, advice, where=self.title))
            self.changed.wait(TICK)

    def is_idle(self) -> bool:
        return all(run.is_idle for run in self.harness.runs.runs)

    def _has_settled(self) -> bool:
        """Whether all that was sent has come, and each message has been received by a handler."""
        calls = [call for run in tuple(self.harness.runs.runs) for call in tuple(run.calls)]
        received = Counter(c.owner for c in calls if c.name == "recv" and c.state == "done")
        log = self.harness.log
        return all(
            (client.run.ended or received[client.run.number] >= len(client.said))
            and len(log.filter(kind="frame", connection=client.run.number))
            == len(client.socket.log.filter(kind="frame"))
            for client in self.clients
            if not client.ended
        )

    def sends_to(self, connections: set[int]) -> int:
        """Count the sends that wait for these connections."""
        waiting = [call for run in tuple(self.harness.runs.runs) for call in run.waits]
        return sum(call.name.startswith("send") and call.owner in connections for call in waiting)

    def stop(self, kind: Misconception, said: str, tables: tuple[Table, ...] = ()) -> NoReturn:
        raise NotYet(Finding(kind, said, where=self.title, tables=tables))
