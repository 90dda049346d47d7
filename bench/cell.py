"""How long a cell with `1 + 1` takes while frames pass through a server in the same kernel."""

from __future__ import annotations

import threading
import time
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from .processes import LoadProcess
from .results import Figure, Ratio, Results, percentile

__all__ = ["measure"]

START = """
from astra_nb import Server
server = Server(port=0)
async def echo(socket):
    async for message in socket:
        if message.type == "text":
            await socket.send_text(message.value)
server.websocket("/", echo)
server.run()
print("port", server.port)
"""
COUNT = "print(server.log.last_number)"


def measure(results: Results, load: LoadProcess, core: str, *, cells: int, rate: int) -> None:
    """Time `1 + 1` in an idle kernel, and while `rate` frames per second pass.

    Half of the frames are messages that come in, the other half are the echoes.
    """
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        run_cell(client, f"import os; os.sched_setaffinity(0, {{{core}}})" if core else "")
        port = int(run_cell(client, START).split()[1])
        run_cell(client, "1 + 1")
        idle = [time_cell(client) for _ in range(cells)]
        busy, told = under_load(client, load, port, cells, rate)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    figures = {"idle": idle, "busy": busy}
    for name, samples in figures.items():
        results.figures.append(
            Figure("cell 1 + 1", f"kernel {name}", "ms, each cell", samples, more=told)
        )
    results.ratios.append(
        Ratio(
            f"`1 + 1` while {told['frames'] / 1000:.0f},000 frames/s pass: p95 / idle p95",
            percentile(busy, 0.95) / percentile(idle, 0.95),
            3,
            at_least=False,
        )
    )


def under_load(
    client: BlockingKernelClient, load: LoadProcess, port: int, cells: int, rate: int
) -> tuple[list[float], dict[str, Any]]:
    seconds = 6.0
    told: dict[str, Any] = {}

    def send() -> None:
        told.update(
            load.ask("paced", port=port, rate=rate / 2, payload=64, seconds=seconds, replies=True)
        )

    before, started = int(run_cell(client, COUNT)), time.perf_counter()
    sender = threading.Thread(target=send)
    sender.start()
    busy: list[float] = []
    try:
        time.sleep(0.5)
        while len(busy) < cells and time.perf_counter() - started < seconds - 0.2:
            busy.append(time_cell(client))
        frames = int(run_cell(client, COUNT)) - before
        told["frames"] = frames / (time.perf_counter() - started)
    finally:
        sender.join()
    return busy, told


def time_cell(client: BlockingKernelClient) -> float:
    """Run `1 + 1` and return the milliseconds until its reply."""
    started = time.perf_counter()
    reply = client.execute("1 + 1", reply=True, timeout=20)
    took = (time.perf_counter() - started) * 1000
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"the cell failed: {reply['content']}")
    return took


def run_cell(client: BlockingKernelClient, code: str) -> str:
    """Run a cell and return what it printed."""
    printed = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=keep, timeout=60)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"the cell failed: {reply['content']}")
    return "".join(printed)
