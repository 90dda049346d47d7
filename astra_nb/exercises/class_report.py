"""A class at a glance: who did which exercise, how far, and what is misunderstood most.

Reads executed notebooks and exported logs. Names are those of the files; nothing leaves the
machine, and nothing in a file is ever run or shown as markup.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.log.records import FrameRecord, HandlerErrorRecord, NoticeRecord
from astra_nb.wire.text import shortened, visible

__all__ = ["Found", "Report", "read_folder"]

ANSWER_TYPE = "application/vnd.astra-nb.answer+json"
STATES = ("right", "not yet", "not attempted")
FIRST_LINE = re.compile(
    r"^(?P<title>[^\n:]{1,80}): (?P<state>right|not attempted|not yet)\.$", re.M
)
CHECKED = re.compile(
    r"^Check of exercise (?P<name>\S{1,80}): (?P<state>right|not attempted|not yet)"
    r"(?:: (?P<key>\S+))?$"
)
MAX_SIZE = 200 * 2**20  # bytes
LONGEST = 200  # characters of a stranger's text
LONGEST_NAME = 40  # of the name of an exercise or a misunderstanding
# A spreadsheet would run what begins so, and reads wide and small signs as the others. Where it
# parts columns by semicolons, a cell begins after one, too.
FORMULA = re.compile(
    r"(^|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a-\u207c\u208a-\u208c])"
)
MOST_FREQUENT = 3
MARKS = {"right": "✓", "not yet": "→", "not attempted": "○"}


@dataclass(frozen=True)
class Found:
    """What one file says about one exercise; every text is made safe to show here.

    Attributes:
        file: Path of the file inside the folder, without its ending.
        exercise: Name of the exercise; "" for a file that holds no check.
        state: "right", "not yet" or "not attempted"; for a file without a check what it holds.
        key: Short name of the misunderstanding, or "".
        headline: What was said about it.
    """

    file: str
    exercise: str
    state: str
    key: str = ""
    headline: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", visible(self.file))
        for name in ("exercise", "state", "key", "headline"):
            limit = LONGEST_NAME if name in ("exercise", "key") else LONGEST
            text = shortened(str(getattr(self, name)), limit)
            object.__setattr__(self, name, visible(text))


@dataclass(frozen=True)
class Report:
    """What a folder's files say."""

    found: Sequence[Found]

    @property
    def exercises(self) -> list[str]:
        """Names of the exercises that occur, in the order in which they first do."""
        return list(dict.fromkeys(each.exercise for each in self.found if each.exercise))

    @property
    def files(self) -> list[str]:
        return list(dict.fromkeys(each.file for each in self.found))

    def misunderstandings(self, count: int = MOST_FREQUENT) -> list[tuple[str, str, str, int]]:
        """List the most frequent ones: exercise, key, what is said about it, how many files."""
        times: Counter[tuple[str, str]] = Counter()
        says: dict[tuple[str, str], str] = {}
        for each in self.found:
            if each.key:
                times[each.exercise, each.key] += 1
                says.setdefault((each.exercise, each.key), each.headline)
        return [
            (exercise, key, says[exercise, key], number)
            for (exercise, key), number in times.most_common(count)
        ]

    def text(self) -> str:
        """Write the report as plain text."""
        if not self.found:
            return "No notebook and no log is there."
        lines = [
            f"{_counted(len(self.files), 'file')}, {_counted(len(self.exercises), 'exercise')}"
        ]
        table = [["file", *self.exercises, "right"], *self._rows()]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
        lines += [f"{each.file}: {each.state}" for each in self.found if not each.exercise]
        lines.append("")
        wrong = self.misunderstandings()
        lines.append("Misunderstood most:" if wrong else "Nothing was misunderstood.")
        for exercise, key, headline, number in wrong:
            where = exercise or "logs"
            lines.append(f"  {_counted(number, 'file')}: {where}, {key}. {headline}")
        return "\n".join(lines)

    def _rows(self) -> Iterator[list[str]]:
        for file in self.files:
            states = {each.exercise: each.state for each in self.found if each.file == file}
            right = sum(states.get(name) == "right" for name in self.exercises)
            if any(states):
                cells = [states.get(name, "") for name in self.exercises]
                yield [file, *cells, f"{right} of {len(self.exercises)}"]

    def csv(self) -> str:
        """Write the report as CSV: one line for each file and exercise."""
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["file", "exercise", "state", "misunderstanding", "message"])
        for each in self.found:
            row = (each.file, each.exercise, each.state, each.key, each.headline)
            writer.writerow(FORMULA.sub(r"\1'", cell) for cell in row)
        return output.getvalue()

    def html(self) -> str:
        """Write the report as one page without scripts; everything in it is escaped."""
        heads = "".join(
            f'<th scope="col">{escape(name)}</th>' for name in ("file", *self.exercises, "right")
        )
        body = ""
        for first, *cells in self._rows():
            shown = "".join(f"<td>{MARKS.get(cell, '')} {escape(cell)}</td>" for cell in cells)
            body += f'<tr><th scope="row">{escape(first)}</th>{shown}</tr>\n'
        items = "".join(
            f"<li>{_counted(number, 'file')}: {escape(exercise or 'logs')}, {escape(key)}. "
            f"{escape(headline)}</li>\n"
            for exercise, key, headline, number in self.misunderstandings()
        )
        others = "".join(
            f"<li>{escape(each.file)}: {escape(each.state)}</li>\n"
            for each in self.found
            if not each.exercise
        )
        return PAGE.format(
            heads=heads,
            body=body,
            items=f"<ol>\n{items}</ol>" if items else "<p>Nothing.</p>",
            others=f"<h2>Without a check</h2>\n<ul>\n{others}</ul>" if others else "",
            count=_counted(len(self.files), "file"),
        )


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Exercises of a class</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; margin: 2em; line-height: 1.5; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; padding: 0.2em 1em 0.2em 0; border-bottom: 1px solid #8888; }}
</style>
</head>
<body>
<h1>Exercises of a class</h1>
<p>{count}</p>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{body}</tbody>
</table>
<h2>Misunderstood most</h2>
{items}
{others}
</body>
</html>
"""


def read_folder(folder: Path) -> Report:
    """Read every notebook and every exported log in a folder and the folders in it.

    Raises:
        OSError: The folder cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    found: list[Found] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        reader = {".ipynb": read_notebook, ".jsonl": read_log}.get(path.suffix)
        if reader is None or any(part.startswith(".") for part in name.parts):
            continue
        file = name.with_suffix("").as_posix()
        try:
            if not path.is_file():
                continue
            if path.stat().st_size > MAX_SIZE:
                raise ValueError("it is too large")
            found += reader(file, path.read_text(encoding="utf-8-sig"))
        except (TypeError, AttributeError, KeyError):
            found.append(Found(file, "", "cannot be read: this is no notebook"))
        except (OSError, ValueError, RecursionError) as error:
            found.append(Found(file, "", f"cannot be read: {error}"))
    return Report(found)


