"""Records of one kind, waited for or picked from a log, with their types known."""

from __future__ import annotations

from typing import Any, TypeVar

from astra_nb import FrameLog
from astra_nb.log.records import (
    ClosedRecord,
    FrameRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    OutputRecord,
    Record,
)

R = TypeVar("R")

DEADLINE = 20  # seconds; a machine that does much else is slow


def _of(expected: type[R], record: object) -> R:
    assert isinstance(record, expected), record
    return record


def _wait(log: FrameLog, **criteria: Any) -> Record:
    return log.wait_for(**{"timeout": DEADLINE, **criteria})


def frame(log: FrameLog, **criteria: Any) -> FrameRecord:
    """Wait for a frame."""
    return _of(FrameRecord, _wait(log, **{"kind": "frame", **criteria}))


def frames(log: FrameLog, **criteria: Any) -> list[FrameRecord]:
    """Pick the frames that are there."""
    return [_of(FrameRecord, record) for record in log.filter(kind="frame", **criteria)]


def handshake(log: FrameLog, **criteria: Any) -> HandshakeRecord:
    """Wait for a request or a response."""
    return _of(HandshakeRecord, _wait(log, kind="handshake", **criteria))


def closed(log: FrameLog, **criteria: Any) -> ClosedRecord:
    """Wait for the end of a connection."""
    return _of(ClosedRecord, _wait(log, kind="closed", **criteria))


def output(log: FrameLog, **criteria: Any) -> OutputRecord:
    """Wait for what a handler printed."""
    return _of(OutputRecord, _wait(log, kind="output", **criteria))


def handler_error(log: FrameLog, **criteria: Any) -> HandlerErrorRecord:
    """Wait for what a handler raised."""
    return _of(HandlerErrorRecord, _wait(log, kind="error", **criteria))
