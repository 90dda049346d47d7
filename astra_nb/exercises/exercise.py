"""Exercises: their texts, and `check`, which says of an answer what it saw."""

from __future__ import annotations

import os
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from astra_nb.errors import InvalidRoute
from astra_nb.jupyter import handler_output
from astra_nb.log import FrameLog
from astra_nb.log.records import CheckRecord, Outcome, OutputRecord

from . import guard, progress
from .cards import Answer, Note
from .diagnosis.misconceptions import Finding, Misconception
from .harness import Harness
from .patience import Patience, TooBusy
from .scenario import Scenario, ScenarioError, play
from .stage import NotYet
from .untouched import is_untouched

__all__ = ["HANDLER_STUB", "NOTEBOOKS", "Exercise", "HandlerExercise"]

NOTEBOOKS: dict[str, list[Exercise]] = {}
"""The exercises of each notebook, in their order, by the notebook's name."""

HANDLER_STUB = "def handle_socket(socket):\n    ...\n"
NO_SOLUTIONS = "ASTRA_NB_NO_SOLUTIONS"  # environment variable; any value switches them off
KEYS = {str(each.value) for each in Misconception}  # of findings
MAX_FRAMES, MAX_BYTES = 30_000, 16 * 2**20  # of a check's log, whatever is printed and sent
SHOWN_OUTPUT = 800  # characters
# What Python and the server themselves say of a handler; the finding says it in fewer words.
NOT_SHOWN = re.compile("^The handler of connection|Enable tracemalloc|was never awaited")

_one_at_a_time = threading.Lock()
_last: list[object] = [..., "", False]  # the answer that was checked, as what, and if right