def read_notebook(file: str, text: str) -> list[Found]:
    """Find the answers of checks in a notebook's outputs; the last one for each exercise counts."""
    answers: dict[str, Found] = {}
    for cell in json.loads(text)["cells"]:
        for output in cell.get("outputs", ()):
            for found in _answers(file, output):
                answers[found.exercise] = found
    return list(answers.values()) or [Found(file, "", "no check was run")]


def _answers(file: str, output: dict[str, Any]) -> Iterator[Found]:
    data = output.get("data", {})
    answer = data.get(ANSWER_TYPE)
    if isinstance(answer, dict) and answer.get("state") in STATES:
        yield Found(
            file,
            answer.get("exercise", ""),
            answer["state"],
            answer.get("key", ""),
            answer.get("headline", ""),
        )
        return
    # What a tool left of it, or an assertion that was raised with it.
    text = _joined(data.get("text/plain", output.get("evalue", "")))
    for match in FIRST_LINE.finditer(text):
        rest = text[match.end() :].strip().split("\n")[0]
        wrong = match["state"] == "not yet"
        yield Found(file, match["title"], match["state"], rest if wrong else "", rest)


def read_log(file: str, text: str) -> list[Found]:
    """Find what checks wrote into a log; of another log, how much is in it."""
    records = list(FrameLog.from_jsonl(text if "\n" in text else text + "\n"))
    answers: dict[str, Found] = {}
    for record in records:
        match = CHECKED.match(record.text) if isinstance(record, NoticeRecord) else None
        if match is not None:
            key = match["key"] or ""
            answers[match["name"]] = Found(file, match["name"], match["state"], key)
    if answers:
        return list(answers.values())
    frames = sum(isinstance(record, FrameRecord) for record in records)
    errors = [record for record in records if isinstance(record, HandlerErrorRecord)]
    state = f"a log of {_counted(frames, 'frame')}, {_counted(len(errors), 'handler error')}"
    if not errors:
        return [Found(file, "", state)]
    summary = errors[0].summary
    return [Found(file, "", state, summary.partition(":")[0], summary)]


def _joined(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
