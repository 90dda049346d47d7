"""Classic pcap files: their headers, and what is wrong in them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from astra_nb import FrameLog
from tests.recordings.packets import Conversation, pcap

PACKETS = [segment.packet() for segment in Conversation().opened().segments]
WHOLE = pcap(PACKETS)


@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 10**6), (0xA1B23C4D, 10**9)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_times_in_millionths_and_billionths(
    magic: int, unit: int, order: str, tmp_path: Path
) -> None:
    file = struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 2**18, 0xF0000000 | 101)
    for packet in PACKETS:
        file += struct.pack(f"{order}IIII", 1_700_000_000, unit // 4, len(packet), len(packet))
        file += packet
    path = tmp_path / "log.pcap"
    path.write_bytes(file)
    assert [each.time for each in FrameLog.open(path)] == [1_700_000_000.25] * 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (WHOLE[:10], "the file ends within its header"),
        (WHOLE[:30], "packet 1 is cut: the file ends within its header"),
        (WHOLE[:60], "packet 1 is cut: 20 bytes are missing"),
        (WHOLE[:-3], "packet 4 is cut: 3 bytes are missing"),
        (
            WHOLE[:32] + b"\xff\xff\xff\xff" + WHOLE[36:],
            "packet 1 has 4,294,967,295 bytes, more than 16,777,216",
        ),
        (WHOLE[:4] + b"\3\0\7\0" + WHOLE[8:], "the file is pcap version 3.7, not 2.4"),
        (
            WHOLE[:20] + b"\xbd\0\0\0" + WHOLE[24:],
            "the link type 189 cannot be read here; these can: BSD loopback, Ethernet, Linux "
            "cooked, "
            "Linux cooked v2, OpenBSD loopback, raw IP, raw IPv4, raw IPv6",
        ),
    ],
)
def test_a_broken_file(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "log.pcap"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"^") as caught:
        FrameLog.open(path)
    assert str(caught.value) == message
