"""RFC 7692, permessage-deflate: agreed only where it is switched on, and then to the letter."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from astra_nb import connect
from astra_nb.errors import HandshakeFailed

from .cases import BINARY, CLOSE, CONTINUATION, PING, TEXT
from .ends import ENDS, End, Options, Peer, answer_request, read_head
from .exchange import NORMAL_CLOSE, code_of, finish
from .octets import frame

END_OF_BLOCK = b"\x00\x00\xff\xff"
RSV1 = 4
PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1002, 1007, 1009
TEXTS = (
    b"Hello",
    b"Hello",
    b"",
    "naïve café ".encode() * 2000,
    bytes(range(32, 127)) * 700,
    "naïve café ".encode() * 2000,
)


@dataclass
class Deflate:
    """The other side's compressor and decompressor, as the parameters in use want them.

    Attributes:
        out_bits: Window of what this side sends, as a power of two.
        in_bits: Window of what the end under test sends.
        out_takeover: Whether this side keeps its window from message to message.
        in_takeover: Whether the end under test does.
    """

    out_bits: int = 15
    in_bits: int = 15
    out_takeover: bool = True
    in_takeover: bool = True
    _compress: zlib._Compress | None = field(default=None, repr=False)
    _decompress: zlib._Decompress | None = field(default=None, repr=False)

    def compress(self, payload: bytes) -> bytes:
        if self._compress is None or not self.out_takeover:
            self._compress = zlib.compressobj(wbits=-self.out_bits)
        data = self._compress.compress(payload) + self._compress.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(END_OF_BLOCK)
        return data[:-4]

    def decompress(self, payload: bytes) -> bytes:
        if self._decompress is None or not self.in_takeover:
            self._decompress = zlib.decompressobj(wbits=-self.in_bits)
        return self._decompress.decompress(payload + END_OF_BLOCK)


def deflated(payload: bytes, *, opcode: int = TEXT, fin: bool = True) -> bytes:
    """Make a frame whose payload is compressed already."""
    return frame(opcode, payload, fin=fin, rsv=RSV1 if opcode else 0)


def agreed(peer: Peer) -> str:
    """Return the value of Sec-WebSocket-Extensions that the end under test sent."""
    for line in peer.head.decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "sec-websocket-extensions":
            return value.strip()
    return ""


def offer(value: str) -> Options:
    return Options(extensions=value, compression="deflate")


# What the raw side says, and what that means for it: as a client it offers, and the server must
# agree to just this; as a server it agrees to what the client has offered.
AGREEMENTS: tuple[tuple[str, dict[str, object], dict[str, object]], ...] = (
    ("permessage-deflate", {}, {}),
    (
        "permessage-deflate; server_no_context_takeover",
        {"in_takeover": False},
        {"out_takeover": False},
    ),
    (
        "permessage-deflate; client_no_context_takeover",
        {"out_takeover": False},
        {"in_takeover": False},
    ),
    (
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        {"in_takeover": False, "out_takeover": False},
        {"in_takeover": False, "out_takeover": False},
    ),
    ("permessage-deflate; server_max_window_bits=9", {"in_bits": 9}, {"out_bits": 9}),
    ("permessage-deflate; server_max_window_bits=12", {"in_bits": 12}, {"out_bits": 12}),
    (
        "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
        {"in_bits": 10, "in_takeover": False},
        {"out_bits": 10, "out_takeover": False},
    ),
)


@pytest.mark.parametrize(("extensions", "as_client", "as_server"), AGREEMENTS)
def test_messages_both_ways(
    end: End, extensions: str, as_client: dict[str, int], as_server: dict[str, int]
) -> None:
    with end(offer(extensions)) as peer:
        if peer.side == "server":
            assert sorted(agreed(peer).split("; ")) == sorted(extensions.split("; "))
        else:
            assert "permessage-deflate" in agreed(peer)
        codec = Deflate(**(as_client if peer.side == "server" else as_server))  # type: ignore[arg-type]
        sent = [deflated(codec.compress(text)) for text in TEXTS]
        echo_all(peer, sent, codec)
        check_log(peer)


def echo_all(
    peer: Peer, sent: list[bytes], codec: Deflate, texts: tuple[bytes, ...] = TEXTS
) -> None:
    """Send frames, read an echo for each text, and close."""
    for data in sent:
        peer.send(peer.wire(data))
    peer.read_until(lambda _: count_messages(peer) == len(texts))
    echoes = list(peer_messages(peer, codec))
    assert echoes == list(texts)
    peer.send(peer.wire(NORMAL_CLOSE))
    finish(peer)
    assert code_of(peer.frames()[-1]) == 1000


def count_messages(peer: Peer) -> int:
    try:
        return sum(1 for wire in peer.frames() if wire.opcode < CLOSE and wire.first & 0x80)
    except ValueError:
        return -1


def peer_messages(peer: Peer, codec: Deflate) -> Iterator[bytes]:
    for wire in peer.frames():
        assert wire.first & 0x30 == 0, "RSV2 and RSV3 are 0"
        if wire.opcode < CLOSE:
            assert wire.first & 0x40, "this echo is not compressed"
            yield codec.decompress(wire.payload)


def check_log(peer: Peer) -> None:
    """Check that the log has both the bytes of the wire and what they say."""
    sent, received = peer.frame_records("sent"), peer.frame_records("received")
    assert b"".join(record.frame.raw for record in sent) == bytes(peer.received)
    assert b"".join(record.frame.raw for record in received) == bytes(peer.sent)
    for direction in (sent, received):
        data = [record for record in direction if record.frame.opcode < CLOSE]
        assert tuple(record.message for record in data) == TEXTS
        assert tuple(record.payload for record in data) == TEXTS
        assert all(record.frame.rsv1 for record in data)
    closes = [record for record in sent + received if record.frame.opcode == CLOSE]
    assert [record.message for record in closes] == [None, None]


# RFC 7692, section 7.2.3.
HELLO_ONCE = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
SAMPLES = {
    "one message": (HELLO_ONCE, (b"Hello",)),
    "shared window": (HELLO_ONCE + b"\xc1\x05\xf2\x00\x11\x00\x00", (b"Hello",) * 2),
    "same bytes again": (HELLO_ONCE * 2, (b"Hello",) * 2),
    "no compression": (
        b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        (b"Hello",),
    ),
    "BFINAL set": (b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", (b"Hello",)),
    "BFINAL set, then another": (
        b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00" + HELLO_ONCE,
        (b"Hello",) * 2,
    ),
    "two blocks": (
        b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        (b"Hello",),
    ),
    "fragments": (b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", (b"Hello",)),
    "fragments with a ping between": (
        b"\x41\x03\xf2\x48\xcd\x89\x01!\x80\x04\xc9\xc9\x07\x00",
        (b"Hello",),
    ),
    "not compressed at all": (b"\x81\x05Hello", (b"Hello",)),
    "empty": (b"\xc1\x01\x00", (b"",)),
    "compressed, then not": (HELLO_ONCE + b"\x81\x05Hello", (b"Hello",) * 2),
}


BFINAL = pytest.mark.xfail(
    reason="websockets' extension reads nothing behind a block with BFINAL set", strict=True
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=BFINAL if name == "BFINAL set, then another" else ())
        for name in SAMPLES
    ],
)
def test_sample(end: End, name: str) -> None:
    data, texts = SAMPLES[name]
    with end(offer("permessage-deflate")) as peer:
        echo_all(peer, [data], Deflate(), texts)


REFUSED = {
    "RSV1 in a ping": (frame(PING, b"", rsv=RSV1), PROTOCOL_ERROR),
    "RSV1 in a close": (frame(CLOSE, b"\x03\xe8", rsv=RSV1), PROTOCOL_ERROR),
    "RSV1 in a continuation": (
        b"\x41\x03\xf2\x48\xcd" + frame(CONTINUATION, b"\xc9\xc9\x07\x00", rsv=RSV1),
        PROTOCOL_ERROR,
    ),
    "RSV2": (frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=RSV1 | 2), PROTOCOL_ERROR),
    "RSV3": (frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=RSV1 | 1), PROTOCOL_ERROR),
    "not deflate": (deflated(b"\xff\xff\xff\xff"), PROTOCOL_ERROR),
    "not UTF-8 once decompressed": (deflated(Deflate().compress(b"good \xff")), INVALID_DATA),
    "not UTF-8 in the first of two fragments": (
        deflated(Deflate().compress(b"good \xff"), fin=False),
        INVALID_DATA,
    ),
    "too big once decompressed": (deflated(Deflate().compress(bytes(20 * 2**20))), TOO_BIG),
    "too big once decompressed, in fragments": (
        deflated((bomb := Deflate().compress(bytes(20 * 2**20)))[:9000], opcode=BINARY, fin=False)
        + frame(CONTINUATION, bomb[9000:]),
        TOO_BIG,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(end: End, name: str) -> None:
    data, code = REFUSED[name]
    with end(offer("permessage-deflate")) as peer:
        peer.send(peer.wire(data))
        finish(peer)
        (close,) = peer.frames()
        assert code_of(close) == code
        verdicts = [record.verdict for record in peer.frame_records("received")]
        assert verdicts[-1].startswith("refused")
        assert peer.closed_record().detail


@pytest.fixture(scope="module", params=[name for name in ENDS if name.startswith("server")])
def server(request: pytest.FixtureRequest) -> Iterator[End]:
    with ENDS[request.param]() as open_peer:
        yield open_peer


@pytest.mark.parametrize(
    "extensions",
    [
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-bzip2",
        "x-webkit-deflate-frame",
    ],
)
def test_an_offer_that_is_none_is_declined(server: End, extensions: str) -> None:
    with server(offer(extensions)) as peer:
        assert agreed(peer) == ""
        refused_without_agreement(peer)


def test_a_route_without_compression_declines_it(server: End) -> None:
    with server(Options(extensions="permessage-deflate")) as peer:
        assert agreed(peer) == ""
        refused_without_agreement(peer)


def refused_without_agreement(peer: Peer) -> None:
    peer.send(peer.wire(HELLO_ONCE))
    finish(peer)
    (close,) = peer.frames()
    assert code_of(close) == PROTOCOL_ERROR


def test_the_first_offer_that_can_be_taken_is(server: End) -> None:
    with server(
        offer("x-other, permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10")
    ) as peer:
        assert agreed(peer) == "permessage-deflate; server_max_window_bits=10"
        echo_all(peer, [HELLO_ONCE], Deflate(in_bits=10), (b"Hello",))


def test_a_client_that_can_bound_its_window_may_say_so(server: End) -> None:
    with server(offer("permessage-deflate; client_max_window_bits")) as peer:
        assert agreed(peer).startswith("permessage-deflate")
        echo_all(peer, [HELLO_ONCE], Deflate(), (b"Hello",))


@pytest.mark.parametrize(
    "answer",
    [
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    ],
)
def test_a_client_refuses_an_agreement_that_is_none(answer: str) -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            sock, _ = listening.accept()
            with sock:
                head, _ = read_head(sock)
                answer_request(sock, head, answer)
                sock.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(HandshakeFailed, match=r"xtension|parameter"):
            connect(f"ws://127.0.0.1:{listening.getsockname()[1]}/", compression="deflate")
        thread.join(10)


def test_a_client_without_compression_offers_none_and_refuses_it() -> None:
    import socket
    import threading

    heads = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            sock, _ = listening.accept()
            with sock:
                head, _ = read_head(sock)
                heads.append(head)
                answer_request(sock, head, "permessage-deflate")
                sock.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(HandshakeFailed, match="xtension"):
            connect(f"ws://127.0.0.1:{listening.getsockname()[1]}/")
        thread.join(10)
    assert b"sec-websocket-extensions" not in heads[0].lower()
