"""Routes: path patterns, their handlers, and the options of each route."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from astra_nb.errors import InvalidRoute, LocalError

from .options import Compression, check_compression, check_subprotocols

__all__ = ["Compression", "Handler", "Route", "is_async", "make_route"]

Handler = Callable[..., Any]

_PARAMETER = re.compile(r"\{([^{}]*)\}")


@dataclass(slots=True, eq=False)
class Route:
    """One path and what serves it.

    Attributes:
        path: As it was given, such as "/room/{name}".
        handler: Called with the socket, once for each connection.
        is_async: Whether what the handler returns is awaited on the event loop. Where that cannot
            be seen, as for a lambda, the first call shows it.
        automatic_pong: Whether the server answers PING frames by itself.
        compression: "deflate" to agree to permessage-deflate (RFC 7692), its parameters, or None.
        subprotocols: Those the server speaks, the preferred first.
        shape: For each segment of the path the decoded text around its parameters; routes of one
            shape match the same paths.
        segments: For each segment what matches it, decoded.
    """

    path: str
    handler: Handler
    is_async: bool
    automatic_pong: bool
    compression: Compression
    subprotocols: tuple[str, ...]
    shape: tuple[tuple[str, ...], ...]
    segments: tuple[re.Pattern[str], ...]

    @property
    def rank(self) -> tuple[tuple[bool, int], ...]:
        """Of several routes that match a path, the one of the least rank serves it.

        From the left, a segment without a parameter comes before one with text around it, and
        that before a parameter alone.
        """
        return tuple((len(texts) > 1, -sum(map(len, texts))) for texts in self.shape)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the decoded path parameters of a request's path, or None if it does not match.

        Args:
            path: As it is sent: percent-encoded, perhaps with a query.
        """
        # Decoded after the split: an encoded slash stays in its segment (RFC 3986, section 2.2).
        sent = [unquote(segment) for segment in path.partition("?")[0].split("/")]
        if len(sent) != len(self.segments):
            return None
        parameters: dict[str, str] = {}
        for pattern, segment in zip(self.segments, sent, strict=True):
            found = pattern.fullmatch(segment)
            if found is None:
                return None
            parameters.update(found.groupdict())
        return parameters


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
    try:
        check_compression(compression, "server")
        names = check_subprotocols(subprotocols)
    except LocalError as exc:
        raise InvalidRoute(str(exc)) from None
    check_handler(handler)
    shape, segments = _compile(path)
    return Route(
        path=path,
        handler=handler,
        is_async=is_async(handler),
        automatic_pong=automatic_pong,
        compression=compression,
        subprotocols=names,
        shape=shape,
        segments=segments,
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
    if _is_a(inspect.isgeneratorfunction, handler) or _is_a(inspect.isasyncgenfunction, handler):
        raise InvalidRoute(
            f"the handler {name} has a yield in it, so that a call makes a generator and runs "
            f"none of its lines; take the yield out, and send with socket.send_text(...)"
        )
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
    """Return whether calling the handler returns a coroutine, as far as that can be seen."""
    return _is_a(inspect.iscoroutinefunction, _undecorated(handler))


def _undecorated(handler: Handler) -> Handler:
    """Return the function inside partials and decorators that use `functools.wraps`."""
    while True:
        inner = (
            handler.func
            if isinstance(handler, functools.partial)
            else getattr(handler, "__wrapped__", None)
        )
        if inner is None:
            return handler
        handler = inner


def _is_a(kind: Callable[[object], bool], handler: Handler) -> bool:
    return kind(handler) or kind(getattr(handler, "__call__", None))  # noqa: B004


def _compile(path: str) -> tuple[tuple[tuple[str, ...], ...], tuple[re.Pattern[str], ...]]:
    """Check a path; return its shape, and a pattern for each of its segments."""
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
    rest = _PARAMETER.sub("", path)
    if "{" in rest or "}" in rest:
        raise InvalidRoute(f"the path {path!r} has a brace without its pair")
    for name in _PARAMETER.findall(path):
        if not name.isidentifier() or name in names:
            raise InvalidRoute(
                f"{{{name}}} in the path {path!r} is not a parameter; "
                f"each one has its own name, like {{name}}"
            )
        names.append(name)
    shape, segments = [], []
    for segment in path.split("/"):
        # Texts and names take turns. Texts are compared decoded, however each end writes them.
        parts = _PARAMETER.split(segment)
        texts = [unquote(text) for text in parts[::2]]
        pattern = re.escape(texts[0])
        for name, text in zip(parts[1::2], texts[1:], strict=True):
            pattern += f"(?P<{name}>.+)" + re.escape(text)
        shape.append(tuple(texts))
        segments.append(re.compile(pattern, re.DOTALL))
    return tuple(shape), tuple(segments)
