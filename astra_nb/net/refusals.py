"""Refused opening handshakes: HTTP status, text of the answer, and the reason in the log."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from websockets.exceptions import InvalidHeader

from astra_nb.wire.redaction import redact_path
from astra_nb.wire.text import counted, visible

__all__ = [
    "FAILED",
    "TLS",
    "Refusal",
    "foreign_host",
    "foreign_origin",
    "invalid",
    "invalid_host",
    "no_page",
    "timed_out",
    "unknown_path",
    "unreadable",
    "why_unreadable",
]

LONGEST = 200  # characters shown of a value that a stranger sent


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused."""

    status: HTTPStatus
    text: str  # body of the answer, which repeats nothing of the request
    reason: str = ""  # for the log: one line, secrets hidden; "" where the status says it all


TLS = Refusal(
    HTTPStatus.BAD_REQUEST,
    "400 Bad Request: the client used wss:// (TLS), and this server speaks ws://.\n",
    "the client used wss://: its first bytes are a TLS ClientHello (RFC 8446, section 4.1.2); this "
    "server speaks ws://; for wss://, a proxy in front of it does the TLS",
)


FAILED = Refusal(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "500 Internal Server Error: this server could not answer; its log says why.\n",
    "the handshake hook or the handler of the page failed",
)


def no_page(method: str) -> Refusal:
    """Refuse a method other than GET and HEAD for a page."""
    return Refusal(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "405 Method Not Allowed: this page is read with GET or HEAD.\n",
        f"a page is not read with the method {visible(method[:LONGEST])}",
    )


def invalid_host(hosts: Sequence[str]) -> Refusal:
    """Refuse a request that does not name one host in the form of one (RFC 9112, section 3.2)."""
    if not hosts:
        return Refusal(
            HTTPStatus.BAD_REQUEST,
            "400 Bad Request: there is no Host header.\n"
            "It names the server that is asked (RFC 6455, section 4.1); every client sends it.\n",
            "the request has no Host header (RFC 6455, section 4.1)",
        )
    return Refusal(
        HTTPStatus.BAD_REQUEST,
        "400 Bad Request: a request names one host, as in Host: localhost:8080 "
        "(RFC 9112, section 3.2).\n",
        f"the request names {_quoted(hosts)} as its host, which is not one host with or without a "
        f"port (RFC 9112, section 3.2)",
    )


def foreign_host(hosts: Sequence[str]) -> Refusal:
    """Refuse a request whose `Host` header or target does not name this server."""
    return Refusal(
        HTTPStatus.MISDIRECTED_REQUEST,
        "421 Misdirected Request: the Host header does not name this server.\n"
        "A page could have pointed its own name at this machine (DNS rebinding). "
        "In the notebook, server.hosts.append(name) lets a name in.\n",
        f"the request names {_quoted(hosts)} as its host, which is not this server: a page may "
        f"have pointed its own name at this machine (DNS rebinding); if you know that name, "
        f"server.hosts.append(...) lets it in",
    )


def foreign_origin(origins: Sequence[str]) -> Refusal:
    """Refuse the script of a page whose origin is not allowed."""
    return Refusal(
        HTTPStatus.FORBIDDEN,
        "403 Forbidden: pages of this origin must not connect to this server "
        "(RFC 6455, section 10.2).\n"
        "Pages from this machine may. In the notebook, server.origins.append(origin) lets "
        "another one in.\n",
        f"pages of the origin {_quoted(origins)} must not connect (RFC 6455, section 10.2); if you "
        f"know that page, server.origins.append(...) lets it in",
    )


def unknown_path(routes: Sequence[str]) -> Refusal:
    """Refuse a path that has no handler, and list those that have one."""
    if not routes:
        text = (
            "404 Not Found: this server has no route yet.\n"
            'Add one in the notebook: server.websocket("/", handle_socket)\n'
        )
    else:
        text = "404 Not Found: no route has this path. The routes are:\n" + "".join(
            f"  {route}\n" for route in routes
        )
    return Refusal(HTTPStatus.NOT_FOUND, text)


def timed_out(seconds: float) -> Refusal:
    """Refuse a client that has not sent a whole opening handshake within so many seconds."""
    reason = f"no whole opening handshake within {seconds:g} s"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, f"408 Request Timeout: {reason}.\n", reason)


def invalid(status: int, exc: BaseException) -> Refusal:
    """Refuse a request that breaks a rule of the handshake; no value of it is repeated."""
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        why = "a WebSocket is requested with GET"
    elif status == HTTPStatus.HTTP_VERSION_NOT_SUPPORTED:
        why = (
            "a WebSocket is requested with HTTP/1.1, but this is HTTP/1.0, which many proxies use "
            "towards a server (for nginx: proxy_http_version 1.1, and proxy_set_header for "
            "Upgrade and Connection)"
        )
    elif status == HTTPStatus.UPGRADE_REQUIRED and isinstance(exc, InvalidHeader):
        why = (
            f"the header {exc.name} does not ask for a WebSocket: a browser opened the address as "
            f"a page, or a proxy removed the header"
        )
    elif isinstance(exc, InvalidHeader) and exc.name == "Sec-WebSocket-Key":
        why = f"the header Sec-WebSocket-Key {_of_key(exc)}; a key is 16 random bytes in base64"
    else:
        header = f"the header {exc.name}" if isinstance(exc, InvalidHeader) else "a header"
        why = f"{header} is missing or invalid"
    why += " (RFC 6455, section 4.2.1)"
    return Refusal(HTTPStatus(status), f"{_titled(status)}: {why}.\n", why)


def _of_key(exc: InvalidHeader) -> str:
    if exc.value is None:
        return "is missing"
    try:
        size = len(base64.b64decode(exc.value.encode(), validate=True))
    except binascii.Error:
        # Several keys are told so, in words that are not base64.
        return "is not one text in base64"
    return f"holds {counted(size, 'byte')}"


def unreadable(status: int) -> str:
    """Return the text for what is not an HTTP request (400), or for one that is too long."""
    if status == HTTPStatus.BAD_REQUEST:
        return (
            f"{_titled(status)}: this is not an HTTP request that asks for a WebSocket or a page; "
            f"such a request has no body.\n"
        )
    return f"{_titled(status)}: the request line or a header is too long, or there are too many.\n"


def why_unreadable(exc: BaseException | None) -> str:
    """Return the reason of a request that is not HTTP: the exception's message and its causes'."""
    texts = []
    while exc is not None:
        # After the colon it repeats what was sent, which may hold secrets.
        texts.append(str(exc).partition(": ")[0])
        exc = exc.__cause__
    return "; ".join(texts)


def _titled(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f'"{visible(redact_path(value[:LONGEST]))}"' for value in values)
