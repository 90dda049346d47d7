"""Exercises whose answer is a function on values: it is called, and its results are compared."""

from __future__ import annotations

import contextlib
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from astra_nb.jupyter import handler_output
from astra_nb.log import FrameLog
from astra_nb.net.routes import is_async

from . import guard
from .comparing import Short, a, how_differs, short
from .exercise import Exercise
from .finding import Finding, NotYet
from .footsteps import Footsteps
from .lines import code_of, line_in, line_of_error
from .meanings import meaning_of
from .script import LONGEST_TICK
from .verdicts import NotAttempted

__all__ = ["Call", "FunctionExercise"]

TICK = 0.002  # seconds
PATIENCE = 1.0  # seconds for one call
STOPPING = 0.5  # seconds to stop one that does not come back

in_brief = Short()
in_brief.maxlist = 2
in_brief.maxstring = in_brief.maxother = 40


@dataclass(frozen=True)
class Call:
    """One call of the student's function, and what it should give.

    Attributes:
        arguments: What it is called with.
        expected: Gives the right result; asked only after the function has returned.
        what: What this call is about, such as "a payload of 126 bytes".
        mistakes: Gives pairs of a wrong result that people get and what to say about it.
        rows: The frames that the call is about, for the finding.
        explain: Says of a wrong result how it came about; "" when it cannot tell.
    """

    arguments: tuple[Any, ...]
    expected: Callable[[], Any]
    what: str = ""
    mistakes: Callable[[], Iterable[tuple[Any, str]]] | None = None
    rows: tuple[tuple[str, str, str, str], ...] = ()
    explain: Callable[[Any], str] | None = None


