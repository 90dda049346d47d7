"""Everything about one record, for the inspector; bytes are sent in pages, never all at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from astra_nb.log.joiner import JoinedMessage
from astra_nb.log.records import (
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    OutputRecord,
    Record,
)
from astra_nb.log.table import details
from astra_nb.wire import close_codes
from astra_nb.wire.explain import accept_steps, explain, fields, problems
from astra_nb.wire.handshake import explain_headers
from astra_nb.wire.text import hexdump, invalid_utf8, visible, visible_utf8

__all__ = ["PAGE", "describe_record", "is_fragment", "page_of"]

PAGE = 1024  # bytes of a frame that are sent at once
PAYLOAD = 4096  # bytes of a payload that are sent for the text view
FRAGMENTS = 12  # of a message whose numbers are named
TEXT = 16_384  # characters of other texts

Detail = tuple[dict[str, Any], list[bytes]]


def describe_record(record: Record, key: str = "", message: JoinedMessage | None = None) -> Detail:
    """Describe a record as JSON content and binary buffers.

    Args:
        key: For a response, the `Sec-WebSocket-Key` of its request, "" when it is not known.
        message: For a fragment, the whole message, None when it is not known.
    """
    if isinstance(record, FrameRecord):
        frame, buffers = describe_frame(record)
        whole, data = describe_message(message)
        return frame | {"whole": whole}, [*buffers, data]
    if isinstance(record, HandshakeRecord):
        return describe_handshake(record, key)
    content: dict[str, Any] = {"kind": record.kind, "number": record.number, "text": ""}
    if isinstance(record, HandlerErrorRecord):
        content["sentence"] = visible(record.summary, TEXT)
        content["text"] = visible_lines(record.traceback[:TEXT])
    elif isinstance(record, OutputRecord):
        content["text"] = visible_lines(record.text[:TEXT])
    else:
        content["sentence"] = details(record)
    return content, []


def is_fragment(record: Record) -> bool:
    """Return whether a record is a frame that is only a part of a message."""
    if not isinstance(record, FrameRecord):
        return False
    return record.type == "continuation" or (
        record.type in ("text", "bytes") and not record.frame.fin
    )


def describe_message(message: JoinedMessage | None) -> tuple[dict[str, Any] | None, bytes]:
    if message is None or not isinstance(message.value, str | bytes):
        return None, b""
    value = message.value
    is_text = isinstance(value, str)
    data = value.encode("utf-8") if isinstance(value, str) else value
    content = {
        "type": message.type,
        "numbers": message.numbers[:FRAGMENTS],
        "count": len(message.numbers),
        "size": len(data),
        "text": visible_utf8_lines(data[:PAYLOAD]) if is_text else hexdump(data[:PAGE]),
    }
    return content, data[:PAYLOAD]


def describe_frame(record: FrameRecord) -> Detail:
    frame = record.frame
    payload = record.payload
    skip = 2 if frame.type == "close" else 0
    # A fragment may end inside a character, so there only a whole message is judged.
    judged = frame.type in ("text", "close") and frame.fin
    broken = invalid_utf8(payload[skip:]) if judged else None
    close = frame.close
    row = None if close is None else close_codes.CLOSE_CODES.get(close.code)
    content = {
        "kind": "frame",
        "number": record.number,
        "type": frame.type,
        "masked": frame.masked,
        "key": "" if frame.masking_key is None else frame.masking_key.hex(" "),
        "size": len(frame.raw),
        "header_length": frame.header_length,
        "payload_size": len(payload),
        "verdict": visible(record.verdict),
        "changed": record.message is not None,
        "bad_byte": -1 if broken is None else skip + broken[0],
        "bad_reason": "" if broken is None else broken[1],
        "text": visible_utf8_lines(payload[:PAYLOAD]) if frame.type == "text" else "",
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
        "explanation": explain(frame, record.sender, record.message),
    }
    return content, [frame.raw[:PAGE], payload[:PAYLOAD]]


def describe_handshake(record: HandshakeRecord, key: str) -> Detail:
    notes = explain_headers(record.start_line, record.headers)
    if record.status is None:
        key = next((note.value for note in notes if note.name.lower() == "sec-websocket-key"), "")
    content = {
        "kind": "handshake",
        "number": record.number,
        "start_line": visible(record.start_line, TEXT),
        "headers": [
            {
                "name": visible(note.name, TEXT),
                "value": visible(note.value, TEXT),
                "meaning": note.meaning,
                "section": f"section {note.section}" if note.section else "",
            }
            for note in notes
        ],
        "steps": [(step, visible(value)) for step, value in accept_steps(key)] if key else [],
    }
    return content, []


def page_of(record: Record, offset: int, length: int) -> bytes:
    """Return some bytes of a record as they were on the wire."""
    raw = record.frame.raw if isinstance(record, FrameRecord) else getattr(record, "raw", b"")
    return bytes(raw[max(offset, 0) : max(offset, 0) + min(max(length, 0), PAGE)])


def visible_lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def visible_utf8_lines(data: bytes) -> str:
    # Whole characters only: what was cut off for the page is not a fault of the payload.
    return "\n".join(visible_utf8(line) for line in data.split(b"\n"))
