from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.log.records import ClosedRecord
from astra_nb.wire.explain import (
    accept_steps,
    explain,
    explain_close,
    explain_utf8,
    figure,
    problems,
)
from astra_nb.wire.frames import decode

MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")

AFTER_THE_FIGURE = """
byte 0     FIN             1            This frame is a whole message. (section 5.4)
byte 0     RSV1            0            No extension uses this bit. (section 5.2)
byte 0     RSV2            0            No extension uses this bit. (section 5.2)
byte 0     RSV3            0            No extension uses this bit. (section 5.2)
byte 0     opcode          0x1 (text)   A text message begins here; all of it is UTF-8. (section 5.6)
byte 1     MASK            1            The payload is masked; a client always masks. (section 5.3)
byte 1     payload length  5            The payload has 5 bytes. (section 5.2)
byte 2-5   masking key     37 fa 21 3d  Byte i of the payload is XORed with byte i mod 4 of this key. (section 5.3)
byte 6-10  payload         "Hello"      The text, as UTF-8. (section 5.2)

Unmasking: masked XOR key, byte by byte (RFC 6455, section 5.3)
byte       0  1  2  3  4
masked    7f 9f 4d 51 58
key       37 fa 21 3d 37
unmasked  48 65 6c 6c 6f
as ASCII   H  e  l  l  o

The payload is UTF-8: 5 characters in 5 bytes."""  # noqa: E501


def test_a_masked_text_is_explained() -> None:
    frame = decode(MASKED_HELLO)
    assert explain(frame, "client") == f"{figure(frame)}\n{AFTER_THE_FIGURE}"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x81\x03\xe2\x82\xac", "The payload is UTF-8: 1 character in 3 bytes."),
        (b"\x81\x00", "The payload is UTF-8: 0 characters in 0 bytes."),
        (
            b"\x81\x05ab\xffde",
            'UTF-8 breaks at byte 2 of the payload, after "ab": ff is never a byte of UTF-8 '
            "(RFC 3629, section 3). "
            "The other end must fail the connection (RFC 6455, section 8.1); the code for that is "
            "1007 (section 7.4.1).",
        ),
        (
            b"\x81\x03a\xe2\x82",
            'UTF-8 breaks at byte 1 of the payload, after "a": e2 82 begins a character of 3 '
            "bytes, and the rest is missing (RFC 3629, section 3). The other end must fail the "
            "connection (RFC 6455, section 8.1); the code for that is 1007 (section 7.4.1).",
        ),
        (
            b"\x81\x02\xc1\x81",
            "UTF-8 breaks at byte 0 of the payload: c1 81 is an overlong form of U+0041 "
            "(RFC 3629, section 3). The other end must fail the connection "
            "(RFC 6455, section 8.1); the code for that is 1007 (section 7.4.1).",
        ),
        (
            b"\x01\x03a\xe2\x82",
            "The payload is UTF-8 up to byte 1, where an incomplete character begins; the rest of "
            "it must come next (RFC 6455, section 5.6).",
        ),
        (
            b"\x81\x05a\xe2\x82",
            "The payload is UTF-8 up to byte 1, where an incomplete character begins; the rest of "
            "it must come next (RFC 6455, section 5.6).",
        ),
        (b"\x82\x01\xff", ""),
        (b"\xc1\x01\xff", ""),
        (b"\x81", ""),
        (b"\x81\x7e\x00", ""),
    ],
)
def test_where_the_text_breaks(data: bytes, sentence: str) -> None:
    assert explain_utf8(decode(data)) == sentence


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"\x88\x06\x03\xe8done",
            "Close code: 03 e8 = 1000 (normal closure). "
            "The connection has done what it was opened for.\n"
            'Close reason: "done", 4 of at most 123 bytes.',
        ),
        (
            b"\x88\x02\x0f\xa0",
            "Close code: 0f a0 = 4000 (private code). "
            "Both ends agree on these between themselves; nobody registers them.\n"
            "Close reason: none.",
        ),
        (
            b"\x88\x02\xff\xff",
            "Close code: ff ff = 65535 (not a close code). The codes end at 4999.\n"
            "Close reason: none.",
        ),
        (
            b"\x88\x00",
            "The CLOSE frame is empty. The other end reports 1005 (no status received), "
            "which is never on the wire (RFC 6455, section 7.1.5).",
        ),
        (b"\x88\x01\x03", "The payload has one byte, which is half a close code."),
        (b"\x89\x02\x03\xe8", ""),
    ],
)
def test_a_close_is_taken_apart(data: bytes, text: str) -> None:
    assert explain_close(decode(data)) == text


