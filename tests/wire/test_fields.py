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


@pytest.mark.parametrize(
    ("data", "meaning"),
    [
        (b"\x81\x01a", "The text, as UTF-8."),
        (b"\x01\x01a", "The beginning of the text, as UTF-8."),
        (b"\x82\x01a", "The payload, any bytes."),
        (b"\x80\x01a", "The payload, any bytes."),
        (b"\xc1\x01a", "The payload, as the extension left it."),
        (b"\x88\x02\x03\xe8", "Two bytes of close code, then the reason as UTF-8."),
    ],
)
def test_what_the_payload_holds(data: bytes, meaning: str) -> None:
    payload = fields(decode(data))[-1]
    assert (payload.name, payload.meaning) == ("payload", meaning)


@pytest.mark.parametrize(
    ("opcode", "value", "meaning", "section"),
    [
        (0x0, "0x0 (continuation)", "This frame continues the message that an earlier", "5.4"),
        (0x1, "0x1 (text)", "A text message begins here; all of it is UTF-8.", "5.6"),
        (0x2, "0x2 (binary)", "A binary message begins here.", "5.6"),
        (0x8, "0x8 (connection close)", "This end asks to close the connection, or ", "5.5.1"),
        (0x9, "0x9 (ping)", "The other end must answer with a PONG frame ", "5.5.2"),
        (0xA, "0xa (pong)", "This answers a PING frame, or is an unsolicited heartbeat.", "5.5.3"),
        (0xB, "0xb (reserved)", "This opcode has no meaning yet; the other end must ", "5.2"),
    ],
)
def test_what_each_opcode_means(opcode: int, value: str, meaning: str, section: str) -> None:
    part = fields(decode(bytes([0x80 | opcode, 0])))[4]
    assert (part.name, part.value, part.section) == ("opcode", value, section)
    assert part.meaning.startswith(meaning)


@pytest.mark.parametrize(
    ("first", "rsv", "meaning"),
    [
        (0x81, 1, "No extension uses this bit."),
        (
            0xC1,
            1,
            "Only an extension can give this bit a meaning. With permessage-deflate: the message "
            "is compressed (RFC 7692).",
        ),
        (0xC9, 1, "Only an extension can give this bit a meaning."),
        (0xA1, 2, "Only an extension can give this bit a meaning."),
        (0x91, 3, "Only an extension can give this bit a meaning."),
    ],
)
def test_what_an_rsv_bit_means(first: int, rsv: int, meaning: str) -> None:
    part = fields(decode(bytes([first, 0])))[rsv]
    assert (part.name, part.meaning) == (f"RSV{rsv}", meaning)


@pytest.mark.parametrize(
    ("second", "mask", "length"),
    [
        (0x00, "The payload is not masked; a server never masks.", "The payload has 0 bytes."),
        (0x81, "The payload is masked; a client always masks.", "The payload has 1 byte."),
        (
            0x7E,
            "The payload is not masked; a server never masks.",
            "The length is in the next 2 bytes.",
        ),
        (
            0xFF,
            "The payload is masked; a client always masks.",
            "The length is in the next 8 bytes.",
        ),
    ],
)
def test_what_the_second_byte_means(second: int, mask: str, length: str) -> None:
    assert [part.meaning for part in fields(decode(bytes([0x82, second])))[5:7]] == [mask, length]
