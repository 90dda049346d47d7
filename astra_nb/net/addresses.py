"""Addresses: listening sockets, the process that holds a port, loopback names, URLs."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Any

from astra_nb.errors import AddressInUse, AddressUnavailable
from astra_nb.quantities import as_integer

__all__ = [
    "bind",
    "describe_peer",
    "is_free",
    "is_loopback",
    "overlap",
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


def websocket_url(hostname: str, port: int, path: str = "/", *, secure: bool = False) -> str:
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
    return f"ws{'s' * secure}://{host}:{port}{path}"


def overlap(one: str, other: str) -> bool:
    """Return whether two host names to listen on have an address in common; "::" has all."""
    return (
        "::" in (one, other)
        or one == other
        or any(
            a == b or (a.version == b.version and (a.is_unspecified or b.is_unspecified))
            for a in _addresses(one)
            for b in _addresses(other)
        )
    )


def _addresses(hostname: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(hostname, None, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(address[0]) for *_, address in found]
    except (OSError, ValueError, TypeError):
        return []  # `bind` says what is wrong with it


def describe_peer(peername: object) -> str:
    """Write a socket address as text: "127.0.0.1:51324", or the path of a Unix domain socket."""
    if isinstance(peername, tuple) and len(peername) >= 2:
        host, port = str(peername[0]), peername[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return peername if isinstance(peername, str) and peername else "unknown"


def bind(
    hostname: str, port: int, sockets: list[socket.socket] | None = None
) -> list[socket.socket]:
    """Bind one non-blocking socket for each address of a host name, all on one port.

    Args:
        hostname: Name or IP address to listen on; "::" means all of both families.
        sockets: Gets them as they are made, and is returned; for a caller that has to close them
            when this is interrupted.

    Raises:
        AddressInUse: Something else listens there.
        AddressUnavailable: The name has no address here, or the port may not be used.
    """
    given, number = port, as_integer(port)
    if number is None or not 0 <= number <= 65535:
        raise AddressUnavailable(
            f"port is {given!r:.80}; a port is an integer from 0 to 65535, and 0 takes a free one"
        )
    port = number
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
    if hostname == "::":
        # Both families, each on a socket of its own: an IPv4 client is then told by its address.
        found += socket.getaddrinfo("0.0.0.0", port, type=socket.SOCK_STREAM)
    sockets = [] if sockets is None else sockets
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


def is_free(hostname: str, port: int) -> bool:
    """Return whether a server could listen on an address now."""
    try:
        for sock in bind(hostname, port):
            sock.close()
    except (AddressInUse, AddressUnavailable):
        return False
    return True


def _explain(exc: OSError, hostname: str, port: int) -> AddressInUse | AddressUnavailable:
    where = f"{hostname}:{port}"
    if exc.errno == errno.EADDRINUSE:
        return AddressInUse(
            errno.EADDRINUSE,
            f"cannot listen on {where}: {_holder(hostname, port)}, "
            f"or let the system choose a free port with server.port = 0",
        )
    if exc.errno == errno.EACCES and port >= 1024:  # Windows reserves ranges of them
        way_out = "the system reserves this port; server.port = 0 takes a free one"
    elif exc.errno == errno.EACCES:
        way_out = "only an administrator may use ports below 1024; take a higher one, like 8080"
    else:
        way_out = f'{exc.strerror}; server.hostname = "127.0.0.1" listens on this machine'
    return AddressUnavailable(exc.errno or 0, f"cannot listen on {where}: {way_out}")


def _holder(hostname: str, port: int) -> str:
    """Return what holds a port, as far as the system tells, and how to free it."""
    import psutil  # only for this message

    def holds(connection: Any) -> bool:
        return (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr[1:2] == (port,)
            # "::" may hold the port for IPv4 as well.
            and (connection.laddr[0] == "::" or overlap(connection.laddr[0], hostname))
        )

    by = ""
    try:
        if any(map(holds, psutil.Process().net_connections(kind="tcp"))):
            return (
                f"this process itself, {os.getpid()}, holds this port; shut down what listens "
                f"there, such as a server of another cell"
            )
        pid = next(filter(holds, psutil.net_connections(kind="tcp"))).pid
        by = "" if pid is None else f" (process {pid}, {psutil.Process(pid).name()})"
    except (psutil.Error, OSError, StopIteration):
        pass
    return f"another program holds this port{by}; stop that program"
