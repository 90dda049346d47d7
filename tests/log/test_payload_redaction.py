"""What a log hides before anyone reads it: the default, another function, and one that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from astra_nb.log import FrameLog
from astra_nb.log.payload_redaction import hide_connection_init, redacted
from astra_nb.log.records import FrameRecord, NoticeRecord, Record
from astra_nb.wire.frames import encode

from .samples import HELLO, conversation

SECRET = "s3cr3t-7f9c"
INIT = '{"type":"connection_init","payload":{"Authorization":"Bearer s3cr3t-7f9c"}}'
KEY = b"\x01\x02\x03\x04"


def log_of(
    payload: str, *, key: bytes | None = KEY, message: bool = False, **options: Any
) -> FrameLog:
    log = FrameLog(**options)
    data, sent = payload.encode(), b"\x12\x34" if message else payload.encode()
    frame = encode(1, sent, key=key, rsv=4 if message else 0)
    log.append_frames(1, "server", "received", frame, 1, "", (data,) if message else None)
    return log


def shown(log: FrameLog) -> str:
    (record,) = log
    assert isinstance(record, FrameRecord)
    assert log.wait_for(timeout=1) == log.find(1) == log.since(0)[0] == record
    loaded = FrameLog.from_jsonl(log.to_jsonl())
    loaded.redact = log.redact
    again = list(loaded)
    assert again == [record]
    raw = (record.frame.raw, record.payload, record.frame.payload)
    texts = (log.text(), log.html(), log.to_jsonl(), log.sequence(), repr(again), record.explain())
    return "".join(map(repr, (*raw, *texts)))


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("message", [False, True])
@pytest.mark.parametrize(
    "payload",
    [
        INIT,
        INIT.replace(":", " : ").replace(",", " , "),
        '{"payload":{"token":"s3cr3t-7f9c"},"type":"connection_init"}',
        '{"id":"s3cr3t-7f9c","type":"connection_init","payload":{}}',
        '{"type":"connection_init","payload":"s3cr3t-7f9c',
    ],
)
def test_what_a_connection_init_carries_is_hidden(
    payload: str, message: bool, key: bytes | None
) -> None:
    log = log_of(payload, key=key, message=message)
    found = shown(log)
    assert SECRET not in found
    assert SECRET.encode().hex() not in found
    (record,) = log
    assert isinstance(record, FrameRecord)
    assert len(record.payload) == len(payload)
    assert b"connection_init" in record.payload
    assert record.frame.complete
    assert SECRET in shown(log_of(payload, key=key, message=message, redact=None))


def test_how_a_hidden_message_reads() -> None:
    (record,) = log_of('{"type":"connection_init","payload":{"a":1}}')
    assert isinstance(record, FrameRecord)
    assert record.payload == b'{"type":"connection_init"' + b"*" * 19
    assert hide_connection_init(record) is record


@pytest.mark.parametrize(
    "payload",
    [
        "Hello",
        '{"type":"connection_init"}',
        '{"type":"connection_ack","payload":{"a":1}}',
        '{"type":"subscribe","payload":{"query":"connection_init"}}',
    ],
)
def test_other_messages_are_shown_as_they_are(payload: str) -> None:
    (record,) = log_of(payload)
    assert isinstance(record, FrameRecord)
    assert record.payload == payload.encode()


def test_other_records_are_shown_as_they_are() -> None:
    for record in conversation():
        assert hide_connection_init(record) is record


def test_a_function_of_ones_own_is_asked_when_someone_reads() -> None:
    asked: list[int] = []

    def stars(record: Record) -> Record:
        asked.append(record.number)
        if isinstance(record, FrameRecord):
            return record.with_payload(b"*" * len(record.payload))
        return replace(record, text="hidden") if isinstance(record, NoticeRecord) else record

    log = FrameLog(redact=stars)
    log.append_frames(1, "server", "sent", HELLO, 1)
    log.append(0, NoticeRecord, text=SECRET)
    assert asked == []
    assert "*****" in log.text()
    assert "Hello" not in log.text()
    assert "hidden" in log.to_jsonl()
    assert SECRET not in log.to_jsonl()
    assert set(asked) == {1, 2}
    log.redact = None
    assert log.redact is None
    assert "Hello" in log.text()
    assert log.filter(text=SECRET)[:]


def fails(record: Record) -> Any:
    raise ValueError(SECRET)


def returns_none(record: Record) -> Any:
    return None


def renumbers(record: Record) -> Any:
    return replace(record, number=7)


@pytest.mark.parametrize(
    ("redact", "why"),
    [
        (fails, "raised ValueError"),
        (returns_none, "returned a NoneType"),
        (renumbers, "returned another number"),
    ],
)
def test_a_record_for_which_the_function_fails_is_hidden(
    redact: Callable[[Record], Any], why: str
) -> None:
    log = log_of(SECRET, redact=redact)
    (record,) = log
    assert isinstance(record, NoticeRecord)
    assert record.text == f"this record is hidden, because the log's redact function {why}"
    assert (record.number, record.connection) == (1, 1)
    assert SECRET not in log.text() + log.to_jsonl()
    assert redacted(lambda each: each, record) is record
