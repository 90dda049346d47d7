"""Nested loops patch asyncio for good, so each test is a process of its own."""

from __future__ import annotations

import pytest

from astra_nb import allow_nested_loops
from astra_nb.errors import LocalError
from tests.helpers import run_python


def printed(code: str) -> str:
    run = run_python("-W", "error", "-c", code)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_asyncio_run_works_inside_a_running_loop_once_it_was_allowed() -> None:
    code = """
import asyncio
from astra_nb import allow_nested_loops

async def inner():
    await asyncio.sleep(0)
    return 42

async def outer():
    coroutine = inner()
    try:
        asyncio.run(coroutine)
    except RuntimeError as error:
        print(error)
        coroutine.close()
    allow_nested_loops()
    allow_nested_loops()
    print(asyncio.run(inner()), asyncio.get_event_loop().run_until_complete(inner()))

asyncio.run(outer())
"""
    assert printed(code) == ("asyncio.run() cannot be called from a running event loop\n42 42\n")


def test_a_server_and_its_clients_work_on_beside_it() -> None:
    code = """
import asyncio
from astra_nb import allow_nested_loops, connect, connect_async, http

server = http.server.new(port=0)

@server.websocket("/")
async def echo(socket):
    async for message in socket:
        if message.type == "text":
            await socket.send_text(message.value)

async def ask(text):
    async with connect_async(server.url) as client:
        await client.send_text(text)
        return (await client.recv(5)).value

async def main():
    allow_nested_loops()
    return asyncio.run(ask("nested")), await ask("awaited")

with server:
    print(asyncio.run(main()))
    with connect(server.url) as client:
        client.send_text("blocking")
        print(client.recv(5).value)
"""
    assert printed(code) == "('nested', 'awaited')\nblocking\n"


def test_nothing_is_patched_unless_one_asks() -> None:
    code = """
import asyncio
before = asyncio.run, asyncio.BaseEventLoop.run_until_complete
import sys
import astra_nb
server = astra_nb.Server(port=0)
with server:
    pass
assert before == (asyncio.run, asyncio.BaseEventLoop.run_until_complete)
print([name for name in sys.modules if name.startswith("nest_asyncio")])
"""
    assert printed(code) == "[]\n"


def test_without_a_running_loop_there_is_nothing_to_allow() -> None:
    with pytest.raises(LocalError, match=r"^no event loop runs in this thread"):
        allow_nested_loops()


def test_a_loop_that_cannot_be_patched_is_named() -> None:
    code = """
import asyncio
from astra_nb import allow_nested_loops
from astra_nb.errors import LocalError

class Other(asyncio.AbstractEventLoop):
    pass

asyncio.get_running_loop = lambda: Other()
try:
    allow_nested_loops()
except LocalError as error:
    print(error)
"""
    assert printed(code) == (
        "the running event loop is a __main__.Other, which cannot be nested; "
        "use asyncio's loop, or await instead\n"
    )
