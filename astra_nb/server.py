"""A WebSocket server that lives beside the notebook, in a background thread of the kernel."""

from __future__ import annotations

import functools
import itertools
import sys
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self, TypedDict, TypeVar, Unpack, overload

from . import registry
from .errors import AddressUnavailable, InvalidRoute, LocalError
from .jupyter.browser_address import (
    BrowserAddress,
    Environment,
    Page,
    browser_addresses,
    check_template,
    no_listening,
)
from .jupyter.handler_output import current_cell
from .log import FrameLog
from .net.addresses import is_free, websocket_url
from .net.base_socket import serialize_for_many
from .net.options import check_names, check_seconds, check_size
from .net.policy import AS_WRITTEN, Policy, allowed_host, allowed_origin
from .net.routes import Compression, Handler, make_route
from .runner import Runner
from .websocket import WebSocket

__all__ = ["Server"]

DEFAULT_PORT = 8080

H = TypeVar("H", bound=Handler)


class RouteOptions(TypedDict, total=False):
    """The options of `Server.websocket`, explained there."""

    automatic_pong: bool
    compression: Compression
    subprotocols: Sequence[str]


class Server:
    """A WebSocket server.

    Args:
        hostname: The name or address to listen on.
        port: The port to listen on; 0 takes a free one.
        record: Whether the log records anything.

    Attributes:
        hostname: The name or address to listen on; settable before `run()`.
        port: The port; settable before `run()`, and after it the one that is listened on.
        log: What happened, frame by frame.
    """

    # The package sets these, so that the server need not import the widgets.
    panel_factory: ClassVar[Callable[[Server], Any]]
    browser_client_factory: ClassVar[Callable[[Server, str], Any]]

    def __init__(
        self, hostname: str = "127.0.0.1", port: int = DEFAULT_PORT, *, record: bool = True
    ) -> None:
        self.hostname = hostname
        self.port = port
        self.log = FrameLog(recording=record)
        self._policy = Policy(hostname)
        self._runner: Runner | None = None
        self._numbers = itertools.count(1)  # of its connections, over all its runs
        self._record = record
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._page: Page | None = None
        self._browser_url: str | None = None
        self._panels: weakref.WeakSet[Any] = weakref.WeakSet()

    # Settings

    @property
    def origins(self) -> list[str]:
        """Origins that may connect besides pages from this machine and clients without one.

        Such as "https://hub.example.org"; "*" lets every page in (RFC 6455, section 10.2).
        """
        return self._policy.origins

    @origins.setter
    def origins(self, origins: Sequence[str]) -> None:
        self._policy.origins = _names("origins", origins, allowed_origin, "https://hub.example.org")

    @property
    def hosts(self) -> list[str]:
        """Names that a `Host` header may have besides this machine's own; "*" for any."""
        return self._policy.hosts

    @hosts.setter
    def hosts(self, hosts: Sequence[str]) -> None:
        self._policy.hosts = _names("hosts", hosts, allowed_host, "hub.example.org")

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

        A connection on which one stays unanswered for as long is closed with 1011.
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
            replace: Whether to take the place of the handler this path has, in the same order.

        Returns:
            The handler, so that this also decorates.

        Raises:
            InvalidRoute: The path or the handler cannot be served, or the path has one already.
        """
        check_names("websocket()", options, RouteOptions)
        if handler is None:
            return functools.partial(self._decorate, path, replace, options)
        route = make_route(path, handler, **options)
        routes = self._policy.routes
        # Compared by what they match: "/{a}" and "/{b}" are one path.
        same = next((other for other in routes if other.shape == route.shape), None)
        if same is None:
            self._policy.routes = [*routes, route]
        elif replace:
            self._policy.routes = [route if other is same else other for other in routes]
        else:
            raise InvalidRoute(
                f"the path {path!r} already has a handler, "
                f"{getattr(same.handler, '__name__', 'one')}; take another path, write "
                f"replace=True, or start again with http.server.new()"
            )
        return handler

    def _decorate(
        self, path: str, replace: bool, options: RouteOptions, handler: Handler
    ) -> Handler:
        self.websocket(path, handler, replace=replace, **options)
        return handler

    # Life

    @property
    def running(self) -> bool:
        """Whether the server listens."""
        return self._runner is not None and self._runner.running

    @property
    def url(self) -> str:
        """Address at which a client in this kernel reaches the server."""
        return websocket_url(self.hostname, self.port)

    @property
    def browser_url(self) -> str | None:
        """Address at which this user's browser reaches the server.

        The first of `browser_addresses`. Before a widget is shown it begins with "/" where only
        the page knows the host; None where no page can reach the kernel. Set it to an address of
        your own, with `{port}` where the port goes, or to None to have it found out again.
        """
        found = self.browser_addresses
        return found[0].url if found else None

    @browser_url.setter
    def browser_url(self, template: str | None) -> None:
        if template is not None:
            check_template(template)
        self._browser_url = template

    @property
    def browser_addresses(self) -> list[BrowserAddress]:
        """The addresses at which the browser may reach the server, the likeliest first."""
        return browser_addresses(
            Environment.here(), self.hostname, self.port, self._page, self._browser_url
        )

    def allow_page(self, origin: str, host: str = "", base_url: str | None = None) -> None:
        """Allow one page to connect, and keep where it is, so that `browser_url` is right for it.

        A widget calls this with what its page told over the kernel's own channel. May be called
        from any thread.

        Args:
            origin: The page's origin, such as "https://hub.example.org" (RFC 6454).
            host: The host of its address, with its port.
            base_url: The path under which Jupyter lies, if the page is Jupyter's.

        Raises:
            LocalError: The origin does not name a single site, as "null" and "*".
        """
        page = Page.told(origin, host, base_url)
        self._page = page
        policy = self._policy
        if page.origin not in policy.origins:
            policy.origins = [*policy.origins, page.origin]
        if page.name and page.name not in policy.hosts:
            policy.hosts = [*policy.hosts, page.name]

    @property
    def check_answer(self) -> str:
        """What the server answers at the path of the check, and no other server does."""
        return self._policy.check_answer

    @property
    def connections(self) -> list[WebSocket]:
        """The open connections, oldest first, as blocking sockets.

        What they receive goes to their handlers; sending from here goes between.
        """
        return [] if self._runner is None else self._runner.sockets()

    def run(self) -> None:
        """Listen, and return as soon as clients can connect.

        The server lives on in a background thread until `shutdown()`. An earlier server of this
        process on the same address is shut down first, and a line says so: a cell can be run
        again. With port 0 it keeps the port that the cell's earlier server had.

        Raises:
            AddressInUse: Something else listens on this address.
            AddressUnavailable: This machine cannot listen on it.
            WrongThread: Called in an `async def` handler, and there is a server to replace.
            LoopBlocked: An `async def` handler of a server blocks the event loop.
        """
        around = Environment(platform=sys.platform)
        if around.is_lite:
            raise AddressUnavailable(no_listening(around))
        with registry.in_turn:
            self._run()

    def _run(self) -> None:
        cell = current_cell()
        port, asked_port = self.port, self.port
        for place in registry.earlier(self._runner, self.hostname, self.port, cell):
            runner = place.runner()
            registry.end(place)
            if runner is self._runner is not None and self.port:
                asked_port = place.asked_port
            if runner is not None and runner is not self._runner:
                for panel in list(runner.panels):
                    panel.close()
            if not port and is_free(self.hostname, place.port):
                port = place.port
            where = websocket_url(place.hostname, place.port)
            print(f"Replaced the server that was running at {where}.")  # noqa: T201
        self._policy.hostname = self.hostname
        log = self.log if self._record else None
        runner = Runner(self._policy, log, self.hostname, port, cell, self._numbers)
        runner.asked_port = asked_port
        runner.panels = self._panels
        try:
            registry.remember(runner)
            runner.run()
            self.port = runner.port
            self._runner = runner
            self.log.before_read = runner.settle
            self.log.before_wait = runner.forbid_wait
            if self._finalizer is not None:
                self._finalizer.detach()
            self._finalizer = weakref.finalize(self, _collected, runner)
            self._finalizer.atexit = False  # `registry` does it
        except BaseException:  # an interrupt may come anywhere
            runner.shutdown()
            registry.forget(runner)
            raise

    def wait(self) -> None:
        """Block until the server is shut down; an interrupt (Ctrl-C) shuts it down.

        For scripts; in a notebook the server lives on by itself.
        """
        runner = self._runner
        if runner is None:
            raise LocalError("the server does not run; call run() before wait()")
        try:
            runner.ended.wait()
        except KeyboardInterrupt:
            self.shutdown()

    def shutdown(self, code: int = 1001, reason: str = "") -> None:
        """Close every connection, stop listening, and wait until all is gone.

        Takes a few seconds at most, whatever handlers and peers do. Calling it again does
        nothing. On the event loop's own thread it only starts all this. An interrupt ends the
        wait, and the rest happens in the background.

        Args:
            code: Close code that clients get; 1001 is "going away".
            reason: Close reason, up to 123 bytes as UTF-8.

        Raises:
            LoopBlocked: An `async def` handler blocks the event loop. The port was given back;
                the connections are closed when the handler ends.
        """
        if self._runner is not None:
            try:
                self._runner.shutdown(code, reason)
            finally:
                if self._runner.ended.is_set():  # else an interrupt has ended only the wait
                    registry.forget(self._runner)

    def __enter__(self) -> Self:
        if not self.running:
            self.run()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()

    def broadcast(self, type: str, value: object = None) -> int:
        """Send one message to every open connection; it is serialized once.

        Args:
            type: "text", "bytes", "ping" or "pong".
            value: As for `socket.send`.

        Returns:
            How many connections it was sent on.

        Raises:
            InvalidMessage: The type or the value cannot be sent; nothing was.
        """
        frame = serialize_for_many(type, value)
        return 0 if self._runner is None else self._runner.broadcast(frame)

    # How it shows itself

    def panel(self) -> Any:
        """Make a live panel: every frame, and a button for each message type and close code.

        It closes itself when the server is replaced by another one, or nothing refers to it.
        """
        panel = Server.panel_factory(self)
        self._panels.add(panel)
        return panel

    def browser_client(self, path: str = "/") -> Any:
        """Make a client in the page: a real WebSocket of the browser, beside the frame log.

        Args:
            path: The path to connect to.
        """
        return Server.browser_client_factory(self, path)

    def __repr__(self) -> str:
        state = "running" if self.running else "not running"
        paths = ", ".join(route.path for route in self._policy.routes) or "no route"
        return f"<Server {self.url} {state}; {paths}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        panel = self.panel()
        bundle = panel._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**data, "text/plain": repr(self)}


def _collected(runner: Runner) -> None:
    if runner.running:
        where = websocket_url(runner.hostname, runner.port)
        runner.shutdown_soon()
        registry.drop(runner)
        warnings.warn(
            f"the server at {where} was closed: nothing refers to it any more; "
            f"keep it in a variable, or shut it down with server.shutdown()",
            ResourceWarning,
            stacklevel=2,
        )


def _names(
    what: str, names: Sequence[str], meaning: Callable[[object], object], example: str
) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise LocalError(f"{what} is a list of str, like [{example!r}], not {names!r:.80}")
    listed = list(names)
    for name in listed:
        if name not in AS_WRITTEN and meaning(name) is None:
            raise LocalError(
                f'{what} holds {name!r:.80}; write it like "{example}", or "*" for any (RFC 6454)'
            )
    return listed
