"""Log records as binary columns, the form in which batches are sent to the page.

`static/js/columns.js` decodes them. Numbers are in columns of fixed width, little-endian; then all
texts follow in one block of UTF-8.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from astra_nb.log.records import ClosedRecord, FrameRecord, HandlerErrorRecord, Record
from astra_nb.log.rows import details
from astra_nb.wire.text import preview, visible

__all__ = ["encode_columns"]

KINDS = ("frame", "handshake", "opened", "closed", "error", "output", "notice")
TYPES = ("", "text", "bytes", "continuation", "ping", "pong", "close", "reserved")
KIND_NUMBERS = {name: number for number, name in enumerate(KINDS)}
TYPE_NUMBERS = {name: number for number, name in enumerate(TYPES)}

SENT, CLIENT, MASKED, COMPLETE, REFUSED, CHANGED, ENDS = 1, 2, 4, 8, 16, 32, 64

PREVIEW = 120  # characters
NOTE = 400  # characters
CONTROL = frozenset({"ping", "pong"})


def encode_columns(records: Sequence[Record]) -> bytes:
    """Encode records, oldest first."""
    count = len(records)
    lengths, checks, ends = [0] * count, [0] * count, [0] * (2 * count)
    kinds, types, firsts, marks = (bytearray(count) for _ in range(4))
    keys = bytearray(4 * count)
    texts: list[bytes] = []
    end = 0
    for index, record in enumerate(records):
        kinds[index] = KIND_NUMBERS[record.kind]
        mark = 0
        if isinstance(record, FrameRecord):
            frame = record.frame
            types[index] = TYPE_NUMBERS[frame.type]
            firsts[index] = frame.raw[0]
            lengths[index] = frame.payload_length
            if frame.masking_key is not None:
                mark |= MASKED
                keys[4 * index : 4 * index + len(frame.masking_key)] = frame.masking_key
            if frame.complete:
                mark |= COMPLETE
            if record.verdict:
                mark |= REFUSED
            if record.message is not None:
                mark |= CHANGED
            if frame.type in CONTROL:
                checks[index] = zlib.crc32(frame.payload)
            text, note = preview(record.payload, frame.type, PREVIEW), record.verdict
        else:
            text, note = details(record), note_of(record)
        direction = getattr(record, "direction", "")
        if direction:
            mark |= ENDS | (SENT if direction == "sent" else 0)
        if getattr(record, "side", "") == "client":
            mark |= CLIENT
        marks[index] = mark
        for position, part in ((2 * index, text), (2 * index + 1, visible(note[:NOTE]))):
            encoded = part.encode("utf-8", "backslashreplace")
            texts.append(encoded)
            end += len(encoded)
            ends[position] = end
    return b"".join(
        (
            struct.pack(f"<{count}d", *(record.number for record in records)),
            struct.pack(f"<{count}d", *(record.time for record in records)),
            struct.pack(f"<{count}d", *lengths),
            struct.pack(f"<{count}I", *(record.connection for record in records)),
            struct.pack(f"<{count}I", *checks),
            struct.pack(f"<{2 * count}I", *ends),
            kinds,
            types,
            firsts,
            marks,
            keys,
            *texts,
        )
    )


def note_of(record: Record) -> str:
    if isinstance(record, ClosedRecord):
        return record.detail
    if isinstance(record, HandlerErrorRecord):
        return "the traceback is in the inspector"
    return ""
