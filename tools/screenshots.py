"""Take the README's pictures of the panel from a real JupyterLab, light and dark, and an animation.

Run by `make screenshots`; needs a Chromium, as the browser tests do.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
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
panel.connect("/chat")
panel.send_ping(b"still there?", by=3)
server.log.wait_for(type="pong", count=2)
panel.send_text(json.dumps({"move": "e4", "clock": [300, 298]}), by=3)
server.log.wait_for(type="text", text="You said: {")
""",
)

SHORT = 'panel.connect("/chat")'


def take(lab: Lab, theme: Theme) -> Path:
    """Run the notebook in this theme and store the picture of its panel."""
    lab.set_theme(theme)
    lab.write(f"{theme}.ipynb", [source.strip() for source in CELLS])
    notebook = lab.open(f"{theme}.ipynb", width=WIDTH, height=HEIGHT)
    notebook.run_all()
    errors = notebook.errors()
    if errors:
        raise SystemExit("\n".join(errors))
    panel = notebook.page.locator(".astra-console")
    row(panel, '"{"move').first.click()
    panel.locator(".astra-json").wait_for()
    panel.get_by_role("tab", name="Bits").click()
    panel.get_by_role("button", name="masking key").first.hover()
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"panel-{theme}.png"
    # Written here: given a path, Playwright would write in a thread that never ends.
    path.write_bytes(panel.screenshot())
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes, more than {LARGEST:,}")
    return path


def animate(lab: Lab) -> Path:
    """Store an animation (APNG) of a message that is typed, sent and answered."""
    lab.set_theme("light")
    lab.write("message.ipynb", [source.strip() for source in (CELLS[0], SHORT)])
    notebook = lab.open("message.ipynb", width=1400, height=900)
    notebook.run_all()
    panel = notebook.page.locator(".astra-console")
    panel.evaluate("(panel) => { panel.style.height = '360px'; panel.style.width = '900px'; }")
    panel.locator(".astra-to").select_option("c1")
    field = panel.locator(".astra-payload")
    pictures = [panel.screenshot()]
    for typed in ("Hel", "Hello, s", "Hello, server"):
        field.fill(typed)
        pictures.append(panel.screenshot())
    field.press("Enter")
    row(panel, "You said: Hello, server").wait_for()
    pictures.append(panel.screenshot())
    row(panel, "You said: Hello, server").click()
    panel.locator(".astra-text").wait_for()
    pictures.append(panel.screenshot())
    path = IMAGES / "panel-message.png"
    path.write_bytes(animated(pictures, [800, 250, 250, 600, 1500, 3000]))
    return path


def animated(pictures: Sequence[bytes], milliseconds: Sequence[int]) -> bytes:
    """Join PNG pictures of one size to an animated one (APNG)."""
    first = list(chunks(pictures[0]))
    out = [(b"IHDR", first[0][1]), (b"acTL", struct.pack(">II", len(pictures), 0))]
    number = 0
    size = first[0][1][:8]
    for index, (picture, shown) in enumerate(zip(pictures, milliseconds, strict=True)):
        control = struct.pack(">I", number) + size + struct.pack(">IIHHBB", 0, 0, shown, 1000, 0, 0)
        out.append((b"fcTL", control))
        number += 1
        for name, data in chunks(picture):
            if name == b"IDAT" and index == 0:
                out.append((name, data))
            elif name == b"IDAT":
                out.append((b"fdAT", struct.pack(">I", number) + data))
                number += 1
    out.append((b"IEND", b""))
    return pictures[0][:8] + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in out
    )


def chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the data of each part of a PNG picture."""
    at = 8
    while at < len(picture):
        [length] = struct.unpack_from(">I", picture, at)
        yield picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        at += 12 + length


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
        print(animate(lab).relative_to(REPOSITORY))
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
