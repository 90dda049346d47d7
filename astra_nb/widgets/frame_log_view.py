"""The live view of a log: an anywidget that is told what is new, twenty times a second at most."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from time import time
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from astra_nb.errors import AstraError
from astra_nb.log import FrameLog
from astra_nb.log.joiner import JoinedMessage, join
from astra_nb.log.records import FrameRecord, HandshakeRecord, Record
from astra_nb.server import Server

from .columns import encode_columns
from .connection_table import connection_rows
from .detail import describe_record, is_fragment, page_of
from .esm import STATIC, join_modules
from .pulse import Pulse
from .search import Wanted, search
from .static_copy import StaticCopy
from .status import Status, status_of
from .while_busy import AnswersWhileBusy

__all__ = ["FrameLogView"]

BATCH_ROWS = 200  # the newest of each batch; more could not be read anyway
HELLO_ROWS = 1000  # for a page that comes late
SNAPSHOT_ROWS = 200  # kept in the widget's state, for a page without a kernel
TEXT_ROWS = 200
AROUND = 1000  # records before and after a fragment among which its message is looked for
STATUS_INTERVAL = 0.5  # seconds between two looks at the server while frames pour in
SNAPSHOT_INTERVAL = 5.0  # seconds between two snapshots while frames pour in
COPY_INTERVAL = 30.0  # and between two tables, which a page takes a while to clean and lay out
COPY_ROWS = 200  # of that table
BUSY_COPY_ROWS = 40  # of one that a page gets while frames pour in


class FrameLogView(AnswersWhileBusy, anywidget.AnyWidget):
    """A live view of a frame log, with filters and an inspector.

    Batches go to the page as custom messages with binary columns; only the newest rows of each
    are sent, and the count of what was left out. A thread runs only while something happens.
    Every method may be called from any thread.

    Args:
        log: The log to show.
        server: The server that fills it, for state and address; it is held weakly.
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
        self._sent = 0
        self._status = Status()
        self._snapshot_time = 0.0
        self._copy_time = 0.0
        self._status_time = 0.0
        self._on_connections: list[Callable[[], None]] = []
        self._on_again: list[Callable[[int], None]] = []
        self._pulse = Pulse(self._beat)
        self._unsubscribe = log.subscribe(self._pulse.wake)
        super().__init__(snapshot=self._make_snapshot(), copy_key=self._copy.key)
        self.on_msg(type(self)._receive)
        if server is not None:
            # The panel keeps no server alive; with the server its log goes too.
            gone = weakref.WeakMethod(self._let_go)
            weakref.finalize(server, call_weakly, gone).atexit = False
        self._pulse.wake()

    # Streaming

    def _beat(self, quiet: bool) -> None:
        """Send what is new; called by the pulse."""
        with self._lock:
            if self.frame_log is None or self.comm is None:
                return
            news = self._flush(self.frame_log)
            now = time()
            told = False
            if news or quiet or now - self._status_time > STATUS_INTERVAL:
                self._status_time = now
                told = self._tell_status()
            if quiet or now - self._snapshot_time > SNAPSHOT_INTERVAL:
                self._snapshot_time = now
                self.snapshot = self._make_snapshot()
            if self._has_page and (quiet or now - self._copy_time > COPY_INTERVAL):
                self._copy_time = now
                table = self.frame_log.html(limit=COPY_ROWS if quiet else BUSY_COPY_ROWS)
                self._copy.update(f"The log of {self.address} as it was last.", table)
        # Not under the lock: what is called here takes locks of its own.
        if told:
            for callback in self._on_connections:
                callback()

    def _flush(self, log: FrameLog) -> bool:
        """Send the newest rows; gives whether there was something else than frames."""
        after = self._sent
        records = log.since(after, BATCH_ROWS)
        to = records[-1].number if records else after
        if to > after:
            content, buffer = self._batch(log, after, to, records)
            self._sent = to
            self.send(content, [buffer])
        return any(not isinstance(record, FrameRecord) for record in records)

    def _batch(
        self, log: FrameLog, after: int, to: int, records: list[Record]
    ) -> tuple[dict[str, Any], bytes]:
        content = {
            "kind": "rows",
            "log": self._key,
            "count": len(records),
            "after": after,
            "to": to,
            "time": time(),
            "origin": log.origin,
            "bytes": log.bytes_since(after) if after else 0,
        }
        return content, encode_columns(records)

    def _tell_status(self) -> bool:
        """Send the status when it changed; gives whether connections opened or closed."""
        status = status_of(self._server, self.frame_log)
        if status == self._status:
            return False
        changed = status.open != self._status.open
        self._status = status
        self.send(status.content())
        return changed

    def _make_snapshot(self) -> dict[str, Any]:
        log = self.frame_log
        if log is None:
            return dict(self.snapshot)
        records = log.since(0, SNAPSHOT_ROWS)
        to = records[-1].number if records else 0
        content, buffer = self._batch(log, 0, to, records)
        return {
            "rows": content,
            "columns": buffer,
            "status": status_of(self._server, log).content(),
        }

    def _let_go(self) -> None:
        """Show the log as it was last, and keep it alive no longer."""
        with self._lock:
            if self.frame_log is None:
                return
            self._beat(True)
            self._unsubscribe()
            self.frame_log = None
        self._pulse.stop(wait=False)

    # What the page asks

    def _receive(self, content: Any, buffers: Any) -> None:
        """Answer the page; its questions always get an answer."""
        if not isinstance(content, dict):
            return
        if content.get("kind") == "hello":
            self._welcome(whole(content.get("after")))
        elif content.get("kind") == "ask":
            try:
                answer, replies = self._answer(content)
            except AstraError as exc:
                answer, replies = {"missing": str(exc)}, []
            about = {"page": content.get("page"), "id": content.get("id")}
            self.send({**about, **answer, "kind": "answer", "record": answer.get("kind")}, replies)

    def _welcome(self, after: int) -> None:
        """Bring a page up to date that came late or lost a batch."""
        with self._lock:
            self._has_page = True
            self.send(status_of(self._server, self.frame_log).content())
            if self.frame_log is None:
                return
            records = self.frame_log.since(after, HELLO_ROWS)
            to = records[-1].number if records else after
            if to > after:
                content, buffer = self._batch(self.frame_log, after, to, records)
                self.send(content, [buffer])

    def _answer(self, content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        what = content.get("what")
        if what == "beat":
            return {}, []
        if what == "connections":
            return {"connections": connection_rows(self.frame_log)}, []
        if what == "search":
            return self._search(content)
        number = whole(content.get("number"))
        if what == "again":
            for callback in self._on_again:
                callback(number)
            return {}, []
        record = self.record(number)
        if record is None:
            return {"missing": f"Record {number} is no longer on the log: it keeps the newest."}, []
        if what == "bytes":
            page = page_of(record, whole(content.get("offset")), whole(content.get("length")))
            return {}, [page]
        return describe_record(record, self._key_of_request(record), self._whole_message(record))

    def _search(self, content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Search a piece of the log for what the page's filter lets through."""
        if self.frame_log is None:
            return {"missing": "The log is gone with its server."}, []
        after, below = whole(content.get("after")), whole(content.get("below"))
        top = self.frame_log.last_number
        found = search(self.frame_log, Wanted.from_page(content), after=after, below=below)
        answer = {
            "count": len(found.records),
            "contexts": found.contexts,
            "searched": found.searched,
            "below": found.below,
            "to": top,
        }
        return answer, [encode_columns(found.records)]

    def record(self, number: int) -> Record | None:
        """Find a record by its number; None when the log has it no more."""
        if self.frame_log is None:
            return None
        return self.frame_log.find(number)

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
        for number in range(record.number - 1, max(record.number - 50, 0), -1):
            request = self.record(number)
            if isinstance(request, HandshakeRecord) and request.connection == record.connection:
                names = {name.lower(): value for name, value in request.headers}
                return names.get("sec-websocket-key", "")
        return ""

    # For the panel around it

    def on_connections(self, callback: Callable[[], None]) -> None:
        """Have a function called, in any thread, when connections opened or closed."""
        self._on_connections.append(callback)

    def on_again(self, callback: Callable[[int], None]) -> None:
        """Have a function called with the number of a frame that shall be sent again."""
        self._on_again.append(callback)

    # Life and other forms

    def close(self) -> None:
        """Close the view and end its thread."""
        self._unsubscribe()
        self._pulse.stop()
        super().close()

    @property
    def address(self) -> str:
        """The server's address, or "a log" for a view of a log alone."""
        return status_of(self._server, self.frame_log).url or "a log"

    def text(self) -> str:
        """The newest rows as a table of plain text."""
        return "" if self.frame_log is None else self.frame_log.text(limit=TEXT_ROWS)

    def __repr__(self) -> str:
        return f"<FrameLogView of {self.address}>"

    def __str__(self) -> str:
        return self.text()

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


def whole(value: object) -> int:
    """A number from a page, which may send anything."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def call_weakly(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    call = method()
    if call is not None:
        call()
