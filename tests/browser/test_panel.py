"""The panel in a real browser: what is clicked is on the wire, and what is on the wire is seen."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from astra_nb.wire.close_codes import CLOSE_CODES
from tests.browser.console import ECHO, Console, open_panel, run
from tests.browser.lab import App, Lab, NotebookPage
from tests.helpers import wait_until

FRAMES = """
import json
print(json.dumps([[r.type, r.payload.hex()] for r in server.log.filter(kind="frame",
                                                                    direction="received")]))
"""


def test_every_message_button_puts_its_frame_on_the_wire(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, FRAMES)
    panel.open_client()
    for name in ("text", "bytes", "ping", "pong"):
        panel.send(name, f"by {name}")
        expect(panel.code).to_have_text(re.compile(rf"panel\.send_{name}\(.*, by=1\)"))
        expect(panel.rows(f"by {name}").first).to_be_visible()
    panel.payload.fill("two\nlines")
    panel.payload.press("Enter")  # text or bytes, whichever was sent last
    expect(panel.code).to_contain_text("panel.send_bytes(")
    panel.button("Fragments…").click()
    panel.payload.fill("by pieces")
    panel.button("Send text in fragments").click()
    expect(panel.rows("3 frames joined, 9 bytes").first).to_be_visible()
    panel.choose("3 frames joined, 9 bytes")
    expect(panel.body.locator(".astra-text")).to_have_text("by pieces")
    panel.button(re.compile("^Close with 1000,")).click()
    panel.button(re.compile("^↓ 3 new$")).click()
    expect(panel.rows("The client closed first with 1000")).to_be_visible()
    frames = json.loads(run(notebook, 1))
    types = ["text", "bytes", "ping", "pong", "bytes", "text", "continuation", "continuation"]
    assert [frame[0] for frame in frames] == [*types, "close"]
    assert [bytes.fromhex(frame[1]) for frame in frames[:5]] == [
        b"by text", b"by bytes", b"by ping", b"by pong", b"two\nlines",
    ]  # fmt: skip


CLOSES = """
import json
frames = {}
for each in server.log.filter(kind="frame", type="close"):
    frames.setdefault(each.connection, [each.direction, each.payload.hex()])
