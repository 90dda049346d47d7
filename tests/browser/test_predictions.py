"""Predictions as a person answers them: with the keyboard, in both themes, after a restart."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from astra_nb.exercises.progress import FILE_NAME
from tests.browser.lab import Lab, NotebookPage, Theme

ASK = """\
from astra_nb import predict

count = predict("How many frames does the client send without being told to?")
types = predict("Which ones, in their order?", "frames")
first = predict("Who closes first?", ["the client", "the server"])
"""
TRUTH = """\
from astra_nb import Server, connect

with Server(port=0) as server:
    server.websocket("/", lambda socket: socket.send_ping("Are you there?"))
    with connect(server.url) as client:
        client.wait_closed(timeout=5)
    closed = server.log.wait_for(kind="closed")

sent = server.log.filter(kind="frame", direction="received")
count.check(sent)
types.check(sent)
first.check(f"the {closed.first}")
"""


def forms(page: NotebookPage) -> list[Locator]:
    return page.cell(0).output.locator(".astra-predict").all()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_predictions_are_answered_and_told(lab: Lab, theme: Theme) -> None:
    (lab.server.root / FILE_NAME).unlink(missing_ok=True)
    lab.set_theme(theme)
    lab.write(f"predict-{theme}.ipynb", [ASK, TRUTH])
    page = lab.open(f"predict-{theme}.ipynb")
    page.cell(0).run()
    group = page.cell(0).output.get_by_role("group", name="How many frames does the client send")
    expect(group).to_be_visible()
    page.screenshot(f"predict-open-{theme}")
    page.cell(1).run()
    assert page.cell(1).text == (
        "You gave no answer; there were 2 frames: pong, close.\n"
        "You gave no answer; it was pong, close.\n"
        'You gave no answer; the answer is "the server".'
    )
    page.screenshot(f"predict-none-{theme}")

    # By keyboard alone: Enter notes what is typed, and arrows choose.
    field = group.get_by_label("a whole number")
    field.focus()
    page.page.keyboard.type("two")
    page.page.keyboard.press("Enter")
    expect(group.get_by_role("status")).to_contain_text("'two' is not an answer here.")
    page.screenshot(f"predict-unread-{theme}")
    field.fill("2")
    page.page.keyboard.press("Tab")
    expect(group.get_by_role("status")).to_have_text("Noted: 2. Now run the next cell.")
    types = page.cell(0).output.get_by_role("group", name="Which ones, in their order?")
    types.get_by_label("types of frames in order").fill("close")
    types.get_by_role("button", name="Note it").click()
    expect(types.get_by_role("status")).to_have_text("Noted: close. Now run the next cell.")
    first = page.cell(0).output.get_by_role("group", name="Who closes first?")
    first.get_by_label("the client").focus()
    page.page.keyboard.press("Space")
    page.page.keyboard.press("ArrowDown")
    expect(first.get_by_label("the server")).to_be_checked()
    expect(first.get_by_role("status")).to_have_text('Noted: "the server". Now run the next cell.')
    page.cell(1).run()
    told = (
        "Right. You said 2 frames; there were 2: pong, close.\n"
        "Not right. You said close; it was pong, close.\n"
        'Right. You said "the server"; the answer is "the server".'
    )
    assert page.cell(1).text == told
    expect(group.get_by_role("status")).to_have_text(told.splitlines()[0])
    page.screenshot(f"predict-told-{theme}")
    found = Axe().run(page.page, context=".astra-predict")
    assert [(v["id"], v["help"]) for v in found.response["violations"]] == []

    page.kernel("restart")
    page.run_all()
    assert page.cell(1).text == told
    expect(forms(page)[0].get_by_role("textbox")).to_have_value("2")
    expect(forms(page)[2].get_by_label("the server")).to_be_checked()
    page.screenshot(f"predict-restored-{theme}")
