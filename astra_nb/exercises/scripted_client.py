"""Scripted clients: play recorded steps against a harness, and gather evidence where one fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from astra_nb.client import connect_async
from astra_nb.errors import AstraError, ConnectFailed, ConnectionClosed, HandshakeFailed

from .diagnosis.evidence import Evidence, Said, Wanted
from .diagnosis.misconceptions import Finding, Misconception, Table
from .diagnosis.rules import diagnose
from .harness import Harness
from .patience import Patience
from .scenario import Heard, Judge, Script, octets
from .socket_spy import Run, said_of

__all__ = ["NotYet", "Play"]

T = TypeVar("T")

TICK = 0.02  # seconds
ANSWER = 2.5  # seconds, as this process was given them, until a wait for an answer ends
REST = 0.4  # the same, while every handler waits for a message
QUIET = 0.12  # the same, in which nothing is to come
WHOLE = 15.0  # the same, for a whole check
FORGET = 1.0  # the same, for what a handler may do, and need not
SILENCE = 0.6  # the same, of a long silence
LONG_SILENCE = 3600.0  # seconds that pass in it on the clock of the handlers' loop
SHOWN_FRAMES = 8
MANY_PENDING = 2000  # messages that nobody asked for


class NotYet(Exception):
    """Ends a check with a finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


@dataclass(eq=False)
class End:
    """One client at work: what it said, what came, and how its connection ended."""

    number: int
    socket: Any
    changed: asyncio.Event
    inbox: list[Said] = field(default_factory=list)  # whole messages that came
    taken: int = 0  # how many of them were expected
    asked: int = 0  # how many of these before the last thing it said
    said: list[Said] = field(default_factory=list)
    unanswered: list[Said] = field(default_factory=list)  # of these, what is to get no answer
    ended: str = ""  # how its connection ended: "", "closed", "dropped" or "refused"
    leaving: bool = False
    may_hear: bool = False  # whether others leave at the end, of which it may be told

    def __post_init__(self) -> None:
        self.run = Run(0, None, None)  # the handler's call for it, once that has begun
        self.reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(AstraError):
            async for message in self.socket:
                if message.type == "close" and "received" not in self._closes():
                    break  # TCP ended without a CLOSE frame
                self.inbox.append(said_of(message))
                self.changed.set()
        closes = self._closes()
        mine = closes[:1] == ["sent"] and not self.leaving
        self.ended = "refused" if mine else "closed" if closes else "dropped"
        self.changed.set()

    def _closes(self) -> list[str]:
        return [frame.direction for frame in self.socket.log.frames if frame.type == "close"]

    @property
    def pending(self) -> Said | None:
        """The first message that was not expected yet."""
        return self.inbox[self.taken] if len(self.inbox) > self.taken else None

    @property
    def close(self) -> Said | None:
        """The CLOSE frame that has come, or what stands for the end of TCP."""
        end = Said("close") if self.ended == "closed" else None
        return next((said for said in self.inbox if said.type == "close"), end)


