"""The panel in a real browser: what is clicked is on the wire, and what is on the wire is seen."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from astra_nb.wire.close_codes import CLOSE_CODES
from tests.browser.lab import Lab, NotebookPage, Theme
from tests.helpers import wait_until

SERVER = """
from astra_nb import http, connect
server = http.server.new(port=0)

@server.websocket("/")
def echo(socket):
    for message in socket:
        if message.type == "text":
            socket.send_text(message.value)

server.run()
panel = server.panel()
panel
"""
EXPECT_TIMEOUT = 20_000  # milliseconds until something that should be on the page counts as missing

expect.set_options(timeout=EXPECT_TIMEOUT)


class Panel:
    """A panel on a page, as a person sees it."""

    def __init__(self, notebook: NotebookPage, number: int = 0) -> None:
        self.notebook = notebook
        self.root = notebook.page.locator(".jupyter-widgets.astra-panel").nth(number)
        self.log = self.root.locator(".astra-log")
        self.inspector = self.root.locator(".astra-inspector")
        self.sentence = self.root.locator(".astra-sentence")
        self.code = self.root.locator(".astra-code")

    def button(self, name: str) -> Locator:
        return self.root.locator(".astra-send").get_by_role("button", name=name, exact=True)

    def rows(self, text: str | re.Pattern[str]) -> Locator:
        return self.log.locator(".astra-space .astra-row:not([hidden])").filter(has_text=text)

    def choose(self, text: str) -> None:
        """Choose the newest row with this text, and wait for its detail."""
        self.rows(text).last.click()
        expect(self.inspector.locator(".astra-inspector-body > *").first).to_be_visible()

    def type(self, field: str, text: str) -> None:
        entry = self.root.locator(f".astra-{field} input")
        entry.fill(text)
        entry.blur()

    def tab(self, name: str) -> None:
        self.log.get_by_role("tab", name=name).click()


def open_panel(lab: Lab, *cells: str, width: int = 1400, app: Any = "lab") -> Panel:
    lab.write("panel.ipynb", [SERVER, *cells])
    notebook = lab.open("panel.ipynb", width=width, height=1300, app=app)
    notebook.cell(0).run()
    panel = Panel(notebook)
    expect(panel.rows("Listening")).to_be_visible()
    return panel


def run(panel: Panel, index: int) -> str:
    """Run a cell and give what it printed."""
    cell = panel.notebook.cell(index)
    cell.run()
    assert panel.notebook.errors() == []
    return cell.text


FRAMES = """
import json
print(json.dumps([[r.type, r.payload.hex()] for r in server.log.filter(kind="frame",
                                                                    direction="received")]))
"""


def test_every_message_button_puts_its_frame_on_the_wire(lab: Lab) -> None:
    panel = open_panel(lab, FRAMES)
    panel.button("client").click()
    for name in ("text", "bytes", "ping", "pong"):
        panel.type("payload", f"by {name}")
        panel.button(name).click()
        # A control frame shows its payload as hex first.
        expect(panel.rows(f"by {name}").first).to_be_visible()
        expect(panel.code).to_contain_text(f"client.send_{name}(")
    panel.button("text in fragments").click()
    panel.rows("last fragment 3 of the text message").click()
    expect(panel.inspector.locator(".astra-text")).to_have_text("by pong")
    panel.button("close").click()
    expect(panel.rows("The client closed first with 1000")).to_be_visible()
    frames = json.loads(run(panel, 1))
    types = ["text", "bytes", "ping", "pong", "text", "continuation", "continuation", "close"]
    assert [frame[0] for frame in frames] == types
    assert [bytes.fromhex(frame[1]) for frame in frames[:4]] == [
        b"by text", b"by bytes", b"by ping", b"by pong",
    ]  # fmt: skip


def test_every_close_button_does_what_it_says(lab: Lab) -> None:
    panel = open_panel(
        lab,
        """
