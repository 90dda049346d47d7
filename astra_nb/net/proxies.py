"""TCP through a proxy: HTTP CONNECT (RFC 9110, section 9.3.6) and SOCKS (RFC 1928)."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidProxy
from websockets.uri import WebSocketURI

from astra_nb.errors import ConnectFailed, LocalError
from astra_nb.extras import install_command
from astra_nb.wire.handshake import head_end
from astra_nb.wire.text import visible

from .addresses import describe_peer, is_loopback

if TYPE_CHECKING:
    from websockets.proxy import Proxy

__all__ = ["describe_proxy", "open_tunnel", "proxy_for"]

MAX_HEAD = 64 * 1024  # bytes of a proxy's answer
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")
WAYS_OUT = {
    403: "it does not let you through to this address; ask the person who runs it",
    407: 'it wants to know who you are: proxy="http://USER:PASSWORD@HOST:PORT"',
    502: "it could not reach the server; is the address right?",
    503: "it could not reach the server; is the address right?",
    504: "it could not reach the server in time; is the address right?",
}


def proxy_for(uri: WebSocketURI, proxy: Proxy | bool | None) -> Proxy | None:
    """Return the proxy on the way to an address, by the option of `connect`.

    True takes what the environment names, such as `https_proxy` without `no_proxy`, and none on
    the way to this machine. It may name what is not a proxy, which is a `LocalError`.
    """
    if proxy is not True:
        return proxy or None
    if is_loopback(uri.host):
        return None
    from urllib.request import getproxies, proxy_bypass  # slow to load, and few go this way

    from websockets.proxy import get_proxy, parse_proxy

    found = get_proxy(uri)
    # The variable for all kinds of addresses, which websockets does not look at.
    if found is None and not proxy_bypass(describe_peer((uri.host, uri.port))):
        found = getproxies().get("all")
    try:
        return None if found is None else parse_proxy(found)
    except (InvalidProxy, ValueError):
        raise LocalError(
            "proxy: an environment variable such as https_proxy or all_proxy does not hold "
            'the address of a proxy; correct it, name one with proxy="http://HOST:PORT", or '
            "connect without one: proxy=None"
        ) from None


def describe_proxy(proxy: Proxy) -> str:
    """Return scheme, host and port of a proxy, without its password."""
    return f"{proxy.scheme}://{describe_peer((proxy.host, proxy.port))}"


async def open_tunnel(uri: WebSocketURI, proxy: Proxy) -> socket.socket:
    """Return a non-blocking socket that is connected to a server through a proxy.

    Raises:
        ConnectFailed: The proxy cannot be reached, refused, or answered nonsense.
        LocalError: Its kind is not supported, or python-socks is missing.
    """
    if proxy.scheme == "http":
        return await _http_tunnel(uri, proxy)
    if proxy.scheme == "https":
        raise LocalError(
            f"proxy: {describe_proxy(proxy)} expects TLS, which is not supported; name one "
            f'with proxy="http://HOST:PORT", or connect without one: proxy=None'
        )
    return await _socks_tunnel(uri, proxy)


async def _http_tunnel(uri: WebSocketURI, proxy: Proxy) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        sock = await _connect(proxy.host, proxy.port)
    except OSError as exc:
        raise _unreachable(proxy, exc) from exc
    try:
        from websockets.proxy import prepare_connect_request

        await loop.sock_sendall(sock, prepare_connect_request(proxy, uri))
        head = b""
        while head_end(head, len(head) - 1) is None:
            # Byte by byte: what follows the head is the server's.
            byte = await loop.sock_recv(sock, 1)
            if not byte or len(head) > MAX_HEAD:
                raise _nonsense(proxy, head)
            head += byte
        _check_answer(uri, proxy, head)
    except OSError as exc:
        sock.close()
        if isinstance(exc, ConnectFailed):
            raise
        raise ConnectFailed(
            f"the proxy {describe_proxy(proxy)} ended TCP before it answered "
            f"({os.strerror(exc.errno or 0)}); proxy=None connects without it"
        ) from exc
    except BaseException:
        sock.close()
        raise
    return sock


def _check_answer(uri: WebSocketURI, proxy: Proxy, head: bytes) -> None:
    found = STATUS_LINE.match(head)
    if found is None:
        raise _nonsense(proxy, head)
    status = int(found[1])
    if 200 <= status < 300:
        return
    phrase = visible((found[2] or b"").decode("latin-1"), 100)
    raise ConnectFailed(
        f"the proxy {describe_proxy(proxy)} answered {f'{status} {phrase}'.rstrip()} to CONNECT "
        f"{describe_peer((uri.host, uri.port))}: "
        f"{WAYS_OUT.get(status, 'it is not an HTTP proxy, or does not tunnel')}; "
        f"proxy=None connects without it"
    )


def _nonsense(proxy: Proxy, head: bytes) -> ConnectFailed:
    # The first line only: it may be an echo of the request, which holds the password of the proxy.
    line = head.partition(b"\r\n")[0].decode("latin-1")
    shown = f' ("{visible(line, 60)}")' if head else ": TCP ended"
    return ConnectFailed(
        f"the proxy {describe_proxy(proxy)} gave no answer in HTTP{shown}; is that the address of "
        f'an HTTP proxy? One that speaks SOCKS is proxy="socks5h://HOST:PORT"'
    )


def _unreachable(proxy: Proxy, exc: OSError) -> ConnectFailed:
    why = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
    return ConnectFailed(
        f"no TCP connection to the proxy {describe_proxy(proxy)} ({why}); correct its address in "
        f"proxy=..., or connect without it: proxy=None"
    )


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failed: OSError = OSError("its name has no address")
    for family, kind, number, _, address in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, number)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            return sock
        except OSError as exc:
            sock.close()
            failed = exc
        except BaseException:
            sock.close()
            raise
    raise failed


async def _socks_tunnel(uri: WebSocketURI, proxy: Proxy) -> socket.socket:
    try:
        from python_socks import ProxyError, ProxyType
        from python_socks.async_.asyncio import Proxy as SocksProxy
    except ImportError:
        raise LocalError(
            f"proxy: SOCKS needs the package python-socks; {install_command('socks')}"
        ) from None
    tunnel = SocksProxy(
        ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5,
        proxy.host,
        proxy.port,
        proxy.username,
        proxy.password,
        rdns=proxy.scheme in ("socks4a", "socks5h"),
    )
    try:
        # The limit is the caller's.
        return await tunnel.connect(uri.host, uri.port, timeout=10**9)
    except ProxyError as exc:
        raise ConnectFailed(
            f"the proxy {describe_proxy(proxy)} did not connect to "
            f"{describe_peer((uri.host, uri.port))} ({visible(str(exc), 100)}); is that the "
            f"address of a SOCKS proxy, and does it let you through? proxy=None connects without it"
        ) from exc
    except OSError as exc:
        raise _unreachable(proxy, exc) from exc
