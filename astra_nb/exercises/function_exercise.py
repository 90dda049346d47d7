"""Function exercises: the answer is called with values, and its results are compared."""

from __future__ import annotations

import contextlib
import operator
import random
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from astra_nb.jupyter.handler_output import handler_context
from astra_nb.net.routes import is_async
from astra_nb.wire.text import shortened

from . import guard
from .diagnosis import difference
from .diagnosis.difference import a, how_differs, short
from .diagnosis.misconceptions import Finding, Side, Table
from .diagnosis.misconceptions import Misconception as M  # noqa: N817  (as in the rules)
from .diagnosis.rules import about
from .exercise import Examination, Exercise, NotAttempted
from .patience import Patience
from .scenario import ScenarioError
from .scripted_client import NotYet
from .socket_spy import error_facts

__all__ = ["Call", "FunctionExercise"]

TICK = 0.002  # seconds
PATIENCE = 2.0  # seconds for one call, as this process was given them
ALL_CALLS = 15.0  # seconds for all of them
STOPS = 4  # attempts to stop one that does not return
STOP_EVERY = 0.2  # seconds between two of them
MUTABLE = (list, dict, set, bytearray)
ALIKE = ({list, tuple}, {bytes, bytearray})  # types that are no mistake by themselves
WITH_STATE = (M.WRONG_VALUE, M.KNOWN_MISTAKE, M.RETURNED_NONE, M.KNOWN_BY_HEART)


@dataclass(frozen=True)
class Call:
    """One call of the student's function, and what it should return.

    Attributes:
        arguments: What it is called with.
        expected: The right result.
        what: What this call is about, such as "a payload of 126 bytes".
        rows: The frames that the call is about, for the card: from, type, payload, FIN.
    """

    arguments: tuple[Any, ...]
    expected: Any
    what: str = ""
    rows: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.arguments, tuple):
            raise ScenarioError(
                f"the arguments of a Call are a tuple, such as ({self.arguments!r:.60},)"
            )


