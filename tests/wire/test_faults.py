"""All faults together: their names, and the masking key that is always the same."""

from __future__ import annotations

from itertools import repeat

import pytest

from astra_nb.wire.faults import FAULTS, FRAMES, KEY, fault_named, remasked
from astra_nb.wire.frames import encode, split

OTHER = bytes(4)


def test_each_has_a_name_of_its_own_and_sentences() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.breaks.endswith(".")
        assert fault.answer.startswith("The other end ")
        assert fault_named(fault.name) is fault


def test_a_name_that_no_fault_has() -> None:
    with pytest.raises(KeyError) as caught:
        fault_named("no HTTP", FRAMES)
    assert caught.value.args[0].startswith(
        "no fault has the name 'no HTTP'; choose from 'wrong mas"
    )


def test_frames_with_another_masking_key() -> None:
    whole = encode(1, b"Hello", key=OTHER) + encode(2, bytes(300), key=OTHER) + encode(1, b"plain")
    cut = encode(1, b"Hello", key=OTHER)[:-1]
    frames = list(split(remasked(whole + cut, repeat(KEY))))
    assert [frame.masking_key for frame in frames] == [KEY, KEY, None, OTHER]
    assert [frame.payload for frame in frames] == [b"Hello", bytes(300), b"plain", b"Hell"]
    assert len(remasked(whole, repeat(KEY))) == len(whole)
