"""A tap: stands between a client and a server, passes their bytes on, and keeps what it saw."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

from websockets.headers import build_host
from websockets.uri import WebSocketURI

from . import seeded
from .errors import LocalError
from .jupyter.handler_output import current_cell
from .log import FrameLog
from .log.view import LogView
from .net.addresses import is_loopback, overlap
from .net.message_rule import Rule
from .net.options import ConnectOptions, check_log, connect_options
from .net.policy import Policy, allowed_host, check_seeded, check_seeded_way
from .net.tap_heads import Rewriting
from .net.tap_line import TapSettings
from .net.tap_message import Passing
from .net.tap_rules import RuleFunction, checked_rules
from .net.tls import CertificateFiles, ServerTLS, check_tls_used, server_context, warn_insecure
from .net.uris import parse_address, where
from .running import registry
from .running.tap_runner import TapRunner
from .settings import checked_names
from .wire.close_codes import integer_text
from .wire.messages import Side, other_end
from .wire.redaction import redact_path
from .wire.text import counted

__all__ = ["Passing", "Rule", "Tap", "tap"]


class Tap:
    """A running tap, as `tap()` makes it.

    Attributes:
        log: What passed, on both legs. A WebSocket takes two numbers: that of the leg to the
            client, whose records have the side "server", because the tap is in the server's place
            there, and the next one for the leg to the server, whose records have the side
            "client".
    """

    panel_factory: ClassVar[Callable[[Tap], Any]]

    def __init__(self, runner: TapRunner, settings: TapSettings, log: FrameLog) -> None:
        self._runner = runner
        self._settings = settings
        self.log = log
        self.log.before_read = runner.settle
        self.log.before_wait = runner.forbid_wait
        self._panels: weakref.WeakSet[Any] = weakref.WeakSet()
        runner.panels = self._panels
        registry.shut_down_with(self, runner, "use it as a context manager: with tap(...) as t")

    @property
    def url(self) -> str:
        """Address for a client, in place of the server's: its path and query are the same."""
        return self._runner.url.removesuffix("/") + self._settings.uri.resource_name

    @property
    def http_url(self) -> str:
        """The same address for a browser: pages of the server pass through the tap, too."""
        return "http" + self.url.removeprefix("ws")

    @property
    def rules(self) -> list[RuleFunction]:
        """The rules, functions and values of `Rule`; a list that may change while the tap runs.

        Raises:
            LocalError: When it is set to what is not a list of rules.
        """
        return self._settings.rules

    @rules.setter
    def rules(self, rules: Iterable[RuleFunction]) -> None:
        self._settings.rules[:] = checked_rules(rules)  # the open connections have this very list

    @property
    def port(self) -> int:
        """The port that the tap listens on."""
        return self._runner.port

    @property
    def running(self) -> bool:
        """Whether the tap listens."""
        return self._runner.running

    def leg(self, end: Side) -> LogView:
        """Return what passed between the tap and one end, "client" or "server"; a live view.

        Raises:
            LocalError: It is neither.
        """
        if end not in ("client", "server"):
            raise LocalError(f'a leg is the "client" or the "server", not {end!r:.80}')
        side = other_end(end)  # the tap is in the other's place
        return self.log.filter(predicate=lambda record: getattr(record, "side", "") == side)

    @property
    def held(self) -> dict[int, Passing]:
        """The messages that rules hold, by number, 1 and so on, the oldest first. Any thread."""
        return dict(self._settings.held)

    def release(self, number: int | None = None, value: object = None) -> int:
        """Release every message that a rule holds, or one. Any thread.

        Args:
            number: That of the message in `held`; None for all.
            value: What goes on in its place, of the same type, as for `socket.send`; None for the
                message itself.

        Returns:
            How many that were.

        Raises:
            LocalError: No message of this number is held, or a value was given for all.
            InvalidMessage: The value cannot be sent; the message is still held.
        """
        if number is None and value is not None:
            raise LocalError("a value goes on in place of one message: release(number, value)")
        if isinstance(number, bool) or not isinstance(number, int | None):
            raise LocalError(f"the number of a held message is one of tap.held, not {number!r:.80}")
        count = self._runner.release(number, value)
        if number is not None and not count:
            held = ", ".join(map(str, self.held)) or "none"
            raise LocalError(f"message {integer_text(number)} is not held now; held: {held}")
        return count

    def shutdown(self) -> None:
        """Stop listening, reset the connections that are open, and wait until all is gone.

        Calling it again does nothing. The log stays.

        Raises:
            LoopBlocked: Code on the event loop, such as a rule, does not give it back.
        """
        registry.shut_down(self._runner)

    def wait(self) -> None:
        """Block until the tap is shut down; an interrupt (Ctrl-C) shuts it down."""
        try:
            self._runner.ended.wait()
        except KeyboardInterrupt:
            self.shutdown()

    def panel(self) -> Any:
        """Make a live panel of the log, with controls for the rules and for what they hold."""
        panel = Tap.panel_factory(self)
        self._panels.add(panel)
        return panel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        state = "running" if self.running else "not running"
        rules = f"; {counted(len(self.rules), 'rule')}" if self.rules else ""
        return f"<Tap {redact_path(self.url)} before {where(self._settings.uri)}, {state}{rules}>"


