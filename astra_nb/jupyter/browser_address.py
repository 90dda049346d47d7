"""The addresses at which this user's browser reaches a server in the kernel.

On a laptop the page and the server share a machine. On a hub, on Binder, in a codespace, in a
container or in a hosted editor they do not, and only the page knows for sure where it is: `Page`
is what it reported. Nothing here opens a connection; the page finds out which address works.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from astra_nb.errors import LocalError
from astra_nb.net.addresses import is_loopback, websocket_url
from astra_nb.wire.redaction import redact_path

from .environment import Environment
from .page import Page, parse_url, root

__all__ = [
    "PROXY_MISSING",
    "SETTING",
    "BrowserAddress",
    "Environment",
    "Page",
    "browser_addresses",
    "check_template",
    "no_listening",
    "unreachable",
]

SETTING = "ASTRA_NB_BROWSER_URL"
CODESPACES_DOMAIN = "app.github.dev"  # when GitHub does not set another
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
PORT = re.compile(r"\{\{\s*port\s*\}\}|\{port\}")

PROXY_MISSING = (
    "jupyter-server-proxy must be installed where the Jupyter server runs: "
    "pip install jupyter-server-proxy, then start Jupyter again."
)


@dataclass(frozen=True, slots=True)
class BrowserAddress:
    """An address at which the browser may reach the server."""

    # What `new WebSocket(...)` takes; it begins with "/" when only the page knows the host.
    url: str
    why: str  # one sentence: where this address comes from
    proxied: bool = False  # whether a proxy between browser and server speaks WebSocket to both
    hint: str = ""  # what to do when nothing answers there


def browser_addresses(
    around: Environment,
    hostname: str,
    port: int,
    page: Page | None = None,
    setting: str | None = None,
    *,
    secure: bool = False,
) -> list[BrowserAddress]:
    """Return the addresses at which this user's browser may reach a server, the likeliest first.

    Args:
        around: Where the kernel runs.
        hostname: What the server listens on.
        page: The page that shows a widget; None while no page has reported where it is.
        setting: The user's own address, with `{port}` where the port goes. It replaces all others.
        secure: Whether the server speaks wss://.

    Returns:
        Nothing where no page can reach the kernel: `no_listening` and Google Colab.

    Raises:
        LocalError: The setting is not an address of a WebSocket.
    """
    template = setting or around.environment.get(SETTING)
    if template:
        return [
            BrowserAddress(
                check_template(template, port),
                "You set this address yourself.",
                proxied=True,
                hint=f"Correct server.browser_url, or the environment variable {SETTING}.",
            )
        ]
    if unreachable(around):
        return []
    direct = BrowserAddress(
        websocket_url(hostname, port, secure=secure),
        "The browser and the kernel are on one machine.",
        hint="If the kernel runs elsewhere (in a container, or over SSH), forward this port as "
        f"you did Jupyter's: ssh -L {port}:127.0.0.1:{port} ...",
    )
    everywhere = is_unspecified(hostname)
    if not everywhere and not is_loopback(hostname):
        return [direct]
    hosted = [*vscode_address(around, port, page), *codespaces_address(around, port)]
    jupyter = list(jupyter_address(around, port, page))
    on_one_machine = page is None or page.is_local or not page.host
    if hosted:
        # A page that is Jupyter's own knows better than the editor's setting.
        found = jupyter + hosted if page and page.base_url else hosted + jupyter
    elif not on_one_machine or around.hub_prefix:
        found = jupyter
    elif page and page.base_url not in (None, "/"):
        found = [*jupyter, direct]
    else:
        found = [direct, *jupyter]
    if page is not None and everywhere and page.origin.startswith("http://"):
        found.append(
            BrowserAddress(
                websocket_url(page.name, port, secure=secure),
                f"The server listens on every address of its machine, {hostname}.",
            )
        )
    return found


def vscode_address(around: Environment, port: int, page: Page | None) -> Iterator[BrowserAddress]:
    """Yield the address that VS Code in a browser (code-server, Coder) sets, if there is one."""
    template = around.environment.get("VSCODE_PROXY_URI", "")
    if not PORT.search(template):
        return
    url = PORT.sub(str(port), template)
    parts = parse_url(url)
    if parts and not parts.scheme:
        url = urljoin(f"{page.origin}/" if page and page.host else "/", url)
    yield BrowserAddress(
        as_websocket(url),
        "VS Code says in VSCODE_PROXY_URI how a port is reached.",
        proxied=True,
        hint="Forward the port in the PORTS view of VS Code, then check again.",
    )


def codespaces_address(around: Environment, port: int) -> Iterator[BrowserAddress]:
    """Yield the address of a forwarded port on GitHub Codespaces, if the kernel is there."""
    name = around.environment.get("CODESPACE_NAME")
    if not name:
        return
    domain = around.environment.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    yield BrowserAddress(
        f"wss://{name}-{port}.{domain or CODESPACES_DOMAIN}/",
        "A codespace gives each forwarded port its own name.",
        proxied=True,
        hint="In the PORTS view forward the port and set its visibility to public: a "
        "page cannot log in for a WebSocket.",
    )


def jupyter_address(around: Environment, port: int, page: Page | None) -> Iterator[BrowserAddress]:
    """Yield the address through jupyter-server-proxy: on a hub, on Binder, behind a base URL."""
    base = (page and page.base_url) or around.hub_prefix
    if page is None:
        # The page's own base URL may be "/"; without a page that is only a guess.
        base = base or around.jupyter_base_url
        base = None if base == "/" else base
    if base is None:
        return
    public = around.environment.get("JUPYTERHUB_PUBLIC_URL", "")
    public_parts = parse_url(public)
    start = ""
    if page and page.host:
        start = as_websocket(page.origin)
    elif around.hub_prefix and public_parts and public_parts.hostname:
        start = as_websocket(root(public))
    why = "The browser reaches the kernel's port through Jupyter's own address"
    yield BrowserAddress(
        f"{start}{base}proxy/{port}/",
        f"{why}." if start else f"{why}; the page adds its host.",
        proxied=True,
        hint=PROXY_MISSING,
    )


def no_listening(around: Environment) -> str:
    """Return why a server cannot listen here; "" where one can."""
    if around.is_lite:
        return (
            "in JupyterLite Python runs inside the browser, where no program can listen for "
            "connections, so there is no WebSocket server here. Open the notebook on Binder, or "
            "on your machine, with JupyterLab: astra-nb lab"
        )
    return ""


def unreachable(around: Environment) -> str:
    """Return why a page cannot reach the kernel; "" where it may."""
    if around.is_colab:
        return (
            "Google Colab does not let a page open a WebSocket to the kernel. Use a client in the "
            "kernel, connect(server.url); for the browser's end open the notebook on Binder."
        )
    return no_listening(around)


def check_template(template: object, port: int = 8080) -> str:
    """Return the WebSocket address for a user's own, with the port; raise `LocalError` for none."""
    url = PORT.sub(str(port), template) if isinstance(template, str) else ""
    parts = parse_url(url)
    if parts is None or parts.scheme not in SCHEMES or not parts.hostname or "{" in url:
        shown = repr(redact_path(template) if isinstance(template, str) else template)
        raise LocalError(
            f"browser_url (or {SETTING}) is an address with {{port}} where the port goes, like "
            f'"wss://proxy.example.org/{{port}}/", not {shown:.120}'
        )
    if parts.username or parts.password or parts.fragment:
        raise LocalError(
            "browser_url holds a user name, a password or a fragment; "
            "a WebSocket's address has none of them (RFC 6455, section 3)"
        )
    return as_websocket(url)


def as_websocket(url: str) -> str:
    """Return the WebSocket address for an http one; every other text stays as it is."""
    parts = parse_url(url)
    if parts is None or parts.scheme not in SCHEMES:
        return url
    path = parts.path or ("/" if parts.query else "")
    return str(parts._replace(scheme=SCHEMES[parts.scheme], path=path).geturl())


def is_unspecified(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_unspecified
    except ValueError:
        return False
