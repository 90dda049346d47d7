"""Function exercises: the answer is called with values, and its results are compared."""

from __future__ import annotations

import contextlib
import random
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from astra_nb.jupyter.handler_output import Lines, handler_context
from astra_nb.log import FrameLog
from astra_nb.log.records import OutputRecord
from astra_nb.net.routes import is_async
from astra_nb.wire.text import shortened

from . import guard
from .diagnosis.difference import how_differs, same, short
from .diagnosis.misconceptions import Finding, Table
from .diagnosis.misconceptions import Misconception as M  # noqa: N817  (as in the rules)
from .diagnosis.rules import about
from .exercise import Exercise
from .patience import Patience
from .scenario import ScenarioError
from .socket_spy import error_facts
from .stage import NotYet

__all__ = ["Call", "FunctionExercise"]

TICK = 0.02  # seconds
PATIENCE = 2.0  # seconds for one call, as this process was given them
ALL_CALLS = 15.0  # seconds for all of them
# Results that are as good as those of the other type.
ALIKE: dict[type, type] = {list: tuple, bytearray: bytes}


@dataclass(frozen=True)
class Call:
    """One call of the student's function, and what it should return.

    Attributes:
        arguments: What it is called with.
        expected: The right result.
        what: What this call is about, such as "a payload of 126 bytes".
    """

    arguments: tuple[Any, ...]
    expected: Any
    what: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.arguments, tuple):
            said = f"the arguments of a Call are a tuple, such as ({self.arguments!r:.60},)"
            raise ScenarioError(said)


@dataclass(kw_only=True, repr=False)
class FunctionExercise(Exercise):
    """An exercise whose answer is a function on values.

    Attributes:
        calls: Returns the calls to make, some shaped by the chance it gets. They are made twice:
            with the chance of the seed, and with values that nobody can know beforehand.
        mutations: Each a part of the solution, what people write in its place, and what is then
            to be said of the result. The first whose result is the student's counts.
        parts: Takes a result apart, such as a frame into a dict of its fields, so that what is said
            of a wrong one of the right type names the part.

    Raises:
        ValueError: The solution has not that part.
        SyntaxError: It is not Python with the other in its place.
    """

    calls: Callable[[random.Random], Iterable[Call]]
    mutations: Sequence[tuple[str, str, str]] = ()
    parts: Callable[[Any], Any] = lambda result: result

    def __post_init__(self) -> None:
        super().__post_init__()
        self._mutants: list[tuple[Any, str]] = []
        for part, instead, said in self.mutations:
            if part not in self.solution_text:
                raise ValueError(f"exercise {self.name}: the solution has no {part!r} to mutate")
            source = self.solution_text.replace(part, instead)
            self._mutants.append((self._run(source, f"{instead!r} in place of {part!r}"), said))

    def _calls(self, seed: str) -> list[Call]:
        calls = list(self.calls(random.Random(seed)))
        others = [each for each in calls if not isinstance(each, Call)]
        if others or not calls:
            wrong = f"{others[0]!r:.80}" if others else "nothing, so any answer would be right"
            raise ScenarioError(f"{self.name}: calls yields {wrong}, not Call(arguments, expected)")
        return calls

    def _known_mistakes(self, call: Call) -> Iterator[tuple[Any, str]]:
        for mutant, said in self._mutants:
            with contextlib.suppress(Exception):  # some raise with some arguments
                yield mutant(*map(copy, call.arguments)), said

    def _mistakes(self) -> Mapping[str, int]:
        found = {said: False for _, said in self._mutants}
        for call in self._calls(self.name):
            earlier = [call.expected]
            for wrong, said in self._known_mistakes(call):
                found[said] |= not any(same(wrong, each) for each in earlier)
                earlier.append(wrong)
        return found

    def _examine(self, answer: Any, seed: str, log: FrameLog) -> None:
        if is_async(answer):
            said = f"An async def function returns a coroutine; write def {self.function}(...)."
            raise NotYet(Finding(M.NO_FUNCTION, said, "Leave out async."))
        if not callable(answer):
            said = f"A function is checked here, not {short(answer)}."
            raise NotYet(Finding(M.NO_FUNCTION, said))
        calls = [*self._calls(seed), *self._calls(secrets.token_hex(16))]
        begun: list[Call] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                for call in calls:
                    begun.append(call)
                    self._try(answer, call)
            except BaseException as error:  # noqa: BLE001  (the check raises it)
                failed.append(error)

        stack = contextlib.ExitStack()
        lines = Lines(lambda stream, text: log.append(0, OutputRecord, stream=stream, text=text))
        context = handler_context(stack.enter_context(guard.at_work()), lines)
        stack.callback(lines.flush)
        name = "astra_nb check of a function"
        thread = threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
        try:
            thread.start()
            wait(thread, begun)
        finally:
            guard.stop(thread, stack)
        if failed:
            raise failed[0]

    def _try(self, answer: Any, call: Call) -> None:
        arguments = [copy(each) for each in call.arguments]
        try:
            value, kind = answer(*arguments), type(call.expected)
            if kind is ALIKE.get(type(value)):
                value = kind(value)
            if same(value, call.expected):
                return
            finding = Finding(*self._find(value, call), came=short(value))
        except guard.Stopped:
            raise
        except BaseException as error:  # noqa: BLE001  (a student's code: any error is its own)
            finding = self._raised(error)
        shown = ", ".join(shortened(short(each), 60) for each in call.arguments)
        items = [item for each in call.arguments if type(each) in (list, FrameLog) for item in each]
        rows = tuple((shortened(repr(item), 100),) for item in items)
        raise NotYet(
            replace(
                finding,
                expected=short(call.expected),
                where=f"{self.function}({shown}){': ' if call.what else ''}{call.what}",
                tables=(Table("What it was called with", (), rows),) if rows else (),
            )
        )

    def _find(self, value: Any, call: Call) -> tuple[M, str]:
        name, expected = self.function, call.expected
        if value is None:
            return M.RETURNED_NONE, f"{name} returned None."
        for wrong, said in self._known_mistakes(call):
            if same(value, wrong):
                return M.KNOWN_MISTAKE, said
        if type(value) is not type(expected):
            one, other = type(value).__name__, type(expected).__name__
            return M.WRONG_RESULT_TYPE, f"{name} returned {one} where {other} was expected."
        both = (value, expected)
        with contextlib.suppress(Exception):  # some results cannot be taken apart
            parts = (self.parts(value), self.parts(expected))
            both = both if same(*parts) else parts
        return M.WRONG_VALUE, f"{name} returned a different result: {how_differs(*both)}."

    def _raised(self, error: BaseException) -> Finding:
        facts = error_facts(error)
        if isinstance(error, TypeError) and not facts.line:
            said = f"{self.function} cannot be called with these arguments: {error}."
            return Finding(M.NO_FUNCTION, said, "Keep the parameters of the stub.")
        finding = about(facts, self.function)
        return replace(finding, advice="") if finding.key in self._advice else finding


def wait(thread: threading.Thread, begun: Sequence[Call]) -> None:
    """Wait until all calls are made; not for ever, neither for one nor for all of them."""
    patience, count, began = Patience(), 0, 0.0
    while thread.is_alive():
        thread.join(TICK)
        given = patience.tick()
        if len(begun) > count:
            count, began = len(begun), given
        if given - began > PATIENCE or given > ALL_CALLS:
            at = guard.place(thread) or "work"
            said = f"Your function takes too long; it was still at {at}."
            raise NotYet(Finding(M.STUCK, said, "Does each loop come to an end?"))
