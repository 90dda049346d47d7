"""The base of widgets that follow a log: its server's addresses, and the page's check of them.

The page reports where it is over the kernel's own authenticated channel; for that it is allowed.
"""

from __future__ import annotations

import contextlib
import weakref
from dataclasses import asdict
from typing import Any

import anywidget
import traitlets

from astra_nb.errors import LocalError
from astra_nb.jupyter.browser_address import Environment, unreachable
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord
from astra_nb.net.policy import CHECK_PATH
from astra_nb.server import Server

from .bridge import BridgedWidget, Message
from .comparison import origin_of
from .throttle import Throttle

__all__ = ["Addressed", "describe_addresses", "refused_since"]

GONE = "The server is gone."
RECORDS = 200  # the newest, among which a refusal is looked for


class Addressed(BridgedWidget, anywidget.AnyWidget):
    """A widget that follows a log and knows both addresses of the server that fills it.

    It holds the server weakly, and its log until the server is gone. Every method may be called
    from any thread.

    Attributes:
        check: What the page's check found last: its `state` is "reached" or "blocked". Empty
            before the first one.
    """

    addresses = traitlets.Dict().tag(sync=True)

    def __init__(self, log: FrameLog, server: Server | None = None, **traits: Any) -> None:
        self._server = (lambda: None) if server is None else weakref.ref(server)
        self._origin = ""
        self.check: dict[str, Any] = {}
        self._throttle = Throttle(self._update)
        described = {} if server is None else describe_addresses(server)
        super().__init__(addresses=described, **traits)
        self._unsubscribe = log.subscribe(self._throttle.wake)
        self._gone: weakref.finalize[Any, Any] | None = None
        if server is not None:
            self._gone = weakref.finalize(server, self._server_gone)
            self._gone.atexit = False

    def required_server(self) -> Server:
        """Return the server.

        Raises:
            LocalError: It is gone.
        """
        server = self._server()
        if server is None:
            raise LocalError(GONE)
        return server

    def _on_position(self, message: Message) -> dict[str, Any]:
        return {"last": self.required_server().log.last_number}

    def _on_page(self, message: Message) -> dict[str, Any]:
        self._origin = message.text("origin")
        server, base_url = self.required_server(), message.text("base_url")
        # A page that names no site, such as one in a sandbox, stays outside.
        with contextlib.suppress(LocalError):
            server.allow_page(self._origin, message.text("host"), base_url or None)
        self.refresh()
        return self._on_position(message)

    def _on_refusal(self, message: Message) -> dict[str, Any]:
        log = self.required_server().log
        return {"status": refused_since(log, message.integer("after"), self._origin)}

    def _on_checked(self, message: Message) -> None:
        result = message.fields.get("result")
        if isinstance(result, dict):
            self.check = result

    def _update(self, quiet: bool) -> None:
        """Follow the log, which has a record when the server starts and when it stops."""
        server = self._server()
        if server and self.comm is not None and server.running != self.addresses.get("running"):
            self.refresh()

    def _server_gone(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Show the addresses as they are now."""
        self.addresses = describe_addresses(self._server())

    def close(self) -> None:
        """Close the widget and end its thread; the server goes on."""
        # ipywidgets closes what is collected, even when it was never made to the end.
        if hasattr(self, "_gone"):
            self._unsubscribe()
            if self._gone is not None:
                self._gone.detach()
            self._throttle.stop()
            self.layout.close()
        super().close()


def describe_addresses(server: Server | None) -> dict[str, Any]:
    """Describe both addresses of a server, as JSON for `static/js/address_check.js`."""
    if server is None:
        return {"url": "", "running": False, "candidates": [], "why_not": GONE}
    return {
        "url": server.url,
        "running": server.running,
        "candidates": [asdict(each) for each in server.browser_addresses],
        "why_not": unreachable(Environment.here()),
        "check_path": CHECK_PATH.lstrip("/"),
        "answer": server.check_answer,
    }


def refused_since(log: FrameLog, number: int, origin: str) -> int:
    """Return the status with which a page's newest request after a record was refused; 0 for none.

    Args:
        origin: The page's origin; what other pages were refused is not its business.
    """
    records = log.since(number, RECORDS)
    own = {record.connection for record in records if origin_of(record) == origin}
    for record in reversed(records):
        if isinstance(record, ClosedRecord) and record.status and record.connection in own:
            return record.status
    return 0
