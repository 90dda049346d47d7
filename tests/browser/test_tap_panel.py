"""The panel of a tap in a real browser, and the requests that a client's panel keeps."""

from __future__ import annotations

import json
import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.console import ECHO, Console, open_panel, run
from tests.browser.lab import NotebookPage

TAP = f"""{ECHO}
def quiet(message):
    pass

t = tap(server.url, rules=[quiet])
panel = t.panel()
panel
"""
ASK = """
client = connect(t.url, timeout=5)
client.send_text("Hello <b>")
try:
    print(client.recv(timeout=0.5).value)
except Exception as problem:
    print(type(problem).__name__)
"""


def add_rule(panel: Console, act: str, value: str = "", **criteria: str) -> Locator:
    """Add a rule by its form; return its switch."""
    names = {"type": "Type of the messages", "sender": "Whose messages"}
    for name, label in names.items():
        panel.root.get_by_label(label).select_option(criteria.get(name, ""))
    panel.root.get_by_label("that contain").fill(criteria.get("text", ""))
    panel.root.get_by_label("What the rule does").select_option(act)
    field = panel.root.get_by_label("Value for the rule")
    if value:
        field.fill(value)
    else:
        expect(field).to_be_hidden()
    count = panel.root.locator(".astra-rules .astra-toggle").count()
    panel.button("Add rule").click()
    expect(panel.root.locator(".astra-rules .astra-toggle")).to_have_count(count + 1)
    return panel.root.locator(".astra-rules .astra-toggle").last


def test_the_rules_of_a_tap_by_their_controls(desk: NotebookPage) -> None:
    panel, notebook = open_panel(
        desk, ASK, "print([getattr(each, 'act', each) for each in t.rules[1:]])", "t.shutdown()",
        "t.rules.append(print)", first=TAP,
    )  # fmt: skip
    expect(panel.state).to_have_text("listening")
    panel.button(re.compile("^Rules")).click()
    rules = panel.root.locator(".astra-rules")
    expect(rules).to_have_text("function quiet")

    # Each act, as the client on the other side of the tap sees it.
    replace = add_rule(panel, "replace", "<i>43", text="<b>", sender="client", type="text")
    expect(panel.code).to_have_text(
        "panel.add_rule('replace', '<i>43', sender='client', type='text', text='<b>')"
    )
    expect(replace).to_contain_text('text from the client with "<b>": replace by "<i>43"')
    assert run(notebook, 1) == "<i>43"
    replace.click()
    expect(replace).to_have_attribute("aria-pressed", "false")
    expect(panel.sentence).to_contain_text("is off")
    expect(replace).to_contain_text("off")  # drawn again, which moves the focus: then a cell is run
    assert run(notebook, 1) == "Hello <b>"
    drop = add_rule(panel, "drop", sender="server", type="text")
    assert run(notebook, 1) == "WaitTimeout"
    drop.click()
    add_rule(panel, "delay", "0.01", type="text")
    assert run(notebook, 1) == "Hello <b>"
    expect(panel.rows("A rule delayed it by 0.01 s").first).to_be_visible()
    cut = add_rule(panel, "cut", "3", sender="server")
    assert run(notebook, 1) == "ConnectionClosed"
    cut.click()
    expect(cut).to_contain_text("off")
    run(notebook, 2)
    expect(notebook.cell(2).output).to_contain_text("['replace', 'drop', 'delay', 'cut']")
    for _ in range(4):
        rules.get_by_role("button", name=re.compile("^Remove rule")).first.click()
        expect(panel.sentence).to_contain_text("Removed rule")
    expect(rules).to_have_text("function quiet")
    run(notebook, 4)
    panel.button(re.compile("^Rules")).click()
    panel.button(re.compile("^Rules")).click()
    expect(rules).to_contain_text("function print")

    # What cannot be is said.
    panel.root.get_by_label("What the rule does").select_option("delay")
    panel.root.get_by_label("Value for the rule").fill("long")
    panel.button("Add rule").click()
    expect(panel.sentence).to_contain_text("delay is a positive number of seconds, not 'long'")

    run(notebook, 3)
    expect(panel.state).to_have_text("not running")
    expect(panel.root.locator(".astra-held")).to_contain_text("The tap was shut down")
    expect(panel.button("Add rule")).to_be_disabled()


