"""A person at JupyterLab or Notebook 7, as far as a test needs one.

A test reads::

    def test_echo(lab):
        lab.write("echo.ipynb", ["1 + 1"])
        page = lab.open("echo.ipynb")
        page.run_all()
        assert page.cell(0).text == "2"
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import nbformat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page

from tests.helpers import REPOSITORY
from tests.jupyter_server import JupyterServer

App = Literal["lab", "notebook"]
Theme = Literal["light", "dark"]

# A workspace of its own for each page: the default one would bring back what was open before.
PATHS: dict[App, str] = {"lab": "lab/workspaces/{workspace}/tree", "notebook": "notebooks"}
THEMES: dict[Theme, str] = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
LIGHT: dict[Theme, str] = {"light": "true", "dark": "false"}
ARTIFACTS = REPOSITORY / "artifacts"
TIMEOUT = 60.0  # seconds until a page or a cell that should be ready counts as stuck

# What the front ends themselves write to the console as errors, with where it comes from.
FRONT_END_NOISE = (
    # A kernel that a test ended on purpose is asked for once more.
    re.compile(r"Failed to load resource.*\b404\b.*/api/(kernels|sessions|terminals)/"),
    # The debugger asks a kernel that is being restarted.
    re.compile(r"^Could not restore the debugger state: Canceled future for debug_request"),
    # JupyterLab has not opened, since the page was loaded, what the kernel closes with its panel.
    re.compile(r"^Comm not found for comm id [0-9a-f]{32} "),
    # Notebook 7.6 writes these two while it opens any notebook, before a cell runs.
    re.compile(r"^uncaught: Cannot read properties of undefined \(reading 'schema'\)$"),
    re.compile(r"^uncaught: Command 'filebrowser:open-path' not registered\.$"),
)

FIND_PANEL = """
() => {
    const app = globalThis.jupyterapp;
    const panel = app?.shell?.currentWidget;
    return panel?.content?.model ? panel : null;
}
"""

# No promise in here: to Playwright, which polls this, a pending promise is as good as true.
READY = f"""
() => {{
    const panel = ({FIND_PANEL})();
    return panel !== null && panel.context.isReady && panel.isVisible
        && panel.sessionContext.session?.kernel?.status === "idle";
}}
"""

CELL = f"(index) => ({FIND_PANEL})().content.model.cells.get(index)"

# Executes, and tells later how that ended: a page function with an await in it has no deadline.
EXECUTE = """
([command, slot]) => {
    globalThis.astraTest ??= {};
    globalThis.astraTest[slot] = "running";
    globalThis.jupyterapp.commands.execute(command).then(
        () => { globalThis.astraTest[slot] = "done"; },
        (reason) => { globalThis.astraTest[slot] = `failed: ${reason}`; },
    );
}
"""

WITH_CELLS = f"""
(cells) => {{
    const notebook = ({FIND_PANEL})().content.model.sharedModel;
    notebook.deleteCellRange(0, notebook.cells.length);
    notebook.insertCells(0, cells.map((source) => ({{ cell_type: "code", source }})));
}}
"""

# Silently, so that it is not one of the test's cells.
EMPTY_KERNEL = f"""
(code) => {{
    const {{ kernel }} = ({FIND_PANEL})().sessionContext.session;
    globalThis.astraTest = {{ emptied: "" }};
    kernel.requestExecute({{ code, silent: true, store_history: false }}).done.then(
        ({{ content }}) => {{ globalThis.astraTest.emptied = content.evalue ?? "done"; }},
    );
}}
"""
EMPTY = """
import ipywidgets
from astra_nb import Server, Tap
for each in list(globals().values()):
    if isinstance(each, (Server, Tap)):
        each.shutdown()
ipywidgets.Widget.close_all()
get_ipython().run_line_magic("reset", "-sf")
"""


def find_chromium() -> str | None:
    """The Chromium of this machine: $CHROMIUM, or the first of the usual names."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return chosen
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


