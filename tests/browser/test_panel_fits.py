"""Everything that opens in the panel is whole, at each width and at 150 %."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.console import Console, open_panel, run
from tests.browser.lab import NotebookPage
from tests.browser.test_panel import ERRORS
from tests.helpers import wait_until

# What of a part sticks out of a box, or is cut within itself.
CUT = """
([part, box]) => [part, ...part.querySelectorAll("button, input, dt, dd, .astra-figure-name")]
    .filter((each) => each.offsetParent).filter((each) => {
        const [own, all] = [each.getBoundingClientRect(), box.getBoundingClientRect()];
        return own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1
            || own.bottom > all.bottom + 1 || each.scrollWidth > each.clientWidth + 1;
    }).map((each) => each.textContent.slice(0, 60) || each.className)
"""
SENT = "client = connect(server.url); client.send_text('Hello')"
MORE = "for n in range(30): client.send_text('more')"


def resize(panel: Console, width: int, zoom: float = 1) -> None:
    panel.root.evaluate(
        "(root, [width, zoom]) => Object.assign(root.style, { width: `${width}px`, zoom })",
        [width, zoom],
    )


def cut(part: Locator, box: Locator) -> list[str]:
    """What of an opened part is cut or sticks out of the box that it belongs into."""
    found: list[str] = part.page.evaluate(CUT, [part.element_handle(), box.element_handle()])
    return found


def rows_in_sight(panel: Console) -> int:
    whole: int = panel.list.evaluate("(list) => Math.floor((list.clientHeight - 24) / 20)")
    return whole


def test_what_opens_is_whole_at_each_width(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, SENT, width=1900)
    run(notebook, 1)
    tools = panel.root.locator(".astra-tools > .astra-menu")
    for width in (1400, 900, 600):
        resize(panel, width)
        for index in range(tools.count()):
            if not tools.nth(index).is_visible():
                continue
            tools.nth(index).locator("summary").click()
            expect(tools.nth(index).locator("button").first).to_be_visible()
            opened = tools.nth(index).locator(".astra-menu-list")
            assert cut(opened, opened) == cut(opened, panel.root) == []
            panel.page.keyboard.press("Escape")
        panel.list.press("?")
        keys = panel.root.locator(".astra-keys")
        assert cut(keys, keys) == cut(keys, panel.root) == []
        panel.list.press("?")
        for name in ("Fragments…", "Break a rule…", "Saved…", "Connect…"):
            panel.button(name).click()
            assert rows_in_sight(panel) >= 8, (width, name)
            panel.button(name).click()
        codes = panel.root.locator(".astra-codes")
        assert cut(codes, codes) == []
        panel.rows('"Hello"').first.click()
        panel.tab("Bits").click()
        expect(panel.body.locator(".astra-figure-name").first).to_be_visible()
        names = panel.body.locator(".astra-narrow .astra-figure-name")
        over = "(all) => all.filter((one) => one.scrollHeight > one.clientHeight).length"
        assert (names.count(), names.evaluate_all(over)) == (5, 0)
        panel.list.press("Escape")


def test_it_fits_at_150_percent(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, SENT, width=1900, height=1200)
    run(notebook, 1)
    for width in (933, 600):
        resize(panel, width, 1.5)
        panel.rows('"Hello"').first.click()
        expect(panel.title).to_contain_text("5 bytes")
        assert rows_in_sight(panel) >= 8
        assert panel.root.evaluate("(root) => root.scrollWidth - root.clientWidth") <= 1
        panel.list.press("Escape")


def test_a_pressed_button_is_as_wide_as_before(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, SENT, width=1900)
    run(notebook, 1)
    places = (
        "(root) => [...root.querySelectorAll('.astra-tools button, .astra-tools summary, "
        ".astra-sends button')].map((one) => one.getBoundingClientRect().left)"
    )
    before = panel.root.evaluate(places)
    for name in ("Follow", "text", "errors", "Send bytes"):
        panel.button(name).click()
        assert panel.root.evaluate(places) == before, name
        panel.button(name).click()


def test_paused_says_how_many_wait_at_each_width(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, SENT, MORE, width=1900)
    run(notebook, 1)
    panel.list.press("p")
    run(notebook, 2)
    for width in (1400, 900, 600):
        resize(panel, width)
        waiting = panel.button("Pause").get_by_text("wait", exact=False).last
        expect(waiting).to_be_visible()
        assert cut(panel.root.locator(".astra-tools"), panel.root) == []


# The controls whose line of help is cut, if each of them is pointed at.
CUT_HELP = """
(root) => {
    const line = root.querySelector(".astra-hint-line");
    return [...root.querySelectorAll("[data-says]")].filter((one) => {
        one.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
        return line.textContent !== one.dataset.says || line.scrollHeight > line.clientHeight
            || line.scrollWidth > line.clientWidth;
    }).map((one) => one.dataset.says);
}
"""


def test_the_line_of_help_is_whole_at_each_width(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk, width=1900)
    panel.open_client()
    panel.button("Break a rule…").click()
    expect(panel.root.locator("[data-says]")).to_have_count(47)
    for width in (1400, 900, 600):
        resize(panel, width)
        assert panel.root.evaluate(CUT_HELP) == []
    head = panel.list.locator(".astra-head .astra-dir")
    expect(head).to_have_attribute("title", re.compile("^Direction: up is sent"))


def test_the_composer_says_which_end_sends(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk)
    expect(panel.to).to_have_accessible_name("Server to")
    panel.open_client()
    panel.to.select_option("1")
    expect(panel.to).to_have_accessible_name("Server to")
    panel.to.select_option("c1")
    expect(panel.to).to_have_accessible_name("Client to")
    expect(panel.root.locator(".astra-form > .astra-label").first).to_have_text("Client to")
    room = """(to) => {
        const other = to.cloneNode();
        other.append(new Option("#12 /chat/green"));
        Object.assign(other.style, { position: "absolute", width: "max-content" });
        to.after(other);
        const left = to.offsetWidth - other.offsetWidth;
        other.remove();
        return left;
    }"""
    for width in (1400, 900, 600):
        resize(panel, width)
        assert panel.to.evaluate(room) >= 0, width


# What is whole of the tabs, the errors and the tools, how wide two fields are, and whether what is
# said of the list lies in its head.
PARTS = """
(root) => {
    const box = (one) => one.getBoundingClientRect();
    const shown = (selector) =>
        [...root.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const strip = (one) => one.closest(".astra-status, .astra-tools, .astra-pane");
    const whole = (one) => box(one).width > 0 && box(one).right <= box(root).right + 1
        && box(one).bottom <= box(strip(one)).bottom + 1;
    const head = box(root.querySelector(".astra-list .astra-head"));
    return {
        tabs: shown(".astra-tab-word").filter(whole).length,
        errors: shown(".astra-errors").filter(whole).length,
        out: shown(".astra-tools > :not(.astra-spring)").filter((one) => !whole(one)).length,
        found: shown(".astra-found")
            .filter((one) => box(one).top >= head.top && box(one).bottom <= head.bottom).length,
        narrow: shown(".astra-connection, .astra-filter")
            .filter((one) => one.clientWidth < 60).length,
    };
}
"""


def test_tabs_errors_and_choices_stay_at_each_width(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, ERRORS, SENT, MORE, width=1900)
    run(notebook, 1)
    run(notebook, 2)
    panel.filter.fill("o")
    expect(panel.found).to_contain_text("rows of")
    panel.list.press("p")
    run(notebook, 3)
    expect(panel.button("Pause")).to_contain_text("wait")
    for width in (1400, 1024, 940, 853, 760, 701, 600, 560):
        resize(panel, width)
        parts = {"tabs": 3, "errors": 1, "out": 0, "found": 1, "narrow": 0}
        assert panel.root.evaluate(PARTS) == parts, width


# What is cut of heads, numbers and the address; and names of life lines that touch each other.
CUT_TEXTS = """
(root) => {
    const shown = (selector) =>
        [...root.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const over = shown(".astra-head > *, .astra-connection-row > *, .astra-address")
        .filter((one) => !one.matches(".astra-ladder, .astra-path, .astra-who"))
        .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent);
    const names = shown("[data-tab=Sequence] .astra-head :is(.astra-ladder > span, .astra-type)")
        .map((one) => one.getBoundingClientRect()).sort((one, other) => one.left - other.left);
    return [...over, ...names.filter((one, at) => one.left < names[at - 1]?.right + 1)];
}
"""


def test_no_head_number_or_address_is_cut_at_any_width(desk: NotebookPage) -> None:
    many = "others = [connect(server.url) for _ in range(12)]"
    flood = "for n in range(1200): client.send_text('x' * 100)"
    panel, notebook = open_panel(desk, ERRORS, SENT, many, flood, width=1900)
    for index in (1, 2, 3, 4):
        run(notebook, index)
    expect(panel.tab("Frames")).to_contain_text("2,4")
    for width in (1400, 1024, 900, 760, 600):
        resize(panel, width)
        for tab in ("Frames", "Sequence", "Connections"):
            panel.tab(tab).click()
            if tab == "Connections":
                expect(panel.root.locator(".astra-connection-row").first).to_be_visible()
            wait_until(lambda: panel.root.evaluate(CUT_TEXTS) == [], 10, f"{tab} at {width} px")


def test_the_list_has_whole_rows_at_each_height(desk: NotebookPage) -> None:
    panel, _ = open_panel(desk, width=1900)
    for width, height in ((1400, 600), (900, 611), (600, 637)):
        resize(panel, width)
        panel.root.evaluate("(root, height) => { root.style.height = `${height}px`; }", height)
        for name in ("Fragments…", "Break a rule…"):
            assert panel.list.evaluate("(list) => (list.clientHeight - 24) % 20") == 0
            panel.button(name).click()


def test_what_is_not_normal_is_a_word_at_600_pixels(desk: NotebookPage) -> None:
    panel, notebook = open_panel(desk, "server.shutdown()", width=1900)
    resize(panel, 600)
    empty = panel.root.locator(".astra-empty")
    expect(empty).to_contain_text("No client has connected yet")
    expect(panel.state).to_be_hidden()
    run(notebook, 1)
    expect(panel.state).to_be_visible()
    expect(panel.state).to_have_text("not running")
    expect(empty).to_be_hidden()


def test_a_jump_to_an_error_shows_the_whole_row_beside_the_opened_inspector(
    desk: NotebookPage,
) -> None:
    panel, notebook = open_panel(desk, ERRORS, SENT, MORE, width=1900)
    for index in (1, 2, 3):
        run(notebook, index)
    whole = """(list) => {
        const [row, head] = [".astra-chosen", ".astra-head"]
            .map((name) => list.querySelector(name).getBoundingClientRect());
        const { top } = list.getBoundingClientRect();
        return row.top >= head.bottom - 1 && row.bottom <= top + list.clientHeight + 1;
    }"""
    for width, key in ((900, "n"), (900, "N"), (600, "n"), (600, "n")):
        resize(panel, width)
        panel.list.press("Escape")
        panel.list.evaluate("(list) => { list.scrollTop = 119; }")
        panel.list.press(key)
        expect(panel.root.locator(".astra-chosen")).to_be_visible()
        expect(panel.body).not_to_have_attribute("aria-busy", "true")
        panel.list.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        assert panel.list.evaluate(whole), (width, key)
    for next_error in (panel.root.locator(".astra-errors"), panel.button("Next error")):
        panel.list.evaluate("(list) => { list.scrollTop = 0; }")
        panel.tab("Connections").click()
        expect(panel.list).to_be_hidden()
        next_error.click()
        expect(panel.tab("Frames")).to_have_attribute("aria-selected", "true")
        expect(panel.root.locator(".astra-chosen")).to_be_visible()
        assert panel.list.evaluate(whole)


def test_bytes_and_their_letters_are_whole_at_each_width(desk: NotebookPage) -> None:
    sends = "for first in (32, 33): client.send_bytes(bytes(range(first, first + 90)))"
    panel, notebook = open_panel(desk, f"client = connect(server.url)\n{sends}", width=1900)
    run(notebook, 1)
    places = """(hex) => {
        const tops = [...hex.querySelectorAll(".astra-hex-letters > *")]
            .map((letter) => letter.getBoundingClientRect().top);
        return [hex.scrollWidth - hex.clientWidth, tops.filter((top) => top === tops[0]).length];
    }"""
    panel.choose("bytes")
    panel.list.press("m")
    panel.list.press("k")
    expect(panel.tab("Compare")).to_have_attribute("aria-selected", "true")
    wide, narrow = [16, 16, 16], [8, 8, 8]
    for width, in_a_line in ((1400, wide), (900, [16, 8, 8]), (600, wide), (480, narrow)):
        resize(panel, width)
        for tab, count in zip(("Payload", "Bits", "Compare"), in_a_line, strict=True):
            panel.tab(tab).click()
            dumps = panel.body.locator(".astra-hex")
            expect(dumps.last).to_be_visible()
            expect(dumps).to_have_count(2 if tab == "Compare" else 1)
            for dump in dumps.all():
                assert dump.evaluate(places) == [0, count], (width, tab)
