"""The report of a class: who did which exercise, how far, and what is misunderstood most.

Reads executed notebooks and exported logs. Students are named by their folders or files; nothing
leaves the machine, and nothing in a file is run or shown as markup.
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
from pathlib import Path
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.log.records import CheckRecord
from astra_nb.wire.text import counted, visible

from .cards import ANSWER_TYPE, MARKS, aligned

__all__ = ["PREDICTION_TYPE", "Found", "Report", "changes", "read_folder"]

PREDICTION_TYPE = "application/vnd.astra-nb.prediction+json"  # of what a prediction's check shows

COLLECTED = re.compile("(?:^|/)(submitted|autograded)/([^/]+)/")  # by nbgrader, and from whom
MAX_SIZE = 200 * 2**20  # bytes
RENEWED = 10  # seconds between two renewals of a page
# A spreadsheet would run what begins so, and reads wide and small signs as the others. Where it
# parts columns by semicolons, a cell begins after one, too.
FORMULA = re.compile(
    r"(^|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a-\u207c\u208a-\u208c])"
)
ASKED = re.compile(r"(\w+) = predict\(")  # a prediction has a check, too
CHECKED = re.compile(r"(\S+)\.check\(")
# Outcomes of exercises and of predictions; a later one counts more.
RANKS = ("not attempted", "too busy", "not yet", "no answer", "not right", "right")
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Exercises of a class</title>
{renewal}<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }}
th, td {{ text-align: left; padding: 0.2em 1em 0.2em 0; border-bottom: 1px solid #8888; }}
</style></head><body>
<h1>Exercises of a class</h1><p>{title}</p>
<table>
{table}</table>
{lists}</body></html>
"""


@dataclass(frozen=True)
class Found:
    """What one file says about an exercise or a prediction, safe to show.

    It is `graded` when a grader ran the file. The outcome is that of the check, or "error:
    NameError" where its cell raised that. A prediction has a `question` in place of an exercise;
    where both are "", the outcome says why there is no result.
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
        for name in self.__dataclass_fields__.keys() - {"graded"}:
            limit = 40 if name in ("exercise", "key") else 300  # characters of a stranger's text
            object.__setattr__(self, name, visible(getattr(self, name), limit))

    @property
    def rank(self) -> tuple[bool, int]:
        """What makes a result count more than others: a grader's, and a better one."""
        return self.graded, RANKS.index(self.outcome) if self.outcome in RANKS else -1


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
        """The result that counts, by student, and by exercise or question."""
        students: dict[str, dict[str, Found]] = {}
        for each in sorted(self.found, key=lambda each: (each.student, each.rank)):
            results = students.setdefault(each.student, {})
            if name := each.exercise or each.question:
                results[name] = each
        return students

    @property
    def title(self) -> str:
        """How many students and exercises there are."""
        students, exercises = len(self.students), len(self.exercises)
        return f"{counted(students, 'student')}, {counted(exercises, 'exercise')}"

    def rows(self) -> list[list[str]]:
        """Return the table: its heads, then the outcomes of each student. Predictions are shown."""
        told = ["predicted"] if any(each.question for each in self.found) else []
        rows = [["student", *self.exercises, "right", *told]]
        for student, results in self.students.items():
            cells = [results[name].outcome if name in results else "" for name in self.exercises]
            asked = [each.outcome for each in results.values() if each.question]
            right = [f"{each.count('right')} of {len(each)}" for each in (cells, asked)]
            rows.append([student, *cells, right[0], right[1] if asked else ""][: len(rows[0])])
        return rows

    def lists(self) -> dict[str, list[str]]:
        """Return what is misunderstood most, and what could not be read, by heading."""
        results = [each for row in self.students.values() for each in row.values()]
        says = {(each.exercise, each.key): each.headline for each in reversed(results)}
        missed = Counter((each.exercise, each.key) for each in results if each.key)
        surprised = Counter(each.question for each in results if each.outcome == "not right")
        rest = (each for each in self.found if not each.exercise and not each.question)
        return {
            "Misunderstood most": [
                f"{counted(n, 'student')}: {', '.join(what)}. {says[what]}".rstrip()
                for what, n in missed.most_common(3)
            ],
            "Predicted wrongly most": [
                f"{counted(n, 'student')}: {what}" for what, n in surprised.most_common(3)
            ],
            "Without a result": [f"{each.file}: {each.outcome}" for each in rest],
        }

    def text(self) -> str:
        """Write the report as plain text."""
        if not self.found:
            return "No notebook and no log is there."
        lines = [self.title, *aligned(self.rows())]
        for heading, items in self.lists().items():
            lines += ["", f"{heading}:", *(f"  {item}" for item in items)] if items else []
        return "\n".join(lines)

    def points(self) -> Iterator[tuple[str, ...]]:
        """Yield the student, 1 or 0 for each exercise, "" where no check was run, and the total."""
        for student, *cells in self.rows()[1:]:
            outcomes = cells[: len(self.exercises)]
            points = [str(int(cell == "right")) if cell else "" for cell in outcomes]
            yield student, *points, str(points.count("1"))

    def csv(self) -> str:
        """Write CSV for Moodle: the points of each exercise, and the total."""
        return to_csv([("student", *self.exercises, "total"), *self.points()])

    def canvas(self, assignment: str) -> str:
        """Write CSV for Canvas: how many exercises of an assignment are right."""
        rows = ((student, "", "", student, "", total) for student, *_, total in self.points())
        possible = ("    Points Possible", "", "", "", "", str(len(self.exercises)))
        return to_csv([(*CANVAS, assignment), possible, *rows])

    def html(self, renewed: bool = False) -> str:
        """Write the report as one page without scripts; everything in it is escaped.

        Args:
            renewed: Whether a browser is to read the page again every `RENEWED` seconds.
        """
        heads, *rows = self.rows()
        table = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
        for student, *cells in rows:
            texts = (f"<td>{MARKS.get(cell, ('',))[0]} {escape(cell)}</td>" for cell in cells)
            table += f'</tr>\n<tr><th scope="row">{escape(student)}</th>{"".join(texts)}'
        lists = ""
        for heading, items in self.lists().items():
            points = (f"<li>{escape(item)}</li>\n" for item in items or ["Nothing."])
            lists += f"<h2>{heading}</h2>\n<ol>\n{''.join(points)}</ol>\n"
        renewal = f'<meta http-equiv="refresh" content="{RENEWED}">\n' if renewed else ""
        return PAGE.format(title=self.title, table=table, lists=lists, renewal=renewal)


