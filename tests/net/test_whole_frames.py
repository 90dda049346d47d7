"""Frames that are just a message are taken apart; all else is left as it is."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.net.whole_frames import LONG, plain_frame_length, take_messages
from astra_nb.wire.messages import Message
from tests.conformance.octets import frame, mask_all

HELLO = frame(1, b"Hello")
LENGTHS = [0, 1, 125, 126, LONG - 1, LONG, 65535, 65536]
# What is not just a message, or not by itself.
OTHERS = [
    frame(9, b"ping"),
    frame(10),
    frame(8, b"\x03\xe8"),
    frame(1, b"begun", fin=False),
    frame(0, b"ended"),
    frame(3, b"reserved"),
    frame(1, b"compressed", rsv=4),
    frame(1, b"\xff"),  # not UTF-8
    b"\x81\x7e\x00\x05Hello",  # a length that is too long
    b"\x82\x7f" + (65535).to_bytes(8, "big") + b"x" * 65535,
    frame(2, b"x" * 200_001),  # over the limit
]


def wire(data: bytes, masked: bool) -> bytes:
    return mask_all(data) if masked else data


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", LENGTHS)
def test_texts_and_bytes_of_every_form_of_length(masked: bool, length: int) -> None:
    data = wire(frame(1, b"t" * length) + frame(2, b"\xff" * length), masked)
    messages, end = take_messages(data, 0, masked, length)
    assert messages == [Message("text", "t" * length), Message("bytes", b"\xff" * length)]
    assert [type(message.value) for message in messages] == [str, bytes]
    assert end == len(data)
    assert take_messages(b"before" + data, 6, masked, inf) == (messages, len(data) + 6)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("other", OTHERS)
def test_anything_else_is_left_with_what_comes_after_it(masked: bool, other: bytes) -> None:
    data = wire(HELLO + other + HELLO, masked)
    end = len(wire(HELLO, masked))
    assert take_messages(data, 0, masked, 200_000) == ([Message("text", "Hello")], end)
    assert take_messages(data, end, masked, 200_000) == ([], end)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_wrong_masking_is_left(masked: bool, length: int) -> None:
    data = wire(frame(2, b"x" * length), not masked)
    assert take_messages(data, 0, masked, inf) == ([], 0)
    assert plain_frame_length(data, 0, masked, inf) == 0


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_that_is_cut_is_left_and_its_length_known_with_its_header(
    masked: bool, length: int
) -> None:
    data = wire(frame(2, b"x" * length), masked)
    header = len(data) - length - (4 if masked else 0)
    for cut in range(1, min(len(data), 20)):
        assert take_messages(HELLO + data[:cut], len(HELLO), masked, inf) == ([], len(HELLO))
        known = len(data) if cut >= header else 0
        assert plain_frame_length(HELLO + data[:cut], len(HELLO), masked, inf) == known
        assert plain_frame_length(data[:cut], 0, masked, length - 1) == 0


@pytest.mark.parametrize("other", [other for other in OTHERS if other != frame(1, b"\xff")])
def test_a_frame_that_will_not_be_just_a_message_has_no_length(other: bytes) -> None:
    assert plain_frame_length(other[:12], 0, False, 200_000) == 0


@given(data=st.binary(max_size=40), masked=st.booleans())
def test_any_bytes_are_taken_or_left(data: bytes, masked: bool) -> None:
    messages, end = take_messages(data, 0, masked, inf)
    assert bool(messages) == (end > 0)
    assert end <= len(data)
    assert take_messages(data[:end], 0, masked, inf) == (messages, end)
    if end < len(data):
        plain_frame_length(data, end, masked, inf)
