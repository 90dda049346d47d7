"""The fixtures of the browser tests: one Jupyter server, one Chromium, a fresh page per test."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Sequence

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.lab import Lab, NotebookPage, find_chromium
from tests.jupyter_server import JupyterServer

NO_CHROMIUM = (
    "no Chromium on this machine: install one (Debian, Ubuntu: sudo apt install chromium) "
    "or name one: CHROMIUM=/path/to/chromium make browser-test"
)

# Nothing of this leaves the machine, and no sandbox inside a container's own.
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record on the item whether its test failed, for the fixtures."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark whatever lies in this folder."""
    item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A Chromium without a window."""
    path = find_chromium()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(NO_CHROMIUM, pytrace=False)
        pytest.skip(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def jupyter(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """JupyterLab and Notebook 7, served from an empty folder."""
    server = JupyterServer(
        tmp_path_factory.mktemp("jupyter"),
        options=[
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ],
    )
    with server:
        yield server


@pytest.fixture
def lab(jupyter: JupyterServer, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A person at the browser: opens notebooks, runs cells, looks at what they show.

    A test that fails leaves a picture of each of its pages under `artifacts/`.
    """
    lab = Lab(jupyter, chromium)
    yield lab
    take_pictures(request.node, lab.pages)
    lab.close()


@pytest.fixture(scope="session")
def open_desk(jupyter: JupyterServer, chromium: Browser) -> Iterator[NotebookPage]:
    """The notebook of `desk`."""
    lab = Lab(jupyter, chromium)
    lab.write("desk.ipynb", [""])
    jupyter.kept.add("desk.ipynb")
    yield lab.open("desk.ipynb")
    lab.close()


@pytest.fixture
def desk(open_desk: NotebookPage, request: pytest.FixtureRequest) -> Iterator[NotebookPage]:
    """A notebook that stays open from test to test: to open one takes seconds.

    A test begins with `desk.begin([...])`. Those that load the page again, end its kernel or want
    a theme need a `lab`.
    """
    yield open_desk
    take_pictures(request.node, [open_desk])
    errors = list(open_desk.console_errors)
    open_desk.console_errors.clear()
    assert errors == []


def take_pictures(test: pytest.Item, pages: Sequence[NotebookPage]) -> None:
    """Store pictures of the pages of a test that failed."""
    if not test.stash.get(FAILED, False):
        return
    for number, page in enumerate(pages):
        name = re.sub(r"\W+", "-", test.name).strip("-")
        print(f"the page when the test failed: {page.screenshot(f'failed-{name}-{number}')}")
