"""The live view of a log: pushes what is new to its pages, at most twenty times a second."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from time import time
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog
from astra_nb.log.joiner import JoinedMessage, join
from astra_nb.log.records import FrameRecord, HandshakeRecord, Record
from astra_nb.server import Server

from .bridge import Answer, BridgedWidget, Message
from .connection_table import connection_rows
from .esm import STATIC, join_modules
from .inspector import describe_record, is_fragment, page_of
from .rows import rows_for_page
from .search import Query, search
from .static_copy import StaticCopy, with_plain_text
from .status_bar import server_status
from .throttle import Throttle

__all__ = ["FrameLogView"]

BATCH_ROWS = 200  # the newest of each batch; more could not be read anyway
BACKFILL_ROWS = 1000  # for a page that comes late
SNAPSHOT_ROWS = 200  # kept in the widget's state, for a page without a kernel
TEXT_ROWS = 200
AROUND = 1000  # records before and after a fragment among which its message is looked for
REQUEST_DISTANCE = 50  # records before a response among which its request is looked for
STATUS_INTERVAL = 0.5  # seconds between two looks at the server while frames pour in
SNAPSHOT_INTERVAL = 5.0  # seconds between two snapshots while frames pour in
COPY_INTERVAL = 30.0  # and between two tables, which a page takes a while to clean and lay out
COPY_ROWS = 200  # of that table
BUSY_COPY_ROWS = 40  # of one that a page gets while frames pour in

GONE = "The log is gone with its server."


class FrameLogView(BridgedWidget, anywidget.AnyWidget):
    """A live view of a frame log, with filters and an inspector.

    Only the newest rows of each batch are pushed, and the count of what was left out. A thread
    runs only while something happens. Every method may be called from any thread.

    Args:
        log: The log to show.
        server: The server that fills it, for state and address; it is held weakly.

    Attributes:
        on_connections: Called, in any thread, when connections opened or closed.
        on_resend: Called with the number of a frame that is to be sent again.
    """

    _esm = join_modules(STATIC / "js" / "frame_log_view.js")
    _css = STATIC / "panel.css"

    snapshot = traitlets.Dict().tag(sync=True)
    copy_key = traitlets.Unicode().tag(sync=True)

    def __init__(self, log: FrameLog, server: Server | None = None) -> None:
        # Not `log`: that is the name of the logger every widget has.
        self.frame_log: FrameLog | None = log
        self._server = None if server is None else weakref.ref(server)
        self._lock = threading.RLock()
        self._key = f"{id(log):x}-{time():.6f}"
        self._copy = StaticCopy(f"astra-{uuid4().hex}")
        self._has_page = False
        self._pushed = 0
        self._status: dict[str, Any] = {"open": []}
        self._snapshot_time = 0.0
        self._copy_time = 0.0
        self._status_time = 0.0
        self.on_connections: Callable[[], None] = lambda: None
        self.on_resend: Callable[[int], None] = lambda number: None
        self._throttle = Throttle(self._update)
        self._unsubscribe = log.subscribe(self._throttle.wake)
        super().__init__(snapshot=self._make_snapshot(), copy_key=self._copy.key)
        self._gone: weakref.finalize[Any, Any] | None = None
        if server is not None:
            # The view keeps no server alive; with the server its log goes too.
            self._gone = weakref.finalize(server, self._release_log)
            self._gone.atexit = False
        self._throttle.wake()

    # What is pushed

    def _update(self, quiet: bool) -> None:
        """Push what is new; called by the throttle."""
        with self._lock:
            if self.frame_log is None or self.comm is None:
                return
            records = self._push_rows(self.frame_log, self._pushed, BATCH_ROWS)
            if records:
                self._pushed = records[-1].number
            other_than_frames = any(not isinstance(each, FrameRecord) for each in records)
            now = time()
            connections_changed = False
            if other_than_frames or quiet or now - self._status_time > STATUS_INTERVAL:
                self._status_time = now
                connections_changed = self._push_status()
            if quiet or now - self._snapshot_time > SNAPSHOT_INTERVAL:
                self._snapshot_time = now
                self.snapshot = self._make_snapshot()
            if self._has_page and (quiet or now - self._copy_time > COPY_INTERVAL):
                self._copy_time = now
                table = self.frame_log.html(limit=COPY_ROWS if quiet else BUSY_COPY_ROWS)
                self._copy.update(f"The log of {self.address} as it was last.", table)
        # Not under the lock: what is called takes locks of its own.
        if connections_changed:
            self.on_connections()

    def _push_rows(self, log: FrameLog, after: int, limit: int) -> list[Record]:
        records = log.since(after, limit)
        if records:
            self.push("rows", self._batch(log, after, records))
        return records

    def _batch(self, log: FrameLog, after: int, records: list[Record]) -> dict[str, Any]:
        return {
            **rows_for_page(records),
            "log": self._key,
            "after": after,
            "to": records[-1].number if records else after,
            "time": time(),
            "origin": log.origin,
            "bytes": log.bytes_since(after) if after else 0,
        }

    def _push_status(self) -> bool:
        """Push the status when it changed; return whether connections opened or closed."""
        before, self._status = self._status, server_status(self._server, self.frame_log)
        if self._status == before:
            return False
        self.push("status", self._status)
        return bool(self._status["open"] != before["open"])

    def _make_snapshot(self) -> dict[str, Any]:
        log = self.frame_log
        if log is None:
            return dict(self.snapshot)
        rows = self._batch(log, 0, log.since(0, SNAPSHOT_ROWS))
        return {"rows": rows, "status": server_status(self._server, log)}

    def _release_log(self) -> None:
        """Show the log as it was last, and keep it alive no longer."""
        with self._lock:
            if self.frame_log is None:
                return
            self._update(True)
            self._unsubscribe()
            self.frame_log = None
        self._throttle.stop(wait=False)

    # What a page requests

    def handlers(self) -> dict[str, Callable[[Message], Answer | None]]:
        """Return what handles each kind of request."""
        return {
            "heartbeat": lambda message: None,
            "backfill": self._backfill,
            "detail": self._detail,
            "bytes": self._bytes,
            "search": self._search,
            "connections": lambda _: Answer({"connections": connection_rows(self.frame_log)}),
            "resend": self._resend,
        }

    def _backfill(self, message: Message) -> None:
        """Bring a page up to date that came late or lost a batch."""
        # Under the lock, so that no batch gets in between and shows the page another gap.
        with self._lock:
            self._has_page = True
            self.push("status", server_status(self._server, self.frame_log))
            if self.frame_log is not None:
                self._push_rows(self.frame_log, message.integer("after"), BACKFILL_ROWS)

    def _detail(self, message: Message) -> Answer:
        record = self._required(message)
        return Answer(
            *describe_record(record, self._key_of_request(record), self._whole_message(record))
        )

    def _bytes(self, message: Message) -> Answer:
        page = page_of(
            self._required(message), message.integer("offset"), message.integer("length")
        )
        return Answer(buffers=[page])

    def _search(self, message: Message) -> Answer:
        """Search a piece of the log for what the page's filter lets through."""
        if self.frame_log is None:
            raise LocalError(GONE)
        last = self.frame_log.last_number
        found = search(
            self.frame_log,
            Query.from_page(message),
            after=message.integer("after"),
            below=message.integer("below"),
        )
        return Answer(
            {
                **rows_for_page(found.records),
                "contexts": found.contexts,
                "searched": found.searched,
                "below": found.below,
                "to": last,
            }
        )

    def _resend(self, message: Message) -> None:
        self.on_resend(message.integer("number"))

    def record(self, number: int) -> Record | None:
        """Return the record with a number; None when the log does not have it any more."""
        return None if self.frame_log is None else self.frame_log.find(number)

    def _required(self, message: Message) -> Record:
        number = message.integer("number")
        record = self.record(number)
        if record is None:
            raise LocalError(f"Record {number} is no longer on the log: it keeps the newest.")
        return record

    def _whole_message(self, record: Record) -> JoinedMessage | None:
        """Find the message of a fragment, among the records around it."""
        if self.frame_log is None or not is_fragment(record):
            return None
        around = self.frame_log.between(record.number - AROUND, record.number + AROUND)
        of_one = [each for each in around if each.connection == record.connection]
        return next((each for each in join(of_one) if record.number in each.numbers), None)

    def _key_of_request(self, record: Record) -> str:
        """Find the Sec-WebSocket-Key that a response of an opening handshake answers."""
        if not isinstance(record, HandshakeRecord) or record.status is None:
            return ""
        for number in range(record.number - 1, max(record.number - REQUEST_DISTANCE, 0), -1):
            request = self.record(number)
            if isinstance(request, HandshakeRecord) and request.connection == record.connection:
                names = {name.lower(): value for name, value in request.headers}
                return names.get("sec-websocket-key", "")
        return ""

    # Life and other forms

    def close(self) -> None:
        """Close the view and end its thread."""
        self._unsubscribe()
        if self._gone is not None:
            self._gone.detach()
        self._throttle.stop()
        super().close()

    @property
    def address(self) -> str:
        """The server's address, or "a log" for a view of a log alone."""
        return server_status(self._server, self.frame_log)["url"] or "a log"

    def text(self) -> str:
        """Return the newest rows as a table of plain text."""
        return "" if self.frame_log is None else self.frame_log.text(limit=TEXT_ROWS)

    def __repr__(self) -> str:
        return f"<FrameLogView of {self.address}>"

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.with_static_forms(super()._repr_mimebundle_(**options), repr(self))

    def with_static_forms(self, bundle: Any, plain: str) -> dict[str, Any]:
        """Add the forms that need no widgets: a line of text, and the log as a table."""
        data = with_plain_text(bundle, plain)
        if self.frame_log is not None:
            data["text/html"] = self.frame_log.html()
        self._copy.place()
        return data
