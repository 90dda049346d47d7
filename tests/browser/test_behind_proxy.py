"""Everything in a real page behind a prefix and a proxy, under a name that is not this machine's.

Jupyter is started as Binder starts it: under `/user/jane-xyz/`, with a token, and the page comes
from `hub.example.org`, which this Chromium alone resolves. So the page's origin and host are
foreign to the server until the page has told them. `ASTRA_NB_IMAGE` names the Python of another
environment to start Jupyter from; `make hub-test` does that with what Binder builds.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import CHROMIUM_OPTIONS, FAILED
from tests.browser.console import Console
from tests.browser.lab import Lab, NotebookPage, find_chromium
from tests.helpers import REPOSITORY, free_port
from tests.jupyter_server import JupyterServer

PREFIX = "/user/jane-xyz/"
NAME = "hub.example.org"
NOTEBOOK = REPOSITORY / "notebooks" / "01-websocket-server.ipynb"

SERVER = """
from astra_nb import http
server = http.server.new(port=0)
@server.websocket("/", subprotocols=["second"])
def handle_socket(socket):
    for message in socket:
        if message.value == "close":
            socket.send_close(4001, "you asked")
        elif message.value == "ping":
            socket.send_ping("are you there")
        elif message.value == "fragments":
            socket.send_fragments("text", ["frag", "ments"])
        elif message.value == "drop":
            socket.drop()
        else:
            socket.send(message.type, message.value)
