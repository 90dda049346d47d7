"""Logs and frames that several tests of the log need."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from astra_nb.log import FrameLog, entries
from astra_nb.log.records import (
    CheckRecord,
    ClosedRecord,
    HandlerErrorRecord,
    HandshakeRecord,
    NoticeRecord,
    OpenedRecord,
    OutputRecord,
    Record,
)
from astra_nb.wire.frames import Frame, decode, encode
from astra_nb.wire.messages import CloseFrame
from astra_nb.wire.opcodes import TEXT

HELLO = bytes.fromhex("810548656c6c6f")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")
PING = bytes([0x89, 5, 0, 88, 14, 67, 45])
PONG = bytes([0x8A, 5, 0, 88, 14, 67, 45])
CLOSE = b"\x88\x06\x03\xe8done"


def text_frame(number: int) -> bytes:
    """A frame that says which it is."""
    return encode(TEXT, str(number).encode())


def conversation() -> FrameLog:
    """A log with a record of each kind, as a server keeps it; `checked()` has the last kind."""
    log = FrameLog()
    log.append(0, NoticeRecord, text="listening on ws://127.0.0.1:8080/")
    head = b"GET /chat HTTP/1.1\r\nHost: a\r\n\r\n"
    log.append(
        1,
        HandshakeRecord,
        side="server",
        direction="received",
        raw=head,
        start_line="GET /chat HTTP/1.1",
        headers=(("Host", "a"),),
    )
    log.append(
        1,
        HandshakeRecord,
        side="server",
        direction="sent",
        raw=b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        start_line="HTTP/1.1 101 Switching Protocols",
        headers=(),
        status=101,
    )
    log.append(
        1,
        OpenedRecord,
        side="server",
        peer="127.0.0.1:51324",
        path="/chat",
        subprotocol="chat",
        extensions=("permessage-deflate",),
    )
    log.append(1, OutputRecord, stream="stdout", text="Connection opened!\nsecond line\n")
    log.append_frames(1, "server", "received", MASKED_HELLO, 1)
    log.append_frames(1, "server", "sent", HELLO + PING, 2)
    log.append_frames(
        1, "server", "received", b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 1, "", (b"Hello",)
    )
    log.append(1, HandlerErrorRecord, summary="ValueError: no", traceback="Traceback ...\n")
    log.append_frames(1, "server", "received", b"\x83\x02ab", 1, "refused: reserved opcode")
    log.append_frames(1, "server", "sent", CLOSE, 1)
    log.append(
        1,
        ClosedRecord,
        side="server",
        first="server",
        sent=CloseFrame(1000, "done"),
        tcp="dropped by client",
    )
    return log


def checked() -> FrameLog:
    """A log with what an exercise's check leaves on it."""
    log = FrameLog()
    check = {"exercise": "echo", "title": "Echo", "outcome": "not yet"}
    log.append(0, CheckRecord, **check, misconception="first-only")
    return log


def numbers(records: list[Record]) -> list[int]:
    return [record.number for record in records]


class Decodings:
    """Counts how many frames are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0

        def counting(data: bytes, offset: int = 0) -> Frame:
            self.count += 1
            return decode(data, offset)

        monkeypatch.setattr(entries, "decode", counting)


class in_thread:  # noqa: N801
    """Runs a function in a thread while the block runs, and joins it after."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        context = contextvars.copy_context()

        def run() -> None:
            try:
                self.result = context.run(function)
            except BaseException as exc:  # noqa: BLE001 - handed to the test
                self.error = exc

        self.thread = threading.Thread(target=run)

    def __enter__(self) -> in_thread:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join(10)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
