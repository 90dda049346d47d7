from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from astra_nb.log import records
from astra_nb.log.records import ClosedRecord, FrameRecord, HandshakeRecord, handshake_record
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.messages import CloseFrame

PING = decode(bytes([0x89, 5, 0, 88, 14, 67, 45]))


def frame_record(**fields: Any) -> FrameRecord:
    given = {"side": "server", "direction": "received", "frame": PING, **fields}
    return FrameRecord(number=7, time=1.5, connection=2, **given)


@pytest.mark.parametrize(
    ("side", "direction", "sender"),
    [
        ("server", "received", "client"),
        ("server", "sent", "server"),
        ("client", "received", "server"),
        ("client", "sent", "client"),
    ],
)
def test_who_sent_it(side: str, direction: str, sender: str) -> None:
    assert frame_record(side=side, direction=direction).sender == sender
    given: Any = {"side": side, "direction": direction}
    record = HandshakeRecord(
        number=1, time=0.0, connection=1, raw=b"", start_line="", headers=(), **given
    )
    assert record.sender == sender


def test_a_frame_record_speaks_for_its_frame() -> None:
    record = frame_record()
    assert (record.kind, record.type, record.payload) == ("frame", "ping", PING.payload)
    assert frame_record(message=b"plain").payload == b"plain"


def test_its_repr_is_one_line_without_a_time() -> None:
    assert repr(frame_record()) == ("<FrameRecord 7: connection 2, received ping, 00 58 0e 43 2d>")
    assert repr(frame_record(verdict="refused: no")) == (
        "<FrameRecord 7: connection 2, received ping, 00 58 0e 43 2d, refused: no>"
    )


def test_it_explains_itself_with_its_sender() -> None:
    shown = frame_record(verdict="refused: not masked\n").explain()
    assert shown.startswith("Frame 7, sent by the client on connection 2\n\n 0  ")
    assert "- A client must mask every frame (section 5.1)." in shown
    assert shown.endswith("\n\nVerdict: refused: not masked\\n")


def test_records_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        frame_record().number = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    ("received", "code"), [(None, 1006), (CloseFrame(1005), 1005), (CloseFrame(4000, "x"), 4000)]
)
def test_the_code_that_this_end_reports(received: CloseFrame | None, code: int) -> None:
    record = ClosedRecord(number=1, time=0.0, connection=1, side="server", received=received)
    assert record.code == code


def test_why_it_closed_is_a_sentence() -> None:
    record = ClosedRecord(
        number=1, time=0.0, connection=1, side="client", first="server",
        sent=CloseFrame(1000), received=CloseFrame(1001, "bye"),
    )  # fmt: skip
    assert record.why_closed == (
        'The server closed first with 1001 (going away), reason "bye"; the client answered with '
        "1000 (normal closure) (RFC 6455, section 7.1.2)."
    )


@pytest.mark.parametrize(
    ("raw", "start_line", "headers", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1", (("Host", "a"),), None),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP/1.1 403 Forbidden", (), 403),
        (b"HTTP/1.1", "HTTP/1.1", (), None),
        (b"HTTP/1.1 4x3", "HTTP/1.1 4x3", (), None),
        (b"HTTP/1.1 \xb2", "HTTP/1.1 \xb2", (), None),
    ],
)
def test_the_record_of_a_head(
    raw: bytes, start_line: str, headers: tuple[tuple[str, str], ...], status: int | None
) -> None:
    record = handshake_record(
        raw=raw, number=3, time=1.0, connection=2, side="server", direction="received"
    )
    assert (record.raw, record.start_line, record.headers) == (raw, start_line, headers)
    assert record.status == status
    assert (record.number, record.connection, record.kind) == (3, 2, "handshake")


@pytest.mark.parametrize("key", [None, b"abcd"])
def test_a_record_with_another_payload_of_its_length(key: bytes | None) -> None:
    record = frame_record(frame=decode(encode(1, b"Hello", key=key)))
    other = record.with_payload(b"World")
    assert other.frame == decode(encode(1, b"World", key=key))
    assert (other.payload, other.message, other.number) == (b"World", None, 7)
    with pytest.raises(ValueError, match=r"^a payload of 4 bytes cannot replace one of 5: "):
        record.with_payload(b"four")


def test_a_compressed_record_with_another_payload() -> None:
    frame = decode(encode(1, b"\x12\x34", rsv=4, key=b"abcd"))
    other = frame_record(frame=frame, message=b"Hello").with_payload(b"World")
    assert (other.payload, other.message) == (b"World", b"World")
    assert other.frame == decode(encode(1, bytes(2), rsv=4, key=b"abcd"))


def test_a_record_that_is_made_on_the_short_way_is_the_same() -> None:
    frame = decode(b"\x81\x02Hi")
    made = records.frame_record(3, 1.5, 2, "server", "sent", frame, "raw bytes", b"plain")
    assert made == FrameRecord(
        number=3,
        time=1.5,
        connection=2,
        side="server",
        direction="sent",
        frame=frame,
        verdict="raw bytes",
        message=b"plain",
    )
    assert hash(made) == hash(replace(made))