import json
print(json.dumps([r.code for r in server.log.filter(kind="closed")]))
""",
    )
    panel.button("client").click()
    sent = []
    for row in CLOSE_CODES.values():
        if row.code >= 3000 or row.code in (1004, 1015):
            continue
        panel.button(f"{row.code} {row.name}").click()
        sent.append(row.code)
        expect(panel.log.locator(".astra-figure-count").first).to_have_text("0 connections open")
        ended = panel.notebook.page.locator(".astra-space .astra-k-closed")
        expect(ended.last).to_be_visible()
        expect(panel.rows(re.compile(rf"\b{row.code}\b")).last).to_be_visible()
    panel.button("send 3000 (libraries)").click()
    expect(panel.rows("3000 unauthorized").first).to_be_visible()
    panel.button("send 4000 (private)").click()
    expect(panel.rows("4000 private code").first).to_be_visible()
    assert json.loads(run(panel, 1)) == [*sent, 3000, 4000]
    panel.button("1015 TLS handshake").click()
    expect(panel.sentence).to_contain_text("No click brings 1015 about")
    panel.button("1004 reserved").click()
    expect(panel.sentence).to_contain_text("close code 1004 is never put on the wire")


def test_an_error_of_a_click_is_said_in_the_panel(lab: Lab) -> None:
    panel = open_panel(lab)
    panel.button("text").click()
    expect(panel.sentence).to_contain_text("nothing is connected, so nothing was sent")
    panel.root.locator(".astra-send select").nth(1).select_option("hex")
    panel.type("payload", "zz")
    panel.button("bytes").click()
    expect(panel.sentence).to_contain_text("'z' is not a hex digit")


def test_a_frame_is_shown_bit_by_bit(lab: Lab) -> None:
    panel = open_panel(lab)
    panel.button("client").click()
    panel.button("text").click()
    panel.rows('"Hello"').first.click()
    figure = panel.inspector.locator(".astra-figure")
    expect(figure.get_by_role("button", name=re.compile("^FIN: 1"))).to_contain_text("1")
    expect(figure.get_by_role("button", name=re.compile("^opcode: 0x1"))).to_contain_text("0001")
    figure.get_by_role("button", name=re.compile("^masking key")).first.hover()
    expect(panel.inspector.locator(".astra-hex-codes .astra-lit")).to_have_count(4)
    expect(panel.inspector.locator(".astra-meaning")).to_contain_text("RFC 6455, section 5.3")
    figure.get_by_role("button", name=re.compile("^opcode")).focus()
    expect(panel.inspector.locator(".astra-hex-codes .astra-lit")).to_have_count(1)
    expect(panel.inspector.locator(".astra-mask-result")).to_contain_text("48656c6c6f")


STRANGER = r"""
client = connect(server.url)
client.send_text("<img src=x onerror='document.title=\"hacked\"'>"
                 "<script>document.title='hacked'</script>")
client.send_text("\x00\x1b[31m\u202egnp.exe\u2066")
client.send_text('{"<b>key</b>": "<img src=x onerror=alert(1)>", "n": [1, 2]}')
client.send_raw(bytes([0x81, 0x84, 0, 0, 0, 0]) + b"ab\xff\xfe")
other = connect(server.url + "?<script>=1", headers={"X-Evil": "<b>x</b>", "Cookie": "secret"})
server.max_message_size = None
third = connect(server.url, max_message_size=None)
third.send_text("A" * (10 * 2**20))
server.log.wait_for(type="text", direction="received", text="A" * 100)
None
"""


def test_what_strangers_send_is_shown_and_never_acted_on(lab: Lab) -> None:
    panel = open_panel(lab, STRANGER)
    run(panel, 1)
    page = panel.notebook.page
    # The newest row: before it the list still moves, and a click may hit another one.
    expect(panel.rows("10,485,760").first).to_be_visible()
    panel.rows("<img src=x onerror=").first.click()
    expect(panel.inspector.locator(".astra-text")).to_contain_text(
        "<script>document.title='hacked'"
    )
    expect(panel.rows(r"\x00\x1b[31m\u202egnp.exe\u2066").first).to_be_visible()
    panel.rows("<b>key</b>").first.click()
    expect(panel.inspector.locator(".astra-json-name").first).to_have_text("<b>key</b>: ")
    panel.rows(r"ab\xff\xfe").first.click()
    expect(panel.inspector.locator(".astra-verdict").last).to_contain_text(
        "at payload byte 2, 0xff"
    )
    expect(panel.inspector.locator(".astra-hex-codes .astra-bad")).to_have_text("ff")
    # Ten mebibytes: a preview, and the bytes in pages.
    panel.rows("10,485,760").first.click()
    expect(panel.inspector.locator(".astra-pager").first).to_contain_text("of 10,485,774 bytes")
    panel.inspector.get_by_role("button", name="later").click()
    expect(panel.inspector.locator(".astra-hex-offset").first).to_have_text("000400")
    assert len(panel.log.inner_html()) < 1_000_000
    for tab in ("Sequence", "Connections", "Frames"):
        panel.tab(tab)
    assert page.title() != "hacked"
    assert panel.log.locator("script, img").count() == 0
    assert "secret" not in panel.log.inner_text()


BUSY = """
import time
deadline = time.monotonic() + 60
while time.monotonic() < deadline and len(server.log.filter(text="while busy")) < 2:
    pass