server.run()
"""


class NamedServer:
    """A Jupyter server as a page sees it that knows it by another name."""

    def __init__(self, server: JupyterServer) -> None:
        self._server = server
        self.url = server.url.replace("127.0.0.1", NAME)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


@pytest.fixture(scope="module")
def hub_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """JupyterLab as it runs on Binder."""
    server = JupyterServer(
        tmp_path_factory.mktemp("binder"),
        command=(os.environ.get("ASTRA_NB_IMAGE", sys.executable), "-m", "jupyterlab"),
        options=[
            f"--ServerApp.base_url={PREFIX}",
            "--ServerApp.allow_root=True",
            "--ServerApp.allow_remote_access=True",
            "--LabApp.expose_app_in_browser=True",
        ],
        environment={
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "BINDER_LAUNCH_HOST": f"http://{NAME}/",
            # An image has the package installed, and knows nothing of this folder.
            **({"PYTHONPATH": ""} if "ASTRA_NB_IMAGE" in os.environ else {}),
        },
    )
    with server:
        yield server


@pytest.fixture(scope="module")
def far_chromium(chromium: Browser) -> Iterator[Browser]:
    """A Chromium to which the hub's name is this machine, and nobody else's."""
    browser = chromium.browser_type.launch(
        executable_path=find_chromium(),
        args=[*CHROMIUM_OPTIONS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"],
    )
    yield browser
    browser.close()


@pytest.fixture
def hub(
    hub_jupyter: JupyterServer, far_chromium: Browser, request: pytest.FixtureRequest
) -> Iterator[Lab]:
    """A person at the browser, far from the kernel."""
    lab = Lab(NamedServer(hub_jupyter), far_chromium)  # type: ignore[arg-type]
    yield lab
    if request.node.stash.get(FAILED, False):
        for number, page in enumerate(lab.pages):
            name = re.sub(r"\W+", "-", request.node.name).strip("-")
            print(f"the page when the test failed: {page.screenshot(f'failed-{name}-{number}')}")
    lab.close()


def said(page: NotebookPage, code: str) -> str:
    """Run code in the last cell and give what it printed."""
    page.page.evaluate(
        "([code]) => { const cells ="
        " globalThis.jupyterapp.shell.currentWidget.content.model.cells;"
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


def lane(client: Locator, what: str) -> Locator:
    return client.locator(".astra-between tbody tr").filter(has_text=what)


def test_the_first_notebook_runs(hub: Lab) -> None:
    page = hub.open(hub.add(NOTEBOOK))

    page.run_all(timeout=170)

    assert page.errors() == []


def test_the_panel_works(hub: Lab) -> None:
    hub.write("panel.ipynb", [SERVER, "panel = server.panel()\npanel", "1"])
    page = hub.open("panel.ipynb")
    page.cell(0).run()
    page.cell(1).run()
    output = page.cell(1).output
    panel = Console(page.page)
    panel.open_client()
    panel.send("text", "Hello")
    assert said(page, "print(server.log.wait_for(type='text', direction='received').payload)") == (
        "b'Hello'"
    )
    row = output.locator(".astra-row").filter(has_text="Hello").first
    expect(row).to_be_visible()
    # Both addresses, and what a real connection from this page found.
    expect(panel.root.locator(".astra-where")).to_have_text("✓ this page")
    panel.root.locator(".astra-where").click()
    addresses = output.locator(".astra-addresses")
    expect(addresses).to_contain_text(said(page, "print(server.url)"))
    expect(addresses.locator(".astra-check")).to_contain_text("✓ reached")
    expect(addresses.locator(".astra-check")).to_contain_text(
        said(page, "print(server.browser_url)")
    )
    page.screenshot("panel-behind-a-proxy", output.locator(".astra-console"))


def test_the_browser_client_reaches_the_kernel_and_the_lane_tells_the_truth(hub: Lab) -> None:
    hub.write("client.ipynb", [SERVER, "client = server.browser_client()\nclient", "1"])
    page = hub.open("client.ipynb", width=1500)
    page.cell(0).run()
    assert said(page, "print(server.browser_url)").startswith(f"{PREFIX}proxy/")
    page.cell(1).run()
    client = page.cell(1).output.locator(".astra-browser")
    check = client.locator(".astra-check")
    expect(check).to_contain_text("✓ reached")
    expect(check).to_contain_text("the server sent 1000, 1005 arrived")
    port = said(page, "print(server.port)")
    origin = page.page.evaluate("() => location.origin")
    address = f"ws://{origin.removeprefix('http://')}{PREFIX}proxy/{port}/"
    assert said(page, "print(server.browser_url)") == address
    assert said(page, "print(server.origins, server.hosts)") == f"['{origin}'] ['{NAME}']"

    client.get_by_label("Subprotocols").fill("first, second")
    button(client, "Connect").click()
    expect(event(client, "open")).to_contain_text('protocol"first"')
    payload = client.get_by_label("Payload", exact=True)
    for text in ("Hello", "fragments", "ping"):
        payload.fill(text)
        button(client, "send text").click()
    expect(event(client, "message")).to_have_count(2)
    expect(lane(client, "PING frames")).to_contain_text("came back, from the proxy")
    expect(lane(client, "subprotocol")).to_contain_text("second≠ first")
    expect(lane(client, "fragments")).to_contain_text("2 frames→ 1 message")
    expect(lane(client, "messages").first).to_contain_text("3 messages= 3, unchanged")
    payload.fill("close")
    button(client, "send text").click()
    expect(event(client, "close")).to_contain_text('code1005reason""')
    expect(lane(client, "close code")).to_contain_text('4001 "you asked"≠ 1005 (no code)')
    expect(client.locator(".astra-between")).to_contain_text("The proxy between")
    page.screenshot("browser-client-behind-a-proxy", page.cell(1).output)

    # The other way round: what the page sends does not arrive either.
    button(client, "Connect").click()
    expect(event(client, "open")).to_be_visible()
    client.get_by_label("Close code: 1000").fill("4002")
    client.get_by_label("Close reason", exact=True).fill("bye")
    button(client, "close(4002, reason)").click()
    expect(event(client, "close").last).to_contain_text("code4002")
    expect(lane(client, "close code")).to_contain_text('4002 "bye"≠ 1005 (no code)')
    assert said(page, "print(server.log.wait_for(kind='closed', count=2).received.code)") == "1005"

    # A dropped connection, and a path that nobody serves.
    button(client, "Connect").click()
    expect(event(client, "open")).to_be_visible()
    payload.fill("drop")
    button(client, "send text").click()
    expect(lane(client, "TCP dropped")).to_contain_text("no CLOSE frame≠ 1005 (no code)")
    url = client.get_by_label("Address to connect to")
    url.fill(f"{address}nowhere")
    button(client, "Connect").click()
    expect(lane(client, "opening handshake")).to_contain_text("HTTP status 404≠ open, then close")
    page.console_errors.clear()

    # Nothing of all that the proxy handed on is anywhere to be seen.
    token = hub.server.token
    everything = "print(server.log.to_jsonl(), repr(list(server.log)), server.log._repr_html_())"
    assert token not in said(page, everything)
    assert token not in (hub.server.root / "client.ipynb").read_text()
    page.save()
    assert token not in (hub.server.root / "client.ipynb").read_text()


def test_the_check_says_what_is_missing(hub: Lab) -> None:
    hub.write("check.ipynb", [SERVER, "client = server.browser_client()\nclient", "1"])
    page = hub.open("check.ipynb")
    page.cell(0).run()
    page.cell(1).run()
    client = page.cell(1).output.locator(".astra-browser")
    check = client.locator(".astra-check")
    expect(check).to_contain_text("✓ reached")
    # The page is taken for a foreign one.
    said(page, "server.origins = []")
    button(client, "Check").click()
    expect(check).to_contain_text("The server refused this page's origin with 403")
    said(page, f"server.origins = ['http://{NAME}:' + str(1)]; server.hosts = []")
    button(client, "Check").click()
    expect(check).to_contain_text("refused the name in this address with 421")
    base = f"http://{NAME}:{page.page.evaluate('location.port')}{PREFIX}"

    def use(address: str) -> None:
        said(page, f"server.browser_url = {address!r}; client.client.refresh()")
        button(client, "Check").click()

    use(f"{base}proxy/{free_port()}/")
    expect(check).to_contain_text("The proxy is there, but reaches nothing behind it")
    use(f"{base}no-proxy/")
    expect(check).to_contain_text("Jupyter answers 404 there")
    said(page, "server.shutdown()")
    expect(check).to_contain_text("The server is not running")
    page.console_errors.clear()
