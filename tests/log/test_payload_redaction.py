"""What a log hides before anyone reads it: the default, another function, and one that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from astra_nb.log import FrameLog, fragments
from astra_nb.log.payload_redaction import hide_connection_init, may_be_redacted, redacted
from astra_nb.log.records import FrameRecord, NoticeRecord, Record
from astra_nb.wire.frames import decode, encode

from .samples import HELLO, PING, conversation

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


def fragmented(*parts: str, end: bool = True, compressed: bool = False, **options: Any) -> FrameLog:
    """A log of one message in fragments, with a ping and another connection between them."""
    log = FrameLog(**options)
    for index, part in enumerate(parts):
        data = part.encode()
        fin = end and index == len(parts) - 1
        frame = encode(0 if index else 1, b"\x12" if compressed else data, fin=fin, key=KEY)
        log.append_frames(1, "server", "received", frame, 1, "", (data,) if compressed else None)
        log.append_frames(1, "server", "received", PING, 1)
        log.append_frames(
            1, "server", "sent", encode(1, b"in", fin=False) + encode(0, b"nocent"), 2
        )
        log.append_frames(2, "server", "received", HELLO * 3, 3)
    return log


def data_frames(log: FrameLog) -> list[FrameRecord]:
    frames = log.filter(connection=1, direction="received", type=["text", "continuation"])
    return [record for record in frames if isinstance(record, FrameRecord)]


def all_shown(log: FrameLog) -> str:
    """What a reader sees of the fragments in every way there is, one by one too."""
    alone = [log.find(record.number) for record in data_frames(log)]
    later = [log.since(record.number - 1)[0] for record in data_frames(log)]
    assert alone == later == data_frames(log)
    texts = [log.text(), log.html(), log.to_jsonl(), log.sequence(), repr(log.messages)]
    return "".join([*texts, *(record.explain() for record in data_frames(log)), repr(alone)])


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("cut", range(1, len(INIT), 4))
def test_a_connection_init_in_fragments_is_hidden_wherever_it_is_cut(
    cut: int, compressed: bool
) -> None:
    log = fragmented(INIT[:cut], INIT[cut:], compressed=compressed)
    shown = "".join(record.payload.decode() for record in data_frames(log))
    assert shown == '{"type":"connection_init"' + "*" * (len(INIT) - 25)
    assert [len(record.payload) for record in data_frames(log)] == [cut, len(INIT) - cut]
    assert "innocent" in repr(log.messages)
    everything = all_shown(log)
    assert all(SECRET[part : part + 5] not in everything for part in range(7))


@pytest.mark.parametrize(
    "payload",
    [
        INIT,
        f" {{ {INIT[1:]}",
        '{"payload":{"token":"s3cr3t-7f9c"},"type":"connection_init"}',
        '{"id":"s3cr3t-7f9c","type":"connection_init","payload":{}}',
    ],
)
@pytest.mark.parametrize("seen", [1, 2, 3, 20, 60])
def test_a_message_under_way_that_may_be_a_connection_init_is_hidden(
    payload: str, seen: int
) -> None:
    log = fragmented(*payload[:seen], end=False)
    shown = "".join(record.payload.decode() for record in data_frames(log))
    assert shown == "*" * min(seen, len(payload))
    assert "s3c" not in all_shown(log)


@pytest.mark.parametrize("seen", [20, 45, 60])
def test_one_that_tcp_cuts_is_hidden(seen: int) -> None:
    start = '{"payload":{"token":"s3cr3t-7f9c"},"type":"connection_init"}'
    log = FrameLog()
    frame = encode(1, start.encode(), key=KEY)
    log.append_frames(1, "server", "received", frame[:seen], 1, "cut: the TCP connection ended")
    (record,) = data_frames(log)
    assert set(record.payload) == {ord("*")}
    assert "s3c" not in all_shown(log)


def test_one_whose_beginning_is_not_on_the_log_any_more_is_hidden() -> None:
    log = fragmented(*INIT)
    log.max_frames = 6 * 10
    assert len(data_frames(log)) < len(INIT)
    assert {record.payload for record in data_frames(log)} == {b"*"}
    assert len(log.find(log.last_number).payload) == 5  # type: ignore[union-attr]


def test_one_in_more_fragments_than_are_looked_through_is_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fragments, "MAX_JOINED", 100)
    log = fragmented(*INIT)
    shown = "".join(record.payload.decode() for record in data_frames(log))
    assert len(shown) == len(INIT)
    assert "s3c" not in shown


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize(
    "parts",
    [
        ("Hel", "lo"),
        ("", "", "Hello"),
        ('{"action":', '"connection_init"', "}"),
        ('{"type":"subscribe","payload":', '{"query":"connection_init"}}'),
        ('["type","payload"', ',"connection_init"]'),
    ],
)
def test_other_messages_in_fragments_are_shown(parts: tuple[str, ...], end: bool) -> None:
    frames = data_frames(fragmented(*parts, end=end))
    assert [record.payload.decode() for record in frames] == list(parts)


def test_one_that_may_have_been_one_is_shown_when_it_turns_out_not_to_be() -> None:
    parts = '{"type":"', 'subscribe","id":"1"}'
    assert data_frames(fragmented(*parts[:1], end=False))[0].payload == b"*" * 9
    shown = [record.payload.decode() for record in data_frames(fragmented(*parts))]
    assert shown == list(parts)


def test_a_continuation_that_was_refused_is_shown() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", encode(0, b"lo"), 1, "refused: nothing to go on")
    log.append_frames(2, "server", "received", encode(1, b"a") + encode(0, b"lo"), 2, "ignored")
    assert [record.payload for record in log if isinstance(record, FrameRecord)] == [
        *(b"lo", b"a", b"lo")
    ]


def test_a_function_of_ones_own_gets_a_message_in_fragments_whole() -> None:
    seen: list[Record] = []

    def stars(record: Record) -> Record:
        seen.append(record)
        if isinstance(record, FrameRecord) and record.payload == b"Hello, you":
            return record.with_payload(b"HELLO, YOU")
        return record

    log = fragmented("Hello", ", ", "you", redact=stars)
    assert [record.payload for record in data_frames(log)] == [b"HELLO", b", ", b"YOU"]
    whole = next(each for each in seen if isinstance(each, FrameRecord) and each.type == "text")
    assert (whole.number, whole.frame.fin, whole.payload) == (1, True, b"Hello, you")
    assert log.find(1) != whole


def shortens(record: Record) -> Record:
    if isinstance(record, FrameRecord) and record.type == "text":
        return replace(record, frame=decode(encode(1, b"H")))
    return record


@pytest.mark.parametrize(
    ("redact", "why"),
    [
        (lambda record: 1 // 0, "raised ZeroDivisionError"),
        (shortens, "returned another length"),
    ],
)
def test_each_fragment_is_hidden_when_the_function_fails(
    redact: Callable[[Record], Any], why: str
) -> None:
    log = FrameLog(redact=redact)
    log.append_frames(1, "server", "sent", encode(1, b"s3c", fin=False) + encode(0, b"r3t"), 2)
    records = list(log)
    assert [record.number for record in records] == [1, 2]
    for record in records:
        assert isinstance(record, NoticeRecord)
        assert record.text == f"this record is hidden, because the log's redact function {why}"


@pytest.mark.parametrize(
    ("payload", "hidden"),
    [
        (INIT.replace("_", "\\u005f"), True),
        (INIT.replace("type", "\\u0074ype"), True),
        (INIT.replace("Bearer", "\\u0042earer"), True),
        ('{"type":"subscribe","payload":{"query":"\\u0041"}}', False),
    ],
)
def test_escapes_of_json_hide_no_connection_init(payload: str, hidden: bool) -> None:
    (record,) = log_of(payload)
    assert isinstance(record, FrameRecord)
    assert record.payload == (b"*" * len(payload) if hidden else payload.encode())


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


def test_a_refused_control_frame_without_fin_is_no_beginning_of_a_message() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "received", bytes.fromhex("08 01 09"), 1, "refused: FIN is 0")
    (record,) = log
    assert isinstance(record, FrameRecord)
    assert record.payload == b"\t"


@pytest.mark.parametrize(
    ("payload", "may_be"),
    [(INIT.encode(), True), (b'{"type":"\\u0063onnection_init"}', True), (b"Hello", False)],
)
def test_what_may_be_redacted_is_known_without_a_record(payload: bytes, may_be: bool) -> None:
    assert may_be_redacted(payload) is may_be


def test_a_function_that_reads_its_own_log_ends() -> None:
    log = log_of("one")
    log.append_frames(1, "server", "received", encode(1, b"two"), 1, "", None)

    def look(record: Record) -> Record:
        str(log)
        return record

    log.redact = look
    assert [record.kind for record in log] == ["frame", "frame"]
    inner: list[str] = []

    def keep(record: Record) -> Record:
        inner.extend(each.text for each in log if isinstance(each, NoticeRecord))
        return record

    log.redact = keep
    assert len(list(log)) == 2
    assert set(inner) == {
        "this record is hidden, because the log's redact function reads the log itself"
    }
