"""The built book: its links, its names, its search, and that it asks for nothing from outside."""

from __future__ import annotations

import ast
import asyncio
import functools
import http.server
import json
import re
import threading
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

import astra_nb.exercises
import astra_nb.testing
from tests.helpers import REPOSITORY

BOOK = REPOSITORY / "build" / "book"
PAGES = sorted(BOOK.rglob("*.html"))
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
EXERCISES = sorted((REPOSITORY / "notebooks/exercises/release/websockets").glob("*.ipynb"))
GUIDES = sorted((REPOSITORY / "docs").glob("[!_]*.md"))
THEMES = ("light", "dark")


def built(source: Path) -> Path:
    return (BOOK / source.relative_to(REPOSITORY)).with_suffix(".html")


def cells(path: Path, kind: str) -> Iterator[dict[str, object]]:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == kind:
            yield cell


# ------------------------------------------------------------------ what is in it


@pytest.mark.parametrize("source", [*NOTEBOOKS, *EXERCISES, *GUIDES], ids=lambda path: path.stem)
def test_each_notebook_exercise_and_guide_has_its_page(source: Path) -> None:
    assert built(source).is_file()


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_there_with_the_outputs_it_stores(source: Path) -> None:
    stored = [
        line
        for cell in cells(source, "code")
        for output in cell["outputs"]  # type: ignore[attr-defined]
        for line in "".join(output.get("text", "")).splitlines()
        if line.strip()
    ]
    shown = text_of(built(source))

    assert len(stored) > 10
    assert [line for line in stored if squeezed(line) not in shown] == []


