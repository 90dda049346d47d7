"""Lua in a real kernel: where prints land, and that an interrupt gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from jupyter_core.utils import run_sync

from tests.kernels import Kernel, running_kernel

SERVER = """%%lua server
local server = require("astra.http").server:new()
server.port = 0
local function handle_socket(socket)
  print("Connection opened!")
  while true do
    pprint(socket:recv())
  end
end
server:websocket("/", handle_socket)
server:run()
print("it runs")
"""


@pytest.fixture(scope="module", autouse=True)
def _jupyter_client_loop() -> None:
    """Make jupyter_client create the loop it keeps for the process before a test counts sockets."""
    run_sync(asyncio.sleep)(0)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with running_kernel() as kernel:
        kernel.run("%load_ext astra_nb")
        yield kernel


def test_a_handlers_prints_land_in_the_lua_cell_that_ran_the_server(kernel: Kernel) -> None:
    cell = kernel.run(SERVER)
    kernel.run("from astra_nb import connect\nclient = connect(server.url)")
    kernel.complete("ser")
    kernel.run("client.send_text('Hello')")
    output = kernel.wait_for_output("Hello")
    assert output == {
        cell: 'it runs\nConnection opened!\n{type = "text", value = "Hello"}\n',
    }


def test_an_interrupt_ends_a_lua_cell_whatever_it_catches(kernel: Kernel) -> None:
    client = kernel.client
    sent = client.execute(
        "%%lua\nprint('begun')\nwhile true do pcall(function() while true do end end) end",
        stop_on_error=False,  # the next cell may come before the kernel has emptied its queue
    )
    kernel.wait_for_output("begun")
    client.control_channel.send(client.session.msg("interrupt_request", {}))
    while True:
        reply = client.get_shell_msg(timeout=30)
        if reply["parent_header"].get("msg_id") == sent:
            break
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    kernel.run("%%lua\nprint('and on')")
    kernel.wait_for_output("and on")
