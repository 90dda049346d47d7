"""Routes: path patterns, their handlers, and the options of each route."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from astra_nb.errors import InvalidRoute, LocalError
from astra_nb.wire.faults import Fault

from .lies import check_faults
from .options import Compression, check_compression, check_headers, check_subprotocols

__all__ = [
    "Compression",
    "Handler",
    "Page",
    "PathPattern",
    "Route",
    "check_handler",
    "is_async",
    "make_page",
    "make_route",
]

Handler = Callable[..., Any]

_PARAMETER = re.compile(r"\{([^{}]*)\}")


@dataclass(eq=False, kw_only=True)
class PathPattern:
    """A path such as "/room/{name}"; what is not one raises `InvalidRoute`."""

    path: str
    # For each segment of the path the decoded text around its parameters; patterns of one shape
    # match the same paths.
    shape: tuple[tuple[str, ...], ...] = field(init=False)
    segments: tuple[re.Pattern[str], ...] = field(init=False)  # they match decoded ones

    def __post_init__(self) -> None:
        self.shape, self.segments = _compile(self.path)

    @property
    def rank(self) -> tuple[tuple[bool, int], ...]:
        """Of several routes that match a path, the one of the least rank serves it.

        From the left, a segment without a parameter comes before one with text around it, and
        that before a parameter alone.
        """
        return tuple((len(texts) > 1, -sum(map(len, texts))) for texts in self.shape)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the decoded parameters of a path as it is sent, or None if it does not match."""
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


@dataclass(eq=False, kw_only=True)
class Route(PathPattern):
    """One path and the handler of its WebSockets, with the options of `Server.websocket`."""

    handler: Handler
    # Whether what the handler returns is awaited on the event loop. Where that cannot be seen, as
    # for a lambda, the first call shows it.
    is_async: bool
    automatic_pong: bool
    compression: Compression
    subprotocols: tuple[str, ...]
    hook: Handler | None = None  # None accepts all
    faults: tuple[Fault, ...] = ()


@dataclass(eq=False, kw_only=True)
class Page(PathPattern):
    """One path and the handler of its GET and HEAD requests."""

    handler: Handler
    arguments: int  # how many it takes, of two: the request and the answer to be
    headers: tuple[tuple[str, str], ...] = ()  # of each answer that says nothing else


def make_route(
    path: str,
    handler: Handler,
    *,
    automatic_pong: bool = True,
    compression: Compression = None,
    subprotocols: Sequence[str] = (),
    handshake: Handler | None = None,
    faults: Sequence[str | Fault] = (),
) -> Route:
    """Make a route; raise `InvalidRoute` where the path, the handler or an option is not valid."""
    try:
        check_compression(compression, "server")
        names = check_subprotocols(subprotocols)
        lies = check_faults(faults, "server", "answer", "conduct")
    except LocalError as exc:
        raise InvalidRoute(str(exc)) from None
    check_handler(handler)
    if handshake is not None:
        check_handler(handshake, "handshake hook", "the handshake", "handshake")
    return Route(
        path=path,
        handler=handler,
        is_async=is_async(handler),
        automatic_pong=automatic_pong,
        compression=compression,
        subprotocols=names,
        hook=handshake,
        faults=lies,
    )


def make_page(path: str, handler: Handler, headers: object = ()) -> Page:
    """Make a page; raise `InvalidRoute` where the path, the handler or a header is not valid."""
    try:
        pairs = check_headers("headers", headers)
    except LocalError as exc:
        raise InvalidRoute(str(exc)) from None
    arguments = next((n for n in (1, 2, 0) if _takes(handler, n)), 1)
    if arguments == 1:
        check_handler(handler, "page's handler", "the request", "request")
    return Page(path=path, handler=handler, arguments=arguments, headers=pairs)


def _takes(handler: object, count: int) -> bool:
    try:
        inspect.signature(handler).bind(*[None] * count)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def check_handler(
    handler: object, what: str = "handler", taken: str = "a socket", name_of_it: str = "socket"
) -> None:
    """Raise `InvalidRoute` where a handler cannot be called with one argument.

    Errors call it a `what` that takes `taken`, an argument of the name `name_of_it`.
    """
    write = f"write: def handle_{name_of_it}({name_of_it}): ..."
    if not callable(handler):
        raise InvalidRoute(
            f"a {what} is a function that takes {taken}, not {type(handler).__name__} "
            f"{handler!r:.60}; {write}"
        )
    name = getattr(handler, "__name__", repr(handler))
    if _is_a(inspect.isgeneratorfunction, handler) or _is_a(inspect.isasyncgenfunction, handler):
        raise InvalidRoute(
            f"the {what} {name} has a yield in it, so calling it makes a generator and runs none "
            f"of its lines; take the yield out, "
            + ("and send with socket.send_text(...)" if what == "handler" else "and return")
        )
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return  # some builtins have no signature; calling them shows
    try:
        signature.bind(None)
    except TypeError as exc:
        if name.isidentifier():  # a lambda has no name to write
            write = f"write: def {name}({name_of_it}): ..."
        raise InvalidRoute(
            f"the {what} {name}{signature} cannot be called with the {name_of_it} alone ({exc}); "
            f"{write}"
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
    try:
        path.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRoute(
            f"the path {path!r} holds half a character, U+{ord(path[exc.start]):04X}, which no "
            f"request can ask for; take it out"
        ) from None
    if "?" in path or "#" in path:
        raise InvalidRoute(
            f"the path {path!r} holds a query or a fragment; a route is the path alone, "
            f"and the query is in socket.request.path"
        )
    names: list[str] = []
    rest = _PARAMETER.sub("", path)
    if "{" in rest or "}" in rest:
        raise InvalidRoute(f"the path {path!r} has an unmatched brace")
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
