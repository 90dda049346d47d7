from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_nb.wire.opcodes import FrameType
from astra_nb.wire.text import (
    as_printed,
    counted,
    hexdump,
    invalid_utf8,
    preview,
    shortened,
    spaced_hex,
    visible,
    visible_utf8,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello, world! [1]", "Hello, world! [1]"),
        ("grüße 日本 😀", "grüße 日本 😀"),
        ("<script>alert('x')</script>", "<script>alert('x')</script>"),
        ("a\nb\r\n\tc", r"a\nb\r\n\tc"),
        ("\x00\x1b[31m\x07\x7f", r"\x00\x1b[31m\x07\x7f"),
        ("\x85\xa0\xad", r"\u0085\u00a0\u00ad"),
        ("\u202a\u202b\u202c\u202d\u202e", r"\u202a\u202b\u202c\u202d\u202e"),
        ("\u2066\u2067\u2068\u2069", r"\u2066\u2067\u2068\u2069"),
        ("\u200e\u200f\u061c", r"\u200e\u200f\u061c"),
        ("\u200b\u200d\u2060\ufeff", r"\u200b\u200d\u2060\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800\udfff", r"\ud800\udfff"),
        ("\U000e0041", r"\U000e0041"),
        (r"\n is no line break", r"\\n is no line break"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"b'\x00X\x0eC-'", r"b'\x00X\x0eC-'"),
        ("a\\\n\\\\\x1b\u202e", "a\\\\n\\\\\\x1b\\u202e"),
        ("C:\\new", "C:\\new"),
    ],
)
def test_what_was_printed_keeps_its_backslashes(text: str, shown: str) -> None:
    assert as_printed(text) == shown
    assert as_printed(text).isprintable()
    assert as_printed(text, 2) == as_printed(text[:2]) + "…"


@given(st.text())
def test_nothing_unprintable_is_left_and_every_text_has_its_own_form(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    escapes = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\\": "\\"}
    plain, rest = "", shown
    while rest:
        if rest[:2] in escapes:
            plain, rest = plain + escapes[rest[:2]], rest[2:]
        elif rest[0] == "\\":
            digits = {"x": 2, "u": 4, "U": 8}[rest[1]]
            plain, rest = plain + chr(int(rest[2 : 2 + digits], 16)), rest[2 + digits :]
        else:
            plain, rest = plain + rest[0], rest[1:]
    assert plain == text


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("é\x1b".encode(), r"é\x1b"),
        (b"ab\xffcd", r"ab\xffcd"),
        (b"\xc3", r"\xc3"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"\xc0\xaf", r"\xc0\xaf"),
        (b"\\xff", r"\\xff"),
        (b"\xf4\x90\x80\x80", r"\xf4\x90\x80\x80"),
    ],
)
def test_bytes_that_are_not_utf8_are_shown_as_bytes(data: bytes, shown: str) -> None:
    assert visible_utf8(data) == shown


@pytest.mark.parametrize(
    ("data", "broken"),
    [
        (b"", None),
        ("é€😀".encode(), None),
        (b"ab\xff", (2, "ff is never a byte of UTF-8")),
        (b"\xf8\x88\x80\x80\x80", (0, "f8 is never a byte of UTF-8")),
        (b"a\x80", (1, "80 is a continuation byte, and no character begins before it")),
        (b"\xc3\xa9\xbf", (2, "bf is a continuation byte, and no character begins before it")),
        (b"\xc3(", (0, "c3 begins a character of 2 bytes, and 28 does not continue it")),
        (b"\xe2\x82(", (0, "e2 82 begins a character of 3 bytes, and 28 does not continue it")),
        (b"\xe0(", (0, "e0 begins a character of 3 bytes, and 28 does not continue it")),
        (b"\xf0\xc3", (0, "f0 begins a character of 4 bytes, and c3 does not continue it")),
        (b"\xc1\x81", (0, "c1 81 is an overlong form of U+0041")),
        (b"\xc0\x80\x80", (0, "c0 80 is an overlong form of U+0000")),
        (b"\xc0", (0, "c0 begins an overlong form")),
        (b"\xe0\x9f\xbf", (0, "e0 9f bf is an overlong form of U+07FF")),
        (b"\xe0\x80", (0, "e0 80 begins an overlong form")),
        (b"\xf0\x8f\xbf\xbf", (0, "f0 8f bf bf is an overlong form of U+FFFF")),
        (b"\xed\xa0\x80", (0, "ed a0 80 is a surrogate, U+D800")),
        (b"\xed\xbf\xbf", (0, "ed bf bf is a surrogate, U+DFFF")),
        (b"\xed\xa0", (0, "ed a0 begins a surrogate")),
        (b"\xf4\x90\x80\x80", (0, "f4 90 80 80 is a number beyond U+10FFFF")),
        (b"\xf5", (0, "f5 begins a number beyond U+10FFFF")),
    ],
)
def test_where_utf8_breaks(data: bytes, broken: tuple[int, str] | None) -> None:
    assert invalid_utf8(data) == (broken and (*broken, False))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"abc\xe2\x82", "e2 82 begins a character of 3 bytes, and the rest is missing"),
        (b"abc\xe0", "e0 begins a character of 3 bytes, and the rest is missing"),
        (b"abc\xf0", "f0 begins a character of 4 bytes, and the rest is missing"),
        (b"abc\xed\x9f", "ed 9f begins a character of 3 bytes, and the rest is missing"),
        (b"abc\xf4\x8f\xbf", "f4 8f bf begins a character of 4 bytes, and the rest is missing"),
    ],
)
def test_utf8_that_ends_inside_a_character(data: bytes, fault: str) -> None:
    assert invalid_utf8(data) == (3, fault, True)


