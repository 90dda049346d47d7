"""Checks of the options that say by which way a server is reached: a proxy, a path, a socket."""

from __future__ import annotations

import os
import socket
import ssl as tls
from typing import TYPE_CHECKING, TypeGuard

from websockets.exceptions import InvalidProxy

from astra_nb.errors import LocalError

if TYPE_CHECKING:
    from websockets.proxy import Proxy

__all__ = ["check_way"]


def check_way(proxy: object, unix: object, sock: object, redirects: int) -> Proxy | bool | None:
    """Check the options of `connect` that say by which way TCP is reached.

    Return the proxy by its parts; True for that of the environment, None for none.
    """
    if unix is not None and not (isinstance(unix, (str, os.PathLike)) and os.fspath(unix)):
        raise LocalError(f"unix is the path of a Unix domain socket, not {unix!r:.80}")
    if unix is not None and not hasattr(socket, "AF_UNIX"):
        raise LocalError("unix: this system has no Unix domain sockets; connect by TCP")
    if sock is not None:
        _check_sock(sock)
        if redirects:
            raise LocalError("each redirect needs a new connection: leave out sock")
    if isinstance(proxy, str):
        proxy = _parsed_proxy(proxy)
    elif proxy is False:
        proxy = None
    elif not (proxy is None or proxy is True or _is_proxy(proxy)):
        raise LocalError(
            f'proxy is an address like "http://127.0.0.1:3128" or "socks5h://127.0.0.1:1080", '
            f"True for the environment's, or None, not {type(proxy).__name__}"
        )
    ways = {"unix": unix, "sock": sock, "proxy": None if proxy is True else proxy}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise LocalError(f"{' and '.join(given)} are different ways to a server; give one of them")
    return proxy


def _is_proxy(value: object) -> TypeGuard[Proxy]:
    from websockets.proxy import Proxy  # it loads urllib.request, and few go by a proxy

    return isinstance(value, Proxy)


def _check_sock(sock: object) -> None:
    why = ""
    if not isinstance(sock, socket.socket):
        why = f"it is a {type(sock).__name__}"
    elif isinstance(sock, tls.SSLSocket):
        why = 'it speaks TLS already; give the socket below it, and "wss://" as the address'
    elif sock.type != socket.SOCK_STREAM:
        why = "it carries datagrams"
    else:
        try:
            sock.getpeername()
        except OSError as exc:
            why = f"{exc.strerror or exc}".lower()
    if why:
        raise LocalError(
            f"sock is a connected stream socket (socket.socket), but this is not: "
            f"{why}; socket.create_connection((host, port)) makes one"
        )


def _parsed_proxy(proxy: str) -> Proxy:
    from websockets.proxy import parse_proxy

    try:
        parsed = parse_proxy(proxy)
    except (InvalidProxy, ValueError) as exc:
        # Its text repeats the address, which may hold a password.
        why = exc.msg if isinstance(exc, InvalidProxy) else "its port or host is not valid"
        raise LocalError(
            f'proxy is not the address of a proxy ({why}); write one like "http://127.0.0.1:3128", '
            f'"http://USER:PASSWORD@127.0.0.1:3128" or "socks5h://127.0.0.1:1080"'
        ) from None
    if parsed.scheme == "https":
        raise LocalError(
            "proxy begins with https://, which is TLS to the proxy itself and is not supported; "
            'most proxies take "http://", even for a wss:// address'
        )
    return parsed
