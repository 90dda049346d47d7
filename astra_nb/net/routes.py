"""Routes: path patterns, their handlers, and the options of each route."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, unquote

from astra_nb.errors import InvalidRoute

__all__ = ["Compression", "Handler", "Route", "is_async", "make_route"]

Handler = Callable[..., Any]
Compression = Literal["deflate"] | None

_PARAMETER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One path and what serves it.

    Attributes:
        path: As it was given, such as "/room/{name}".
        handler: Called with the socket, once for each connection.
        is_async: Whether the handler is an `async def`.
        automatic_pong: Whether the server answers PING frames by itself.
        compression: "deflate" to agree to permessage-deflate (RFC 7692), or None.
        subprotocols: Those the server speaks, the preferred first.
        pattern: Matches a whole path as it is sent: percent-encoded, without its query.
    """

    path: str
    handler: Handler
    is_async: bool
    automatic_pong: bool
    compression: Compression
    subprotocols: tuple[str, ...]
    pattern: re.Pattern[str]

    @property
    def shape(self) -> str:
        """The path without its parameters' names: routes of one shape match the same paths."""
        return _PARAMETER.sub("{}", self.path)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the decoded path parameters of a request's path, or None if it does not match."""
        found = self.pattern.fullmatch(path.partition("?")[0])
        if found is None:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}


def make_route(
    path: str,
    handler: Handler,
    *,
    automatic_pong: bool = True,
    compression: Compression = None,
    subprotocols: Sequence[str] = (),
) -> Route:
    """Check a path and a handler and make a route of them.

    Raises:
        InvalidRoute: One of them, or an option, is not valid; the message says what is.
    """
    if compression not in (None, "deflate"):
        raise InvalidRoute(f'compression is "deflate" or None, not {compression!r}')
    if isinstance(subprotocols, str):
        raise InvalidRoute(f"subprotocols is a list of names, like [{subprotocols!r}]")
    check_handler(handler)
    return Route(
        path=path,
        handler=handler,
        is_async=is_async(handler),
        automatic_pong=automatic_pong,
        compression=compression,
        subprotocols=tuple(subprotocols),
        pattern=_compile(path),
    )


def check_handler(handler: object) -> None:
    """Check that a handler can be called with a socket and nothing else.

    Raises:
        InvalidRoute: It cannot.
    """
    if not callable(handler):
        raise InvalidRoute(
            f"a handler is a function that takes a socket, not {type(handler).__name__} "
            f"{handler!r:.60}; write: def handle_socket(socket): ..."
        )
    name = getattr(handler, "__name__", repr(handler))
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return  # some builtins have no signature; calling them shows
    try:
        signature.bind(None)
    except TypeError as exc:
        raise InvalidRoute(
            f"the handler {name}{signature} cannot be called with the socket alone ({exc}); "
            f"write: def {name}(socket): ..."
        ) from exc


def is_async(handler: Handler) -> bool:
    """Return whether calling the handler returns a coroutine."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004
    )


def _compile(path: str) -> re.Pattern[str]:
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidRoute(
            f'a path is a str that begins with "/", like "/" or "/room/{{name}}", not {path!r}; '
            f"the path comes first, then the handler"
        )
    if "?" in path or "#" in path:
        raise InvalidRoute(
            f"the path {path!r} holds a query or a fragment; a route is the path alone, "
            f"and the query is in socket.request.path"
        )
    names: list[str] = []
    pattern, end = "", 0
    rest = _PARAMETER.sub("", path)
    if "{" in rest or "}" in rest:
        raise InvalidRoute(f"the path {path!r} has a brace without its pair")
    for found in _PARAMETER.finditer(path):
        name = found[1]
        if not name.isidentifier() or name in names:
            raise InvalidRoute(
                f"{found[0]} in the path {path!r} is not a parameter; "
                f"each one has its own name, like {{name}}"
            )
        names.append(name)
        pattern += _literal(path[end : found.start()]) + f"(?P<{name}>[^/]+)"
        end = found.end()
    return re.compile(pattern + _literal(path[end:]))


def _literal(text: str) -> str:
    # Clients percent-encode what is not in ASCII, and spaces (RFC 3986, section 2.1).
    return re.escape(re.sub(r"[^!-~]+", lambda found: quote(found[0]), text))
