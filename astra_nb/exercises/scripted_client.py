"""Scripted clients: play recorded steps against a harness, and gather evidence where one fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

from astra_nb.client import connect_async
from astra_nb.errors import AstraError, ConnectFailed, ConnectionClosed, HandshakeFailed
from astra_nb.log.records import FrameRecord

from .client_end import End
from .diagnosis.evidence import Evidence, Said, Wanted
from .diagnosis.misconceptions import Finding, Misconception, Table
from .diagnosis.rules import diagnose
from .harness import Harness
from .patience import Patience
from .scenario import Heard, Judge, Script, octets

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
class Play:
    """One scenario at work, on the loop of the clients. Each step of a `Script` is a method."""

    harness: Harness
    script: Script
    title: str  # what the scenario is about
    patience: Patience  # that of the check
    known: set[Said]  # what was expected in earlier scenarios; what this one expects is added
    fresh: bool  # whether its values could not be known beforehand

    def __post_init__(self) -> None:
        self.ends: dict[int, End] = {}
        self._sockets: list[Any] = []
        self._changed = asyncio.Event()
        self._at = 0  # index of the step
        self._held: set[int] = set()  # until a step releases them
        self._left: End | None = None  # whom nobody knew beforehand

    async def run(self) -> None:
        """Play all steps, and see that each handler ends with its connection.

        Raises:
            NotYet: Something was not as expected.
            TooBusy: The machine gave this process too little time.
        """
        try:
            for index, (method, client, arguments) in enumerate(self.script.steps):
                self._at = index
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
            for socket in self._sockets:
                with contextlib.suppress(AstraError, RuntimeError):
                    await socket.drop()

    # Steps

    async def open(self, number: int, path: str, automatic_pong: bool) -> None:
        runs, url = self.harness.runs.runs, self.harness.url + path
        count = len(runs)
        opening = asyncio.ensure_future(
            connect_async(url, automatic_pong=automatic_pong, close_timeout=1.0, timeout=None)
        )
        try:
            if not await self.until(opening.done):
                self._not_open("the opening handshake did not end")
            self._sockets.append(opening.result())
        except (ConnectFailed, HandshakeFailed) as error:
            self._not_open(str(error))
        finally:
            opening.cancel()
        await self.until(lambda: len(runs) > count)
        if len(runs) == count:
            self._not_open("its handler did not begin")
        end = self.ends[number] = End(number, self._sockets[-1], runs[-1], self._changed.set)
        # What another client says next finds this handler where it waits.
        await self.until(lambda: end.run.is_idle or end.pending, REST)

    def _not_open(self, why: str) -> NoReturn:
        for handler in self.harness.handlers():
            if handler.busy_at:
                said = "No further connection could be opened: your handler is still at"
                self._stop(Misconception.STUCK, f"{said} {handler.busy_at}.")
        said = f"The check could not connect to its own server: {why}."
        self._stop(Misconception.NO_SERVER, said)

    async def send(self, end: End, messages: Sequence[Any], unanswered: bool) -> None:
        async def send_all() -> None:
            for type, value in messages:
                data = octets(value() if callable(value) else value)
                end.said.append(Said(type, data))
                end.unanswered += end.said[-1:] if unanswered else []
                await end.socket.send(type, data.decode() if type == "text" else data)

        await self._sent(end, send_all())
        end.answers = 0

    async def send_fragments(self, end: End, type: str, parts: list[bytes], ping: bytes) -> None:
        async def send_all() -> None:
            for index, part in enumerate(parts):
                first, last = index == 0, index == len(parts) - 1
                await end.socket.send_fragment(part, type=type if first else None, fin=last)
                if first and ping:
                    end.said.append(Said("ping", ping))
                    await end.socket.send("ping", ping)
            end.said.append(Said(type, b"".join(parts)))

        await self._sent(end, send_all())
        end.answers = 0

    async def _sent(self, end: End, sends: Coroutine[Any, Any, None]) -> None:
        open, held = Wanted("open"), self._sends_to(self._held)
        sending = asyncio.ensure_future(sends)
        sending.add_done_callback(self._done)
        if end.ended or any(said.type == "close" for said in end.inbox[end.taken :]):
            sending.cancel()
            await self._fail(end, open, end.close or end.pending)
        if not await self.until(sending.done):
            sending.cancel()
            await self._fail(end, open, None)
        try:
            sending.result()
        except AstraError:
            await self.until(lambda: end.ended, REST)
            await self._fail(end, open, end.close or end.pending)
        if self._held:
            await self.until(lambda: self._sends_to(self._held) > held, FORGET)

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # has been looked at, also when the check ends meanwhile
        self._changed.set()

    def _sends_to(self, connections: set[int]) -> int:
        """Count the sends that wait for these connections."""
        records = [each for run in self.harness.runs.runs for each in tuple(run.records)]
        waiting = [r for r in records if r.owner in connections and r.state == "waits"]
        return sum(record.name.startswith("send") for record in waiting)

    async def expect(self, end: End, wanted: Wanted, judge: Judge | None, heard: Heard) -> None:
        if end is self._left:
            return
        came = await self._next(end, wanted)
        heard.payload = came.payload
        right = came.type == wanted.said.type
        if right and judge is not None:
            heard.calls = tuple(end.run.records)
            if judged := judge(heard):
                right, wanted = False, replace(wanted, mistakes=((came.payload, judged),))
        elif not wanted.any_payload:
            right = came == wanted.said
        if not right:
            await self._fail(end, wanted, came)
        end.taken += 1
        end.right.append(came)
        end.answers += 1
        self.known.add(came)

    async def expect_close(self, end: End, code: int, reason: str | None) -> None:
        start = code.to_bytes(2, "big")
        wanted = Wanted("close", Said("close", start + (reason or "").encode()))
        came = await self._next(end, wanted)
        if came.type != "close":
            await self.until(lambda: end.close, QUIET)
            end.ended = end.ended or ("closed" if end.close else "")
        elif reason is None:
            wanted = Wanted("close", Said("close", start + came.payload[2:]))
        if came != wanted.said:
            await self._fail(end, wanted, came)
        end.taken += 1
        end.leaving = True
        await self._see_the_end(end)

    async def expect_nothing(self, end: End, wanted: Wanted) -> None:
        await self.until(lambda: end.pending, QUIET, QUIET)
        if end.pending is not None or end.ended:
            await self._fail(end, wanted, end.pending or end.close)

    async def expect_sends(self, end: End, at_most: int, why: str) -> None:
        count = self._sends_to({end.run.number})
        if count > at_most:
            said = f"{count} calls of send wait at once for client {end.number + 1}. {why}"
            self._stop(Misconception.KNOWN_MISTAKE, said, end)

    async def leave(self, end: End, code: int, reason: str = "") -> None:
        if not end.may_hear:
            await self._quiet(end)
        end.leaving = True
        with contextlib.suppress(AstraError):
            if code == 1006:
                await end.socket.drop()
            else:
                await end.socket.send_close(*((code, reason) if code != 1005 else ()))
        await self._see_the_end(end)

    async def _quiet(self, end: End) -> None:
        """See that nothing has come that nobody asked for."""
        await self.until(lambda: end.pending or self._all_idle(), REST)
        if (came := end.pending) is not None:
            await self._fail(end, Wanted("open" if came.type == "close" else "nothing"), came)

    async def _see_the_end(self, end: End) -> None:
        """See that the handler ends now that its connection has."""
        run = end.run
        await self.until(lambda: run.ended and end.ended, ANSWER, ANSWER)
        unasked = [] if end.may_hear else end.inbox[end.taken :]
        extra = [said for said in unasked if said.type != "close"]
        by_close = isinstance(run.error, ConnectionClosed) and not run.open_at_end
        if not run.ended or extra or not (run.error is None or by_close):
            await self._fail(end, Wanted("end"), extra[0] if extra else None)

    async def forget(self, end: End) -> None:
        end.leaving = True
        with contextlib.suppress(AstraError):
            await end.socket.drop()
        await self.until(lambda: end.run.ended, FORGET, FORGET)

    async def hold(self, end: End) -> None:
        self._held.add(end.run.number)
        self.harness.runs.held.add(end.run.number)

    async def one_leaves_between(self, _: object) -> None:
        for end in self.ends.values():
            if end.run.number in self._held and self._sends_to({end.run.number}):
                self._held.remove(end.run.number)
                self.harness.runs.held.remove(end.run.number)
                await self.until(lambda: end.pending and self._sends_to(self._held), FORGET)  # noqa: B023
                await self.forget(end)
                self._left = end
                break

    async def release(self, _: object) -> None:
        self.harness.runs.held -= self._held
        self._held.clear()

    async def stop_reading(self, end: End) -> None:
        end.reader.cancel()
        self.harness.runs.held.add(end.run.number)

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
            if not self._all_idle():
                rested = given
            if given - rested > rest and not self._all_arrived():
                rested = given  # a busy machine: what was sent is on its way
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
        logs = [
            (self.harness.log.filter(kind="frame", connection=end.run.number), end.socket.log)
            for end in self.ends.values()
            if not end.ended and not end.reader.done()
        ]
        return all(
            len(server.filter(direction=one)) == len(client.filter(kind="frame", direction=other))
            for server, client in logs
            for one, other in (("sent", "received"), ("received", "sent"))
        )

    async def _next(self, end: End, wanted: Wanted) -> Said:
        """Wait for the next message; a connection that ends, and silence, are findings."""
        await self.until(lambda: end.pending or end.ended)
        came = end.pending
        if came is None or (came.type == "close" and wanted.kind != "close"):
            await self._fail(end, wanted, came or end.close)
        assert came is not None
        return came

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
        if not self.harness.is_running:
            self._stop(Misconception.OWN_SERVER, "The server of this check was shut down.")
        # The handler is on its way to its end: what it raised or returned says more than a close.
        if came is not None and came.type == "close":
            await self.until(lambda: end.run.ended, REST)
        handlers = {each.number: each for each in self.harness.handlers()}
        others = [each for each in self.ends.values() if each is not end]
        mine = [each for each in self.script.steps[self._at + 1 :] if each.client == end.number]
        said = wanted.said
        evidence = Evidence(
            wanted=wanted,
            came=came,
            ended=end.ended,
            said=tuple(end.said),
            unanswered=tuple(end.unanswered),
            right=tuple(end.right),
            answers=end.answers,
            later=tuple(each.arguments[0].said for each in mine if each.method == "expect"),
            others_said=any(other.said for other in others),
            elsewhere=self._names(lambda each: said in each.inbox[-3:] and said not in each.said),
            back=self._names(lambda each: any(s in each.said for s in each.inbox[each.taken :])),
            handler=handlers[end.run.number],
            others=tuple(handlers[other.run.number] for other in others),
            beside=self.harness.errors_beside(),
            printed=self.harness.log.output.total > 0,
            by_heart=self.fresh and came in self.known and came != said,
        )
        where = f"{self.title}, client {end.number + 1}" if len(self.ends) > 1 else self.title
        finding = diagnose(evidence)
        raise NotYet(replace(finding, where=where, tables=(*finding.tables, *self._frames(end))))

    def _names(self, condition: Callable[[End], bool]) -> tuple[str, ...]:
        return tuple(f"client {each.number + 1}" for each in self.ends.values() if condition(each))

    def _frames(self, end: End) -> tuple[Table, ...]:
        records = [r for r in self.harness.log.frames if r.connection == end.run.number]
        frames = [record for record in records if isinstance(record, FrameRecord)][-SHOWN_FRAMES:]
        rows = tuple((f.sender, f.type, Said(f.type, f.payload).shown) for f in frames)
        return (Table("The last frames", ("from", "type", "payload"), rows),) if rows else ()
