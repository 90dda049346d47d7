"""Frames that pass by are on record, whatever they are, however they are cut."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from astra_nb.log import FrameLog
from astra_nb.log.recorder import FrameRecorder
from astra_nb.log.records import FrameRecord
from astra_nb.net import watching
from astra_nb.net.receiving import CUT
from astra_nb.net.watching import FrameWatch
from astra_nb.wire.frames import encode


class Scene:
    """A watch with a log and what it noted."""

    def __init__(self, inflater: PerMessageDeflate | None = None) -> None:
        self.log = FrameLog(redact=None)
        self.closes: list[bytes] = []
        recorder = FrameRecorder(self.log, 1, "server", "received")
        self.watch = FrameWatch([recorder.record], self.closes.append, inflater)

    @property
    def frames(self) -> list[FrameRecord]:
        return [one for one in self.log if isinstance(one, FrameRecord)]

    def take(self, data: bytes, cut: Callable[[int], int] = lambda left: left) -> None:
        while data:
            size = cut(len(data))
            self.watch.take(data[:size])
            data = data[size:]


@given(
    st.lists(st.tuples(st.integers(0, 15), st.binary(max_size=300), st.booleans()), max_size=12),
    st.integers(1, 700),
)
def test_any_frames_in_any_chunks(parts: list[tuple[int, bytes, bool]], size: int) -> None:
    raws = [encode(a, b, fin=c, rsv=a % 8, key=b"key!" if c else None) for a, b, c in parts]
    scene = Scene()
    scene.take(b"".join(raws), lambda left: min(left, size))
    assert [one.frame.raw for one in scene.frames] == raws
    assert len(scene.closes) == sum(part[0] == 8 for part in parts)
    assert not scene.watch.unfinished()


def test_what_close_frames_say() -> None:
    scene = Scene()
    one = encode(8, b"\x03\xe8bye", key=b"abcd")
    scene.take(one + encode(8))
    scene.take(one[:1])
    assert scene.watch.unfinished() == 1  # at least
    assert scene.watch.unfinished(one[1:]) == len(one) - 1
    scene.take(one[1:])
    assert scene.closes == [b"\x03\xe8bye", b"", b"\x03\xe8bye"]


def test_a_frame_that_breaks_off() -> None:
    scene = Scene()
    scene.take(b"\x81\x05ab")
    scene.watch.end()
    scene.watch.end()
    [one] = scene.frames
    assert (one.frame.raw, one.verdict) == (b"\x81\x05ab", CUT)


def test_a_long_frame_is_kept_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_KEPT", 1000)
    monkeypatch.setattr(watching, "KEPT", 100)
    scene = Scene()
    scene.take(encode(2, bytes(2000)) + encode(1, b"next"), lambda left: min(left, 60))
    long, after = scene.frames
    assert len(long.frame.raw) == 100
    assert "it has 2,004 bytes, of which the first 100 are on record" in long.verdict
    assert after.payload == b"next"


def test_compressed_messages_are_on_record_as_they_are_meant() -> None:
    coder = PerMessageDeflate(False, False, 15, 15)
    parts = [(1, b"hello ", False), (9, b"p", True), (0, b"world", True), (2, b"hello world", True)]
    stream = b""
    for number, (opcode, payload, fin) in enumerate(parts):
        coded = coder.encode(Frame(Opcode(opcode), payload, fin))
        stream += encode(
            opcode,
            bytes(coded.data),
            fin=fin,
            rsv=4 if opcode in (1, 2) else 0,
            key=b"%04d" % number,
        )
    stream += encode(1, b"plain")
    scene = Scene(PerMessageDeflate(False, True, 15, 15))
    scene.take(stream, lambda left: min(left, 7))
    assert [one.message for one in scene.frames] == [
        b"hello ",
        None,
        b"world",
        b"hello world",
        None,
    ]
    assert [one.payload for one in scene.frames][1::3] == [b"p", b"plain"]


def test_after_a_compressed_frame_that_is_not_kept_none_is_decompressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "MAX_KEPT", 1000)
    monkeypatch.setattr(watching, "KEPT", 100)
    coder = PerMessageDeflate(False, False, 15, 15)
    randbytes = Random(0).randbytes
    parts = [randbytes(900) for _ in range(5)]
    parts += [randbytes(2000), parts[3]]
    stream = encode(2, bytes(2000))  # one that is not compressed changes nothing
    for payload in parts:
        stream += encode(2, bytes(coder.encode(Frame(Opcode.BINARY, payload)).data), rsv=4)
    scene = Scene(PerMessageDeflate(False, True, 15, 15))
    scene.take(stream, lambda left: min(left, 60))
    assert [one.message for one in scene.frames] == [None, *parts[:5], None, None]
    assert "not kept" in scene.frames[-2].verdict
    assert "neither it nor what follows can be decompressed" in scene.frames[-1].verdict


def test_what_cannot_be_decompressed_is_said_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(PerMessageDeflate(False, True, 15, 15))
    bad, ping = encode(1, b"\xff\xff\xff", rsv=4), encode(9, b"p")
    scene.take(encode(1, b"a") + bad + ping + encode(2, b"b"))
    assert [bool(one.verdict) for one in scene.frames] == [False, True, False, True]
    assert (
        "neither it nor what follows can be decompressed: decompression failed"
        in scene.frames[1].verdict
    )
    monkeypatch.setattr(watching, "MAX_INFLATED", 10)
    coder = PerMessageDeflate(False, False, 15, 15)
    bomb = bytes(coder.encode(Frame(Opcode.TEXT, bytes(10_000))).data)
    scene = Scene(PerMessageDeflate(False, True, 15, 15))
    scene.take(encode(1, bomb, rsv=4))
    assert "it would be too long" in scene.frames[0].verdict
