"""Scripted clients: what each sends and expects, and the evidence where something else comes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from astra_nb.client import connect_async
from astra_nb.errors import AstraError, ConnectFailed, HandshakeFailed
from astra_nb.wire.messages import CloseFrame

from .diagnosis.evidence import Evidence, Said, Wanted
from .diagnosis.misconceptions import Finding, Misconception, Table
from .diagnosis.rules import diagnose
from .harness import Harness
from .patience import Patience
from .socket_spy import Run, said_of

__all__ = ["Client", "Judge", "NotYet", "Payload", "Stage"]

T = TypeVar("T")
Payload = str | bytes
Message = tuple[str, Payload]
Judge = Callable[[bytes], str]

TYPES = ("text", "bytes", "ping", "pong")
TICK = 0.02  # seconds
ANSWER = 2.5  # seconds, as this process was given them, until a wait for an answer ends
REST = 0.4  # the same, while every handler waits for a message
QUIET = 0.12  # the same, in which nothing is to come
WHOLE = 15.0  # the same, for a whole check
FORGET = 1.0  # the same, for what a handler may do, and need not
SHOWN_FRAMES = 8


class NotYet(Exception):
    """Ends a check with a finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def octets(value: object) -> bytes:
    if isinstance(value, (str, bytes, bytearray, list)):
        return value.encode() if isinstance(value, str) else bytes(value)
    raise TypeError(f"a payload is a str or bytes, not {value!r:.60}")


def known(type: str) -> str:
    if type not in TYPES:
        raise ValueError(f"the type of a message is one of {', '.join(TYPES)}, not {type!r}")
    return type


class Stage:
    """What the clients of one scenario share: the server that they try, and how they wait."""

    def __init__(self, harness: Harness, patience: Patience, title: str) -> None:
        self.harness = harness
        self.patience = patience  # that of the check
        self.title = title  # what the scenario is about
        self.clients: list[Client] = []
        self.changed = threading.Event()
        self.is_holding = False  # whether sends are held until `release`
        self.left: Client | None = None  # whom nobody knew beforehand
        self.speaker: Client | None = None  # who sent something last
        self.sayable = defaultdict[str, bool](bool)  # what is said of mistakes, and if it can be

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
        while not (found := ready()):
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
            self.changed.clear()
            self.changed.wait(TICK)
        return found

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
        raise NotYet(Finding(kind, said, kind.advice, where=self.title, tables=tables))

    def end(self) -> None:
        """See that nothing more came, and that a handler ends with its connection."""
        left = [client for client in self.clients if not client.leaving and not client.ended]
        for client in left:
            client.see_no_more()
        for client in left[:1]:  # what others hear of it is the exercise's matter
            client.close()

    def clear(self) -> None:
        """Drop all connections, wherever they stand."""
        for client in self.clients:
            client.reader.cancel()
            with contextlib.suppress(AstraError, RuntimeError):
                self.begin(client.socket.drop()).result(FORGET)


