"""What is known of a frame before all of it has come."""

from __future__ import annotations

import pytest

from astra_nb.log.joiner import Joiner
from astra_nb.net.arriving import LONG_FORM, TOP_BIT, ArrivingText, is_shortest, length_fault
from tests.conformance.octets import frame, mask_all

TEXT = "é漢🎉".encode()


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_a_length_in_its_shortest_form(length: int) -> None:
    data = frame(2, b"x" * length)
    assert is_shortest(data)
    assert is_shortest(b"before" + data, 6)
    assert length_fault(data) == ""


@pytest.mark.parametrize(
    "header",
    [b"\x82\x7e\x00\x7d", b"\x82\xfe\x00\x00", b"\x82\x7f" + (65535).to_bytes(8, "big")],
)
def test_a_length_in_a_longer_form(header: bytes) -> None:
    assert not is_shortest(header)
    assert length_fault(header) == LONG_FORM


def test_a_length_with_its_highest_bit() -> None:
    assert length_fault(b"\x82\x7f" + (2**63).to_bytes(8, "big")) == TOP_BIT
    assert length_fault(b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big")) == ""


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", [1, 3, 30, 200])
def test_text_is_decoded_as_it_comes(masked: bool, size: int) -> None:
    text = ArrivingText(Joiner())
    payload = TEXT * size
    data = frame(1, payload)
    data = mask_all(data) if masked else data
    for cut in range(len(data) - len(payload), len(data)):
        text.check(data[:cut])


def test_what_cannot_become_text_any_more() -> None:
    text = ArrivingText(Joiner())
    text.check(frame(1, b"ab\xc3"))
    with pytest.raises(UnicodeDecodeError, match="invalid continuation byte"):
        text.check(frame(1, b"ab\xc3\x28"))


def test_only_text_is_decoded() -> None:
    joiner = Joiner()
    text = ArrivingText(joiner)
    text.check(frame(2, b"\xff"))
    joiner.add(2, b"\xff", False)
    text.check(frame(0, b"\xff", fin=False))
    text.check(frame(9, b"\xff"))


def test_a_continuation_goes_on_with_the_character_that_was_cut() -> None:
    joiner = Joiner()
    joiner.add(1, b"\xe6\xbc", False)
    ArrivingText(joiner).check(frame(0, b"\xa2 and"))
    text = ArrivingText(joiner)
    with pytest.raises(UnicodeDecodeError, match="invalid"):
        text.check(frame(0, b"and"))
