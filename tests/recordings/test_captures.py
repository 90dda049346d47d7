"""Captures of a network: connections found in packets, and read."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from astra_nb import FrameLog
from astra_nb.recordings import captures
from astra_nb.wire.frames import encode
from tests.helpers import free_port, wait_until
from tests.log.samples import CLOSE, HELLO, MASKED_HELLO, conversation
from tests.recordings.packets import CLIENT, SERVER, Conversation, opened, pcap
from tests.recordings.sessions import SECRET, session

FILES = Path(__file__).parent / "files"


def messages(log: FrameLog) -> list[Any]:
    """What was said, whichever end keeps the log."""
    return [
        (each.connection, (each.side == "client") == (each.direction == "sent"), each.type,
         each.value)
        for each in log.messages
    ]  # fmt: skip


def kinds(log: FrameLog) -> list[str]:
    return [record.kind for record in log]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made.pcap"


def test_a_capture_of_tcpdump_has_the_messages_of_the_live_log() -> None:
    """A deflated, fragmented session on the loopback interface, and a refusal."""
    captured = FrameLog.open(FILES / "loopback.pcap")
    live = FrameLog.open(FILES / "loopback.jsonl")
    assert messages(captured) == messages(live)
    assert len(messages(live)) == 16
    wire = [each.frame.raw for each in captured.frames]  # type: ignore[union-attr]
    assert sorted(wire) == sorted(each.frame.raw for each in live.frames)  # type: ignore[union-attr]
    whys = [[each.why_closed for each in log.filter(kind="closed")] for log in (captured, live)]  # type: ignore[union-attr]
    assert [len(each) for each in whys] == [2, 2]
    assert [each.tcp for each in captured.filter(kind="closed")] == ["closed", "closed"]  # type: ignore[union-attr]
    assert SECRET not in captured.to_jsonl() + str(captured)


def test_a_live_capture_has_the_messages_of_the_live_log(path: Path) -> None:
    """AF_PACKET gives each packet of the loopback interface twice, going and coming."""
    try:
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    except (AttributeError, PermissionError):
        pytest.skip("capturing needs Linux and root; a capture of tcpdump is read in any case")
    port, packets = free_port(), []
    done = threading.Event()

    def sniff() -> None:
        while not done.is_set():
            try:
                packet = sniffer.recv(2**17)
            except TimeoutError:
                continue
            if port.to_bytes(2, "big") in (packet[34:36], packet[36:38]):
                packets.append(packet)

    with sniffer:
        sniffer.bind(("lo", 0))
        sniffer.settimeout(0.1)
        thread = threading.Thread(target=sniff)
        thread.start()
        log = session(port)
        wait_until(lambda: sum(bool(each[47] & 5) for each in packets) >= 8, what="both ends' FIN")
        done.set()
        thread.join()
    path.write_bytes(pcap(packets, 1))
    captured = FrameLog.open(path)
    assert messages(captured) == messages(log)
    assert len(captured.frames) == len(log.frames)


def test_two_connections_at_the_same_time(path: Path) -> None:
    one, two = Conversation(), Conversation((b"\x7f\0\0\1", 50124))
    for each in (one, two):
        each.opened()
    one.add("server", HELLO)
    two.add("client", MASKED_HELLO)
    one.closed()
    two.reset()
    both = [packet for pair in zip(one.segments, two.segments, strict=False) for packet in pair]
    both += one.segments[len(two.segments) :]
    path.write_bytes(pcap(each.packet() for each in both))
    log = FrameLog.open(path)
    assert [each.connection for each in log.filter(kind="opened")] == [1, 2]
    assert [(each.connection, each.tcp) for each in log.filter(kind="closed")] == [  # type: ignore[union-attr]
        (2, "reset"),
        (1, "dropped by client"),
    ]
    assert [each.number for each in log] == list(range(1, len(log) + 1))
    assert log[0].time == 1_700_000_002.0
    assert log[-1].time > log[0].time


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("family", [4, 6])
def test_both_families_and_orders_of_bytes(path: Path, family: int, order: str) -> None:
    ends = (CLIENT, SERVER)
    if family == 6:
        ends = ((bytes(15) + b"\1", 50123), (bytes(15) + b"\1", 8080))
    talk = Conversation(*ends).opened()
    talk.add("server", HELLO)
    path.write_bytes(pcap((each.packet() for each in talk.segments), order=order))
    log = FrameLog.open(path)
    assert kinds(log) == ["handshake", "handshake", "opened", "frame"]
    assert log[2].peer == ("[::1]:8080" if family == 6 else "127.0.0.1:8080")  # type: ignore[union-attr]


def test_segments_twice_in_another_order_and_overlapping(path: Path) -> None:
    talk = Conversation(start=2**32 - 150).opened()
    stream = b"".join(encode(1, str(number).encode() * 9) for number in range(40))
    first = len(talk.segments)
    for at in range(0, len(stream), 10):
        talk.add("server", stream[at : at + 10])
    sent = talk.segments[first:]
    wider = [
        each._replace(payload=stream[at : at + 17])
        for at, each in zip(range(0, len(stream), 10), sent, strict=True)
    ]
    talk.segments[first:] = [each for pair in zip(wider[1::2], sent[::2], strict=False)
                             for each in (*pair, pair[0])]  # fmt: skip
    talk.segments.append(sent[-1])
    talk.add("server", flags=0x11)
    log = opened(path, talk)
    assert [each.value for each in log.messages] == [str(number) * 9 for number in range(40)]


def test_a_gap_is_a_record(path: Path) -> None:
    talk = Conversation().opened()
    for number in range(50):
        talk.add("server", encode(1, str(number).encode()))
        talk.add("client")
    del talk.segments[4 + 2 * 10]
    log = opened(path, talk)
    values = [each.value for each in log.messages]
    assert values == [str(number) for number in range(50) if number != 10]
    (notice,) = log.filter(kind="notice")
    assert notice.text.startswith("gap: 4 bytes that the server sent are not in the capture; ")  # type: ignore[union-attr]
    assert [each.kind for each in log][3 + 10] == "notice"


def test_a_gap_at_the_very_end_is_a_record(path: Path) -> None:
    talk = Conversation().opened()
    talk.add("server", HELLO)
    talk.add("server", HELLO)
    talk.closed()
    del talk.segments[5]
    log = opened(path, talk)
    assert "gap: 7 bytes that the server sent" in log[-2].text  # type: ignore[union-attr]
    assert log[-1].kind == "closed"


def test_a_packet_of_which_less_was_captured_is_a_gap(path: Path) -> None:
    talk = Conversation().opened()
    talk.add("server", encode(1, b"x" * 100))
    talk.add("server", HELLO)
    talk.closed()
    packets = [each.packet() for each in talk.segments]
    packets[4] = packets[4][:70]
    path.write_bytes(pcap(packets))
    log = FrameLog.open(path)
    assert "gap: 72 bytes" in log.filter(kind="notice")[0].text  # type: ignore[union-attr]
    assert [each.value for each in log.messages] == ["Hello"]


def test_the_same_ports_are_used_again(path: Path) -> None:
    one, two = Conversation().opened(), Conversation(start=5_000_000).opened()
    one.add("server", HELLO[:3])
    two.add("server", HELLO)
    log = opened(path, one, two)
    assert [each.connection for each in log.filter(kind="opened")] == [1, 2]
    assert [each.verdict for each in log.frames] == ["cut: the rest was not captured", ""]  # type: ignore[union-attr]


def test_a_capture_without_the_beginning_of_tcp(path: Path) -> None:
    talk = Conversation().opened()
    talk.add("server", HELLO)
    del talk.segments[:2]
    assert kinds(opened(path, talk)) == ["handshake", "handshake", "opened", "frame"]


def test_what_is_left_out_is_counted(path: Path) -> None:
    ends = [(b"\x7f\0\0\1", 50000 + number) for number in range(4)]
    tls, http, middle, good = (Conversation(each) for each in ends)
    for each in (tls, http):
        each.add("client", flags=2)
        each.add("server", flags=18)
    tls.add("client", b"\x16\x03\x01\0\xff")
    http.add("client", b"POST / HTTP/1.1\r\n\r\n")
    http.add("client", b"more")
    middle.add("server", HELLO)
    good.opened().add("server", HELLO)
    talks = (tls, http, middle, good)
    packets = [each.packet() for talk in talks for each in talk.segments]
    packets += [packets[0][:6] + b"\x20\0" + packets[0][8:], packets[0][:25], b"", b"\x45"]
    path.write_bytes(pcap(packets))
    log = FrameLog.open(path)
    assert kinds(log) == ["handshake", "handshake", "opened", "frame", "notice"]
    assert log[-1].text == (  # type: ignore[union-attr]
        "left out of this log: TLS connections: 1, TCP connections without a WebSocket handshake: "
        "2, IP fragments: 1, packets cut in their headers: 3"
    )


def test_connections_at_a_time_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "MAX_CONNECTIONS", 3)
    talks = [Conversation((b"\x7f\0\0\1", 50000 + number)).opened() for number in range(4)]
    late = Conversation(CLIENT)
    late.segments = [talks[0].add("server", HELLO), talks[3].add("server", HELLO)]
    del talks[0].segments[-1], talks[3].segments[-1]
    log = opened(path, *talks, late)
    assert [each.connection for each in log.frames] == [4]
    assert "rests of connections: too many open at a time: 2" in log[-1].text  # type: ignore[union-attr]


def test_connections_and_what_waits_are_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "MAX_HELD", 5000)
    talks = [Conversation((b"\x7f\0\0\1", 50000 + number)).opened() for number in range(6)]
    talks[5].add("server", encode(2, bytes(9000))[:8000])
    talks[0].add("server", HELLO)
    log = opened(path, *talks[1:], talks[0])
    assert len(log.filter(kind="opened")) == 6
    assert [each.verdict for each in log.frames] == ["cut: the rest was not captured", ""]  # type: ignore[union-attr]
    assert log[-1].text == "left out of this log: connections cut for lack of memory: 1"  # type: ignore[union-attr]


def test_records_of_ours_among_packets_of_others(tmp_path: Path) -> None:
    from astra_nb.recordings import pcapng

    ours, both = conversation(), tmp_path / "both.pcapng"
    ours.save(both)
    blocks = pcapng.library().blocks
    header = blocks.SectionHeader()
    header.new_member(blocks.InterfaceDescription, link_type=101)
    with both.open("ab") as file:
        writer = pcapng.library().writer.FileWriter(file, header)
        talk = Conversation().opened()
        talk.add("server", CLOSE)
        for each in talk.segments:
            writer.write_block(header.new_member(blocks.EnhancedPacket, packet_data=each.packet()))
    log = FrameLog.open(both)
    assert list(log)[: len(ours)] == list(ours)
    assert kinds(log)[len(ours) :] == ["handshake", "handshake", "opened", "frame"]
    assert [each.number for each in log] == list(range(1, len(log) + 1))


@pytest.mark.parametrize("suffix", [".pcap", ".pcapng"])
def test_the_content_tells_pcapng_from_pcap(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{suffix}"
    conversation().save(tmp_path / "ours.pcapng")
    os.rename(tmp_path / "ours.pcapng", path)
    assert len(FrameLog.open(path)) == len(conversation())
    path.write_bytes((FILES / "loopback.pcap").read_bytes())
    assert len(FrameLog.open(path).messages) == 16
    for data in (b"", b"GIF89a", b'{"log": {}}'):
        path.write_bytes(data)
        with pytest.raises(
            ValueError,
            match=r"^the file is neither pcapng nor pcap: it begins "
            "with",
        ):
            FrameLog.open(path)


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_segments_after_the_end_are_no_other_connection(path: Path, how: str) -> None:
    conversation = Conversation().opened()
    again = conversation.add("client", MASKED_HELLO)
    getattr(conversation, how)()
    conversation.segments.append(again)
    conversation.add("client", MASKED_HELLO)
    assert kinds(opened(path, conversation))[-1] == "closed"


def test_a_gap_before_the_end_does_not_hide_the_end(path: Path) -> None:
    conversation = Conversation().opened()
    lost = conversation.add("client", MASKED_HELLO)
    conversation.segments.remove(lost)
    conversation.add("client", MASKED_HELLO)
    log = opened(path, conversation.closed())
    assert kinds(log)[-3:] == ["notice", "frame", "closed"]
