"""What the headers of an opening handshake ask for, and the server's answer (RFC 6455, 4.2)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader, InvalidUpgrade
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from . import refusals
from .http_answers import Acceptance
from .http_pages import CONTENT_SECURITY_POLICY, UPGRADE_PAGE
from .options import check_compression
from .routes import Route

__all__ = [
    "SUBPROTOCOL",
    "accept",
    "asks_for_websocket",
    "choose_subprotocol",
    "lenient_headers",
    "negotiate",
    "subprotocols_of",
]

SUBPROTOCOL = "Sec-WebSocket-Protocol"
VERSION = "Sec-WebSocket-Version"


def asks_for_websocket(headers: Headers) -> bool:
    """Return whether the `Upgrade` header has "websocket" (RFC 6455, section 4.2.1)."""
    return any(
        part.strip().lower() == "websocket"
        for value in headers.get_all("Upgrade")
        for part in value.split(",")
    )


def lenient_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Return headers without those that no reader would accept; the log has them as they came."""
    headers = Headers()
    for name, value in pairs:
        with contextlib.suppress(InvalidHeader):
            headers[name] = value
    return headers


def subprotocols_of(headers: Headers) -> tuple[str, ...]:
    """Return the subprotocols that a client offers, in their order."""
    values = ",".join(headers.get_all(SUBPROTOCOL)).split(",")
    return tuple(name.strip() for name in values if name.strip())


def choose_subprotocol(
    protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    """Return the first subprotocol of the server's that a client offers.

    A server that agrees to none of them leaves the header out; refusing the connection is not
    asked for (RFC 6455, section 4.2.2).
    """
    for name in protocol.available_subprotocols or ():
        if name in offered:
            return name
    return None


def negotiate(protocol: ServerProtocol, request: Request, route: Route) -> tuple[Response, str]:
    """Answer the upgrade itself; return the answer, and why it refuses, "" when it does not."""
    # The protocol was made before the path was known.
    protocol.available_subprotocols = [Subprotocol(name) for name in route.subprotocols]
    deflate = check_compression(route.compression, "server")
    if deflate is not None:
        protocol.available_extensions = [ServerPerMessageDeflateFactory(**deflate)]
    response = protocol.accept(_with_one_upgrade(request))
    refused = protocol.handshake_exc
    if isinstance(refused, InvalidHeader) and refused.name == VERSION:
        # RFC 6455, section 4.2.2: the answer MUST tell the version that is understood.
        response.headers[VERSION] = "13"
    if refused is None:
        return response, ""
    refusal = refusals.invalid(response.status_code, refused)
    if isinstance(refused, InvalidUpgrade):  # of a GET: another method is refused first
        _set_body(response, UPGRADE_PAGE, "text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    else:
        # The protocol's own text repeats values of the request.
        _set_body(response, refusal.text, "text/plain; charset=utf-8")
    return response, refusal.reason


def accept(protocol: ServerProtocol, response: Response, decision: Acceptance) -> None:
    """Put what a hook chose into the answer that accepts."""
    chosen = decision.subprotocol
    if chosen != "":
        response.headers.pop(SUBPROTOCOL, None)  # the route may have chosen none
        if chosen is not None:
            response.headers[SUBPROTOCOL] = chosen
        protocol.subprotocol = None if chosen is None else Subprotocol(chosen)
    for name, value in decision.headers:
        response.headers[name] = value


def _with_one_upgrade(request: Request) -> Request:
    """Return the request with "websocket" alone in `Upgrade`, where that is one of several.

    The protocol takes no list such as "h2c, websocket", and the RFC does.
    """
    if not asks_for_websocket(request.headers):
        return request
    headers = request.headers.copy()
    del headers["Upgrade"]
    headers["Upgrade"] = "websocket"
    return Request(request.path, headers, request.method, request.protocol)


def _set_body(response: Response, text: str, content_type: str) -> None:
    response.body = text.encode()
    del response.headers["Content-Length"], response.headers["Content-Type"]
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Content-Type"] = content_type
