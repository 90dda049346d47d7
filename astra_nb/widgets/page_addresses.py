"""Both addresses of a server in a page, and what the page's check of them found.

`AddressLine(server)` is a widget of one line for a panel to show. The page that shows it tells
where it is, over the kernel's own authenticated channel, and is let in for that.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

import anywidget
import traitlets

from astra_nb.errors import LocalError
from astra_nb.jupyter.browser_address import Environment, unreachable
from astra_nb.log import FrameLog
from astra_nb.log.records import ClosedRecord
from astra_nb.net.server_connection import CHECK_PATH
from astra_nb.server import Server

from .esm import STATIC, join_modules
from .pulse import Pulse
from .two_ends import origin_of
from .while_busy import AnswersWhileBusy

__all__ = ["STYLES", "AddressLine", "allow_page", "describe_addresses", "refused_since"]

STYLES = "\n".join(
    (STATIC / name).read_text(encoding="utf-8") for name in ("panel.css", "browser_client.css")
)


class AddressLine(AnswersWhileBusy, anywidget.AnyWidget):
    """Both addresses of a server, and what a real connection from the page found.

    It holds the server weakly. Every method may be called from any thread.

    Attributes:
        check: What the page's check found last: its `state` is "reached" or "blocked". Empty
            before the first one.
    """

    _esm = join_modules(STATIC / "js" / "address_widget.js")
    _css = STYLES

    addresses = traitlets.Dict().tag(sync=True)

    def __init__(self, server: Server, **traits: Any) -> None:
        self._server = weakref.ref(server)
        self._origin = ""
        self.check: dict[str, Any] = {}
        self._pulse = Pulse(self._beat)
        super().__init__(addresses=describe_addresses(server), **traits)
        self._unsubscribe = server.log.subscribe(self._pulse.wake)
        self.on_msg(type(self)._receive)
        gone = weakref.WeakMethod(self._tell_addresses)
        weakref.finalize(server, call_weakly, gone).atexit = False

    def _receive(self, content: Any, buffers: Any) -> None:
        """Hear a page, which may send anything."""
        if not isinstance(content, dict):
            return
        server = self._server()
        if server is None:
            self._tell_addresses()
        else:
            self._hear(server, str(content.get("page")), content)

    def _hear(self, server: Server, page: str, content: dict[str, Any]) -> None:
        kind = content.get("kind")
        if kind == "page":
            self._origin = str(content.get("origin"))
            allow_page(server, content)
            self._tell_addresses()
            self.send({"kind": "ready", "page": page, "last": server.log.last_number})
        elif kind == "where?":
            self.send({"kind": "here", "page": page, "last": server.log.last_number})
        elif kind == "refused?":
            found = refused_since(server.log, whole(content.get("after")), self._origin)
            self.send({"kind": "refused", "page": page, **found})
        elif kind == "checked" and isinstance(content.get("result"), dict):
            self.check = content["result"]

    def _beat(self, quiet: bool) -> None:
        """Follow the log: it says when the server starts and stops."""
        server = self._server()
        if (
            server is not None
            and self.comm is not None
            and server.running != self.addresses.get("running")
        ):
            self._tell_addresses()

    def _tell_addresses(self) -> None:
        self.addresses = describe_addresses(self._server())

    def close(self) -> None:
        """Close the view and end its thread; the server goes on."""
        self._unsubscribe()
        self._pulse.stop()
        super().close()

    def __repr__(self) -> str:
        server = self._server()
        return f"<{type(self).__name__} of {server.browser_url if server else 'no server'}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        data["text/plain"] = repr(self)
        return data


def describe_addresses(server: Server | None) -> dict[str, Any]:
    """Describe both addresses of a server, as JSON for a page.

    `static/js/address_check.js` takes it: `checkAddresses` opens a real connection to each address
    in turn, and `describeCheck` puts what it found in words.
    """
    if server is None:
        return {"url": "", "running": False, "candidates": [], "why_not": "The server is gone."}
    around = Environment.here()
    return {
        "url": server.url,
        "running": server.running,
        "place": around.place,
        "candidates": [
            {"url": each.url, "why": each.why, "proxied": each.proxied, "hint": each.hint}
            for each in server.browser_addresses
        ],
        "why_not": unreachable(around),
        "check_path": CHECK_PATH.lstrip("/"),
        "answer": server.check_answer,
        "last": server.log.last_number,
    }


def allow_page(server: Server, content: dict[str, Any]) -> None:
    """Let the page in that shows a widget, as it told where it is over the kernel's channel."""
    # A page that names no site, such as one in a sandbox, stays outside.
    with contextlib.suppress(LocalError):
        server.allow_page(
            str(content.get("origin")), str(content.get("host") or ""), content.get("base_url")
        )


def refused_since(log: FrameLog, number: int, origin: str) -> dict[str, Any]:
    """Say how the newest request of a page after a record was refused: `status` 0 for not at all.

    Args:
        origin: The page's origin; what other pages were refused is not its business.
    """
    records = log.since(number, 200)
    own = {record.connection for record in records if origin_of(record) == origin}
    for record in reversed(records):
        if (
            isinstance(record, ClosedRecord)
            and record.status is not None
            and record.connection in own
        ):
            return {"status": record.status, "detail": record.detail}
    return {"status": 0, "detail": ""}


def whole(value: object) -> int:
    """A number from a page, which may send anything."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def call_weakly(method: weakref.WeakMethod[Any]) -> None:
    call = method()
    if call is not None:
        call()
