"""The README keeps its word: its Python runs and shows what it says, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.helpers import REPOSITORY, run_python

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
# Code, and the output that stands right below it.
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)

# What differs from run to run: number and time of a row.
ROW = re.compile(r"^ *\d+ +\+\d+\.\d{3}", re.MULTILINE)


def test_each_python_block_shows_its_output() -> None:
    assert EXAMPLES
    assert len(EXAMPLES) == README.count("```python")


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_an_example_runs_and_prints_what_it_says(code: str, output: str) -> None:
    run = run_python("-W", "error", "-c", code)

    assert run.stderr == ""
    assert ROW.sub("ROW", run.stdout) == ROW.sub("ROW", output)


def test_the_first_frame_is_ten_lines_away() -> None:
    code = EXAMPLES[0][0]

    assert len([line for line in code.splitlines() if line.strip()]) == 10


def test_the_make_goals_it_names_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    goals = re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)

    assert {"lab", "test", "bench", "hub-test"} <= set(goals)
    assert "\nwork:" in makefile
    assert [goal for goal in goals if f"\n{goal}:" not in makefile] == []


def test_the_binder_link_opens_the_first_notebook_in_jupyterlab() -> None:
    [line] = re.findall(r"```markdown\n(.*)\n```", README)
    [link] = re.findall(r"\]\((https://mybinder\.org/v2/\S+)\)$", line)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    [first] = re.findall(r"^FIRST_NOTEBOOK := (\S+)$", makefile, re.MULTILINE)
    [folder] = re.findall(r"^MY_NOTEBOOKS := (\S+)$", makefile, re.MULTILINE)
    steps = (REPOSITORY / "binder" / "postBuild").read_text(encoding="utf-8").splitlines()

    # Nobody's name stands here: the reader puts their own.
    assert urlsplit(link).path == "/v2/gh/OWNER/REPOSITORY/HEAD"
    assert parse_qs(urlsplit(link).query) == {"urlpath": [f"lab/tree/{folder}/{first}"]}
    assert f"astra-nb notebooks {folder}" in steps
    assert (REPOSITORY / "notebooks" / first).is_file()


def test_the_commands_it_names_exist() -> None:
    named = set(re.findall(r"\bastra-nb ([a-z]+)", README))

    assert {"lab", "doctor"} <= named
    for name in named:
        assert run_python("-m", "astra_nb.commands.cli", name, "--help").returncode == 0


def test_each_link_within_the_repository_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    links += re.findall(r'(?:src|srcset)="([^"]+)"', README)

    assert links
    assert [link for link in links if not (REPOSITORY / link).is_file()] == []


def test_each_notebook_is_listed_under_its_own_title() -> None:
    listed = re.findall(r"^\| \[(.+?)\]\((notebooks/.+?)\) \|", README, re.MULTILINE)
    there = [
        path.relative_to(REPOSITORY).as_posix()
        for path in sorted((REPOSITORY / "notebooks").glob("[0-9]*.ipynb"))
    ]

    assert [path for _, path in listed] == there
    for title, path in listed:
        assert f'"# {title}' in (REPOSITORY / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted((REPOSITORY / "docs").glob("*.md")), ids=lambda p: p.name)
def test_each_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (REPOSITORY / "tests").rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", text))
    paths = set(re.findall(r"`((?:tests|astra_nb)/[\w/.-]+)`", text)) - {"tests/q1.py"}

    assert [name for name in named if f"def {name}(" not in tests] == []
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []
