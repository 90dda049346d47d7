"""A captured connection: its handshake, frames, messages, gaps and end."""

from __future__ import annotations

import zlib
from itertools import count
from typing import Any

import pytest

from astra_nb.log.records import ClosedRecord, FrameRecord, OpenedRecord, Record
from astra_nb.recordings import captured
from astra_nb.recordings.captured import CapturedConnection, NotWebSocket
from astra_nb.wire.frames import encode
from astra_nb.wire.messages import CloseFrame, Side
from tests.log.samples import CLOSE, HELLO, MASKED_HELLO, PING
from tests.recordings.packets import DEFLATE, REQUEST, RESPONSE

KEY = b"\1\2\3\4"


class Reader:
    """A connection that is read, and the records it gave."""

    def __init__(self, response: bytes = RESPONSE, *, opened: bool = True) -> None:
        self.connection = CapturedConnection(count(7), "127.0.0.1:80")
        if opened:
            self.take("client", REQUEST)
            self.take("server", response)

    def take(self, sender: Any, data: bytes | int) -> list[Record]:
        return list(self.connection.receive(sender, data, 5.0))

    def told(self, sender: Any, data: bytes | int) -> list[tuple[object, ...]]:
        return [
            (each.type, each.payload, each.verdict)
            if isinstance(each, FrameRecord)
            else (each.kind, getattr(each, "text", ""))
            for each in self.take(sender, data)
        ]

    def end(self, how: str) -> ClosedRecord:
        *_, closed = self.connection.end(how, 6.0)
        assert isinstance(closed, ClosedRecord)
        return closed


def test_a_handshake_and_frames_in_any_pieces() -> None:
    reader = Reader(opened=False)
    records = []
    for byte in REQUEST:
        records += reader.take("client", bytes([byte]))
    for byte in RESPONSE + HELLO + PING:
        records += reader.take("server", bytes([byte]))
    records += reader.take("client", MASKED_HELLO * 2 + MASKED_HELLO[:4])
    records += reader.take("client", MASKED_HELLO[4:])
    kinds = [getattr(each, "type", each.kind) for each in records]
    assert kinds == ["handshake", "handshake", "opened", "text", "ping", "text", "text", "text"]
    assert {each.connection for each in records} == {7}
    opened = records[2]
    assert isinstance(opened, OpenedRecord)
    assert (opened.peer, opened.path) == ("127.0.0.1:80", "/room?token=<hidden>")
    assert "planted" not in repr(records)


def test_frames_that_were_captured_before_the_response() -> None:
    reader = Reader(opened=False)
    assert reader.take("server", RESPONSE + HELLO) == []
    records = reader.take("client", REQUEST + MASKED_HELLO)
    assert [each.kind for each in records] == ["handshake", "handshake", "opened", "frame", "frame"]


def test_a_proxy_comes_first() -> None:
    reader = Reader(opened=False)
    reader.take("client", b"CONNECT a:80 HTTP/1.1\r\nProxy-Authorization: Basic x\r\n\r\n")
    reader.take("server", b"HTTP/1.1 200 OK\r\n\r\n")
    reader.take("client", REQUEST)
    records = reader.take("server", b"HTTP/1.1 103 Early Hints\r\n\r\n" + RESPONSE)
    assert [each.kind for each in records] == ["handshake", "handshake", "opened"]


@pytest.mark.parametrize(("status", "line"), [(403, b"403 Forbidden"), (None, b"what")])
def test_a_refusal(status: int | None, line: bytes) -> None:
    reader = Reader(b"HTTP/1.1 " + line + b"\r\n\r\n<body>")
    assert reader.take("server", b"more of the body") == []
    assert reader.take("server", 5) == []
    closed = reader.end("server")
    assert (closed.status, closed.tcp) == (status, "closed")


@pytest.mark.parametrize(
    ("sender", "data", "what"),
    [
        ("client", b"\x16\x03\x01\x02\x00\x01", "TLS"),
        ("client", b"SSH-2.0", "other"),
        ("client", b"GET " + bytes(70_000), "other"),
        ("server", bytes(70_000), "other"),
        ("client", 5, "other"),
    ],
)
def test_what_is_not_a_websocket(sender: str, data: bytes | int, what: str) -> None:
    with pytest.raises(NotWebSocket) as caught:
        Reader(opened=False).take(sender, data)
    assert str(caught.value) == what


PAGE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
KNOWN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("answer", [b"", KNOWN + b"pa", KNOWN + b"page\n", KNOWN[:20]])
def test_a_connection_for_pages_alone(answer: bytes) -> None:
    reader = CapturedConnection(count(1), "127.0.0.1:80")
    assert not list(reader.receive("client", PAGE, 1.0))
    assert not list(reader.receive("server", answer, 1.0))
    with pytest.raises(NotWebSocket, match="other"):
        list(reader.end("client", 2.0))


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"what\r\n\r\n"]
)
def test_a_page_whose_end_is_not_known(answer: bytes) -> None:
    reader = CapturedConnection(count(1), "127.0.0.1:80")
    assert not list(reader.receive("client", PAGE, 1.0))
    with pytest.raises(NotWebSocket, match="other"):
        list(reader.receive("server", answer, 1.0))


