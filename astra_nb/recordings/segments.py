"""Packets of a capture taken apart, down to the TCP segment in them, and made."""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

__all__ = [
    "ACK",
    "FIN",
    "LINK_TYPES",
    "PSH",
    "RAW",
    "RST",
    "SYN",
    "Address",
    "Segment",
    "Unread",
    "address_of",
]

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10  # RFC 9293, section 3.1
IPV4, IPV6 = 4, 6
RAW = 101

# What is captured, by the numbers that libpcap gives: its name, the bytes before IP, and where in
# them the EtherType is; None when the first byte of IP tells the version.
LINK_TYPES: dict[int, tuple[str, int, int | None]] = {
    0: ("BSD loopback", 4, None),
    1: ("Ethernet", 14, 12),
    12: ("raw IP", 0, None),
    14: ("raw IP", 0, None),
    RAW: ("raw IP", 0, None),
    108: ("OpenBSD loopback", 4, None),
    113: ("Linux cooked", 16, 14),
    228: ("raw IPv4", 0, None),
    229: ("raw IPv6", 0, None),
    276: ("Linux cooked v2", 20, 0),
}
VLAN = (0x8100, 0x88A8)  # IEEE 802.1Q: four more bytes
ETHERTYPES = {0x0800: IPV4, 0x86DD: IPV6}
EXTENSIONS = (0, 43, 60)  # of IPv6 (RFC 8200, section 4), but for fragments
FRAGMENT = 44
TCP = 6

Address = tuple[bytes, int]  # IP address, 4 or 16 bytes, and port


class Unread(Exception):
    """A packet that holds no TCP segment which could be read; the message says what it is."""


class Segment(NamedTuple):
    """A TCP segment (RFC 9293, section 3.1). Its payload is shorter where the packet was cut."""

    source: Address
    target: Address
    seq: int
    ack: int
    flags: int
    payload: bytes

    @classmethod
    def of(cls, link_type: int, data: bytes) -> Segment:
        """Return the segment in a packet; raise `Unread` when there is none."""
        try:
            return cls._of(*_network(link_type, data))
        except (struct.error, IndexError) as exc:
            raise Unread("packets cut in their headers") from exc

    @classmethod
    def _of(cls, version: int, packet: bytes) -> Segment:
        if version == IPV4:
            length, fragment = struct.unpack_from("!2xH2xH", packet)
            protocol, offset = packet[9], (packet[0] & 0x0F) * 4
            source, target = packet[12:16], packet[16:20]
            is_fragment = bool(fragment & 0x3FFF)  # more fragments, or an offset
        else:
            length, protocol = struct.unpack_from("!4xHB", packet)
            length, offset = length + 40 if length else 0, 40
            source, target = packet[8:24], packet[24:40]
            is_fragment = False
            while protocol in EXTENSIONS:
                protocol, offset = packet[offset], offset + 8 + packet[offset + 1] * 8
            if protocol == FRAGMENT:
                protocol, rest = struct.unpack_from("!BxH", packet, offset)
                is_fragment, offset = bool(rest & 0xFFF9), offset + 8
        if protocol != TCP:
            raise Unread("")
        if is_fragment:
            raise Unread("IP fragments")
        source_port, target_port, seq, ack, start, flags = struct.unpack_from(
            "!HHIIBB", packet, offset
        )
        # A length of 0 is that of a packet which the network card was to cut up.
        payload = packet[offset + (start >> 4) * 4 : length or None]
        return cls((source, source_port), (target, target_port), seq, ack, flags, payload)

    def packet(self) -> bytes:
        """Return the segment in an IP packet, with checksums of 0: network cards add those."""
        (source, source_port), (target, target_port) = self.source, self.target
        tcp = struct.pack(
            "!HHIIBBHHH",
            source_port,
            target_port,
            self.seq,
            self.ack,
            0x50,
            self.flags,
            65535,
            0,
            0,
        )
        tcp += self.payload
        if len(source) == 4:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, TCP, 0)
        else:
            head = struct.pack("!IHBB", IPV6 << 28, len(tcp), TCP, 64)
        return head + source + target + tcp


def _network(link_type: int, data: bytes) -> tuple[int, bytes]:
    """Return the version of IP and the packet of it."""
    _, start, ethertype = LINK_TYPES[link_type]
    if ethertype is None:
        version = data[start] >> 4
    else:
        kind = int.from_bytes(data[ethertype : ethertype + 2], "big")
        while kind in VLAN:
            kind, start = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
        version = ETHERTYPES.get(kind, 0)
    if version not in (IPV4, IPV6):
        raise Unread("")
    return version, data[start:]


def address_of(text: str, port: int) -> Address | None:
    """Return the address in a text such as "127.0.0.1:80" or "[::1]:80"; `port` is the default."""
    host, colon, digits = text.rpartition(":")
    if not colon or not digits.isdecimal() or (host.count(":") and not host.startswith("[")):
        host, digits = text, str(port)
    try:
        packed = ipaddress.ip_address(host.strip("[]")).packed
    except ValueError:
        return None
    return (packed, int(digits)) if 0 < int(digits[:6]) < 2**16 else None
