from __future__ import annotations

import pytest

from astra_nb.log.pieces import Pieces


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