print(len(server.log.filter(text="while busy")), "while it ran")
"""


def test_clicks_get_through_while_a_cell_runs(lab: Lab) -> None:
    panel = open_panel(lab, BUSY)
    panel.button("client").click()
    panel.button("text").click()
    expect(panel.rows('"Hello"').first).to_be_visible()
    panel.notebook.cell(1).run(wait=False)
    panel.notebook.page.wait_for_function(
        "() => globalThis.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
        " === 'busy'"
    )
    panel.rows('"Hello"').first.click()
    expect(panel.inspector.locator(".astra-figure")).to_be_visible()
    panel.type("payload", "while busy")
    panel.button("text").click()
    expect(panel.rows('"while busy"')).to_have_count(2)
    panel.notebook.cell(1).wait_for_text("2 while it ran")


def test_a_front_end_without_subshells_says_that_clicks_wait(lab: Lab) -> None:
    plugin = "@jupyterlab/apputils-extension/kernels-settings"
    lab.server.set_setting(plugin, {"commsOverSubshells": "disabled"})
    panel = open_panel(lab, "input()")
    lab.server.set_setting(plugin, {})
    panel.button("client").click()
    panel.button("ping").click()
    expect(panel.rows("pong").first).to_be_visible()
    panel.type("payload", "waiting")
    panel.notebook.cell(1).run(wait=False)
    entry = panel.notebook.page.locator(".jp-Stdin-input")
    expect(entry).to_be_visible()
    health = panel.log.locator(".astra-health")
    expect(health).to_be_hidden()
    panel.button("text").click()
    expect(health).to_contain_text("If a cell runs, clicks wait until it ends")
    expect(panel.rows('"waiting"')).to_have_count(0)
    entry.press("Enter")
    expect(panel.rows('"waiting"')).to_have_count(2)
    expect(health).to_be_hidden()


FILL = """
client = connect(server.url)
for number in range(300):
    client.send_bytes([number % 256])
