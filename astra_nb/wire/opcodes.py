"""Opcodes (RFC 6455, section 5.2) and the names of the frame types."""

from __future__ import annotations

from typing import Literal

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "TYPES", "FrameType"]

FrameType = Literal["text", "bytes", "continuation", "ping", "pong", "close", "reserved"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

TYPES: dict[int, FrameType] = {
    CONTINUATION: "continuation",
    TEXT: "text",
    BINARY: "bytes",
    CLOSE: "close",
    PING: "ping",
    PONG: "pong",
}
