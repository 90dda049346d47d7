"""Streams of frames: right ones, and what tampering makes of them."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from .memory import Side, opening

__all__ = ["Stream", "make_stream"]

TEXTS = (
    b"",
    b"Hello",
    "κόσμε €".encode(),
    "\U0001f680 and \N{SNOWMAN}".encode(),
    b"x" * 125,
    b"x" * 126,
    b"y" * 1000,
    b"z" * 4096,
)
BAD_TEXTS = (b"\xed\xa0\x80", b"cut \xf0\x9f\x92", b"\xff\xfe", b"z" * 4097)
CODES = (*range(999, 1017), 2999, 3000, 3999, 4000, 4999, 5000, 0, 65535)
LENGTHS = (0, 1, 125, 126, 127, 0xFFFF, 0x10000, 2**31, 2**63 - 1, 2**63, 2**64 - 1)


@dataclass(frozen=True)
class Stream:
    """What one connection is fed.

    Attributes:
        side: Which end is fed.
        compressed: Whether permessage-deflate was agreed on.
        head: The opening handshake of the other end.
        chunks: The frames' bytes, cut as TCP may cut them.
    """

    side: Side
    compressed: bool
    head: bytes
    chunks: tuple[bytes, ...]


def make_stream(rng: random.Random) -> Stream:
    """Make a stream; the same state of `rng` gives the same stream."""
    side: Side = "server" if rng.random() < 0.6 else "client"
    compressed = rng.random() < 0.15
    head = opening(side, compressed=compressed)
    if rng.random() < 0.05:
        head = tamper(head, rng)
    data = session(rng, side, compressed)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 1, 2, 3, 8))):
        data = tamper(data, rng)
    if rng.random() < 0.1:
        data += session(rng, side, compressed)
    return Stream(side, compressed, head, tuple(cut(data, rng)))


def session(rng: random.Random, side: Side, compressed: bool) -> bytes:
    """Make frames that mostly follow the rules."""
    masked = side == "server"
    frames = []
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        frames += rng.choice(KINDS)(rng, masked, compressed)
    if rng.random() < 0.5:
        frames.append(close(rng, masked))
    if rng.random() < 0.1:
        rng.shuffle(frames)
    return b"".join(frames)


def frame(
    rng: random.Random, masked: bool, opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0
) -> bytes:
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    length, size = len(payload), 0
    if length >= 65536 or rng.random() < 0.01:
        size = 8
    elif length >= 126 or rng.random() < 0.01:
        size = 2
    if rng.random() < 0.01:
        length, size = rng.choice(LENGTHS), 8
    short = {0: length, 2: 126, 8: 127}[size]
    mask_bit = 0x80 if masked else 0
    header = bytes((first, mask_bit | short)) + (length.to_bytes(size, "big") if size else b"")
    if not masked:
        return header + payload
    key = rng.choice((bytes(4), rng.randbytes(4)))
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return header + key + bytes(a ^ b for a, b in zip(payload, repeated, strict=True))


def text(rng: random.Random) -> bytes:
    return rng.choice(TEXTS if rng.random() < 0.9 else BAD_TEXTS)


def message(rng: random.Random, masked: bool, compressed: bool) -> list[bytes]:
    """Make a message in one frame or in several, now and then with a ping between."""
    opcode, payload, rsv = rng.choice((1, 1, 2)), text(rng), 0
    if compressed and rng.random() < 0.8:
        compress = zlib.compressobj(wbits=-15)
        payload = (compress.compress(payload) + compress.flush(zlib.Z_SYNC_FLUSH))[:-4]
        rsv = 4
    count = rng.choice((1, 1, 1, 2, 3, 6))
    cuts = sorted(rng.randrange(len(payload) + 1) for _ in range(count - 1))
    parts = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    frames = []
    for index, part in enumerate(parts):
        if index and rng.random() < 0.2:
            frames += control(rng, masked, compressed)
        last = index == len(parts) - 1 and rng.random() < 0.95
        if index:
            frames.append(frame(rng, masked, 0, part, fin=last))
        else:
            frames.append(frame(rng, masked, opcode, part, fin=last, rsv=rsv))
    return frames


def control(rng: random.Random, masked: bool, compressed: bool) -> list[bytes]:
    payload = rng.randbytes(rng.choice((0, 1, 5, 125)) if rng.random() < 0.97 else 126)
    return [frame(rng, masked, rng.choice((9, 9, 10)), payload)]


def strange(rng: random.Random, masked: bool, compressed: bool) -> list[bytes]:
    """Make a frame of any opcode, flags and size."""
    payload = rng.randbytes(rng.choice((0, 1, 2, 125, 126, 300)))
    fin, rsv = rng.random() < 0.7, rng.choice((0, 0, 0, 1, 2, 4, 7))
    return [
        frame(rng, masked != (rng.random() < 0.1), rng.randrange(16), payload, fin=fin, rsv=rsv)
    ]


def close(rng: random.Random, masked: bool) -> bytes:
    payload = rng.choice(
        (
            b"",
            b"\x03",
            b"\x03\xe8",
            rng.choice(CODES).to_bytes(2, "big"),
            rng.choice(CODES).to_bytes(2, "big") + text(rng)[:123],
            b"\x03\xe8" + b"r" * 124,
        )
    )
    return frame(rng, masked, 8, payload)


Kind = Callable[[random.Random, bool, bool], list[bytes]]
KINDS: tuple[Kind, ...] = (*[message] * 12, *[control] * 7, strange)


def tamper(data: bytes, rng: random.Random) -> bytes:
    """Change bytes somewhere."""
    if not data:
        return rng.randbytes(3)
    at = rng.randrange(min(len(data), 64) if rng.random() < 0.5 else len(data))
    end = at + rng.choice((1, 1, 2, 4, 8, 64))
    match rng.randrange(8):
        case 0:
            return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        case 1:
            return data[:at] + rng.randbytes(1) + data[at + 1 :]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:at] + data[at:end] + data[at:]
        case 4:
            return data[:at] + rng.randbytes(rng.choice((1, 2, 8))) + data[at:]
        case 5:
            return data[:at]
        case 6:
            other = rng.randrange(len(data))
            return data[:at] + data[other:]
        case _:
            return (
                data[:at] + bytes((rng.choice((0, 0x7E, 0x7F, 0x80, 0xFE, 0xFF)),)) + data[at + 1 :]
            )


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    """Cut a stream as TCP may: not at all, anywhere, or into single bytes."""
    how = rng.random()
    if how < 0.3 or len(data) < 2:
        return [data] if data else []
    if how < 0.4 and len(data) < 400:
        return [data[index : index + 1] for index in range(len(data))]
    places = sorted(rng.randrange(1, len(data)) for _ in range(rng.choice((1, 1, 2, 3, 6))))
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    return [piece for piece in pieces if piece]
