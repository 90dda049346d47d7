"""The report of a class: who did which exercise, how far, and what is misunderstood most.

Reads the data of checks and of predictions in executed notebooks, and exported logs. Students are
named by their folders or files; nothing leaves the machine, and nothing in a file is run or shown
as markup.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from astra_nb.log import FrameLog
from astra_nb.log.records import CheckRecord, Outcome
from astra_nb.wire.text import counted, visible

from .cards import ANSWER_TYPE, MARKS, aligned

__all__ = ["PREDICTION_TYPE", "Found", "Report", "changes", "read_folder"]

PREDICTION_TYPE = "application/vnd.astra-nb.prediction+json"  # of what a prediction's check shows

NBGRADER = ("submitted", "autograded")  # the student is the folder below
MAX_SIZE = 200 * 2**20  # bytes
RENEWED = 10  # seconds between two renewals of a page
# A spreadsheet would run what begins so, and reads wide and small signs as the others. Where it
# parts columns by semicolons, a cell begins after one, too.
FORMULA = re.compile(
    r"(^|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a-\u207c\u208a-\u208c])"
)
ASKED = re.compile(r"(\w+) = predict\(")  # a prediction has a check, too
RANKS = {"too busy": 1, "not yet": 2, "right": 3}
PREDICTED = ("no answer", "not right", "right")  # outcomes of a prediction; a later one counts more
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# Texts of strangers, and how many characters of each are shown.
LIMITS = {
    "student": 200, "file": 200, "exercise": 40, "outcome": 200, "key": 40, "headline": 200,
    "question": 300,
}  # fmt: skip

# Name of the exercise, outcome, misconception, headline, and the question of a prediction.
Result = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Found:
    """What one file says about an exercise or a prediction, safe to show.

    It is `graded` when a grader ran the file, and of a prediction when it has a `question`.

    The outcome is that of the check, or "error: NameError" where its cell raised that. Of a file
    without the result of a check the exercise is "", and the outcome says what is in it.
    """

    student: str
    file: str
    graded: bool
    exercise: str
    outcome: str
    key: str = ""
    headline: str = ""
    question: str = ""

    def __post_init__(self) -> None:
        for name, limit in LIMITS.items():
            object.__setattr__(self, name, visible(getattr(self, name), limit))


@dataclass(frozen=True)
class Report:
    """What a folder's files say: one row for each student, one column for each exercise."""

    found: Sequence[Found]

    @cached_property
    def exercises(self) -> list[str]:
        """Names of the exercises that occur, in the order in which they first do."""
        return list(dict.fromkeys(each.exercise for each in self.found if each.exercise))

    @cached_property
    def students(self) -> dict[str, dict[str, Found]]:
        """The result that counts, by student and exercise: a grader's, else the best one."""
        names = sorted({each.student for each in self.found})
        students: dict[str, dict[str, Found]] = {name: {} for name in names}
        for each in sorted(self.found, key=lambda each: (each.graded, RANKS.get(each.outcome, 0))):
            if each.exercise:
                students[each.student][each.exercise] = each
        return students

    @property
    def others(self) -> list[str]:
        """What is in the files without a result, one sentence for each."""
        found = (each for each in self.found if not each.exercise and not each.question)
        return [f"{each.file}: {each.outcome}" for each in found]

    @cached_property
    def predictions(self) -> dict[str, dict[str, str]]:
        """What each prediction came to, by student and question, of those who were asked any."""
        asked = [each for each in self.found if each.question]
        predictions: dict[str, dict[str, str]] = {each.student: {} for each in asked}
        for each in sorted(asked, key=lambda each: PREDICTED.index(each.outcome)):
            predictions[each.student][each.question] = each.outcome
        return predictions

    def predicted(self, student: str) -> str:
        """Return how many predictions of a student were right, such as "4 of 7"; "" for none."""
        outcomes = list(self.predictions.get(student, {}).values())
        return f"{outcomes.count('right')} of {len(outcomes)}" if outcomes else ""

    def surprising(self) -> list[str]:
        """Return the three questions that most students answered wrongly, and how many did."""
        rows = self.predictions.values()
        wrong = [asked for row in rows for asked, outcome in row.items() if outcome == "not right"]
        return [f"{counted(n, 'student')}: {asked}" for asked, n in Counter(wrong).most_common(3)]

    def misunderstood(self) -> list[str]:
        """Return the three most frequent: how many students, exercise, key, and a message."""
        wrong = [each for row in self.students.values() for each in row.values() if each.key]
        says = {f"{each.exercise}, {each.key}": each.headline for each in reversed(wrong)}
        times = Counter(f"{each.exercise}, {each.key}" for each in wrong).most_common(3)
        return [f"{counted(n, 'student')}: {what}. {says[what]}".rstrip() for what, n in times]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the student, the outcome of each exercise, and how many are right."""
        for student, results in self.students.items():
            cells = [results[name].outcome if name in results else "" for name in self.exercises]
            yield student, *cells, f"{cells.count('right')} of {len(cells)}"

    def points(self) -> Iterator[tuple[str, ...]]:
        """Yield the student, 1 or 0 for each exercise, "" where no check was run, and the total."""
        for student, *cells, _ in self.rows():
            points = [str(int(cell == "right")) if cell else "" for cell in cells]
            yield student, *points, str(points.count("1"))

    def title(self) -> str:
        """Return how many students and exercises there are."""
        students, exercises = len(self.students), len(self.exercises)
        return f"{counted(students, 'student')}, {counted(exercises, 'exercise')}"

    def text(self) -> str:
        """Write the report as plain text."""
        if not self.found:
            return "No notebook and no log is there."
        lines = aligned([self._heads(), *self._rows()])
        wrong = [f"  {sentence}" for sentence in self.misunderstood()]
        heading = "Misunderstood most:" if wrong else "Nothing was misunderstood."
        said = [self.title(), *lines, *self.others, "", heading, *wrong]
        if surprising := self.surprising():
            said += ["Predicted wrongly most:", *(f"  {sentence}" for sentence in surprising)]
        return "\n".join(said)

    def _heads(self) -> tuple[str, ...]:
        return ("student", *self.exercises, "right", *(["predicted"] if self.predictions else []))

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows as they are read: predictions are shown, and never are points."""
        for student, *cells in self.rows():
            yield student, *cells, *([self.predicted(student)] if self.predictions else [])

    def csv(self) -> str:
        """Write CSV for Moodle: the points of each exercise, and the total."""
        return _csv([("student", *self.exercises, "total"), *self.points()])

    def canvas(self, assignment: str) -> str:
        """Write CSV for Canvas: how many exercises of an assignment are right."""
        rows = ((student, "", "", student, "", total) for student, *_, total in self.points())
        possible = ("    Points Possible", "", "", "", "", str(len(self.exercises)))
        return _csv([(*CANVAS, assignment), possible, *rows])

    def html(self, renewed: bool = False) -> str:
        """Write the report as one page without scripts; everything in it is escaped.

        Args:
            renewed: Whether a browser is to read the page again every `RENEWED` seconds.
        """
        rows = (
            f'<tr><th scope="row">{escape(student)}</th>{"".join(map(_cell, cells))}</tr>\n'
            for student, *cells in self._rows()
        )
        wrong, others = _items(self.misunderstood()), _items(self.others)
        surprising = _items(self.surprising())
        return PAGE.format(
            heads="".join(f'<th scope="col">{escape(name)}</th>' for name in self._heads()),
            body="".join(rows),
            wrong=f"<ol>\n{wrong}</ol>" if wrong else "<p>Nothing.</p>",
            surprising=(
                f"<h2>Predicted wrongly most</h2>\n<ol>\n{surprising}</ol>" if surprising else ""
            ),
            others=f"<h2>Without a result</h2>\n<ul>\n{others}</ul>" if others else "",
            title=self.title(),
            renewal=f'<meta http-equiv="refresh" content="{RENEWED}">\n' if renewed else "",
        )


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{renewal}<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Exercises of a class</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; margin: 2em; line-height: 1.5; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; padding: 0.2em 1em 0.2em 0; border-bottom: 1px solid #8888; }}
</style>
</head><body>
<h1>Exercises of a class</h1><p>{title}</p>
<table><thead><tr>{heads}</tr></thead><tbody>
{body}</tbody></table>
<h2>Misunderstood most</h2>
{wrong}
{surprising}
{others}
</body></html>
"""


def _cell(outcome: str) -> str:
    mark, _ = MARKS.get(outcome, ("", ""))
    return f"<td>{mark} {escape(outcome)}</td>"


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>\n" for text in texts)


def _csv(rows: Iterable[Iterable[str]]) -> str:
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerows([FORMULA.sub(r"\1'", cell) for cell in row] for row in rows)
    return output.getvalue()


def changes(folder: Path, pause: Callable[[], object]) -> Iterator[Report]:
    """Yield the report of a folder, and after a pause again when it says something else.

    Raises:
        OSError: The folder cannot be read.
    """
    last = None
    while True:
        report = read_folder(folder)
        if report != last:
            yield (last := report)
        pause()


def read_folder(folder: Path) -> Report:
    """Read the notebooks and the exported logs of students in a folder and the folders in it.

    Where nbgrader's folders are, what is outside of them is not a student's.

    Raises:
        OSError: The folder cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")))
    names = [name for name in paths if name.suffix in READERS and "/." not in f"/{name.as_posix()}"]
    collected = [name for name in names if any(each in NBGRADER for each in name.parts[:-2])]
    found: list[Found] = []
    for name in collected or names:
        file, graded = name.with_suffix("").as_posix(), NBGRADER[1] in name.parts
        found += [Found(_student(name), file, graded, *row) for row in _read(folder / name)]
    return Report(found)


