"""How long it takes until there is a server: the import, and `run()`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from .results import Figure, Ratio, Results, percentile

__all__ = ["measure_import", "measure_run"]

IMPORT = """
import time
import {loaded}
started = time.perf_counter()
import astra_nb
print((time.perf_counter() - started) * 1000)
"""

# The clock runs from run() until the first byte of the answer to a handshake that was sent as
# soon as run() came back.
RUN = """
import socket, time
from astra_nb import Server
server = Server(port=0)
server.websocket("/", lambda socket: None)
request = (b"GET / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nUpgrade: websocket\\r\\n"
           b"Connection: Upgrade\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n"
           b"Sec-WebSocket-Version: 13\\r\\n\\r\\n")
started = time.perf_counter()
server.run()
with socket.create_connection(("127.0.0.1", server.port)) as sock:
    sock.sendall(request)
    first = sock.recv(1)
took = (time.perf_counter() - started) * 1000
assert first == b"H"
server.shutdown()
print(took)
"""


# What is loaded before: ipywidgets alone, and what every kernel has loaded besides.
LOADED = {"ipywidgets": "ipywidgets", "ipywidgets in a kernel": "ipykernel.ipkernel, ipywidgets"}


def in_fresh_processes(program: str, count: int) -> list[float]:
    """Run a program that prints a figure, `count` times after a first time that is not kept.

    The first time writes the byte code, as installing a package does.
    """
    figures = []
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(count + 1):
            done = subprocess.run(
                [sys.executable, "-c", program],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            figures.append(float(done.stdout))
    return figures[1:]


def measure_import(results: Results, *, count: int) -> None:
    """Time `import astra_nb` where ipywidgets is there already."""
    for name, loaded in LOADED.items():
        samples = in_fresh_processes(IMPORT.format(loaded=loaded), count)
        figure = Figure("import", f"on top of {name}", "ms", samples)
        results.figures.append(figure)
        results.ratios.append(
            Ratio(
                f"import astra_nb on top of {name}, median",
                figure.median,
                80,
                at_least=False,
                unit="ms",
                spread=(min(samples), max(samples)),
            )
        )


def measure_run(results: Results, *, count: int) -> None:
    """Time `run()` until the first byte of an answer, in processes that never ran a server."""
    figure = Figure("run()", "astra", "ms", in_fresh_processes(RUN, count))
    results.figures.append(figure)
    results.ratios.append(
        Ratio(
            "run() until the first byte, p95",
            percentile(figure.samples, 0.95),
            20,
            at_least=False,
            unit="ms",
            spread=(min(figure.samples), max(figure.samples)),
        )
    )