class Cell:
    """One cell of an open notebook, counted from 0 among all cells, as in the file."""

    def __init__(self, notebook: NotebookPage, index: int) -> None:
        self.notebook = notebook
        self.index = index

    @property
    def locator(self) -> Locator:
        """The cell on the page, scrolled to, because far cells are not in the page at all."""
        self.notebook.page.evaluate(
            f"(index) => ({FIND_PANEL})().content.scrollToItem(index, 'smart')", self.index
        )
        selector = f'.jp-WindowedPanel-viewport [data-windowed-list-index="{self.index}"]'
        return self.notebook.page.locator(f"{selector}.jp-Cell, {selector} .jp-Cell").first

    @property
    def output(self) -> Locator:
        """The cell's output area on the page, widgets among it."""
        return self.locator.locator(".jp-Cell-outputArea")

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs as the notebook would store them."""
        found: list[dict[str, Any]] = self.notebook.page.evaluate(
            f"(index) => ({CELL})(index).outputs.toJSON()", self.index
        )
        return found

    @property
    def text(self) -> str:
        """All that the outputs say as plain text."""
        parts = []
        for output in self.outputs:
            if output["output_type"] == "stream":
                parts.append(join(output["text"]))
            elif output["output_type"] == "error":
                parts.append(f"{output['ename']}: {output['evalue']}\n")
            else:
                parts.append(join(output["data"].get("text/plain", "")) + "\n")
        return "".join(parts).removesuffix("\n")

    @property
    def execution_count(self) -> int | None:
        count: int | None = self.notebook.page.evaluate(
            f"(index) => ({CELL})(index).executionCount ?? null", self.index
        )
        return count

    def run(self, *, wait: bool = True, timeout: float = TIMEOUT) -> None:
        """Run the cell and wait for its end, or with `wait=False` leave it running."""
        self.notebook.page.evaluate(
            f"(index) => {{ const n = ({FIND_PANEL})().content;"
            " n.deselectAll(); n.activeCellIndex = index; }",
            self.index,
        )
        self.notebook.execute("notebook:run-cell", wait=wait, timeout=timeout)

    def wait_for_text(self, text: str, timeout: float = TIMEOUT) -> None:
        """Wait until the outputs hold a text, on the page or in the notebook's own record."""
        self.notebook.page.wait_for_function(
            f"([index, text]) => JSON.stringify(({CELL})(index).outputs.toJSON())"
            ".includes(JSON.stringify(text).slice(1, -1))",
            arg=[self.index, text],
            timeout=timeout * 1000,
        )


