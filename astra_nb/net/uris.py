"""Grammar of hosts, origins and WebSocket addresses, read strictly (RFC 3986, 6454 and 6455)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

from websockets.uri import WebSocketURI

from astra_nb.errors import InvalidMessage
from astra_nb.wire.redaction import HIDDEN, redact_path
from astra_nb.wire.text import shortened

from .addresses import describe_peer

__all__ = [
    "Origin",
    "host_and_port",
    "is_authority",
    "parse_address",
    "parse_origin",
    "percent_encoded",
    "where",
]

Origin = tuple[str, str, int | None]

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
LONGEST = 200  # characters of an address in an error

AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[\w.~-]+)?\]|[^]\[:@/?#\s]+)(?::([0-9]{0,5}))?")
# A registered name (RFC 3986, section 3.2.2), of which none is empty in an address of HTTP
# (RFC 9110, section 4.2.1), and a port.
NAMED = re.compile(r"(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::([0-9]*))?", re.ASCII)
HOST_NAME = re.compile(r"[a-z0-9_.-]{1,254}")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
ADDRESS = re.compile(r"(ws|http)(s?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.I | re.S)
# What RFC 3986 allows in no path and no query, except where it is percent-encoded already.
NOT_ENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!-~]|[\"<>\\^`{|}]")


def host_and_port(text: str) -> tuple[str, int | None] | None:
    """Return what `host[:port]` means (RFC 3986, section 3.2): for "LOCALHOST:80" localhost, 80.

    The host is in lower case, in ASCII (IDNA) and, if it is an IPv6 address, without brackets. None
    stands for anything else, such as a user, an empty label, or a port above 65535.
    """
    found = AUTHORITY.fullmatch(text)
    if found is None:
        return None
    host, port = found[1], int(found[2]) if found[2] else None
    if port is not None and port > 65535:
        return None
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1].replace("%25", "%"))), port
        host = host.encode("idna").decode("ascii").lower()
    except ValueError:
        return None
    return (host, port) if HOST_NAME.fullmatch(host) else None


def is_authority(text: str) -> bool:
    """Return whether a text is `host[:port]`, whatever the host (RFC 9110, section 7.2)."""
    named = NAMED.fullmatch(text)
    if named is None:
        return text.startswith("[") and host_and_port(text) is not None
    return len(named[1] or "") <= 5 and int(named[1] or 0) <= 65535


def parse_origin(text: str) -> Origin | None:
    """Return scheme, host and port of an origin; two are one if these are (RFC 6454, section 5).

    None when it is not an origin. The port is None where its scheme has no default.
    """
    scheme, _, authority = text.partition("://")
    found = host_and_port(authority)
    if found is None or not SCHEME.fullmatch(scheme) or authority.endswith(":"):
        return None
    scheme, (host, port) = scheme.lower(), found
    return scheme, host, DEFAULT_PORTS.get(scheme) if port is None else port


def parse_address(url: object) -> WebSocketURI:
    """Return the parts of a WebSocket's address (RFC 6455, section 3).

    "http" means "ws", as in a browser. Characters that an address cannot hold are percent-encoded.

    Raises:
        InvalidMessage: It is not such an address. Secrets in it are hidden.
    """
    if not isinstance(url, str):
        raise InvalidMessage(
            f'an address is a str like "ws://127.0.0.1:8080/", not {type(url).__name__}'
        )
    url = url.strip()
    found = ADDRESS.fullmatch(url)
    if found is None:
        raise _invalid(url, "it does not begin with ws:// or wss://")
    if not url.isprintable():
        raise _invalid(url, "it holds a character that cannot be seen")
    _, s, authority, path, query, fragment = found.groups()
    if fragment:
        raise _invalid(url, 'it has a fragment; a "#" in a path is written %23')
    if "@" in authority:
        raise _invalid(
            url,
            'it holds a user name or a password; send them in headers={"Authorization": '
            '"Basic ..."}',
        )
    host = host_and_port(authority)
    if host is None:
        raise _invalid(url, "after // comes a host, then optionally a colon and a port up to 65535")
    name, port = host
    if port == 0:
        raise _invalid(
            url, "port 0 is not a port yet; server.run() chooses one, and then server.url has it"
        )
    secure = bool(s)
    if port is None:
        port = DEFAULT_PORTS["wss" if secure else "ws"]
    return WebSocketURI(secure, name, port, percent_encoded(path), percent_encoded(query or ""))


def where(uri: WebSocketURI) -> str:
    """Return host and port of an address, as text."""
    return describe_peer((uri.host, uri.port))


def percent_encoded(text: str) -> str:
    """Return a path or a query as it is sent: what neither can hold is percent-encoded."""
    return NOT_ENCODED.sub(lambda found: quote(found[0], safe=""), text)


def _invalid(url: str, why: str) -> InvalidMessage:
    return InvalidMessage(
        f"{_shown(url)} is not the address of a WebSocket: {why}; write one like "
        f'"ws://127.0.0.1:8080/" (RFC 6455, section 3)'
    )


def _shown(url: str) -> str:
    # A password may hold a slash, so everything before the last @ could be one.
    shown = re.sub(r"^(\w+://)?.*@", rf"\1{HIDDEN}@", url, flags=re.DOTALL)
    return shortened(repr(redact_path(shown)), LONGEST)
