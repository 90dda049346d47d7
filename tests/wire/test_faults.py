"""All faults together: their names, and the masking key that is always the same."""

from __future__ import annotations

import re
from itertools import repeat

import pytest
from IPython.lib.pretty import pretty

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
        fault_named("answer that is not HTTP", FRAMES)
    assert caught.value.args[0].startswith(
        "no fault has the name 'answer that is not HTTP'; choose from 'wrong mas"
    )


def test_frames_with_another_masking_key() -> None:
    whole = encode(1, b"Hello", key=OTHER) + encode(2, bytes(300), key=OTHER) + encode(1, b"plain")
    cut = encode(1, b"Hello", key=OTHER)[:-1]
    frames = list(split(remasked(whole + cut, repeat(KEY))))
    assert [frame.masking_key for frame in frames] == [KEY, KEY, None, OTHER]
    assert [frame.payload for frame in frames] == [b"Hello", bytes(300), b"plain", b"Hell"]
    assert len(remasked(whole, repeat(KEY))) == len(whole)


def test_all_are_shown_as_a_table_and_one_as_a_line() -> None:
    title, _, *lines = repr(FAULTS).splitlines()
    assert title.split() == ["name", "who", "when", "rule", "that", "it", "breaks", "RFC", "6455"]
    assert len(lines) == len(FAULTS)
    for line, fault in zip(lines, FAULTS, strict=True):
        cells = [fault.name, fault.who, fault.stage, fault.breaks, f"section {fault.section}"]
        assert re.split("  +", line) == cells
        assert repr(fault) == f"<Fault {fault.name!r} ({fault.stage}; {fault.who}): {fault.breaks}>"
    assert pretty(FAULTS) == repr(FAULTS)  # type: ignore[no-untyped-call]
    html = FAULTS._repr_html_()
    assert html.count("<tr>") == len(FAULTS) + 1
    assert "<td>server or client</td><td>frame</td><td>The header declares ten bytes" in html
    assert " at 0x" not in repr(FAULTS) + html + repr(FAULTS[0])
