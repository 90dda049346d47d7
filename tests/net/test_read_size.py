"""Reads are small until one is filled, and small again when little comes."""

from __future__ import annotations

from typing import Any

from astra_nb.net.read_size import LARGE, SMALL, adapt
from fuzz.memory import MemoryTransport


def test_reads_are_large_while_much_comes() -> None:
    transport: Any = MemoryTransport()
    transport.max_size = LARGE  # as asyncio begins
    size = 0
    for came, then in (
        (64, SMALL),
        (SMALL - 1, SMALL),
        (SMALL, LARGE),  # filled: there may be more
        (SMALL + 1, LARGE),
        (LARGE, LARGE),
        (SMALL, SMALL),
        (64, SMALL),
    ):
        size = adapt(transport, size, came)
        assert (size, transport.max_size) == (then, then)


def test_a_transport_of_another_kind_decides_for_itself() -> None:
    transport = MemoryTransport()
    assert adapt(transport, 0, 64) == SMALL
    assert adapt(transport, 0, LARGE) == LARGE
    assert not hasattr(transport, "max_size")