def to_csv(rows: Iterable[Iterable[str]]) -> str:
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
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*"))]
    paths = [path for path in paths if path.suffix in READERS and "/." not in f"/{path.as_posix()}"]
    collected = {path: place for path in paths if (place := COLLECTED.search(path.as_posix()))}
    found: list[Found] = []
    for path in collected or paths:
        file = path.with_suffix("").as_posix()
        kind, student = collected[path].groups() if collected else ("", file.partition("/")[0])
        read = [
            Found(student, file, kind == "autograded", *each) for each in read_file(folder / path)
        ]
        found += {(each.exercise, each.question): each for each in read}.values()  # the last ones
    return Report(found)


def read_file(path: Path) -> list[tuple[str, ...]]:
    """Return the results in a file, as the last fields of `Found`, or why there are none."""
    try:
        if not path.is_file():
            return []
        if path.stat().st_size > MAX_SIZE:
            raise ValueError("it is too large")
        results = READERS[path.suffix](path.read_text(encoding="utf-8-sig"))
        return list(results) or [("", "no result of a check")]
    except (TypeError, AttributeError, KeyError):
        return [("", "cannot be read: this is not a notebook")]
    except (OSError, ValueError, RecursionError) as error:
        return [("", f"cannot be read: {error}")]


def read_notebook(text: str) -> Iterator[tuple[str, ...]]:
    cells = json.loads(text)["cells"]
    sources = ["".join(cell.get("source", "")) for cell in cells]
    questions = {name for source in sources for name in ASKED.findall(source)}
    for cell, source in zip(cells, sources, strict=True):
        outputs = cell.get("outputs", ())
        shown = [result for output in outputs for result in read_output(output.get("data", {}))]
        yield from shown
        checked = CHECKED.search(source)
        if checked and not shown and checked[1] not in questions:  # it came to no result
            errors = (each["ename"] for each in outputs if each.get("output_type") == "error")
            yield from ((checked[1], f"error: {name}") for name in errors)


def read_output(data: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for shown in (data.get(ANSWER_TYPE), data.get(PREDICTION_TYPE)):
        if isinstance(shown, dict) and shown.get("state") in RANKS:
            fields = ("exercise", "state", "key", "headline", "question")
            yield tuple(str(shown.get(each, "")) for each in fields)


def read_log(text: str) -> Iterator[tuple[str, ...]]:
    for each in FrameLog.from_jsonl(text if "\n" in text else text + "\n"):
        if isinstance(each, CheckRecord):
            yield each.exercise, each.outcome, each.misconception


READERS = {".ipynb": read_notebook, ".jsonl": read_log}