def test_what_a_rule_holds_is_edited_and_let_go(desk: NotebookPage) -> None:
    send = "client = connect(t.url); client.send_text('a <b>'); client.send_text('c')"
    panel, notebook = open_panel(
        desk, send, "print(client.recv(5).value)", "client.send_bytes(b'\\x00')", first=TAP
    )
    held = panel.root.locator(".astra-held")
    payload = panel.root.get_by_label("Payload of the held message")
    expect(held).to_have_text("nothing is held")
    expect(panel.button("Release all")).to_be_disabled()
    panel.button(re.compile("^Rules")).click()
    add_rule(panel, "hold", sender="client")
    found = Axe().run(panel.page, context=".astra-console")
    assert [each["id"] for each in found.response["violations"]] == []
    panel.button(re.compile("^Rules")).click()
    run(notebook, 1)
    expect(held).to_have_text("2 held, first is message 1: text from the client on #1: a <b>")
    panel.button("Edit").click()
    expect(payload).to_have_value("a <b>")
    expect(payload).to_be_focused()
    payload.fill("edited <i>")
    payload.press("Enter")
    expect(panel.code).to_have_text("panel.release(1, 'edited <i>')")
    assert run(notebook, 2) == "edited <i>"
    expect(held).to_contain_text("1 held, first is message 2")
    panel.button("Release").click()
    expect(panel.code).to_have_text("panel.release(2)")
    assert run(notebook, 2) == "c"
    run(notebook, 3)
    panel.button("Edit").click()
    expect(payload).to_have_value("00")
    panel.button("Release all").click()
    expect(panel.sentence).to_have_text("Released 1 message.")
    panel.button("Let go").click()
    expect(panel.sentence).to_contain_text("message 3 is not held now")
    assert panel.root.locator("i, script").count() == 0
    panel.list.press("End")
    panel.list.press("e")
    expect(panel.sentence).to_have_text("This panel cannot send.")


CLIENT = """
from astra_nb import http, connect
server = http.server.new(port=0)

@server.websocket("/")
def echo(socket):
    for message in socket:
        pass

server.run()
panel = connect(server.url).panel()
panel
"""
SENT = """
sent = server.connections[-1].request_with_secrets
print([sent.path, sent.headers["Authorization"], sent.headers["Cookie"], sent.headers["X-Name"]])
"""


def test_a_request_is_saved_and_sent_again_with_its_secrets(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, SENT, "print(server.url)", first=CLIENT)
    url = run(notebook, 2)
    panel.button("Connect…").click()
    address, headers = (
        panel.root.get_by_label("Address", exact=True),
        panel.root.get_by_label("Headers"),
    )
    address.fill(f"{url}?token=swordfish")
    headers.fill("X-Name <b>")
    panel.button("Save request").click()
    expect(panel.sentence).to_contain_text('"X-Name <b>" is not a header')
    headers.fill("Authorization: Bearer marlin\nCookie: a=1; b=2\nX-Name: <b>kim")
    panel.button("Save request").click()
    expect(panel.sentence).to_have_text("Saved as request 1.")
    expect(panel.code).to_contain_text("'Authorization': '<hidden>'")
    panel.button("Saved…").click()
    panel.button(re.compile("^1 · .*token=<hidden> with headers$")).click()
    expect(address).to_have_value(f"{url}?token=<hidden>")
    shown = "Authorization: <hidden>\nCookie: <hidden>\nX-Name: <b>kim"
    expect(headers).to_have_value(shown)
    headers.fill(shown.replace("kim", "lea"))
    panel.root.locator(".astra-drawer").get_by_role("button", name="Connect").click()
    expect(panel.sentence).to_contain_text("A client in the kernel has connected")
    expect(panel.code).to_contain_text("saved=1)")
    assert run(notebook, 1) == str(["/?token=swordfish", "Bearer marlin", "a=1; b=2", "<b>lea"])
    assert panel.root.locator("b:has-text('kim'), b:has-text('lea')").count() == 0
    notebook.save()
    stored = json.dumps(notebook.cell(0).outputs) + panel.root.inner_text()
    assert "swordfish" not in stored
    assert "marlin" not in stored
    panel.button("Saved…").click()
    panel.button(re.compile("^Remove 1 ·")).click()
    expect(panel.button(re.compile("^1 ·"))).to_have_count(0)
