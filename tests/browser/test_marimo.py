"""The panel in marimo, which shows anywidgets and no other ipywidgets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.console import Console
from tests.helpers import REPOSITORY, free_port

NOTEBOOK = """
import marimo
app = marimo.App()

@app.cell
def _():
    from astra_nb import http
    server = http.server.new(port=0)

    def echo(socket):
        for message in socket:
            if message.type == "text":
                socket.send_text(message.value)

    server.websocket("/", echo)
    server.run()
    panel = server.panel()
    panel
    return

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of marimo, which runs the notebook as an app."""
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", "--headless", "--no-token"]
    marimo = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "-p", str(port), "notebook.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert marimo.stdout is not None
        for line in marimo.stdout:
            if "URL" in line:
                break
        yield f"http://127.0.0.1:{port}/"
    finally:
        marimo.terminate()
        marimo.communicate(timeout=20)


def test_the_panel_shows_and_sends(chromium: Browser, address: str) -> None:
    page = chromium.new_page(viewport={"width": 1300, "height": 900})
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    panel = Console(page)
    expect(panel.rows("Listening")).to_be_visible()
    expect(panel.state).to_have_text("listening")
    panel.open_client()
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"')).to_have_count(2)
    panel.choose(re.compile('text.*"Hello"'))
    expect(panel.body.locator(".astra-text")).to_have_text("Hello")
    panel.filter.fill("hello")
    expect(panel.rows()).to_have_count(2)
    assert errors == []
    page.close()
