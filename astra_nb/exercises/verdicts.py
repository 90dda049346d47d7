"""Verdicts on one connection: what is most useful to say about what passed on it, or did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn

from astra_nb.errors import ConnectionClosed
from astra_nb.wire.messages import CloseFrame

from . import ladder
from .finding import Finding, NotYet
from .history import Heard, Passed, describe
from .watch import Run
from .whereabouts import (
    about_threads,
    about_way,
    last_steps,
    ran_for,
    spoke_last,
    threads,
    trip_before,
)

if TYPE_CHECKING:
    from .script import Talk

__all__ = ["END", "OPEN", "NotAttempted", "Verdicts"]

MAX_PENDING = 5000  # messages that nobody asked for
UNSENT = ("nothing", "nothing-yet", "not-passed-on")
OPEN = "an open connection"
END = "the end of the handler"
# Which lines ran says nothing here: it is no line's doing, or the finding names the only one.
NO_LINES = ("exit", "forked", "flood", "no-server", "changed-log", "no-await", "threads-pile-up")


class NotAttempted(Exception):
    """The handler says by itself that nothing is written yet."""


class Verdicts:
    """What passed on one connection, and the findings that can end a check because of it.

    Attributes:
        number: The connection's number on the server's log.
        said: Payloads of the messages this client sent.
        answered: How many messages of the server were as expected.
    """

    def __init__(self, talk: Talk, number: int) -> None:
        self.talk = talk
        self.number = number
        self.said: list[bytes] = []
        self.answered = 0
        self._taken = 0
        self._closing = False
        self._last: tuple[str, bytes] | None = None

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
        steps = last_steps(self) if key not in NO_LINES else None
        extra = heard is not None and heard.number <= self.talk.spoke_after
        trip = -1
        if steps is not None and key == "answered-control":
            trip = steps.last_of("ping", "pong")
        elif steps is not None and extra:
            trip = trip_before(steps, self.talk.spoke)
        raise NotYet(
            Finding(
                key,
                headline,
                expected=expected,
                came=str(heard) if heard is not None else self._nothing(expected),
                where=self.talk.where,
                frames=rows,
                ran=steps.rows(trip) if steps is not None else (),
                ran_for=ran_for(steps, trip),
                variables=steps.variables() if steps is not None else (),
                advice=advice,
            )
        )

    def _nothing(self, expected: str) -> str:
        closes = [frame for frame in self.passed.heard if frame.close is not None]
        return str(closes[0]) if closes else "nothing" if expected else ""

    def _fail(self, expected: str, heard: Heard | None, found: dict[str, str]) -> NoReturn:
        headline, earlier = found["headline"], self.talk.history.at_close
        if found["key"] == "sent-to-gone" and earlier is not None:
            headline = (
                f"{headline} Before that: {earlier.headline[:1].lower()}{earlier.headline[1:]}"
            )
        self.fail(found["key"], headline, expected, heard, advice=found.get("advice", ""))

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

    @property
    def handler_works(self) -> bool:
        """Whether the handler of this connection does something else than wait in recv()."""
        run = self._run
        line = self.talk.stage.watch.line(run) if run is not None and not run.ended else None
        return line is not None and line.waits != "recv"

    @property
    def waiting(self) -> list[Heard]:
        """What has arrived and was not looked at yet."""
        return self.passed.heard[self._taken :]

    def arrived(self) -> Heard | None:
        """Return the next message if it is there already, and leave it there."""
        return self._pending()

    def received_at(self, type: str) -> float:
        """Return when the server received the last frame of a type, in seconds since the epoch."""
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

    @property
    def _client_closed(self) -> bool:
        closes = [frame for frame in self.passed.frames if frame.type == "close"]
        return bool(closes) and closes[0].direction == "received"

    def _repeated(self, heard: Heard) -> Literal["", "before", "after"]:
        """Return whether this is the last answer once more, and if it came before a new message."""
        if (heard.type, heard.payload) != self._last:
            return ""
        spoken = [frame.number for frame in self.passed.frames if frame.direction == "received"]
        return "before" if not spoken or heard.number < spoken[-1] else "after"

    def _unasked(self, heard: Heard) -> bool:
        """Return whether something came before this client, which speaks first, had spoken."""
        spoken = [frame.number for frame in self.passed.frames if frame.direction == "received"]
        return not self.answered and bool(self.said and spoken) and heard.number < spoken[0]

    def _raised(self, wanted: str) -> None:
        if self._run is not None:
            self._raised_in(self._run, wanted)

    def _raised_in(self, run: Run, wanted: str, missed: bool = False) -> None:
        """End the check if a handler raised.

        Args:
            run: The handler.
            wanted: What was expected.
            missed: Whether something did not come that this handler should have sent.
        """
        if run.error is None:
            return
        gone = isinstance(run.error, ConnectionClosed) and not run.open_at_end
        if gone and (not missed or ladder.in_recv(run.error)):
            return  # its own connection has ended, and that ended it
        # Exactly this one: what input() raises in a notebook is a subclass.
        if type(run.error) is NotImplementedError and not self.answered:
            raise NotAttempted
        found = ladder.about_error(
            run.error, self.talk.stage.watch.handler, wanted == END and self._client_closed
        )
        self._fail("" if wanted in (OPEN, END) else wanted, None, found)

    def _refusal(self) -> CloseFrame | None:
        """The CLOSE frame of a client that no scenario has told to close."""
        closes = [frame for frame in self.passed.frames if frame.type == "close"]
        if self._closing or not closes or closes[0].direction == "sent":
            return None
        return closes[0].frame.close

    def _fail_closed(self, wanted: str, heard: Heard | None) -> NoReturn:
        self._raised(wanted)
        if not self.talk.stage.running:
            self.fail("own-server", "The server of this check was shut down.", wanted)
        forgot = self.talk.stage.watch.forgot_await(self._run)
        self._fail(
            wanted,
            heard,
            ladder.about_close(heard, self._refusal(), self._run, self.answered, forgot),
        )

    def _fail_silent(self, wanted: str, closing: bool = False) -> NoReturn:
        self._raised(wanted)
        watch = self.talk.stage.watch
        mine = self._run
        others = [run for run in watch.runs.values() if run is not mine]
        here = {client.number for client in self.talk.clients}
        for other in others:
            self._raised_in(other, wanted, missed=other.socket.id in here)
        for error in watch.elsewhere:
            self._fail(wanted, None, ladder.about_thread(error, watch.handler))
        lines = [line for run in others if (line := watch.line(run)) is not None]
        self._receives_elsewhere(wanted)
        begun = threads(watch) or []
        if len(begun) < sum(not run.ended for run in watch.runs.values()):
            # Where each client has a thread of its own, one that waits holds up nobody.
            lines += [line for line in begun if line.waits == "send"]
        found = ladder.about_silence(
            watch.line(mine) if mine is not None else None,
            next((line for line in lines if line.waits != "recv"), None),
            answered=self.answered,
            client_spoke=bool(self.said),
            others_spoke=any(client.said for client in self.talk.clients),
            came_back=any(client.got_its_own for client in self.talk.clients),
            forgot_await=watch.forgot_await(mine),
            in_task=mine is not None and mine.task is not None,
        )
        if found["key"] == "nothing-yet" and self._earlier_one_got(wanted):
            found["headline"] += " An earlier connection got it."
            found["advice"] = (
                "Is something kept from one connection to the next? What belongs to one connection "
                "stands in variables of the handler, not in global ones."
            )
        if closing and found["key"] in ("nothing", "nothing-yet"):
            found = {"key": "not-closed", "headline": "No close came, and nothing else did."}
        if found["key"] == "nothing" and not spoke_last(self):
            found["headline"] = "Nothing came here."
        elif found["key"] == "nothing" and (spoken := self._spoken()):
            found["headline"] = found["headline"].replace("came", f"came to {spoken}", 1)
        if "thread to end" in found["headline"]:
            found["headline"] += about_threads(watch)
        if found["key"] in (*UNSENT, "to-itself"):
            found["headline"] += about_way(self, wanted) + about_threads(watch)
        if found["key"] == "not-passed-on" and mine is not None and not mine.steps.shares:
            found["advice"] = (
                "Handlers reach each other only through something outside of them, such as a set "
                "of sockets. This one uses nothing of that kind."
            )
        if found["key"] in UNSENT and self.talk.stage.log.output.total:
            found["headline"] += " What it prints is not sent."
        self._fail(wanted, None, found)

    def _earlier_one_got(self, wanted: str) -> bool:
        """Whether a connection that is over got what this one did not."""
        now = {client.number for client in self.talk.clients}
        return any(
            str(heard) == wanted
            for number, passed in self.talk.history.connections()
            for heard in passed.heard
            if number not in now
        )

    def _receives_elsewhere(self, wanted: str) -> None:
        """End the check when a handler takes what comes for another one."""
        watch = self.talk.stage.watch
        for number, run in watch.runs.items():
            line = watch.line(run)
            if line is not None and line.owner not in (0, number):
                self._fail(
                    wanted,
                    None,
                    {
                        "key": "other-recv",
                        "headline": f"A handler waits in recv() on the socket of another "
                        f"connection, at {line}.",
                    },
                )

    def _spoken(self) -> str:
        """Return what this client sent last; "" for a fragment, which is but a part of it."""
        spoken = [frame for frame in self.passed.frames if frame.direction == "received"]
        if not spoken or spoken[-1].type == "continuation":
            return ""
        return describe(spoken[-1].type, spoken[-1].payload)