@dataclass(kw_only=True, repr=False)
class FunctionExercise(Exercise):
    """An exercise whose answer is a function on values.

    Attributes:
        calls: Returns the calls to make, some shaped by the chance it gets. They are made twice:
            with the chance of the seed, and with values that nobody can know beforehand.
        mutations: Each a part of the solution, what people write in its place, and what is then
            to be said of the result. The first whose result is the student's counts, of a dict
            that of the wrong items.
        judge: Called with a wrong result of the right type and the arguments; returns what is
            wrong, or "" if it cannot tell.
        same: Whether a result counts as the right one; by default equal values of equal types.

    Raises:
        ValueError: The solution has not that part, or is not Python with the other in its place.
    """

    calls: Callable[[random.Random], Iterable[Call]]
    mutations: Sequence[tuple[str, str, str]] = ()
    judge: Callable[..., str] = lambda value, *arguments: ""
    same: Callable[[Any, Any], bool] = difference.same

    def __post_init__(self) -> None:
        super().__post_init__()
        for part, instead, _ in self.mutations:
            if part not in self.solution_text:
                raise ValueError(f"exercise {self.name}: the solution has no {part!r} to mutate")
            try:
                compile(self.solution_text.replace(part, instead), "<mutation>", "exec")
            except SyntaxError as exc:
                raise ValueError(
                    f"exercise {self.name}: with {instead!r} in place of {part!r} the solution is "
                    f"not Python: {exc}"
                ) from exc

    def _calls(self, seed: str) -> list[Call]:
        calls = list(self.calls(random.Random(seed)))
        for call in calls:
            if not isinstance(call, Call):
                raise ScenarioError(
                    f"exercise {self.name}: calls yields {call!r:.80}, not a Call(arguments, "
                    f"expected)"
                )
        if not calls:
            raise ScenarioError(
                f"exercise {self.name}: calls yields nothing, so any answer would be right"
            )
        return calls

    def _known_mistakes(self, call: Call, given: Sequence[Any]) -> Iterator[tuple[Any, str]]:
        for part, instead, said in self.mutations:
            namespace: dict[str, Any] = {}
            exec(self.solution_text.replace(part, instead), namespace)
            with contextlib.suppress(Exception):  # some raise with some arguments
                wrong, right = namespace[self.function](*_copies(given)), call.expected
                if isinstance(wrong, dict):
                    wrong = {k: v for k, v in wrong.items() if not self._same(v, right.get(k))}
                yield wrong, said

    def _mistakes(self) -> Iterator[tuple[str, bool]]:
        yield from ((said, False) for _, _, said in self.mutations)
        for call in self._calls(self.name):
            earlier: list[Any] = []
            for wrong, said in self._known_mistakes(call, call.arguments):
                is_first = not any(self._same(wrong, each) for each in earlier)
                yield said, is_first and self._is(wrong, wrong, call.expected)
                earlier.append(wrong)

    def _examine(self, answer: Any, examination: Examination) -> None:
        if is_async(answer):
            said = f"An async def function returns a coroutine; write def {self.function}(...)."
            raise NotYet(Finding(M.NO_FUNCTION, said))
        if not callable(answer):
            said = f"A function is checked here, not {short(answer)}."
            raise NotYet(Finding(M.NO_FUNCTION, said))
        with contextlib.ExitStack() as stack:
            runs = _Runs(answer, examination.output, stack)
            for seed in (examination.seed, secrets.token_hex(16)):
                fresh = seed != examination.seed
                for call in self._calls(seed):
                    self._try(runs, call, fresh)

    def _try(self, runs: _Runs, call: Call, fresh: bool) -> None:
        given = _copies(call.arguments)
        shown = ", ".join(shortened(short(each), 60) for each in given)
        result = runs.make(call.arguments)
        if result.error is None and self._same(result.value, call.expected):
            runs.right.append((given, call.expected))
            return
        finding = self._find(result, call, given, [value for _, value in runs.right if fresh])
        if finding.misconception in WITH_STATE:
            if not _holds(operator.eq, given, call.arguments):
                said = f"{self.function} changed what it was given. {finding.headline}"
                finding = replace(finding, misconception=M.CHANGED_ARGUMENT, headline=said)
            elif said := self._state(runs, given, result):
                finding = Finding(M.KEEPS_STATE, said)
        frames = Table("The frames", ("from", "type", "payload", "FIN"), call.rows)
        raise NotYet(
            replace(
                finding,
                expected=Side("", short(call.expected)),
                came=None if result.error is not None else Side("", short(result.value)),
                where=f"{self.function}({shown}){': ' if call.what else ''}{call.what}",
                tables=(frames,) if call.rows else (),
            )
        )

    def _find(
        self, result: _Result, call: Call, given: Sequence[Any], earlier: Sequence[Any]
    ) -> Finding:
        value, expected, name = result.value, call.expected, self.function
        if result.error is not None:
            return self._raised(result.error)
        if value is None:
            return Finding(M.RETURNED_NONE, f"{name} returned None.")
        for mistake, said in self._known_mistakes(call, given):
            if self._is(value, mistake, expected):
                return Finding(M.KNOWN_MISTAKE, said)
        kinds = {type(value), type(expected)}
        if len(kinds) > 1 and kinds not in ALIKE:
            said = f"{name} returned {a(value)}; {a(expected)} was expected."
            return Finding(M.WRONG_RESULT_TYPE, said)
        if any(self._same(value, each) for each in earlier):
            said = f"{name} returned what was right for an earlier call."
            return Finding(M.KNOWN_BY_HEART, said)
        if judged := self.judge(value, *given):
            return Finding(M.KNOWN_MISTAKE, judged)
        said = f"{name} returned a different result: {how_differs(value, expected)}."
        return Finding(M.WRONG_VALUE, said)

    def _raised(self, error: BaseException) -> Finding:
        if type(error) is NotImplementedError:
            raise NotAttempted
        facts = error_facts(error)
        if isinstance(error, TypeError) and not facts.line:
            said = f"{self.function} cannot be called with these arguments: {error}."
            return Finding(M.NO_FUNCTION, said, "Keep the parameters of the stub.")
        finding = about(facts, self.function)
        return replace(finding, advice="") if finding.key in self.advice else finding

    def _state(self, runs: _Runs, given: Sequence[Any], result: _Result) -> str:
        """Make the same call again, and the first one that was right; say whether they differ."""
        runs.output = guard.Output()  # what they print is on the card already
        again = runs.make(_copies(given))
        one, other = _plainly(result.value), _plainly(again.value)
        if again.error is None and one and other and one != other:
            return f"{self.function} returned two results for the same arguments."
        for arguments, expected in runs.right[:1]:
            again = runs.make(_copies(arguments))
            if again.error is None and not self._same(again.value, expected):
                return f"The first call of {self.function} was right, and the same call now is not."
        return ""

    def _same(self, value: Any, expected: Any) -> bool:
        return _holds(self.same, value, expected)

    def _is(self, value: Any, mistake: Any, expected: Any) -> bool:
        """Whether a value is this mistake, and not the right one by chance."""
        if isinstance(mistake, dict) and isinstance(value, dict):
            return bool(mistake) and all(
                self._is(value.get(key), mistake[key], expected.get(key)) for key in mistake
            )
        return self._same(value, mistake) and not self._same(mistake, expected)


