"""Frames that nobody reads any more are on record up to a bound, and counted after it."""

from __future__ import annotations

from astra_nb.net.unread_frames import MAX_LATE, LateFrames
from tests.conformance.octets import frame

HELLO = frame(1, b"Hello")


class Late:
    """Late frames, and what is on record of them."""

    def __init__(self, refused_rest: int = 0) -> None:
        self.recorded: list[tuple[bytes, int, str]] = []
        self.tail = bytearray()
        self.frames = LateFrames("ignored: late", refused_rest, self.record)

    def record(self, data: bytes, count: int, verdict: str) -> None:
        self.recorded.append((data, count, verdict))

    def take(self, data: bytes) -> None:
        self.tail += data
        self.frames.take(self.tail)


def test_whole_frames_are_recorded_and_a_cut_one_waits() -> None:
    late = Late()
    late.take(HELLO * 2 + HELLO[:3])
    assert late.recorded == [(HELLO * 2, 2, "ignored: late")]
    assert late.tail == HELLO[:3]
    late.take(HELLO[3:])
    assert late.recorded[1:] == [(HELLO, 1, "ignored: late")]
    late.take(b"")
    assert (len(late.recorded), late.frames.unrecorded) == (2, 0)


def test_the_rest_of_a_refused_frame_is_counted() -> None:
    late = Late(refused_rest=10)
    late.take(b"123")
    late.take(b"4567890" + HELLO)
    assert late.recorded == [(HELLO, 1, "ignored: late")]
    assert late.frames.unrecorded == 10


def test_past_the_bound_nothing_is_recorded_any_more() -> None:
    late = Late()
    late.take(frame(2, bytes(MAX_LATE)))
    late.take(HELLO)
    assert late.recorded == []
    assert late.frames.unrecorded == MAX_LATE + 10 + len(HELLO)
    assert late.tail == b""
