"""Function exercises: the answer is called with values, and its results are compared."""

from __future__ import annotations

import contextlib
import random
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from contextvars import Context
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from astra_nb.jupyter.handler_output import Lines, handler_context
from astra_nb.log import FrameLog
from astra_nb.log.records import OutputRecord
from astra_nb.net.routes import is_async
from astra_nb.wire.text import shortened

from . import guard
from .diagnosis.difference import a, how_differs, same, short
from .diagnosis.misconceptions import Finding, Table
from .diagnosis.misconceptions import Misconception as M  # noqa: N817  (as in the rules)
from .diagnosis.rules import about
from .exercise import Exercise
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
HEADS = ("from", "type", "payload", "FIN")
MUTABLE = (list, dict, set, bytearray)
ALIKE = ({list, tuple}, {bytes, bytearray})  # types that are no mistake by themselves


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
            said = f"the arguments of a Call are a tuple, such as ({self.arguments!r:.60},)"
            raise ScenarioError(said)


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
        ValueError: The solution has not that part.
        SyntaxError: It is not Python with the other in its place.
    """

    calls: Callable[[random.Random], Iterable[Call]]
    mutations: Sequence[tuple[str, str, str]] = ()
    judge: Callable[..., str] = lambda value, *arguments: ""
    same: Callable[[Any, Any], bool] = same

    def __post_init__(self) -> None:
        super().__post_init__()
        for part, instead, _ in self.mutations:
            if part not in self.solution_text:
                raise ValueError(f"exercise {self.name}: the solution has no {part!r} to mutate")
            name = f"<exercise {self.name}, {instead!r} in place of {part!r}>"
            compile(self.solution_text.replace(part, instead), name, "exec")

    def _calls(self, seed: str) -> list[Call]:
        calls = list(self.calls(random.Random(seed)))
        other = next((each for each in calls if not isinstance(each, Call)), None)
        if other is not None or not calls:
            wrong = "nothing, so any answer would be right" if not calls else f"{other!r:.80}"
            raise ScenarioError(f"{self.name}: calls yields {wrong}, not Call(arguments, expected)")
        return calls

    def _known_mistakes(self, call: Call) -> Iterator[tuple[Any, str]]:
        for part, instead, said in self.mutations:
            namespace: dict[str, Any] = {}
            exec(self.solution_text.replace(part, instead), namespace)
            with contextlib.suppress(Exception):  # some raise with some arguments
                wrong, right = namespace[self.function](*copies(call.arguments)), call.expected
                if isinstance(wrong, dict):
                    wrong = {k: v for k, v in wrong.items() if not self._same(v, right.get(k))}
                yield wrong, said

    def _mistakes(self) -> Iterator[tuple[str, bool]]:
        yield from ((said, False) for _, _, said in self.mutations)
        for call in self._calls(self.name):
            earlier: list[Any] = []
            for wrong, said in self._known_mistakes(call):
                is_first = not any(self._same(wrong, each) for each in earlier)
                yield said, is_first and self._is(wrong, wrong, call.expected)
                earlier.append(wrong)

    def _examine(self, answer: Any, seed: str, log: FrameLog) -> None:
        said = f"A function is checked here, not {short(answer)}."
        if is_async(answer):
            said = f"An async def function returns a coroutine; write def {self.function}(...)."
        if is_async(answer) or not callable(answer):
            raise NotYet(Finding(M.NO_FUNCTION, said))
        with ExitStack() as stack:
            lines = Lines(lambda *line: record(log, *line))
            stack.callback(lines.flush)
            context = handler_context(stack.enter_context(guard.at_work()), lines)
            patience = Patience()
            for chance in (seed, secrets.token_hex(16)):
                for call in self._calls(chance):
                    self._try(call, Made(answer, copies(call.arguments)), context, patience, stack)

    def _try(
        self, call: Call, made: Made, context: Context, patience: Patience, stack: ExitStack
    ) -> None:
        made.run(context.copy(), patience, stack)
        if made.error is None and self._same(made.value, call.expected):
            return
        if made.error is not None:
            finding = self._raised(made.error)
        else:
            finding = Finding(*self._find(made.value, call), came=short(made.value))
        shown = ", ".join(shortened(short(each), 60) for each in call.arguments)
        raise NotYet(
            replace(
                finding,
                expected=short(call.expected),
                where=f"{self.function}({shown}){': ' if call.what else ''}{call.what}",
                tables=(Table("The frames", HEADS, call.rows),) if call.rows else (),
            )
        )

    def _find(self, value: Any, call: Call) -> tuple[M, str]:
        name, expected = self.function, call.expected
        if value is None:
            return M.RETURNED_NONE, f"{name} returned None."
        for mistake, said in self._known_mistakes(call):
            if self._is(value, mistake, expected):
                return M.KNOWN_MISTAKE, said
        kinds = {type(value), type(expected)}
        if len(kinds) > 1 and kinds not in ALIKE:
            return M.WRONG_RESULT_TYPE, f"{name} returned {a(value)}; {a(expected)} was expected."
        if judged := self.judge(value, *call.arguments):
            return M.KNOWN_MISTAKE, judged
        said = f"{name} returned a different result: {how_differs(value, expected)}."
        return M.WRONG_VALUE, said

    def _raised(self, error: BaseException) -> Finding:
        facts = error_facts(error)
        if isinstance(error, TypeError) and not facts.line:
            said = f"{self.function} cannot be called with these arguments: {error}."
            return Finding(M.NO_FUNCTION, said, "Keep the parameters of the stub.")
        finding = about(facts, self.function)
        return replace(finding, advice="") if finding.key in self._advice else finding

    def _same(self, value: Any, expected: Any) -> bool:
        try:
            return bool(self.same(value, expected))
        except Exception:  # noqa: BLE001  (whatever a student's value does when compared)
            return False

    def _is(self, value: Any, mistake: Any, expected: Any) -> bool:
        """Whether a value is this mistake, and not the right one by chance."""
        if isinstance(mistake, dict) and isinstance(value, dict):
            return bool(mistake) and all(
                self._is(value.get(key), mistake[key], expected.get(key)) for key in mistake
            )
        return self._same(value, mistake) and not self._same(mistake, expected)


@dataclass
class Made:
    """One call of the student's function, on a thread of its own."""

    function: Callable[..., Any]
    arguments: Sequence[Any]
    value: Any = None
    error: BaseException | None = None

    def run(self, context: Context, patience: Patience, stack: ExitStack) -> None:
        """Make the call, and wait for it, not for ever."""
        name = "astra_nb check of a function"
        thread = threading.Thread(target=context.run, args=(self._make,), name=name, daemon=True)
        thread.start()
        began = patience.tick()
        while thread.is_alive():
            thread.join(TICK)
            given = patience.tick()
            if given - began > PATIENCE or given > ALL_CALLS:
                stop(thread, stack)

    def _make(self) -> None:
        try:
            self.value = self.function(*self.arguments)
        except guard.Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  (a student's code: any error is its own)
            self.error = error


def stop(thread: threading.Thread, stack: ExitStack) -> NoReturn:
    line = guard.place(thread)
    for tries in range(STOPS):
        if thread.is_alive():
            guard.interrupt(thread, tries)
            thread.join(STOP_EVERY)
    # What still runs is kept from the cells and from ending the process until it ends.
    guard.close_after([thread], stack.pop_all())
    said = f"Your function takes too long; it was still at {line or 'work'}."
    raise NotYet(Finding(M.STUCK, said, "Does each loop come to an end?", line=line))


def record(log: FrameLog, stream: str, text: str) -> None:
    log.append(0, OutputRecord, stream=stream, text=text)


def copies(arguments: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(copy(each) if isinstance(each, MUTABLE) else each for each in arguments)
