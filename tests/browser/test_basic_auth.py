"""Basic auth (RFC 7617) by a page: the browser asks once, and its WebSocket is let in too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from astra_nb import Server
from tests.servers import KINDS, echo, handler_of

BASIC = "Basic YWRhOm9wZW5zZXNhbWU="  # ada:opensesame
ASK = {"WWW-Authenticate": 'Basic realm="lesson"'}
PAGE = """<!doctype html><title>lesson</title><p id="said"></p><script>
const socket = new WebSocket(location.href.replace(/^http/, "ws"));
socket.onopen = () => socket.send("Hello");
socket.onmessage = ({ data }) => { document.getElementById("said").textContent = data; };
socket.onclose = ({ code }) => { document.getElementById("said").textContent += " " + code; };
</script>"""


def is_known(request: Any) -> bool:
    return bool(request.request_with_secrets.headers.get("Authorization") == BASIC)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(port=0)

    @server.get("/")
    def page(request: Any) -> Any:
        return PAGE if is_known(request) else request.answer(status=401, headers=ASK)

    @server.handshake("/")
    def check(handshake: Any) -> Any:
        return handshake.accept() if is_known(handshake) else handshake.refuse(401, headers=ASK)

    server.websocket("/", handler_of(request.param, echo))
    with server:
        yield server


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(http_credentials={"username": "ada", "password": "opensesame"})
    page = context.new_page()
    yield page
    context.close()


def test_a_page_with_a_password_opens_its_socket(server: Server, page: Page) -> None:
    page.goto(server.url.replace("ws:", "http:"))
    expect(page.locator("#said")).to_have_text("Hello")
    statuses = [record.status for record in server.log.filter(kind="closed")]  # type: ignore[union-attr]
    assert 401 in statuses
    assert 200 in statuses


def test_a_page_without_the_password_is_refused(server: Server, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    server.get("/open", lambda: "<!doctype html>")
    page.goto(server.url.replace("ws:", "http:") + "open")
    code = page.evaluate(
        "(url) => new Promise((done) => {"
        " new WebSocket(url).onclose = ({ code }) => done(code); })",
        server.url,
    )
    assert code == 1006
    assert not server.log.filter(kind="opened")[:]
    context.close()
