"""Predictions as a person answers them: with the keyboard, in both themes, after a restart."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from astra_nb.exercises.progress import FILE_NAME
from tests.browser.lab import App, Lab, NotebookPage, Theme

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
    expect(group.get_by_role("status")).to_have_text(
        "Noted: 2. Now answer the other 2 questions of this cell."
    )
    types = page.cell(0).output.get_by_role("group", name="Which ones, in their order?")
    types.get_by_label("types of frames in order").fill("close")
    types.get_by_role("button", name="Note it").click()
    expect(types.get_by_role("status")).to_have_text(
        "Noted: close. Now answer the other question of this cell."
    )
    expect(group.get_by_role("status")).to_have_text("Noted: 2.")
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


ONE = """\
from astra_nb import predict

count = predict("How many frames?")
print("asked")
"""
CHOICE = """\
first = predict("Who closes first?", ["the client", "the server"])
"""


def ran(page: NotebookPage, *counts: int | None) -> None:
    """Wait until the cell that should have run last has its number, and compare all of them."""
    last = max(range(len(counts)), key=lambda index: counts[index] or 0)
    expect(page.cell(last).locator.locator(".jp-InputPrompt")).to_have_text(f"[{counts[last]}]:")
    assert tuple(page.cell(index).execution_count for index in range(len(counts))) == counts


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_after_an_answer_shift_enter_runs_the_next_cell(lab: Lab, app: App) -> None:
    (lab.server.root / FILE_NAME).unlink(missing_ok=True)
    lab.write(f"go-on-{app}.ipynb", [ONE, CHOICE, "'third'", "'fourth'"])
    page = lab.open(f"go-on-{app}.ipynb", app=app)
    keyboard = page.page.keyboard
    page.cell(0).run()
    first = page.cell(0).output
    field, status = first.get_by_label("a whole number"), first.get_by_role("status")

    # Nothing that is typed is taken for a command, and the focus stays where the answer is wrong.
    field.click()
    keyboard.type("abc")
    keyboard.press("Enter")
    expect(status).to_contain_text("'abc' is not an answer here.")
    expect(field).to_be_focused()
    keyboard.press("ControlOrMeta+a")
    keyboard.type("2")
    keyboard.press("Tab")
    expect(status).to_have_text("Noted: 2. Now run the next cell.")
    expect(first.get_by_role("button", name="Note it")).to_be_focused()

    # Enter in the field.
    field.click()
    keyboard.press("ControlOrMeta+a")
    keyboard.type("3")
    keyboard.press("Enter")
    expect(page.cell(1).locator).to_be_focused()
    keyboard.press("Shift+Enter")
    ran(page, 1, 2, None, None)

    # The button, and a button with nothing new to note.
    field.click()
    field.fill("4")
    first.get_by_role("button", name="Note it").click()
    expect(page.cell(1).locator).to_be_focused()
    first.get_by_role("button", name="Note it").click()
    keyboard.press("Shift+Enter")
    ran(page, 1, 3, None, None)

    # The choices: with the pointer, and with arrows, which do not leave them.
    second = page.cell(1).output
    second.get_by_label("the client").click()
    expect(page.cell(2).locator).to_be_focused()
    second.get_by_label("the client").focus()
    keyboard.press("ArrowDown")
    expect(second.get_by_role("status")).to_contain_text('"the server"')
    expect(second.get_by_label("the server")).to_be_focused()
    keyboard.press("Shift+Enter")
    ran(page, 1, 3, 4, None)
    expect(page.cell(3).locator).to_be_focused()

    # Shift+Enter with a new answer in the field notes it first.
    field.click()
    keyboard.press("ControlOrMeta+a")
    keyboard.type("5")
    keyboard.press("Shift+Enter")
    expect(status).to_have_text("Noted: 5. Now run the next cell.")
    expect(page.cell(1).locator).to_be_focused()
    keyboard.press("Shift+Enter")
    ran(page, 1, 5, 4, None)