def test_a_websocket_after_pages_on_the_same_connection() -> None:
    reader = CapturedConnection(count(1), "127.0.0.1:80")
    parts: list[tuple[Side, bytes | int]] = [
        ("client", PAGE), ("server", b"HTTP/1.1 103 Early Hints\r\n\r\n" + KNOWN + b"p"),
        ("server", 2), ("server", b"e\n"),
        ("client", PAGE), ("server", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("client", REQUEST), ("server", RESPONSE + HELLO),
    ]  # fmt: skip
    records = [each for part in parts for each in reader.receive(*part, 1.0)]
    assert [each.kind for each in records] == ["handshake", "handshake", "opened", "frame"]
    assert {each.connection for each in records} == {1}


def test_a_websocket_after_a_long_page_and_a_long_refusal() -> None:
    """The bodies of answers are not kept until the next request."""
    reader = CapturedConnection(count(1), "127.0.0.1:80")
    size = 3 * captured.MAX_HEAD
    kinds = []
    for request, status in ((PAGE, b"200 OK"), (REQUEST, b"401 Unauthorized")):
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, size)
        kinds += [each.kind for each in reader.receive("client", request, 1.0)]
        body = [bytes(1000)] * (size // 1000) + [bytes(size % 1000 - 1)]
        for part in (head + b"x", *body):
            kinds += [each.kind for each in reader.receive("server", part, 1.0)]
            assert reader.held < 2000
    kinds += [each.kind for each in reader.receive("client", REQUEST, 2.0)]
    kinds += [each.kind for each in reader.receive("server", RESPONSE + HELLO, 2.0)]
    assert kinds == [
        "handshake",
        "handshake",
        "closed",
        "handshake",
        "handshake",
        "opened",
        "frame",
    ]


def test_a_websocket_after_a_refusal_on_the_same_connection() -> None:
    reader = CapturedConnection(count(1), "127.0.0.1:80")
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n"
    parts: list[tuple[Side, bytes]] = [
        ("client", REQUEST), ("server", refusal + b"n"), ("server", b"o"),
        ("client", REQUEST), ("server", RESPONSE), ("client", MASKED_HELLO),
    ]  # fmt: skip
    records = [each for part in parts for each in reader.receive(*part, 1.0)]
    records += reader.end("client", 2.0)
    assert [(each.connection, each.kind) for each in records] == [
        (1, "handshake"), (1, "handshake"), (1, "closed"),
        (2, "handshake"), (2, "handshake"), (2, "opened"), (2, "frame"), (2, "closed"),
    ]  # fmt: skip
    assert [getattr(each, "status", None) for each in records][2] == 401


# Compression


def compressed(*messages: bytes, fragments: int = 1, reset: bool = False) -> list[bytes]:
    """Frames with messages that share a window, as a server sends them."""
    frames = []
    deflater = zlib.compressobj(wbits=-15)
    for message in messages:
        data = deflater.compress(message) + deflater.flush(zlib.Z_SYNC_FLUSH)
        data = data.removesuffix(b"\0\0\xff\xff")
        deflater = zlib.compressobj(wbits=-15) if reset else deflater
        step = len(data) // fragments + 1
        parts = [data[at : at + step] for at in range(0, len(data), step)]
        for position, part in enumerate(parts):
            first, last = position == 0, position == len(parts) - 1
            frames.append(encode(1 if first else 0, part, fin=last, rsv=4 * first))
    return frames


TEXT = b"the quick brown fox jumps over the lazy dog " * 3
DEFLATED = RESPONSE[:-2] + DEFLATE


def test_compressed_messages_share_a_window() -> None:
    reader = Reader(DEFLATED)
    frames = compressed(TEXT, TEXT, b"")
    assert reader.told("server", b"".join(frames)) == [
        ("text", TEXT, ""),
        ("text", TEXT, ""),
        ("text", b"", ""),
    ]
    assert len(frames[1]) < len(frames[0])
    plain = encode(1, b"plain", key=KEY)
    assert reader.told("client", plain) == [("text", b"plain", "")]


def test_compressed_fragments_with_a_ping_between() -> None:
    reader = Reader(DEFLATED)
    first, second, third = compressed(TEXT, fragments=3)
    told = reader.told("server", first + PING + second + third)
    assert told[1] == ("ping", PING[2:], "")
    assert b"".join(payload for kind, payload, _ in told if kind != "ping") == TEXT  # type: ignore[misc]


def test_a_message_that_ends_its_stream_of_deflate() -> None:
    reader = Reader(DEFLATED)
    deflater = zlib.compressobj(wbits=-15)
    final = encode(1, deflater.compress(TEXT) + deflater.flush(), rsv=4)
    (other,) = compressed(b"another")
    assert [payload for _, payload, _ in reader.told("server", final + other)] == [TEXT, b"another"]


@pytest.mark.parametrize("reset", [False, True])
def test_messages_that_refer_to_what_is_missing(reset: bool) -> None:
    header = b"permessage-deflate; server_no_context_takeover"
    response = DEFLATED.replace(b"permessage-deflate", header) if reset else DEFLATED
    reader = Reader(response)
    first, second, third = compressed(TEXT, TEXT, b"0123456789abcdef", reset=reset)
    gap = ("notice", f"gap: {len(first)} bytes that the server sent are not in the capture; "
           "frames are read again from the next segment that holds whole ones")  # fmt: skip
    assert reader.told("server", len(first)) == [gap]
    _, payload, verdict = reader.told("server", second)[0]
    if reset:
        assert (payload, verdict) == (TEXT, "")
    else:
        assert verdict == "cannot be decompressed: what it refers to is missing"
    assert reader.told("server", third)[0][1:] == (b"0123456789abcdef", "")


def test_a_bomb_of_deflate_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "MAX_MESSAGE", 10_000)
    reader = Reader(DEFLATED)
    bomb, small = compressed(bytes(10**6), b"small", reset=True)
    told = reader.told("server", bomb + small)
    assert [verdict != "" for *_, verdict in told] == [True, False]


