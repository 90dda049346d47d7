"""Scripted clients: what each sends and expects, and the evidence where something else comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from astra_nb.client import connect_async
from astra_nb.errors import AstraError, ConnectFailed, HandshakeFailed
from astra_nb.wire.messages import CloseFrame

from . import guard
from .diagnosis.evidence import Evidence, Said, Wanted
from .diagnosis.misconceptions import Misconception, Table
from .diagnosis.rules import diagnose
from .stage import ANSWER, REST, End, NotYet, Stage

__all__ = ["FORGET", "Client", "Payload"]

Payload = str | bytes
Message = tuple[str, Payload]
Judge = Callable[[bytes], str]

TYPES = ("text", "bytes", "ping", "pong")
QUIET = 0.12  # seconds, as this process was given them, in which nothing is to come
FORGET = 1.0  # the same, for what a handler may do, and need not
SHOWN_FRAMES = 8


def octets(value: object) -> bytes:
    if isinstance(value, (str, bytes, bytearray, list)):
        return value.encode() if isinstance(value, str) else bytes(value)
    raise TypeError(f"a payload is a str or bytes, not {value!r:.60}")


def known(type: str) -> str:
    if type not in TYPES:
        raise ValueError(f"the type of a message is one of {', '.join(TYPES)}, not {type!r}")
    return type


class Client(End):
    """One client of a scenario: what it does is done at once, and a check ends where it fails."""

    def __init__(self, stage: Stage, path: str, automatic_pong: bool) -> None:
        super().__init__()
        self._stage = stage
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
        self.reader = stage.begin(self.read(stage.changed))
        if not stage.until(lambda: len(runs) > count, ANSWER, ANSWER):
            self._not_open("its handler did not begin")
        self.run = runs[-1]
        # What another client says next finds this handler where it waits.
        stage.until(lambda: self.run.is_idle or self.pending, REST)

    def _not_open(self, why: str) -> NoReturn:
        on_loop = (run.thread for run in self._stage.harness.runs.runs if run.task)
        for at in filter(None, map(guard.place, on_loop)):
            said = f"No further connection could be opened: your code is still at {at}."
            self._stage.stop(Misconception.STUCK, said)
        said = f"The check could not connect to its own server: {why}."
        self._stage.stop(Misconception.NO_SERVER, said)

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
        before, sent, self.asked = stage.sends_to(held), [], self.taken
        stage.speaker = self

        async def send_all() -> None:
            with contextlib.suppress(AstraError):
                for type, parts in messages:
                    data = b"".join(parts)
                    self.said.append(Said(type, data))
                    self.unanswered += self.said[-1:] if unanswered else []
                    if len(parts) > 1:
                        await self.socket.send_fragments(type, parts)
                    else:
                        await self.socket.send(type, data.decode() if type == "text" else data)
                sent.append(True)

        if not self.ended and all(said.type != "close" for said in self.inbox[self.taken :]):
            sending = stage.begin(send_all())
            stage.until(sending.done, rest=ANSWER)
            sending.cancel()
        if not sent:
            stage.until(lambda: self.ended, REST)
            self._fail(Wanted("open"), self.closing or self.pending)
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
            self._stage.sayable[what] += any_payload or payload != said.payload
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
        return self.pending or self.closing

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
            self._fail(Wanted("nothing", why=why), self.pending or self.closing)

    def expect_close(self, code: int, reason: str | None = None) -> None:
        """Expect that the server closes, with this code, and with this reason unless None."""
        CloseFrame(code, reason or "")  # raises where there is no such frame
        said = Said("close", code.to_bytes(2, "big") + (reason or "").encode())
        came = self._next()
        is_close = came and came.type == "close" and came.payload[:2] == said.payload[:2]
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
        going = self._stage.begin(way(*arguments))
        self._stage.until(going.done, ANSWER, ANSWER)
        going.cancel()

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
                unanswered=self.unanswered,
                right=self.inbox[: self.taken],
                answers=self.taken - self.asked,
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