@dataclass
class Outcome:
    steps: Footsteps
    value: Any = None
    error: BaseException | None = None
    ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            with self.steps.followed():
                self.value = function(*arguments)
        except guard.Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  (a student's code: any error is its own)
            self.error = error
        finally:
            while not self.ended:
                try:
                    with self._lock:
                        self.ended = True
                except guard.Stopped:
                    continue

    def interrupt(self, thread: threading.Thread) -> None:
        with self._lock:
            if not self.ended:
                self.steps.interrupt(thread)


@dataclass(kw_only=True, repr=False)
class FunctionExercise(Exercise):
    """An exercise whose answer is a function.

    Attributes:
        function: Name of the function, for the messages.
        calls: Gives the calls to make, some shaped by the chance it gets.
        compare: Tells whether a result is right; by default `==` and the same type.
    """

    function: str
    calls: Callable[[random.Random], Sequence[Call]]
    compare: Callable[[Any, Any], bool] | None = None

    def _examine(
        self, answer: Any, port: int, output: guard.Output, log: FrameLog
    ) -> FrameLog | None:
        if not callable(answer):
            raise NotYet(
                Finding(
                    "no-function",
                    f"A function is checked here, not {type(answer).__name__} "
                    f"{short.repr(answer)}; write check({self.function}), without calling it.",
                )
            )
        if is_async(answer):
            raise NotYet(
                Finding(
                    "no-function",
                    f"An async def function gives a coroutine; write def {self.function}(...).",
                )
            )
        handler_output.install()
        clean = True
        try:
            before: list[Any] = []
            for seed, fresh in ((self.name, False), (secrets.token_hex(16), True)):
                for call in self.calls(random.Random(seed)):
                    clean = self._try(answer, call, output, before, fresh)
        except NotYet as found:
            clean = found.finding.key != "stuck"
            raise
        finally:
            if clean:
                handler_output.uninstall()
        return None

    def _try(
        self, function: Any, call: Call, output: guard.Output, before: list[Any], fresh: bool
    ) -> bool:
        """Make one call.

        Args:
            before: The right results of the calls before it.
            fresh: Whether this call has values that nobody could know beforehand.
        """
        shown = f"{self.function}({', '.join(map(in_brief.repr, call.arguments))})"
        where = f"{shown}{': ' if call.what else ''}{call.what}"
        given = [list(each) if isinstance(each, list) else each for each in call.arguments]
        outcome = self._made(function, call, output, where)
        ran = Finding(
            "",
            "",
            where=where,
            frames=call.rows,
            frames_are="The frames",
            ran=outcome.steps.rows(),
            ran_for="in this call",
            variables=outcome.steps.variables(),
        )
        if outcome.error is not None:
            raise NotYet(self._raised(function, outcome.error, ran)) from outcome.error
        expected, value = call.expected(), outcome.value
        if self._same(value, expected):
            before.append(expected)
            return True
        key, headline = self._judge(value, expected, call)
        if not before and self._differs(function, call, output, value):
            headline += f" Called twice in the same way, {self.function} gave two results."
        elif before and self._keeps_state(function, output):
            key = "keeps-state"
            headline = f"The first call of {self.function} was right, and the same call now is not."
        elif fresh and any(self._same(value, earlier) for earlier in before):
            key = "known-by-heart"
            headline = f"{self.function} gave what was right for an earlier call."
        if any(
            isinstance(one, list) and [*map(id, one)] != [*map(id, other)]
            for one, other in zip(call.arguments, given, strict=True)
        ):
            headline += f" And {self.function} changed the list that it was given."
        came = short.repr(value)
        raise NotYet(
            replace(ran, key=key, headline=headline, expected=short.repr(expected), came=came)
        )

    def _made(self, function: Any, call: Call, output: guard.Output, where: str) -> Outcome:
        """Make a call on a thread of its own, and wait for it, not for ever."""
        outcome = Outcome(Footsteps(code_of(function)))
        context = handler_output.handler_context(guard.protected_context(), output)
        thread = threading.Thread(
            target=context.run,
            args=(outcome.run, function, call.arguments),
            name="astra_nb check of a function",
            daemon=True,
        )
        thread.start()
        left, before = PATIENCE, time.monotonic()
        while thread.is_alive() and left > 0:
            thread.join(TICK)
            now = time.monotonic()
            left, before = left - min(now - before, LONGEST_TICK), now
        if thread.is_alive():
            self._stuck(function, thread, outcome, where)
        return outcome

    def _differs(self, function: Any, call: Call, output: guard.Output, value: Any) -> bool:
        """Whether the same call gives another result when it is made again."""
        if any(isinstance(argument, list) for argument in call.arguments):
            return False  # the first call may have changed it
        if not isinstance(value, (str, bytes, int, tuple, dict)):
            return False
        outcome = self._made(function, call, output, "the same call once more")
        return type(outcome.value) is type(value) and bool(outcome.value != value)

    def _keeps_state(self, function: Any, output: guard.Output) -> bool:
        """Whether the first call, which was right, gives another result when it is made again."""
        first = self.calls(random.Random(self.name))[0]
        outcome = self._made(function, first, output, "the first call once more")
        return outcome.error is not None or not self._same(outcome.value, first.expected())

    def _same(self, value: Any, expected: Any) -> bool:
        if self.compare is not None:
            try:
                return bool(self.compare(value, expected))
            except Exception:  # noqa: BLE001  (whatever a student's value does when compared)
                return False
        return type(value) is type(expected) and bool(value == expected)

    def _judge(self, value: Any, expected: Any, call: Call) -> tuple[str, str]:
        if value is None:
            return "returned-none", f"{self.function} gave None."
        for mistake, said in call.mistakes() if call.mistakes is not None else ():
            if type(mistake) is type(value) and mistake == value:
                return "known-mistake", said
        if type(value) is not type(expected) and not self._alike(value, expected):
            return (
                "wrong-result-type",
                f"{self.function} gave {a(value)}; {a(expected)} was expected.",
            )
        said = ""
        if call.explain is not None:
            # A student's value may be anything, and what explains it is not to fail of it.
            with contextlib.suppress(Exception):
                said = call.explain(value)
        if said:
            return "wrong-value", f"{self.function} gave another result. {said}"
        return (
            "wrong-value",
            f"{self.function} gave another result: {how_differs(value, expected)}.",
        )

    def _alike(self, value: Any, expected: Any) -> bool:
        """Whether this exercise takes the one type for the other."""
        return self.compare is not None and any(
            isinstance(value, kinds) and isinstance(expected, kinds)
            for kinds in ((list, tuple), (bytes, bytearray))
        )

    def _raised(self, function: Any, error: BaseException, ran: Finding) -> Finding:
        if type(error) is NotImplementedError:
            raise NotAttempted from error
        line = line_of_error(error, code_of(function))
        at = f" at {line}" if line else ""
        if isinstance(error, SystemExit):
            key, headline = "exit", f"{self.function} tried to end Python{at}."
        elif isinstance(error, guard.NotAllowed):
            key, headline = "forked", f"{self.function} tried to {error}{at}."
        elif isinstance(error, TypeError) and line is None:
            key = "no-function"
            headline = f"{self.function} cannot be called with these arguments: {error}."
        else:
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            key, headline = "raised", f"{self.function} raised {said},{at}.".replace(",.", ".")
        advice = (
            meaning_of(error, on_values=True) if key == "raised" and key not in self.advice else ""
        )
        return replace(ran, key=key, headline=headline, advice=advice)

    def _stuck(self, function: Any, thread: threading.Thread, outcome: Outcome, where: str) -> None:
        code = code_of(function)
        frame = sys._current_frames().get(thread.ident or 0)
        line = line_in(frame, code) if code is not None else None
        del frame
        deadline = time.monotonic() + STOPPING
        while thread.is_alive() and time.monotonic() < deadline:
            outcome.interrupt(thread)
            thread.join(0.01)
        at = f"; it is still at {line}" if line is not None else ""
        raise NotYet(Finding("stuck", f"{self.function} did not come back{at}.", where=where))
