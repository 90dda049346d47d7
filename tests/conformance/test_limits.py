"""Message sizes: the limit (1009), what lies below it, and lengths that no message can have."""

from __future__ import annotations

import pytest

from .cases import BINARY, CONTINUATION, HELLO, TEXT, Case
from .ends import End, Options
from .exchange import run
from .octets import frame

TOO_BIG = 1009
LIMIT = 1000
LIMITED = Options(max_message_size=LIMIT)
MIB = 2**20


def fragments(payload: bytes, size: int, opcode: int = TEXT) -> bytes:
    """Put a message into fragments of `size` bytes."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)]
    return b"".join(
        frame(CONTINUATION if index else opcode, part, fin=index == len(parts) - 1)
        for index, part in enumerate(parts)
    )


@pytest.mark.parametrize(
    "case",
    [
        Case("at the limit", "", frame(TEXT, b"x" * LIMIT), frame(TEXT, b"x" * LIMIT)),
        Case(
            "at the limit, in fragments",
            "",
            fragments(b"x" * LIMIT, 100),
            frame(TEXT, b"x" * LIMIT),
        ),
        Case(
            "two messages at the limit",
            "",
            frame(TEXT, b"x" * LIMIT) * 2,
            frame(TEXT, b"x" * LIMIT) * 2,
        ),
        Case("over the limit", "", frame(BINARY, b"x" * (LIMIT + 1)), fails=TOO_BIG),
        Case("over the limit, in fragments", "", fragments(b"x" * (LIMIT + 1), 100), fails=TOO_BIG),
        Case(
            "over the limit by the header alone",
            "",
            frame(TEXT, b"x" * (LIMIT + 1))[:4],
            fails=TOO_BIG,
        ),
        Case(
            "over the limit by the header of the second fragment alone",
            "",
            frame(TEXT, b"x" * 500, fin=False) + b"\x80\x7e\x01\xf5",
            fails=TOO_BIG,
        ),
        Case(
            "good message, then over the limit",
            "",
            HELLO + frame(TEXT, b"x" * (LIMIT + 1)),
            HELLO,
            fails=TOO_BIG,
        ),
        Case(
            "a gigabyte announced", "", b"\x82\x7f\x00\x00\x00\x00\x40\x00\x00\x00", fails=TOO_BIG
        ),
    ],
    ids=str,
)
def test_limit(end: End, case: Case) -> None:
    with end(LIMITED) as peer:
        run(peer, case)


def test_the_top_bit_of_a_length_is_zero(end: End) -> None:
    # RFC 6455, section 5.2: "the most significant bit MUST be 0".
    for options in (Options(max_message_size=None), LIMITED):
        with end(options) as peer:
            run(peer, Case("top bit", "5.2", b"\x82\x7f\x80" + bytes(7), fails=1002))


@pytest.mark.parametrize("size", [MIB, 16 * MIB])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "bytes"])
def test_large_message(end: End, opcode: int, size: int) -> None:
    message = frame(opcode, b"x" * size)
    with end(Options()) as peer:
        run(peer, Case("large", "", message, message))


@pytest.mark.parametrize("fragment", [64, 4096, MIB])
def test_large_message_in_fragments(end: End, fragment: int) -> None:
    payload = bytes(range(256)) * (MIB // 256) * (1 if fragment == 64 else 4)
    with end(Options()) as peer:
        run(peer, Case("large", "", fragments(payload, fragment, BINARY), frame(BINARY, payload)))


@pytest.mark.parametrize("piece", [64, 997])
def test_large_message_in_pieces(end: End, piece: int) -> None:
    message = frame(TEXT, "é".encode() * (MIB // 4))
    with end(Options()) as peer:
        run(peer, Case("large", "", message, message), piece)
