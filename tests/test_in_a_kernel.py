"""What only a real kernel shows: where prints land, cells run again, interrupts, restarts."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_core.utils import run_sync

from tests.helpers import REPOSITORY, free_port, wait_until
from tests.kernels import Kernel, running_kernel

SERVER = """
from astra_nb import Server, connect
server = Server(port=0)
{handler}
server.websocket("/", handle_socket)
server.run()
"""

BLOCKING = """
def handle_socket(socket):
    print("opened")
    for message in socket:
        print("got", message.value)
"""

AWAITED = """
async def handle_socket(socket):
    print("opened")
    async for message in socket:
        print("got", message.value)
"""


@pytest.fixture(scope="module", autouse=True)
def _jupyter_client_loop() -> None:
    """Have jupyter_client make the loop it keeps for the process before a test counts sockets."""
    run_sync(asyncio.sleep)(0)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with running_kernel() as kernel:
        yield kernel


@pytest.mark.parametrize("handler", [BLOCKING, AWAITED], ids=["def", "async def"])
def test_prints_land_in_the_cell_that_called_run(kernel: Kernel, handler: str) -> None:
    run = kernel.run(SERVER.format(handler=handler))
    later = kernel.run("client = connect(server.url); client.send_text('one'); print('later')")
    kernel.wait_for_output("got one")
    kernel.complete("ser")
    kernel.run("client.send_text('two'); server.log.wait_for(type='text', count=2)")
    kernel.wait_for_output("got two")
    kernel.run("1 + 1")
    kernel.run("client.send_text('three')")
    output = kernel.wait_for_output("got three")
    assert output[run] == "opened\ngot one\ngot two\ngot three\n"
    assert output[later] == "later\n"
    assert set(output) == {run, later}


THREADS = """
import asyncio, threading
def handle_socket(socket):
    socket.recv()
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    print("from the handler")
"""
EXECUTOR = """
import asyncio, threading
async def handle_socket(socket):
    await socket.recv()
    await asyncio.get_running_loop().run_in_executor(None, print, "from a thread")
    print("from the handler")
"""
REDIRECTED = "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()):\n  "


@pytest.mark.parametrize("handler", [THREADS, EXECUTOR], ids=["thread", "executor"])
@pytest.mark.parametrize("captured", [True, False], ids=["%%capture", "redirect_stdout"])
def test_a_captured_run_and_threads_lose_no_print(
    kernel: Kernel, handler: str, captured: bool
) -> None:
    code = SERVER.format(handler=handler)
    run = kernel.run(f"%%capture{code}" if captured else REDIRECTED + code.replace("\n", "\n  "))
    later = kernel.run("client = connect(server.url); client.send_text('go'); print('later')")
    kernel.run(
        "server.log.wait_for(kind='output', text='from the handler', timeout=20)\n"
        "printed = [record.text for record in server.log.filter(kind='output')]\n"
        "assert printed == ['from a thread', 'from the handler'], printed"
    )
    kernel.wait_for_output("later")
    output = kernel.wait_for_output("from the handler")
    assert output == {run: "from a thread\nfrom the handler\n", later: "later\n"}


def test_the_log_keeps_what_each_connection_printed(kernel: Kernel) -> None:
    kernel.run(SERVER.format(handler=BLOCKING))
    kernel.run(
        "a, b = connect(server.url), connect(server.url)\n"
        "b.send_text('to b'); server.log.wait_for(kind='output', text='to b')\n"
        "a.send_text('to a'); server.log.wait_for(kind='output', text='to a')\n"
        "printed = [(r.connection, r.text) for r in server.log.filter(kind='output')]\n"
        "assert sorted(printed) == [(1, 'got to a'), (1, 'opened'), (2, 'got to b'),"
        " (2, 'opened')], printed"
    )


def test_a_log_as_the_last_line_of_a_cell_is_a_table(kernel: Kernel) -> None:
    kernel.run(SERVER.format(handler=BLOCKING))
    kernel.run(
        "client = connect(server.url); client.close()\n"
        "for log in (server.log, client.log): log.wait_for(kind='closed')\n"
        "def shown(value):\n"
        "    return get_ipython().display_formatter.format(value)[0]['text/plain']\n"
        "for view in (server.log, client.log, server.log.frames):\n"
        "    assert shown(view) == view.text() and 'payload' in shown(view), shown(view)\n"
        "assert shown([client.log]) == f'[{client.log.text()}]'\n"
    )


def test_a_cell_run_again_replaces_its_server_and_keeps_a_free_port(kernel: Kernel) -> None:
    cell = SERVER.format(handler=BLOCKING)
    kernel.run(cell, cell="one")
    kernel.run("first, port = server, server.port")
    again = kernel.run(cell, cell="one")
    output = kernel.wait_for_output("Replaced")
    assert output[again].startswith("Replaced the server that was running at ws://127.0.0.1:")
    kernel.run("assert server.port == port and server is not first and not first.running")
    kernel.run(cell, cell="two")
    kernel.run("assert server.port != port")


# The tutorial's own form, with its fixed port, and what people put around it.
FORM = """
from astra_nb import connect, http
server = http.server.new(port={port})

@server.websocket("/")
{handler}

