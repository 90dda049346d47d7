"""What a page asks the panel for, apart from its beginning: rows, finds, details, and acts."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any

from astra_nb.errors import AstraError, LocalError
from astra_nb.log import FrameLog
from astra_nb.log.records import FrameRecord, Record
from astra_nb.wire.text import visible

from .actions import ACTIONS, Actions, code_of, signature
from .bridge import Message
from .inspector import describe
from .log_rows import as_json, rows_numbered
from .log_widget import Addressed
from .marks import Marks
from .payload import as_text, parse_numbers, parse_payload
from .payload_pages import (
    bad_bytes,
    copy_of,
    first_difference,
    payload_of,
    payload_page,
    start_of,
    wire_page,
)
from .search import Query, context, search

__all__ = ["Answers"]


class Answers(Actions, Addressed):
    """The base of the panel that answers requests. Any thread may call its methods."""

    _lock: threading.RLock
    _marks: Marks
    _status_time: float
    sentence: str
    failed: bool
    code: str

    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Show a sentence about what happened."""
        self.sentence, self.failed = sentence, failed
        self.push("said", self._said())

    def _said(self) -> dict[str, Any]:
        return {"sentence": self.sentence, "failed": self.failed, "code": self.code}

    def _on_heartbeat(self, message: Message) -> None:
        """Answer that the kernel is alive."""

    def _on_rows(self, message: Message) -> dict[str, Any]:
        numbers = message.fields.get("numbers")
        if not isinstance(numbers, list) or not all(type(each) is int for each in numbers):
            return {**as_json([]), "contexts": {}}
        log = self._log()
        rows = rows_numbered(log, numbers)
        contexts = {}
        if message.text("text"):
            query = self._query(message)
            for each in rows:
                record = log.find(int(str(each[0])))
                if record and (around := context(record, query.place(record))):
                    contexts[record.number] = around
        return {**as_json(rows), "contexts": contexts}

    def _on_find(self, message: Message) -> dict[str, Any]:
        """Search a piece of the log for what the page's filter lets through."""
        log = self._log()
        last = log.last_number
        with self._lock:
            self._marks.update(log)
        found = search(
            log,
            self._query(message),
            after=message.integer("after"),
            below=message.integer("below"),
        )
        return {**asdict(found), "to": last}

    def _query(self, message: Message) -> Query:
        return Query.from_page(message, self._marks.errors)

    def _on_detail(self, message: Message) -> dict[str, Any]:
        record, log = self._required(message), self._log()
        with self._lock:
            self._marks.update(log)
            connection = self._marks.connections.get(record.connection)
        return describe(log, record, connection)

    def _on_wire(self, message: Message) -> dict[str, Any]:
        return wire_page(self._required(message), message.integer("offset"))

    def _on_held(self, message: Message) -> dict[str, Any]:
        return self.held_payload(message.integer("number"))

    def _on_copy(self, message: Message) -> dict[str, Any]:
        return {"text": copy_of(self._log(), self._required(message), message.text("form"))}

    def _on_payload(self, message: Message) -> dict[str, Any]:
        record = self._required(message)
        whole = message.fields.get("whole") is True
        data, as_ = payload_of(self._log(), record, whole=whole)
        place = self._query(message).place(record) if message.text("text") else None
        if whole and place and place[0] >= 0:
            place = (place[0] + start_of(self._log(), record), place[1])
        bad = bad_bytes(record) if isinstance(record, FrameRecord) and not whole else None
        offset = message.integer("offset")
        if offset < 0:
            offset = place[0] if place and place[0] >= 0 else 0
        page = payload_page(data, offset, place, -1 if bad is None else bad["at"])
        return {**page, "as": as_}

    def _on_compare(self, message: Message) -> dict[str, Any]:
        """Compare two payloads; a page of each around the first byte in which they differ."""
        log = self._log()
        pair = [self._required(message, name) for name in ("one", "other")]
        payloads = [payload_of(log, each)[0] for each in pair]
        at = first_difference(*payloads)
        return {"at": at, "pages": [payload_page(each, at, None) for each in payloads]}

    def _on_connections(self, message: Message) -> dict[str, Any]:
        with self._lock:
            found = self._marks.count(self._log())
            server = self.senders.server  # in one step: it may be collected in between
            latencies = {each.id: each.latency for each in server.connections} if server else {}
            connections = [{**vars(each), "rtt": latencies.get(each.id)} for each in found]
            return {"connections": connections, "now": time()}

    def _on_act(self, message: Message) -> None:
        """Do what a click asks; an error is shown in the panel."""
        name, fields = message.text("name"), message.fields
        arguments, options = fields.get("arguments"), fields.get("options")
        arguments = list(arguments) if isinstance(arguments, list) else []
        options = dict(options) if isinstance(options, dict) else {}
        if name not in ACTIONS or not options.keys() <= signature(name).keys():
            raise LocalError(f"a panel has no control {name[:40]!r} with these options")
        self.code = ""
        try:
            if isinstance(options.get("cuts"), str):
                options["cuts"] = parse_numbers(options["cuts"])
            if isinstance(fields.get("typed"), str):
                value: Any = parse_payload(message.text("typed"), message.text("format"))
                if name == "send_text" or arguments == ["text"]:
                    value = as_text(value)
                arguments.append(value)
            self.code = code_of(name, arguments, options)
            self.say(getattr(self, name)(*arguments, **options))
        except AstraError as exc:
            self.say(str(exc), failed=True)
        except Exception as exc:  # noqa: BLE001  (a click's traceback would go to no visible place)
            self.say(f"{type(exc).__name__}: {exc}", failed=True)
        self._status_time = 0.0  # it is pushed soon
        self._throttle.wake()

    def _on_save(self, message: Message) -> None:
        suffix = re.sub(r"\W", "", message.text("form"))[:20]
        path = Path(f"frames-{datetime.now():%Y%m%d-%H%M%S}.{suffix}")
        try:
            self._log().save(path)
        except (OSError, ValueError, ImportError) as exc:
            raise LocalError(visible(f"{path} cannot be written: {exc}", 300)) from exc
        self.code = f"log.save({str(path)!r})"
        self.say(f"Saved as {path.resolve()}.")

    def _log(self) -> FrameLog:
        if self.frame_log is None:
            raise LocalError("The log is gone with its server.")
        return self.frame_log

    def _required(self, message: Message, name: str = "number") -> Record:
        number = message.integer(name)
        record = self._log().find(number)
        if record is None:
            raise LocalError(f"Record {number} is no longer in the log: it keeps the newest.")
        return record
