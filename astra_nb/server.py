"""A WebSocket server that lives beside the notebook, in a background thread of the kernel."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Self

from . import seeded
from .errors import InvalidMessage, LocalError
from .jupyter.browser_address import (
    BrowserAddress,
    Environment,
    Page,
    browser_addresses,
    check_template,
)
from .jupyter.handler_output import current_cell
from .log import FrameLog
from .log.records import NoticeRecord
from .net.addresses import websocket_url
from .net.base_socket import serialize_for_many
from .net.policy import Policy, check_seeded
from .net.tls import ServerTLS, server_context
from .payloads import encode_close
from .running import registry
from .running.runner import Runner
from .settings import Settings
from .websocket import WebSocket

__all__ = ["Server"]

DEFAULT_PORT = 8080


class Server(Settings):
    """A WebSocket server.

    Args:
        hostname: The name or address to listen on.
        port: The port to listen on; 0 takes a free one.
        record: Whether the log records anything.
        ssl: Makes it a server of wss://: a file with a certificate and its key, or (certificate,
            key), or (certificate, key, password), or an `ssl.SSLContext`.

    Attributes:
        hostname: The name or address to listen on, "::" for all addresses of both families;
            settable before `run()`.
        port: The port; settable before `run()`, and after it the one that is listened on.
        log: What happened, frame by frame.
    """

    # The package sets these, so that the server need not import the widgets.
    panel_factory: ClassVar[Callable[..., Any]]
    browser_client_factory: ClassVar[Callable[[Server, str], Any]]

    def __init__(
        self,
        hostname: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        record: bool = True,
        ssl: ServerTLS | None = None,
    ) -> None:
        super().__init__(Policy(hostname))
        self.hostname = hostname
        self.port = port
        self._tls = None if ssl is None else server_context(ssl)
        self.log = FrameLog(recording=record)
        self._runner: Runner | None = None
        self._numbers = itertools.count(1)  # of its connections, over all its runs
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._page: Page | None = None
        self._browser_url: str | None = None
        self._panels: weakref.WeakSet[Any] = weakref.WeakSet()

    # Life

    @property
    def running(self) -> bool:
        """Whether the server listens."""
        return self._runner is not None and self._runner.running

    @property
    def url(self) -> str:
        """Address at which a client in this kernel reaches the server."""
        return websocket_url(self.hostname, self.port, secure=self._tls is not None)

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
            Environment.here(),
            self.hostname,
            self.port,
            self._page,
            self._browser_url,
            secure=self._tls is not None,
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
        self._policy.hostname = self.hostname
        if seeded.current is not None:
            check_seeded(self._policy)
        with registry.in_turn:
            self._run()
        if seeded.current is not None:
            self.log.append(0, NoticeRecord, text=seeded.current.warning)

    def _run(self) -> None:
        cell = current_cell()
        port, asked_port = registry.make_room(self._runner, self.hostname, self.port, cell)
        runner = Runner(
            self._policy, self.log, self.hostname, port, cell, self._numbers, tls=self._tls
        )
        runner.asked_port = asked_port
        runner.panels = self._panels
        with registry.started(runner):
            self.port = runner.port
            self._runner = runner
            self.log.before_read = runner.settle
            self.log.before_wait = runner.forbid_wait
            if self._finalizer is not None:
                self._finalizer.detach()
            way_out = "shut it down with server.shutdown()"
            self._finalizer = registry.shut_down_with(self, runner, way_out)

    def wait(self) -> None:
        """Block until the server is shut down; an interrupt (Ctrl-C) shuts it down.

        For scripts; in a notebook the server lives on by itself.
        """
        runner = self._runner
        if runner is None:
            raise LocalError("the server is not running; call run() before wait()")
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
            InvalidMessage: The code or the reason cannot be sent; nothing was shut down.
            LoopBlocked: An `async def` handler blocks the event loop. The port was given back;
                the connections are closed when the handler ends.
        """
        checked, reason = encode_close(1001 if code is None else code, reason)
        if checked is None:  # a mapping without a code
            raise InvalidMessage("shutdown takes a close code such as 1001, and a reason")
        if self._runner is not None:
            registry.shut_down(self._runner, checked, reason)

    def __enter__(self) -> Self:
        if not self.running:
            self.run()
        return self

    def __exit__(self, *_: object) -> None:
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

    def panel(self, *, bits: bool = False) -> Any:
        """Make a live panel: every frame, and a button for each message type and close code.

        It closes itself when the server is replaced by another one, or nothing refers to it.

        Args:
            bits: Whether to show the columns FIN, RSV and MASK.
        """
        panel = Server.panel_factory(self, bits=bits)
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
        paths = ", ".join(route.path for route in self._policy.routes) or "none"
        return f"<Server {self.url} {state}; paths: {paths}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        panel = self.panel()
        bundle = panel._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**data, "text/plain": repr(self)}
