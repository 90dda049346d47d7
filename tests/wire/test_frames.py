from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as ReferenceFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from astra_nb.wire.explain import explain
from astra_nb.wire.frames import apply_mask, decode, encode, frame_length, split, whole_frames
from astra_nb.wire.messages import CloseFrame

KEY = bytes.fromhex("37fa213d")

# The samples of RFC 6455, section 5.7.
HELLO = bytes.fromhex("810548656c6c6f")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")
HEL, LO = bytes.fromhex("010348656c"), bytes.fromhex("80026c6f")
PING_HELLO = bytes.fromhex("890548656c6c6f")
MASKED_PONG_HELLO = bytes.fromhex("8a8537fa213d7f9f4d5158")
BYTES_256 = b"\x82\x7e\x01\x00" + bytes(range(256))
BYTES_64K = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + bytes(range(256)) * 256


def test_an_unmasked_text_of_one_frame() -> None:
    frame = decode(HELLO)
    assert (frame.type, frame.opcode, frame.payload) == ("text", 1, b"Hello")
    assert (frame.fin, frame.masked, frame.masking_key) == (True, False, None)
    assert (frame.payload_length, frame.header_length, frame.complete) == (5, 2, True)
    assert frame.header == b"\x81\x05"
    assert frame.raw == HELLO


def test_a_masked_text_of_one_frame() -> None:
    frame = decode(MASKED_HELLO)
    assert (frame.type, frame.payload, frame.complete) == ("text", b"Hello", True)
    assert (frame.masked, frame.masking_key) == (True, KEY)
    assert frame.header == bytes.fromhex("818537fa213d")
    assert frame.masked_payload == bytes.fromhex("7f9f4d5158")


def test_a_fragmented_text() -> None:
    first, last = split(HEL + LO)
    assert (first.type, first.fin, first.payload) == ("text", False, b"Hel")
    assert (last.type, last.fin, last.payload) == ("continuation", True, b"lo")


def test_a_ping_and_its_masked_pong() -> None:
    ping, pong = split(PING_HELLO + MASKED_PONG_HELLO)
    assert (ping.type, ping.payload, ping.masked) == ("ping", b"Hello", False)
    assert (pong.type, pong.payload, pong.masked) == ("pong", b"Hello", True)
    assert ping.is_control
    assert pong.is_control


def test_256_bytes() -> None:
    frame = decode(BYTES_256)
    assert (frame.type, frame.payload_length, frame.header_length) == ("bytes", 256, 4)
    assert frame.payload == bytes(range(256))


def test_64_kib() -> None:
    frame = decode(BYTES_64K)
    assert (frame.type, frame.payload_length, frame.header_length) == ("bytes", 65536, 10)
    assert frame.payload == bytes(range(256)) * 256


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, b"\x82\x00"),
        (1, b"\x82\x01"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (127, b"\x82\x7e\x00\x7f"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_the_borders_of_the_length_forms(length: int, header: bytes, masked: bool) -> None:
    payload = b"\xa5" * length
    data = header + payload
    if masked:
        data = header[:1] + bytes([header[1] | 0x80]) + header[2:] + KEY
        data += apply_mask(payload, KEY)
    assert encode(2, payload, key=KEY if masked else None) == data
    frame = decode(data + b"what follows")
    assert frame.raw == data
    assert frame.payload == payload
    assert frame.payload_length == length
    assert frame.header_length == len(header) + 4 * masked
    assert frame.complete
    assert frame_length(data) == len(data)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"\x82\x7e\x00\x05" + bytes(5), 5),
        (b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05" + bytes(5), 5),
        (b"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff" + bytes(65535), 65535),
    ],
)
def test_a_length_that_is_not_in_its_shortest_form_is_read_all_the_same(
    data: bytes, length: int
) -> None:
    frame = decode(data)
    assert (frame.payload_length, frame.complete) == (length, True)


def test_a_length_with_its_highest_bit_set_is_read_as_it_stands() -> None:
    frame = decode(b"\x82\xff" + b"\xff" * 8 + KEY + b"ab")
    assert frame.payload_length == 2**64 - 1
    assert not frame.complete
    assert frame.payload == bytes([ord("a") ^ 0x37, ord("b") ^ 0xFA])


