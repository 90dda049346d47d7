"""What to send when you ask for help: versions, addresses and the proxy, without secrets."""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from astra_nb import __version__
from astra_nb.client import connect
from astra_nb.errors import AstraError
from astra_nb.jupyter.browser_address import (
    PROXY_MISSING,
    SETTING,
    Environment,
    browser_addresses,
    no_listening,
    unreachable,
)
from astra_nb.server import DEFAULT_PORT, Server
from astra_nb.wire.redaction import redact_path
from astra_nb.wire.text import visible

__all__ = ["describe"]

PACKAGES = (
    *("websockets", "ipykernel", "ipywidgets", "anywidget", "jupyterlab", "notebook"),
    *("jupyter-server", "jupyter-server-proxy", "lupa", "nbgrader"),
)
# What decides where the browser finds the kernel. Others hold tokens, so only these are shown.
VARIABLES = (
    *(SETTING, "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_PUBLIC_URL", "BINDER_LAUNCH_HOST"),
    *("VSCODE_PROXY_URI", "CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN"),
)


def describe(port: int = DEFAULT_PORT) -> str:
    """Return several lines about this machine; a server is started and reached for them."""
    around = Environment.here()
    return "\n".join(
        [
            f"astra-nb {__version__}, Python {platform.python_version()}, {sys.platform}",
            *(f"  {name} {installed(name) or 'not installed'}" for name in PACKAGES),
            "",
            f"Place: {around.place}",
            *(f"  {line}" for line in settings(around)),
            f"Server: {reach(around)}",
            f"Port {port}: {holder(port)}",
            f"Address for the kernel: ws://127.0.0.1:{port}/",
            *addresses(around, port),
            f"Proxy: {proxy()}",
            "",
            "Only a page can tell which of the browser's addresses works: show",
            "server.browser_client() in a notebook, and read the result of its check.",
        ]
    )


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def settings(around: Environment) -> Iterator[str]:
    for name in VARIABLES:
        if value := around.environment.get(name):
            yield f"{name} = {visible(redact_path(value[:200]))}"
    if around.jupyter_base_url is not None:
        yield f"Jupyter's base URL is {visible(around.jupyter_base_url)}"


def addresses(around: Environment, port: int) -> Iterator[str]:
    try:
        found = browser_addresses(around, "127.0.0.1", port)
    except AstraError as error:
        yield f"Address for the browser: {error}"
        return
    if not found:
        yield f"Address for the browser: none; {unreachable(around)}"
    for number, address in enumerate(found):
        name = "Address for the browser:" if number == 0 else "or"
        yield f"{name} {visible(redact_path(address.url))}"
        yield f"  {address.why}"
        if address.url.startswith("/"):
            yield "  The part before this path is in the browser's address bar."


def proxy() -> str:
    if found := installed("jupyter-server-proxy"):
        return f"jupyter-server-proxy {found} is installed for this Python."
    return f"jupyter-server-proxy is not installed for this Python. {PROXY_MISSING}"


def reach(around: Environment) -> str:
    """Start a server, connect to it, and return how that went."""
    if why_not := no_listening(around):
        return why_not
    try:
        with Server(port=0) as server:
            server.websocket("/", lambda socket: socket.send_text("hello"))
            with connect(server.url, timeout=5) as client:
                client.recv(5)
    except (AstraError, OSError) as error:
        return f"could not be started and reached: {visible(str(error))}"
    return "one was started and reached in this process."


def holder(port: int) -> str:
    with socket.socket() as probe:
        probe.settimeout(1)
        answered = probe.connect_ex(("127.0.0.1", port)) == 0
    return "something listens there" if answered else "free"