@pytest.mark.parametrize(
    ("data", "sender", "rules"),
    [
        (MASKED_HELLO, "client", []),
        (b"\x81\x05Hello", "server", []),
        (b"\x81\x05Hello", "", []),
        (b"\x81\x05Hello", "client", ["A client must mask every frame (section 5.1)."]),
        (MASKED_HELLO, "server", ["A server must not mask any frame (section 5.1)."]),
        (b"\x83\x00", "", ["Opcode 0x3 is reserved (section 5.2)."]),
        (
            b"\xa1\x00",
            "",
            ["An RSV bit is 1, and no extension gave it a meaning (section 5.2)."],
        ),
        (
            b"\x09\x00",
            "",
            ["A control frame must not be fragmented: FIN must be 1 (section 5.5)."],
        ),
        (
            b"\x89\x7e\x00\x7e" + bytes(126),
            "",
            ["A control frame carries at most 125 bytes, this one declares 126 (section 5.5)."],
        ),
        (
            b"\x82\x7e\x00\x7d" + bytes(125),
            "",
            ["The length 125 is not in its shortest form (section 5.2)."],
        ),
        (
            b"\x82\x7f" + (65535).to_bytes(8, "big") + bytes(65535),
            "",
            ["The length 65,535 is not in its shortest form (section 5.2)."],
        ),
        (
            b"\x82\x7f\x80" + bytes(7),
            "",
            [
                "The most significant bit of a 64-bit length must be 0 (section 5.2).",
                "It is cut after 10 bytes; the rest never came.",
            ],
        ),
        (
            b"\x88\x01\x03",
            "",
            ["A CLOSE payload of one byte holds no close code (section 5.5.1)."],
        ),
        (b"\x88\x02\x03\xed", "", ["Close code 1005 must not be on the wire (section 7.4)."]),
        (b"\x88\x03\x03\xe8\xff", "", ["The close reason is not UTF-8 (section 5.5.1)."]),
        (b"\x81\x01\xff", "", ["The text is not UTF-8 (section 8.1)."]),
        (b"\x81", "client", ["It is cut after 1 byte; the rest never came."]),
        (b"\x82\x7f\x00\x00", "", ["It is cut after 4 bytes; the rest never came."]),
        (b"\x82\xfe\x01", "client", ["It is cut after 3 bytes; the rest never came."]),
        (b"\x82\x7e\x01\x00" + bytes(256), "", []),
        (b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(65536), "", []),
    ],
)
def test_the_rules_that_a_frame_breaks(data: bytes, sender: str, rules: list[str]) -> None:
    assert problems(decode(data), sender) == rules
    shown = explain(decode(data), sender)
    for rule in rules:
        assert f"\n- {rule}" in shown
    assert ("Rules that this frame breaks:" in shown) == bool(rules)


def test_an_extension_explains_rsv1_and_the_message_is_shown() -> None:
    frame = decode(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00")  # RFC 7692, section 7.2.3.1
    assert problems(frame) == ["An RSV bit is 1, and no extension gave it a meaning (section 5.2)."]
    assert problems(frame, extended=True) == []
    shown = explain(frame, message=b"Hello")
    assert "Payload after decompression, 5 bytes\n00000000  48 65 6c 6c 6f" in shown
    assert "Rules" not in shown


def test_a_long_payload_is_shown_in_part() -> None:
    shown = explain(decode(b"\x82\x7e\x01\x00" + bytes(256)))
    assert "and 192 more bytes" in shown
    masked = explain(decode(b"\x82\xfe\x01\x00abcd" + bytes(256)))
    assert "and 192 more bytes" in masked
    assert len(masked) < 5000


@given(st.binary(min_size=1, max_size=150), st.sampled_from(["client", "server", ""]))
def test_hostile_bytes_are_explained_line_by_printable_line(data: bytes, sender: str) -> None:
    for line in explain(decode(data), sender).splitlines():
        assert line.isprintable()


def test_closings_and_accept_keys_are_explained_here_too() -> None:
    closed = ClosedRecord(number=1, time=0.0, connection=1, side="server", tcp="reset")
    assert "1006" in closed.why_closed
    assert accept_steps("dGhlIHNhbXBsZSBub25jZQ==")[-1].value == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
