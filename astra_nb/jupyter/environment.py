"""Where a kernel is, as far as it can find out by itself, and where a page says it is."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from astra_nb.errors import LocalError
from astra_nb.net.addresses import is_loopback

__all__ = ["Environment", "Page", "base_url_of_jupyter", "root", "split", "tidy_base"]

LONGEST = 500  # characters of what a page may tell


@dataclass(frozen=True, slots=True)
class Page:
    """The page that shows a widget, as its own `location` describes it.

    Attributes:
        origin: Such as "https://hub.example.org"; what a browser sends as `Origin`.
        host: Such as "hub.example.org" or "localhost:8888"; what it sends as `Host` to its own
            site. "" when the page has no http address, as in VS Code.
        base_url: The path under which Jupyter lies, such as "/user/jane/"; None when the page
            is not Jupyter's own.
    """

    origin: str
    host: str = ""
    base_url: str | None = None

    @classmethod
    def told(cls, origin: object, host: object = "", base_url: object = None) -> Page:
        """Take what a page told, as far as it makes sense.

        Raises:
            LocalError: The origin is none that stands for one site, such as "null" or "*".
        """
        if not isinstance(origin, str) or len(origin) > LONGEST:
            raise LocalError(f"an origin is a short text, not {origin!r:.80}")
        parts = split(origin)
        if parts is None or not parts.scheme or not parts.hostname or origin != root(origin):
            raise LocalError(
                f"the origin {origin!r} names no single site, so it lets no page in; an origin "
                f'is a scheme and a host, like "https://hub.example.org"'
            )
        if parts.scheme not in ("http", "https") or not isinstance(host, str):
            return cls(origin)
        if host != parts.netloc:
            raise LocalError(f"the host {host!r:.80} is not the one of the origin {origin!r}")
        return cls(origin, host, tidy_base(base_url))

    @property
    def is_local(self) -> bool:
        """Whether the page comes from this machine, or through a tunnel that ends on it."""
        parts = urlsplit(self.origin)
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")

    @property
    def name(self) -> str:
        """The host without a port, or ""."""
        return urlsplit(f"//{self.host}").hostname or ""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a kernel can find out by itself about where it runs.

    Attributes:
        environment: The environment variables.
        jupyter_base_url: Base URL of the Jupyter server that started this kernel, or None.
        platform: As `sys.platform`.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    jupyter_base_url: str | None = None
    platform: str = "linux"

    @classmethod
    def here(cls) -> Environment:
        """Look around: the environment, and the file in which Jupyter says where it is."""
        return cls(dict(os.environ), base_url_of_jupyter(os.environ), sys.platform)

    @property
    def hub_prefix(self) -> str | None:
        """The path of this user's server on a JupyterHub or on Binder, or None elsewhere."""
        return tidy_base(self.environment.get("JUPYTERHUB_SERVICE_PREFIX"))

    @property
    def is_colab(self) -> bool:
        return any(name.startswith("COLAB_") for name in self.environment)

    @property
    def is_lite(self) -> bool:
        """Whether Python itself runs in the browser."""
        return self.platform in ("emscripten", "wasi")

    @property
    def place(self) -> str:
        """Where this is, in a word or two."""
        environment = self.environment
        if self.is_lite:
            return "JupyterLite"
        if self.is_colab:
            return "Google Colab"
        if environment.get("CODESPACE_NAME"):
            return "GitHub Codespaces"
        if environment.get("BINDER_LAUNCH_HOST") or environment.get("BINDER_REPO_URL"):
            return "Binder"
        if self.hub_prefix:
            return "a JupyterHub"
        if environment.get("VSCODE_PROXY_URI"):
            return "VS Code in a browser"
        return "this machine"


# Parts


def split(url: str) -> Any:
    """Take an address apart; None when it is no address."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts


def root(url: str) -> str:
    """Give scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def tidy_base(base: object) -> str | None:
    """Give a base path with a slash at both ends; None for what is no such path."""
    if not isinstance(base, str) or len(base) > LONGEST:
        return None
    parts = split(base)
    if parts is None or not re.fullmatch(r"[\w@%+~.,=/-]*", parts.path, re.ASCII):
        return None
    path = parts.path.strip("/")
    return f"/{path}/" if path else "/"


def base_url_of_jupyter(environment: Mapping[str, str]) -> str | None:
    """Read the base URL from the file that the Jupyter server keeps about itself.

    That file also holds its token; nothing but the base URL is taken from it.
    """
    process = environment.get("JPY_PARENT_PID", "")
    if not process.isdigit():
        return None
    try:
        from jupyter_core.paths import jupyter_runtime_dir

        path = Path(jupyter_runtime_dir()) / f"jpserver-{process}.json"
        return tidy_base(json.loads(path.read_text(encoding="utf-8")).get("base_url"))
    except (ImportError, OSError, ValueError, AttributeError):
        return None
