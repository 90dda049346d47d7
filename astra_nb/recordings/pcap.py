"""Classic pcap files, as tcpdump writes them: a header, then packets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from .segments import LINK_TYPES

__all__ = ["MAGICS", "MAX_PACKET", "Packet", "check_link_type", "packets"]

MAX_PACKET = 2**24  # bytes; libpcap's own limit is 2**18, that of network cards' bundles more
# The first four bytes: the order of bytes in a number, and the fractions of a second.
MAGICS = {
    bytes.fromhex("a1b2c3d4"): (">", 10**6),
    bytes.fromhex("d4c3b2a1"): ("<", 10**6),
    bytes.fromhex("a1b23c4d"): (">", 10**9),
    bytes.fromhex("4d3cb2a1"): ("<", 10**9),
}


class Packet(NamedTuple):
    """A captured packet."""

    time: float  # in seconds since the epoch
    link_type: int
    data: bytes  # that were captured
    comments: tuple[str, ...] = ()  # of the file, about it


def check_link_type(number: int) -> None:
    """Raise ValueError when packets of a link type cannot be read."""
    if number not in LINK_TYPES:
        known = ", ".join(sorted({name for name, _, _ in LINK_TYPES.values()}))
        raise ValueError(f"the link type {number} cannot be read here; these can: {known}")


def packets(file: BinaryIO) -> Iterator[Packet]:
    """Yield the packets of a file; a `ValueError` names the one that is broken, counted from 1."""
    header = file.read(24)
    if len(header) < 24:
        raise ValueError("the file ends within its header")
    order, fractions = MAGICS[header[:4]]
    major, minor, *_, link_type = struct.unpack(f"{order}HHIIII", header[4:])
    if major != 2:
        raise ValueError(f"the file is pcap version {major}.{minor}, not 2.4")
    link_type &= 0x0FFFFFFF  # above it are the bits of a checksum's length
    check_link_type(link_type)
    number = 0
    while head := file.read(16):
        number += 1
        if len(head) < 16:
            raise ValueError(f"packet {number} is cut: the file ends within its header")
        seconds, fraction, length, _ = struct.unpack(f"{order}IIII", head)
        if length > MAX_PACKET:
            raise ValueError(f"packet {number} has {length:,} bytes, more than {MAX_PACKET:,}")
        data = file.read(length)
        if len(data) < length:
            raise ValueError(f"packet {number} is cut: {length - len(data):,} bytes are missing")
        yield Packet((seconds * fractions + fraction) / fractions, link_type, data)
