"""The cards of checks and hints: short, the same as text and as HTML, and never markup."""

from __future__ import annotations

import re
import textwrap
from html.parser import HTMLParser
from typing import Any

import pytest
from IPython.lib.pretty import pretty

from astra_nb.exercises.cards import ANSWER_TYPE, Answer, Note
from astra_nb.exercises.diagnosis.misconceptions import Finding, Misconception, Table

FRAMES = Table(
    "The frames that passed",
    ("from", "type", "payload"),
    (("client", "text", '"b"'), ("server", "text", '"a"')),
)
FINDING = Finding(
    Misconception.RETURNED,
    "The second text came back as the first one. The handler waited in recv() only once, so it "
    "still holds what came at the beginning.",
    advice="A handler is called once for each connection: put `socket.recv()` into a loop, and "
    "answer each message before you wait for the next one.",
    expected='text "b"',
    came='text "a"',
    where="Several texts, client 2",
    tables=(FRAMES,),
)
NOT_YET = Answer(
    "echo",
    "Echo",
    "not yet",
    FINDING,
    section='section "Echo" of this notebook; RFC 6455, section 5.6',
    progress="Progress in this notebook: 1 of 4 right; still to do: Echo, Greet on open, Bytes.",
    printed="here\nand there\n",
)


class Page(HTMLParser):
    """What stands open on a page, what is folded, and its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.folded: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.depth = 0
        self.inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "summary" not in self.inside:
            (self.folded if "details" in self.inside else self.open).append(data)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def test_what_stands_open_has_at_most_12_lines() -> None:
    lines = [part for line in str(NOT_YET).split("\n") for part in textwrap.wrap(line, 100) or [""]]
    assert len(lines) <= 12, str(NOT_YET)


def test_a_card_says_one_fact_and_where_and_what_to_do() -> None:
    assert str(NOT_YET).splitlines() == [
        "Echo: not yet.",
        "",
        FINDING.headline,
        FINDING.advice,
        '  expected  text "b"',
        '  came      text "a"',
        "  where     Several texts, client 2",
        "",
        NOT_YET.progress,
        "More by .details(): The frames that passed (2), What your code printed (2), Read again.",
    ]
    assert repr(NOT_YET) == str(NOT_YET)
    assert pretty(NOT_YET) == str(NOT_YET)  # type: ignore[no-untyped-call]


def test_text_and_page_say_the_same() -> None:
    page = Page(NOT_YET._repr_html_())
    text, _, _ = str(NOT_YET).partition("More by .details()")
    assert words(" ".join(page.open)) == words(text)
    details = str(NOT_YET.details())
    assert set(words(" ".join(page.folded))) <= set(words(details))
    for table in ("The frames that passed:\n", "What your code printed:\n", "Read again:\n"):
        assert table in details
    assert '  from    type  payload\n  client  text  "b"\n  server  text  "a"' in details


def test_details_are_folded_and_headings_are_headings() -> None:
    page = Page(NOT_YET._repr_html_())
    headings = [attrs for _, attrs in page.elements if attrs.get("role") == "heading"]
    assert [attrs["aria-level"] for attrs in headings] == ["3"]
    assert [attrs for tag, attrs in page.elements if tag == "details"] == [{}] * 3
    assert [attrs["scope"] for tag, attrs in page.elements if tag == "th"] == ["col"] * 3
    [region] = [attrs for _, attrs in page.elements if attrs.get("role") == "region"]
    assert region["aria-label"] == "Echo: not yet."


def test_expected_and_came_stand_side_by_side() -> None:
    html = NOT_YET._repr_html_()
    [row] = re.findall(r"<tr.*?</tr>", html.partition("<details")[0], re.DOTALL)
    assert row.index(">expected") < row.index(">came") < row.index(">where")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer("echo", "Echo", "right"), "Echo: right."),
        (
            Answer("echo", "Echo", "not attempted"),
            "Echo: not attempted.\n\nNothing is written here yet. A first step: echo.hint()",
        ),
        (
            Answer("echo", "Echo", "too busy"),
            "Echo: too busy.\n\nThis machine is too busy to judge. Run the check again.",
        ),
    ],
)
def test_the_other_outcomes_are_short(answer: Answer, text: str) -> None:
    assert str(answer) == text
    assert words(" ".join(Page(answer._repr_html_()).open)) == words(text)
    assert answer.right is bool(answer) is (answer.outcome == "right")
    assert answer.key == ""
    assert str(answer.details()) == "Echo: details\n\nThere are none."


def test_the_data_stays_in_the_notebook() -> None:
    bundle = NOT_YET._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == str(NOT_YET)
    assert bundle["text/html"] == NOT_YET._repr_html_()
    assert bundle[ANSWER_TYPE] == {
        "exercise": "echo",
        "title": "Echo",
        "state": "not yet",
        "key": "returned",
        "headline": FINDING.headline,
    }


def test_calls_and_what_is_between_backticks_are_code() -> None:
    assert "<code>socket.recv()</code>" in NOT_YET._repr_html_()
    assert "<code>echo.hint()</code>" in Answer("echo", "Echo", "not attempted")._repr_html_()
    note = Note("Echo: hint 1 of 3", "Use `recv()`.", "Another one: echo.hint(2)")
    assert str(note) == "Echo: hint 1 of 3\n\nUse `recv()`.\n\nAnother one: echo.hint(2)"
    assert "<code>recv()</code>" in note._repr_html_()
    assert "<code>echo.hint(2)</code>" in note._repr_html_()


def test_a_solution_keeps_its_lines() -> None:
    note = Note("Echo: one solution", "def f():\n    return `a` < 1\n", code=True)
    assert str(note) == "Echo: one solution\n\ndef f():\n    return `a` < 1"
    assert "def f():\n    return `a` &lt; 1\n</pre>" in note._repr_html_()


EVIL = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"


def test_what_a_stranger_sends_is_never_markup() -> None:
    side = f"{EVIL} {EVIL}"
    table = Table(EVIL, (EVIL, EVIL), ((EVIL, f"`{EVIL}`"),))
    finding = Finding(Misconception.RETURNED, EVIL, f"`{EVIL}`", side, side, EVIL, tables=(table,))
    answer = Answer(
        EVIL, EVIL, "not yet", finding, section=EVIL, progress=EVIL, printed=f"{EVIL}\x1b[2J\n"
    )
    for card in (answer, answer.details(), Note(EVIL, EVIL, EVIL), Answer(EVIL, EVIL, "right")):
        page = Page(card._repr_html_())
        assert {tag for tag, _ in page.elements} <= {
            *("div", "p", "strong", "span", "br", "code", "pre"),
            *("details", "summary", "table", "tr", "th", "td"),
        }
        names = {name for _, attrs in page.elements for name in attrs}
        assert names <= {"role", "aria-label", "aria-level", "aria-hidden", "style", "scope"}
    assert "\x1b" not in str(answer.details()) + answer._repr_html_()


def test_of_a_long_line_the_beginning_is_shown() -> None:
    page = Answer("echo", "Echo", "right", printed="x" * 10_000)._repr_html_()
    assert len(page) < 2000
