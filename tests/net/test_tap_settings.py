"""Each tap has its own held messages and their numbers."""

from __future__ import annotations

from astra_nb.net.options import connect_options
from astra_nb.net.tap_heads import Rewriting
from astra_nb.net.tap_settings import TapSettings
from astra_nb.net.uris import parse_address


def test_two_taps_share_nothing_that_changes() -> None:
    uri = parse_address("ws://127.0.0.1:9/")
    one, other = (
        TapSettings(uri, connect_options({}), Rewriting(), "127.0.0.1", (), []) for _ in range(2)
    )
    assert one.held is not other.held
    assert [next(one.held_numbers), next(one.held_numbers), next(other.held_numbers)] == [1, 2, 1]