print(json.dumps([frames, [each.id for each in server.connections]]))
"""


@pytest.mark.parametrize("end", ["server", "client"])
def test_every_close_button_does_what_it_says(desk: NotebookPage, end: str) -> None:
    codes = [*range(1000, 1016), 3000, 4000]
    assert codes[:16] == [code for code in CLOSE_CODES if code < 3000]
    clients = f"for _ in range({len(codes)}): panel.connect('/')"
    panel, notebook = open_panel(desk, clients, CLOSES)
    run(notebook, 1)
    panel.root.locator(".astra-reason").fill("r")
    wire = {}
    left = len(codes)
    for number, code in enumerate(codes, 1):
        panel.to.select_option(f"c{number}" if end == "client" else str(number))
        panel.button(re.compile(rf"^Close with ({code},|this code: {code})")).click()
        if code == 1004:
            expect(panel.sentence).to_contain_text("1004 is never put on the wire")
        elif code == 1015:
            expect(panel.sentence).to_contain_text("No click can produce 1015")
        else:
            left -= 1
            if code != 1006:
                payload = "" if code == 1005 else code.to_bytes(2).hex() + "72"
                wire[str(number)] = ["sent" if end == "server" else "received", payload]
        expect(panel.tab("Connections")).to_contain_text(f"{left} open")
    assert json.loads(run(notebook, 2)) == [wire, [5, 16]]


def test_a_code_that_is_only_reported_is_refused_and_explained(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.button(re.compile("^Close with 1004,")).click()
    expect(panel.sentence).to_contain_text("close code 1004 is never put on the wire")
    panel.button(re.compile("^Close with 1006,")).hover()
    hint = panel.root.locator(".astra-hint-line")
    dropping = "1006 abnormal closure: never on the wire; a click drops TCP, without a CLOSE frame."
    expect(hint).to_contain_text(dropping)
    expect(hint).to_contain_text("RFC 6455, section 7.4.1")
    panel.root.locator(".astra-range input").last.fill("4711")
    code = panel.root.locator(".astra-range button").last
    code.hover()
    expect(hint).to_contain_text("4000 to 4999, private:")
    code.click()
    expect(panel.sentence).to_be_visible()  # what came of it, while the pointer stays there
    expect(panel.sentence).to_contain_text("Sent close 4711")
    expect(hint).to_be_empty()
    panel.button(re.compile("^Close with 1000,")).hover()
    expect(hint).to_contain_text("1000 normal closure")
    expect(panel.sentence).to_be_hidden()
    expect(panel.rows("4711 private code").first).to_be_visible()


def test_the_composer_follows_the_chosen_row_and_never_means_everyone_by_itself(
    desk: NotebookPage,
) -> None:
    panel, notebook = open_panel(
        desk, "clients = [connect(server.url) for _ in range(3)]; clients[1].send_text('me')"
    )
    run(notebook, 1)
    expect(panel.tab("Connections")).to_contain_text("3 open")
    expect(panel.to).to_have_value("3")
    panel.choose('"me"')
    expect(panel.to).to_have_value("2")
    panel.send("text", "only two")
    expect(panel.sentence).to_have_text("Sent text to #2.")
    panel.to.select_option("3")
    panel.choose('"me"')
    expect(panel.sentence).to_have_text("Now to #2 /, the connection of the chosen row.")
    expect(panel.to).to_have_value("2")
    panel.to.select_option("everyone")
    panel.send("ping")
    expect(panel.sentence).to_have_text("Sent ping to 3 connections.")
    panel.button(re.compile("^Close with 1008,")).click()
    expect(panel.tab("Connections")).to_contain_text("0 open")


def test_a_second_click_on_a_close_code_reaches_no_other_connection(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk, "clients = [connect(server.url) for _ in range(3)]; clients[1].send_text('me')",
        "clients.append(connect(server.url))",
    )  # fmt: skip
    run(notebook, 1)
    expect(panel.to).to_have_value("3")
    panel.button(re.compile("^Close with 1008,")).click()
    expect(panel.sentence).to_have_text("Sent close 1008 to #3.")
    expect(panel.tab("Connections")).to_contain_text("2 open")
    expect(panel.to.locator("option:checked")).to_have_text("#3 / closed")
    panel.button(re.compile("^Close with 1008,")).click()
    expect(panel.sentence).to_have_text(
        "connection #3 is closed, so nothing was sent; choose another one"
    )
    expect(panel.tab("Connections")).to_contain_text("2 open")
    panel.choose('"me"')
    expect(panel.to.locator("option")).to_have_text(
        ["#1 /", "#2 /", "everyone (2)", "connect a client …"]
    )
    expect(panel.to).to_have_value("2")
    panel.button(re.compile("^Close with 1008,")).click()
    run(notebook, 2)
    expect(panel.tab("Connections")).to_contain_text("2 open")
    expect(panel.to.locator("option:checked")).to_have_text("#2 / closed")


def test_edit_and_send_again_says_whose_frame_it_was(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.send("text", "first")
    panel.choose(re.compile("text.*first"))
    panel.list.press("e")
    expect(panel.payload).to_have_value("first")
    expect(panel.sentence).to_contain_text(
        re.compile(r"^Frame \d+ was sent by the (server|client) on #1; it goes to ")
    )
    panel.payload.fill("second")
    panel.payload.press("Enter")
    expect(panel.rows('"second"').first).to_be_visible()


def test_what_is_edited_goes_to_no_connection_that_has_closed(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.send("text", "first")
    panel.button(re.compile("^Close with 1000,")).click()
    expect(panel.to.locator("option:checked")).to_have_text("#1 by its client closed")
    panel.choose(re.compile("text.*first"))
    panel.list.press("e")
    expect(panel.sentence).to_contain_text("has closed, so choose where it goes.")


def test_a_file_is_shown_in_place_of_the_log_and_left_again(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, "server.log.save('shown.jsonl')")
    run(notebook, 1)
    panel.list.press("s")
    panel.root.get_by_label("File to open").fill("shown.jsonl")
    panel.root.get_by_label("File to open").press("Enter")
    expect(panel.health).to_contain_text("This is the file shown.jsonl.")
    expect(panel.root.locator(".astra-composer")).to_be_hidden()
    panel.health.get_by_role("button", name="Show the live log").click()
    expect(panel.health).to_be_hidden()
    expect(panel.root.locator(".astra-composer")).to_be_visible()


def test_an_error_of_a_click_is_said_in_the_panel(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.send("text", "x")
    expect(panel.sentence).to_contain_text("nothing is connected, so nothing was sent")
    panel.root.locator(".astra-format").select_option("hex")
    panel.send("bytes", "zz")
    expect(panel.sentence).to_contain_text("'z' is not a hex digit")
    expect(panel.code).to_have_text("")


def test_a_broken_rule_is_one_click_and_its_answer_is_said(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.button("Break a rule…").click()
    drawer = panel.root.locator(".astra-drawer")
    drawer.get_by_role("button", name="PONG with another payload").click()
    expect(panel.sentence).to_contain_text("From now on from the client of #1: ")
    expect(panel.rows("On purpose: PONG with another payload")).to_have_count(0)  # not this end's
    rule = drawer.get_by_role("button", name="reserved opcode")
    rule.hover()
    expect(panel.root.locator(".astra-hint-line")).to_contain_text("A click sends 83 80")
    rule.click()
    panel.filter.hover()
    expect(panel.sentence).to_contain_text("What happened: The server closed first with 1002")
    expect(panel.root.locator(".astra-errors")).to_contain_text("2 errors")


def test_a_frame_is_shown_bit_by_bit(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"')).to_have_count(2)
    panel.rows('"Hello"').first.click()
    panel.tab("Bits").click()
    figure = panel.body.locator(".astra-figure")
    expect(figure.get_by_role("button", name=re.compile("^FIN: 1"))).to_contain_text("1")
    expect(figure.get_by_role("button", name=re.compile("^opcode: 0x1"))).to_contain_text("0001")
    figure.get_by_role("button", name=re.compile("^masking key")).first.hover()
    expect(panel.body.locator(".astra-hex-codes .astra-lit")).to_have_count(4)
    expect(panel.body.locator(".astra-says")).to_contain_text("RFC 6455, section 5.3")
    figure.get_by_role("button", name=re.compile("^opcode")).focus()
    expect(panel.body.locator(".astra-hex-codes .astra-lit")).to_have_count(1)
    panel.page.keyboard.press("ArrowRight")
    expect(panel.body.locator(".astra-says")).to_contain_text("MASK = 1")
    expect(panel.body.locator(".astra-mask-result")).to_contain_text("48656c6c6f")


PAYLOADS = r"""
client = connect(server.url, max_message_size=None)
client.send_text('{"id":9007199254740993,"drift":-0.0,"big":1e999,"b":1,"a":[{"x":[[]]}],"b":2}')
client.send_bytes(bytes(range(256)))
client.send_text("plain")
client.send_text('{"rows":[' + ",".join('{"n":%d}' % n for n in range(20_000)) + "]}")
server.max_message_size = None
other = connect(server.url, max_message_size=None)
other.send_text("A" * 200_000 + "needle" + "B" * 100)
server.log.wait_for(type="text", direction="received", text="needle")
None
"""


def test_a_payload_is_whole_in_every_form_and_its_hit_is_marked(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, PAYLOADS)
    run(notebook, 1)
    panel.filter.fill("9007199254740993")
    expect(panel.rows()).to_have_count(2)
    panel.rows().first.click()
    tree = panel.body.locator(".astra-json")
    for token in ("9007199254740993", "-0.0", "1e999"):
        expect(tree.locator(".astra-json-number", has_text=token)).to_be_visible()
    expect(tree).to_contain_text("JavaScript reads 9007199254740992")
    expect(tree).to_contain_text('second "b": most readers keep this one')
    assert tree.locator(".astra-json-key").all_inner_texts()[:4] == [
        '"id"', '"drift"', '"big"', '"b"',
    ]  # fmt: skip
    panel.button("Base64").click()
    expect(panel.body.locator(".astra-text")).to_contain_text("eyJpZCI6")
    panel.button("Text").click()
    expect(panel.body.locator(".astra-hit")).to_have_text("9007199254740993")
    # A search hit in the last page of 240 KiB of JSON, and the page before it.
    panel.filter.fill('"n":19998}')
    expect(panel.rows('"n":19998},')).to_have_count(2)
    panel.rows().first.click()
    expect(panel.body.locator(".astra-hit")).to_have_text('"n":19998}')
    expect(panel.body.locator(".astra-hit")).to_be_in_viewport()
    scrolled = "(body) => body.scrollTop"
    assert panel.body.evaluate(scrolled) > 0
    panel.tab("Bits").click()
    expect(panel.body.locator(".astra-figure")).to_be_visible()
    assert panel.body.evaluate(scrolled) == 0
    panel.tab("Payload").click()
    expect(panel.body.locator(".astra-hit")).to_be_in_viewport()
    panel.body.evaluate("(body) => { body.scrollTop = 0; }")
    for told in ("is pinned", "Nothing is pinned"):
        panel.list.press("m")
        expect(panel.sentence).to_contain_text(told)
        assert panel.body.evaluate(scrolled) == 0  # what is read stays where it is
    panel.button("JSON").click()
    expect(tree).to_contain_text("19999")
    expect(tree).not_to_contain_text("not JSON")
    panel.button("← earlier").click()
    expect(tree.locator(".astra-json-number").first).to_have_text(re.compile(r"^…?1?\d{1,4}$"))
    expect(tree).to_contain_text("more lines")
    panel.button("Text").click()
    panel.filter.fill("needle")
    expect(panel.rows('byte 200,000: "…')).to_have_count(2)
    panel.rows().first.click()
    expect(panel.body.locator(".astra-hit")).to_have_text("needle")
    expect(panel.body.locator(".astra-hit")).to_be_in_viewport()
    expect(panel.body.locator(".astra-pager")).to_contain_text("of 200,106")
    panel.button("← earlier").click()
    expect(panel.body.locator(".astra-pager")).to_contain_text("bytes 131,072 to 196,607")
    panel.filter.fill("fd fe")
    expect(panel.rows()).to_have_count(1)
    panel.rows().first.click()
    panel.button("Hex").click()
    expect(panel.body.locator(".astra-hex-codes .astra-hit")).to_have_text(["fd", "fe"])
    panel.filter.press("Escape")
    expect(panel.filter).to_have_value("")
    expect(panel.rows()).not_to_have_count(1)


def test_a_payload_is_copied_by_key_and_by_menu(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk, "client = connect(server.url); client.send_text('copy me'); client.recv()"
    )
    notebook.context.grant_permissions(["clipboard-read", "clipboard-write"])
    run(notebook, 1)
    panel.rows('"copy me"').first.click()
    expect(panel.title).to_contain_text("7 bytes")
    panel.list.press("Control+c")
    expect(panel.sentence).to_contain_text("Copied 7 characters")

    def clipboard() -> str:
        text: str = panel.page.evaluate("navigator.clipboard.readText()")
        return text

    assert clipboard() == "copy me"
    for name, text in (
        ("Copy as Python", "'copy me'"), ("Copy as hex", "63 6f 70 79 20 6d 65"),
        ("Copy as the RFC's drawing", "+-+-+"),
    ):  # fmt: skip
        panel.inspector.locator("summary", has_text="Copy as").click()
        panel.inspector.get_by_role("button", name=name).click()
        expect(panel.sentence).to_contain_text("as " + name.rsplit(" ", 1)[1].lower()[:3])
        assert text in clipboard()
    for tab, text in (("Bits", "+-+-+"), ("Handshake", "HTTP/1.1 101 Switching Protocols")):
        panel.tab(tab).click()
        panel.inspector.get_by_role("button", name=f"Copy {tab.lower()}").click()
        expect(panel.sentence).to_contain_text("Copied")
        panel.page.wait_for_function(
            "(text) => navigator.clipboard.readText().then((copied) => copied.includes(text))",
            arg=text,
        )


def test_two_frames_are_compared(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk, "client = connect(server.url); client.send_text('same one'); client.recv()\n"
        "client.send_text('same two'); client.recv()",
        "client.send_text('{\"a\": 0, \"b\": [1, 2]}')\n"
        "client.send_text('{\"a\": 0, \"b\": [1, 3], \"c\": null}'); client.recv(); client.recv()",
    )  # fmt: skip
    run(notebook, 1)
    panel.rows('"same one"').first.click()
    expect(panel.title).to_contain_text("8 bytes")
    panel.list.press("m")
    expect(panel.sentence).to_contain_text("choose another row to compare them")
    panel.rows('"same two"').last.click()
    expect(panel.body).to_contain_text("The payloads differ from byte 5 on.")
    expect(panel.body.locator(".astra-differs").filter(has_text=re.compile("^MASK"))).to_have_text(
        "MASK10"
    )
    expect(panel.body.locator(".astra-text .astra-hit").first).to_have_text("one")
    run(notebook, 2)
    panel.rows('"b": [1, 2]').first.click()
    expect(panel.body).to_contain_text("The payloads differ from byte 0 on.")
    expect(panel.sentence).to_be_empty()
    pin = panel.inspector.get_by_role("button", name=re.compile("^Pin"))
    expect(pin).to_have_accessible_name(re.compile(r"^Pinned \d+$"))
    expect(pin).to_have_text(re.compile(r"^Pinned \d+$"))
    expect(pin).to_have_attribute("aria-pressed", "true")
    expect(panel.root.locator(".astra-pinned")).to_contain_text('"same one"')
    expect(panel.root.locator(".astra-pinned .astra-gutter")).to_have_accessible_name("pinned")
    panel.list.press("m")
    expect(panel.sentence).to_have_text("Nothing is pinned now.")
    panel.list.press("m")
    panel.rows('"b": [1, 3]').first.click()
    values = panel.body.locator(".astra-compare").last
    expect(values).to_contain_text("JSON 2 values the same")
    expect(values.locator(".astra-differs")).to_have_text(["$.b[1]23", "$.c—null"])
    panel.tab("Bits").click()
    title = panel.title.inner_text()
    panel.list.press("k")
    panel.list.press("k")
    expect(panel.title).not_to_have_text(title)
    expect(panel.body).not_to_have_attribute("aria-busy", "true")
    expect(panel.tab("Bits")).to_have_attribute("aria-selected", "true")  # the person's choice
    pin.click()  # from any row
    expect(pin).to_have_attribute("aria-pressed", "false")
    expect(pin).to_have_text("Pin")
    expect(panel.root.locator(".astra-pinned")).to_have_count(0)


STRANGER = r"""
client = connect(server.url)
client.send_raw(bytes([0x81, 0x84, 0, 0, 0, 0]) + b"ab\xff\xfe")
other = connect(server.url + "?<script>=1",
                headers={"X-Evil": "<b>x</b>", "Cookie": "id=swordfish", "User-Agent": "<img>"})