@pytest.mark.parametrize("bit", [0x40, 0x20, 0x10])
def test_each_rsv_bit_alone(bit: int) -> None:
    frame = decode(bytes([0x81 | bit, 0]))
    assert [frame.rsv1, frame.rsv2, frame.rsv3] == [bit == 0x40, bit == 0x20, bit == 0x10]


@pytest.mark.parametrize("opcode", range(16))
def test_each_opcode_has_its_type(opcode: int) -> None:
    names = {0: "continuation", 1: "text", 2: "bytes", 8: "close", 9: "ping", 10: "pong"}
    frame = decode(bytes([opcode, 0]))
    assert frame.type == names.get(opcode, "reserved")
    assert frame.is_control == (opcode >= 8)
    assert not frame.fin


@pytest.mark.parametrize(
    "whole", [HELLO, MASKED_HELLO, BYTES_256[:40], BYTES_64K[:40], b"\x82\xfe\x00\x7e" + KEY]
)
def test_a_frame_cut_at_every_byte(whole: bytes) -> None:
    header_length = decode(whole).header_length
    for end in range(1, len(whole)):
        frame = decode(whole[:end])
        assert frame.raw == whole[:end]
        assert not frame.complete
        assert frame.header_length == min(end, header_length)
        assert len(frame.payload) == max(0, end - header_length)
        assert frame.header + frame.masked_payload == frame.raw
        assert list(split(whole[:end])) == [frame]


def test_a_cut_masking_key_is_as_long_as_what_came() -> None:
    keys = [decode(MASKED_HELLO[:end]).masking_key for end in range(1, 8)]
    assert keys == [None, b"", KEY[:1], KEY[:2], KEY[:3], KEY, KEY]


def test_the_mask_bit_is_known_before_the_length_is() -> None:
    assert decode(b"\x82\xfe").masked
    assert not decode(b"\x82\x7e").masked
    assert not decode(b"\x82").masked


def test_no_bytes_are_not_a_frame() -> None:
    with pytest.raises(ValueError, match=r"^no byte at offset 0: the data has 0$"):
        decode(b"")
    with pytest.raises(ValueError, match=r"^no byte at offset 9: the data has 7$"):
        decode(HELLO, 9)
    with pytest.raises(ValueError, match=r"^no byte at offset -1: the data has 7$"):
        decode(HELLO, -1)
    assert list(split(b"")) == []


def test_decode_at_an_offset() -> None:
    assert decode(HEL + LO, len(HEL)) == decode(LO)
    assert frame_length(HEL + LO, len(HEL)) == len(LO)


@pytest.mark.parametrize(
    ("payload", "close"),
    [
        (b"", None),
        (b"\x03", None),
        (b"\x03\xe8", CloseFrame(1000)),
        (b"\x03\xe8done", CloseFrame(1000, "done")),
        (b"\x0f\xa0\xc3\xa9", CloseFrame(4000, "é")),
        (b"\x03\xe8\xff", CloseFrame(1000, "�")),
    ],
)
def test_the_payload_of_a_close(payload: bytes, close: CloseFrame | None) -> None:
    assert decode(bytes([0x88, len(payload)]) + payload).close == close


def test_only_a_close_has_a_close() -> None:
    assert decode(b"\x81\x02\x03\xe8").close is None


def test_apply_mask_is_byte_by_byte_xor() -> None:
    payload = bytes(range(256)) * 3 + b"x"
    expected = bytes(byte ^ KEY[i % 4] for i, byte in enumerate(payload))
    assert apply_mask(payload, KEY) == expected
    assert apply_mask(expected, KEY) == payload
    assert apply_mask(b"", KEY) == b""
    assert apply_mask(b"abc", bytes(4)) == b"abc"


