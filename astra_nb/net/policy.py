"""Admission policy of a server: which requests may open a connection, and its limits.

The texts that a refused request is answered with are in `refusals`.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from astra_nb import seeded
from astra_nb.errors import LocalError
from astra_nb.wire.text import visible

from . import refusals
from .addresses import is_loopback
from .refusals import Refusal
from .routes import Handler, Page, Route, make_route
from .uris import Origin, host_and_port, is_authority, parse_origin

__all__ = [
    "AS_WRITTEN",
    "CHECK",
    "CHECK_PATH",
    "Admission",
    "Policy",
    "allowed_host",
    "allowed_origin",
    "check_seeded",
    "check_seeded_way",
    "host_allowed",
    "origin_allowed",
    "split_target",
]

# A page finds out here whether it reaches the server, without a handler being called.
CHECK_PATH = "/.well-known/astra-nb/check"
CHECK = make_route(CHECK_PATH, lambda socket: None)

LONGEST = 200  # characters of a host in an error

# Origins without a host; like "*", they count when they are listed just so.
AS_WRITTEN = ("*", "null", "file://")


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may open a connection, or gets a page."""

    route: Route | Page  # what serves its path; `CHECK` for `CHECK_PATH`
    parameters: dict[str, str] = field(default_factory=dict)  # of the path, percent-decoded


@dataclass(slots=True)
class Policy:
    """Decides over opening handshakes. Changes count from the next one on.

    Most fields are explained at the properties of `Server`.
    """

    hostname: str
    origins: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    # What decides over the opening handshakes of a path, by the path's shape, where its route has
    # no hook of its own.
    hooks: dict[tuple[tuple[str, ...], ...], Handler] = field(default_factory=dict)
    max_message_size: int | None = 2**20
    open_timeout: float = 10.0
    close_timeout: float = 2.0
    keepalive: float | None = None
    # What a page that checks its address is told; it is not a secret.
    check_answer: str = field(default_factory=lambda: secrets.token_hex(8))

    def admit(
        self,
        path: str,
        hosts: Sequence[str],
        origins: Sequence[str],
        target_host: str | None = None,
        upgrades: bool = True,
    ) -> Admission | Refusal:
        """Decide over a request: by its host, then by its origin, then by its path.

        Args:
            hosts: The value of each `Host` header. There must be one, in the form of a host
                (RFC 9112, section 3.2).
            target_host: The host of an absolute request target, which must be allowed as well.
            upgrades: Whether the request asks for a WebSocket: without that it may get a page.
        """
        named = hosts if target_host is None else [*hosts, target_host]
        if len(hosts) != 1 or not all(map(is_authority, named)):
            return refusals.invalid_host(hosts and named)
        if not all(host_allowed(host, self.hostname, self.hosts) for host in named):
            return refusals.foreign_host(named)
        # Beside keys that can be predicted no page of others is let in.
        known = self.origins if seeded.current is None else ()
        if not all(origin_allowed(origin, known) for origin in origins):
            return refusals.foreign_origin(origins)
        if path.partition("?")[0] == CHECK_PATH:
            return Admission(CHECK)
        kinds: list[Sequence[Route | Page]] = (
            [self.routes] if upgrades else [self.pages, self.routes]
        )
        for kind in kinds:
            for route in sorted(kind, key=attrgetter("rank")):
                parameters = route.match(path)
                if parameters is not None:
                    return Admission(route, parameters)
        return refusals.unknown_path([route.path for route in self.routes])

    def hook_of(self, route: Route) -> Handler | None:
        """Return what decides over the opening handshakes of a route; None accepts all."""
        return route.hook or self.hooks.get(route.shape)


def check_seeded(policy: Policy) -> None:
    """Refuse keys and ports that can be predicted where others may reach the server."""
    others = None
    if not is_loopback(policy.hostname):
        others = f"listens on {policy.hostname!r}"
    elif policy.origins or policy.hosts:
        others = f"lets {[*policy.origins, *policy.hosts][0]!r} in"
    if others is not None:
        raise LocalError(
            f"deterministic() is for lessons and tests on this machine only, because its "
            f"keys and ports can be predicted, and this server {others}; end it, or listen on "
            f'"127.0.0.1" with '
            f"empty server.origins and server.hosts"
        )


def check_seeded_way(host: str, proxy: object) -> None:
    """Refuse to go to another machine, or through one, with keys that can be predicted.

    Of that option of `connect`, only what has a host is a proxy: that of the environment is on no
    way to this machine.
    """
    for each in (host, getattr(proxy, "host", host)):
        if not is_loopback(each):
            raise LocalError(
                f"deterministic() is for lessons and tests on this machine only, because its keys "
                f'can be predicted, and "{visible(each, LONGEST)}" is not this machine; nothing '
                f"was sent"
            )


def split_target(target: str) -> tuple[str | None, str]:
    """Return the host and the path of a request target; None where it is a path alone.

    A client may send the whole address (RFC 6455, section 4.2.1); its host then counts instead of
    the `Host` header (RFC 9112, section 3.2.2).
    """
    found = re.fullmatch(r"(?i:https?|wss?)://([^/?#]*)(.*)", target)
    if found is None:
        return None, target
    host, path = found.groups()
    return host, path if path.startswith("/") else f"/{path}"


def origin_allowed(origin: str, allowed: Iterable[str]) -> bool:
    """Return whether a page of this origin may open a connection (RFC 6455, section 10.2).

    Pages from this machine always may; `allowed` has further origins, "*" for any.
    """
    wanted = list(allowed)
    if "*" in wanted or origin in wanted:
        return True
    found = parse_origin(origin) if origin.isascii() else None
    if found is None:
        return False
    scheme, host, _ = found
    return (scheme in ("http", "https") and is_loopback(host)) or found in map(
        allowed_origin, wanted
    )


def allowed_origin(entry: object) -> Origin | None:
    """Return the origin that an entry of `Server.origins` means; None when it is not an origin."""
    return parse_origin(entry.strip().rstrip("/")) if isinstance(entry, str) else None


def host_allowed(host: str, hostname: str, allowed: Iterable[str]) -> bool:
    """Return whether a request with this `Host` was meant for this server.

    A page can give its own name the address 127.0.0.1 after it was loaded (DNS rebinding); its
    requests then carry that name. `allowed` has names besides that which the server listens on;
    "*" for any.
    """
    wanted = list(allowed)
    if "*" in wanted:
        return True
    name = allowed_host(host) if host.isascii() and not host.endswith("/") else None
    if name is None:
        return False
    if is_loopback(name) or name in map(allowed_host, [hostname, *wanted]):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True  # an address cannot be rebound


def allowed_host(entry: object) -> str | None:
    """Return the name that an entry of `Server.hosts` means, without a port; None when none."""
    found = host_and_port(entry.strip().rstrip("/")) if isinstance(entry, str) else None
    return None if found is None else found[0].rstrip(".")
