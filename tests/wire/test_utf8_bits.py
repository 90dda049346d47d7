from __future__ import annotations

from xml.etree import ElementTree

from astra_nb.wire.svg import Picture
from astra_nb.wire.utf8_bits import bit_boxes

FOUR_LENGTHS = """\
10 bytes of UTF-8

G           U+0047     0|1000111
ü           U+00FC     110|00011 10|111100
€           U+20AC     1110|0010 10|000010 10|101100
😀           U+1F600    11110|000 10|011111 10|011000 10|000000

Bits before | say how many bytes a character has; those after it are its code point."""


def words(picture: Picture) -> list[str]:
    root = ElementTree.fromstring(picture.svg)
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_characters_of_each_length() -> None:
    picture = bit_boxes("Gü€😀".encode())

    assert str(picture) == FOUR_LENGTHS
    assert [word for word in words(picture) if word in "01"] == list(
        "".join(f"{byte:08b}" for byte in "Gü€😀".encode())
    )
    # The leading bits: 1, then 3 + 2, 4 + 2 + 2, 5 + 2 + 2 + 2.
    assert picture.svg.count('fill-opacity="0.15"') == 1 + 5 + 8 + 11


def test_bytes_that_are_not_utf8_say_so() -> None:
    lines = str(bit_boxes(b"a\xff\xe2\x82")).splitlines()

    assert lines[2:6] == [
        "a           U+0061     0|1100001",
        r"\xff        not UTF-8  11111111",
        r"\xe2        not UTF-8  11100010",
        r"\x82        not UTF-8  10000010",
    ]


def test_a_long_text_is_cut_and_the_rest_counted() -> None:
    picture = bit_boxes("é".encode() * 1_000_000)

    assert "and 1,999,968 more bytes" in words(picture)
    assert str(picture).count("U+00E9") == 16


def test_nothing_that_a_peer_wrote_is_markup_or_acts() -> None:
    picture = bit_boxes("<&\x1b\u202e\ufffe\x00".encode())

    assert {"<", "&", r"\x1b", r"\u202e", r"\ufffe", r"\x00"} <= set(words(picture))
    assert not {"\x1b", "\u202e", "\x00"} & set(picture.svg + str(picture))


def test_an_empty_text() -> None:
    assert str(bit_boxes(b"")).startswith("0 bytes of UTF-8\n")
