"""The ten usual acts take at most two clicks or keys each beyond typing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.console import Console, open_panel, run
from tests.browser.lab import NotebookPage

TALK = """
one = connect(server.url); two = connect(server.url)
one.send_text("first words"); one.recv()
two.send_bytes(bytes(range(8)))
one.send_raw(b"\\x83\\x80\\x00\\x00\\x00\\x00")
server.log.wait_for(kind="closed")
one = connect(server.url)
server.log.wait_for(kind="opened", count=3)
two.send_text("last words"); two.recv(); None
"""
MOST = 2


class Counted:
    """Counts clicks and keys; typing into a field, and the way into it, is free."""

    def __init__(self, panel: Console) -> None:
        self.panel = panel
        self.count = 0

    def click(self, target: Locator, **options: object) -> None:
        self.count += 1
        target.click(**options)  # type: ignore[arg-type]

    def key(self, key: str) -> None:
        self.count += 1
        self.panel.page.keyboard.press(key)

    def type(self, field: Locator, text: str) -> None:
        field.fill(text)


@pytest.fixture
def act(desk: NotebookPage) -> Callable[[Callable[[Counted], None]], None]:
    panel, notebook = open_panel(desk, TALK)
    notebook.context.grant_permissions(["clipboard-read", "clipboard-write"])
    run(notebook, 1)
    expect(panel.rows('"last words"')).to_have_count(2)

    def count(does: Callable[[Counted], None]) -> None:
        counted = Counted(panel)
        does(counted)
        assert counted.count <= MOST, does.__name__

    return count


def reset(panel: Console) -> None:
    panel.page.keyboard.press("Escape")
    panel.page.keyboard.press("Escape")
    panel.filter.fill("")
    panel.root.locator(".astra-connection").select_option("0")
    if panel.button("Follow").get_attribute("aria-pressed") == "false":
        panel.button("Follow").click()
    panel.list.focus()


def test_by_mouse(act: Callable[[Callable[[Counted], None]], None]) -> None:
    def last_frames_bytes(use: Counted) -> None:
        use.click(use.panel.rows('"last words"').last)
        use.click(use.panel.tab("Bits"))
        expect(use.panel.body.locator(".astra-hex")).to_contain_text("6c617374")

    def copy_a_payload(use: Counted) -> None:
        use.click(use.panel.rows('"last words"').last)
        use.click(use.panel.button("Copy payload"))
        expect(use.panel.sentence).to_contain_text("Copied 10 characters")

    def compare_two_frames(use: Counted) -> None:
        use.click(use.panel.rows('"last words"').first)
        expect(use.panel.body).to_contain_text("last words")
        use.click(use.panel.rows('"last words"').last, modifiers=["Shift"])
        expect(use.panel.body).to_contain_text("The payloads are the same.")

    def why_it_closed(use: Counted) -> None:
        use.click(use.panel.rows("Not clean").first)
        expect(use.panel.body.locator(".astra-chain")).to_contain_text("1002")

    def jump_to_an_error(use: Counted) -> None:
        use.click(use.panel.root.locator(".astra-errors"))
        expect(use.panel.root.locator(".astra-chosen")).to_contain_text("refused")

    def find_by_text(use: Counted) -> None:
        use.type(use.panel.filter, "last words")
        expect(use.panel.rows()).to_have_count(2)

    def follow_one_connection(use: Counted) -> None:
        use.click(use.panel.rows('"last words"').last.get_by_role("button", name="#2"))
        expect(use.panel.rows("#1")).to_have_count(0)

    def save_the_log(use: Counted) -> None:
        use.click(use.panel.root.locator("summary", has_text="Save").first)
        use.click(use.panel.button("Save as JSON Lines (.jsonl)"))
        expect(use.panel.sentence).to_contain_text("Saved as")

    def send_text(use: Counted) -> None:
        use.type(use.panel.payload, "Hello")
        use.click(use.panel.button("Send text"))
        expect(use.panel.sentence).to_contain_text("Sent text to #")

    def send_ping(use: Counted) -> None:
        use.click(use.panel.button("Send ping"))
        expect(use.panel.sentence).to_contain_text("Sent ping to #")

    def close_one_with_1008_and_a_reason(use: Counted) -> None:
        use.click(use.panel.rows('"last words"').last)
        use.type(use.panel.root.locator(".astra-reason"), "enough")
        use.click(use.panel.button(re.compile("^Close with 1008,")))
        expect(use.panel.sentence).to_have_text("Sent close 1008 to #2.")

    for does in (last_frames_bytes, copy_a_payload, compare_two_frames, why_it_closed,
                 jump_to_an_error, find_by_text, follow_one_connection, save_the_log, send_text,
                 send_ping, close_one_with_1008_and_a_reason):  # fmt: skip

        def fresh(use: Counted, does: Callable[[Counted], None] = does) -> None:
            reset(use.panel)
            does(use)

        act(fresh)


def test_by_keyboard(act: Callable[[Callable[[Counted], None]], None]) -> None:
    def last_frames_bytes(use: Counted) -> None:
        use.key("End")
        expect(use.panel.body).to_contain_text("last words")
        use.key("2")
        expect(use.panel.body.locator(".astra-hex")).to_contain_text("6c617374")

    def copy_a_payload(use: Counted) -> None:
        use.key("End")
        use.key("Control+c")
        expect(use.panel.sentence).to_contain_text("Copied 10 characters")

    def compare_two_frames(use: Counted) -> None:
        use.panel.page.keyboard.press("End")  # a row is chosen already
        expect(use.panel.body).to_contain_text("last words")
        use.key("m")
        use.key("k")
        expect(use.panel.body).to_contain_text("The payloads are the same.")
        use.panel.page.keyboard.press("m")

    def jump_to_an_error(use: Counted) -> None:
        use.key("n")
        expect(use.panel.root.locator(".astra-chosen")).to_contain_text("refused")

    def why_it_closed(use: Counted) -> None:
        use.key("n")
        use.key("4")
        expect(use.panel.body.locator(".astra-chain")).to_contain_text("1002")

    def find_by_text(use: Counted) -> None:
        use.key("/")
        use.panel.page.keyboard.type("last words")
        expect(use.panel.rows()).to_have_count(2)

    def follow_one_connection(use: Counted) -> None:
        use.key("End")
        expect(use.panel.body).to_contain_text("last words")
        use.key("f")
        expect(use.panel.rows("#1")).to_have_count(0)

    def save_the_log(use: Counted) -> None:
        use.key("s")
        expect(use.panel.button("Save as JSON Lines (.jsonl)")).to_be_focused()
        use.key("Enter")
        expect(use.panel.sentence).to_contain_text("Saved as")

    def send_text(use: Counted) -> None:
        use.type(use.panel.payload, "Hello")
        use.panel.payload.focus()
        use.key("Enter")
        expect(use.panel.sentence).to_contain_text("Sent text to #")

    def send_ping(use: Counted) -> None:
        use.key("Alt+3")
        expect(use.panel.sentence).to_contain_text("Sent ping to #")

    def close_one_with_1008_and_a_reason(use: Counted) -> None:
        use.type(use.panel.root.locator(".astra-reason"), "enough")
        use.type(use.panel.root.locator(".astra-range input").first, "1008")
        use.panel.root.locator(".astra-range input").first.focus()
        use.key("Enter")
        expect(use.panel.sentence).to_contain_text("Sent close 1008 to #")

    for does in (last_frames_bytes, copy_a_payload, compare_two_frames, jump_to_an_error,
                 why_it_closed, find_by_text, follow_one_connection, save_the_log, send_text,
                 send_ping, close_one_with_1008_and_a_reason):  # fmt: skip

        def fresh(use: Counted, does: Callable[[Counted], None] = does) -> None:
            reset(use.panel)
            does(use)

        act(fresh)
