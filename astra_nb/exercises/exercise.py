"""An exercise on a handler: its texts, its scenarios, and `check`."""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from astra_nb.errors import AddressInUse, AddressUnavailable, InvalidRoute
from astra_nb.log import FrameLog
from astra_nb.log.records import NoticeRecord
from astra_nb.net.background import BackgroundLoop, acquire, release

from . import guard, progress
from .answer import Answer, Note
from .finding import Finding, NotYet
from .history import History
from .script import BUDGET, Scenario, Talk
from .slips import slip_in
from .stage import Stage
from .untouched import is_untouched
from .verdicts import NotAttempted

__all__ = ["HANDLER_STUB", "NOTEBOOKS", "Exercise", "HandlerExercise"]

NOTEBOOKS: dict[str, list[Exercise]] = {}
"""The exercises of each notebook, in their order, by the notebook's name."""

ANSWER_LIMIT = 60.0  # seconds; far beyond the scenarios' own budget, for a starved machine

HANDLER_STUB = "def handle_socket(socket):\n    ...\n"

ONE_PARAMETER = "A handler has one parameter, the socket, and sends its answers through it."

_one_at_a_time = threading.Lock()


@dataclass(kw_only=True)
class Exercise(ABC):
    """What every exercise has.

    Attributes:
        name: The name it is imported by.
        title: Its title.
        rfc: Where RFC 6455 speaks of it, such as "section 5.6".
        prompt: What to write, as Markdown.
        stub: What the student finds in the cell.
        hints: Two to four, each saying a bit more.
        solution_text: One way to write it.
        advice: For keys of findings, advice that is better here than the general one.
        notebook: Name of the notebook whose progress it counts for; "" for none.
    """

    name: str
    title: str
    rfc: str
    prompt: str
    stub: str
    hints: Sequence[str]
    solution_text: str
    advice: Mapping[str, str] = field(default_factory=dict)
    notebook: str = ""

    def __post_init__(self) -> None:
        if self.notebook:
            NOTEBOOKS.setdefault(self.notebook, []).append(self)

    def hint(self, number: int = 1) -> Note:
        """Show a hint: 1 for the first, each further one says more."""
        count = len(self.hints)
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= count:
            return Note(
                f"{self.title}: no such hint",
                f"There {'is' if count == 1 else 'are'} {count}: {self.name}.hint(1) to "
                f"{self.name}.hint({count}). After the last there is {self.name}.solution().",
            )
        more = (
            f"Another one: {self.name}.hint({number + 1})"
            if number < count
            else f"The last one. One way to write it: {self.name}.solution()"
        )
        return Note(f"{self.title}: hint {number} of {count}", self.hints[number - 1], more)

    def solution(self) -> Note:
        """Show one way to write it. There are others."""
        return Note(f"{self.title}: one solution", self.solution_text, code=True)

    def check(self, answer: object, *, port: int = 0) -> Answer:
        """Check an answer, and say whether it is right, not attempted, or not yet right.

        Takes a few seconds at most, whatever the answer does.

        Args:
            answer: The student's handler or function.
            port: Port for the check's own server; 0 takes a free one.
        """
        if guard.in_check.get():
            raise guard.NotAllowed("a handler may not start a check; call check in a cell")
        if is_untouched(answer, self.stub):
            return self._answer("not attempted")
        output = guard.Output()
        with _one_at_a_time:
            log = FrameLog()
            try:
                log = self._examine(answer, port, output, log) or log
            except NotAttempted:
                return self._answer("not attempted")
            except NotYet as found:
                finding = found.finding.with_advice(dict(self.advice))
                finding = replace(finding, clue=slip_in(answer))
                return self._answer("not yet", finding, output.text, found.log)
        return self._answer("right", None, output.text, log)

    @abstractmethod
    def _examine(
        self, answer: Any, port: int, output: guard.Output, log: FrameLog
    ) -> FrameLog | None:
        """Try the answer; raises `NotYet` or `NotAttempted` when it is not right."""

    def _answer(
        self,
        state: Any,
        finding: Finding | None = None,
        output: str = "",
        log: FrameLog | None = None,
    ) -> Answer:
        states = progress.remember(self.name, state) if self.notebook else {}
        siblings = NOTEBOOKS.get(self.notebook, [])
        said = progress.sentence(
            states, [each.name for each in siblings], {each.name: each.title for each in siblings}
        )
        if log is not None:
            key = f": {finding.key}" if finding is not None else ""
            log.append(0, NoticeRecord, text=f"Check of exercise {self.name}: {state}{key}")
        section = f'section "{self.title}" of this notebook; RFC 6455, {self.rfc}'
        steps = tuple(states.get(each.name) == "right" for each in siblings)
        return Answer(self.name, self.title, state, finding, section, said, output, steps, log)

    def __repr__(self) -> str:
        return f"<exercise {self.name}: {self.title}>"


@dataclass(kw_only=True, repr=False)
class HandlerExercise(Exercise):
    """An exercise whose answer is a handler.

    Attributes:
        scenarios: Each an `async def` that gets a `Talk`; its docstring says what it is about.
            The last one runs once more at the end, with values nobody knows beforehand.
        path: Path of the route that the handler serves.
        automatic_pong: Whether the server answers PING frames by itself.
    """

    scenarios: Sequence[Scenario]
    path: str = "/"
    automatic_pong: bool = True

    def _examine(
        self, answer: Any, port: int, output: guard.Output, log: FrameLog
    ) -> FrameLog | None:
        try:
            stage = Stage(answer, path=self.path, port=port, automatic_pong=self.automatic_pong)
        except InvalidRoute as error:
            said = str(error)
            advice = ONE_PARAMETER if callable(answer) else ""
            raise NotYet(
                Finding("no-handler", f"{said[:1].upper()}{said[1:]}.", advice=advice)
            ) from None
        except (AddressInUse, AddressUnavailable) as error:
            headline = f"The check could not start its own server: {error}."
            raise NotYet(Finding("no-server", headline)) from None
        history = History(stage.log)
        user, loop = object(), BackgroundLoop()
        try:
            acquire(user, loop)
            loop.run(self._play(stage, history), ANSWER_LIMIT)
        except NotYet as found:
            found.log = stage.log
            raise
        except TimeoutError:
            headline = "The check came to no end on this machine."
            raise NotYet(Finding("no-server", headline)) from None
        finally:
            stage.end()
            release(user)
            loop.join()
            output.take(stage.log.output)
        return stage.log

    async def _play(self, stage: Stage, history: History) -> None:
        left = BUDGET
        for scenario in self.scenarios:
            seed = f"{self.name} {scenario.__name__}"
            left = await _play_one(scenario, stage, history, seed, left)
        known = frozenset(history.expected)
        try:
            await _play_one(self.scenarios[-1], stage, history, secrets.token_hex(16), left)
        except NotYet as found:
            if found.finding.came in known and found.finding.key not in ("behind", "too-many"):
                by_heart = replace(found.finding, key="known-by-heart", advice="")
                raise NotYet(by_heart) from None
            raise
        if history.at_close is not None:
            raise NotYet(history.at_close)


async def _play_one(
    scenario: Scenario,
    stage: Stage,
    history: History,
    seed: str,
    left: float,
) -> float:
    title = (scenario.__doc__ or scenario.__name__.replace("_", " ")).strip().rstrip(".")
    talk = Talk(stage, history, title, seed, left)
    try:
        await scenario(talk)
        await talk.finish()
    finally:
        await talk.leave()
    return talk.left
