"""The way to a server: a TCP connection, a Unix domain socket, a proxy, a socket of one's own."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from websockets.uri import WebSocketURI

from astra_nb.errors import ConnectFailed

from .endpoint import Endpoint
from .options import ConnectOptions
from .proxies import describe_proxy, open_tunnel, proxy_for
from .tls import is_insecure
from .uris import where

if TYPE_CHECKING:
    from websockets.proxy import Proxy

__all__ = ["connect_failed", "dial"]

INSECURE = (
    "TLS checks nothing on this connection (ssl=False): anyone on the way can read and change it. "
    'ssl="ca.pem" trusts the authority (CA) of your own server.'
)


E = TypeVar("E", bound=Endpoint)


async def dial(
    uri: WebSocketURI,
    options: ConnectOptions,
    make: Callable[[], E],
    deadline: float | None,
) -> E:
    """Return a connection to a server.

    Args:
        options: All the options of `connect`, checked.
        make: Makes the connection; called when TCP is connected, before TLS.
        deadline: When TCP and TLS must be done, in the loop's time; None for any.

    Raises:
        ConnectFailed: They could not be connected; the message names the layer.
    """
    context = (options["ssl"] or ssl.create_default_context()) if uri.secure else None
    assert isinstance(context, (ssl.SSLContext, type(None)))
    proxy = None
    if options["unix"] is None and options["sock"] is None:
        proxy = proxy_for(uri, cast("Proxy | bool | None", options["proxy"]))
    made: list[E] = []

    def make_noted() -> E:
        connection = make()
        made.append(connection)
        if proxy is not None:
            kind = "HTTP CONNECT" if proxy.scheme == "http" else "SOCKS"
            connection.notice(f"TCP goes through the proxy {describe_proxy(proxy)} ({kind}).")
        if is_insecure(context):
            connection.notice(INSECURE)
        return connection

    tunneled = proxy is None
    try:
        async with asyncio.timeout_at(deadline):
            sock = options["sock"]
            if proxy is not None:
                sock = await open_tunnel(uri, proxy)
                tunneled = True
            return await _connect(uri, options, make_noted, sock, context)
    except ConnectFailed:
        raise
    except OSError as exc:
        if not tunneled and proxy is not None:
            raise ConnectFailed(
                f"the proxy {describe_proxy(proxy)} did not answer within "
                f"{options['timeout']:g} s; correct its address in proxy=..., or connect without "
                f"it: proxy=None"
            ) from exc
        raise connect_failed(
            uri, exc, options["timeout"], bool(made), cast("str | None", options["unix"])
        ) from exc


async def _connect(
    uri: WebSocketURI,
    options: ConnectOptions,
    make: Callable[[], E],
    sock: socket.socket | None,
    context: ssl.SSLContext | None,
) -> E:
    loop = asyncio.get_running_loop()
    tls: dict[str, Any] = {}
    if context is not None:
        # Without a limit of ours asyncio has one of its own, of 60 s.
        limit = options["timeout"] or math.inf
        tls = {"ssl": context, "server_hostname": uri.host, "ssl_handshake_timeout": limit}
    if options["unix"] is not None:
        _, connection = await loop.create_unix_connection(make, os.fspath(options["unix"]), **tls)
    elif sock is not None:
        try:
            sock.setblocking(False)
            _, connection = await loop.create_connection(make, sock=sock, **tls)
        except BaseException:
            sock.close()
            raise
    else:
        _, connection = await loop.create_connection(make, uri.host, uri.port, **tls)
    return connection


def connect_failed(
    uri: WebSocketURI,
    cause: OSError,
    timeout: float | None,
    has_tcp: bool,
    unix: str | os.PathLike[str] | None = None,
) -> ConnectFailed:
    """Return the error that names the layer on which no connection could be made.

    Args:
        cause: What asyncio raised; a `TimeoutError` without a number when time ran out.
        has_tcp: Whether TCP was connected, so that TLS failed.
    """
    reason = os.strerror(cause.errno) if cause.errno else str(cause) or "the server ended TCP"
    out_of_time = isinstance(cause, TimeoutError) and not cause.errno
    if has_tcp:
        verdict = getattr(cause, "verify_message", "")
        if verdict:
            return ConnectFailed(
                f"no TLS with {where(uri)}: its certificate is not valid here ({verdict}); name "
                f'an authority (CA) of your own with ssl="ca.pem", or in the environment variable '
                f"SSL_CERT_FILE"
            )
        openssl = getattr(cause, "reason", None)  # such as WRONG_VERSION_NUMBER
        if openssl:
            reason = openssl.replace("_", " ").lower()
        why = f"within {timeout:g} s" if out_of_time else f"({reason})"
        return ConnectFailed(
            f"no TLS with {where(uri)} {why}; TCP is connected, but does the server speak TLS? "
            f"If not, its address begins with ws://"
        )
    if unix is not None:
        return ConnectFailed(
            f"no connection to the Unix domain socket {os.fspath(unix)!r} ({reason}); is the "
            f"server running, and is unix=... the path that it listens on?"
        )
    if isinstance(cause, socket.gaierror):
        return ConnectFailed(
            f"DNS knows no address for {uri.host!r} ({cause.strerror}); check the name, and the "
            f"network"
        )
    if out_of_time:
        return ConnectFailed(f"no TCP connection to {where(uri)} within {timeout:g} s")
    return ConnectFailed(
        f"no TCP connection to {where(uri)} ({reason}); "
        f"is the server running? server.url is the address it listens on"
    )