@dataclass(eq=False)
class Play:
    """One scenario at work, on the loop of the clients. Each step of a `Script` is a method."""

    harness: Harness
    script: Script
    title: str  # what the scenario is about
    patience: Patience  # that of the check

    def __post_init__(self) -> None:
        self.ends: dict[int, End] = {}
        self._changed = asyncio.Event()
        self._holding = False  # whether sends are held until a step releases them
        self._left: End | None = None  # whom nobody knew beforehand
        self._speaker: End | None = None  # who sent something last

    async def run(self) -> None:
        """Play all steps, and see that each handler ends with its connection.

        Raises:
            NotYet: Something was not as expected.
            TooBusy: The machine gave this process too little time.
        """
        try:
            for method, client, arguments in self.script.steps:
                await getattr(self, method)(self.ends.get(client, client), *arguments)
            left = [end for end in self.ends.values() if not end.leaving and not end.ended]
            for end in left:
                await self._quiet(end)
            for end in left:
                end.may_hear = end is not left[0]
                await self.leave(end, 1000)
        finally:
            for end in self.ends.values():
                end.reader.cancel()
                with contextlib.suppress(AstraError, RuntimeError):
                    await end.socket.drop()

    # Steps

    async def open(self, number: int, path: str, automatic_pong: bool) -> None:
        runs, url = self.harness.runs.runs, self.harness.url + path
        count = len(runs)
        opening = asyncio.ensure_future(
            connect_async(url, automatic_pong=automatic_pong, close_timeout=1.0, timeout=None)
        )
        try:
            if not await self.until(opening.done, ANSWER, ANSWER):
                self._not_open("the opening handshake did not end")
            end = self.ends[number] = End(number, opening.result(), self._changed)
        except (ConnectFailed, HandshakeFailed) as error:
            self._not_open(str(error))
        finally:
            opening.cancel()
        if not await self.until(lambda: len(runs) > count, ANSWER, ANSWER):
            self._not_open("its handler did not begin")
        end.run = runs[-1]
        # What another client says next finds this handler where it waits.
        await self.until(lambda: end.run.is_idle or end.pending, REST)

    def _not_open(self, why: str) -> NoReturn:
        for at in filter(None, (handler.busy_at for handler in self.harness.handlers())):
            said = f"No further connection could be opened: your handler is still at {at}."
            self._stop(Misconception.STUCK, said)
        said = f"The check could not connect to its own server: {why}."
        self._stop(Misconception.NO_SERVER, said)

    async def send(self, end: End, messages: Sequence[Any], unanswered: bool) -> None:
        held, sent, end.asked = self._sends_to(self.harness.runs.held), [], end.taken
        self._speaker = end

        async def send_all() -> None:
            with contextlib.suppress(AstraError):
                for type, value in messages:
                    parts = value if isinstance(value, tuple) else ()
                    data = (
                        b"".join(parts) if parts else octets(value() if callable(value) else value)
                    )
                    end.said.append(Said(type, data))
                    end.unanswered += end.said[-1:] if unanswered else []
                    if parts:
                        await end.socket.send_fragments(type, parts)
                    else:
                        await end.socket.send(type, data.decode() if type == "text" else data)
                sent.append(True)
            self._changed.set()

        if not end.ended and all(said.type != "close" for said in end.inbox[end.taken :]):
            sending = asyncio.ensure_future(send_all())
            await self.until(sending.done)
            if not sending.cancel():
                sending.result()  # raises what a value of the scenario raised
        if not sent:
            await self.until(lambda: end.ended, REST)
            await self._fail(end, Wanted("open"), end.close or end.pending)
        if self._holding:
            await self.until(lambda: self._sends_to(self.harness.runs.held) > held, FORGET)

    def _sends_to(self, connections: set[int]) -> int:
        """Count the sends that wait for these connections."""
        waiting = [call for run in tuple(self.harness.runs.runs) for call in run.waits]
        return sum(call.name.startswith("send") and call.owner in connections for call in waiting)

    async def expect(
        self, end: End, wanted: Wanted, judge: Judge | None = None, heard: Heard | None = None
    ) -> None:
        if end is self._left:
            return
        nothing, said = wanted.kind == "nothing", wanted.said
        patience = (QUIET, QUIET) if nothing else (ANSWER, REST)
        await self.until(lambda: end.pending or end.ended, *patience)
        came = end.pending or end.close
        right = (came is None and not end.ended) if nothing else came == said
        if came is not None and came.type == said.type:
            if wanted.any_payload:  # of a close, any reason
                right = came.type != "close" or came.code == said.code
            if heard is not None:
                heard.payload, heard.calls = came.payload, tuple(end.run.records)
            if judge is not None and heard is not None:
                judged = judge(heard) or ""
                right, wanted = not judged, replace(wanted, mistakes=((came.payload, judged),))
        if not right:
            await self._fail(end, wanted, came)
        end.taken += not nothing
        if said.type == "close":
            await self._see_the_end(end)

    async def expect_sends(self, end: End, at_most: int, why: str) -> None:
        count = self._sends_to({end.run.number})
        if count > at_most:
            said = f"{count} calls of send wait at once for client {end.number + 1}. {why}"
            self._stop(Misconception.KNOWN_MISTAKE, said, end)

    async def leave(self, end: End, code: int, reason: str = "", forget: bool = False) -> None:
        if not end.may_hear and not forget:
            await self._quiet(end)
        end.leaving = True
        with contextlib.suppress(AstraError):
            if code == 1006:
                await end.socket.drop()
            else:
                await end.socket.send_close(*((code, reason) if code != 1005 else ()))
        if forget:
            await self.until(lambda: end.run.ended, FORGET, FORGET)
        else:
            await self._see_the_end(end)

    async def _quiet(self, end: End) -> None:
        """See that nothing has come that nobody asked for."""
        await self.until(lambda: end.pending or self._all_idle(), REST)
        if (came := end.pending) is not None:
            await self._fail(end, Wanted("open" if came.type == "close" else "nothing"), came)

    async def _see_the_end(self, end: End) -> None:
        """See that the handler ends now that its connection has."""
        run, end.leaving = end.run, True
        await self.until(lambda: run.ended and end.ended, ANSWER, ANSWER)
        unasked = [] if end.may_hear else end.inbox[end.taken :]
        extra = [said for said in unasked if said.type != "close"]
        by_close = isinstance(run.error, ConnectionClosed) and not run.open_at_end
        if not run.ended or extra or not (run.error is None or by_close):
            await self._fail(end, Wanted("end"), extra[0] if extra else None)

    async def hold(self, end: End, until_release: bool) -> None:
        self.harness.runs.held.add(end.run.number)
        self._holding |= until_release

    async def one_leaves_between(self, _: object) -> None:
        held = self.harness.runs.held
        ends = [end for end in self.ends.values() if self._sends_to(held & {end.run.number})]
        for self._left in ends[:1]:
            held.remove(self._left.run.number)
            await self.until(lambda: ends[0].pending and self._sends_to(held), FORGET)
            await self.leave(self._left, 1006, forget=True)

    async def release(self, _: object) -> None:
        self.harness.runs.held.clear()
        self._holding = False

    async def pause(self, _: object) -> None:
        self.harness.runs.silences += 1
        self.harness.pass_time(LONG_SILENCE)
        await self.until(lambda: None, SILENCE, SILENCE)

    # Waiting

    async def until(
        self, ready: Callable[[], T], patience: float = ANSWER, rest: float = REST
    ) -> T | None:
        """Wait until `ready` returns something true; None when the patience is over.

        That is in seconds, as this process was given them; so is the rest, in which every handler
        waits for a message all the time.
        """
        began = rested = self.patience.tick()
        while not (found := ready()):
            given = self.patience.tick()
            # On a busy machine, what was sent may be on its way, also to a thread that is to wake.
            if not self._all_idle() or (
                given - rested > rest and not (self._all_arrived() and self._all_taken())
            ):
                rested = given
            if given - began > patience or given - rested > rest:
                return None
            if given > WHOLE:
                said = f"The check has waited for {WHOLE:g} seconds in all, and is not done."
                advice = "Is there a line that takes long for each message?"
                raise NotYet(Finding(Misconception.STUCK, said, advice, where=self.title))
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), TICK)
        return found

    def _all_idle(self) -> bool:
        return all(run.is_idle for run in self.harness.runs.runs)

    def _all_arrived(self) -> bool:
        """Return whether both ends of each open connection have what the other one sent."""
        return all(
            len(self.harness.log.filter(kind="frame", connection=end.run.number, direction=one))
            == len(end.socket.log.filter(kind="frame", direction=other))
            for end in self.ends.values()
            if not end.ended
            for one, other in (("sent", "received"), ("received", "sent"))
        )

    def _all_taken(self) -> bool:
        """Return whether each open connection's messages have been received by a handler."""
        taken = Counter(
            call.owner
            for run in tuple(self.harness.runs.runs)
            for call in tuple(run.records)
            if call.name == "recv" and call.state == "done"
        )
        ends = [end for end in self.ends.values() if not (end.ended or end.run.ended)]
        return all(taken[end.run.number] >= len(end.said) for end in ends)

    # Failing

    def _stop(self, kind: Misconception, said: str, end: End | None = None) -> NoReturn:
        tables = self._frames(end) if end is not None else ()
        raise NotYet(Finding(kind, said, kind.advice, where=self.title, tables=tables))

    async def _fail(self, end: End, wanted: Wanted, came: Said | None) -> NoReturn:
        if came is not None:  # what follows it may explain it
            await self.until(self._all_idle, REST)
        if len(end.inbox) - end.taken > MANY_PENDING and not end.run.ended:
            self._stop(Misconception.FLOOD, "Your handler never stops sending.", end)
        self.harness.settle()
        # The handler is on its way to its end: what it raised or returned says more than a close.
        if came is not None and came.type == "close":
            await self.until(lambda: end.run.ended, REST)
        handlers = {each.number: each for each in self.harness.handlers()}
        others = [each for each in self.ends.values() if each is not end]
        evidence = Evidence(
            wanted=wanted,
            came=came,
            ended=end.ended,
            said=tuple(end.said),
            unanswered=tuple(end.unanswered),
            right=tuple(end.inbox[: end.taken]),
            answers=end.taken - end.asked,
            others_said=self._speaker not in (None, end),
            handler=handlers[end.run.number],
            others=tuple(handlers[other.run.number] for other in others),
        )
        where = f"{self.title}, client {end.number + 1}" if len(self.ends) > 1 else self.title
        finding = diagnose(evidence)
        raise NotYet(replace(finding, where=where, tables=(*finding.tables, *self._frames(end))))

    def _frames(self, end: End) -> tuple[Table, ...]:
        frames: list[Any] = list(self.harness.log.filter(kind="frame", connection=end.run.number))
        frames = frames[-SHOWN_FRAMES:]
        rows = tuple((f.sender, f.type, Said(f.type, f.payload).shown) for f in frames)
        return (Table("The last frames", ("from", "type", "payload"), rows),) if rows else ()
