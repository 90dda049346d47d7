"""Expectations that block and those that are awaited, on a client's own loop."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable

import pytest

from astra_nb import AsyncWebSocket, FrameLog, Server, connect, connect_async
from astra_nb.errors import WrongThread
from astra_nb.testing import (
    expect_close,
    expect_close_async,
    expect_frame,
    expect_frame_async,
    expect_handshake,
    expect_handshake_async,
    expect_no_frame,
    expect_no_frame_async,
)

from .handlers import echo_back


async def speak_on_its_own_loop(client: AsyncWebSocket) -> None:
    """What must be refused, and what must be found, on the loop of this client."""
    blocking: list[Callable[[], object]] = [
        lambda: expect_frame(client, "text", "Hello"),
        lambda: expect_frame(client.log, timeout=None),
        lambda: expect_close(client),
        lambda: expect_no_frame(client, seconds=math.inf),
        lambda: expect_handshake(client),
        lambda: client.log.wait_for(type="text", timeout=None),
    ]
    for expect in blocking:
        with pytest.raises(WrongThread, match=r"await expect_frame_async\(\.\.\.\)"):
            expect()
    await expect_handshake_async(client, path="/")
    await client.send_text("Hello")
    frame = await expect_frame_async(client, "text", "Hello", sender="server")
    assert frame.sender == "server"
    await expect_no_frame_async(client, "close", seconds=0.001)
    with pytest.raises(AssertionError, match='the last frames:\n  client text "Hello"'):
        await expect_frame_async(client, "bytes", timeout=0.001)
    with pytest.raises(AssertionError, match="no text from the server was expected"):
        await expect_no_frame_async(client, "text", sender="server")
    assert await expect_frame_async(client.log.frames, "text") is not None
    with pytest.raises(AssertionError, match=r"^ping was expected"):
        await expect_frame_async(client.log.frames, "ping")
    await client.send_ping()
    await expect_close_async(client, 1008, "no pings", sender="server")


def test_on_the_loop_of_a_client_expectations_are_awaited_and_blocking_ones_refused() -> None:
    async def connected(url: str) -> None:
        async with connect_async(url) as client:
            await speak_on_its_own_loop(client)
            # Another thread may block, as the loop goes on meanwhile.
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, expect_close, client, 1008)
            await loop.shutdown_default_executor()

    with Server(port=0) as server:
        server.websocket("/", echo_back)
        asyncio.run(connected(server.url))


def test_a_log_that_many_clients_share_knows_each_loop() -> None:
    log = FrameLog()

    async def connected(url: str) -> None:
        async with connect_async(url, log=log) as one, connect_async(url, log=log):
            with pytest.raises(WrongThread):
                expect_frame(log, "text")
            await one.send_text("Hello")
            await expect_frame_async(log, "text", "Hello", sender="server")

    with Server(port=0) as server:
        server.websocket("/", echo_back)
        asyncio.run(connected(server.url))
        with connect(server.url, log=log) as client:
            client.send_text("again")
            expect_frame(log, "text", "again", sender="server")


def test_a_function_for_the_payload_may_expect_something_itself() -> None:
    with Server(port=0) as server:
        server.websocket("/", echo_back)
        with connect(server.url) as client:
            client.send_text("Hello")

            def is_answered(text: str) -> bool:
                return expect_frame(server, "text", text, sender="server").payload == text.encode()

            expect_frame(client, "text", is_answered, sender="client")
            expect_handshake(client, path="/")


def test_awaited_expectations_have_the_names_and_arguments_of_the_blocking_ones() -> None:
    for blocking, awaited in (
        (expect_frame, expect_frame_async),
        (expect_close, expect_close_async),
        (expect_no_frame, expect_no_frame_async),
        (expect_handshake, expect_handshake_async),
    ):
        assert awaited.__name__ == f"{blocking.__name__}_async"
        assert inspect.signature(awaited) == inspect.signature(blocking)
        assert f"`{blocking.__name__}`" in str(awaited.__doc__)
        assert "Generator" not in str(inspect.signature(blocking))
        assert inspect.iscoroutinefunction(awaited)