other.send_close(4000, "<script>x</script>")
server.log.wait_for(kind="closed", count=2)
None
"""


def test_the_byte_that_is_wrong_is_named_and_a_stranger_s_header_is_text(
    desk: NotebookPage,
) -> None:
    panel, notebook = open_panel(desk, STRANGER)
    run(notebook, 1)
    panel.filter.fill("ab")
    panel.root.get_by_role("button", name="text", exact=True).click()
    expect(panel.rows()).to_have_count(1)
    panel.choose(re.compile(r"ab\\xff\\xfe"))
    panel.tab("Payload").click()
    expect(panel.body.locator(".astra-verdict").last).to_contain_text(
        "payload byte 2: ff is never a byte of UTF-8"
    )
    panel.button("Hex").click()
    expect(panel.body.locator(".astra-hex-codes .astra-bad")).to_have_text("ff")
    panel.root.get_by_role("button", name="text", exact=True).click()
    panel.filter.fill("")
    panel.choose("4000 private code")
    panel.tab("Handshake").click()
    expect(panel.body).to_contain_text("<b>x</b>")
    for tab in ("Sequence", "Connections", "Frames"):
        panel.tab(tab).click()
        assert panel.root.locator("script, img, b:has-text('x')").count() == 0
    assert "swordfish" not in panel.root.inner_text()


BUSY = """
import time
deadline = time.monotonic() + 60
while time.monotonic() < deadline and len(server.log.filter(text="while busy")) < 2:
    pass