server.run()
"""
INSIDE = "def main():\n" + FORM.replace("\n", "\n    ") + "\n    return server\n"
DEF = "def handle(socket): [print(m) for m in socket]"
ASYNC_DEF = "async def handle(socket): [print(m) async for m in socket]"

SPELLINGS = {
    "plain": FORM,
    "with an open client": FORM + "client = connect(server.url)",
    "async def, with an open client": FORM.replace("{handler}", ASYNC_DEF)
    + "client = connect(server.url)",
    "server as the last line": FORM + "server",
    "panel as the last line": FORM + "server.panel()",
    "inside a function": INSIDE + "server = main()",
    "inside a function that drops it": INSIDE + "main();",
    "%%time": "%%time" + FORM,
    "%%capture": "%%capture" + FORM,
    "an async cell": FORM + "import asyncio; await asyncio.sleep(0)",
    "with a context manager": FORM + "with server: connect(server.url).close()",
}


def test_a_cell_is_run_again_a_hundred_times_in_every_spelling(kernel: Kernel) -> None:
    for name, spelling in SPELLINGS.items():
        code = spelling.replace("{handler}", DEF).format(port=free_port())
        for number in range(10):
            kernel.run(code, cell=name)
            kernel.run(f"print('after {name} {number}')")
            # At once: a kernel drops output that nobody reads, and a panel is much of it.
            output = kernel.wait_for_output(f"after {name} {number}")
        kernel.run("server = client = None")
    replaced = "".join(output.values()).count("Replaced the server that was running at")
    quiet = 2  # what a cell captures, and what a `with` block has shut down
    assert replaced == 9 * (len(SPELLINGS) - quiet)


def test_a_cell_is_run_again_after_an_error_in_it(kernel: Kernel) -> None:
    code = FORM.format(port=free_port(), handler=DEF)
    for _ in range(10):
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            kernel.run(f"{code}\n1 / 0", cell="one", stop_on_error=False)
    kernel.run(f"{code}\nprint('done')", cell="one")
    output = kernel.wait_for_output("done")
    assert "".join(output.values()).count("Replaced the server") == 10


def test_a_cell_run_again_replaces_its_own_handlers_and_no_others(kernel: Kernel) -> None:
    kernel.run("from astra_nb import http\nserver = http.server.new(port=0)")
    code = """
server.websocket("/{what}/a", lambda socket: {what})
server.handshake("/{what}/a", lambda handshake: handshake.accept())
server.get("/{what}/a", lambda: "{what}")
"""
    for cell, what in (("one", 1), ("two", 2), ("one", 1), ("two", 2)):
        kernel.run(code.format(what=what), cell=cell)
    kernel.run("assert repr(server).endswith('; paths: /1/a, /2/a>'), server")
    for twice in (code.format(what=2), code.format(what=3) * 2):
        with pytest.raises(AssertionError, match="already has a handler"):
            kernel.run(twice, cell="one", stop_on_error=False)
    # What failed has not made the cell the owner.
    with pytest.raises(AssertionError, match="already has a handler"):
        kernel.run(code.format(what=2), cell="one", stop_on_error=False)


def test_a_panel_closes_with_the_server_that_its_cell_replaces(kernel: Kernel) -> None:
    code = FORM.format(port=free_port(), handler=DEF)
    count = (
        "import time, ipywidgets.widgets.widget as widget\n"
        "panels = lambda: sum(type(w).__name__ == 'Panel' for w in widget._instances.values())\n"
    )
    for shown in "server.panel()", "server":
        for _ in range(3):
            kernel.run(code + shown, cell="one")
        kernel.run(
            count + "while panels() > 1: time.sleep(0.01)\n"
            "assert len(widget._instances) < 10, len(widget._instances)"
        )


def test_an_interrupt_ends_a_blocking_recv_and_nothing_else(kernel: Kernel) -> None:
    kernel.run(SERVER.format(handler=BLOCKING))
    kernel.run(
        "import os, signal, threading\n"
        "client = connect(server.url)\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    client.recv()\n"
        "except KeyboardInterrupt:\n"
        "    interrupted = True\n"
    )
    kernel.run("assert interrupted")
    kernel.run("client.send_text('on'); server.log.wait_for(kind='output', text='got on')")


def test_a_restart_gives_the_port_back() -> None:
    with running_kernel() as kernel:
        kernel.run(SERVER.format(handler=BLOCKING))
        printed = kernel.run("print(server.port)")
        port = int(kernel.wait_for_output("\n")[printed])
        client = socket.create_connection(("127.0.0.1", port), timeout=5)

    def free() -> bool:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            return False
        return True

    with client:
        wait_until(free, 10)


def test_an_error_in_a_handler_is_shown_in_the_cell_that_called_run(kernel: Kernel) -> None:
    run = kernel.run(
        SERVER.format(handler="def handle_socket(socket):\n    raise ValueError('look here')")
    )
    kernel.run("client = connect(server.url); client.wait_closed(5)")
    output = kernel.wait_for_output("look here")
    assert "The handler of connection 1 raised:" in output[run]


@pytest.mark.parametrize("loaded", ["before", "after"])
def test_autoreload_leaves_a_running_server_as_it_is(loaded: str, tmp_path: Path) -> None:
    package = tmp_path / "astra_nb"
    shutil.copytree(REPOSITORY / "astra_nb", package)
    load, run = "%load_ext autoreload\n%autoreload 2", SERVER.format(handler=BLOCKING)
    with running_kernel(PYTHONPATH=str(tmp_path)) as kernel:
        for code in [load, run] if loaded == "before" else [run, load]:
            kernel.run(code)
        for name in "server.py", "running/runner.py", "net/closing.py", "net/policy.py":
            source = (package / name).read_text("utf-8")
            (package / name).write_text(
                source.replace("self", "this") + "\nCHANGED = True", "utf-8"
            )
            later = (package / name).stat().st_mtime + 10
            os.utime(package / name, (later, later))
        kernel.run("from astra_nb.running import runner\nassert not hasattr(runner, 'CHANGED')")
        kernel.run("with connect(server.url) as client: server.shutdown()")
        kernel.run("assert not server.running\nprint('done')")
        output = "".join(kernel.wait_for_output("done").values())
    assert output.count("after an update of astra_nb, restart the kernel") == 1