@pytest.mark.parametrize("source", EXERCISES, ids=lambda path: path.stem)
def test_prompts_of_exercises_are_there_and_no_solution(source: Path) -> None:
    titles = re.findall(r"^## (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    shown = text_of(built(source))

    assert [title for title in titles if squeezed(title) not in shown] == []
    assert "YOURCODEHERE" in shown
    assert "BEGINSOLUTION" not in shown


class Reader(HTMLParser):
    """What a page says, where it leads to, and what can be pointed at."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id" and value:
                self.anchors.add(value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


read = functools.cache(Reader)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@functools.cache
def text_of(page: Path) -> str:
    return squeezed("".join(read(page).text))


def test_each_link_leads_to_a_page_and_a_place_on_it() -> None:
    broken = []
    for page in PAGES:
        for link in read(page).links:
            path, anchor = urldefrag(link)
            if urlsplit(link).scheme:
                continue
            target = (page.parent / unquote(urlsplit(path).path)).resolve() if path else page
            known = read(target).anchors if target.suffix == ".html" and target.is_file() else set()
            there = target.is_relative_to(BOOK) and target.is_file()
            if not there or (anchor and unquote(anchor) not in known):
                broken.append(f"{page.relative_to(BOOK)}: {link}")

    assert len(PAGES) > 30
    assert broken == []


# ----------------------------------------------------------------- the reference


# What notebooks call of Python's own; something inside the package is called so, too.
NAMES_OF_OTHERS = {"_repr_html_", "ping", "socket"}.union(
    *map(dir, (str, bytes, list, dict, set, asyncio, threading.Thread))
)


def python_of_readers() -> Iterator[ast.Module]:
    """The Python of the README and of the notebooks, as readers run it."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    sources = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    sources += re.findall(r"`([a-z_.]+\([^`]*\))`", readme)
    for path in [*NOTEBOOKS, *EXERCISES]:
        sources += ["".join(cell["source"]) for cell in cells(path, "code")]  # type: ignore[arg-type]
    for source in sources:
        if not source.lstrip().startswith("%"):
            yield compile(
                source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )


def names_of_package() -> set[str]:
    """Each name of a class, function, method or attribute that the package defines."""
    names = set()
    for path in (REPOSITORY / "astra_nb").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    return names


def test_every_name_that_the_readme_or_a_notebook_uses_is_in_the_reference() -> None:
    # Four lines of text, then, compressed, one line for each name.
    packed = (BOOK / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(packed).decode().splitlines()
    documented = {
        line.split()[0].rpartition(".")[2] for line in lines if line.split()[1].startswith("py:")
    }
    imported, attributes = set(), set()
    for tree in python_of_readers():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("astra_nb"):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute):
                attributes.add(node.attr)

    assert {"connect", "http", "echo", "explain"} <= imported
    assert {"send_text", "wait_for", "panel"} <= attributes
    assert sorted(imported - documented) == []
    for module in (astra_nb, astra_nb.exercises, astra_nb.testing):
        assert sorted(set(module.__all__) - documented) == [], module.__name__
    assert sorted(attributes & names_of_package() - documented - NAMES_OF_OTHERS) == []


# ------------------------------------------------------------------- in a browser


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture(params=THEMES)
def page(
    chromium: Browser, request: pytest.FixtureRequest, complaints: list[str]
) -> Iterator[Page]:
    """A page in one of the themes, whose errors and whose requests to others are written down."""
    context = chromium.new_context(color_scheme=request.param)
    opened = context.new_page()

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before its icon came
            complaints.append(f"{request.failure}: {request.url}")

    opened.on("console", heard)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", failed)
    opened.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "data:", "http://127.0.0.1:"))
            else complaints.append(f"from outside: {request.url}")
        ),
    )
    yield opened
    context.close()


@pytest.mark.timeout(600)  # there are about fifty pages
def test_every_page_opens_from_its_file_without_a_request_to_anyone(
    page: Page, complaints: list[str]
) -> None:
    for path in PAGES:
        if path.parent != BOOK or path.name != "index.html":  # which leads to the first page
            page.goto(path.as_uri())
            assert page.title()

    assert complaints == []


def test_the_first_page_says_what_it_is_and_has_a_picture_and_two_commands(
    page: Page, complaints: list[str]
) -> None:
    page.goto((BOOK / "index.html").as_uri())
    page.wait_for_url("**/docs/index.html")
    pictures = [image for image in page.locator("article img").all() if image.is_visible()]
    commands = page.locator("article pre").first.inner_text().split("\n")

    assert page.locator("h1").inner_text().startswith("astra_nb")
    assert len(pictures) == 1
    assert pictures[0].evaluate("image => image.naturalWidth") > 500
    assert (pictures[0].get_attribute("alt") or "").startswith("The live panel")
    assert [line.split()[0] for line in commands if line] == ["pip", "astra-nb"]
    assert complaints == []


SENTENCE = (
    "Seven bits are left for the length. Up to 125 they hold the length itself."  # of notebook 3
)


def found(page: Page, root: str, query: str) -> list[str]:
    page.goto(f"{root}/search.html?q={query}")
    ended = re.compile("finished|did not match")
    page.locator("#search-results .search-summary").filter(has_text=ended).wait_for()
    results = page.locator("#search-results li a").all()
    return [str(result.evaluate("link => link.href")) for result in results]


def test_the_search_finds_a_name_a_close_code_and_a_sentence(
    page: Page, complaints: list[str]
) -> None:
    name = found(page, BOOK.as_uri(), "send_fragments")
    code = found(page, BOOK.as_uri(), "1006")
    sentence = found(page, BOOK.as_uri(), SENTENCE)

    assert any("reference/sockets.html#astra_nb.WebSocket.send_fragments" in at for at in name)
    assert any("notebooks/07-closing.html" in at for at in code)
    assert [urlsplit(at).path.rpartition("/")[2] for at in sentence] == ["03-frames.html"]
    assert found(page, BOOK.as_uri(), "9876543210") == []
    assert complaints == []


def test_it_works_below_any_prefix(page: Page, complaints: list[str], tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "prefix").symlink_to(BOOK)
    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            root = f"http://127.0.0.1:{server.server_port}/some/prefix"
            page.goto(f"{root}/")
            page.wait_for_url("**/docs/index.html")
            page.locator(".sidebar-tree a", has_text="Closing").first.click()
            page.wait_for_url("**/notebooks/07-closing.html")
            assert found(page, root, "1006")
        finally:
            server.shutdown()
            thread.join()

    assert complaints == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


def test_axe_finds_nothing_that_shuts_people_out(page: Page) -> None:
    page.goto(built(NOTEBOOKS[0]).as_uri())
    violations = Axe().run(page).response["violations"]

    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []
