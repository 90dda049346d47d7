from __future__ import annotations

import pytest

from astra_nb.log.pieces import Pieces, keep


@pytest.mark.parametrize(
    ("pieces", "data"),
    [
        (Pieces(b"\x81\x05He", b"llo", 3), b"\x81\x05Hello"),
        (Pieces(b"\x81\x05He", b"llo\x81\x05W", 3), b"\x81\x05Hello"),
        (Pieces(b"", b"\x81\x00", 2), b"\x81\x00"),
        (Pieces(b"\x81\x00", b"rest", 0), b"\x81\x00"),
    ],
)
def test_the_start_and_the_chunk_up_to_the_cut_are_joined(pieces: Pieces, data: bytes) -> None:
    assert pieces.join() == data
    assert len(pieces) == len(data)


def test_a_chunk_is_kept_as_it_is_in_part_or_not_at_all() -> None:
    chunk = bytes(range(100))
    assert keep(b"", chunk, 100) is chunk
    assert keep(b"", chunk, 51) == Pieces(b"", chunk, 51)
    assert keep(b"before", chunk, 100) == Pieces(b"before", chunk, 100)
    assert keep(b"before", chunk, 50) == b"before" + chunk[:50]
