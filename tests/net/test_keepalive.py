"""PING frames that an end sends by itself."""

from __future__ import annotations

import asyncio

from astra_nb.net.keepalive import Keepalive
from tests.net.memory import in_memory, timers, until


@in_memory
async def test_pings_go_on_while_they_are_answered_and_end_with_silence() -> None:
    sent: list[bytes] = []
    silences: list[int] = []
    Keepalive(
        asyncio.get_running_loop(),
        1e-6,
        sent.append,
        lambda payload: len(sent) == 3 and payload == sent[2],
        lambda: silences.append(len(sent)),
    )
    await until(lambda: bool(silences))
    assert silences == [3]
    assert [len(payload) for payload in sent] == [8, 8, 8]
    assert len(set(sent)) == 3
    assert timers("keep_alive") == 0


@in_memory
async def test_a_stopped_keepalive_sends_nothing() -> None:
    sent: list[bytes] = []
    keepalive = Keepalive(
        asyncio.get_running_loop(), 60, sent.append, lambda payload: False, lambda: None
    )
    assert timers("keep_alive") == 1
    keepalive.stop()
    assert timers("keep_alive") == 0
    assert sent == []