# Gaps


def test_a_gap_within_a_payload_cuts_that_frame_only() -> None:
    reader = Reader()
    long = encode(2, bytes(range(200)))
    assert reader.told("server", HELLO + long[:50]) == [("text", b"Hello", "")]
    assert reader.told("server", 100) == [
        ("bytes", bytes(range(46)), "cut: bytes of it were not captured"),
        ("notice", "gap: 100 bytes that the server sent are not in the capture"),
    ]
    assert reader.told("server", long[150:180]) == []
    assert reader.told("server", 10) == [
        ("notice", "gap: 10 bytes that the server sent are not in the capture")
    ]
    assert reader.told("server", long[190:] + HELLO) == [("text", b"Hello", "")]


@pytest.mark.parametrize("before", [b"", HELLO[:1], HELLO[:4]], ids=["between", "head", "payload"])
def test_after_a_gap_whole_frames_are_looked_for(before: bytes) -> None:
    reader = Reader()
    reader.take("server", before)
    (*_, gap) = reader.told("server", 50)
    assert gap[0] == "notice"
    for doubtful in (HELLO[2:], b"\x83\x01a", MASKED_HELLO, HELLO + b"\x81", b"\xa1\x01a"):
        assert reader.told("server", doubtful) == []
    assert reader.told("server", HELLO + PING) == [("text", b"Hello", ""), ("ping", PING[2:], "")]
    assert reader.told("client", MASKED_HELLO) == [("text", b"Hello", "")]


def test_a_message_of_which_a_fragment_is_missing_is_none() -> None:
    reader = Reader()
    reader.take("server", encode(1, b"first", fin=False))
    reader.take("server", 7)
    broken = "part of a message that is not whole in the capture"
    assert reader.told("server", encode(0, b"last")) == [("continuation", b"last", broken)]
    assert reader.told("server", HELLO) == [("text", b"Hello", "")]


def test_a_frame_that_is_too_long_keeps_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "MAX_FRAME", 1000)
    monkeypatch.setattr(captured, "MAX_KEPT", 100)
    reader = Reader()
    long = encode(2, bytes(5000))
    ((kind, payload, verdict),) = reader.told("server", long[:300])
    assert (kind, payload) == ("bytes", bytes(96))
    assert verdict == "longer than 1,000 bytes: the rest is not kept"
    assert reader.told("server", long[300:] + HELLO) == [("text", b"Hello", "")]
    assert reader.connection.held == 0
    endless = encode(2, b"", length=2**63)
    assert len(reader.told("server", endless + bytes(5000))) == 1
    assert reader.connection.held == 0


# The end


@pytest.mark.parametrize(
    ("frames", "how", "tcp", "first"),
    [
        ([("client", CLOSE), ("server", CLOSE)], "client", "closed", "client"),
        ([("server", CLOSE)], "client", "dropped by client", "server"),
        ([], "server", "dropped by server", ""),
        ([("client", HELLO)], "reset", "reset", ""),
    ],
)
def test_how_it_ended(frames: list[tuple[str, bytes]], how: str, tcp: str, first: str) -> None:
    reader = Reader()
    for sender, frame in frames:
        reader.take(sender, frame)
    closed = reader.end(how)
    assert (closed.tcp, closed.first, closed.connection) == (tcp, first, 7)
    code = CloseFrame(1000, "done")
    senders = [sender for sender, frame in frames if frame is CLOSE]
    assert closed.sent == (code if "client" in senders else None)
    assert closed.received == (code if "server" in senders else None)
    assert closed.why_closed


def test_an_empty_close_frame() -> None:
    reader = Reader()
    reader.take("server", b"\x88\0")
    assert reader.end("server").received == CloseFrame(1005)


def test_the_end_of_the_capture_cuts_a_frame() -> None:
    reader = Reader()
    reader.take("server", HELLO[:4])
    (record,) = reader.connection.end("", 6.0)
    assert isinstance(record, FrameRecord)
    assert (record.payload, record.verdict) == (b"He", "cut: the rest was not captured")
    assert list(Reader(opened=False).connection.end("reset", 6.0)) == []