@dataclass(kw_only=True, repr=False)
class Exercise(ABC):
    """What every exercise has.

    Attributes:
        advice: By the key of a finding, or by several with blanks between, advice that is better
            here than the general one.
    """

    name: str  # by which it is imported
    title: str
    rfc: str  # where RFC 6455 speaks of it, such as "section 5.6"
    prompt: str  # what to write, as Markdown
    hints: Sequence[str]  # two to four, each saying a bit more; none is the answer
    solution_text: str  # one way to write it
    stub: str = HANDLER_STUB  # what the student finds in the cell
    wrong: Sequence[tuple[str, str]] = ()  # answers that it must catch, and the finding's key
    advice: Mapping[str, str] = field(default_factory=dict)
    function: str = "handle_socket"  # name of what is asked for

    def __post_init__(self) -> None:
        self._sayable = Counter[str]()  # as `play` returned it
        self._advice = {key: said for keys, said in self.advice.items() for key in keys.split()}
        if unknown := sorted({*self._advice, *(key for _, key in self.wrong)} - KEYS):
            raise ValueError(
                f"exercise {self.name}: no finding has the key {unknown[0]!r}; choose from "
                f"{', '.join(sorted(KEYS))}"
            )

    def hint(self, number: int = 1) -> Note:
        """Show a hint: 1 for the first, each further one says more."""
        count = len(self.hints)
        if type(number) is not int or not 1 <= number <= count:
            said = f"There are {count}: {self.name}.hint(1) to {self.name}.hint({count})."
            return Note(f"{self.title}: no such hint", said)
        last = "" if os.environ.get(NO_SOLUTIONS) else f" One solution: {self.name}.solution()"
        another = f"Another one: {self.name}.hint({number + 1})"
        more = another if number < count else f"The last one.{last}"
        return Note(f"{self.title}: hint {number} of {count}", self.hints[number - 1], more)

    def solution(self) -> Note:
        """Show one way to write it, unless solutions are switched off."""
        if os.environ.get(NO_SOLUTIONS):
            said = f"Solutions are switched off here. There are hints: {self.name}.hint()"
            return Note(f"{self.title}: no solution", said)
        return Note(f"{self.title}: one solution", self.solution_text, code=True)

    def check(self, answer: object, *, seed: str | None = None) -> Answer:
        """Check an answer, and say whether it is right, not attempted, or not yet right.

        Takes a few seconds at most, whatever the answer does; up to 30 on a busy machine.

        Args:
            answer: The student's handler or function.
            seed: Shapes the values of the check: each student may have others.

        Raises:
            ScenarioError: The exercise itself has a mistake; names the line.
        """
        if guard.in_check.get():
            raise guard.NotAllowed("call check, which is for cells alone")
        log = FrameLog(max_frames=MAX_FRAMES, max_bytes=MAX_BYTES)
        outcome, finding = self._judge(answer, f"{self.name} {seed or ''}", log)
        notebook = next((each for each in NOTEBOOKS.values() if self in each), [])
        titles = {each.name: each.title for each in notebook}
        states = progress.remember(self.name, outcome) if titles else {}
        found = Answer(
            name=self.name,
            title=self.title,
            outcome=outcome,
            finding=finding,
            section=f'section "{self.title}" of this notebook; RFC 6455, {self.rfc}',
            progress=progress.sentence(states, titles),
            printed=printed(log),
            log=log,
        )
        record = {"exercise": self.name, "title": self.title, "outcome": outcome}
        log.append(0, CheckRecord, **record, misconception=found.key)
        if (found.key or outcome) not in ("cell-failed", "too busy"):
            _last[:] = [answer, self.title, found.right]
        return found

    def _judge(self, answer: object, seed: str, log: FrameLog) -> tuple[Outcome, Finding | None]:
        if is_untouched(answer, self.stub):
            return "not attempted", None
        with _one_at_a_time:
            try:
                self._see_failed_cell(answer)
                self._examine(answer, seed, log)
            except TooBusy:
                return "too busy", None
            except NotYet as found:
                finding = found.finding
                general = self._advice.get(finding.key, finding.misconception.advice)
                return "not yet", replace(finding, advice=finding.advice or general)
            except ScenarioError as error:
                raise ScenarioError(f"exercise {self.name}, {error}") from error.__cause__
        return "right", None

    def _see_failed_cell(self, answer: object) -> None:
        """Raise `NotYet` when a cell failed since this answer was checked, unless it was right."""
        cell: Any = getattr(handler_output.shell(), "last_execution_result", None)
        error = cell and (cell.error_before_exec or cell.error_in_exec)
        if error and _last[0] is answer and _last[1:] != [self.title, True]:
            said = f"The cell above ended with {type(error).__name__}"
            said = f"{said}; this is still the answer to {_last[1]}."
            raise NotYet(Finding(Misconception.CELL_FAILED, said))

    @abstractmethod
    def _examine(self, answer: Any, seed: str, log: FrameLog) -> None:
        """Try the answer; raises `NotYet` or `TooBusy` when it is not right."""

    def _mistakes(self) -> Mapping[str, int]:
        """Return what can be said of mistakes, and of each how often it is one where it stands."""
        return self._sayable

    def selftest(self) -> list[str]:
        """Run stub, solution and wrong answers, and return what is not as it should be.

        Returns:
            A sentence for each: a stub that counts as attempted, a solution that is refused, a
            wrong answer that is not caught or gets another finding, a source that does not run, a
            mistake that can never be told because it equals the right value or an earlier
            mistake. Empty when all is well.
        """
        found: list[str] = []
        for what, source, wanted in (
            ("the stub", self.stub, "not attempted"),
            ("the solution", self.solution_text, "right"),
            *((f"wrong answer {i}", *each) for i, each in enumerate(self.wrong, 1)),
        ):
            try:
                answer = self.check(self._run(source, what))
            except ScenarioError as error:
                return [*found, str(error)]
            except Exception as error:  # noqa: BLE001  (whatever a teacher's text raises)
                found.append(f"{self.name}: {what} does not run: {type(error).__name__}: {error}.")
                continue
            if (got := answer.key or answer.outcome) != wanted:
                why, told = "", answer.finding
                if wanted == "right" and told is not None:
                    facts = f"expected {told.expected}; came {told.came}; {told.where}"
                    why = f" {told.headline} ({facts})"
                found.append(f"{self.name}: {what} gets {got!r}, not {wanted!r}.{why}")
        never = [said for said, could in self._mistakes().items() if not could]
        return found + [f"{self.name}: {said!r} can never be said." for said in never]

    def _run(self, source: str, what: str) -> Any:
        """Run a source, and return the function that it defines."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(source, f"<{self.name}, {what}>", "exec"), namespace)
        if self.function not in namespace:
            raise NameError(f"it defines no {self.function!r}")
        return namespace[self.function]

    def __repr__(self) -> str:
        return f"<exercise {self.name}: {self.title}>"


@dataclass(kw_only=True, repr=False)
class HandlerExercise(Exercise):
    """An exercise whose answer is a handler.

    Attributes:
        scenarios: Each a plain function that gets a `Script`; its docstring says what it is about.
            The last one is played once more at the end, with values nobody knows beforehand.
        path: Path of the route that the handler serves.
        automatic_pong: Whether the server answers PING frames by itself.
    """

    scenarios: Sequence[Scenario]
    path: str = "/"
    automatic_pong: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.scenarios:
            raise ValueError(f"exercise {self.name}: without a scenario any answer would be right")

    def _examine(self, answer: Any, seed: str, log: FrameLog) -> None:
        try:
            with Harness(answer, self.path, self.automatic_pong, log) as harness:
                patience = Patience()
                for scenario in self.scenarios:
                    self._sayable.update(play(scenario, harness, patience, seed))
                play(self.scenarios[-1], harness, patience, secrets.token_hex(16))
        except InvalidRoute as error:
            said = str(error)
            advice = "" if callable(answer) else "Give the function itself to check()."
            found = Finding(Misconception.NO_HANDLER, f"{said[:1].upper()}{said[1:]}.", advice)
            raise NotYet(found) from None


def printed(log: FrameLog) -> str:
    """Return what a student's code printed, and how much of it is left out."""
    texts = [each.text for each in log if isinstance(each, OutputRecord)]
    text = "".join(f"{each}\n" for each in texts if not NOT_SHOWN.search(each))
    left = len(text) - SHOWN_OUTPUT
    return text if left <= 0 else f"{text[:SHOWN_OUTPUT]}\n[{left:,} more characters]"