@dataclass
class _Result:
    """What a call returns or raises."""

    value: Any = None
    error: BaseException | None = None
    ended: bool = False

    def take(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        with contextlib.suppress(guard.Stopped):
            try:
                self.value = function(*arguments)
            except BaseException as error:  # noqa: BLE001  (a student's code: any error is its own)
                self.error = error
            finally:
                self.ended = True


class _Runs:
    """Makes calls, each on a thread of its own; `right` has the right ones with their results."""

    def __init__(self, function: Any, output: guard.Output, stack: contextlib.ExitStack) -> None:
        self.output = output
        self.right: list[tuple[Sequence[Any], Any]] = []
        self._function, self._stack = function, stack
        self._context = stack.enter_context(guard.at_work())
        self._patience = Patience()

    def make(self, arguments: Sequence[Any]) -> _Result:
        """Make a call, and wait for it, not for ever."""
        result = _Result()
        thread = threading.Thread(
            target=handler_context(self._context, self.output).run,
            args=(result.take, self._function, arguments),
            name="astra_nb check of a function",
            daemon=True,
        )
        thread.start()
        began = self._patience.tick()
        while not result.ended:
            thread.join(TICK)
            given = self._patience.tick()
            if given - began > PATIENCE or given > ALL_CALLS:
                self._stop(thread, result)
        thread.join()
        return result

    def _stop(self, thread: threading.Thread, result: _Result) -> NoReturn:
        line = guard.place(thread)
        for tries in range(STOPS):
            if not result.ended:
                guard.interrupt(thread, tries)
                thread.join(STOP_EVERY)
        # What still runs is kept from the cells and from ending the process until it ends.
        guard.close_after([thread] if thread.is_alive() else [], self._stack.pop_all())
        said = f"Your function did not return; it was still at {line or 'work'}."
        raise NotYet(Finding(M.STUCK, said, "Does each loop come to an end?", line=line))


def _copies(arguments: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(copy(each) if isinstance(each, MUTABLE) else each for each in arguments)


def _holds(compare: Callable[[Any, Any], object], one: Any, other: Any) -> bool:
    try:
        return bool(compare(one, other))
    except Exception:  # noqa: BLE001  (whatever a student's value does when compared)
        return False


def _plainly(value: object) -> str:
    """Spell a value out; "" when its spelling says where it is in memory."""
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001  (a student's class may have any __repr__)
        return ""
    return "" if " at 0x" in shown else shown
