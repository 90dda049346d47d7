"""Packets of every link type that is read, and addresses."""

from __future__ import annotations

import pytest

from astra_nb.recordings.segments import ACK, LINK_TYPES, Segment, Unread, address_of

V4 = Segment((b"\x7f\0\0\1", 50123), (b"\xcb\0\x71\7", 80), 5, 2**32 - 1, ACK, b"Hello")
V6 = Segment((bytes(15) + b"\1", 50123), (bytes(14) + b"\2\3", 443), 5, 6, ACK, b"")
ETHERTYPE = {4: b"\x08\0", 16: b"\x86\xdd"}


def heads(segment: Segment) -> dict[int, bytes]:
    """What stands before IP, by link type."""
    ethertype = ETHERTYPE[len(segment.source[0])]
    return {
        0: b"\2\0\0\0",
        1: bytes(12) + ethertype,
        12: b"",
        14: b"",
        101: b"",
        108: b"\0\0\0\2",
        113: bytes(14) + ethertype,
        228: b"",
        229: b"",
        276: ethertype + bytes(18),
    }


@pytest.mark.parametrize("segment", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("link_type", LINK_TYPES)
def test_a_segment_in_a_packet(link_type: int, segment: Segment) -> None:
    packet = heads(segment)[link_type] + segment.packet()
    assert Segment.of(link_type, packet) == segment
    assert Segment.of(link_type, packet + bytes(7)) == segment  # padding to 60 bytes


def test_a_vlan_and_one_within_another() -> None:
    tags = b"\x88\xa8\0\1\x81\0\0\2\x08\0"
    assert Segment.of(1, bytes(12) + tags + V4.packet()) == V4


def test_extension_headers_of_ipv6() -> None:
    packet = V6.packet()
    hop_by_hop, fragment = b"\x2b" + bytes(7), b"\x2c\1" + bytes(14)
    whole, last = b"\x06" + bytes(7), b"\x06\0\0\x08" + bytes(4)
    chain = packet[:6] + b"\0" + packet[7:40] + hop_by_hop + fragment
    length = (len(packet) - 40 + 32).to_bytes(2, "big")
    chain = chain[:4] + length + chain[6:]
    assert Segment.of(101, chain + whole + packet[40:]) == V6
    with pytest.raises(Unread, match="IP fragments"):
        Segment.of(101, chain + last + packet[40:])


def test_options_of_tcp_and_ip_are_passed_over() -> None:
    packet = bytearray(V4.packet())
    packet[32] = 0x60
    packet[40:40] = b"\1\1\1\1"
    packet[20:20] = b"\1\1\1\1"
    packet[0] = 0x46
    packet[2:4] = len(packet).to_bytes(2, "big")
    assert Segment.of(101, bytes(packet)) == V4


def test_a_packet_that_a_network_card_was_to_cut_has_no_length() -> None:
    packet = bytearray(V4.packet())
    packet[2:4] = b"\0\0"
    assert Segment.of(101, bytes(packet)) == V4


def test_a_packet_of_which_less_was_captured_has_less_payload() -> None:
    assert Segment.of(101, V4.packet()[:-2]).payload == b"Hel"


@pytest.mark.parametrize(
    ("link_type", "packet", "what"),
    [
        (101, b"", "packets cut in their headers"),
        (101, V4.packet()[:30], "packets cut in their headers"),
        (1, bytes(14), ""),
        (1, bytes(12) + b"\x08\6" + bytes(40), ""),  # ARP
        (101, V4.packet()[:9] + b"\x11" + V4.packet()[10:], ""),  # UDP
        (101, V4.packet()[:6] + b"\x20\0" + V4.packet()[8:], "IP fragments"),
        (101, V4.packet()[:6] + b"\0\1" + V4.packet()[8:], "IP fragments"),
        (1, bytes(12) + b"\x81\0" * 9, ""),
    ],
)
def test_what_is_not_read(link_type: int, packet: bytes, what: str) -> None:
    with pytest.raises(Unread) as caught:
        Segment.of(link_type, packet)
    assert str(caught.value) == what


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", (b"\x7f\0\0\1", 8080)),
        ("127.0.0.1", (b"\x7f\0\0\1", 80)),
        ("[::1]:443", (bytes(15) + b"\1", 443)),
        ("::1", (bytes(15) + b"\1", 80)),
        ("[::1]", (bytes(15) + b"\1", 80)),
        ("localhost:80", None),
        ("127.0.0.1:0", None),
        ("127.0.0.1:65536", None),
        ("127.0.0.1:" + "9" * 9999, None),
        ("", None),
        ("a unix socket", None),
    ],
)
def test_an_address(text: str, expected: object) -> None:
    assert address_of(text, 80) == expected
