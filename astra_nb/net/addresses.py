"""Addresses: listening sockets, the process that holds a port, loopback names, URLs."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from astra_nb.errors import AddressInUse, AddressUnavailable

__all__ = [
    "bind",
    "describe_peer",
    "is_loopback",
    "websocket_url",
]

LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address always means this machine.

    `localhost` and names below it count (RFC 6761, section 6.3). Other names do not, because
    their owners can change what they point to.
    """
    host = host.strip("[]").rstrip(".").lower()
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def websocket_url(hostname: str, port: int, path: str = "/") -> str:
    """Return the URL at which a client on this machine reaches a server."""
    host = hostname
    try:
        address = ipaddress.ip_address(hostname)
    except ValueError:
        pass
    else:
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    if ":" in host:
        host = f"[{host}]"
    return f"ws://{host}:{port}{path}"


def describe_peer(peername: object) -> str:
    """Write a socket address as text: "127.0.0.1:51324"."""
    if isinstance(peername, tuple) and len(peername) >= 2:
        host, port = str(peername[0]), peername[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return "unknown"


def bind(hostname: str, port: int) -> list[socket.socket]:
    """Bind one non-blocking socket for each address of a host name, all on one port.

    Args:
        hostname: Name or IP address to listen on.
        port: 0 to 65535; 0 takes a free one.

    Raises:
        AddressInUse: Something else listens there.
        AddressUnavailable: The name has no address here, or the port may not be used.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise AddressUnavailable(
            f"port is {port!r}; a port is an integer from 0 to 65535, and 0 takes a free one"
        )
    if not isinstance(hostname, str) or not hostname:
        raise AddressUnavailable(
            f'hostname is {hostname!r}; write the name or address to listen on, like "127.0.0.1"'
        )
    try:
        found = socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise AddressUnavailable(
            f"hostname {hostname!r} has no address on this machine ({exc}); "
            f'server.hostname = "127.0.0.1" always has one'
        ) from exc
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            if os.name == "posix":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address[0], port, *address[2:]))
            # Listening here, not later, makes a second server on the address fail here.
            sock.listen(1024)
            sock.setblocking(False)
            port = sock.getsockname()[1]
    except OSError as exc:
        for sock in sockets:
            sock.close()
        raise _explain(exc, hostname, port) from exc
    return sockets


def _explain(exc: OSError, hostname: str, port: int) -> AddressInUse | AddressUnavailable:
    where = f"{hostname}:{port}"
    if exc.errno == errno.EADDRINUSE:
        holder = _holder(port)
        by = f" ({holder})" if holder else ""
        return AddressInUse(
            errno.EADDRINUSE,
            f"cannot listen on {where}: another program holds this port{by}; "
            f"stop that program, or let the system choose a free port with server.port = 0",
        )
    if exc.errno == errno.EACCES:
        way_out = "ports below 1024 belong to the administrator; take one above, like 8080"
    else:
        way_out = f'{exc.strerror}; server.hostname = "127.0.0.1" listens on this machine'
    return AddressUnavailable(exc.errno or 0, f"cannot listen on {where}: {way_out}")


def _holder(port: int) -> str:
    """Return the process that listens on a port in words; "" if the system does not tell."""
    import psutil  # only for this message

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or connection.laddr[1:2] != (port,):
                continue
            if connection.pid is None:
                return ""
            if connection.pid == os.getpid():
                return f"this very process, {connection.pid}"
            return f"process {connection.pid}, {psutil.Process(connection.pid).name()}"
    except (psutil.Error, OSError):
        pass
    return ""
