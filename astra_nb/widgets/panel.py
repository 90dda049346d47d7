"""The live panel: one console for a server, a client or a log, as one anywidget.

A page opens it with the request "open" and is pushed "news" from then on: how far the log goes,
and the newest rows. All other rows it asks for by their numbers, when they are scrolled to; so the
cost does not grow with the rate. `static/js/bridge.js` names every kind of message.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from bisect import bisect_right
from time import time
from typing import Any
from uuid import uuid4

import traitlets

from astra_nb.errors import LocalError
from astra_nb.locks import make_rlock
from astra_nb.log import FrameLog
from astra_nb.server import Server
from astra_nb.tap import Tap
from astra_nb.websocket import WebSocket
from astra_nb.wire.redaction import redact_path
from astra_nb.wire.text import visible

from .answers import Answers
from .bridge import Message
from .catalog import CATALOG
from .esm import STATIC, join_modules
from .log_rows import Tail, as_json, rows_between
from .marks import Marks
from .request_actions import Request
from .rule_actions import describe_tap
from .senders import Senders
from .static_copy import StaticCopy

__all__ = ["Panel", "panel_of_client", "panel_of_log", "panel_of_server", "panel_of_tap"]

TAIL = 24  # of the newest rows in each batch, until a page draws more
MOST_TAIL = 200
LATE = 200  # that a page gets when it opens
TEXT_ROWS = 200
STATUS_INTERVAL = 0.5  # seconds between two looks at the ends while frames pour in
SNAPSHOT_INTERVAL = 5.0  # seconds between two snapshots while frames pour in
COPY_INTERVAL = 30.0  # and between two tables, which a page takes a while to clean and lay out
COPY_DELAY = 1.0  # from the opening of a page to its first table
COPY_ROWS = 200  # of that table
BUSY_COPY_ROWS = 40  # of one that a page gets while frames pour in
MOST_ERRORS = 10_000  # whose numbers a page has
MOST_LISTED = 1000  # connections in a choice
FEW = 100  # connections, of which the status tells at once; of more it tells in its interval

GONE = "The server is gone: nothing refers to it any more. This is its log as it last was."


class Panel(Answers):
    """A live panel of a log, with controls for the ends that fill it.

    `panel.send_text("Hello")` does what a click on "Send text" does, and so on for each method of
    `Actions`. Every method may be called from any thread.

    Args:
        log: The log to show.
        senders: What can be sent on; None for a log alone.
        sends: Whether the page has controls for that.
        tap: The tap that fills the log, for controls of its rules; held weakly.

    Attributes:
        bits: Whether the columns FIN, RSV and MASK are shown.
        sentence: What the last click or call did, or why it could not.
        failed: Whether it could not.
        code: The line of Python that does the same as the last click.
        saved: The saved payloads, each with its name, payload and format.
    """

    _esm = join_modules(STATIC / "js" / "panel.js")
    _css = STATIC / "panel.css"

    catalog = traitlets.Dict(CATALOG).tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    copy_key = traitlets.Unicode().tag(sync=True)
    bits = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        log: FrameLog,
        senders: Senders | None = None,
        *,
        bits: bool = False,
        sends: bool = True,
        tap: Tap | None = None,
    ) -> None:
        # Not `log`: that is the name of the logger every widget has.
        self.frame_log: FrameLog | None = log
        self._live: FrameLog | None = log
        self.senders = senders or Senders()
        self._sends = sends and senders is not None
        self._lock = make_rlock()
        self._copy = StaticCopy(f"astra-{uuid4().hex}")
        self._has_page = False
        self._in_sight = TAIL
        self._note = ""
        self._status: dict[str, Any] = {}
        self._snapshot_time = self._copy_time = self._status_time = 0.0
        self.sentence, self.failed, self.code = "", False, ""
        self.saved: list[dict[str, str]] = []
        self._requests: dict[int, Request] = {}
        self._request_numbers = itertools.count(1)
        self._tap = None if tap is None else weakref.ref(tap)
        self._tap_url = "" if tap is None else redact_path(tap.url)
        self._begin_log()
        super().__init__(log, self.senders.server, copy_key=self._copy.key, bits=bits)
        self.snapshot = self._overview()
        self.add_class("astra-panel")
        self._throttle.wake()

    def _begin_log(self) -> None:
        self._key = uuid4().hex
        self._marks, self._tail = Marks(), Tail()
        # The last error that pages know of, and of how much. Any request updates the marks too.
        self._told = self._noted = 0
        if self.frame_log is not None:
            self._marks.update(self.frame_log)
            self._told = max(self._marks.errors, default=0)

    # What is pushed

    def _update(self, quiet: bool) -> None:
        """Push what is new; called by the throttle."""
        super()._update(quiet)
        with self._lock:
            log = self.frame_log
            if log is None or self.comm is None:
                return
            now = time()
            rows = self._tail.rows(log, self._in_sight)
            self._marks.update(log)
            errors = self._marks.errors[bisect_right(self._marks.errors, self._told) :]
            self._told = errors[-1] if errors else self._told
            if self._marks.noted > self._noted and len(self._marks.connections) < FEW:
                self._status_time = 0.0
            self._noted = self._marks.noted
            news: dict[str, Any] = {}
            if rows or errors:
                news = {**position(log, self._tail.last), "errors": errors, **as_json(rows)}
            if quiet or errors or now - self._status_time > STATUS_INTERVAL:
                self._status_time = now
                status = self._describe_status()
                if status != self._status:
                    news["status"] = self._status = status
            if news:
                self.push("news", {"log": self._key, **news})
            if quiet or now - self._snapshot_time > SNAPSHOT_INTERVAL:
                self._snapshot_time = now
                self.snapshot = self._overview()
            if self._has_page and (quiet or now - self._copy_time > COPY_INTERVAL):
                self._copy_time = now
                table = log.html(limit=COPY_ROWS if quiet else BUSY_COPY_ROWS)
                heading = self._note or f"The log of {self.address} as it last was."
                self._copy.update(heading, table)

    def _overview(self) -> dict[str, Any]:
        """Return all that a page needs to begin."""
        log = self.frame_log
        if log is None:
            return dict(self.snapshot)
        newest = log.since(0, LATE)
        self._marks.update(log)
        rows = rows_between(log, newest[0].number, newest[-1].number) if newest else []
        errors = self._marks.errors
        return {
            "log": self._key,
            **position(log, newest[-1].number if newest else 0),
            **as_json(rows),
            # Those after them are pushed to this page as to all others.
            "errors": errors[: bisect_right(errors, self._told)][-MOST_ERRORS:],
            "status": self._describe_status(),
            "said": self._said(),
        }

    def _describe_status(self) -> dict[str, Any]:
        server, senders = self.senders.server, self.senders
        targets = senders.targets(MOST_LISTED) if self._sends else []
        connections = list(self._marks.connections.values())[-MOST_LISTED:]
        is_live = self.frame_log is self._live
        tap = describe_tap(self._tap()) if self._tap and is_live else None
        if tap is not None:
            state = "listening" if tap["running"] else "stopped"
        elif not is_live or not self._sends:
            state = "log"
        elif senders.of_server:
            state = "listening" if server and server.running else "stopped"
        else:
            state = "open" if targets else "closed"
        is_open = sum(each.state == "open" for each in self._marks.connections.values())
        return {
            "state": state,
            "url": (server.url if server else senders.url or self._tap_url) if is_live else "",
            "sends": self._sends and is_live,
            "file": not is_live,
            "tap": tap,
            "of_server": senders.of_server,
            "targets": targets,
            "open": is_open,
            "total": len(self._marks.connections) + self._marks.forgotten,
            "connections": [
                [each.id, each.path, each.who or each.peer, each.state] for each in connections
            ],
            "note": GONE if senders.of_server and server is None else self._note,
            "saved": list(self.saved),
            "requests": [
                {"number": number, **each.as_json()}
                for number, each in self._requests.copy().items()
            ],
        }

    def _server_gone(self) -> None:
        """Show the log as it was last, and keep it alive no longer; then close."""
        super()._server_gone()
        # A garbage collection calls this, on any thread, and closing waits for the clients.
        threading.Thread(target=self.close, name="astra_nb panel's end", daemon=True).start()

    # What a page requests

    def _on_open(self, message: Message) -> dict[str, Any]:
        """Bring a page up to date."""
        # Under the lock, so that no news get in between and show the page a gap.
        with self._lock:
            self._has_page = True
            answer = self._overview()
        # A page that came late is told of the table too, but after it has painted the rows.
        self._copy_time = time() - COPY_INTERVAL + COPY_DELAY
        self._throttle.wake()
        return answer

    def _on_sight(self, message: Message) -> None:
        self._in_sight = min(max(self._in_sight, message.integer("rows")), MOST_TAIL)

    def _on_load(self, message: Message) -> None:
        path = message.text("path")
        try:
            self.show_file(path or None)
        except (OSError, ValueError, ImportError) as exc:
            raise LocalError(visible(f"{path} cannot be shown: {exc}", 300)) from exc

    def show_file(self, path: str | None) -> None:
        """Show a log from a file in place of the live one; None shows that again.

        Raises:
            ValueError: The file does not hold records, or its suffix names no format.
            ImportError: The format needs a package that is not installed.
            OSError: It cannot be read.
        """
        shown = (
            self._live if path is None else FrameLog.open(path, progress=lambda read, size: None)
        )
        with self._lock:
            self.frame_log = shown
            self._note = "" if path is None else f"This is the file {visible(path, 200)}."
            self._begin_log()
            self.push("reset", {})

    # Life and other forms

    def close(self) -> None:
        """Close the panel, its thread and the clients that it opened; the server goes on."""
        if hasattr(self, "senders"):
            self.senders.close()
        super().close()
        if hasattr(self, "senders"):
            self.frame_log = self._live = None

    @property
    def address(self) -> str:
        """The address of the server, the tap, or the client's; "a log" for a log alone."""
        server = self.senders.server
        return (server.url if server else self.senders.url) or self._tap_url or "a log"

    def __repr__(self) -> str:
        return f"<Panel of {self.address}>"

    def __str__(self) -> str:
        return "" if self.frame_log is None else self.frame_log.text(limit=TEXT_ROWS)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.with_static_forms(super()._repr_mimebundle_(**options), repr(self))

    def with_static_forms(self, bundle: Any, plain: str) -> dict[str, Any]:
        """Add the forms that need no widgets: a line of text, and the log as a table."""
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        data["text/plain"] = plain
        if self.frame_log is not None:
            data["text/html"] = self.frame_log.html()
        self._copy.place()
        return data


def position(log: FrameLog, last: int) -> dict[str, Any]:
    """Return how far a log goes; what came after the last row that is sent comes later."""
    return {
        "spans": [(a, min(b, last)) for a, b in log.spans() if a <= last],
        "dropped": log.dropped,
        "origin": log.origin,
        "time": time(),
    }


def panel_of_server(server: Server, *, bits: bool = False, sends: bool = True) -> Panel:
    """Make a panel of a server; several may show the same one."""
    return Panel(server.log, Senders(server), bits=bits, sends=sends)


def panel_of_client(client: WebSocket) -> Panel:
    """Make a panel of a client and its log."""
    return Panel(client.log, Senders(client=client, log=client.log))


def panel_of_tap(tap: Tap) -> Panel:
    """Make a panel of a tap: its log, its rules and what they hold."""
    return Panel(tap.log, tap=tap)


def panel_of_log(log: FrameLog) -> Panel:
    """Make a panel of a log alone."""
    return Panel(log)
