"""Streams that once went wrong, and a small sweep over new ones (`make fuzz` runs more)."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from fuzz.checks import check
from fuzz.crashers import FOLDER, load, save
from fuzz.streams import make_stream
from tests.helpers import REPOSITORY

SEEDS = 1000


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_crasher(path: Path) -> None:
    asyncio.run(check_stream(path))


async def check_stream(path: Path) -> None:
    for seed in range(20):  # each cuts the bytes in another way
        await check(load(path), random.Random(seed))


def test_first_streams_of_the_fuzzer() -> None:
    async def sweep() -> tuple[int, int]:
        opened = closed_by_peer = 0
        for seed in range(SEEDS):
            rng = random.Random(seed)
            outcome = await check(make_stream(rng), rng)
            opened += outcome.opened
            closed_by_peer += bool(outcome.messages and outcome.messages[-1].type == "close")
        return opened, closed_by_peer

    opened, closed_by_peer = asyncio.run(sweep())
    # The streams are worth something only if most of them get past the handshake.
    assert opened > SEEDS * 0.9
    assert closed_by_peer > SEEDS * 0.05


def test_a_stream_survives_being_kept_and_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    stream = make_stream(random.Random(1))
    kept = save(stream, f'File "{REPOSITORY}/fuzz/checks.py", line 1', tmp_path)
    assert load(kept) == stream
    assert str(REPOSITORY) not in kept.read_text(encoding="utf-8")
