"""A filter that makes no records of what cannot match finds the same as one that makes all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.log import FrameLog
from astra_nb.log.criteria import Criteria, criteria
from astra_nb.log.payload_redaction import hide_connection_init
from astra_nb.log.pieces import keep
from astra_nb.log.records import Direction, FrameRecord, NoticeRecord, OpenedRecord, Record
from astra_nb.log.scan import Scan, differences, payload_search
from astra_nb.wire.frames import apply_mask
from tests.conformance.octets import frame, mask_all

SECRET = b'{"type":"connection_init","payload":{"token":"text"}}'
LONGER = b"\x03\xe8a longer text"
HELLO = frame(1, b"Hello")
PAYLOADS = st.one_of(
    st.sampled_from(
        [b"", b"text", "ein Täxt €".encode(), b"bad \xff text", b"\xe2\x82text", SECRET, LONGER]
    ),
    st.binary(max_size=140),
)
TEXTS = st.sampled_from(
    [
        "", "a longer text", "r text xxx", "8 a longer", "1000 a longer", "0 a longer",
        "longer téxt", '"token":"text"', "connection_init", "text", "ä", "€", "\ufffd",
        "\ufffdtext", "\udc80", "1000", "token", "*", "opened",
    ]
)  # fmt: skip


def shout(record: Record) -> Record:
    """Make of each frame another one that a filter may look for."""
    if not isinstance(record, FrameRecord):
        return record
    return replace(record, connection=3, message=b"text", direction="sent")


@st.composite
def logs(draw: st.DrawFn) -> FrameLog:
    log = FrameLog(redact=draw(st.sampled_from([None, hide_connection_init, shout])))
    for _ in range(draw(st.integers(0, 6))):
        connection = draw(st.integers(1, 2))
        direction: Direction = draw(st.sampled_from(["received", "sent"]))
        if draw(st.booleans()) and draw(st.booleans()):
            log.append(connection, NoticeRecord, text="a text")
            continue
        payloads = draw(st.lists(PAYLOADS, min_size=1, max_size=4))
        opcodes = draw(st.lists(st.sampled_from([0, 1, 2, 3, 8, 9, 10]), min_size=4, max_size=4))
        fins = draw(st.lists(st.booleans(), min_size=4, max_size=4))
        data = b"".join(
            frame(opcode, payload, fin=fin)
            for opcode, payload, fin in zip(opcodes, payloads, fins, strict=False)
        )
        if draw(st.booleans()):
            data = mask_all(data)
        messages = None
        if draw(st.integers(0, 3)) == 0:
            messages = tuple(None if draw(st.booleans()) else b"plain text" for _ in payloads)
        count = len(payloads)
        if count == 1 and draw(st.booleans()):
            data = data[: draw(st.integers(1, len(data)))]
        log.append_frames(connection, "server", direction, data, count, "", messages)
    return log


@given(
    log=logs(),
    wanted=st.fixed_dictionaries(
        {},
        optional={
            "text": st.one_of(TEXTS, TEXTS.map(lambda text: re.compile(re.escape(text)))),
            "type": st.sampled_from(["text", "bytes", "close", "reserved", "notice", "ping"]),
            "direction": st.sampled_from(["received", "sent"]),
            "connection": st.integers(1, 3),
            "kind": st.sampled_from(["frame", "notice"]),
        },
    ),
    after=st.integers(0, 8),
)
def test_the_same_records_are_found(log: FrameLog, wanted: dict[str, Any], after: int) -> None:
    matches = criteria(**wanted).matches
    assert list(log.filter(**wanted)) == [record for record in log if matches(record)]
    found = log.filter(**wanted).since(after)
    assert found == [record for record in log.since(after) if matches(record)]


def candidates(wanted: Criteria, *frames: bytes) -> list[int]:
    scan = Scan(wanted, hide_connection_init)
    return [index for index, _ in scan.candidates(b"".join(frames), len(frames), None)]


def test_frames_that_cannot_match_are_not_decoded() -> None:
    frames = [frame(1, b"one text"), frame(2, b"two"), frame(9, b"text"), frame(8, b"\x03\xe8")]
    assert candidates(criteria(), *frames) == [0, 1, 2, 3]
    assert candidates(criteria(type="ping"), *frames) == [2]
    assert candidates(criteria(text="text"), *frames) == [0, 2, 3]  # a close is read otherwise
    assert candidates(criteria(text=re.compile("tw.")), *map(mask_all, frames)) == [1, 3]
    assert candidates(criteria(text="token"), frame(1, SECRET)) == [0]
    assert candidates(criteria(text="*"), frame(1, SECRET), frame(1, b"")) == [0]
    assert candidates(criteria(text="*"), frame(1, b"", fin=False), frame(0), HELLO) == [0, 1]
    for length in (126, 65536):
        assert candidates(criteria(text="end"), frame(2, bytes(length) + b"end"), frames[0]) == [0]


def test_what_is_in_no_frame_of_a_block_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    log = FrameLog()
    for number in range(3):
        data = mask_all(frame(1, b"a longer text %d" % number)) + frame(2, b"another")
        log.append_frames(1, "server", "received", keep(data[:5], data[5:], len(data) - 5), 2)
    looked: list[bytes] = []
    search = Scan.candidates

    def look(self: Scan, data: bytes, *others: Any) -> list[tuple[int, int]]:
        looked.append(data)
        return search(self, data, *others)

    monkeypatch.setattr(Scan, "candidates", look)
    assert [record.number for record in log.filter(text="longer text 1").since(0)] == [3]
    assert len(looked) == 3
    assert log.filter(text="longer text 4").since(0) == []
    assert log.filter(text="different").since(0) == []
    assert len(looked) == 3
    for times, text in enumerate(("ano", "a*******", "1000 another", "another\ufffd"), start=2):
        log.filter(text=text).since(0)
        assert len(looked) == 3 * times


@given(payload=st.binary(max_size=40), key=st.binary(min_size=4, max_size=4))
def test_a_mask_changes_no_difference(payload: bytes, key: bytes) -> None:
    masked = apply_mask(payload, key)
    assert differences(masked)[:-4] == differences(payload)[:-4]
    assert len(differences(payload)) == len(payload)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_frame_that_was_cut_may_match(cut: int) -> None:
    assert candidates(criteria(text="text"), mask_all(frame(2, b"x" * 200))[:cut]) == [0]


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ({}, True),
        ({"connection": 1}, True),
        ({"connection": 2}, False),
        ({"direction": "sent"}, True),
        ({"direction": "received"}, False),
        ({"kind": "frame"}, True),
        ({"kind": "notice"}, False),
        ({"type": "text"}, True),
        ({"type": "notice"}, False),
    ],
)
def test_runs_that_cannot_match_are_not_looked_at(wanted: dict[str, Any], held: bool) -> None:
    scan = Scan(criteria(**wanted), None)
    assert scan.may_hold(1, "sent") is held
    assert Scan(criteria(**wanted), shout).may_hold(1, "sent")


def test_records_other_than_frames_are_judged_by_themselves() -> None:
    scan = Scan(criteria(type="opened", direction="sent"), None)
    assert scan.may_hold(1, None)
    log = FrameLog()
    log.append(1, OpenedRecord, side="server", peer="peer", path="/text")
    assert len(log.filter(text="text", type="opened")) == 1


@pytest.mark.parametrize(
    ("text", "payload", "matches"),
    [("\ufffd", b"bad \xff", True), ("\ufffd", b"good", False), ("ood", b"good", True)],
)
def test_a_replacement_character_is_looked_for_in_the_decoded_text(
    text: str, payload: bytes, matches: bool
) -> None:
    search = payload_search(text)
    assert search is not None
    assert bool(search(payload)) is matches
