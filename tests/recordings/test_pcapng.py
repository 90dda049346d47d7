"""pcapng files: what is written, and blocks of others."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from astra_nb import FrameLog
from astra_nb.log.records import ClosedRecord, NoticeRecord, OpenedRecord
from astra_nb.recordings import pcapng
from astra_nb.recordings.pcap import Packet
from astra_nb.recordings.segments import FIN, RST, SYN, Segment
from astra_nb.wire.frames import encode
from tests.log.samples import HELLO, conversation
from tests.recordings.packets import Conversation

PACKETS = [segment.packet() for segment in Conversation().opened().segments]


def packets_of(log: FrameLog, path: Path) -> list[Packet]:
    log.save(path)
    with path.open("rb") as file:
        return list(pcapng.packets(file))


def written(path: Path, *, endianness: str = "<", simple: bool = False, **options: Any) -> Path:
    """Write a pcapng file as others do."""
    blocks = pcapng.library().blocks
    header = blocks.SectionHeader(endianness=endianness)
    header.new_member(blocks.InterfaceDescription, link_type=101, snaplen=2**18, options=options)
    with path.open("wb") as file:
        writer = pcapng.library().writer.FileWriter(file, header)
        for packet in PACKETS:
            kind = blocks.SimplePacket if simple else blocks.EnhancedPacket
            fields = {} if simple else {"timestamp_high": 1, "timestamp_low": 7}
            writer.write_block(header.new_member(kind, packet_data=packet, **fields))
    return path


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.filterwarnings("ignore:Field type should not be")
@pytest.mark.parametrize(
    ("options", "time"),
    [
        ({}, (2**32 + 7) / 10**6),
        ({"if_tsresol": b"\x09"}, (2**32 + 7) / 10**9),
        ({"if_tsresol": b"\x8a"}, (2**32 + 7) / 1024),
        ({"if_tsoffset": 1_700_000_000}, 1_700_000_000 + (2**32 + 7) / 10**6),
    ],
)
def test_time_stamps(endianness: str, options: dict[str, Any], time: float, tmp_path: Path) -> None:
    path = written(tmp_path / "log.pcapng", endianness=endianness, **options)
    assert [each.time for each in FrameLog.open(path)] == [time] * 3


def test_simple_packets_have_no_time(tmp_path: Path) -> None:
    assert len(FrameLog.open(written(tmp_path / "log.pcapng", simple=True))) == 3


def test_a_connection_is_one_of_tcp(tmp_path: Path) -> None:
    packets = packets_of(conversation(), tmp_path / "log.pcapng")
    segments = [Segment.of(each.link_type, each.data) for each in packets]
    own = [each for each in segments if each.source[1] == 51324 or each.target[1] == 51324]
    assert own[0].flags == SYN
    assert own[0].source == (b"\x7f\0\0\1", 51324)
    assert [each.flags & FIN for each in own[-2:]] == [FIN, FIN]
    payload = {end: b"".join(each.payload for each in own if each.source[1] == end) for end in
               (51324, 80)}  # fmt: skip
    assert payload[80].startswith(b"HTTP/1.1 101")
    assert payload[51324].startswith(b"GET /chat HTTP/1.1\r\n")
    for end in (51324, 80):  # each byte has its sequence number
        sent = [each for each in own if each.source[1] == end]
        following = 0
        for each in sent:
            assert each.seq == following
            following += len(each.payload) + bool(each.flags & (SYN | FIN))


def test_addresses_of_the_log_are_kept(tmp_path: Path) -> None:
    log = FrameLog()
    log.append(3, OpenedRecord, side="client", peer="[2001:db8::7]:9000", path="/")
    log.append(3, ClosedRecord, side="client", tcp="reset")
    packets = packets_of(log, tmp_path / "log.pcapng")
    first, *_, last = (Segment.of(each.link_type, each.data) for each in packets)
    assert first.target == (bytes.fromhex("20010db8000000000000000000000007"), 9000)
    assert first.source == (bytes(15) + b"\1", pcapng.CLIENT_PORTS + 3)
    assert last.flags & RST


def test_a_long_frame_and_a_long_text(tmp_path: Path) -> None:
    log = FrameLog(redact=None)
    log.append_frames(1, "server", "sent", encode(2, bytes(200_000)), 1)
    log.append(1, NoticeRecord, text="ż\ud800" * 50_000)
    log.append_frames(1, "server", "sent", b"\xc1\x01a", 1, "", (bytes(100_000),))
    packets = packets_of(log, tmp_path / "log.pcapng")
    assert max(len(each.data) for each in packets) < 2**16
    assert max(len(text.encode()) for each in packets for text in each.comments) < 2**16
    assert list(FrameLog.open(tmp_path / "log.pcapng")) == list(log)


def changed(path: Path, old: bytes, new: bytes, count: int = 1) -> Path:
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new, count))
    return path


def test_comments_that_are_false(tmp_path: Path) -> None:
    log = FrameLog()
    for _ in range(2):
        log.append_frames(1, "server", "sent", HELLO, 1)
    path = tmp_path / "log.pcapng"
    log.save(path)
    whole = path.read_bytes()
    for old, new, message in (
        (b'"number": 2', b'"number": 1', "two records have the number 1"),
        (b'"bytes": 7', b'"bytes": 9', "2 bytes of a record are missing"),
        (b'"bytes": 7', b'"bytes": x', "Expecting value"),
        (b'"bytes": 7', b'"bytes":-1', "an integer from 0 to 4294967295"),
        (b'"kind": "frame"', b'"kind": "fresh"', "\"kind\" is 'fresh'; the kinds are"),
        (b'"side": "server"', b'"side": "nobody"', "\"side\" is 'nobody', not one of"),
        (b'astra_nb {"kind"', b'astra_nb [{kind"', "Expecting"),
        (b'{"kind": "frame", "number": 1', b'{"more": true}               ', "Extra data"),
    ):
        path.write_bytes(whole)
        with pytest.raises(
            ValueError, match=r"^(packet \d+ of the file is broken: |2 b)"
        ) as caught:
            FrameLog.open(changed(path, old, new))
        assert message in str(caught.value)


def test_broken_blocks(tmp_path: Path) -> None:
    path = tmp_path / "log.pcapng"
    conversation().save(path)
    whole = path.read_bytes()
    first = struct.unpack_from("<I", whole, 4)[0]
    for data, message in (
        (whole[:4], "block 1 of the file is cut"),
        (whole[:20], "block 1 of the file is "),
        (whole[:-3], "of the file is broken: "),
        (whole[:-40], "of the file is "),
        (
            whole[: first + 4] + b"\xff\xff\xff\xff" + whole[first + 8 :],
            "block 2 of the file is bro",
        ),
        (whole[: first + 4] + b"\4\0\0\0" + whole[first + 8 :], "it claims a length of"),
        (
            whole[: first + 8] + b"\x7f" + whole[first + 9 :],
            "the link type 127 cannot be read here",
        ),
        (whole[:8] + bytes(4) + whole[12:], "Wrong byte order magic"),
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"^block \d+ of the file is ") as caught:
            FrameLog.open(path)
        assert message in str(caught.value), data[:40]


def test_blocks_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    """Such as Apple's, of processes, secrets of TLS, and those of systemd."""
    path = tmp_path / "log.pcapng"
    conversation().save(path)
    whole = path.read_bytes()
    first = struct.unpack_from("<I", whole, 4)[0]
    expected = list(FrameLog.open(path))
    for kind in (9, 10, 0xBAD, 0x80000001):
        block = struct.pack("<II4sI", kind, 16, b"data", 16)
        path.write_bytes(whole[:first] + block + whole[first:] + block)
        assert list(FrameLog.open(path)) == expected


def test_a_packet_of_an_interface_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path / "log.pcapng")
    whole = path.read_bytes()
    first = struct.unpack_from("<I", whole, 4)[0]
    interface = struct.unpack_from("<I", whole, first + 4)[0]
    path.write_bytes(whole[:first] + whole[first + interface :])
    with pytest.raises(ValueError, match="it is of interface 0, which no block describes"):
        FrameLog.open(path)


def test_interfaces_are_bounded(tmp_path: Path) -> None:
    path = written(tmp_path / "log.pcapng")
    whole = path.read_bytes()
    first = struct.unpack_from("<I", whole, 4)[0]
    interface = whole[first : first + struct.unpack_from("<I", whole, first + 4)[0]]
    path.write_bytes(whole + interface * 2000)
    with pytest.raises(
        ValueError, match=r"^block 10.. of the file is broken: 'more than 1,000 int"
    ):
        FrameLog.open(path)
