"""A panel on a page, as a person sees it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import App, Lab, NotebookPage

EXPECT_TIMEOUT = 10_000  # milliseconds until something that should be on the page counts as missing

expect.set_options(timeout=EXPECT_TIMEOUT)

ECHO = """
from astra_nb import http, connect, tap
server = http.server.new(port=0)

@server.websocket("/")
def echo(socket):
    for message in socket:
        if message.type == "text":
            socket.send_text(message.value)

server.run()
"""
SERVER = ECHO + "panel = server.panel()\npanel\n"


class Console:
    """A panel, by what a person sees of it."""

    def __init__(self, page: Page, number: int = 0) -> None:
        self.page = page
        self.root = page.locator(".astra-console").nth(number)
        self.list = self.root.locator(".astra-rows")
        self.inspector = self.root.locator(".astra-inspector")
        self.title = self.inspector.locator(".astra-title")
        self.body = self.inspector.locator(".astra-inspector-body")
        self.sentence = self.root.locator(".astra-sentence")
        self.code = self.root.locator(".astra-code")
        self.health = self.root.locator(".astra-health")
        self.state = self.root.locator(".astra-status .astra-state")
        self.filter = self.root.locator(".astra-filter")
        self.found = self.root.locator(".astra-found")
        self.payload = self.root.locator(".astra-payload")
        self.to = self.root.locator(".astra-to")

    def button(self, name: str | re.Pattern[str]) -> Locator:
        exact = isinstance(name, str)
        return self.root.get_by_role("button", name=name, exact=exact).filter(visible=True)

    def tab(self, name: str) -> Locator:
        return self.root.get_by_role("tab", name=re.compile(f"^{name}")).filter(visible=True)

    def rows(self, text: str | re.Pattern[str] = "") -> Locator:
        rows = self.root.locator(".astra-row:not([hidden])").filter(visible=True)
        return rows.filter(has_text=text) if text else rows

    def choose(self, text: str | re.Pattern[str]) -> None:
        """Choose the newest row with this text, and wait for its detail."""
        self.rows(text).last.click()
        number = self.root.locator(".astra-chosen .astra-no").inner_text()
        expect(self.title).to_contain_text(re.compile(rf"^{number}\b"))
        expect(self.body).not_to_have_attribute("aria-busy", "true")

    def open_client(self) -> None:
        """Open a client in the kernel, and send from it."""
        self.button("Connect…").click()
        self.button(re.compile("^(Open a client|Connect)$")).click()
        expect(self.sentence).to_contain_text("A client in the kernel has connected")
        self.button("Connect…").click()
        number = self.sentence.inner_text().rsplit("#", 1)[1].rstrip(".")
        self.to.select_option(f"c{number}")

    def send(self, type: str, payload: str | None = None) -> None:
        if payload is not None:
            self.payload.fill(payload)
        self.button(f"Send {type}").click()

    def numbers(self) -> list[int]:
        """The numbers of the rows in sight, from top to bottom; each has a place of its own."""
        rows: list[list[int]] = self.root.evaluate(
            "(root) => [...root.querySelectorAll('.astra-row:not([hidden])')].map("
            "(row) => [Math.round(row.getBoundingClientRect().top), Number(row.dataset.number)])"
        )
        assert len({top for top, _ in rows}) == len(rows)
        return [number for _, number in sorted(rows)]


def open_panel(
    where: Lab | NotebookPage, *cells: str, width: int = 1600, height: int = 1000,
    app: App = "lab", first: str = SERVER,
) -> tuple[Console, NotebookPage]:  # fmt: skip
    """Show the panel of a first cell, in a page of its own or in the one that is open."""
    if isinstance(where, NotebookPage):
        notebook = where
        notebook.page.set_viewport_size({"width": width, "height": height})
        notebook.begin([first, *cells])
    else:
        where.write("panel.ipynb", [first, *cells])
        notebook = where.open("panel.ipynb", width=width, height=height, app=app)
    notebook.cell(0).run()
    assert notebook.errors() == []
    console = Console(notebook.page)
    expect(console.rows().first).to_be_visible()
    return console, notebook


def run(notebook: NotebookPage, index: int) -> str:
    """Run a cell and give what it printed."""
    cell = notebook.cell(index)
    cell.run()
    assert notebook.errors() == []
    return cell.text
