"""What a page asks the panel for, apart from its beginning: rows, finds, details, and acts."""

from __future__ import annotations

import re
import threading
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any

from astra_nb.errors import AstraError, LocalError
from astra_nb.log import FrameLog
from astra_nb.log.records import FrameRecord, Record
from astra_nb.wire.text import visible

from .actions import ACTIONS, Actions, code_of, signature
from .bridge import Answer, Message
from .inspector import describe
from .log_rows import FIELDS, as_json, rows_numbered
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

    @abstractmethod
    def _open(self, message: Message) -> Answer: ...

    @abstractmethod
    def _take_sight(self, message: Message) -> None: ...

    @abstractmethod
    def show_file(self, path: str | None) -> None:
        """Show a file in place of the live log; None shows that again."""

    @abstractmethod
    def say(self, sentence: str, *, failed: bool = False) -> None:
        """Show a sentence about what happened."""

    @abstractmethod
    def _said(self) -> dict[str, Any]: ...

    @abstractmethod
    def look_again(self) -> None:
        """Push the status soon."""

    def handlers(self) -> dict[str, Callable[[Message], Answer | None]]:
        """Return what handles each kind of request."""
        return {
            **super().handlers(),
            "heartbeat": lambda message: None,
            "sight": self._take_sight,
            "open": self._open,
            "rows": self._rows,
            "find": self._find,
            "detail": self._detail,
            "payload": self._payload,
            "wire": lambda message: Answer(
                wire_page(self._required(message), message.integer("offset"))
            ),
            "copy": lambda message: Answer(
                {"text": copy_of(self._log(), self._required(message), message.text("form"))}
            ),
            "compare": self._compare,
            "connections": self._connections,
            "act": self._act,
            "held": lambda message: Answer(self.held_payload(message.integer("number"))),
            "save": self._save,
            "load": self._load,
        }

    def _rows(self, message: Message) -> Answer:
        numbers = message.fields.get("numbers")
        if not isinstance(numbers, list) or not all(type(each) is int for each in numbers):
            return Answer({"fields": FIELDS, "rows": [], "contexts": []})
        log = self._log()
        rows = rows_numbered(log, numbers)
        contexts = {}
        if message.text("text"):
            query = self._query(message)
            for each in rows:
                record = log.find(int(str(each[0])))
                if record and (around := context(record, query.place(record))):
                    contexts[record.number] = around
        return Answer({**as_json(rows), "contexts": contexts})

    def _find(self, message: Message) -> Answer:
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
        return Answer({
            "numbers": found.numbers, "searched": found.searched, "below": found.below, "to": last,
        })  # fmt: skip

    def _query(self, message: Message) -> Query:
        return Query.from_page(message, self._marks.errors)

    def _detail(self, message: Message) -> Answer:
        record, log = self._required(message), self._log()
        with self._lock:
            self._marks.update(log)
            connection = self._marks.connections.get(record.connection)
        return Answer(describe(log, record, connection))

    def _payload(self, message: Message) -> Answer:
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
        return Answer({**page, "as": as_})

    def _compare(self, message: Message) -> Answer:
        """Compare two payloads; a page of each around the first byte in which they differ."""
        log = self._log()
        pair = [self._required(message, name) for name in ("one", "other")]
        payloads = [payload_of(log, each)[0] for each in pair]
        at = first_difference(*payloads)
        return Answer({"at": at, "pages": [payload_page(each, at, None) for each in payloads]})

    def _connections(self, message: Message) -> Answer:
        with self._lock:
            found = self._marks.count(self._log())
            server = self.senders.server  # in one step: it may be collected in between
            latencies = {each.id: each.latency for each in server.connections} if server else {}
            return Answer({
                "connections": [
                    {**each.as_json(), "rtt": latencies.get(each.id)} for each in found
                ],
                "now": time(),
            })  # fmt: skip

    def _act(self, message: Message) -> Answer:
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
        self.look_again()
        return Answer(self._said())

    def _save(self, message: Message) -> Answer:
        suffix = re.sub(r"\W", "", message.text("form"))[:20]
        path = Path(f"frames-{datetime.now():%Y%m%d-%H%M%S}.{suffix}")
        try:
            self._log().save(path)
        except (OSError, ValueError, ImportError) as exc:
            raise LocalError(visible(f"{path} cannot be written: {exc}", 300)) from exc
        self.code = f"log.save({str(path)!r})"
        self.say(f"Saved as {path.resolve()}.")
        return Answer(self._said())

    def _load(self, message: Message) -> Answer:
        path = message.text("path")
        try:
            self.show_file(path or None)
        except (OSError, ValueError, ImportError) as exc:
            raise LocalError(visible(f"{path} cannot be shown: {exc}", 300)) from exc
        return Answer()

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
