"""One connection of a scenario, seen from its client's end: it speaks, expects, and closes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from astra_nb.errors import AstraError, ConnectionClosed, NotOpen
from astra_nb.wire.close_codes import name

from . import ladder
from .finding import NotYet
from .history import Heard, describe, describe_close
from .verdicts import END, OPEN, Verdicts

if TYPE_CHECKING:
    from .script import Talk

__all__ = ["Client"]

QUIET = 0.15  # seconds in which nothing shall come
MANY_PENDING = 100  # messages beside a wrong one tell of a flood


class Client(Verdicts):
    """One connection of a scenario, seen from its client's end."""

    def __init__(self, talk: Talk, socket: Any, number: int) -> None:
        super().__init__(talk, number)
        self.socket = socket

    # Speaking

    async def send(self, type: str, value: object = b"") -> None:
        """Send a message; types and values are those of `socket.send`."""
        await self.talk.begin_to_speak(type, value)
        await self._sent(self.socket.send(type, value))
        data = value.encode() if isinstance(value, str) else value
        self.said.append(bytes(data) if isinstance(data, (bytes, list)) else b"")

    async def send_fragments(self, type: str, parts: list[Any]) -> None:
        """Send one message in several fragments."""
        payload = b"".join(p.encode() if isinstance(p, str) else p for p in parts)
        await self.talk.begin_to_speak(type, payload)
        await self._sent(self.socket.send_fragments(type, parts))
        self.said.append(payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and see that the handler ends with it."""
        self._closing = True
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
        self.talk.speaking = False
        payload = value.encode() if isinstance(value, str) else value
        wanted = f"{type} (any payload)" if payload is None else describe(type, payload)
        self.talk.history.expected.add(wanted)
        heard = await self._next(wanted)
        if heard.type == "close":
            self._fail_closed(wanted, heard)
        await self._see_pieces(heard, type, payload, wanted)
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
        before = self._last
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
        if (heard.type, heard.payload) == before:
            why = "The reply is the same as the one before, though the request is another."
            self.fail("same-again", why, f"text {wanted}", heard)
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
            await self.talk.until(self._pending, QUIET)
            following = self._pending()
            if following is not None and following.close is not None:
                self.fail("sent-before-close", f"Before the close {heard} came.", wanted, heard)
            self._fail(wanted, heard, ladder.about_no_close(heard, code))
        came = heard.close
        run = self._run
        if (came.code, came.reason if reason is not None else "") != (code, reason or ""):
            self._raised(wanted)
            forgot = self.talk.stage.watch.forgot_await(run)
            if forgot is not None:
                self.fail("no-await", f"A call was never awaited, at {forgot}.", wanted, heard)
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
            if (heard.type, heard.payload) == self._last:
                self.fail("too-many", f"The last answer came again: {heard}.", "nothing", heard)
            if key == "to-itself" and heard.payload not in self.said:
                key, why = "too-many", ""
            self.fail(key, why or f"Nothing should come here, but {heard} did.", "nothing", heard)

    async def _next(self, wanted: str, closing: bool = False) -> Heard:
        found = await self.talk.answer(self._answer_or_end)
        if isinstance(found, Heard):
            self._taken += 1
            return found
        if found is None:
            self._fail_silent(wanted, closing)
        self._raised(wanted)
        return self._fail_closed(wanted, await self.talk.until(self._pending, QUIET))

    async def _see_pieces(
        self, heard: Heard, type: str, payload: bytes | None, wanted: str
    ) -> None:
        """See that the answer did not come in several messages."""
        if not payload or heard.type != type or heard.payload in (payload, b""):
            return
        pieces, taken = [heard], self._taken
        while payload.startswith(joined := b"".join(piece.payload for piece in pieces)):
            if joined == payload:
                said = ", then ".join(map(str, pieces))
                why = f"The answer came in {len(pieces)} messages: {said}."
                self.fail("in-pieces", why, wanted, pieces[-1])
            following = await self.talk.until(self._pending, QUIET)
            if following is None or following.type != type or not following.payload:
                break
            self._taken += 1
            pieces.append(following)
        self._taken = taken

    def _compare(
        self,
        heard: Heard,
        type: str,
        payload: bytes | None,
        wanted: str,
        mistakes: Mapping[str | bytes, str],
    ) -> None:
        any_payload = payload is None
        if payload is None:
            if heard.number <= self.talk.spoke_after:
                self._extra(heard, wanted)
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
        if self._unasked(heard):
            why = f"{ladder.capital(str(heard))} came before the client said anything"
            elsewhere = [each.passed.heard for each in self.talk.clients if each is not self]
            if any(str(other) == str(heard) for passed in elsewhere for other in passed):
                why += "; it had gone to another client before."
                self.fail("sent-again", why, wanted, heard)
            self.fail("too-early", f"{why}.", wanted, heard)
        repeated = self._repeated(heard)
        if heard.number <= self.talk.spoke_after and not repeated:
            self._extra(heard, wanted)
        others = [said for each in self.talk.clients if each is not self for said in each.said]
        found = ladder.about_value(
            heard,
            type,
            payload,
            said=self.said,
            others=others,
            repeated=repeated,
            any_payload=any_payload,
        )
        if found is not None:
            self._fail(wanted, heard, found)

    def _extra(self, heard: Heard, wanted: str) -> NoReturn:
        why = f"One message too many: {heard}, before the client sent {self.talk.spoke}."
        self.fail("too-many", why, wanted, heard)

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
            own = ", which this client had sent itself" if extra.payload in self.said else ""
            self.fail("too-many", f"After the last answer {extra} came{own}.", "no more", extra)
        if closed is None:
            self._fail_silent("the end of the connection")
        run = self._run
        if run is None:
            return
        if run.socket.automatic_pong and not self.talk.stage.automatic_pong:
            self.fail("automatic-pong", "Automatic pong was switched on; here it stays off.")
        if not await self.talk.until(lambda: run.ended):
            self._receives_elsewhere(END)
            line = self.talk.stage.watch.line(run)
            at = f" at {line}" if line is not None else ""
            self.fail(
                "never-ends",
                f"The connection is closed, and your handler still runs{at}.",
                END,
            )
        try:
            self._raised(END)
        except NotYet as found:
            message = run.steps.trips[-1].message
            if message is None or message.type != "close":
                raise
            self.talk.history.at_close = self.talk.history.at_close or found.finding

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
    """Return whether two values are equal as JSON: 1 is neither True nor "1"."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) or (
        isinstance(one, dict)
        and isinstance(other, dict)
        and all(isinstance(one[key], bool) == isinstance(other[key], bool) for key in other)
    )