client.send_ping(b"needle")
server.log.wait_for(type="pong")
"""
FLOOD = """
client.send_text("x" * 500 + "haystack")
client.recv()
empty = bytes([0x82, 0x80, 0, 0, 0, 0])
found = bytes([0x82, 0x8c, 0, 0, 0, 0]) + b"in the flood"
client.send_raw(empty * 100 + found + empty * 3000)
server.log.wait_for(type="bytes", count=3401)
None
"""


def test_filter_chips_follow_and_jump(lab: Lab) -> None:
    panel = open_panel(lab, FILL, "client.send_text('the newest'); client.recv()", FLOOD)
    run(panel, 1)
    follow = panel.log.get_by_role("button", name="Follow")
    expect(panel.rows("needle").first).to_be_visible()
    scroller = panel.log.locator(".astra-scroller")
    scroller.hover()
    panel.notebook.page.mouse.wheel(0, -1500)
    expect(follow).to_have_attribute("aria-pressed", "false")
    first = panel.log.locator(".astra-space .astra-row:not([hidden])").first.inner_text()
    run(panel, 2)
    assert panel.log.locator(".astra-space .astra-row:not([hidden])").first.inner_text() == first
    follow.click()
    expect(panel.rows('"the newest"').first).to_be_visible()

    panel.log.get_by_role("searchbox").fill("needle")
    expect(panel.rows("needle")).to_have_count(2)
    panel.log.get_by_role("searchbox").fill("^6e 65.*needle")
    expect(panel.rows("needle")).to_have_count(0)
    expect(panel.log.locator(".astra-empty")).to_have_text("No row matches the filter.")
    panel.log.get_by_role("button", name=".*", exact=True).click()
    expect(panel.rows("needle")).to_have_count(2)
    panel.log.get_by_role("searchbox").fill("(")
    expect(panel.log.locator(".astra-problem")).to_contain_text("This is not a regular expression")
    panel.log.get_by_role("searchbox").fill("")
    panel.log.get_by_role("button", name="pong", exact=True).click()
    expect(panel.log.locator(".astra-space .astra-row:not([hidden])")).to_have_count(1)
    panel.log.get_by_role("button", name="pong", exact=True).click()
    panel.log.get_by_role("button", name="Next").click()
    expect(panel.inspector.locator(".astra-inspector-title")).to_contain_text("ping")

    # Behind a preview, and left out of the page by a flood: the kernel finds both.
    run(panel, 3)
    panel.log.get_by_role("searchbox").fill("HAYSTACK")
    searched = panel.log.locator(".astra-searched")
    expect(searched).to_contain_text("Regular expressions look at the previews")
    panel.log.get_by_role("button", name=".*", exact=True).click()
    expect(panel.rows(re.compile(r'byte 5\d\d: "…x+haystack"'))).to_have_count(2)
    expect(searched).to_contain_text("records of server.log, whole payloads")
    panel.log.get_by_role("searchbox").fill("in the flood")
    expect(panel.rows('"in the flood"')).to_have_count(1)
    panel.rows('"in the flood"').click()
    expect(panel.inspector.locator(".astra-inspector-title")).to_contain_text("bytes")


def test_pause_and_clear(lab: Lab) -> None:
    panel = open_panel(lab, "client = connect(server.url); client.send_text('one'); client.recv()")
    panel.log.get_by_role("button", name="Pause").click()
    run(panel, 1)
    expect(panel.log.locator(".astra-figure-count").nth(1)).to_have_text("6 records")
    expect(panel.rows('"one"')).to_have_count(0)
    panel.log.get_by_role("button", name="Paused").click()
    expect(panel.rows('"one"')).to_have_count(2)
    panel.log.get_by_role("button", name="Clear").click()
    expect(panel.rows('"one"')).to_have_count(0)


def test_the_keyboard_reaches_rows_bits_and_tabs(lab: Lab) -> None:
    panel = open_panel(lab)
    panel.button("client").click()
    panel.button("text").click()
    expect(panel.rows('"Hello"')).to_have_count(2)
    page = panel.notebook.page
    panel.log.locator(".astra-scroller").focus()
    page.keyboard.press("End")
    title = panel.inspector.locator(".astra-inspector-title")
    expect(title).to_contain_text("server to client")
    page.keyboard.press("ArrowUp")
    expect(title).to_contain_text("client to server")
    expect(panel.inspector.locator(".astra-figure")).to_be_visible()
    page.keyboard.press("Enter")
    expect(title).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(panel.inspector.locator(".astra-figure-cell").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(panel.inspector.locator(".astra-meaning")).to_contain_text("RSV1 = 0")
    panel.log.get_by_role("tab", name="Frames").focus()
    page.keyboard.press("ArrowRight")
    expect(panel.log.get_by_role("tab", name="Sequence")).to_be_focused()
    expect(panel.log.locator(".astra-step").last).to_contain_text("TEXT")


def test_connections_and_handshake_explain_themselves(lab: Lab) -> None:
    panel = open_panel(lab)
    panel.button("client").click()
    panel.button("1000 normal closure").click()
    expect(panel.rows("The client closed first")).to_be_visible()
    panel.rows("101 Switching Protocols").click()
    steps = panel.inspector.locator(".astra-steps li")
    expect(steps).to_have_count(4)
    accept = panel.inspector.get_by_role("row", name="Sec-WebSocket-Accept").locator("bdi").nth(1)
    assert steps.last.locator("code").inner_text() == accept.inner_text()
    panel.tab("Connections")
    expect(panel.log.locator(".astra-connections tbody tr")).to_contain_text(
        "The client closed first with 1000 (normal closure)"
    )


def test_two_panels_show_the_same(lab: Lab) -> None:
    panel = open_panel(lab, "second = server.panel(); second", "panel.close(); second.view.text()")
    run(panel, 1)
    second = Panel(panel.notebook, 1)
    panel.button("client").click()
    panel.button("text").click()
    expect(second.rows('"Hello"')).to_have_count(2)
    expect(panel.rows('"Hello"')).to_have_count(2)
    run(panel, 2)
    left = Panel(panel.notebook)
    left.button("client").click()
    left.type("payload", "still here")
    left.button("text").click()
    expect(left.rows("still here")).to_have_count(2)


def test_a_reloaded_page_and_a_restarted_kernel_leave_a_live_panel(lab: Lab) -> None:
    panel = open_panel(lab, 'print(len(server.log.filter(type="text", direction="received")))')
    panel.button("client").click()
    panel.button("text").click()
    expect(panel.rows('"Hello"')).to_have_count(2)
    panel.notebook.save()
    panel.notebook.load()
    again = Panel(panel.notebook)
    expect(again.rows('"Hello"')).to_have_count(2)
    again.type("payload", "after the reload")
    again.button("text").click()
    expect(again.rows("after the reload")).to_have_count(2)

    # The kernel restarted under it: the panel says so, and its cell makes a new one.
    again.notebook.kernel("restart")
    expect(again.log.locator(".astra-health")).to_contain_text("The kernel of this panel is gone")
    expect(again.log.locator(".astra-state")).to_have_text("as last seen")
    run(again, 0)
    expect(again.rows("Listening")).to_be_visible()
    expect(again.rows("Hello")).to_have_count(0)
    again.button("client").click()
    again.button("text").click()
    expect(again.rows('"Hello"')).to_have_count(2)
    expect(again.root).to_have_count(1)
    expect(again.log.locator(".astra-health")).to_be_hidden()
    assert run(again, 1) == "1"


def test_without_a_kernel_the_last_state_is_a_table(lab: Lab) -> None:
    panel = open_panel(lab)
    panel.button("client").click()
    panel.button("text").click()
    expect(panel.rows('"Hello"')).to_have_count(2)

    def stored() -> str:
        outputs = panel.notebook.cell(0).outputs
        return json.dumps([output.get("data", {}).get("text/html", "") for output in outputs])

    wait_until(lambda: "Hello" in stored(), timeout=20)
    expect(panel.notebook.page.locator("[data-astra-copy]")).to_be_hidden()
    panel.notebook.save()
    panel.notebook.close()
    lab.server.shut_down_sessions()
    reopened = lab.open("panel.ipynb")
    table = reopened.page.locator("[data-astra-copy] table")
    expect(table).to_be_visible()
    expect(table).to_contain_text("Hello")


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_it_fits_600_pixels_and_works_in_both_front_ends(lab: Lab, app: str) -> None:
    panel = open_panel(lab, width=860 if app == "lab" else 640, app=app)
    page = panel.notebook.page
    panel.button("client").click()
    panel.button("text").click()
    panel.rows('"Hello"').first.click()
    expect(panel.inspector.locator(".astra-figure")).to_be_visible()
    box = panel.log.bounding_box()
    assert box is not None
    assert 400 < box["width"] < 700
    overflow = panel.root.evaluate("(root) => root.scrollWidth - root.clientWidth")
    assert overflow <= 1
    assert page.locator(".astra-row:not([hidden]) .astra-preview").last.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_that_shuts_people_out(lab: Lab, theme: Theme) -> None:
    lab.set_theme(theme)
    panel = open_panel(lab)
    panel.button("client").click()
    panel.button("text").click()
    panel.rows('"Hello"').first.click()
    expect(panel.inspector.locator(".astra-figure")).to_be_visible()
    for tab in ("Frames", "Sequence", "Connections"):
        panel.tab(tab)
        found = Axe().run(panel.notebook.page, context=".jupyter-widgets.astra-panel")
        assert [(v["id"], v["help"]) for v in found.response["violations"]] == []
