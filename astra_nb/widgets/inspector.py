"""Everything about one record for the inspector, apart from its payload."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from astra_nb.log import FrameLog
from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    Record,
)
from astra_nb.log.table import details
from astra_nb.wire import close_codes
from astra_nb.wire.explain import accept_steps, fields, problems
from astra_nb.wire.handshake import explain_headers
from astra_nb.wire.text import visible

from .log_rows import is_error
from .marks import Connection
from .payload_pages import WIRE_PAGE, bad_bytes, message_of, payload_of

__all__ = ["describe"]

FRAGMENTS = 12  # of a message whose numbers are named
TEXT = 16_384  # characters of other texts
CHAIN = 12  # records of a connection's end
BEFORE_END = 400  # records before the end that are looked through for it


def describe(log: FrameLog, record: Record, connection: Connection | None) -> dict[str, Any]:
    """Describe a record as JSON; the payload comes apart, in pages."""
    payload, _ = payload_of(log, record)
    content: dict[str, Any] = {
        "number": record.number,
        "handshake": handshake(log, connection),
        "why": why(log, record, connection),
    }
    if isinstance(record, FrameRecord):
        content["frame"] = describe_frame(record)
        content["whole"] = whole_message(log, record)
    elif isinstance(record, HandlerErrorRecord):
        content["sentence"] = visible(record.summary, TEXT)
    elif (sentence := details(record)).encode() not in payload:
        content["sentence"] = sentence
    return content


def describe_frame(record: FrameRecord) -> dict[str, Any]:
    frame, close = record.frame, record.frame.close
    row = None if close is None else close_codes.CLOSE_CODES.get(close.code)
    return {
        "type": frame.type,
        "masked": frame.masked,
        "size": len(frame.raw),
        "header_length": frame.header_length,
        "verdict": visible(record.verdict),
        "changed": record.message is not None,
        "bad": bad_bytes(record),
        "raw": frame.raw[:WIRE_PAGE].hex(),
        "close": None
        if close is None
        else {
            "code": close.code,
            "name": close_codes.name(close.code),
            "meaning": "" if row is None else row.meaning,
            "reason": visible(close.reason),
        },
        "fields": [asdict(field) for field in fields(frame)],
        "problems": problems(frame, record.sender, extended=record.message is not None),
    }


def whole_message(log: FrameLog, record: Record) -> dict[str, Any] | None:
    found = message_of(log, record)
    if found is None:
        return None
    data, type, numbers = found
    return {
        "type": type, "count": len(numbers), "numbers": numbers[:FRAGMENTS], "size": len(data),
    }  # fmt: skip


def handshake(log: FrameLog, connection: Connection | None) -> list[dict[str, Any]]:
    """Describe request and response of a connection, as far as they are in the log."""
    heads = [log.find(number) for number in connection.head if number] if connection else []
    key, shown = "", []
    for head in heads:
        if not isinstance(head, HandshakeRecord):
            continue
        notes = explain_headers(head.start_line, head.headers)
        for note in notes if head.status is None else ():
            key = note.value if note.name.lower() == "sec-websocket-key" else key
        steps = accept_steps(key) if key and head.status == 101 else []
        shown.append({
            "start_line": visible(head.start_line, TEXT),
            "headers": [
                {
                    "name": visible(note.name, TEXT),
                    "value": visible(note.value, TEXT),
                    "meaning": f"{note.meaning} ({note.section})" if note.section else note.meaning,
                }
                for note in notes
            ],
            "steps": [(step, visible(value)) for step, value in steps],
        })  # fmt: skip
    return shown


def why(log: FrameLog, record: Record, connection: Connection | None) -> dict[str, Any] | None:
    """Describe how a record's connection ended, or what is wrong with the record; else None."""
    end = log.find(connection.end) if connection and connection.end else None
    if not isinstance(end, ClosedRecord):
        if not is_error(record):
            return None
        chain = [record]
        sentence = details(record)
    else:
        before = max(end.number - 1 - BEFORE_END, 0)
        chain = [
            each
            for each in log.between(before, end.number)
            if each.connection == end.connection
            and (is_error(each) or each.kind == "closed" or getattr(each, "type", "") == "close"
                 or getattr(each, "verdict", ""))
        ][-CHAIN:]  # fmt: skip
        sentence = end.why_closed
    return {
        "sentence": sentence,
        "chain": [
            {
                "number": each.number,
                "bad": is_error(each),
                "text": f"{getattr(each, 'direction', '')} {getattr(each, 'type', each.kind)}: "
                f"{details(each)}".strip(),
                "notes": notes(each),
                "time": each.time,
            }
            for each in chain
        ],
    }


def notes(record: Record) -> list[str]:
    if isinstance(record, FrameRecord):
        bad = bad_bytes(record)
        return [*problems(record.frame, record.sender, extended=record.message is not None),
                *([bad["sentence"]] if bad else [])]  # fmt: skip
    return []
