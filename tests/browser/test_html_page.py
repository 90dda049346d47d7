"""A log saved as one HTML page works from a file, without kernel and network."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from astra_nb import FrameLog, Server, connect
from tests.browser.console import Console
from tests.helpers import REPOSITORY


def saved(path: Path) -> FrameLog:
    server = Server(port=0)

    def echo(socket: object) -> None:
        for message in socket:  # type: ignore[attr-defined]
            if message.type == "text":
                socket.send_text(message.value)  # type: ignore[attr-defined]

    server.websocket("/", echo)
    with server:
        with connect(server.url, headers={"Cookie": "sid=swordfish"}) as client:
            client.send_text("</script><img src=x onerror=document.title='hacked'>")
            client.send_text('{"id": 9007199254740993}')
            client.send_fragments("text", ["one ", "two"])
            for _ in range(3):
                client.recv(5)
        faulty = connect(server.url)
        faulty.send_raw(b"\x83\x80\x00\x00\x00\x00")
        server.log.wait_for(kind="closed", count=2)
    server.log.save(path)
    return server.log


def test_a_saved_page_has_the_whole_panel(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "log.html"
    log = saved(path)
    page = chromium.new_page(viewport={"width": 1400, "height": 800})
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    panel = Console(page)
    expect(panel.tab("Frames")).to_contain_text(str(len(log)))
    expect(panel.state).to_have_text("a log")
    expect(panel.root.locator(".astra-composer")).to_be_hidden()
    expect(panel.root.locator(".astra-errors")).to_have_text("2 errors")
    panel.filter.fill("9007199254740993")
    expect(panel.rows()).to_have_count(2)
    panel.rows().first.click()
    expect(panel.body.locator(".astra-json-number")).to_have_text("9007199254740993")
    panel.tab("Bits").click()
    expect(panel.body.locator(".astra-figure")).to_be_visible()
    panel.tab("Handshake").click()
    expect(panel.body).to_contain_text("<hidden>")
    panel.filter.fill("<img")
    expect(panel.rows()).to_have_count(2)
    panel.filter.fill("")
    panel.choose("2 frames joined")
    panel.tab("Payload").click()
    expect(panel.body.locator(".astra-text")).to_have_text("one two")
    panel.list.press("n")
    expect(panel.root.locator(".astra-chosen")).to_contain_text("reserved")
    panel.tab("Sequence").click()
    expect(panel.rows().last.locator(".astra-ladder")).to_be_visible()
    arrow = panel.root.locator(".astra-tip polygon").first
    expect(arrow).to_have_attribute("points", re.compile(r"^0\.0 10\.0 -?7\.0 "))
    panel.tab("Connections").click()
    expect(panel.root.locator(".astra-connection-row")).to_have_count(2)
    artifacts = REPOSITORY / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / "saved-page.png").write_bytes(page.screenshot())
    assert page.title() != "hacked"
    assert page.locator("img").count() == 0
    assert [url for url in requests if not re.match("file:|blob:|data:", url)] == []
    assert "swordfish" not in path.read_text(encoding="utf-8")
    assert errors == []
    page.close()