class NotebookPage:
    """A notebook, open in a page of its own.

    Attributes:
        page: Playwright's page, for all that is not here.
        console_errors: What the console and uncaught exceptions said, without the front ends'
            own known noise. A test that provokes some empties the list; what is in it at the
            test's end fails the test.
    """

    def __init__(self, lab: Lab, context: BrowserContext, name: str, app: App) -> None:
        self.lab = lab
        self.name = name
        self.app = app
        self.context = context
        self.console_errors: list[str] = []
        self._workspace = secrets.token_hex(4)
        self.page: Page = context.new_page()
        self.page.on("console", self._note_console)
        self.page.on("pageerror", self._note_exception)
        self.load()

    def load(self) -> None:
        """Load the page, anew if it was loaded before, and wait for notebook and kernel."""
        folder = PATHS[self.app].format(workspace=self._workspace)
        url = f"{self.lab.server.url}{folder}/{quote(self.name)}?token={self.lab.server.token}"
        self.page.goto(url)
        self.wait_for_kernel()

    def wait_for_kernel(self, timeout: float = TIMEOUT) -> None:
        """Wait until the notebook stands on the page and its kernel is idle."""
        self.page.wait_for_function(READY, timeout=timeout * 1000)

    def begin(self, cells: Sequence[str]) -> None:
        """Begin with other cells and an emptied kernel, which is faster than another page."""
        self.page.evaluate(EMPTY_KERNEL, EMPTY)
        self.page.wait_for_function("() => astraTest.emptied !== ''", timeout=TIMEOUT * 1000)
        assert self.page.evaluate("() => astraTest.emptied") == "done"
        self.page.evaluate(WITH_CELLS, list(cells))

    def cell(self, which: int | str) -> Cell:
        """A cell by its place among all cells, from 0, or by its id."""
        if isinstance(which, int):
            return Cell(self, which if which >= 0 else self._count() + which)
        index: int = self.page.evaluate(
            f"(id) => Array.from(({FIND_PANEL})().content.model.cells)"
            ".findIndex((cell) => cell.id === id)",
            which,
        )
        if index < 0:
            raise LookupError(f"{self.name} has no cell with the id {which!r}")
        return Cell(self, index)

    def run_all(self, timeout: float = TIMEOUT) -> None:
        """Run all cells, in order, and wait for the last one's end; an error ends it early."""
        self.execute("notebook:run-all-cells", timeout=timeout)

    def execute(self, command: str, *, wait: bool = True, timeout: float = TIMEOUT) -> None:
        """Execute one of the front end's commands, by its id, and wait until it ended."""
        slot = f"{command}-{id(object())}"
        self.page.evaluate(EXECUTE, [command, slot])
        if not wait:
            return
        self.page.wait_for_function(
            "(slot) => globalThis.astraTest[slot] !== 'running'", arg=slot, timeout=timeout * 1000
        )
        ended = self.page.evaluate("(slot) => globalThis.astraTest[slot]", slot)
        assert ended == "done", f"{command} {ended}"

    def kernel(self, method: Literal["restart", "interrupt"]) -> None:
        """Restart or interrupt the kernel, without the question that a person is asked."""
        self.page.evaluate(
            f"(method) => {{ ({FIND_PANEL})().sessionContext.session.kernel[method](); }}", method
        )
        if method == "restart":
            self.wait_for_kernel()

    def save(self) -> nbformat.NotebookNode:
        """Save the notebook and give what is in the file."""
        self.execute("docmanager:save")
        return nbformat.read(self.lab.server.root / self.name, as_version=4)

    def errors(self) -> list[str]:
        """The error outputs of all cells, in order, with the number of the cell."""
        found = []
        for index in range(self._count()):
            kind = self.page.evaluate(f"(index) => ({CELL})(index).type", index)
            for output in self.cell(index).outputs if kind == "code" else []:
                if output["output_type"] == "error":
                    found.append(f"cell {index}: {output['ename']}: {output['evalue']}")
        return found

    def set_theme(self, theme: Theme) -> None:
        """Change to the light or dark theme, as the settings menu does."""
        self.lab.set_theme(theme)
        if not self.shows_theme(theme):
            self.page.evaluate(
                "(theme) => { globalThis.jupyterapp.commands.execute("
                "'apputils:change-theme', { theme }); }",
                THEMES[theme],
            )
        self.page.locator(f"body[data-jp-theme-light='{LIGHT[theme]}']").wait_for(state="attached")

    def shows_theme(self, theme: Theme) -> bool:
        return self.page.locator("body").get_attribute("data-jp-theme-light") == LIGHT[theme]

    def screenshot(self, name: str, part: Locator | None = None) -> Path:
        """Store a picture of the page, or of a part, under `artifacts/`, and give its path."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        # Written here: given a path, Playwright would write in a thread that never ends.
        path.write_bytes((part or self.page).screenshot())
        return path

    def close(self) -> None:
        """Close the page, without the question about unsaved changes."""
        self.context.close()

    def _count(self) -> int:
        count: int = self.page.evaluate(f"() => ({FIND_PANEL})().content.model.cells.length")
        return count

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"{message.text} ({message.location.get('url', '')})")

    def _note_exception(self, error: Error) -> None:
        self._note(f"uncaught: {error.message}")

    def _note(self, text: str) -> None:
        if not any(noise.search(text) for noise in FRONT_END_NOISE):
            self.console_errors.append(text)


class Lab:
    """A Jupyter server and a browser, with what one test opened in them."""

    def __init__(self, server: JupyterServer, browser: Browser) -> None:
        self.server = server
        self.browser = browser
        self.pages: list[NotebookPage] = []
        self.contexts: list[BrowserContext] = []
        self.set_theme("light")

    def write(self, name: str, cells: Sequence[str], *, markdown: Sequence[int] = ()) -> Path:
        """Write a notebook from the sources of its cells; those listed in `markdown` are text."""
        new = nbformat.v4
        notebook = new.new_notebook(
            cells=[
                new.new_markdown_cell(source, id=f"cell-{index}")
                if index in markdown
                else new.new_code_cell(source, id=f"cell-{index}")
                for index, source in enumerate(cells)
            ],
            metadata={
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
            },
        )
        path = self.server.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    def add(self, source: Path, name: str | None = None) -> str:
        """Copy a notebook into the served folder and give its name there."""
        name = name or source.name
        target = self.server.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return name

    def open(
        self, name: str, *, app: App = "lab", width: int = 1400, height: int = 1000
    ) -> NotebookPage:
        """Open a notebook of the served folder, with a kernel of its own."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, locale="en-US", reduced_motion="reduce"
        )
        self.contexts.append(context)
        page = NotebookPage(self, context, name, app)
        self.pages.append(page)
        return page

    def set_theme(self, theme: Theme) -> None:
        """Choose the theme of pages opened or loaded from now on."""
        plugin = "@jupyterlab/apputils-extension/themes"
        self.server.set_setting(plugin, {"theme": THEMES[theme], "adaptive-theme": False})

    def close(self) -> None:
        """Close what was opened, end the kernels, and fail on what the console said."""
        errors = {page.name: page.console_errors for page in self.pages if page.console_errors}
        for context in self.contexts:
            context.close()
        self.server.shut_down_sessions()
        assert not errors, f"errors in the browser's console: {json.dumps(errors, indent=2)}"


def join(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