def test_every_bad_sequence_has_a_fault_that_fits_it() -> None:
    """Compared with the table of RFC 3629, section 4, for each first byte and second byte."""
    for lead in range(0x80, 0x100):
        for second in range(0x100):
            data = bytes([lead, second, 0x80, 0x80])
            broken = invalid_utf8(data)
            if broken is None or broken.offset:
                continue
            number = int.from_bytes(data[:2], "big")
            is_continued = 0x80 <= second <= 0xBF
            expected = (
                "is a continuation byte"
                if lead <= 0xBF
                else "overlong"
                if lead <= 0xC1 or 0xE080 <= number <= 0xE09F or 0xF080 <= number <= 0xF08F
                else "surrogate"
                if 0xEDA0 <= number <= 0xEDBF
                else "beyond U+10FFFF"
                if 0xF490 <= number <= 0xF4BF or 0xF5 <= lead <= 0xF7
                else "never"
                if lead >= 0xF8
                else "does not continue it"
            )
            assert expected in broken.fault, data.hex(" ")
            assert (expected == "does not continue it") <= (not is_continued), data.hex(" ")


@pytest.mark.parametrize(
    ("payload", "type", "shown"),
    [
        (b"Hello", "text", '"Hello"'),
        (b"", "text", '""'),
        (b'{"a": "b"}', "text", '"{"a": "b"}"'),
        (b"ab\xff", "text", r'"ab\xff"'),
        (b"lo", "continuation", '"lo"'),
        (b"\x00\x01", "continuation", "00 01"),
        (b"\x00\x58\x0e\x43\x2d", "ping", "00 58 0e 43 2d"),
        (b"Hello", "bytes", '48 65 6c 6c 6f "Hello"'),
        (b"a\n", "pong", "61 0a"),
        (b"", "ping", ""),
        (b"", "close", "no code"),
        (b"\x03", "close", "03 (half a code)"),
        (b"\x03\xe8", "close", "1000 normal closure"),
        (b"\x03\xe8done", "close", '1000 normal closure "done"'),
        (b"\x03\xe8\xff\n", "close", r'1000 normal closure "\xff\n"'),
        (b"\x0f\xa0", "close", "4000 private code"),
        (b"\x00\x00", "close", "0 not a close code"),
        (b"\x01\x02", "reserved", "01 02"),
    ],
)
def test_the_preview_of_each_type(payload: bytes, type: FrameType, shown: str) -> None:
    assert preview(payload, type) == shown


def test_a_long_payload_is_cut_between_characters() -> None:
    assert preview(b"a" * 61, "text") == '"' + "a" * 60 + '…"'
    assert preview(b"a" * 60, "text") == '"' + "a" * 60 + '"'
    assert preview("é".encode() * 61, "text") == '"' + "é" * 60 + '…"'
    assert preview("😀".encode() * 60, "text") == '"' + "😀" * 60 + '"'
    assert preview("😀".encode() * 61, "text") == '"' + "😀" * 60 + '…"'
    assert preview(b"\xff" * 61, "text") == '"' + r"\xff" * 60 + '…"'
    assert preview(bytes(21), "bytes") == "00 " * 20 + "…"
    assert preview(bytes(20), "bytes") == "00 " * 19 + "00"


def test_a_broken_end_is_shown_when_it_is_the_end() -> None:
    assert preview("é".encode() * 40 + b"\xc3", "text", limit=60) == '"' + "é" * 40 + r"\xc3" + '"'


@given(st.binary(max_size=400), st.sampled_from(["text", "bytes", "close", "continuation"]))
def test_a_preview_is_one_short_printable_line(payload: bytes, type: FrameType) -> None:
    shown = preview(payload, type)
    assert shown.isprintable()
    assert len(shown) <= 60 * len(r"\U000e0041") + 40


def test_ten_megabytes_are_not_read_to_show_sixty_characters() -> None:
    assert preview(b"x" * 10 * 2**20, "text") == '"' + "x" * 60 + '…"'


def test_spaced_hex() -> None:
    assert spaced_hex(b"\x00\x0e\xff") == "00 0e ff"
    assert spaced_hex(b"\x00\x0e\xff", 2) == "00 0e …"
    assert spaced_hex(b"") == ""


def test_hexdump() -> None:
    assert hexdump(bytes(range(0x40, 0x52)) + b"\x1b\xff") == (
        "00000000  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  |@ABCDEFGHIJKLMNO|\n"
        "00000010  50 51 1b ff                                      |PQ..|"
    )
    assert hexdump(b"") == ""


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (1, "1 byte"), (2, "2 bytes"), (2000, "2,000 bytes")]
)
def test_counted(count: int, shown: str) -> None:
    assert counted(count, "byte") == shown


def test_a_shortened_text_has_at_most_the_limit() -> None:
    assert shortened("a" * 60, 60) == "a" * 60
    assert shortened("a" * 61, 60) == "a" * 59 + "…"


def test_a_limit_counts_characters_before_they_are_escaped() -> None:
    assert visible("\n" * 3, limit=3) == r"\n\n\n"
    assert visible("\n" * 4, limit=3) == r"\n\n\n…"
    assert visible_utf8(b"\xff" * 3, limit=3) == r"\xff\xff\xff"
    assert visible_utf8(b"\xff" * 4, limit=3) == r"\xff\xff\xff…"


@given(st.text(max_size=40) | st.text("😀\ud800", max_size=40), st.integers(0, 20))
def test_bytes_are_cut_where_their_text_would_be(text: str, limit: int) -> None:
    data = text.encode("utf-8", "surrogatepass")
    whole = data.decode("utf-8", "surrogateescape")
    cut = "…" if len(whole) > limit else ""
    head = whole[:limit].encode("utf-8", "surrogateescape")
    assert visible_utf8(data, limit) == visible_utf8(head) + cut
