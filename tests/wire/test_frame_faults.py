"""The faults that are frames: what is wrong with the bytes of each."""

from __future__ import annotations

import pytest

from astra_nb.wire.frame_faults import FRAMES, KEY, Fault
from astra_nb.wire.frames import decode, split
from astra_nb.wire.messages import Side

MADE = [fault for fault in FRAMES if fault.makes is not None]


@pytest.mark.parametrize("sender", ["server", "client"])
@pytest.mark.parametrize("fault", MADE, ids=lambda fault: fault.name)
def test_a_client_masks_and_a_server_does_not(fault: Fault, sender: Side) -> None:
    assert fault.makes is not None
    masked = (sender == "client") is (fault.name != "wrong masking")
    for frame in split(fault.makes(sender)):
        assert frame.masking_key == (KEY if masked else None)


@pytest.mark.parametrize("sender", ["server", "client"])
def test_lengths_that_are_wrong(sender: Side) -> None:
    by_name = {fault.name: fault.makes for fault in MADE}
    long_form, top_bit = (
        by_name[name] for name in ("length not in its shortest form", "length with its highest bit")
    )
    assert long_form is not None
    assert top_bit is not None
    frame = decode(long_form(sender))
    assert (frame.payload, frame.raw[1] & 0x7F) == (b"Hello", 126)
    assert top_bit(sender)[1] & 0x7F == 127
    assert top_bit(sender)[2] == 0x80


def test_a_fault_shows_itself_in_one_line() -> None:
    shown = repr(FRAMES[0])
    assert shown.startswith(f"<Fault {FRAMES[0].name!r} (frame; server or client): ")
    assert "\n" not in shown


def test_each_says_what_must_follow() -> None:
    assert len({fault.name for fault in FRAMES}) == len(FRAMES)
    for fault in FRAMES:
        assert (fault.stage, fault.senders) == ("frame", ("server", "client"))
        assert fault.breaks.endswith(".")
        assert fault.answer.startswith("The other end ")