print(len(server.log.filter(text="while busy")), "while it ran")
"""


def test_clicks_get_through_while_a_cell_runs(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, BUSY)
    panel.open_client()
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"').first).to_be_visible()
    notebook.cell(1).run(wait=False)
    panel.page.wait_for_function(
        "() => globalThis.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
        " === 'busy'"
    )
    panel.rows('"Hello"').first.click()
    expect(panel.body.locator(".astra-text")).to_have_text("Hello")
    panel.to.select_option("c1")
    panel.send("text", "while busy")
    expect(panel.rows('"while busy"')).to_have_count(2)
    notebook.cell(1).wait_for_text("2 while it ran")


def test_a_front_end_without_subshells_says_that_clicks_wait(lab: Lab) -> None:
    plugin = "@jupyterlab/apputils-extension/kernels-settings"
    lab.server.set_setting(plugin, {"commsOverSubshells": "disabled"})
    panel, notebook = open_panel(lab, "input()")
    lab.server.set_setting(plugin, {})
    panel.open_client()
    panel.send("ping", "waiting")
    expect(panel.rows("pong").first).to_be_visible()
    notebook.cell(1).run(wait=False)
    entry = panel.page.locator(".jp-Stdin-input")
    expect(entry).to_be_visible()
    expect(panel.health).to_be_hidden()
    panel.send("text")
    expect(panel.health).to_contain_text("If a cell runs, clicks wait until it ends")
    expect(panel.rows('"waiting"').filter(has_text=" text")).to_have_count(0)
    entry.press("Enter")
    expect(panel.rows(re.compile('text.*"waiting"'))).to_have_count(2)
    expect(panel.health).to_be_hidden()


FILL = """
client = connect(server.url)
for number in range(300):
    client.send_bytes([number % 256])
