"""The page that shows a widget: its origin, its host, and the base URL of its Jupyter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from astra_nb.errors import LocalError
from astra_nb.net.addresses import is_loopback

__all__ = ["Page", "base_path", "parse_url", "root"]

MAX_LENGTH = 500  # characters of an origin or a path


@dataclass(frozen=True, slots=True)
class Page:
    """The page that shows a widget, as its own `location` describes it."""

    origin: str  # such as "https://hub.example.org"; what a browser sends as `Origin`
    # Such as "localhost:8888"; what it sends as `Host` to its own site. "" in VS Code, for example.
    host: str = ""
    base_url: str | None = None  # such as "/user/jane/"; None when the page is not Jupyter's own

    @classmethod
    def told(cls, origin: object, host: object = "", base_url: object = None) -> Page:
        """Check what a page reported, and leave out a base URL that is not a path.

        Raises:
            LocalError: The origin does not name one site (such as "null" or "*"), or the host is
                not that of the origin.
        """
        if not isinstance(origin, str) or len(origin) > MAX_LENGTH:
            raise LocalError(f"an origin is a short text, not {origin!r:.80}")
        parts = parse_url(origin)
        if parts is None or not parts.scheme or not parts.hostname or origin != root(origin):
            raise LocalError(
                f"the origin {origin!r} does not name a single site, so it lets no page in; "
                f'an origin is a scheme and a host, like "https://hub.example.org"'
            )
        if parts.scheme not in ("http", "https") or not isinstance(host, str):
            return cls(origin)
        if host != parts.netloc:
            raise LocalError(f"the host {host!r:.80} is not the host of the origin {origin!r}")
        return cls(origin, host, base_path(base_url))

    @property
    def is_local(self) -> bool:
        """Whether the page comes from this machine, or through a tunnel that ends on it."""
        parts = urlsplit(self.origin)
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")

    @property
    def name(self) -> str:
        """The host without a port, or ""."""
        return urlsplit(f"//{self.host}").hostname or ""


def parse_url(url: str) -> Any:
    """Return the parts of an address, as `urlsplit` does; None when it is not an address."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts


def root(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def base_path(base: object) -> str | None:
    """Return a base path with a slash at both ends; None when it is not such a path."""
    if not isinstance(base, str) or len(base) > MAX_LENGTH:
        return None
    parts = parse_url(base)
    if parts is None or not re.fullmatch(r"[\w@%+~.,=/-]*", parts.path, re.ASCII):
        return None
    path = parts.path.strip("/")
    return f"/{path}/" if path else "/"
