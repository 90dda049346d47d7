"""What a seed gives, and that it is the same in any process."""

from __future__ import annotations

import base64
from itertools import islice

from astra_nb.seeded import PORTS, START, Seeded
from tests.helpers import run_python


def given(seed: int) -> tuple[object, ...]:
    seeded = Seeded(seed)
    keys = [key.hex() for key in islice(seeded.masking_keys(1), 2)]
    return (seeded.port(), seeded.port(), seeded.handshake_key(1), *keys)


def test_the_same_seed_gives_the_same_in_another_process() -> None:
    other = run_python("-c", "from tests.test_seeded import given; print(given(7))")
    assert other.stdout.strip() == str(given(7))


def test_another_seed_gives_other_values_and_so_does_another_connection() -> None:
    assert not set(given(7)) & set(given(8))
    seeded = Seeded(7)
    assert seeded.handshake_key(1) != seeded.handshake_key(2)
    assert next(seeded.masking_keys(1)) != next(seeded.masking_keys(2))


def test_the_values_have_the_forms_that_the_rfc_asks_for() -> None:
    seeded = Seeded(1)
    assert len(base64.b64decode(seeded.handshake_key(1))) == 16
    assert {len(key) for key in islice(seeded.masking_keys(1), 9)} == {4}
    assert all(seeded.port() in PORTS for _ in range(99))


def test_times_do_not_depend_on_when_something_happens() -> None:
    seeded = Seeded(1)
    stages = [seeded.time(2, kind) - START for kind in ("handshake", "opened", "frame", "closed")]
    assert [round(each, 3) for each in stages] == [2.0, 2.001, 2.002, 2.003]
    assert seeded.time(0, "notice") == START


def test_it_says_what_it_is() -> None:
    assert "seed 7" in Seeded(7).warning
    assert "for lessons and tests only" in Seeded(7).warning
