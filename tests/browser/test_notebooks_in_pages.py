"""The notebooks that want a page, 9 and 11, as a person plays them."""

from __future__ import annotations

import re

import nbformat
from playwright.sync_api import Page, expect

from tests.browser.lab import Lab, NotebookPage
from tests.helpers import REPOSITORY

NOTEBOOKS = REPOSITORY / "notebooks"


def code_cells(name: str) -> list[str]:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    return [cell.id for cell in notebook.cells if cell.cell_type == "code"]


def run(page: NotebookPage, cells: list[str]) -> None:
    for cell in cells:
        page.cell(cell).run()
    assert page.errors() == []


def test_notebook_9_shows_a_page_and_the_server_beside_it(lab: Lab) -> None:
    name = "09-in-the-browser.ipynb"
    cells = code_cells(name)
    ends = cells.index("page") + 1
    page = lab.open(lab.add(NOTEBOOKS / name))
    run(page, cells[:ends])
    client = page.cell("page").output.locator(".astra-browser")
    events = client.locator(".astra-page-rows li")

    def press(button: str, payload: str | None = None) -> None:
        if payload is not None:
            client.get_by_label("Payload", exact=True).fill(payload)
        client.get_by_role("button", name=button, exact=True).click()

    for text, ending in (
        ("close 4001", 'code4001reason"as you asked"wasCleantrue'),
        ("drop", 'code1006reason""wasCleanfalse'),
    ):
        press("Connect")
        expect(events.filter(has_text=re.compile("[↑↓] open"))).to_be_visible()
        press("send text", text)
        expect(events.filter(has_text=re.compile("[↑↓] close")).last).to_contain_text(ending)
    page.screenshot("notebook-9-page")

    press("Connect")
    expect(events.filter(has_text=re.compile("[↑↓] open"))).to_be_visible()
    run(page, cells[ends:])
    # What the kernel's client reports is what the page reported.
    of_close, of_drop, *_ = page.cell("kernel").text.splitlines()
    assert of_close.startswith("close 4001  4001  received CloseFrame(code=4001")
    assert of_drop == "drop        1006  received None"
    assert page.cell("pages").text.endswith("a browser was here")
    expect(events.filter(has_text=re.compile("[↑↓] close")).last).to_contain_text("code1001")


def test_notebook_11_is_played_from_two_tabs(lab: Lab) -> None:
    name = "11-a-chat.ipynb"
    cells = code_cells(name)
    played = cells.index("tabs") + 1
    page = lab.open(lab.add(NOTEBOOKS / name))
    run(page, cells[:played])
    address = page.cell("tabs").text
    first, second = page.context.new_page(), page.context.new_page()
    for number, tab in enumerate((first, second), start=1):
        tab.goto(address)
        tab.get_by_role("button", name="Connect").click()
        expect(tab.get_by_role("log")).to_contain_text(f"guest{number} joined")

    def say(tab: Page, line: str) -> None:
        tab.get_by_label("Text to send").fill(line)
        tab.get_by_role("button", name="Send").click()

    say(first, "/name Ada")
    expect(first.get_by_label("Text to send")).to_have_value("")
    expect(second.get_by_role("log")).to_contain_text("guest1 is now called Ada")
    say(second, "Hello, Ada <b>bold</b>")
    expect(first.get_by_role("log")).to_contain_text("guest2: Hello, Ada <b>bold</b>")
    say(second, "/name Ada")
    expect(second.get_by_role("log")).to_contain_text("'Ada' is taken or is not a name")
    page.screenshot("notebook-11-panel")
    second.close()
    expect(first.get_by_role("log")).to_contain_text("guest2 left")
    expect(page.cell("live-panel").output).to_contain_text("1001 going away")

    page.page.bring_to_front()
    run(page, cells[played:])
    # The conversation of the kernel's two clients begins alone.
    expect(first.get_by_role("log")).to_contain_text("close: code 1000")
    assert page.cell("kernel-two").text.splitlines()[0] == "Lou reads: guest4 joined"
