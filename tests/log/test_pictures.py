from __future__ import annotations

from xml.etree import ElementTree

import pytest

from astra_nb.log import FrameLog
from astra_nb.log.records import FrameRecord, handshake_record
from astra_nb.wire.frames import decode, encode
from astra_nb.wire.messages import Side as End
from astra_nb.wire.opcodes import PING, PONG, TEXT
from astra_nb.wire.svg import Picture

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455, section 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
REQUEST = f"GET /chat HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
RESPONSE = f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
EVIL = '<script>alert("1")</script>\x1b[2J\u202e&'

HANDSHAKE = f"""\
Opening handshake of connection 1

client                                          server
  GET /chat HTTP/1.1                              HTTP/1.1 101 Switching Protocols
  Host: a                                       * Sec-WebSocket-Accept: {ACCEPT}
* Sec-WebSocket-Key: {KEY}

  *  take Sec-WebSocket-Key as text               {KEY}
  -> append the GUID of RFC 6455                  {KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11
  -> take the SHA-1 hash (20 bytes, here in hex)  b37a4f2cc0624f1690f64606cf385945b2bec4ea
  -> encode the hash as base64                    {ACCEPT}

The server sent this value as Sec-WebSocket-Accept, so it read the key."""


def words(picture: Picture) -> list[str]:
    """What is written in a picture, which has to be well-formed and hold no markup of a peer."""
    root = ElementTree.fromstring(picture.svg)
    allowed = {"svg", "title", "desc", "text", "polyline", "polygon", "rect"}
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= allowed
    assert "<script" not in picture._repr_html_()
    assert "\x1b" not in str(picture) + picture.svg
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def arrows(picture: Picture) -> int:
    return picture.svg.count("<polygon")


def handshakes(*heads: str, connection: int = 1) -> FrameLog:
    records = [
        handshake_record(
            number=number,
            time=0.0,
            connection=connection,
            side="server",
            direction="sent" if head.startswith("HTTP/") else "received",
            raw=head.encode("latin-1"),
        )
        for number, head in enumerate(heads, 1)
    ]
    return FrameLog.of(records)


def test_a_handshake_goes_from_the_key_to_the_accept_value() -> None:
    picture = handshakes(REQUEST, RESPONSE).handshake_picture()

    assert str(picture) == HANDSHAKE
    assert arrows(picture) == 2
    assert f"Sec-WebSocket-Accept: {ACCEPT}" in words(picture)
    assert str(picture).splitlines()[-1] in words(picture)


@pytest.mark.parametrize(
    ("heads", "verdict", "count"),
    [
        ([REQUEST], "No response is in this log.", 1),
        ([RESPONSE, REQUEST], "No response is in this log.", 1),
        ([REQUEST, "HTTP/1.1 403 Forbidden\r\n\r\n"],
            "The response has no Sec-WebSocket-Accept.", 1),
        ([REQUEST, RESPONSE.replace("s3p", "x")],
            "The server sent another value as Sec-WebSocket-Accept, so the client must\n"
            "fail the connection (RFC 6455, section 4.1).", 2),
        (["GET / HTTP/1.1\r\n\r\n", RESPONSE], "The request has no Sec-WebSocket-Key.", 0),
    ],
)  # fmt: skip
def test_a_handshake_that_is_not_whole_says_what_is_missing(
    heads: list[str], verdict: str, count: int
) -> None:
    picture = handshakes(*heads).handshake_picture()

    assert str(picture).endswith(f"\n\n{verdict}")
    assert arrows(picture) == count


def test_the_newest_handshake_is_drawn_and_a_filter_chooses_another_one() -> None:
    log = FrameLog.of(
        [
            *handshakes(REQUEST, RESPONSE, connection=1),
            handshake_record(
                number=3,
                time=0.0,
                connection=2,
                side="client",
                direction="sent",
                raw=REQUEST.encode(),
            ),
        ]
    )

    assert str(log.handshake_picture()).startswith("Opening handshake of connection 2\n")
    assert str(log.filter(connection=1).handshake_picture()) == HANDSHAKE