def test_a_repr_is_short_and_tells_the_truth() -> None:
    assert repr(decode(MASKED_HELLO)) == '<Frame: text, FIN 1, MASK 1, length 5, "Hello">'
    assert repr(decode(b"\x09\x00")) == "<Frame: ping, FIN 0, MASK 0, length 0, no payload>"
    assert len(repr(decode(BYTES_64K))) < 200


# What websockets agrees to serialize: no RSV bit, and control frames as they must be.
reference_frames = st.builds(
    ReferenceFrame,
    opcode=st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    data=st.binary(max_size=300) | st.sampled_from([bytes(n) for n in (65535, 65536)]),
    fin=st.booleans(),
) | st.builds(
    ReferenceFrame,
    opcode=st.sampled_from([Opcode.CLOSE, Opcode.PING, Opcode.PONG]),
    data=st.binary(max_size=125),
)


@given(reference_frames, st.booleans())
def test_what_websockets_serializes_is_decoded(reference: ReferenceFrame, mask: bool) -> None:
    serialized = reference.serialize(mask=mask)
    frame = decode(serialized + b"what follows")
    assert frame.raw == serialized
    assert frame.complete
    assert frame.masked == mask
    assert frame.opcode == reference.opcode
    assert frame.payload == reference.data
    assert frame.fin == reference.fin
    assert [frame.rsv1, frame.rsv2, frame.rsv3] == [False, False, False]


@given(st.lists(reference_frames, max_size=8), st.booleans())
def test_a_run_of_frames_is_split_as_websockets_parses_it(
    references: list[ReferenceFrame], mask: bool
) -> None:
    data = b"".join(reference.serialize(mask=mask) for reference in references)
    reader = StreamReader()
    reader.feed_data(data)
    found = list(split(data))
    assert b"".join(frame.raw for frame in found) == data
    for frame in found:
        parsing = ReferenceFrame.parse(reader.read_exact, mask=mask)
        with pytest.raises(StopIteration) as parsed:
            next(parsing)
        assert frame.payload == parsed.value.value.data
        assert frame.opcode == parsed.value.value.opcode
        assert frame.fin == parsed.value.value.fin


def frames_by_arrival(chunks: list[bytes]) -> list[bytes]:
    """Cut whole frames off a buffer as the bytes arrive, as a connection does."""
    buffer, found = b"", []
    for chunk in chunks:
        buffer += chunk
        while (length := frame_length(buffer)) is not None and length <= len(buffer):
            found.append(decode(buffer).raw)
            buffer = buffer[length:]
    return [*found, *(frame.raw for frame in split(buffer))]


