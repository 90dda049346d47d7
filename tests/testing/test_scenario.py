"""A scenario starts, and ends whatever its handler does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from astra_nb import AsyncWebSocket, WebSocket
from astra_nb.testing import (
    expect_frame,
    expect_no_frame,
    scenario,
)
from tests.helpers import wait_until

from .handlers import echo_back


@pytest.mark.parametrize("kind", ["waits", "spins", "spins, async"])
def test_a_handler_that_blocks_for_ever_does_not_block_the_end_of_a_scenario(kind: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def waits(socket: WebSocket) -> None:
        begun.set()
        go_on.wait()

    def spins(socket: WebSocket) -> None:
        begun.set()
        while not go_on.is_set():
            pass

    async def spins_async(socket: AsyncWebSocket) -> None:
        begun.set()
        while not go_on.is_set():
            pass

    handlers: dict[str, Any] = {"waits": waits, "spins": spins, "spins, async": spins_async}
    try:
        with scenario(handlers[kind]) as client:
            assert begun.wait(10)
            client.send_text("Hello")
            expect_no_frame(client, sender="server")
        assert client.state == "closed"
        with scenario(echo_back) as client:
            client.send_text("Hello")
            expect_frame(client, "text", "Hello", sender="server")
    finally:
        go_on.set()
    wait_until(lambda: not _threads_of_a_scenario(), what="the end of the scenario's threads")


def _threads_of_a_scenario() -> list[str]:
    return [each.name for each in threading.enumerate() if "astra_nb" in each.name]


def test_a_connection_that_is_refused_fails_the_scenario() -> None:
    with pytest.raises(AssertionError) as caught:
        with scenario(echo_back, origin="http://elsewhere.example"):
            pytest.fail("the connection was opened")
    assert str(caught.value).startswith("no connection to the handler could be opened: ")
    assert "403" in str(caught.value)


def test_a_server_that_does_not_start_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(*arguments: object) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr("astra_nb.net.accepting.bind", bind)
    with pytest.raises(OSError, match=r"^no port is free$"):
        with scenario(echo_back):
            pytest.fail("the server was started")
