"""HAR files (HTTP Archive 1.2) in the form that Chrome gives them.

A connection is an entry. `_webSocketMessages` are its messages, as in Chrome;
`_webSocketControlFrames` and `_webSocketClose` tell what Chrome leaves out, and `_records` holds
every record as in JSON Lines, from which a file of this package is read again.
`docs/recordings.md` describes them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from astra_nb.log import LogView, joiner
from astra_nb.log.records import ClosedRecord, HandshakeRecord, OpenedRecord, Record
from astra_nb.wire.opcodes import BINARY, TEXT

from . import jsonl
from .handshakes import field

__all__ = ["write_file"]

OPENING = '{"log": {"version": "1.2", "creator": {"name": "astra_nb", "version": ""}, "pages": [], '
UNKNOWN = dict.fromkeys(("blocked", "dns", "ssl", "connect"), -1)


def write_file(view: LogView, file: BinaryIO) -> None:
    """Write the records of a view as a HAR file."""
    connections: dict[int, list[Record]] = {}
    for record in view:
        connections.setdefault(record.connection, []).append(record)
    file.write(f'{OPENING}"_records": ['.encode())
    _write_list(file, map(jsonl.to_line, connections.pop(0, [])))
    file.write(b'], "entries": [')
    for position, records in enumerate(connections.values()):
        file.write(b",\n" if position else b"\n")
        file.write(b'{"_records": [\n')  # first: who reads them passes over the messages
        _write_list(file, map(jsonl.to_line, records))
        file.write(f"], {json.dumps(entry_of(records))[1:]}".encode())
    file.write(b"]}}\n")


def _write_list(file: BinaryIO, lines: Iterable[str]) -> None:
    for position, line in enumerate(lines):
        file.write((f",{line}" if position else line).encode())


def entry_of(records: list[Record]) -> dict[str, Any]:
    """Return the entry of one connection, without its `_records`."""
    heads: dict[str, HandshakeRecord] = {}
    for record in records:
        if record.kind == "handshake":
            heads[record.sender] = record  # the last ones: those before are a proxy's
    request, response = heads.get("client"), heads.get("server")
    opened = next((each for each in records if each.kind == "opened"), None)
    closed = next((each for each in records if each.kind == "closed"), None)
    first, last = records[0].time, records[-1].time
    messages = joiner.join(records)
    control = [
        message_of(each.sender, each.time, each.frame.opcode, each.payload)
        for each in records
        if each.kind == "frame" and each.frame.is_control and not each.verdict
    ]
    return {
        "_resourceType": "websocket",
        "_webSocketMessages": [
            message_of(
                "client" if (each.direction == "sent") == (each.side == "client") else "server",
                each.time,
                TEXT if each.type == "text" else BINARY,
                each.value,
            )
            for each in messages
            if isinstance(each.value, (str, bytes)) and each.type in ("text", "bytes")
        ],
        "_webSocketControlFrames": control,
        "_webSocketClose": None if closed is None else close_of(closed),
        "startedDateTime": datetime.fromtimestamp(first, UTC).isoformat(timespec="milliseconds"),
        "time": max(last - first, 0) * 1000,
        "request": request_of(request, opened),
        "response": response_of(response),
        "cache": {},
        "timings": {**UNKNOWN, "send": 0, "wait": 0, "receive": 0},
        "serverIPAddress": "",
        "connection": str(records[0].connection),
    }


def message_of(sender: str, time: float, opcode: int, value: str | bytes) -> dict[str, Any]:
    data = value if isinstance(value, str) else base64.b64encode(value).decode()
    kind = "send" if sender == "client" else "receive"
    return {"type": kind, "time": time, "opcode": opcode, "data": data}


def close_of(closed: ClosedRecord) -> dict[str, Any]:
    ends = {"client": closed.received, "server": closed.sent}
    if closed.side == "client":
        ends = {"client": closed.sent, "server": closed.received}
    return {
        "first": closed.first,
        **{end: close and asdict(close) for end, close in ends.items()},
        "tcp": closed.tcp,
        "why": closed.why_closed,
    }


def request_of(record: HandshakeRecord | None, opened: OpenedRecord | None) -> dict[str, Any]:
    method, _, rest = ("GET " if record is None else record.start_line).partition(" ")
    path, _, version = rest.partition(" ")
    headers: tuple[tuple[str, str], ...] = () if record is None else record.headers
    host = field(headers, "host")
    if not host and opened is not None and opened.side == "client":
        host = opened.peer
    path = path or ("/" if opened is None else opened.path)
    return {
        "method": method,
        "url": f"ws://{host}{path}",
        "httpVersion": version or "HTTP/1.1",
        "headers": named(headers),
        "queryString": named(parse_qsl(path.partition("?")[2], keep_blank_values=True)),
        "cookies": [],
        "headersSize": -1 if record is None else len(record.raw),
        "bodySize": 0,
    }


def named(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def response_of(record: HandshakeRecord | None) -> dict[str, Any]:
    version, _, rest = ("" if record is None else record.start_line).partition(" ")
    return {
        "status": 0 if record is None or record.status is None else record.status,
        "statusText": rest.partition(" ")[2],
        "httpVersion": version,
        "headers": [] if record is None else named(record.headers),
        "cookies": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": -1 if record is None else len(record.raw),
        "bodySize": -1,
        "_transferSize": 0,
    }
