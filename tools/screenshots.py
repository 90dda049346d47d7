"""Take the README's pictures of the panel from a real JupyterLab, light and dark.

Run by `make screenshots`; needs a Chromium, as the browser tests do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import get_args

from playwright.sync_api import Browser, Locator, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.browser.conftest import CHROMIUM_OPTIONS, NO_CHROMIUM  # noqa: E402
from tests.browser.lab import Lab, Theme, find_chromium  # noqa: E402
from tests.jupyter_server import JupyterServer  # noqa: E402

IMAGES = REPOSITORY / "docs" / "images"
LARGEST = 300_000  # bytes of a picture
WIDTH, HEIGHT = 1480, 1300

CELLS = (
    """
from astra_nb import http, connect
import json

server = http.server.new(port=0)

@server.websocket("/chat")
def chat(socket):
    for message in socket:
        if message.type == "text":
            socket.send_text("You said: " + message.value)

server.run()
panel = server.panel()
panel
""",
    """
with connect(server.url + "chat") as first:
    first.send_text("Hello, server")
    first.recv()
    first.send_ping([0, 88, 14, 67, 45])
    first.recv()
    first.send_fragments("text", ["in ", "three ", "fragments"])
    first.recv()
    first.send_bytes([17, 38, 80, 0, 85])
faulty = connect(server.url + "chat")
faulty.send_raw([0x83, 0x80, 1, 2, 3, 4])
server.log.wait_for(kind="closed", count=2)
panel.client_path.value = "/chat"
panel.sender.value = "client"
panel.payload.value = json.dumps({"move": "e4", "clock": [300, 298]})
panel.buttons["ping"].click()
server.log.wait_for(type="pong", count=2)
panel.buttons["text"].click()
server.log.wait_for(type="text", text="You said: {")
""",
)


def take(lab: Lab, theme: Theme) -> Path:
    """Run the notebook in this theme and store the picture of its panel."""
    lab.set_theme(theme)
    lab.write(f"{theme}.ipynb", [source.strip() for source in CELLS])
    notebook = lab.open(f"{theme}.ipynb", width=WIDTH, height=HEIGHT)
    notebook.run_all()
    errors = notebook.errors()
    if errors:
        raise SystemExit("\n".join(errors))
    panel = notebook.page.locator(".jupyter-widgets.astra-panel")
    row(panel, '"{"move').first.click()
    panel.locator(".astra-json").first.wait_for()
    panel.get_by_role("button", name="masking key").first.hover()
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"panel-{theme}.png"
    # Written here: given a path, Playwright would write in a thread that never ends.
    path.write_bytes(panel.screenshot())
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes, more than {LARGEST:,}")
    return path


def row(panel: Locator, text: str) -> Locator:
    return panel.locator(".astra-space .astra-row:not([hidden])").filter(has_text=text)


def take_all(browser: Browser, themes: list[Theme]) -> None:
    options = ["--LabApp.expose_app_in_browser=True"]
    with (
        tempfile.TemporaryDirectory() as folder,
        JupyterServer(Path(folder), options=options) as server,
    ):
        lab = Lab(server, browser)
        for theme in themes:
            print(take(lab, theme).relative_to(REPOSITORY))
        lab.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("themes", nargs="*", help="light, dark; default: both")
    themes = parser.parse_args().themes or list(get_args(Theme))
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        take_all(browser, themes)
        browser.close()


if __name__ == "__main__":
    main()
