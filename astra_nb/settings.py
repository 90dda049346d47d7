"""What is set on a server before it runs or while it does: its limits, its routes, its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict, TypeVar, Unpack, overload

from .errors import InvalidRoute, LocalError
from .jupyter.handler_output import CellRun, current_run
from .net.http_answers import Pairs
from .net.options import check_names
from .net.policy import AS_WRITTEN, Policy, allowed_host, allowed_origin
from .net.routes import (
    Compression,
    Handler,
    PathPattern,
    check_handler,
    make_page,
    make_route,
)
from .quantities import check_seconds, check_size
from .wire.faults import Fault

__all__ = ["Settings", "checked_names"]

H = TypeVar("H", bound=Handler)
P = TypeVar("P", bound=PathPattern)
Shape = tuple[tuple[str, ...], ...]  # of a path, as PathPattern has it


class RouteOptions(TypedDict, total=False):
    """The options of `Server.websocket`, explained there."""

    automatic_pong: bool
    compression: Compression
    subprotocols: Sequence[str]
    handshake: Handler | None
    faults: Sequence[str | Fault]


class Settings:
    """The settings of a `Server`. Changes count for the opening handshakes from then on."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._set_by: dict[tuple[str, Shape], CellRun | None] = {}

    @property
    def origins(self) -> list[str]:
        """Origins that may connect besides pages from this machine and clients without one.

        Such as "https://hub.example.org"; "*" lets every page in (RFC 6455, section 10.2).
        """
        return self._policy.origins

    @origins.setter
    def origins(self, origins: Sequence[str]) -> None:
        self._policy.origins = checked_names(
            "origins", origins, allowed_origin, "https://hub.example.org"
        )

    @property
    def hosts(self) -> list[str]:
        """Names that a `Host` header may have besides this machine's own; "*" for any."""
        return self._policy.hosts

    @hosts.setter
    def hosts(self, hosts: Sequence[str]) -> None:
        self._policy.hosts = checked_names("hosts", hosts, allowed_host, "hub.example.org")

    @property
    def max_message_size(self) -> int | None:
        """Bytes a message may have, 1 MiB by default; None for any size.

        A larger message is answered with 1009. Counts for connections opened from now on.
        """
        return self._policy.max_message_size

    @max_message_size.setter
    def max_message_size(self, size: int | None) -> None:
        self._policy.max_message_size = check_size("max_message_size", size)

    @property
    def keepalive(self) -> float | None:
        """Seconds between PING frames the server sends by itself; None, the default, for never.

        A connection on which one stays unanswered for as long is closed with 1011 (this library's
        choice: the RFC names no code).
        """
        return self._policy.keepalive

    @keepalive.setter
    def keepalive(self, seconds: float | None) -> None:
        self._policy.keepalive = None if seconds is None else check_seconds("keepalive", seconds)

    @property
    def open_timeout(self) -> float:
        """Seconds an opening handshake may take, 10 by default."""
        return self._policy.open_timeout

    @open_timeout.setter
    def open_timeout(self, seconds: float) -> None:
        self._policy.open_timeout = check_seconds("open_timeout", seconds)

    @property
    def close_timeout(self) -> float:
        """Seconds to wait for the other end after a CLOSE frame was sent, 2 by default."""
        return self._policy.close_timeout

    @close_timeout.setter
    def close_timeout(self, seconds: float) -> None:
        self._policy.close_timeout = check_seconds("close_timeout", seconds)

    @overload
    def websocket(
        self, path: str, handler: H, *, replace: bool = ..., **options: Unpack[RouteOptions]
    ) -> H: ...

    @overload
    def websocket(
        self,
        path: str,
        handler: None = None,
        *,
        replace: bool = ...,
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]: ...

    def websocket(
        self,
        path: str,
        handler: Handler | None = None,
        *,
        replace: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Any:
        """Serve a path with a handler; without one, decorate the handler with this call.

        A `def` handler runs in a thread of its own for each connection and blocks; an
        `async def` handler runs on the server's event loop. May be called while the server runs.

        Args:
            path: Such as "/", or "/room/{name}": then `socket.path_parameters["name"]` is what
                stood there. Of several that match, "/room/lobby" comes before "/room/{name}".
            handler: Called with the socket, once for each connection.
            automatic_pong: Whether PING frames are answered by themselves.
            compression: "deflate" to agree to permessage-deflate (RFC 7692); or its parameters,
                such as {"server_max_window_bits": 10}.
            subprotocols: Those the server speaks here, the preferred first.
            handshake: Called with each opening handshake; see `handshake`, which sets it too.
            faults: Rules to break here on purpose, such as ["wrong accept key"] or
                ["CLOSE not answered"]; `astra_nb.faults` has them all.
            replace: Whether to take the place of the handler this path has, in the same order. A
                notebook cell that is run again replaces its own handlers anyway.

        Returns:
            The handler, so that this also decorates.

        Raises:
            InvalidRoute: The path or the handler cannot be served, or the path has one already.
        """
        check_names("websocket()", options, RouteOptions)
        if handler is None:
            return lambda handler: self.websocket(path, handler, replace=replace, **options)
        route = make_route(path, handler, **options)
        replace = replace or self._is_own("websocket", route.shape)
        self._policy.routes = _with(self._policy.routes, route, replace)
        self._set_by["websocket", route.shape] = current_run()
        return handler

    @overload
    def handshake(self, path: str, hook: H, *, replace: bool = ...) -> H: ...

    @overload
    def handshake(
        self, path: str, hook: None = None, *, replace: bool = ...
    ) -> Callable[[H], H]: ...

    def handshake(self, path: str, hook: Handler | None = None, *, replace: bool = False) -> Any:
        """Have a function decide over the opening handshakes of a path (RFC 6455, section 4.2.2).

        Without one, decorate the function with this call:

            @server.handshake("/room/{name}")
            def check(handshake):
                if handshake.request_with_secrets.headers.get("Authorization") != SECRET:
                    return handshake.refuse(401, headers={"WWW-Authenticate": "Basic"})
                return handshake.accept(headers={"Set-Cookie": "seen=1"})

        A `def` function runs in a thread and may block, an `async def` one is awaited; both may
        take up to `open_timeout`. One that raises, returns nothing else, or takes longer is
        shown with its traceback, and the client gets 500.

        Args:
            path: That of a route, which may come before or after.
            hook: Called with a `Handshake`; returns its `accept(...)` or `refuse(...)`.
            replace: Whether to take the place of the function that this path has.

        Returns:
            The function, so that this also decorates.

        Raises:
            InvalidRoute: The path or the function is not valid, or the path has one already.
        """
        if hook is None:
            return lambda hook: self.handshake(path, hook, replace=replace)
        check_handler(hook, "handshake hook", "the handshake", "handshake")
        shape = PathPattern(path=path).shape
        has_one = shape in self._policy.hooks or any(
            route.shape == shape and route.hook for route in self._policy.routes
        )
        if has_one and not (replace or self._is_own("handshake", shape)):
            raise InvalidRoute(
                f"the path {path!r} already has a handshake hook; write replace=True"
            )
        for route in self._policy.routes:
            if route.shape == shape:
                route.hook = None
        self._policy.hooks = {**self._policy.hooks, shape: hook}
        self._set_by["handshake", shape] = current_run()
        return hook

    @overload
    def get(self, path: str, handler: H, *, headers: Pairs = ..., replace: bool = ...) -> H: ...

    @overload
    def get(
        self, path: str, handler: None = None, *, headers: Pairs = ..., replace: bool = ...
    ) -> Callable[[H], H]: ...

    def get(
        self,
        path: str,
        handler: Handler | None = None,
        *,
        headers: Pairs = (),
        replace: bool = False,
    ) -> Any:
        """Serve a path over plain HTTP, for GET and HEAD; without a handler, decorate one.

        So one port serves a page and its WebSockets, at the same path if you like. This is not a
        web framework: a connection serves one request.

        Args:
            path: As for `websocket`; the request has the `path_parameters`.
            handler: Called with nothing, with the request, or with the request and the answer to
                be, whose `set_status_code(...)` and `set_header(...)` it may call. It returns a
                text (a page, if it begins with "<!doctype html"), bytes, what becomes JSON, or
                `request.answer(...)`. A `def` handler runs in a thread.
            headers: Those of each answer. They replace the defaults: `Content-Security-Policy`
                and others that keep a page from being shown in a frame.
            replace: Whether to take the place of the handler this path has.

        Returns:
            The handler, so that this also decorates.

        Raises:
            InvalidRoute: The path, the handler or a header is not valid, or the path has a
                handler already.
        """
        if handler is None:
            return lambda handler: self.get(path, handler, headers=headers, replace=replace)
        page = make_page(path, handler, headers)
        replace = replace or self._is_own("get", page.shape)
        self._policy.pages = _with(self._policy.pages, page, replace)
        self._set_by["get", page.shape] = current_run()
        return handler

    def _is_own(self, what: str, shape: Shape) -> bool:
        """Return whether an earlier execution of the cell that is running has set this."""
        earlier, now = self._set_by.get((what, shape)), current_run()
        return bool(earlier and now and earlier.cell == now.cell and earlier.run != now.run)


def _with(patterns: list[P], new: P, replace: bool) -> list[P]:
    """Return patterns with another one, which may take the place of one of its shape."""
    # Compared by what they match: "/{a}" and "/{b}" are one path.
    same = next((other for other in patterns if other.shape == new.shape), None)
    if same is None:
        return [*patterns, new]
    if replace:
        return [new if other is same else other for other in patterns]
    handler = getattr(same, "handler", None)
    raise InvalidRoute(
        f"the path {new.path!r} already has a handler, "
        f"{getattr(handler, '__name__', 'one')}; take another path, write "
        f"replace=True, or start again with http.server.new()"
    )


def checked_names(
    what: str, names: Iterable[str], meaning: Callable[[object], object], example: str
) -> list[str]:
    """Return a list of origins or hosts, as `what` and an `example` tell errors.

    Raises:
        LocalError: It is not a list, or `meaning` returns None for an entry.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise LocalError(f"{what} is a list of str, like [{example!r}], not {names!r:.80}")
    listed = list(names)
    for name in listed:
        if name not in AS_WRITTEN and meaning(name) is None:
            raise LocalError(
                f'{what} holds {name!r:.80}; write it like "{example}", or "*" for any (RFC 6454)'
            )
    return listed
