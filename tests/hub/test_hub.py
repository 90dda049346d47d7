"""A real JupyterHub with its own proxy, on loopback, and two users at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.lab import Lab, NotebookPage
from tests.browser.test_behind_proxy import (
    NAME,
    NOTEBOOK,
    SERVER,
    button,
    event,
    lane,
    said,
)
from tests.helpers import REPOSITORY, free_port, wait_until

START = 120.0  # seconds
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.should_start = True
c.JupyterHub.cleanup_servers = True
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret_file = {folder!r} + "/cookie_secret"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/home/{{username}}"
c.Spawner.cmd = [{single!r}]
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.Spawner.environment = {{"PYTHONPATH": {repository!r}, "PATH": {path!r}}}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "lesson"
c.Authenticator.allow_all = True
"""


@dataclass
class Hub:
    """A JupyterHub that runs, as a page far away knows it."""

    url: str
    home: Path


def proxy_command() -> list[str]:
    """configurable-http-proxy, as `make hub-test` installs it."""
    script = Path(
        os.environ.get(
            "CONFIGURABLE_HTTP_PROXY",
            REPOSITORY / "tests" / "hub" / "node_modules" / ".bin" / "configurable-http-proxy",
        )
    )
    if not script.exists():
        pytest.fail(f"{script} is missing; `make hub-test` installs it", pytrace=False)
    return ["node", str(script.resolve())]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The hub, its proxy and its users' servers; all are gone at the end."""
    folder = tmp_path_factory.mktemp("hub")
    public = free_port()
    (folder / "config.py").write_text(
        CONFIG.format(
            public=public,
            hub=free_port(),
            api=free_port(),
            proxy=proxy_command(),
            folder=str(folder),
            single=str(Path(sys.executable).parent / "jupyterhub-singleuser"),
            repository=str(REPOSITORY),
            path=os.environ["PATH"],
        )
    )
    with (folder / "hub.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(folder / "config.py")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def said_so() -> bool:
        text = (folder / "hub.log").read_text(errors="replace")
        assert process.poll() is None, f"the hub ended:\n{text[-3000:]}"
        return "JupyterHub is now running" in text

    try:
        wait_until(said_so, START, "a running JupyterHub")
        yield Hub(f"http://{NAME}:{public}/", folder / "home")
    finally:
        hub = psutil.Process(process.pid)
        family = [hub, *hub.children(recursive=True)]
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=30)
        for left in alive:
            left.kill()
        psutil.wait_procs(alive, timeout=10)
        process.wait(10)


class User:
    """A person who has logged in, with a browser of their own."""

    def __init__(self, hub: Hub, browser: Browser, name: str) -> None:
        self.name = name
        self.root = hub.home / name
        self.root.mkdir(parents=True, exist_ok=True)
        self.url = f"{hub.url}user/{name}/"
        self.hub = hub
        # What the notebooks' pages ask of a Jupyter server; logging in is the hub's business.
        server: Any = SimpleNamespace(
            url=self.url,
            token="",
            root=self.root,
            set_setting=lambda *values: None,
            shut_down_sessions=lambda: None,
        )
        self.lab = Lab(server, browser)
        self.context = browser.new_context(locale="en-US", viewport={"width": 1500, "height": 1000})
        self.lab.contexts.append(self.context)

    def log_in(self) -> None:
        page = self.context.new_page()
        page.goto(f"{self.hub.url}hub/login")
        page.locator("input[name=username]").fill(self.name)
        page.locator("input[name=password]").fill("lesson")
        page.locator("#login_submit").click()
        page.wait_for_url(f"**/user/{self.name}/lab**", timeout=START * 1000)
        page.close()

    def open(self, cells: list[str]) -> NotebookPage:
        self.lab.write(f"{self.name}.ipynb", cells)
        return self.show(f"{self.name}.ipynb")

    def show(self, name: str) -> NotebookPage:
        page = NotebookPage(self.lab, self.context, name, "lab")
        self.lab.pages.append(page)
        return page


@pytest.mark.timeout(600)
def test_two_users_work_and_neither_reaches_the_others_server(
    hub: Hub, far_chromium: Browser
) -> None:
    users = [User(hub, far_chromium, name) for name in ("jane", "joe")]
    pages = []
    for user in users:
        user.log_in()
        page = user.open([SERVER, "client = server.browser_client()\nclient", "1"])
        page.cell(0).run()
        page.cell(1).run()
        pages.append(page)

    ports = []
    for user, page in zip(users, pages, strict=True):
        client = page.cell(1).output.locator(".astra-browser")
        expect(client.locator(".astra-check")).to_contain_text("✓ reached", timeout=30_000)
        port = said(page, "print(server.port)")
        ports.append(port)
        assert said(page, "print(server.browser_url)") == (
            f"{user.url.replace('http', 'ws')}proxy/{port}/"
        )
        button(client, "Connect").click()
        expect(event(client, "open")).to_be_visible()
        client.get_by_label("Payload", exact=True).fill("close")
        button(client, "send text").click()
        expect(lane(client, "close code")).to_contain_text('4001 "you asked"≠ 1005 (no code)')
        # The hub's cookies and tokens went to the server, and are nowhere to be seen.
        assert (
            said(page, "import os; text = server.log.to_jsonl() + server.log._repr_html_()") == ""
        )
        assert said(page, "print(os.environ['JUPYTERHUB_API_TOKEN'] in text)") == "False"
        assert said(page, "print('<hidden>' in text, 'Cookie' in text)") == "True True"
        assert said(page, "print(len(set(m.connection for m in server.log.messages)) or 1)") == "1"

    for page, other, port in zip(pages, reversed(users), reversed(ports), strict=True):
        count = said(pages[1 - pages.index(page)], "print(server.log.last_number)")
        address = f"{other.url.replace('http', 'ws')}proxy/{port}/"
        ended = page.page.evaluate(
            """(address) => new Promise((resolve) => {
                const socket = new WebSocket(address);
                const seen = [];
                for (const name of ["open", "message", "error", "close"]) {
                    socket.addEventListener(name, (event) => {
                        seen.push(name);
                        if (name === "open") socket.close();
                        if (name === "close") resolve([seen.join(" "), event.code]);
                    });
                }
            })""",
            address,
        )
        assert ended == ["error close", 1006], f"{address} let another user in"
        status = page.page.evaluate(
            "(address) => fetch(address, { redirect: 'manual' })"
            ".then((answer) => answer.type === 'opaqueredirect' ? 302 : answer.status)",
            address.replace("ws:", "http:"),
        )
        assert status in (302, 403, 404)
        # Nothing of it arrived at the other's server.
        assert said(pages[1 - pages.index(page)], "print(server.log.last_number)") == count
    for page in pages:
        page.console_errors.clear()
    for user in users:
        user.lab.close()


@pytest.mark.timeout(600)
def test_the_first_notebook_runs_on_the_hub(hub: Hub, far_chromium: Browser) -> None:
    user = User(hub, far_chromium, "kim")
    user.log_in()
    shutil.copy(NOTEBOOK, user.root / NOTEBOOK.name)
    page = user.show(NOTEBOOK.name)
    page.run_all(timeout=170)
    assert page.errors() == []
    user.lab.close()