client.send_ping(b"needle")
assert client.recv().type == "pong"  # else each later recv() is one behind
"""
FLOOD = """
client.send_text("x" * 500 + "haystack")
client.recv()
empty = bytes([0x82, 0x80, 0, 0, 0, 0])
found = bytes([0x82, 0x8c, 0, 0, 0, 0]) + b"in the flood"
client.send_raw(empty * 100 + found + empty * 3000)
server.log.wait_for(type="bytes", count=3401)
print(server.log.last_number)
"""


def test_every_row_of_a_flood_is_reached_and_searched(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, FILL, "client.send_text('the newest'); client.recv()", FLOOD)
    run(notebook, 1)
    follow = panel.button("Follow")
    expect(panel.rows("needle").first).to_be_visible()
    panel.list.hover()
    panel.page.mouse.wheel(0, -1500)
    expect(follow).to_have_attribute("aria-pressed", "false")
    before = panel.numbers()
    run(notebook, 2)
    expect(panel.button(re.compile(r"^↓ \d+ new$"))).to_be_visible()
    assert panel.numbers() == before
    panel.button(re.compile(r"^↓ \d+ new$")).click()
    expect(panel.rows('"the newest"').first).to_be_visible()
    last = int(run(notebook, 3))

    # No gap: every row, from the first to the last, is there when it is scrolled to.
    panel.list.press("Home")
    expect(panel.rows("Listening")).to_be_visible()
    for share in (0.25, 0.5, 0.75):
        panel.list.evaluate(
            "(list, share) => { list.scrollTop = list.scrollHeight * share; }", share
        )
        expect(panel.root.locator(".astra-k-waiting")).to_have_count(0)
        shown = panel.numbers()
        assert shown == list(range(shown[0], shown[0] + len(shown)))
    panel.list.press("End")
    expect(panel.rows().filter(has_text=f"{last}").first).to_be_visible()

    follow.click()
    panel.filter.fill("HAYSTACK")
    expect(panel.rows(re.compile(r'byte 500: "…x+haystack"'))).to_have_count(2)
    expect(panel.found).to_have_text(f"2 rows of {last:,} records")
    panel.rows().first.click()
    panel.filter.fill("")
    expect(panel.found).to_have_text("")
    expect(panel.root.locator(".astra-fresh")).to_be_hidden()  # all were in sight before
    panel.filter.fill("in the fl[o]+d$")
    expect(panel.root.locator(".astra-empty")).to_have_text("No row matches the filter.")
    panel.button(".*").click()
    expect(panel.rows('"in the flood"')).to_have_count(1)
    panel.filter.fill("(")
    expect(panel.found).to_contain_text("This is not a regular expression")
    panel.filter.fill("^(a|a)*$|^(x|x)*y$")
    expect(panel.found).to_contain_text("takes more than 0.1 s")
    panel.button(".*").click()
    panel.filter.fill("")
    panel.root.get_by_role("button", name="pong", exact=True).click()
    expect(panel.rows()).to_have_count(1)
    expect(panel.rows().first.locator(".astra-rem")).not_to_contain_text("ms")
    panel.rows().first.locator(".astra-rem button").click()
    expect(panel.title).to_contain_text("ping")


def test_a_panel_that_is_opened_late_shows_100000_records(desk: NotebookPage) -> None:
    first = """
from astra_nb import FrameLog
log = FrameLog()
for number in range(1000):
    log.append_frames(number % 50 + 1, "server", "sent", b"\\x89\\x02hi" * 100, 100)
