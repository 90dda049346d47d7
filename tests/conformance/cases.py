"""The rules of RFC 6455, sections 5 to 8, as bytes in and bytes out, for an endpoint that echoes.

`sends` is what the other end puts on the wire, unmasked. An endpoint answers with `data` (its
echoes) and `pongs`, each in their order, and then:

- `answers` a number: to the CLOSE frame in `sends` with a CLOSE frame of that code
  (1005: an empty one);
- `fails` a number: by failing the connection with that code, without waiting for more;
- neither: by staying open, which is proved by a message and a normal close afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .octets import frame

__all__ = ["CASES", "INVALID_TEXTS", "VALID_TEXTS", "Case"]


@dataclass(frozen=True)
class Case:
    """One exchange; see the module."""

    name: str
    section: str
    sends: bytes
    data: bytes = b""
    pongs: bytes = b""
    answers: int | None = None
    fails: int | None = None

    def __str__(self) -> str:
        return self.name


CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
HELLO = b"\x81\x05Hello"
PROTOCOL_ERROR, INVALID_DATA = 1002, 1007


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def samples() -> Iterator[Case]:
    """Section 5.7, word for word, but for the masks."""
    yield Case("sample text", "5.7", b"\x81\x05\x48\x65\x6c\x6c\x6f", HELLO)
    yield Case("sample fragmented text", "5.7", b"\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f", HELLO)
    yield Case(
        "sample ping", "5.7", b"\x89\x05\x48\x65\x6c\x6c\x6f", pongs=b"\x8a\x05\x48\x65\x6c\x6c\x6f"
    )
    yield Case("sample pong", "5.7", b"\x8a\x05\x48\x65\x6c\x6c\x6f")
    quarter = bytes(range(256))
    yield Case(
        "sample 256 bytes", "5.7", b"\x82\x7e\x01\x00" + quarter, b"\x82\x7e\x01\x00" + quarter
    )
    full = quarter * 256
    sample = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + full
    yield Case("sample 64 KiB", "5.7", sample, sample)


def framing() -> Iterator[Case]:
    for size in (0, 1, 124, 125, 126, 127, 128, 65535, 65536, 65537):
        text = frame(TEXT, b"*" * size)
        yield Case(f"text of {size} bytes", "5.2", text, text)
        data = frame(BINARY, b"\xfe" * size)
        yield Case(f"binary of {size} bytes", "5.2", data, data)
    yield Case("messages back to back", "5.2", HELLO * 100, HELLO * 100)
    mixed = b"\x81\x00\x82\x01\x00\x81\x02ab"
    yield Case("messages of mixed types", "5.2", mixed, mixed)
    for name, header in (
        ("0 bytes in 16 bits", b"\x82\x7e\x00\x00"),
        ("125 bytes in 16 bits", b"\x82\x7e\x00\x7d"),
        ("0 bytes in 64 bits", b"\x82\x7f" + bytes(8)),
        ("125 bytes in 64 bits", b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x7d"),
        ("65535 bytes in 64 bits", b"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"),
    ):
        payload = b"x" * int.from_bytes(header[2:], "big")
        yield Case(
            f"length not in its shortest form: {name}",
            "5.2",
            header + payload,
            fails=PROTOCOL_ERROR,
        )
    yield Case(
        "a good message, then a length not in its shortest form",
        "5.2",
        HELLO + b"\x82\x7e\x00\x01x" + HELLO,
        HELLO,
        fails=PROTOCOL_ERROR,
    )


def control() -> Iterator[Case]:
    for name, payload in (
        ("empty", b""),
        ("text", b"Hello, world!"),
        ("binary", bytes((0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF))),
        ("tutorial", bytes((0, 88, 14, 67, 45))),
        ("125 bytes", b"\xfe" * 125),
    ):
        yield Case(f"ping, {name}", "5.5.2", frame(PING, payload), pongs=frame(PONG, payload))
        yield Case(f"unsolicited pong, {name}", "5.5.3", frame(PONG, payload))
    for opcode, name in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        payload = b"\x03\xe8" + b"x" * 124
        yield Case(f"{name} of 126 bytes", "5.5", frame(opcode, payload), fails=PROTOCOL_ERROR)
        yield Case(
            f"{name} of 65536 bytes",
            "5.5",
            frame(opcode, b"\x03\xe8" + b"x" * 65534),
            fails=PROTOCOL_ERROR,
        )
        yield Case(
            f"fragmented {name}",
            "5.5",
            frame(opcode, b"\x03\xe8", fin=False),
            fails=PROTOCOL_ERROR,
        )
        yield Case(
            f"fragmented {name} and its continuation",
            "5.5",
            frame(opcode, b"", fin=False) + frame(CONTINUATION, b"x"),
            fails=PROTOCOL_ERROR,
        )
    ten = [b"payload-%d" % index for index in range(10)]
    yield Case(
        "ten pings",
        "5.5.2",
        b"".join(frame(PING, payload) for payload in ten),
        pongs=b"".join(frame(PONG, payload) for payload in ten),
    )
    yield Case(
        "unsolicited pong, then ping",
        "5.5.3",
        frame(PONG, b"no") + frame(PING, b"yes"),
        pongs=frame(PONG, b"yes"),
    )
    yield Case(
        "message, ping, message",
        "5.5.2",
        HELLO + frame(PING, b"!") + HELLO,
        HELLO * 2,
        frame(PONG, b"!"),
    )


def reserved() -> Iterator[Case]:
    for rsv in range(1, 8):
        for opcode, name in (
            (TEXT, "text"),
            (BINARY, "binary"),
            (PING, "ping"),
            (PONG, "pong"),
        ):
            yield Case(
                f"RSV {rsv:03b} in {name}",
                "5.2",
                frame(opcode, b"Hello", rsv=rsv),
                fails=PROTOCOL_ERROR,
            )
        yield Case(
            f"RSV {rsv:03b} in close",
            "5.2",
            frame(CLOSE, b"\x03\xe8", rsv=rsv),
            fails=PROTOCOL_ERROR,
        )
        yield Case(
            f"good message, then RSV {rsv:03b}, then ping",
            "5.2",
            HELLO + frame(TEXT, b"Hello", rsv=rsv) + frame(PING),
            HELLO,
            fails=PROTOCOL_ERROR,
        )
        yield Case(
            f"RSV {rsv:03b} in a continuation",
            "5.2",
            frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", rsv=rsv),
            fails=PROTOCOL_ERROR,
        )
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"reserved opcode"):
            with_payload = " with payload" if payload else ""
            yield Case(
                f"opcode {opcode}{with_payload}",
                "5.2",
                frame(opcode, payload),
                fails=PROTOCOL_ERROR,
            )
            yield Case(
                f"good message, then opcode {opcode}{with_payload}, then ping",
                "5.2",
                HELLO + frame(opcode, payload) + frame(PING),
                HELLO,
                fails=PROTOCOL_ERROR,
            )
        yield Case(
            f"opcode {opcode} without FIN",
            "5.2",
            frame(opcode, b"x", fin=False),
            fails=PROTOCOL_ERROR,
        )


def fragmentation() -> Iterator[Case]:
    first = frame(TEXT, b"fragment1", fin=False)
    last = frame(CONTINUATION, b"fragment2")
    whole = frame(TEXT, b"fragment1fragment2")
    ping, pong = frame(PING, b"ping payload"), frame(PONG, b"ping payload")
    yield Case("two fragments", "5.4", first + last, whole)
    yield Case("two fragments, ping between", "5.4", first + ping + last, whole, pong)
    yield Case("two fragments, pong between", "5.4", first + pong + last, whole)
    yield Case(
        "ping before and after fragments", "5.4", ping + first + last + ping, whole, pong * 2
    )
    yield Case(
        "empty fragments",
        "5.4",
        frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION),
        frame(TEXT),
    )
    yield Case(
        "empty first and last fragment",
        "5.4",
        frame(BINARY, b"", fin=False) + frame(CONTINUATION, b"x", fin=False) + frame(CONTINUATION),
        frame(BINARY, b"x"),
    )
    five = (
        frame(TEXT, b"1", fin=False)
        + ping
        + b"".join(frame(CONTINUATION, b"%d" % index, fin=False) + ping for index in range(2, 5))
    )
    yield Case(
        "five fragments, pings between all",
        "5.4",
        five + frame(CONTINUATION, b"5"),
        frame(TEXT, b"12345"),
        pong * 4,
    )
    yield Case(
        "a character across fragments",
        "5.4",
        frame(TEXT, b"\xe2", fin=False)
        + frame(CONTINUATION, b"\x82", fin=False)
        + frame(CONTINUATION, b"\xac"),
        frame(TEXT, "€".encode()),
    )
    yield Case(
        "256 fragments of one byte",
        "5.4",
        frame(BINARY, b"\x00", fin=False)
        + b"".join(frame(CONTINUATION, bytes((i,)), fin=False) for i in range(1, 255))
        + frame(CONTINUATION, b"\xff"),
        frame(BINARY, bytes(range(256))),
    )
    for fin in (True, False):
        text = "" if fin else " without FIN"
        alone = frame(CONTINUATION, b"alone", fin=fin)
        yield Case(f"continuation{text} of nothing", "5.4", alone, fails=PROTOCOL_ERROR)
        yield Case(
            f"continuation{text} of nothing, then a message",
            "5.4",
            alone + HELLO,
            fails=PROTOCOL_ERROR,
        )
        yield Case(
            f"good message, then continuation{text} of nothing",
            "5.4",
            HELLO + alone + HELLO,
            HELLO,
            fails=PROTOCOL_ERROR,
        )
        yield Case(
            f"fragmented message, then continuation{text} of nothing",
            "5.4",
            first + last + alone + HELLO,
            whole,
            fails=PROTOCOL_ERROR,
        )
        for opcode, name in ((TEXT, "text"), (BINARY, "binary")):
            yield Case(
                f"{name}{text} inside a fragmented message",
                "5.4",
                first + frame(opcode, b"new", fin=fin) + last,
                fails=PROTOCOL_ERROR,
            )
    yield Case(
        "two fragmented messages",
        "5.4",
        (first + last) * 2,
        whole * 2,
    )


# RFC 3629. Written as bytes, because some of them are no text.
VALID_TEXTS: tuple[bytes, ...] = (
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
    b"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
    b"\x00",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbd",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xef\xb7\x90",
    b"\xf0\x90\x80\x80",
    b"\xf0\x9f\xbf\xbe",
    b"\xf1\xbf\xbf\xbf",
    b"\xf4\x8f\xbf\xbe",
    b"\xf4\x8f\xbf\xbf",
    b"\xef\xbb\xbfwith a byte order mark",
    b"e\xcc\x81",
)
INVALID_TEXTS: tuple[bytes, ...] = (
    # continuation bytes without a start
    b"\x80",
    b"\xbf",
    b"\x80\xbf\x80\xbf",
    b"Hello\x80",
    # starts without continuation
    b"\xc2\x20",
    b"\xdf\x20",
    b"\xe0\xa0\x20",
    b"\xef\x20\x20",
    b"\xf0\x90\x80\x20",
    b"\xf4\x20",
    b"\xc3\xc3",
    b"\xe2\x82\x28",
    # bytes that never are
    b"\xc0",
    b"\xc1",
    b"\xf5",
    b"\xf8\x88\x80\x80\x80",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    # longer than need be
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80",
    # surrogates
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xae\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbe\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    # above U+10FFFF
    b"\xf4\x90\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    # what the outside suites send
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
)
# No text when it ends there.
CUT_TEXTS: tuple[bytes, ...] = (
    b"\xc2",
    b"\xdf",
    b"\xe0",
    b"\xe0\xa0",
    b"\xef\xbf",
    b"\xf0",
    b"\xf0\x90",
    b"\xf4\x8f\xbf",
    b"Hello \xf0\x9f\x92",
)


def in_fragments(payload: bytes, *, fin: bool = True) -> bytes:
    """Put each byte of a text into a fragment of its own."""
    parts = [payload[index : index + 1] for index in range(len(payload))]
    frames = [frame(TEXT if not i else CONTINUATION, p, fin=False) for i, p in enumerate(parts)]
    if fin:
        frames.append(frame(CONTINUATION))
    return b"".join(frames)


def utf8() -> Iterator[Case]:
    for payload in VALID_TEXTS:
        text = frame(TEXT, payload)
        yield Case(f"text {payload.hex()}", "8.1", text, text)
        yield Case(f"text {payload.hex()} in fragments", "8.1", in_fragments(payload), text)
    for payload in INVALID_TEXTS:
        yield Case(f"text {payload.hex()}", "8.1", frame(TEXT, payload), fails=INVALID_DATA)
        yield Case(
            f"text {payload.hex()} in fragments",
            "8.1",
            in_fragments(payload, fin=False),
            fails=INVALID_DATA,
        )
        # Nothing but the start of a long frame is sent: it must not wait for the rest.
        yield Case(
            f"text {payload.hex()} and the rest of the frame never comes",
            "8.1",
            b"\x81\x7e\x04\x00" + payload,
            fails=INVALID_DATA,
        )
        yield Case(
            f"text {payload.hex()} as bytes",
            "5.6",
            frame(BINARY, payload),
            frame(BINARY, payload),
        )
    for payload in CUT_TEXTS:
        yield Case(f"cut text {payload.hex()}", "8.1", frame(TEXT, payload), fails=INVALID_DATA)
        yield Case(
            f"cut text {payload.hex()} in fragments",
            "8.1",
            in_fragments(payload),
            fails=INVALID_DATA,
        )
    yield Case(
        "good message, then one that is not UTF-8, then ping",
        "8.1",
        HELLO + frame(TEXT, b"\xff") + frame(PING),
        HELLO,
        fails=INVALID_DATA,
    )
    yield Case(
        "the second of two fragments is not UTF-8, and the last never comes",
        "8.1",
        frame(TEXT, b"good ", fin=False) + frame(CONTINUATION, b"\xff", fin=False),
        fails=INVALID_DATA,
    )
    yield Case(
        "the start of the second fragment is not UTF-8, and its rest never comes",
        "8.1",
        frame(TEXT, b"good \xe2", fin=False) + b"\x00\x7e\x10\x00\x82\xac then \xc0",
        fails=INVALID_DATA,
    )
    yield Case(
        "a cut character continued wrongly in the next fragment",
        "8.1",
        frame(TEXT, b"\xe2\x82", fin=False) + b"\x00\x7e\x10\x00\x28",
        fails=INVALID_DATA,
    )
    yield Case(
        "ping between a text's fragments that cut a character",
        "8.1",
        frame(TEXT, b"\xe2", fin=False) + frame(PING, b"\xff") + frame(CONTINUATION, b"\x82\xac"),
        frame(TEXT, b"\xe2\x82\xac"),
        frame(PONG, b"\xff"),
    )


VALID_CODES = (
    *(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014),
    *(3000, 3003, 3008, 3999, 4000, 4999),
)
INVALID_CODES = (
    *(0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 32768, 65535),
)


def closing() -> Iterator[Case]:
    yield Case("close, empty", "5.5.1", b"\x88\x00", answers=1005)
    yield Case("close of one byte", "5.5.1", b"\x88\x01\x03", fails=PROTOCOL_ERROR)
    yield Case("close, reason of 4 bytes", "5.5.1", close(1000, b"done"), answers=1000)
    yield Case("close, reason of 123 bytes", "5.5.1", close(1000, b"x" * 123), answers=1000)
    yield Case("close, reason of 124 bytes", "5.5", close(1000, b"x" * 124), fails=PROTOCOL_ERROR)
    yield Case(
        "close, reason in UTF-8", "5.5.1", close(1000, "schön \N{ROCKET}".encode()), answers=1000
    )
    for reason in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"cut \xe2\x82", INVALID_TEXTS[-1]):
        yield Case(
            f"close, reason {reason.hex()} is not UTF-8",
            "8.1",
            close(1000, reason),
            fails=INVALID_DATA,
        )
    for code in VALID_CODES:
        yield Case(f"close {code}", "7.4", close(code), answers=code)
        yield Case(f"close {code} with reason", "7.4", close(code, b"why"), answers=code)
    for code in INVALID_CODES:
        yield Case(f"close {code}", "7.4", close(code), fails=PROTOCOL_ERROR)
        yield Case(f"close {code} with reason", "7.4", close(code, b"why"), fails=PROTOCOL_ERROR)
    normal = close(1000)
    yield Case("message, then close", "5.5.1", HELLO + normal, HELLO, answers=1000)
    yield Case("many messages, then close", "5.5.1", HELLO * 50 + normal, HELLO * 50, answers=1000)
    yield Case(
        "large message, then close",
        "5.5.1",
        frame(BINARY, bytes(262144)) + normal,
        frame(BINARY, bytes(262144)),
        answers=1000,
    )
    yield Case(
        "ping, then close",
        "5.5.1",
        frame(PING, b"!") + normal,
        pongs=frame(PONG, b"!"),
        answers=1000,
    )
    yield Case("close, then message", "5.5.1", normal + HELLO, answers=1000)
    yield Case("close, then ping", "5.5.1", normal + frame(PING, b"late"), answers=1000)
    yield Case("close twice", "5.5.1", normal + close(1001), answers=1000)
    yield Case(
        "close, then a broken frame", "5.5.1", normal + b"\xff\x03\xff\xff\xff", answers=1000
    )
    yield Case(
        "close, then a message of 256 KiB",
        "5.5.1",
        normal + frame(TEXT, b"x" * 262144),
        answers=1000,
    )
    yield Case(
        "close inside a fragmented message",
        "5.4",
        frame(TEXT, b"never ", fin=False) + normal + frame(CONTINUATION, b"finished"),
        answers=1000,
    )


CASES: tuple[Case, ...] = (
    *samples(),
    *framing(),
    *control(),
    *reserved(),
    *fragmentation(),
    *utf8(),
    *closing(),
)