def tap(
    upstream: str,
    *,
    hostname: str = "127.0.0.1",
    port: int = 0,
    ssl: ServerTLS | None = None,
    rules: Iterable[RuleFunction] = (),
    hosts: Iterable[str] = (),
    log: FrameLog | None = None,
    upstream_ssl: Any = None,
    client_certificate: CertificateFiles | None = None,
    proxy: str | bool | None = True,
    timeout: float | None = 10.0,
) -> Tap:
    """Stand before a server, and return when clients can connect.

        with tap("ws://127.0.0.1:8000") as t:
            client = connect(t.url)
        print(t.log)

    Bytes pass as they came, each frame on record before it goes on; what the two ends of a
    WebSocket say is neither checked nor changed. HTTP passes too, off the record, so that a page
    of that server works through the tap. Where the server is on another host or speaks TLS, the
    headers `Host` and `Origin` of requests are rewritten to its name, and records say so. A tap
    that the same cell started before the same server is replaced.

    Args:
        upstream: The server's address, such as "ws://127.0.0.1:8000" or "https://example.org/app".
        hostname: The name or address to listen on; only this machine reaches "127.0.0.1".
        port: The port to listen on; 0 takes a free one.
        ssl: Makes it a tap of wss://; as for `Server`.
        rules: Functions that get each message as a `Passing` and may call its methods: `delay`,
            `drop`, `replace`, `inject`, `cut`, `hold`; or values of `Rule`. They run on the
            event loop, so they must not block. With a rule, the offer of permessage-deflate is
            removed from requests.
        hosts: Further names that a `Host` header may have; "*" for any.
        log: Where all is recorded; None makes a new log.
        upstream_ssl: As `ssl` of `connect`, for a server that speaks TLS; False warns.
        client_certificate: As for `connect`.
        proxy: The proxy on the way to the server, as for `connect`.
        timeout: Seconds that TCP and TLS to the server may take.

    Raises:
        InvalidMessage: The address is not that of a WebSocket.
        LocalError: An option has a value that it cannot have.
        AddressInUse: Something else listens on this address.
        AddressUnavailable: This machine cannot listen on it.
        WrongThread: Called on the event loop's own thread.
        LoopBlocked: An `async def` handler of this kernel blocks the event loop.
    """
    uri = parse_address(upstream)
    hosts = checked_names("hosts", hosts, allowed_host, "my.test")
    options: ConnectOptions = {
        "ssl": upstream_ssl,
        "client_certificate": client_certificate,
        "proxy": proxy,
        "timeout": timeout,
    }
    checked = connect_options(options)
    if seeded.current is not None:
        check_seeded(Policy(hostname, hosts=hosts))
        check_seeded_way(uri.host, checked["proxy"])
    check_tls_used(checked["ssl"], uri)
    if upstream_ssl is False:
        warn_insecure("upstream_ssl", stacklevel=3)
    settings = TapSettings(uri, checked, _rewriting(uri), hostname, hosts, checked_rules(rules))
    context = None if ssl is None else server_context(ssl)
    log = check_log(log)
    _check_not_itself(uri, hostname, port)
    cell = current_cell()
    # Two taps of a cell may stand one behind the other.
    place = None if cell is None else f"{cell}, before {where(uri)}"
    with registry.in_turn:
        free_port, asked_port = registry.make_room(None, hostname, port, place)
        runner = TapRunner(settings, log, free_port, place, tls=context)
        runner.asked_port = asked_port
        with registry.started(runner):
            return Tap(runner, settings, log)


def _rewriting(uri: WebSocketURI) -> Rewriting:
    """Return what has to be rewritten for a server: nothing, where it is on this machine."""
    if not uri.secure and is_loopback(uri.host):
        return Rewriting()
    authority = build_host(uri.host, uri.port, uri.secure)
    return Rewriting(authority, f"http{'s' * uri.secure}://{authority}")


def _check_not_itself(uri: WebSocketURI, hostname: str, port: int) -> None:
    if port and port == uri.port and overlap(hostname, uri.host):
        raise LocalError(
            f"a tap at {hostname}:{port} would stand before itself: that is the server's address; "
            f"leave out port, and give the clients tap.url"
        )
