"""HAR files (HTTP Archive 1.2) of Chrome, Firefox, Playwright, mitmproxy and this package, read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from astra_nb.log.entries import Entry, entry_of, expand, weight
from astra_nb.log.records import ClosedRecord, NoticeRecord, Record, Side
from astra_nb.wire.frames import encode
from astra_nb.wire.opcodes import TEXT

from . import jsonl
from .handshakes import SIDE, Handshake, direction_of
from .json_values import JsonValues
from .reading import Reading

__all__ = ["read_file"]

SENDERS: dict[str, Side] = {"send": "client", "receive": "server"}
MESSAGE_LISTS = ("_webSocketMessages", "_webSocketControlFrames")
FIELDS = ("_resourceType", "request", "response", "serverIPAddress", "startedDateTime")
MAX_UNTIMED = 100_000
SMALLEST_TIME = 10**8  # seconds since the epoch; less is a time since something else, or none
LINE_END = re.compile(r"[\r\n]+")
TYPES = {str: "a string", int: "an integer", list: "a list", dict: "an object"}


def read_file(reading: Reading) -> Iterator[Record]:
    """Yield the records of a HAR file, those of all connections in the order of their times.

    A `ValueError` names the broken entry, counted from 1; without ijson it is `ImportError`.
    """
    newest = Newest(reading)
    values = JsonValues(reading.file)
    entries = sockets = 0
    is_har = False
    try:
        for name in values.members():
            if name != "log":
                values.skip()
                continue
            is_har = True
            for inner in values.members():
                if inner == "_records":
                    add_records(values, newest)
                elif inner == "entries":
                    for _ in values.items():
                        entries += 1
                        sockets += add_entry(values, newest, sockets + 1)
                else:
                    values.skip()
        values.end()
        if not is_har:
            raise ValueError('it has no "log"')
    except (ValueError, SystemError) as exc:
        where = f"entry {entries} of the HAR file" if entries else "the HAR file"
        # ijson does not check whether Python could read an integer; what it calls next then fails.
        why = exc if isinstance(exc, ValueError) else "a number in it has thousands of digits"
        raise ValueError(f"{where} is broken: {why}") from exc
    if entries and not sockets:
        reading.left_out["HTTP requests"] += entries
    yield from newest.records()


class Newest:
    """The newest records of a file that holds them in another order, within a reader's bounds."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._heap: list[tuple[bool, float, int, int, Entry]] = []
        self._added = self._frames = self._others = self._size = 0

    def add(self, entry: Entry, *, number: int = 0, rank: int = 1) -> None:
        """Add an entry with the number that it keeps, or with 0, to be ordered by its time.

        The rank orders those of the same time.
        """
        self._added += 1
        heappush(self._heap, (not number, number or entry[0], rank, self._added, entry))
        self._count(entry, 1)
        bounds = self._reading
        while (
            self._frames > bounds.max_frames
            or self._others > bounds.max_frames
            or self._size > bounds.max_bytes
        ):
            oldest = heappop(self._heap)[4]
            self._count(oldest, -1)
            bounds.older += 1
            bounds.older_frames += oldest[2] is not None

    def _count(self, entry: Entry, sign: int) -> None:
        is_other = entry[2] is None
        self._frames += sign * (not is_other)
        self._others += sign * is_other
        self._size += sign * weight(entry[4], entry[7])

    def records(self) -> Iterator[Record]:
        """Yield the records in their order, and forget them."""
        last = 0
        while self._heap:
            by_time, number, _, _, entry = heappop(self._heap)
            if not by_time and number <= last:
                raise ValueError(f"two records of the HAR file have the number {last}")
            last = last + 1 if by_time else int(number)
            yield from expand(entry, last)


def add_records(values: JsonValues, newest: Newest) -> None:
    """Add the records of a list in the form of JSON Lines."""
    for position, _ in enumerate(values.items(), start=1):
        try:
            record = jsonl.from_values(values.value())
        except ValueError as exc:
            raise ValueError(f'item {position} of "_records": {exc}') from exc
        newest.add(entry_of(record), number=record.number)


def add_entry(values: JsonValues, newest: Newest, connection: int) -> bool:
    """Add the records of an entry, and return whether it is a WebSocket's."""
    entry: dict[str, Any] = {}
    has_records = False
    times: list[float] = []  # the first message's
    untimed: list[Any] = []
    count = 0
    for name in values.members():
        if name == "_records":
            has_records = True
            add_records(values, newest)
        elif name in MESSAGE_LISTS and not has_records:
            entry[name] = True
            for _ in values.items():
                count += 1
                try:
                    message = Message.of(values.value())
                except ValueError as exc:
                    raise ValueError(f"message {count}: {exc}") from exc
                if message.time is None:
                    untimed.append(message)
                else:
                    times = [min([message.time, *times])]
                    newest.add(message.entry(message.time, connection))
                if len(untimed) > MAX_UNTIMED:
                    raise ValueError(f"more than {MAX_UNTIMED:,} messages without a time")
        elif name in FIELDS:
            entry[name] = values.value()
        else:
            values.skip()
    if has_records:
        return True
    status = checked(part(entry, "response"), "status", int, 0)
    is_socket = entry.get("_resourceType") == "websocket" or status == 101
    if not is_socket and not any(name in entry for name in MESSAGE_LISTS):
        return False
    start = min([start_of(entry), *times])
    for record in handshake_of(entry, status, start, connection):
        newest.add(entry_of(record), rank=0)
    for message in untimed:
        newest.add(message.entry(start, connection))
    return True