def _student(name: Path) -> str:
    folders = name.parts[:-1]
    below = (each for above, each in pairwise(folders) if above in NBGRADER)
    return next(below, folders[0] if folders else name.stem)


def _read(path: Path) -> Iterable[Result]:
    """Return the last result for each exercise in a file, or why there is none."""
    try:
        if not path.is_file():
            return []
        if path.stat().st_size > MAX_SIZE:
            raise ValueError("it is too large")
        results = READERS[path.suffix](path.read_text(encoding="utf-8-sig"))
        last = {(result[0], result[-1]): result for result in results}
        return last.values() or [_without_result("no result of a check")]
    except (TypeError, AttributeError, KeyError):
        return [_without_result("cannot be read: this is not a notebook")]
    except (OSError, ValueError, RecursionError) as error:
        return [_without_result(f"cannot be read: {error}")]


def _without_result(why: str) -> Result:
    return "", why, "", "", ""


def _read_notebook(text: str) -> Iterator[Result]:
    cells = json.loads(text)["cells"]
    questions = {name for cell in cells for name in ASKED.findall("".join(cell.get("source", "")))}
    for cell in cells:
        outputs = cell.get("outputs", ())
        shown = [result for output in outputs for result in _shown(output)]
        yield from shown or (each for each in _raised(cell, outputs) if each[0] not in questions)


