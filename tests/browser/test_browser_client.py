"""The browser's own end, in a real page: its events, its limits, its check, and both lanes."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from astra_nb.widgets.esm import STATIC
from tests.browser.lab import Lab, NotebookPage, Theme
from tests.helpers import free_port
from tests.servers import serving

SERVER = """
from astra_nb import http
server = http.server.new(port=0)
@server.websocket("/", subprotocols=["chat"])
def handle_socket(socket):
    for message in socket:
        if message.type == "text" and message.value.startswith("close"):
            socket.send_close(4001, "you asked")
        elif message.type == "text" and message.value == "drop":
            socket.drop()
        elif message.type in ("text", "bytes"):
            socket.send(message.type, message.value)
server.run()
"""
SHOW = "client = server.browser_client()\nclient"


def open_client(
    lab: Lab, *, first: str = SERVER, width: int = 1400
) -> tuple[NotebookPage, Locator]:
    lab.write("client.ipynb", [first, SHOW, "1"])
    page = lab.open("client.ipynb", width=width)
    page.cell(0).run()
    page.cell(1).run()
    client = page.cell(1).output.locator(".astra-browser")
    client.wait_for()
    return page, client


def said(page: NotebookPage, code: str) -> str:
    """Run code in the last cell and give what it printed."""
    page.page.evaluate(
        "([code]) => { const app = globalThis.jupyterapp; const cells ="
        " app.shell.currentWidget.content.model.cells;"
        " cells.get(cells.length - 1).sharedModel.setSource(code); }",
        [code],
    )
    page.cell(-1).run()
    return page.cell(-1).text


def button(client: Locator, name: str) -> Locator:
    return client.get_by_role("button", name=name, exact=True)


def event(client: Locator, name: str) -> Locator:
    return client.locator(".astra-page-rows li").filter(
        has_text=re.compile(f"[↑↓] {re.escape(name)}")
    )


def test_the_four_events_with_their_fields(lab: Lab) -> None:
    page, client = open_client(lab)
    expect(client.locator(".astra-check")).to_contain_text("✓ reached")
    client.get_by_label("Subprotocols").fill("chat, other")
    button(client, "Connect").click()
    expect(event(client, "open")).to_contain_text('protocol"chat"')
    button(client, "send text").click()
    expect(event(client, "message")).to_contain_text('data"Hello"')
    expect(event(client, "send(text)")).to_contain_text("bufferedAmount")
    expect(client.locator(".astra-socket-state")).to_contain_text("readyState 1 OPEN")

    client.get_by_label("Payload", exact=True).fill("0, 88, 14, 67, 45")
    client.get_by_label("How the payload is read").select_option("byte table")
    button(client, "send bytes").click()
    expect(event(client, "message").last).to_contain_text("Blob, 5 bytes: 00 58 0e 43 2d")
    client.get_by_label("binaryType").select_option("arraybuffer")
    button(client, "send bytes").click()
    expect(event(client, "message").last).to_contain_text("ArrayBuffer, 5 bytes")

    client.get_by_label("Close code: 1000").fill("4999")
    client.get_by_label("Close reason", exact=True).fill("bye")
    button(client, "close(4999, reason)").click()
    expect(event(client, "close").last).to_contain_text('code4999reason"bye"wasCleantrue')
    expect(client.locator(".astra-socket-state")).to_contain_text("readyState 3 CLOSED")
    expect(client.locator(".astra-between")).to_contain_text("nothing was changed on the way")
    expect(client.locator(".astra-between")).to_contain_text('4999 "bye"= 4999 "bye"')

    # One action from both ends.
    log = page.cell(1).output.locator(".astra-console")
    expect(log.locator(".astra-row").filter(has_text="4999").first).to_be_visible()
    assert said(page, "print(server.log.wait_for(kind='closed').received)") == (
        "CloseFrame(code=4999, reason='bye')"
    )
    # The check before is not in the log, and its connection took no number.
    assert said(page, "print(server.log.wait_for(kind='handshake').connection)") == "1"


def test_a_connection_that_is_dropped_and_one_that_is_refused(lab: Lab) -> None:
    page, client = open_client(lab)
    button(client, "Connect").click()
    client.get_by_label("Payload", exact=True).fill("drop")
    expect(event(client, "open")).to_be_visible()
    button(client, "send text").click()
    expect(event(client, "close")).to_contain_text("code1006")
    expect(event(client, "close")).to_contain_text("wasCleanfalse")

    url = client.get_by_label("Address to connect to")
    url.fill(url.input_value() + "nowhere")
    button(client, "Connect").click()
    expect(event(client, "error")).to_be_visible()
    expect(event(client, "close")).to_contain_text("code1006")
    expect(client.locator(".astra-between")).to_contain_text("HTTP status 404")
    assert [error for error in page.console_errors if "404" not in error] == []
    page.console_errors.clear()


def test_what_a_page_may_not_do_is_tried_for_real(lab: Lab) -> None:
    page, client = open_client(lab)
    client.get_by_label("Close code: 1000").fill("1001")
    button(client, "Connect").click()
    expect(event(client, "open")).to_be_visible()
    button(client, "close(1001)").click()
    expect(client.get_by_role("alert")).to_contain_text("1000, or 3000 to 4999")
    client.get_by_label("Close code: 1000").fill("1000")
    client.get_by_label("Close reason", exact=True).fill("é" * 62)
    expect(client.locator(".astra-over")).to_have_text("124 of 123 bytes")
    button(client, "close(1000, reason)").click()
    expect(client.get_by_role("alert")).to_contain_text("124 bytes; 123 are allowed")

    client.get_by_text("What a page cannot do").click()
    for call, error in (
        ("socket.ping()", "TypeError: socket.ping is not a function"),
        ("socket.close(1001)", "InvalidAccessError"),
        ("socket.close(1000,", "SyntaxError"),
        ("socket.extensions =", "TypeError: Cannot set property extensions"),
        ("headers", "No error; the events: open, close. The newest request in the server's log"),
        (".status", 'The events: error, close. code 1006, reason "", status undefined.'),
    ):
        item = client.locator(".astra-limits li").filter(has_text=call)
        item.get_by_role("button", name=re.compile("Try it")).click()
        expect(item.locator(".astra-limit-answer")).to_contain_text(error)
    # Each can be tried, and what the answers say of the server is so.
    limits = client.locator(".astra-limits li")
    expect(limits.get_by_role("button", name="Try it")).to_have_count(limits.count())
    heads = "[r.start_line for r in server.log.filter(kind='handshake', direction='received')]"
    assert said(page, f"print({heads})") == str(
        ["GET / HTTP/1.1", "GET / HTTP/1.1", "GET /nobody-serves-this HTTP/1.1"]
    )
    assert said(page, "print('x-mine' in server.log.to_jsonl().lower())") == "False"
    # Without any proxy, a browser sends Jupyter's cookies to every port of the same host.
    first = "dict(server.log.filter(kind='handshake')[0].headers)"
    assert said(page, f"print({first}['Cookie'])") == "<hidden>"
    page.console_errors.clear()  # the browser's own line on the 404
    expect(client.locator(".astra-socket-state")).to_contain_text("readyState 1 OPEN")


def test_the_snippet_has_this_users_address_and_works_in_the_console(lab: Lab) -> None:
    page, client = open_client(lab)
    expect(client.locator(".astra-check")).to_contain_text("✓ reached")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    client.get_by_text("The same from the browser's console").click()
    button(client, "Copy").click()
    expect(button(client, "Copied")).to_be_visible()
    snippet = page.page.evaluate("() => navigator.clipboard.readText()")
    assert f'new WebSocket("{said(page, "print(server.browser_url)")}")' in snippet
    messages: list[str] = []
    page.page.on("console", lambda message: messages.append(message.text))
    page.page.evaluate(snippet)
    answer = "print(server.log.wait_for(type='text', direction='sent').payload.decode())"
    assert said(page, answer) == "Hello from the browser!"
    page.page.wait_for_function("() => true")
    assert any(text.startswith("open") for text in messages)


def test_a_stranger_cannot_write_into_the_page(lab: Lab) -> None:
    evil = '<img src=x onerror="globalThis.hacked = 1"><script>globalThis.hacked = 2</script>\u202e'
    page, client = open_client(lab)
    button(client, "Connect").click()
    expect(event(client, "open")).to_be_visible()
    client.get_by_label("Payload", exact=True).fill(evil)
    button(client, "send text").click()
    expect(event(client, "message")).to_contain_text("<img src=x")
    expect(event(client, "message")).to_contain_text("\\u202e")
    said(page, f"[s.send_close(4000, {evil[:60]!r}) for s in server.connections]")
    expect(event(client, "close")).to_contain_text("<img src=x")
    expect(client.locator(".astra-between")).to_contain_text("<img src=x")
    assert page.page.evaluate("() => globalThis.hacked ?? 0") == 0
    assert client.locator("img, script").count() == 0


def test_a_server_that_starts_later_is_checked_then(lab: Lab) -> None:
    page, client = open_client(lab, first=SERVER.replace("server.run()", ""))
    check = client.locator(".astra-check")
    expect(check).to_have_text("The server is not running. Run server.run() in a cell.")
    said(page, "server.run()")
    expect(check).to_contain_text("✓ reached")
    assert said(page, "print(client.client.check['state'])") == "reached"
    said(page, "server.shutdown()")
    expect(check).to_contain_text("The server is not running")


def test_the_check_says_what_is_in_the_way(lab: Lab) -> None:
    page, client = open_client(lab)
    check = client.locator(".astra-check")
    expect(check).to_contain_text("✓ reached")

    def blocked(address: str, sentence: str, advice: str) -> None:
        said(page, f"server.browser_url = {address!r}\nclient.client.refresh()")
        button(client, "Check").click()
        expect(check).to_contain_text("✗ blocked")
        expect(check).to_contain_text(sentence, timeout=20_000)
        expect(check).to_contain_text(advice)

    blocked(
        f"ws://127.0.0.1:{free_port()}/{{port}}/",
        "Nothing answers there.",
        "The kernel may be on another machine",
    )
    with serving(lambda socket: None) as other:
        blocked(other.url, "it is not this server", "Correct server.browser_url")
    # Jupyter itself, where it has no such path.
    jupyter = lab.server.url.replace("http", "ws") + "no-proxy/{port}/"
    blocked(jupyter, "Jupyter answers 404 there", "Correct server.browser_url")
    page.console_errors.clear()


def test_the_page_tells_its_origin_and_the_check_names_a_refusal(lab: Lab) -> None:
    page, client = open_client(lab)
    expect(client.locator(".astra-check")).to_contain_text("✓ reached")
    origin = page.page.evaluate("() => location.origin")
    assert said(page, "print(server.origins)") == f"['{origin}']"
    # From a page of another origin the same request is refused.
    said(page, "import astra_nb.net.policy as policy")
    said(page, "policy.origin_allowed = lambda origin, allowed: False")
    button(client, "Check").click()
    expect(client.locator(".astra-check")).to_contain_text("refused this page's origin with 403")
    page.console_errors.clear()


def test_the_keyboard_reaches_everything(lab: Lab) -> None:
    page, client = open_client(lab)
    expect(client.locator(".astra-check")).to_contain_text("✓ reached")
    url = client.get_by_label("Address to connect to")
    url.focus()
    for _ in range(2):
        page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    expect(event(client, "open")).to_be_visible()
    names = []
    for _ in range(12):
        page.page.keyboard.press("Tab")
        names.append(page.page.evaluate("() => document.activeElement.textContent.slice(0, 30)"))
    assert "send text" in names
    assert "close()" in names
    outline = page.page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


@pytest.mark.parametrize(("theme", "width"), [("light", 1500), ("dark", 900)])
def test_it_looks_right(lab: Lab, theme: Theme, width: int) -> None:
    lab.set_theme(theme)
    page, client = open_client(lab, width=width)
    expect(client.locator(".astra-check")).to_contain_text("✓ reached")
    button(client, "Connect").click()
    expect(event(client, "open")).to_be_visible()
    button(client, "send text").click()
    client.get_by_label("Payload", exact=True).fill("close now")
    button(client, "send text").click()
    expect(event(client, "close")).to_be_visible()
    expect(client.locator(".astra-between")).to_contain_text("4001")
    assert client.evaluate("(root) => root.scrollWidth <= root.clientWidth + 1")
    page.screenshot(f"browser-client-{theme}-{width}", page.cell(1).output)


def test_a_page_that_came_by_https_is_told_what_blocks_it(chromium: Browser) -> None:
    """Mixed content, and a hub whose server is gone: what no Jupyter on loopback shows."""
    module = STATIC / "js" / "address_check.js"
    context = chromium.new_context()
    page = context.new_page()

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/page":
            route.fulfill(content_type="text/html", body="<title>A hub's page</title>")
        elif path == "/check.js":
            route.fulfill(content_type="text/javascript", body=module.read_text())
        else:
            route.fulfill(status=503)

    def check(address: str) -> str:
        told: list[str] = page.evaluate(
            """async (url) => {
                const { checkAddresses, CAUSES } = await import("/check.js");
                const addresses = { url, running: true, why_not: "", check_path: "check",
                    answer: "0a1b", candidates: [{ url, why: "", proxied: true, hint: "" }] };
                const refused = async () => 0;
                const result = await checkAddresses(addresses, refused);
                return [result.state, ...CAUSES[result.cause](result, addresses)];
            }""",
            address,
        )
        return " ".join(told)

    page.route("https://hub.invalid/**", answer)
    page.goto("https://hub.invalid/page")
    mixed = check("ws://kernel.invalid:8080/")
    gone = check("wss://hub.invalid/user/jane/proxy/8080/")
    context.close()
    assert mixed.startswith(
        "blocked The browser does not let a page that was loaded by https open ws://"
    )
    assert "begins with wss://" in mixed
    assert gone.startswith("blocked The proxy is there, but reaches nothing behind it (503).")
    assert "start it again" in gone
