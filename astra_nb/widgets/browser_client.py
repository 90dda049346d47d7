"""A client in the page: a real WebSocket of the browser, beside the server's frame log."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import ipywidgets

from astra_nb.errors import LocalError
from astra_nb.locks import make_rlock
from astra_nb.log import FrameLog
from astra_nb.log.records import Record
from astra_nb.server import Server

from .bridge import Message
from .comparison import PageEvent, compare, origin_of
from .esm import STATIC, join_modules
from .log_widget import Addressed
from .panel import panel_of_server

__all__ = ["BrowserClient", "BrowserClientView", "browser_client_for"]

MOST_PAGES = 8  # whose connections are followed
MOST_EVENTS = 2000  # of one connection
MOST_RECORDS = 5000  # looked at in one go, and frames compared


@dataclass
class PageConnection:
    """A connection that a page opened, as both ends report it.

    Attributes:
        after: The last record of the log before the page began to connect.
        proxied: Whether the address leads through a proxy.
        events: The page's account.
        records: The server's account.
        read: The last record of the log that was looked at.
        number: The connection's number at the server, 0 while it is not known.
        doubt: Why it cannot be known, or "".
        pushed: What was pushed to the page last.
    """

    after: int
    proxied: bool
    events: list[PageEvent] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    read: int = 0
    number: int = 0
    doubt: str = ""
    pushed: object = None


class BrowserClientView(Addressed):
    """A WebSocket of the page, with its events, its buttons and the check of the addresses.

    Args:
        server: The server it connects to unless a person enters another address; held weakly.
        path: The path to connect to.
    """

    _esm = join_modules(STATIC / "js" / "browser_client.js")
    _css = STATIC / "panel.css"

    def __init__(self, server: Server, path: str = "/") -> None:
        self._lock = make_rlock()
        self._pages: dict[str, PageConnection] = {}
        self.path = path  # not a trait: notebooks store those, and a query may hold a token
        super().__init__(server.log, server)

    def __repr__(self) -> str:
        server = self._server()
        return f"<BrowserClientView of {server.browser_url if server else 'no server'}>"

    def _on_position(self, message: Message) -> dict[str, Any]:
        return {**super()._on_position(message), "path": self.path}

    def _on_connect(self, message: Message) -> dict[str, Any]:
        position = self._on_position(message)
        last: int = position["last"]
        known = message.integer("after")
        with self._lock:
            self._pages.pop(message.page, None)
            while len(self._pages) >= MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            # A busy kernel handles this after the server accepted the connection.
            after = min(known, last) if known else last
            proxied = message.fields.get("proxied") is True
            self._pages[message.page] = PageConnection(after, proxied)
        return position

    def _on_event(self, message: Message) -> None:
        log = self.required_server().log
        with self._lock:
            connection = self._pages.get(message.page)
            if connection is None or len(connection.events) >= MOST_EVENTS:
                return
            connection.events.append(PageEvent.from_page(message))
            self._push_comparison(message.page, connection, log)

    def _update(self, quiet: bool) -> None:
        super()._update(quiet)
        server = self._server()
        if server is None or self.comm is None:
            return
        with self._lock:
            for page, connection in self._pages.items():
                self._push_comparison(page, connection, server.log)

    def _push_comparison(self, page: str, connection: PageConnection, log: FrameLog) -> None:
        """Push both accounts of a connection, when something in them is new."""
        if not connection.number:
            self._find(connection, log)
        if connection.number:
            self._read(connection, log)
        points = compare(connection.events, connection.records, proxied=connection.proxied)
        content = {
            "page": page,
            "number": connection.number,
            "doubt": connection.doubt,
            "points": [asdict(point) for point in points],
        }
        if content != connection.pushed:
            connection.pushed = content
            self.push("comparison", {**content, "last": log.last_number})

    def _find(self, connection: PageConnection, log: FrameLog) -> None:
        """Find the server's end: the one request of this page's origin since it began."""
        taken = {each.number for each in self._pages.values()}
        numbers = {
            record.connection
            for record in log.since(connection.after, MOST_RECORDS)
            if self._origin and origin_of(record) == self._origin
        } - taken
        if len(numbers) == 1:
            connection.number = numbers.pop()
            connection.read = connection.after
            connection.doubt = ""
        elif numbers:
            connection.doubt = (
                "Several connections of this page opened at once, so it is not certain which one "
                "in the log this is. Close it and connect again."
            )

    def _read(self, connection: PageConnection, log: FrameLog) -> None:
        """Read on in the log; a flood is not compared, since it would take the kernel's time."""
        if connection.doubt:
            return
        records = log.since(connection.read, MOST_RECORDS + 1)
        if len(records) > MOST_RECORDS or len(connection.records) > MOST_RECORDS:
            connection.doubt = (
                f"More than {MOST_RECORDS:,} frames passed, too many to compare; "
                f"the frame log goes on."
            )
            return
        connection.records += [each for each in records if each.connection == connection.number]
        if records:
            connection.read = records[-1].number


class BrowserClient(ipywidgets.HBox):  # type: ignore[misc, unused-ignore]
    """A client in the page beside the frame log of its server.

    Attributes:
        client: The page's end.
        view: The server's frame log.
    """

    def __init__(self, server: Server, path: str = "/") -> None:
        self.client = BrowserClientView(server, path)
        self.view = panel_of_server(server, sends=False)
        super().__init__([self.client, self.view])
        self.add_class("astra-side-by-side")

    def close(self) -> None:
        """Close both; the server goes on."""
        self.client.close()
        self.view.close()
        super().close()

    def __repr__(self) -> str:
        return repr(self.client).replace("View of", " of", 1)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view.with_static_forms(super()._repr_mimebundle_(**options), repr(self))


def browser_client_for(server: Server, path: str = "/") -> BrowserClient:
    """Make a browser client for a server.

    Raises:
        LocalError: The path does not begin with "/".
    """
    if not isinstance(path, str) or not path.startswith("/"):
        raise LocalError(f'a path begins with "/", like "/" or "/room/a", not {path!r:.80}')
    return BrowserClient(server, path)
