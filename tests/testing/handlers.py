"""Handlers and logs that several tests of expectations need."""

from __future__ import annotations

from astra_nb import FrameLog, WebSocket
from astra_nb.wire.frames import encode
from astra_nb.wire.opcodes import BINARY, TEXT


def echo_back(socket: WebSocket) -> None:
    for message in socket:
        if message.type in ("text", "bytes"):
            socket.send(message.type, message.value)
        elif message.type == "ping":
            socket.send_close(1008, "no pings")


def log_of(*payloads: bytes) -> FrameLog:
    log = FrameLog()
    for payload in payloads:
        log.append_frames(1, "server", "sent", encode(TEXT, payload), 1)
    log.append_frames(1, "server", "sent", encode(BINARY, b"\x00X\x0eC-"), 1)
    return log
