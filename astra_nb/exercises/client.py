"""One connection of a scenario, seen from its client's end: it speaks, expects, and finds."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from astra_nb.errors import AstraError, ConnectionClosed, NotOpen
from astra_nb.wire.close_codes import name

from . import ladder
from .finding import Finding, NotYet
from .history import Heard, Passed, describe, describe_close
from .watch import Run

if TYPE_CHECKING:
    from .script import Talk

__all__ = ["Client", "NotAttempted"]

QUIET = 0.15  # seconds in which nothing shall come
MAX_PENDING = 5000  # messages that nobody asked for
MANY_PENDING = 100  # of them, beside a wrong one, tell of a flood
OPEN = "an open connection"
END = "the end of the handler"


class NotAttempted(Exception):
    """The handler says by itself that nothing is written yet."""


class Client:
    """One connection of a scenario, seen from its client's end.

    Attributes:
        number: The connection's number on the server's log.
        said: Payloads of the messages this client sent.
        answered: How many messages of the server were as expected.
    """

    def __init__(self, talk: Talk, socket: Any, number: int) -> None:
        self.talk = talk
        self.socket = socket
        self.number = number
        self.said: list[bytes] = []
        self.answered = 0
        self._taken = 0
        self._last: tuple[str, bytes] | None = None
        self._closing = False

    # Speaking

    async def send(self, type: str, value: object = b"") -> None:
        """Send a message; types and values are those of `socket.send`."""
        await self._sent(self.socket.send(type, value))
        data = value.encode() if isinstance(value, str) else value
        self.said.append(bytes(data) if isinstance(data, (bytes, list)) else b"")

    async def send_fragments(self, type: str, parts: list[Any]) -> None:
        """Send one message in several fragments."""
        await self._sent(self.socket.send_fragments(type, parts))
        self.said.append(b"".join(p.encode() if isinstance(p, str) else p for p in parts))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and see that the handler ends with it."""
        await self._sent(self.socket.send_close(code, reason))
        await self.finish()

    def stop_reading(self) -> None:
        """Read nothing more from the socket, so that the server cannot send for ever."""
        self.socket._connection.transport.pause_reading()

    def read_again(self) -> None:
        """Read on after `stop_reading`."""
        self.socket._connection.transport.resume_reading()

    async def _sent(self, sending: Awaitable[None]) -> None:
        task = asyncio.ensure_future(sending)
        if not await self.talk.until(task.done):
            task.cancel()
            self._fail_silent("room for the next message")
        try:
            task.result()
        except (ConnectionClosed, NotOpen):
            self.talk.steps += 1
            self._fail_closed(OPEN, self._pending())

    # Listening

    async def expect(
        self,
        type: str,
        value: str | bytes | None = None,
        *,
        mistakes: Mapping[str | bytes, str] | None = None,
    ) -> Heard:
        """Expect a message from the server.

        Args:
            type: Its type.
            value: Its payload; None for any.
            mistakes: Payloads that people send instead, each with what to say about it.
        """
        self.talk.steps += 1
        payload = value.encode() if isinstance(value, str) else value
        wanted = f"{type} (any payload)" if payload is None else describe(type, payload)
        heard = await self._next(wanted)
        if heard.type == "close":
            self._fail_closed(wanted, heard)
        self._compare(heard, type, payload, wanted, mistakes or {})
        self.answered += 1
        self._last = (heard.type, heard.payload)
        return heard

    async def expect_json(
        self, value: dict[str, Any], *, mistakes: Callable[[Any], str | None] | None = None
    ) -> None:
        """Expect a text that is this value as JSON, whatever its blanks and the order of keys.

        Args:
            value: The value.
            mistakes: Gets what came instead, and says what to say about it, or None.
        """
        wanted = json.dumps(value, ensure_ascii=False)
        heard = await self.expect("text")
        try:
            came = json.loads(heard.payload)
        except ValueError:
            self.fail(
                "not-json",
                "The answer is no JSON.",
                expected=f"text {wanted}",
                heard=heard,
                advice="json.dumps() writes JSON, with double quotes; str() of a dict does not.",
            )
        if came == value and _same_kinds(came, value):
            return
        said = mistakes(came) if mistakes is not None else None
        self.fail(
            "known-mistake" if said else "wrong-value",
            said or "The JSON is not the expected one.",
            expected=f"text {wanted}",
            heard=heard,
        )

    async def expect_close(self, code: int, reason: str | None = None) -> None:
        """Expect that the server closes, with this code, and with this reason unless None."""
        self.talk.steps += 1
        wanted = describe_close(code, reason)
        heard = await self._next(wanted, closing=True)
        if heard.close is None:
            self._fail(wanted, heard, ladder.about_no_close(heard, code))
        came = heard.close
        run = self._run
        if (came.code, came.reason if reason is not None else "") != (code, reason or ""):
            self._raised(wanted)
            if came.code == 1005:
                self.fail("empty-close", "The CLOSE frame has no code.", wanted, heard)
            if run is not None and run.open_at_end:
                self.fail(
                    "returned-instead", "Your handler returned instead of closing.", wanted, heard
                )
            if came.code == code:
                self.fail(
                    "wrong-reason",
                    "The close code is right, the reason is not."
                    if came.reason
                    else "The close code is right, and the reason is missing.",
                    wanted,
                    heard,
                )
            self.fail(
                "wrong-code",
                f"{came.code} means {name(came.code)}; here {code} ({name(code)}) fits.",
                wanted,
                heard,
            )
        if run is not None and run.open_at_end and (code, reason or "") != (1000, ""):
            self.fail(
                "returned-instead", "Your handler returned instead of closing.", wanted, heard
            )
        self.answered += 1
        self._closing = True
        await self.finish()

    async def expect_nothing(self, key: str = "too-many", why: str = "") -> None:
        """Expect that nothing comes for a moment."""
        self.talk.steps += 1
        heard = await self.talk.until(self._pending, QUIET)
        if heard is not None:
            if heard.type == "close":
                self._fail_closed("nothing", heard)
            self.fail(key, why or f"Nothing should come here, but {heard} did.", "nothing", heard)

    # Findings

    def fail(
        self,
        key: str,
        headline: str,
        expected: str = "",
        heard: Heard | None = None,
        advice: str = "",
    ) -> NoReturn:
        """End the check with a finding about this connection.

        Args:
            key: Short name of the misunderstanding.
            headline: What happened, as one sentence.
            expected: What was expected.
            heard: What came instead; None for nothing.
            advice: How to go on; "" for the advice that the key has.
        """
        passed = self.passed
        rows = passed.sequence()
        remark = f"<- expected: {expected}" if expected else ""
        if heard is not None:
            until = Passed([f for f in passed.frames if f.number <= heard.number])
            rows = until.sequence(remark)
        elif any(frame.type == "close" for frame in passed.frames):
            rows = passed.until_close().sequence(remark)
        elif remark:
            rows = (*rows, ("server", "nothing", "", remark))
        raise NotYet(
            Finding(
                key,
                headline,
                expected=expected,
                came=str(heard) if heard is not None else "nothing" if expected else "",
                where=self.talk.where,
                frames=rows,
                advice=advice,
            )
        )

    def _fail(self, expected: str, heard: Heard | None, found: dict[str, str]) -> NoReturn:
        self.fail(found["key"], found["headline"], expected, heard, advice=found.get("advice", ""))

    @property
    def got_its_own(self) -> bool:
        """Whether what comes next, and was not expected yet, is what this client sent."""
        heard = self._pending()
        return heard is not None and heard.payload in self.said

    @property
    def passed(self) -> Passed:
        """What passed on this connection so far."""
        return self.talk.history.of(self.number)

    @property
    def handler_waits(self) -> bool:
        """Whether the handler of this connection has ended, or waits in recv() or a send."""
        run = self._run
        if run is None:
            return False
        line = self.talk.stage.watch.line(run)
        return run.ended or (line is not None and line.waits != "")

    def arrived(self) -> Heard | None:
        """Give the next message if it is there already, and leave it there."""
        return self._pending()

    def received_at(self, type: str) -> float:
        """Tell when the server received the last frame of a type, in seconds since the epoch."""
        times = [
            frame.time
            for frame in self.passed.frames
            if frame.direction == "received" and frame.type == type
        ]
        return times[-1] if times else 0.0

    @property
    def _run(self) -> Run | None:
        return self.talk.stage.watch.runs.get(self.number)

    def _pending(self) -> Heard | None:
        heard = self.passed.heard
        if self.talk.history.log.dropped or len(heard) - self._taken > MAX_PENDING:
            self.fail("flood", "Your handler sends without end.")
        return heard[self._taken] if len(heard) > self._taken else None

    def _answer_or_end(self) -> Heard | Run | Passed | None:
        heard = self._pending()
        if heard is not None:
            return heard
        run = self._run
        if run is not None and run.error is not None and self.passed.closed is None:
            return run  # the close with 1011 comes, and says less
        return self.passed if self.passed.closed is not None else None

    async def _next(self, wanted: str, closing: bool = False) -> Heard:
        found = await self.talk.until(self._answer_or_end)
        if isinstance(found, Heard):
            self._taken += 1
            return found
        if found is None:
            self._fail_silent(wanted, closing)
        self._raised(wanted)
        return self._fail_closed(wanted, await self.talk.until(self._pending, QUIET))

    def _compare(
        self,
        heard: Heard,
        type: str,
        payload: bytes | None,
        wanted: str,
        mistakes: Mapping[str | bytes, str],
    ) -> None:
        if payload is None:
            payload = heard.payload
        if (heard.type, heard.payload) == (type, payload):
            return
        if len(self.passed.heard) - self._taken > MANY_PENDING:
            self.fail("flood", f"Your handler sends {heard} without end.", wanted, heard)
        if heard.type == type:
            for mistake, said in mistakes.items():
                wrong = mistake.encode() if isinstance(mistake, str) else mistake
                if heard.payload == wrong:
                    self.fail("known-mistake", said, wanted, heard)
        others = [said for each in self.talk.clients if each is not self for said in each.said]
        found = ladder.about_value(
            heard,
            type,
            payload,
            said=self.said,
            others=others,
            repeated=self._repeated(heard),
        )
        if found is not None:
            self._fail(wanted, heard, found)

    @property
    def _client_closed(self) -> bool:
        closes = [frame for frame in self.passed.frames if frame.type == "close"]
        return bool(closes) and closes[0].direction == "received"

    def _repeated(self, heard: Heard) -> Literal["", "before", "after"]:
        """Tell whether this is the last answer once more, and if it came before a new message."""
        if (heard.type, heard.payload) != self._last:
            return ""
        spoken = [frame.number for frame in self.passed.frames if frame.direction == "received"]
        return "before" if not spoken or heard.number < spoken[-1] else "after"

    def _raised(self, wanted: str) -> None:
        if self._run is not None:
            self._raised_in(self._run, wanted)

    def _raised_in(self, run: Run, wanted: str) -> None:
        if run.error is None:
            return
        if isinstance(run.error, ConnectionClosed) and not run.open_at_end:
            return  # its own connection has ended, and that ended it
        # Exactly this one: what input() raises in a notebook is a subclass.
        if type(run.error) is NotImplementedError and not self.answered:
            raise NotAttempted
        found = ladder.about_error(
            run.error, self.talk.stage.watch.handler, wanted == END and self._client_closed
        )
        self._fail("" if wanted in (OPEN, END) else wanted, None, found)

    def _fail_closed(self, wanted: str, heard: Heard | None) -> NoReturn:
        self._raised(wanted)
        if not self.talk.stage.running:
            self.fail("own-server", "The server of this check was shut down.", wanted)
        forgot = self.talk.stage.watch.forgot_await()
        self._fail(
            wanted,
            heard,
            ladder.about_close(heard, self._run, self.answered, bool(self.said), forgot),
        )

    def _fail_silent(self, wanted: str, closing: bool = False) -> NoReturn:
        self._raised(wanted)
        watch = self.talk.stage.watch
        mine = self._run
        others = [run for run in watch.runs.values() if run is not mine]
        for other in others:
            self._raised_in(other, wanted)
        lines = [line for run in others if (line := watch.line(run)) is not None]
        found = ladder.about_silence(
            watch.line(mine) if mine is not None else None,
            next((line for line in lines if line.waits != "recv"), None),
            answered=self.answered,
            client_spoke=bool(self.said),
            others_spoke=any(client.said for client in self.talk.clients),
            came_back=any(client.got_its_own for client in self.talk.clients),
            forgot_await=watch.forgot_await(),
        )
        if closing and found["key"] in ("nothing", "nothing-yet"):
            found = {"key": "not-closed", "headline": "No close came, and nothing else did."}
        self._fail(wanted, None, found)

    # The end

    async def hang_up(self) -> None:
        """Start to close, if that has not begun."""
        if self.passed.closed is None and not self._closing:
            with contextlib.suppress(AstraError):  # it is closing already
                await self.socket.send_close(1000)
        self._closing = True

    async def finish(self) -> None:
        """Close if it is still open, and see that the handler ends and nothing more came."""
        await self.hang_up()
        closed = await self.talk.until(lambda: self.passed.closed)
        extra = self._pending()
        first = self.talk.first_close()
        # What others hear of a leaving client comes after its CLOSE frame.
        if extra is not None and extra.close is None and (not first or extra.number < first):
            self._taken += 1
            if (extra.type, extra.payload) == self._last:
                self.fail("too-many", f"The last answer came again: {extra}.", "no more", extra)
            self.fail("too-many", f"After the last answer {extra} came.", "no more", extra)
        if closed is None:
            self._fail_silent("the end of the connection")
        run = self._run
        if run is None:
            return
        if run.socket.automatic_pong and not self.talk.stage.automatic_pong:
            self.fail("automatic-pong", "Automatic pong was switched on; here it stays off.")
        if not await self.talk.until(lambda: run.ended):
            line = self.talk.stage.watch.line(run)
            at = f" at {line}" if line is not None else ""
            self.fail(
                "never-ends",
                f"The connection is closed, and your handler still runs{at}.",
                END,
            )
        self._raised(END)

    def check_log(self) -> None:
        """See that what the log says was sent is what this client received."""
        mine = b"".join(
            record.frame.raw
            for record in self.socket.log.filter(kind="frame", direction="received")
        )
        logged = b"".join(
            frame.frame.raw for frame in self.passed.frames if frame.direction == "sent"
        )
        if not logged.startswith(mine):
            self.fail("changed-log", "The log of this check is not what was on the wire.")


def _same_kinds(one: object, other: object) -> bool:
    """Tell 1 from True and "1", which JSON does and == does not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) or (
        isinstance(one, dict)
        and isinstance(other, dict)
        and all(isinstance(one[key], bool) == isinstance(other[key], bool) for key in other)
    )