def _shown(output: dict[str, Any]) -> Iterator[Result]:
    answer = output.get("data", {}).get(ANSWER_TYPE)
    if isinstance(answer, dict) and answer.get("state") in get_args(Outcome):
        name, key, says = (str(answer.get(each, "")) for each in ("exercise", "key", "headline"))
        yield name, answer["state"], key, says, ""
    told = output.get("data", {}).get(PREDICTION_TYPE)
    if isinstance(told, dict) and told.get("state") in PREDICTED and told.get("question"):
        yield "", told["state"], "", "", str(told["question"])


def _raised(cell: dict[str, Any], outputs: list[dict[str, Any]]) -> Iterator[Result]:
    """Yield the error of a cell whose check did not come to a result."""
    before, check, _ = "".join(cell.get("source", "")).partition(".check(")
    name = before.split()[-1:]
    for output in outputs:
        if check and name and output.get("output_type") == "error":
            yield name[0], f"error: {output.get('ename', '')}", "", "", ""


def _read_log(text: str) -> Iterator[Result]:
    for each in FrameLog.from_jsonl(text if "\n" in text else text + "\n"):
        if isinstance(each, CheckRecord):
            yield each.exercise, each.outcome, each.misconception, "", ""


READERS = {".ipynb": _read_notebook, ".jsonl": _read_log}
