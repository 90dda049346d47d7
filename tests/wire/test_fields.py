from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.wire.fields import fields
from astra_nb.wire.frames import decode

MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")


def test_the_fields_of_a_masked_text() -> None:
    frame = decode(MASKED_HELLO)
    found = fields(frame)
    assert [(part.name, part.bits(frame), part.start, part.end, part.value) for part in found] == [
        ("FIN", "1", 0, 1, "1"),
        ("RSV1", "0", 0, 1, "0"),
        ("RSV2", "0", 0, 1, "0"),
        ("RSV3", "0", 0, 1, "0"),
        ("opcode", "0001", 0, 1, "0x1 (text)"),
        ("MASK", "1", 1, 2, "1"),
        ("payload length", "0000101", 1, 2, "5"),
        ("masking key", f"{0x37FA213D:032b}", 2, 6, "37 fa 21 3d"),
        ("payload", f"{0x7F9F4D5158:040b}", 6, 11, '"Hello"'),
    ]
    assert [part.section for part in found] == [
        "5.4", "5.2", "5.2", "5.2", "5.6", "5.3", "5.2", "5.3", "5.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "value", "meaning"),
    [
        (b"\x82\x7e\x01\x00", "256", "The payload has 256 bytes."),
        (b"\x82\x7f" + (65536).to_bytes(8, "big"), "65,536", "The payload has 65,536 bytes."),
        (b"\x82\x7e\x01", "01", "Cut: 1 of the 2 bytes of the length are there."),
        (b"\x82\xff\0\0\0", "00 00 00", "Cut: 3 of the 8 bytes of the length are there."),
    ],
)
def test_the_extended_length(data: bytes, value: str, meaning: str) -> None:
    (part,) = (part for part in fields(decode(data)) if part.name == "extended payload length")
    assert (part.value, part.meaning) == (value, meaning)
    assert part.start == 2


def test_a_cut_key_and_a_cut_payload_say_so() -> None:
    assert fields(decode(MASKED_HELLO[:4]))[-1].meaning == (
        "Cut: 2 of the 4 bytes of the key are there."
    )
    assert fields(decode(MASKED_HELLO[:8]))[-1].meaning == (
        "Cut: 2 of 5 bytes of the payload are there."
    )


@pytest.mark.parametrize(
    ("first", "fin"),
    [
        (0x81, "This frame is a whole message."),
        (0x80, "This is the last frame of its message."),
        (0x01, "More frames of this message follow."),
        (0x89, "A control frame is never fragmented."),
    ],
)
def test_what_fin_means(first: int, fin: str) -> None:
    assert fields(decode(bytes([first, 0])))[0].meaning == fin


@given(st.binary(min_size=1, max_size=60))
def test_the_fields_cover_every_bit_once(data: bytes) -> None:
    frame = decode(data)
    found = fields(frame)
    assert found[0].first_bit == 0
    for part, following in pairwise(found):
        assert following.first_bit == part.first_bit + part.bit_count
    assert found[-1].first_bit + found[-1].bit_count == len(frame.raw) * 8
    bits = "".join(part.bits(frame) for part in found)
    assert bits == "".join(f"{byte:08b}" for byte in frame.raw)
