"""Messages in fragments are redacted whole, wherever their fragments are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.log import FrameLog
from astra_nb.log import fragments as module
from astra_nb.log.entries import Block, Entry
from astra_nb.log.payload_redaction import Redact, hide_connection_init, redacted_fragments
from astra_nb.log.records import Direction, FrameRecord, Record
from astra_nb.log.snapshot import Snapshot
from astra_nb.wire.frames import encode

from .samples import PING, numbers


def fragmented(*fragments: bytes, first: int = 1, redact: Redact) -> Snapshot:
    """A whole message and fragments, each an entry between frames of another connection."""
    other: Entry = (1.0, 2, "server", "sent", encode(0, b"-", fin=False), 1, "", None)
    entries: list[Entry] = []
    for fragment in (encode(1, b"whole"), *fragments):
        entries += [(1.0, 1, "server", "sent", fragment + PING, 2, "", None), other]
    half = len(entries) // 2
    numbers = sum(entry[5] for entry in entries[:half])
    blocks = [
        Block(1, numbers, 0, 0, tuple(entries[:half])),
        Block(1 + numbers, sum(entry[5] for entry in entries[half:]), 0, 0, tuple(entries[half:])),
    ]
    return Snapshot(first, blocks, first - 1, 0, 1.0, redact)


# Numbers of their fragments: 4, 7, 10.
PARTS = (encode(1, b"a", fin=False), encode(0, b"b", fin=False), encode(0, b"c"))


@pytest.mark.parametrize(
    ("parts", "first", "asked"),
    [
        (PARTS, 1, {4: (b"abc", 1, True)}),
        (PARTS[:2], 1, {4: (b"ab", 1, False)}),
        (PARTS[1:], 1, {4: (b"bc", 0, True)}),  # there was no beginning
        (PARTS, 5, {7: (b"bc", 0, True)}),  # it was evicted
        ((*PARTS[:2], encode(1, b"d"), PARTS[2]), 1, {4: (b"ab", 1, False), 13: (b"c", 0, True)}),
    ],
)
@pytest.mark.parametrize("after", [0, 4, 7, 8])
def test_a_message_in_fragments_is_redacted_whole(
    parts: tuple[bytes, ...], first: int, asked: dict[int, tuple[bytes, int, bool]], after: int
) -> None:
    seen: dict[int, tuple[bytes, int, bool]] = {}

    def upper(record: Record) -> Record:
        assert isinstance(record, FrameRecord)
        if record.connection == 1 and record.payload in {each[0] for each in asked.values()}:
            seen[record.number] = (record.payload, record.frame.opcode, record.frame.fin)
            return record.with_payload(record.payload.upper())
        return record

    snapshot = fragmented(*parts, first=first, redact=upper)
    plain = list(snapshot._replace(redact=None).records(after))
    records = list(snapshot.records(after))
    assert numbers(records) == numbers(plain)
    for was, record in zip(plain, records, strict=True):
        assert isinstance(was, FrameRecord)
        assert isinstance(record, FrameRecord)
        hidden = was.connection == 1 and len(was.payload) == 1 and was.payload != b"d"
        assert record.payload == (was.payload.upper() if hidden else was.payload)
    assert seen.items() <= asked.items()


def test_fragments_of_one_run_whose_first_was_evicted_are_redacted_together() -> None:
    def upper(record: Record) -> Record:
        assert isinstance(record, FrameRecord)
        return record.with_payload(record.payload.upper())

    parts = [encode(1, b"a", fin=False), encode(0, b"b", fin=False), encode(0, b"c")]
    entry: Entry = (1.0, 1, "server", "sent", b"".join(parts), 3, "", None)
    snapshot = Snapshot(2, [Block(1, 3, 0, 9, (entry,))], 1, 3, 1.0, upper)
    for after in (0, 2):
        shown = [record for record in snapshot.records(after) if isinstance(record, FrameRecord)]
        assert [record.payload for record in shown] == [b"B", b"C"][-len(shown) :]


def test_only_so_many_frames_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_JOINED", 4)
    asked: list[bytes] = []

    def look(record: Record) -> Record:
        assert isinstance(record, FrameRecord)
        asked.append(record.payload)
        return record

    snapshot = fragmented(PARTS[0], *[PARTS[1]] * 6, PARTS[2], redact=look)
    next(snapshot.records(18))
    assert asked == [b"bbb"]  # PING frames count, so one more each way


def lengthened(record: Record) -> Record:
    """Return a record each byte of whose payload is the length of its message."""
    assert isinstance(record, FrameRecord)
    return record.with_payload(bytes([len(record.payload) % 256]) * len(record.payload))


@st.composite
def logs(draw: st.DrawFn) -> FrameLog:
    log = FrameLog(redact=None, max_frames=draw(st.integers(5, 40)))
    payloads = st.sampled_from([b"", b"a", b"bc", b'{"type":"connection_init",', b'"payload":1}'])
    opcodes = st.sampled_from([0, 0, 1, 9])
    for _ in range(draw(st.integers(0, 10))):
        run = draw(st.lists(st.tuples(opcodes, payloads, st.booleans()), min_size=1, max_size=5))
        data = b"".join(
            encode(opcode, payload, fin=fin or opcode == 9) for opcode, payload, fin in run
        )
        direction: Direction = draw(st.sampled_from(["received", "sent"]))
        log.append_frames(draw(st.integers(1, 2)), "server", direction, data, len(run))
        if draw(st.booleans()):
            len(log)  # numbers what is there: blocks of several sizes
    return log


def one_by_one(log: FrameLog, redact: Redact) -> list[Record]:
    """Redact all records, each message under way kept in a list."""
    shown: dict[int, Record] = {}
    open_messages: dict[tuple[int, Direction], list[FrameRecord]] = {}

    def end(key: tuple[int, Direction]) -> None:
        if message := open_messages.pop(key, []):
            shown.update((each.number, each) for each in redacted_fragments(redact, message))

    for record in log:
        assert isinstance(record, FrameRecord)
        key, frame = (record.connection, record.direction), record.frame
        if frame.opcode == 9 or (frame.opcode and frame.fin):
            shown[record.number] = redact(record)
            if frame.opcode != 9:
                end(key)
            continue
        if frame.opcode:
            end(key)
        open_messages.setdefault(key, []).append(record)
        if frame.fin:
            end(key)
    for key in list(open_messages):
        end(key)
    return [shown[number] for number in sorted(shown)]


@given(
    log=logs(), redact=st.sampled_from([lengthened, hide_connection_init]), after=st.integers(0, 50)
)
def test_the_same_as_message_by_message(log: FrameLog, redact: Redact, after: int) -> None:
    expected = one_by_one(log, redact)
    log.redact = redact
    assert list(log) == expected
    assert log.since(after) == [each for each in expected if each.number > after]
