"""The page that a browser gets from a route, and what another site's page can do with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from astra_nb import Server
from tests import records
from tests.helpers import free_port
from tests.servers import Steps, echo, handler_of, serving


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    yield page
    page.close()


def address(server: Server) -> str:
    return server.url.replace("ws://", "http://") + "?who=x"


def test_the_page_connects_when_its_button_is_pressed_and_not_before(page: Page) -> None:
    async def handle(steps: Steps) -> None:
        await echo(steps)

    with serving(handler_of("def", handle)) as server:
        page.goto(address(server))
        connect = page.get_by_role("button", name="Connect")
        send, close = (page.get_by_role("button", name=name) for name in ("Send", "Close"))
        expect(send).to_be_disabled()
        assert not server.log.filter(kind="opened")[:]
        connect.click()
        page.get_by_label("Text to send").fill("<b>Hello</b>")
        send.click()
        expect(page.get_by_role("log")).to_have_text("open\nmessage: <b>Hello</b>\n")
        close.click()
        expect(connect).to_be_enabled()
        expect(page.get_by_role("log")).to_contain_text(
            'close: code 1000, reason "Done", wasClean true'
        )
        connect.click()
        expect(close).to_be_enabled()
        opened = server.log.filter(kind="opened")[:]
        assert [record.connection for record in opened] == [2, 3]


@pytest.mark.parametrize(
    "markup",
    [
        '<iframe src="{}"></iframe>',
        '<iframe sandbox="allow-scripts allow-same-origin allow-forms" src="{}"></iframe>',
        '<embed src="{}">',
        '<object data="{}"></object>',
    ],
)
def test_a_page_of_another_site_runs_no_handler_by_showing_ours(
    page: Page, tmp_path: Path, markup: str
) -> None:
    with serving(handler_of("def", echo)) as server:
        # A file is of no site, and Chromium lets it reach this machine without asking.
        site = tmp_path / "site.html"
        site.write_text(markup.format(address(server)), encoding="utf-8")
        page.goto(site.as_uri())
        assert records.closed(server.log).status == 426
        page.wait_for_load_state("networkidle")
        # What a frame shows in its place is the browser's own page.
        assert all(frame.locator("#connect").count() == 0 for frame in page.frames)
        assert not server.log.filter(kind="opened")[:]


def test_a_page_of_another_site_keeps_no_window_on_ours(page: Page) -> None:
    with serving(handler_of("def", echo)) as server:
        site = f"http://127.0.0.1:{free_port()}/"
        page.route(site, lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(site)
        with page.expect_popup() as opened:
            page.evaluate(f"ours = window.open({address(server)!r}); undefined")
        popup = opened.value
        expect(popup.get_by_role("button", name="Connect")).to_be_enabled()
        assert popup.evaluate("window.opener") is None
        assert popup.evaluate("document.referrer") == site  # of the page that led here
        page.wait_for_function("ours.closed")
        assert not server.log.filter(kind="opened")[:]
