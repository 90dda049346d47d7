"""Notebook 1 as a person runs it: JupyterLab, a real Chromium, the snippet in the console."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab, NotebookPage, Theme
from tests.helpers import REPOSITORY

NOTEBOOK = REPOSITORY / "notebooks" / "01-websocket-server.ipynb"
CODE_CELLS = [
    cell.id for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"
]
SNIPPET = CODE_CELLS.index("s6-snippet") + 1

# What the snippet says, apart from what the page itself writes to the console.
LISTEN = """
() => {
    globalThis.astraSaid = [];
    const log = console.log.bind(console);
    console.log = (...words) => { globalThis.astraSaid.push(words.join(" ")); log(...words); };
}
"""
SAID = """
([line, count]) => globalThis.astraSaid.filter((said) => said === line).length === count
"""


def run(page: NotebookPage, cells: list[str]) -> None:
    for name in cells:
        page.cell(name).run()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_runs_from_top_to_bottom_and_shows_each_step(lab: Lab, theme: Theme) -> None:
    lab.set_theme(theme)
    page = lab.open(lab.add(NOTEBOOK))

    page.run_all()

    assert page.errors() == []
    assert page.shows_theme(theme)
    assert page.cell("s1-new").text == "127.0.0.1 8080"
    assert page.cell("s4-run").text.startswith("Connection opened!\n")
    # The handler printed on while later cells ran, below the cell that had called run().
    page.cell("s5-client").wait_for_text("Message(type='text', value='Hello from the kernel!')")
    assert page.cell("s11-pong").text.endswith("\n8a 05 11 26 50 00 55")
    expect(page.cell("s12-close").output.locator("caption")).to_have_text("Log: 3 records")
    assert page.cell("s13-code").text.endswith("it is 88 02 03 e8.")
    assert "the client reports 1005" in page.cell("s14-empty").text
    assert "the client reports 1006" in page.cell("s14-drop").text
    assert page.cell("s15-send").text.endswith("\n0 bytes: 88 00")
    expect(page.cell("live-panel").output).to_contain_text("Stopped listening")
    for name in ("raw-bytes", "live-panel", "s5-frames", "s6-snippet", "s12-close", "shutdown"):
        expect(page.cell(name).output).to_be_visible()
        page.screenshot(f"notebook-1-{theme}-{name}")


def test_the_snippet_connects_from_the_console(lab: Lab) -> None:
    page = lab.open(lab.add(NOTEBOOK))
    run(page, CODE_CELLS[:SNIPPET])
    printed = page.cell("s6-snippet").text
    documented = printed.replace("ws://127.0.0.1:", "http://localhost:")
    assert 'WebSocket("http://localhost:' in documented
    page.page.evaluate(LISTEN)

    for count, snippet in enumerate((printed, documented), start=1):
        # Each in a block of its own: outside the console a name is declared once.
        page.page.add_script_tag(content=f"{{{snippet}}}")
        page.page.wait_for_function(SAID, arg=["Connection opened!", count])

    received = "Message(type='text', value='Hello from the browser!')"
    page.cell("s5-client").wait_for_text(f"{received}\nConnection opened!\n{received}")
    expect(page.cell("live-panel").output).to_contain_text("Hello from the browser!")
    page.screenshot("notebook-1-console")
    run(page, CODE_CELLS[SNIPPET:])
    assert page.errors() == []
    # The page was still connected when the last cell shut the server down.
    page.page.wait_for_function(SAID, arg=["Close: 1001", 2])
    assert page.cell("shutdown").text.count("The server closed first with 1001") == 2
