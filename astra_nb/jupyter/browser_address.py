"""Where the kernel is, and at which address this user's browser reaches a server in it.

On a laptop the page and the server share a machine. On a hub, on Binder, in a container or in a
hosted editor they do not, and only the page knows for sure where it is: `Page` is what it told.
Nothing here opens a connection; which of several addresses works is found out by the page.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from astra_nb.errors import LocalError
from astra_nb.net.addresses import is_loopback, websocket_url
from astra_nb.wire.redaction import redact_path

from .environment import Environment, Page, root, split

__all__ = [
    "SETTING",
    "BrowserAddress",
    "Environment",
    "Page",
    "browser_addresses",
    "check_template",
    "no_listening",
]

SETTING = "ASTRA_NB_BROWSER_URL"
CODESPACES_DOMAIN = "app.github.dev"  # where GitHub names none
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
PORT = re.compile(r"\{\{\s*port\s*\}\}|\{port\}")

PROXY_MISSING = (
    "jupyter-server-proxy must be installed where the Jupyter server runs: "
    "pip install jupyter-server-proxy, then start Jupyter again."
)


@dataclass(frozen=True, slots=True)
class BrowserAddress:
    """An address at which the browser may reach the server.

    Attributes:
        url: What `new WebSocket(...)` takes. It begins with "/" when only the page knows the
            host: a page completes it by its own.
        why: One sentence: how this address came about.
        proxied: Whether something stands between the browser and the server and speaks
            WebSocket to both.
        hint: What to do when nothing is reached there.
    """

    url: str
    why: str
    proxied: bool = False
    hint: str = ""


# The answer


def browser_addresses(
    around: Environment,
    hostname: str,
    port: int,
    page: Page | None = None,
    setting: str | None = None,
) -> list[BrowserAddress]:
    """Give the addresses at which this user's browser may reach a server, the likeliest first.

    Args:
        around: Where the kernel runs.
        hostname: What the server listens on.
        port: The port it listens on.
        page: The page that shows a widget; None while no page has told where it is.
        setting: A setting of one's own, with `{port}` where the port goes. It wins.

    Returns:
        Nothing where no page can reach the kernel: `no_listening` and Google Colab.
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
    if around.is_lite or around.is_colab:
        return []
    direct = direct_address(hostname, port)
    if not reaches_loopback(hostname):
        return [direct]
    found = from_templates(around, port, page)
    jupyter = through_jupyter(around, port, page)
    at_home = page is None or page.is_local or not page.host
    behind = around.hub_prefix or (page and page.base_url not in (None, "/"))
    if found:
        # A page that is Jupyter's own knows better than the editor's setting.
        found = jupyter + found if page and page.base_url else found + jupyter
    elif behind:
        found = jupyter + ([direct] if at_home and not around.hub_prefix else [])
    elif at_home:
        found = [direct, *jupyter]
    else:
        found = jupyter
    if page is not None and is_unspecified(hostname) and page.origin.startswith("http://"):
        found.append(
            BrowserAddress(
                websocket_url(page.name, port),
                f"The server listens on every address of its machine, {hostname}.",
            )
        )
    return found


def direct_address(hostname: str, port: int) -> BrowserAddress:
    return BrowserAddress(
        websocket_url(hostname, port),
        "The browser and the kernel are on one machine.",
        hint="If the kernel runs elsewhere (in a container, or over SSH), forward this port as "
        f"you did Jupyter's: ssh -L {port}:127.0.0.1:{port} ...",
    )


def from_templates(around: Environment, port: int, page: Page | None) -> list[BrowserAddress]:
    """Addresses that the editor or the codespace tells in the environment."""
    environment = around.environment
    found = []
    editor = environment.get("VSCODE_PROXY_URI", "")
    if PORT.search(editor):
        url = PORT.sub(str(port), editor)
        if split(url) and not urlsplit(url).scheme:
            base = f"{page.origin}/" if page and page.host else "/"
            url = urljoin(base, url)
        found.append(
            BrowserAddress(
                as_websocket(url),
                "VS Code says in VSCODE_PROXY_URI how a port is reached.",
                proxied=True,
                hint="Forward the port in the PORTS view of VS Code, then check again.",
            )
        )
    name = environment.get("CODESPACE_NAME")
    if name:
        domain = environment.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN") or CODESPACES_DOMAIN
        found.append(
            BrowserAddress(
                f"wss://{name}-{port}.{domain}/",
                "A codespace gives each forwarded port a name of its own.",
                proxied=True,
                hint="In the PORTS view forward the port and set its visibility to public: a "
                "page cannot log in for a WebSocket.",
            )
        )
    return found


def through_jupyter(around: Environment, port: int, page: Page | None) -> list[BrowserAddress]:
    """The address through jupyter-server-proxy."""
    told = page.base_url if page else None
    base = told or around.hub_prefix or (None if page else around.jupyter_base_url)
    if base is None or (page is None and base == "/"):
        return []
    public = around.environment.get("JUPYTERHUB_PUBLIC_URL", "")
    if page and page.host:
        start = as_websocket(page.origin)
    elif around.hub_prefix and split(public) and urlsplit(public).hostname:
        start = as_websocket(root(public))
    else:
        start = ""
    return [
        BrowserAddress(
            f"{start}{base}proxy/{port}/",
            "The browser reaches the kernel's port through Jupyter's own address."
            if start
            else "The browser reaches the kernel's port through Jupyter's own address; "
            "the page completes it by its host.",
            proxied=True,
            hint=PROXY_MISSING,
        )
    ]


def no_listening(around: Environment) -> str:
    """Say why no server can listen here; "" where one can."""
    if around.is_lite:
        return (
            "in JupyterLite Python runs inside the browser, where no program can listen for "
            "connections, so there is no WebSocket server here. Open the notebook on Binder, or "
            "on your machine: pip install 'astra-nb[lab]', then astra-nb lab"
        )
    return ""


def unreachable(around: Environment) -> str:
    """Say why no page can reach the kernel; "" where one may."""
    if around.is_colab:
        return (
            "Google Colab lets no page open a WebSocket to the kernel. Use a client in the "
            "kernel, connect(server.url); for the browser's end open the notebook on Binder."
        )
    return no_listening(around)


def check_template(template: object, port: int = 8080) -> str:
    """Fill a port into an address of one's own.

    Raises:
        LocalError: It is no address of a WebSocket.
    """
    url = PORT.sub(str(port), template) if isinstance(template, str) else ""
    parts = split(url)
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


# Parts


def as_websocket(url: str) -> str:
    """Give the WebSocket address for an http one; every other text stays as it is."""
    parts = split(url)
    if parts is None or parts.scheme not in SCHEMES:
        return url
    path = parts.path or ("/" if parts.query else "")
    return str(parts._replace(scheme=SCHEMES[parts.scheme], path=path).geturl())


def reaches_loopback(hostname: str) -> bool:
    return is_loopback(hostname) or is_unspecified(hostname)


def is_unspecified(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_unspecified
    except ValueError:
        return False