@given(st.data())
def test_each_chunking_of_the_same_bytes_gives_the_same_frames(data: st.DataObject) -> None:
    stream = data.draw(
        st.sampled_from(
            [
                HELLO + MASKED_HELLO + HEL + LO + PING_HELLO + BYTES_256 + MASKED_PONG_HELLO,
                MASKED_HELLO * 3 + b"\x88\x00" + BYTES_256[:100],
                b"\xff\xff\xff\xff",
            ]
        )
        | st.binary(max_size=200)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    borders = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(borders)]
    assert frames_by_arrival(chunks) == [frame.raw for frame in split(stream)]


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_and_none_gets_lost(data: bytes) -> None:
    found = list(split(data))
    assert b"".join(frame.raw for frame in found) == data
    assert all(frame.complete for frame in found[:-1])
    for frame in found:
        assert frame.header + frame.masked_payload == frame.raw
        assert len(frame.payload) <= frame.payload_length
        assert repr(frame).isprintable()
        assert explain(frame)


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (HELLO, encode(1, b"Hello")),
        (MASKED_HELLO, encode(1, b"Hello", key=KEY)),
        (HEL + LO, encode(1, b"Hel", fin=False) + encode(0, b"lo")),
        (PING_HELLO, encode(9, b"Hello")),
        (MASKED_PONG_HELLO, encode(10, b"Hello", key=KEY)),
        (BYTES_256, encode(2, bytes(range(256)))),
        (BYTES_64K, encode(2, bytes(range(256)) * 256)),
    ],
)
def test_the_samples_of_the_rfc_are_encoded(data: bytes, frame: bytes) -> None:
    assert frame == data


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (encode(3), b"\x83\x00"),
        (encode(1, rsv=4), b"\xc1\x00"),
        (encode(1, rsv=2), b"\xa1\x00"),
        (encode(1, rsv=1), b"\x91\x00"),
        (encode(1, b"Hello", length=10), b"\x81\x0aHello"),
        (encode(1, b"", key=KEY, length=2**64 - 1), b"\x81\xff" + b"\xff" * 8 + KEY),
        (encode(9, bytes(126), fin=False), b"\x09\x7e\x00\x7e" + bytes(126)),
    ],
)
def test_frames_that_break_the_rules_are_encoded_too(frame: bytes, data: bytes) -> None:
    assert frame == data


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"opcode": 16}, "an opcode is 0 to 15 and rsv 0 to 7, not 16 and 0"),
        ({"opcode": -1}, "an opcode is 0 to 15 and rsv 0 to 7, not -1 and 0"),
        ({"rsv": 8}, "an opcode is 0 to 15 and rsv 0 to 7, not 1 and 8"),
        ({"key": b"abc"}, "a masking key has 4 bytes, not 3"),
        ({"length": 2**64}, f"a payload length of {2**64:,} does not fit into 8 bytes"),
        ({"length": -1}, "a payload length of -1 does not fit into 8 bytes"),
    ],
)
def test_what_has_no_place_in_a_frame_is_not_encoded(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        encode(**{"opcode": 1, **arguments})


@given(
    opcode=st.integers(0, 15),
    payload=st.binary(max_size=300) | st.sampled_from([bytes(n) for n in (65535, 65536)]),
    fin=st.booleans(),
    rsv=st.integers(0, 7),
    key=st.none() | st.binary(min_size=4, max_size=4),
    longest_form=st.booleans(),
)
def test_decode_reads_what_encode_wrote(
    opcode: int, payload: bytes, fin: bool, rsv: int, key: bytes | None, longest_form: bool
) -> None:
    data = encode(opcode, payload, fin=fin, rsv=rsv, key=key)
    if longest_form and len(payload) < 126:
        data = bytes((data[0], data[1] | 127)) + len(payload).to_bytes(8, "big") + data[2:]
    frame = decode(data + b"what follows")
    assert frame.raw == data
    assert (frame.opcode, frame.payload, frame.fin) == (opcode, payload, fin)
    assert (frame.rsv1 * 4 + frame.rsv2 * 2 + frame.rsv3, frame.masking_key) == (rsv, key)
    assert (frame.complete, frame.payload_length) == (True, len(payload))


@given(
    st.binary(max_size=20),
    st.integers(0, 2**64 - 1),
    st.none() | st.binary(min_size=4, max_size=4),
)
def test_a_declared_length_is_decoded_as_it_was_declared(
    payload: bytes, length: int, key: bytes | None
) -> None:
    frame = decode(encode(2, payload, key=key, length=length))
    assert (frame.payload_length, frame.payload) == (length, payload[:length])
    assert frame.complete == (length <= len(payload))


@given(reference_frames)
def test_encode_writes_what_websockets_serializes(reference: ReferenceFrame) -> None:
    data = encode(reference.opcode, bytes(reference.data), fin=reference.fin)
    assert data == reference.serialize(mask=False)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", (0, 0)),
        (HELLO[:1], (0, 0)),
        (HELLO[:-1], (0, 0)),
        (HELLO, (7, 1)),
        (HELLO + HEL + LO, (7 + 5 + 4, 3)),
        (HELLO + HEL[:-1], (7, 1)),
        (HELLO + BYTES_64K[:9], (7, 1)),
    ],
)
def test_where_the_last_whole_frame_ends(data: bytes, found: tuple[int, int]) -> None:
    assert whole_frames(data) == found
    assert whole_frames(bytearray(data)) == found


@given(st.binary(max_size=200))
def test_whole_frames_are_those_that_split_finds_complete(data: bytes) -> None:
    complete = [frame.raw for frame in split(data) if frame.complete]
    assert whole_frames(data) == (sum(map(len, complete)), len(complete))