class Message(NamedTuple):
    """A message of an entry; the time is None when it is not one since the epoch."""

    time: float | None
    kind: str
    opcode: int
    data: str

    @classmethod
    def of(cls, values: object) -> Message:
        """Return the message of an object in Chrome's form, or raise `ValueError`."""
        if not isinstance(values, dict):
            raise ValueError(f"it is not an object but {jsonl.brief(values)}")
        kind = checked(values, "type", str)
        time = checked(values, "time", (int, float), -1)
        if kind not in SENDERS and kind != "error":
            raise ValueError(f"\"type\" is {jsonl.brief(kind)}, not 'send' or 'receive'")
        opcode = checked(values, "opcode", int, TEXT)
        if kind != "error" and not 0 <= opcode <= 15:
            raise ValueError(f'"opcode" is {jsonl.brief(opcode)}, not an integer from 0 to 15')
        return cls(since_epoch(time), kind, opcode, checked(values, "data", str, ""))

    def entry(self, time: float, connection: int) -> Entry:
        """Return its entry: a frame of its own, masked with zeros where a client sent it."""
        if self.kind == "error":
            text = f"the browser reports an error: {self.data}"
            notice = NoticeRecord(number=1, time=time, connection=connection, text=text)
            return entry_of(notice)
        sender = SENDERS[self.kind]
        payload = self.data.encode("utf-8", "replace")
        if self.opcode != TEXT:
            try:
                payload = base64.b64decode(payload, validate=True)
            except binascii.Error as exc:
                raise ValueError(f'"data" is {jsonl.brief(self.data)}, not base64') from exc
        raw = encode(self.opcode, payload, key=bytes(4) if sender == "client" else None)
        return (time, connection, SIDE, direction_of(sender), raw, 1, "", None)


def since_epoch(time: float) -> float | None:
    """Return a time in seconds: Chrome's are in seconds, others' in thousandths or millionths."""
    for limit, unit in ((10**11, 1), (10**14, 10**3), (10**17, 10**6)):
        if SMALLEST_TIME <= time < limit:
            return jsonl.seconds(time / unit)
    if time < SMALLEST_TIME:
        return None
    raise ValueError(f'"time" is {jsonl.brief(time)}, not a time since the epoch')


def start_of(entry: dict[str, Any]) -> float:
    text = checked(entry, "startedDateTime", str)
    try:
        date = datetime.fromisoformat(text)
        return jsonl.seconds((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as exc:
        message = f'"startedDateTime" is {jsonl.brief(text)}, not a date and time'
        raise ValueError(message) from exc


def handshake_of(
    entry: dict[str, Any], status: int, time: float, connection: int
) -> Iterator[Record]:
    """Yield the records of an entry's opening handshake."""
    request, response = part(entry, "request"), part(entry, "response")
    url = urlsplit(checked(request, "url", str))
    address = checked(entry, "serverIPAddress", str, "").strip("[]") or url.hostname or ""
    port = url.port or (443 if url.scheme in ("wss", "https") else 80)
    handshake = Handshake(
        connection, f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    )
    target = (url.path or "/") + (url.query and f"?{url.query}")
    method = checked(request, "method", str, "GET")
    yield handshake.head("client", head_of(f"{method} {target} HTTP/1.1", request), time)
    if not status:
        return
    if not 100 <= status <= 999:
        raise ValueError(f'"status" is {jsonl.brief(status)}, not an HTTP status')
    head = head_of(f"HTTP/1.1 {status} {checked(response, 'statusText', str, '')}", response)
    yield handshake.head("server", head, time)
    if status == 101:
        yield handshake.opened(head, time)
    else:
        yield ClosedRecord(number=1, time=time, connection=connection, side=SIDE, status=status)


def head_of(start_line: str, part: dict[str, Any]) -> bytes:
    lines = [start_line]
    for header in checked(part, "headers", list, []):
        if not isinstance(header, dict):
            raise ValueError(f'"headers" holds {jsonl.brief(header)}, not an object')
        name = checked(header, "name", str)
        if not name.startswith(":"):  # of HTTP/2
            lines.append(f"{name}: {checked(header, 'value', str, '')}")
    clean = [LINE_END.sub(" ", line) for line in lines]
    return "\r\n".join([*clean, "", ""]).encode("latin-1", "replace")


def part(entry: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = checked(entry, name, dict, {})
    return found


def checked(values: dict[str, Any], name: str, wanted: Any, default: Any = None) -> Any:
    """Return a field of an object; raise `ValueError` if it is missing, or of another type."""
    value = values.get(name, default)
    if value is None:
        value = default
    if not isinstance(value, wanted) or isinstance(value, bool) or value != value:
        raise ValueError(f'"{name}" is {jsonl.brief(value)}, not {TYPES.get(wanted, "a number")}')
    return value
