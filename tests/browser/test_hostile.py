"""What strangers send is shown in every part of the panel, and nowhere acted on."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from astra_nb import FrameLog
from astra_nb.wire.frames import encode
from tests.browser.console import Console, open_panel
from tests.browser.lab import NotebookPage
from tests.hostile import ACTIVE, HOSTILE

WALK = Path(__file__).with_name("walk.js").read_text(encoding="utf-8")
FIRST = """
from astra_nb import FrameLog
from astra_nb.wire.frames import encode
from tests.hostile import HOSTILE
log = FrameLog()
for opcode, payload in HOSTILE:
    log.append_frames(1, "server", "received", encode(opcode, payload, key=bytes(4)), 1)
panel = log.panel()
panel
"""
TABS = ["Payload", "Bits", "Handshake", "Why"]


def walk(page: Page, tabs: list[str]) -> None:
    seen, wrong = page.evaluate(WALK, [ACTIVE.pattern.replace("\\x", "\\u00"), tabs])
    assert wrong == []
    assert seen == len(HOSTILE)


def test_every_part_of_the_panel_shows_it_as_text(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk, first=FIRST)
    expect(panel.tab("Frames")).to_contain_text(str(len(HOSTILE)))
    walk(panel.page, TABS)
    panel.list.press("Home")
    panel.list.press("m")  # the row that is shown soon
    expect(panel.sentence).to_contain_text("Frame 1 is pinned")
    walk(panel.page, [])
    expect(panel.tab("Compare")).to_have_attribute("aria-selected", "true")
    for text in ("<img src=x", "gnp.exe", "nul", '{"a":{"a":', "^A{5}"):
        panel.filter.fill(text)
        expect(panel.found).to_contain_text(f"of {len(HOSTILE)} records")
    assert panel.page.title() != "hacked"


def test_a_saved_page_shows_it_as_text(chromium: Browser, tmp_path: Path) -> None:
    log = FrameLog()
    for opcode, payload in HOSTILE:
        log.append_frames(1, "server", "received", encode(opcode, payload, key=bytes(4)), 1)
    path = tmp_path / "hostile.html"
    log.save(path)
    assert path.stat().st_size < 2**21
    page = chromium.new_page(viewport={"width": 1400, "height": 800})
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    expect(Console(page).tab("Frames")).to_contain_text(str(len(HOSTILE)))
    walk(page, TABS)
    assert errors == []
    page.close()


def test_the_composer_takes_it_as_text(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    for text in ("<img src=x onerror=hacked()>", "\u202egnp.exe", '{"a": "</script>"}'):
        panel.send("text", text)
        expect(panel.sentence).to_contain_text("Sent text")
        assert ACTIVE.search(panel.code.inner_text()) is None
    panel.button("Saved…").click()
    panel.button("Save this payload").click()
    expect(panel.root.locator(".astra-drawer")).to_contain_text('{"a": "</script>"}')
    panel.root.locator(".astra-reason").fill("\u202e<b>reason</b>")
    panel.button("Send text").focus()
    panel.list.press("End")
    panel.list.press("e")
    expect(panel.sentence).to_contain_text("it goes to")
    assert panel.root.locator("img, script").count() == 0