def test_of_a_head_of_a_stranger_only_so_much_is_shown_and_none_of_it_is_markup() -> None:
    many = "".join(f"X-{n}: {EVIL.replace(chr(0x202E), '')}{'x' * 99}\r\n" for n in range(200))
    request = REQUEST.replace("Host: a\r\n", many)
    written = words(handshakes(request, RESPONSE).handshake_picture())

    assert f"Sec-WebSocket-Key: {KEY}" in written
    assert "and 186 more headers" in written
    assert [line for line in written if line.startswith("X-14:")] == []
    assert max(map(len, written)) < 100


def test_a_key_of_a_stranger_is_escaped() -> None:
    heads = f"GET / HTTP/1.1\r\nSec-WebSocket-Key: {EVIL[:-2]}\r\n\r\n"

    assert r'<script>alert("1")</script>\x1b[2J' in words(handshakes(heads).handshake_picture())


# Pings


def ping_log(*frames: tuple[float, str, int, bytes], side: End = "server") -> FrameLog:
    return FrameLog.of(
        [
            FrameRecord(
                number=number,
                time=time,
                connection=1,
                side=side,
                direction="sent" if direction == "sent" else "received",
                frame=decode(encode(opcode, payload)),
            )
            for number, (time, direction, opcode, payload) in enumerate(frames, 1)
        ]
    )


def test_pings_of_both_ends_have_their_times() -> None:
    picture = ping_log(
        (1.0, "sent", PING, b"a"),
        (1.0125, "received", PONG, b"a"),
        (2.0, "received", PING, b"b"),
        (2.0005, "sent", PONG, b"b"),
        (3.0, "sent", PING, b""),
    ).ping_picture()

    assert str(picture).splitlines() == [
        "3 PINGs on a time line",
        "",
        '#1 server: PING 61 "a"  |-- round-trip time 12.50 ms -->| PONG',
        '#1 client: PING 62 "b"  |-- answered after 0.50 ms -->| PONG',
        "#1 server: PING no payload  |-- no PONG",
        "",
        "The times were taken at the end that keeps this log; how long each way took is not known.",
    ]
    assert arrows(picture) == 5
    assert {"round-trip time 12.50 ms", "answered after 0.50 ms", "no PONG"} <= set(words(picture))


def test_a_clock_that_stands_still_is_drawn_too() -> None:
    picture = ping_log((1.0, "sent", PING, b"a"), (1.0, "received", PONG, b"a")).ping_picture()

    assert "round-trip time 0.00 ms" in words(picture)


def test_the_newest_pings_are_drawn_and_the_others_counted() -> None:
    picture = ping_log(*[(float(n), "sent", PING, bytes([n])) for n in range(20)]).ping_picture()

    assert "12 earlier PINGs not shown." in words(picture)
    assert str(picture).splitlines()[2] == "12 earlier PINGs not shown."
    assert [line.split()[3] for line in str(picture).splitlines()[3:11]] == [
        f"{number:02x}" for number in range(12, 20)
    ]


def test_a_payload_of_a_stranger_is_escaped() -> None:
    picture = ping_log((1.0, "received", PING, b"<b>&</b>")).ping_picture()

    assert '#1 client: PING 3c 62 3e 26 3c 2f 62 3e "<b>&</b>"' in words(picture)


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ("handshake_picture", "(no request of an opening handshake in this log)"),
        ("ping_picture", "(no PING frame in this log)"),
        ("utf8_picture", "(no text frame in this log)"),
    ],
)
def test_an_empty_log_says_so(picture: str, text: str) -> None:
    drawn = getattr(FrameLog(), picture)()

    assert str(drawn) == text
    assert words(drawn) == [text]


def test_the_newest_text_is_drawn_bit_by_bit() -> None:
    log = ping_log((1.0, "sent", TEXT, b"old"), (2.0, "sent", TEXT, b"A"), (3.0, "sent", PING, b""))

    assert "A           U+0041     0|1000001" in str(log.utf8_picture()).splitlines()
    assert len([word for word in words(log.utf8_picture()) if word in ("0", "1")]) == 8
