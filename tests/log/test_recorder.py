"""A tap records the frames of its connection and direction."""

from __future__ import annotations

from astra_nb.log import FrameLog
from astra_nb.log.recorder import FrameRecorder
from astra_nb.log.records import FrameRecord
from tests.conformance.octets import frame


def test_frames_are_recorded_for_their_connection_and_direction() -> None:
    log = FrameLog()
    FrameRecorder(log, 7, "client", "sent").record(frame(1, b"a") + frame(1, b"b"), 2)
    refused = FrameRecorder(log, 8, "server", "received")
    refused.record(frame(2, b"c"), 1, "refused: a test", (b"plain",))
    records = [record for record in log if isinstance(record, FrameRecord)]
    assert [(one.connection, one.side, one.direction) for one in records] == [
        (7, "client", "sent"),
        (7, "client", "sent"),
        (8, "server", "received"),
    ]
    assert [one.payload for one in records] == [b"a", b"b", b"plain"]
    assert [one.verdict for one in records] == ["", "", "refused: a test"]
