"""Redirects of an opening handshake (RFC 6455, section 4.1): where to, and with what."""

from __future__ import annotations

from typing import cast
from urllib.parse import urljoin

from websockets.http11 import Response
from websockets.uri import WebSocketURI

from astra_nb.errors import HandshakeFailed, InvalidMessage
from astra_nb.wire.redaction import Redactor, is_secret

from .options import ConnectOptions
from .uris import parse_address, where

__all__ = ["next_hop"]

STATUSES = (301, 302, 303, 307, 308)


def next_hop(
    hops: list[WebSocketURI], response: Response | None, options: ConnectOptions
) -> tuple[WebSocketURI, ConnectOptions] | None:
    """Return the address of the next request, and its options; None when it is not redirected.

    A `Host` of your own, and headers and subprotocols that sound like secrets, such as cookies,
    `Authorization`, `X-Api-Key` and what follows "token", go to the first host and port only.

    Args:
        hops: The addresses that were asked so far.
        response: The answer of the last one; None without a valid one.

    Raises:
        HandshakeFailed: The redirect cannot be followed.
    """
    if response is None or response.status_code not in STATUSES or not options["redirects"]:
        return None
    location = response.headers.get_all("Location")
    if not location:
        return None
    here = hops[-1]
    if len(hops) > options["redirects"]:
        raise _failed(
            response, f"there are more redirects than redirects={options['redirects']} allows"
        )
    base = f"http{'s' * here.secure}://{where(here)}{here.resource_name}"
    try:
        target = parse_address(urljoin(base, location[0]).partition("#")[0])
    except (InvalidMessage, ValueError):
        raise _failed(response, "it does not point to the address of a WebSocket") from None
    if here.secure and not target.secure:
        raise _failed(response, "it points from wss:// to ws://, where TLS protects nothing")
    if target in hops:
        raise _failed(response, f"the redirects go in a circle, back to {where(target)}")
    if (target.host, target.port) != (hops[0].host, hops[0].port):
        headers = cast("tuple[tuple[str, str], ...]", options["headers"] or ())
        names = cast("tuple[str, ...]", options["subprotocols"])
        redactor = Redactor(offered=names)
        options = {
            **options,
            "headers": tuple(
                pair for pair in headers if pair[0].lower() != "host" and not is_secret(pair[0])
            ),
            "subprotocols": tuple(name for name in names if redactor.subprotocol(name) == name),
        }
    return target, options


def _failed(response: Response, why: str) -> HandshakeFailed:
    return HandshakeFailed(
        f"the server answered HTTP {response.status_code}, a redirect that is not followed: {why}; "
        f"e.headers['Location'] says where it points",
        status=response.status_code,
    )