class Client:
    """One client of a scenario: what it does is done at once, and a check ends where it fails."""

    def __init__(self, stage: Stage, path: str, automatic_pong: bool) -> None:
        self._stage = stage
        self.inbox: list[Said] = []  # whole messages that came
        self.taken = 0  # how many of them were expected
        self._asked = 0  # how many of these before the last thing it said
        self.said: list[Said] = []
        self._unanswered: list[Said] = []  # of these, what is to get no answer
        self.ended = ""  # how its connection ended: "", "closed", "dropped" or "refused"
        self.leaving = False
        self.run = Run()  # the handler's call for it, once that has begun
        runs = stage.harness.runs.runs
        count = len(runs)
        opening = stage.begin(opened(stage.harness.url + path, automatic_pong))
        try:
            if not stage.until(opening.done, ANSWER, ANSWER):
                self._not_open("the opening handshake did not end")
            self.socket = opening.result()
        except (ConnectFailed, HandshakeFailed) as error:
            self._not_open(str(error))
        finally:
            opening.cancel()
        stage.clients.append(self)
        self.reader = stage.begin(self._read())
        if not stage.until(lambda: len(runs) > count, ANSWER, ANSWER):
            self._not_open("its handler did not begin")
        self.run = runs[-1]
        # What another client says next finds this handler where it waits.
        stage.until(lambda: self.run.is_idle or self.pending, REST)

    def _not_open(self, why: str) -> NoReturn:
        for at in filter(None, (handler.busy_at for handler in self._stage.harness.handlers())):
            said = f"No further connection could be opened: your handler is still at {at}."
            self._stage.stop(Misconception.STUCK, said)
        said = f"The check could not connect to its own server: {why}."
        self._stage.stop(Misconception.NO_SERVER, said)

    async def _read(self) -> None:
        with contextlib.suppress(AstraError):
            async for message in self.socket:
                if message.type == "close" and "received" not in self._closes():
                    break  # TCP ended without a CLOSE frame
                self.inbox.append(said_of(message))
                self._stage.changed.set()
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
    def _close(self) -> Said | None:
        """The CLOSE frame that has come, or what stands for the end of TCP."""
        end = Said("close") if self.ended == "closed" else None
        return next((said for said in self.inbox if said.type == "close"), end)

    # What it sends

    def send(self, type: str, value: Payload = b"", *, unanswered: bool = False) -> None:
        """Send a message, which is to get an answer or not."""
        self.send_all([(type, value)], unanswered=unanswered)

    def send_all(self, messages: Iterable[Message], *, unanswered: bool = False) -> None:
        """Send several messages in a row, before any answer is looked at."""
        self._send([(known(type), [octets(value)]) for type, value in messages], unanswered)

    def send_fragments(self, type: str, parts: Iterable[Payload]) -> None:
        """Send one message in several fragments."""
        self._send([(known(type), [*map(octets, parts)])], False)

    def _send(self, messages: list[tuple[str, list[bytes]]], unanswered: bool) -> None:
        stage, held = self._stage, self._stage.harness.runs.held
        before, sent, self._asked = stage.sends_to(held), [], self.taken
        stage.speaker = self

        async def send_all() -> None:
            with contextlib.suppress(AstraError):
                for type, parts in messages:
                    data = b"".join(parts)
                    self.said.append(Said(type, data))
                    self._unanswered += self.said[-1:] if unanswered else []
                    if len(parts) > 1:
                        await self.socket.send_fragments(type, parts)
                    else:
                        await self.socket.send(type, data.decode() if type == "text" else data)
                sent.append(True)

        if not self.ended and all(said.type != "close" for said in self.inbox[self.taken :]):
            sending = stage.begin(send_all())
            stage.until(sending.done)
            sending.cancel()
        if not sent:
            stage.until(lambda: self.ended, REST)
            self._fail(Wanted("open"), self._close or self.pending)
        if stage.is_holding:
            stage.until(lambda: stage.sends_to(held) > before, FORGET)

    # What it expects

    def expect(
        self, type: str, value: Payload | None = None, *, judge: Judge | None = None,
        mistakes: Mapping[Any, str] | None = None, why: str = "",
    ) -> bytes:  # fmt: skip
        """Expect a message from the server, and return its payload.

        Args:
            type: Its type.
            value: Its payload; None for any. With a judge it is only shown.
            judge: Called with the payload, when the type is right, in place of a comparison;
                returns what is wrong, or "".
            mistakes: Payloads that people send instead, each with what to say about it. One that
                equals the right value is passed over.
            why: Advice when anything else comes, or nothing.
        """
        if self is self._stage.left:
            return b""
        said, any_payload = Said(known(type), octets(value or b"")), value is None
        wrong = tuple((octets(each), what) for each, what in (mistakes or {}).items())
        for payload, what in wrong:
            self._stage.sayable[what] |= any_payload or payload != said.payload
        came = self._next()
        right = came == said
        if came is not None and came.type == type:
            right |= any_payload
            if judge is not None:
                wrong = ((came.payload, judge(came.payload)),)
                right = not wrong[0][1]
        if not right or came is None:
            self._fail(Wanted("message", said, any_payload, wrong, why), came)
        self.taken += 1
        return came.payload

    def _next(self) -> Said | None:
        self._stage.until(lambda: self.pending or self.ended)
        return self.pending or self._close

    def exchange(
        self,
        messages: Iterable[Message],
        answer: Callable[[str, Any], Message] = lambda type, value: (type, value),
        mistakes: Callable[[str, Any], Mapping[Any, str]] = lambda type, value: {},
        *,
        at_once: bool = False,
    ) -> None:
        """Send each message and expect its answer before the next one, unless all go at once.

        Two functions of its type and value give the right answer, by default the message itself,
        and the likely mistakes, as for `expect`.
        """
        messages = list(messages)
        for row in [messages] if at_once else [[message] for message in messages]:
            self.send_all(row)
            for type, value in row:
                self.expect(*answer(type, value), mistakes=mistakes(type, value))

    def expect_all(self, messages: Iterable[Message], why: str = "") -> None:
        """Expect several messages in their order."""
        for type, value in messages:
            self.expect(type, value, why=why)

    def expect_nothing(self, why: str = "") -> None:
        """Expect that nothing comes for a moment."""
        if self._stage.until(lambda: self.pending or self.ended, QUIET, QUIET):
            self._fail(Wanted("nothing", why=why), self.pending or self._close)

    def expect_close(self, code: int, reason: str | None = None) -> None:
        """Expect that the server closes, with this code, and with this reason unless None."""
        CloseFrame(code, reason or "")  # raises where there is no such frame
        said = Said("close", code.to_bytes(2, "big") + (reason or "").encode())
        came = self._next()
        is_close = came is not None and came.type == "close" and came.code == code
        if not is_close or (reason is not None and came != said):
            self._fail(Wanted("close", said, any_payload=reason is None), came)
        self.taken += 1
        self._see_the_end()

    def control_between(self, message: Message, answer: Message | None) -> None:
        """Send a PONG that nobody asked for, a PING and a message; only the message is answered.

        For servers with automatic pong. The answer is None where this client gets none.
        """
        self.send_all([("pong", b"unasked for"), ("ping", b"asking")], unanswered=True)
        self.send(*message)
        self.expect_all([("pong", b"asking"), *([answer] if answer else [])])

    def expect_sends(self, at_most: int, why: str) -> None:
        """Expect that no more sends than that wait for this client; `why` says what if more do."""
        count = self._stage.sends_to({self.run.number})
        if count > at_most:
            said = f"{count} calls of send wait at once for {self._name}. {why}"
            self._stage.stop(Misconception.KNOWN_MISTAKE, said, self._frames())

    # How it leaves

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and see that the handler ends with it."""
        self._leave(self.socket.send_close, code, reason)

    def close_without_code(self) -> None:
        """Close with an empty CLOSE frame, and see that the handler ends with it."""
        self._leave(self.socket.send_close)

    def vanish(self) -> None:
        """End TCP without a CLOSE frame, and see that the handler ends with it."""
        self._leave(self.socket.drop)

    def forget(self) -> None:
        """End TCP, wherever it stands; neither what came nor its handler's end is looked at."""
        self._go(self.socket.drop)
        self._stage.until(lambda: self.run.ended, FORGET, FORGET)

    def stop_reading(self) -> None:
        """Stop reading: sends to it wait, as when every buffer is full, until `release`."""
        self._stage.harness.runs.held.add(self.run.number)

    def _leave(self, way: Callable[..., Any], *arguments: Any) -> None:
        self.see_no_more()
        self._go(way, *arguments)
        self._see_the_end()

    def _go(self, way: Callable[..., Any], *arguments: Any) -> None:
        self.leaving = True
        with contextlib.suppress(AstraError):
            self._stage.begin(way(*arguments)).result()

    def see_no_more(self) -> None:
        """See that nothing has come that nobody asked for."""
        self._stage.until(lambda: self.pending or self._stage.is_idle(), REST)
        if (came := self.pending) is not None:
            self._fail(Wanted("open" if came.type == "close" else "nothing"), came)

    def _see_the_end(self) -> None:
        """See that the handler ends now that its connection has."""
        run, self.leaving = self.run, True
        self._stage.until(lambda: run.ended and self.ended, ANSWER, ANSWER)
        extra = [said for said in self.inbox[self.taken :] if said.type != "close"]
        by_close = run.error and "ConnectionClosed" in run.error.kinds and not run.open_at_end
        if not run.ended or extra or not (run.error is None or by_close):
            self._fail(Wanted("end"), extra[0] if extra else None)

    # Where something else came

    def _fail(self, wanted: Wanted, came: Said | None) -> NoReturn:
        stage, run = self._stage, self.run
        if came is not None:  # what follows it may explain it
            stage.until(stage.is_idle, REST)
        stage.harness.settle()
        # The handler is on its way to its end: what it raised or returned says more than a close.
        if came is not None and came.type == "close":
            stage.until(lambda: run.ended, REST)
        handlers = {each.number: each for each in stage.harness.handlers()}
        finding = diagnose(
            Evidence(
                wanted=wanted,
                came=came,
                ended=self.ended,
                said=self.said,
                unanswered=self._unanswered,
                right=self.inbox[: self.taken],
                answers=self.taken - self._asked,
                others_said=stage.speaker not in (None, self),
                handler=handlers[run.number],
                others=[handlers[each.run.number] for each in stage.clients if each is not self],
            )
        )
        where = stage.title + (f", {self._name}" if len(stage.clients) > 1 else "")
        raise NotYet(replace(finding, where=where, tables=(*finding.tables, *self._frames())))

    @property
    def _name(self) -> str:
        return f"client {self._stage.clients.index(self) + 1}"

    def _frames(self) -> tuple[Table, ...]:
        log, number = self._stage.harness.log, self.run.number
        frames: list[Any] = list(log.filter(kind="frame", connection=number))[-SHOWN_FRAMES:]
        rows = tuple((f.sender, f.type, Said(f.type, f.payload).shown) for f in frames)
        return (Table("The last frames", ("from", "type", "payload"), rows),) if rows else ()


async def opened(url: str, automatic_pong: bool) -> Any:
    return await connect_async(url, automatic_pong=automatic_pong, close_timeout=1.0, timeout=None)