log.panel()
"""
    panel, _ = open_panel(desk, first=first)
    expect(panel.tab("Frames")).to_contain_text("100,000")
    expect(panel.list).to_have_attribute("aria-rowcount", "100001")
    expect(panel.rows().last).to_be_visible()
    assert max(panel.numbers()) == 100_000
    panel.list.press("Home")
    expect(panel.rows("#1").first).to_be_visible()
    assert min(panel.numbers()) == 1
    panel.list.evaluate("(list) => { list.scrollTop = list.scrollHeight / 2; }")
    expect(panel.root.locator(".astra-k-waiting")).to_have_count(0)
    assert 49_000 < panel.numbers()[0] < 51_000
    expect(panel.root.locator(".astra-composer")).to_be_hidden()
    options = panel.root.locator(".astra-connection option")
    expect(options).to_have_count(1)  # no connection was opened in this log


ERRORS = """
import time
from astra_nb.errors import HandshakeFailed
one = connect(server.url); one.send_raw(b"\\x83\\x80\\x00\\x00\\x00\\x00")
server.log.wait_for(kind="closed")

@server.websocket("/fails")
def fails(socket):
    raise ValueError("oops")

two = connect(server.url + "fails")
server.log.wait_for(kind="closed", count=2)
try:
    connect(server.url + "nowhere")
except HandshakeFailed:
    pass
server.log.wait_for(kind="closed", count=3)
three = connect(server.url); server.log.wait_for(kind="opened", count=3); three.drop()
server.log.wait_for(kind="closed", count=4)
four = connect(server.url); four.send_ping(b"fine"); four.close()
server.log.wait_for(kind="closed", count=5)
None
"""


def test_every_error_is_counted_and_reached(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, ERRORS)
    run(notebook, 1)
    # A refused frame and its end, a handler's error, a refused handshake, an abnormal end.
    expect(panel.root.locator(".astra-errors")).to_have_text("5 errors")
    panel.root.get_by_role("button", name="errors", exact=True).click()
    expect(panel.rows()).to_have_count(5)
    texts = panel.rows().all_inner_texts()
    for text, part in zip(
        sorted(texts, key=lambda text: int(text.split()[0])),
        ("reserved", "Not clean", "ValueError: oops", "Refused", "Not clean"),
        strict=True,
    ):
        assert part in text
    panel.root.get_by_role("button", name="errors", exact=True).click()
    chosen = []
    for key in ("n", "n", "n", "N"):
        panel.list.press(key)
        chosen.append(panel.root.locator(".astra-chosen .astra-no").inner_text())
    assert chosen[0] != chosen[1] != chosen[2]
    assert chosen[3] == chosen[1]
    panel.tab("Why").click()
    expect(panel.body.locator(".astra-chain li").first).to_be_visible()
    choices = panel.root.locator(".astra-connection option").all_inner_texts()[1:]
    panel.tab("Connections").click()
    states = panel.root.locator(".astra-connection-row .astra-state")
    expect(states).to_have_count(len(choices))
    for choice, state in zip(choices, states.all_inner_texts(), strict=True):
        assert state == "open" or choice.split(" · ")[0].endswith(f" {state}")


def test_pause_says_how_many_wait_and_clear_can_be_undone(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk, "client = connect(server.url); client.send_text('one'); client.recv()"
    )
    panel.list.press("p")
    run(notebook, 1)
    expect(panel.button("Pause")).to_contain_text("Paused, 5 waiting")
    expect(panel.rows('"one"')).to_have_count(0)
    panel.list.press("p")
    expect(panel.rows('"one"')).to_have_count(2)
    panel.root.locator("summary", has_text="Columns").click()
    panel.button("Clear this view").click()
    expect(panel.rows()).to_have_count(0)
    panel.button("Undo").click()
    expect(panel.rows('"one"')).to_have_count(2)


def test_the_keyboard_reaches_everything_and_jupyter_nothing(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, "1")
    panel.open_client()
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"')).to_have_count(2)
    keyboard = panel.page.keyboard
    panel.list.focus()
    keyboard.press("End")
    expect(panel.title).to_contain_text("text to #1")
    keyboard.press("k")
    expect(panel.title).to_contain_text("text from #1")
    keyboard.press("2")
    expect(panel.body.locator(".astra-figure")).to_be_visible()
    keyboard.press("Enter")
    expect(panel.body).to_be_focused()
    keyboard.press("Tab")
    expect(panel.body.locator(".astra-figure-cell").first).to_be_focused()
    keyboard.press("ArrowRight")
    expect(panel.body.locator(".astra-says")).to_contain_text("RSV1 = 0")
    keyboard.press("Escape")
    expect(panel.inspector).to_be_hidden()
    expect(panel.list).to_be_focused()
    keyboard.press("t")
    expect(panel.rows().first.locator(".astra-time")).to_contain_text(re.compile(r"^[+-]\d"))
    keyboard.press("t")
    keyboard.press("?")
    expect(panel.root.locator(".astra-keys")).to_contain_text("edit and send again")
    keyboard.press("?")
    for key in ("x", "d", "d", "a", "b", "y", "z"):
        keyboard.press(key)
    assert len(notebook.save().cells) == 2
    keyboard.press("/")
    expect(panel.filter).to_be_focused()
    keyboard.type("Hello")
    expect(panel.found).to_contain_text("rows of")
    panel.tab("Frames").focus()
    keyboard.press("ArrowRight")
    expect(panel.tab("Sequence")).to_be_focused()
    expect(panel.rows().last.locator(".astra-ladder .astra-arrow")).to_have_count(1)
    expect(panel.rows().last.locator(".astra-ladder")).to_contain_text("to #1")


def test_connections_are_sorted_and_followed(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk, "named = lambda n: connect(server.url, headers={'User-Agent': f'kim/{n}'})\n"
        "clients = [named(n) for n in range(60)]\n"
        "clients[3].close(); server.log.wait_for(kind='closed')\n"
        "clients[5].send_text('five'); clients[5].recv(); None"
    )  # fmt: skip
    run(notebook, 1)
    panel.tab("Connections").click()
    rows = panel.root.locator(".astra-connection-row")
    expect(rows).to_have_count(60)
    expect(rows.nth(3)).to_contain_text("The client closed first with 1000")
    expect(rows.nth(5)).to_contain_text("kim 5")
    for width in ("1400px", "600px", ""):
        panel.root.evaluate("(root, width) => { root.style.width = width; }", width)
        whole = (
            "(one) => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight"
        )
        assert rows.nth(3).locator(".astra-why").evaluate(whole)
    panel.root.locator(".astra-connections").get_by_role("button", name="Received").click()
    panel.root.locator(".astra-connections").get_by_role("button", name="Received").click()
    expect(rows.first).to_contain_text("#6")
    rows.first.click()
    expect(panel.rows('"five"')).to_have_count(2)
    expect(panel.rows()).to_have_count(5)
    options = panel.root.locator(".astra-connection option")
    expect(options).to_have_count(61)
    panel.list.press("f")
    panel.root.locator(".astra-connection").select_option("0")
    expect(panel.rows("#60").first).to_be_visible()
    panel.choose("#60")
    panel.tab("Handshake").click()
    panel.tab("Connections").click()
    rows.filter(has_text="The client closed first").click()
    expect(panel.title).to_contain_text("closed #4")
    expect(panel.inspector.get_by_role("tab", name="Why")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(panel.root.locator(".astra-chosen")).to_have_class(re.compile("astra-k-closed"))


def test_the_handshake_explains_itself(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.choose("101 Switching Protocols")
    steps = panel.body.locator(".astra-steps li")
    expect(steps).to_have_count(4)
    accept = panel.body.locator("dt", has_text="Sec-WebSocket-Accept").locator("+ dd bdi")
    assert steps.last.locator("code").inner_text() == accept.inner_text()


def test_two_panels_show_the_same_and_one_may_be_in_a_box(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk,
        "import ipywidgets\nsecond = server.panel(bits=True)\n"
        "ipywidgets.Tab([ipywidgets.HBox([second])])",
        "panel.close(); len(str(second))",
    )
    run(notebook, 1)
    second = Console(panel.page, 1)
    panel.open_client()
    panel.send("text", "Hello")
    expect(second.rows('"Hello"')).to_have_count(2)
    expect(panel.rows('"Hello"')).to_have_count(2)
    expect(second.rows('"Hello"').first.locator(".astra-bits")).to_have_text("F ··· M")
    expect(panel.rows('"Hello"').first.locator(".astra-bits")).to_be_hidden()
    run(notebook, 2)
    left = Console(panel.page)
    left.open_client()
    left.send("text", "still here")
    expect(left.rows("still here")).to_have_count(2)


def test_the_panel_of_a_client_connects_again(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk, first=f"{ECHO}panel = connect(server.url).panel()\npanel")
    expect(panel.state).to_have_text("connected")
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"')).to_have_count(2)
    panel.button(re.compile("^Close with 1000,")).click()
    expect(panel.state).to_have_text("closed")
    panel.button("Connect…").click()
    panel.root.get_by_label("Headers").fill("X-Name: kim")
    panel.root.locator(".astra-drawer").get_by_role("button", name="Connect").click()
    expect(panel.state).to_have_text("connected")
    panel.send("ping", "again")
    expect(panel.rows(re.compile(r"pong.*RTT"))).to_be_visible()


def test_a_reloaded_page_and_a_restarted_kernel(lab: Lab) -> None:
    panel, notebook = open_panel(
        lab, 'print(len(server.log.filter(type="text", direction="received")))'
    )
    panel.open_client()
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"')).to_have_count(2)
    notebook.save()
    notebook.load()
    again = Console(notebook.page)
    expect(again.rows('"Hello"')).to_have_count(2)
    expect(again.root.locator(".astra-where")).to_have_text("✓ this page")
    again.send("text", "after the reload")
    expect(again.rows("after the reload").first).to_be_visible()

    # The kernel restarted under it: the panel says so, for good, and its cell makes a new one.
    notebook.kernel("restart")
    expect(again.health).to_contain_text("The kernel of this panel is gone")
    expect(again.state).to_have_text("kernel gone")
    run(notebook, 0)
    expect(again.rows("Listening")).to_be_visible()
    expect(again.rows("Hello")).to_have_count(0)
    again.open_client()
    again.send("text", "Hello")
    expect(again.rows('"Hello"')).to_have_count(2)
    expect(again.health).to_be_hidden()
    assert run(notebook, 1) == "1"


def test_a_stopped_server_is_not_running_and_its_panel_says_so(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, "server.shutdown()")
    where = panel.root.locator(".astra-where")
    expect(where).to_have_text("✓ this page")
    run(notebook, 1)
    expect(panel.state).to_have_text("not running")
    expect(where).to_have_text("this page")  # neither reached nor blocked
    where.click()
    check = panel.root.locator(".astra-check")
    expect(check).to_have_text("The server is not running. Run server.run() in a cell.")


def test_without_a_kernel_the_last_state_is_a_table(lab: Lab) -> None:
    panel, notebook = open_panel(lab)
    panel.open_client()
    panel.send("text", "Hello")
    expect(panel.rows('"Hello"')).to_have_count(2)

    def stored() -> str:
        outputs = notebook.cell(0).outputs
        return json.dumps([output.get("data", {}).get("text/html", "") for output in outputs])

    wait_until(lambda: "Hello" in stored(), timeout=20)
    expect(panel.page.locator("[data-astra-copy]")).to_be_hidden()
    notebook.save()
    notebook.close()
    lab.server.shut_down_sessions()
    reopened = lab.open("panel.ipynb")
    table = reopened.page.locator("[data-astra-copy] table")
    expect(table).to_be_visible()
    expect(table).to_contain_text("Hello")
    # JupyterLab's own word on a notebook whose kernel is gone.
    reopened.console_errors[:] = [
        each for each in reopened.console_errors if "widget model not found" not in each
    ]


def test_a_page_that_comes_late_still_gets_its_table(desk: NotebookPage) -> None:
    first = (
        "from astra_nb import FrameLog\nlog = FrameLog()\n"
        "log.append_frames(1, 'server', 'sent', b'\\x89\\x04late', 1)\npanel = log.panel()"
    )
    desk.begin([first, "import time; time.sleep(3)", "panel"])
    desk.run_all()
    expect(Console(desk.page).rows("late").first).to_be_visible()
    wait_until(lambda: "late" in json.dumps(desk.cell(2).outputs[-1]["data"]), timeout=20)


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_it_fits_600_pixels_and_works_in_both_front_ends(lab: Lab, app: App) -> None:
    panel, _ = open_panel(lab, width=860 if app == "lab" else 640, app=app)
    panel.open_client()
    for _ in range(6):
        panel.send("text", "Hello")
    panel.choose('"Hello"')
    box = panel.root.bounding_box()
    assert box is not None
    assert 400 < box["width"] < 700
    overflow = panel.root.evaluate("(root) => root.scrollWidth - root.clientWidth")
    assert overflow <= 1
    for name in ("Send text", "Send pong"):
        expect(panel.button(name)).to_be_in_viewport()
    fits = panel.root.evaluate(
        "(root) => [...root.querySelectorAll('.astra-composer button, .astra-composer input')]"
        ".filter((each) => each.offsetParent).every((each) => {"
        " const [own, all] = [each.getBoundingClientRect(), root.getBoundingClientRect()];"
        " return own.left >= all.left && own.right <= all.right + 1 && own.bottom <= all.bottom; })"
    )
    assert fits
    whole = panel.list.evaluate("(list) => Math.floor((list.clientHeight - 24) / 20)")
    assert whole >= 8


def test_it_fills_a_view_of_its_own(lab: Lab) -> None:
    _, notebook = open_panel(lab, height=1200)
    select = "globalThis.jupyterapp.shell.currentWidget.content.activeCellIndex = 0"
    notebook.page.evaluate(f"() => {{ {select}; }}")
    notebook.execute("notebook:create-output-view")
    own = notebook.page.locator(".jp-LinkedOutputView .astra-console")
    expect(own).to_be_visible()
    pane = notebook.page.locator(".jp-LinkedOutputView").bounding_box()

    def fills() -> bool:
        box = own.bounding_box()
        return box is not None and pane is not None and box["height"] >= pane["height"] - 40

    wait_until(fills, timeout=10)


def test_the_payload_has_most_of_the_width(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.send("text", "Hello")
    for width, least in ((900, 400), (1300, 700), (600, 300)):
        panel.root.evaluate("(root, width) => { root.style.width = `${width}px`; }", width)
        box = panel.rows('"Hello"').first.locator(".astra-pay").bounding_box()
        assert box is not None
        assert box["width"] >= least


def test_axe_finds_nothing_that_shuts_people_out(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    panel.open_client()
    panel.send("text", '{"a": 1}')
    panel.choose("text")

    def check(opened: str, options: dict[str, Any]) -> None:
        found = Axe().run(panel.page, context=".astra-console", options=options)
        said = [
            (each["id"], each["help"], [n["html"][:200] for n in each["nodes"]])
            for each in found.response["violations"]
        ]
        assert said == [], opened

    for name in ("Payload", "Bits", "Handshake", "Sequence", "Connections", "Frames"):
        panel.tab(name).click()
        check(name, {})
    for name in ("Fragments…", "Break a rule…", "Saved…", "Connect…"):
        panel.button(name).click()
        check(name, {})
    panel.root.locator("summary", has_text="Save").first.click()
    expect(panel.root.get_by_role("heading", name="Save the whole log")).to_be_visible()
    check("Save", {})
    panel.list.press("?")
    check("keys", {})
    panel.list.press("?")
    desk.set_theme("dark")
    for name in ("Bits", "Connections", "Frames"):
        panel.tab(name).click()
        check(f"{name}, dark", {"runOnly": ["color-contrast"]})
    desk.set_theme("light")
