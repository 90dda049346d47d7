"""What a tap adds to a round trip, and what mitmproxy adds in the same run.

mitmproxy pins versions that do not fit ours, so it is not installed with the benchmark: `mitmdump`
is taken from the path, or from the environment variable MITMDUMP, such as that of a virtual
environment of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator

import psutil

from .processes import LoadProcess, ServerProcess
from .results import Figure, Ratio, Results

__all__ = ["measure"]

SERVER = "websockets asyncio"
LOAD = "round trip 1x1 64 B"
LISTENS = 30.0  # seconds until mitmproxy must listen


@contextlib.contextmanager
def mitmproxy(port: int, core: str) -> Iterator[tuple[int, psutil.Process] | None]:
    """Run mitmproxy as a reverse proxy before a server; None where there is none.

    Yields:
        Its port and its process.
    """
    program = os.environ.get("MITMDUMP") or shutil.which("mitmdump")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        own: int = probe.getsockname()[1]
    pinned = ["taskset", "-c", core] if core and shutil.which("taskset") else []
    mode = f"reverse:http://127.0.0.1:{port}"
    command = [*pinned, program, "-q", "--listen-host", "127.0.0.1", "-p", str(own), "--mode", mode]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + LISTENS
            with socket.socket() as trying:
                while trying.connect_ex(("127.0.0.1", own)) != 0:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"{program} does not listen")
                    time.sleep(0.1)
            yield own, psutil.Process(process.pid)
        finally:
            process.terminate()


def measure(results: Results, load: LoadProcess, core: str, *, seconds: float, rounds: int) -> None:
    """Time round trips to a server directly, through a tap, and through mitmproxy, in turn."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ServerProcess(SERVER, core))
        tap = stack.enter_context(ServerProcess(f"tap {server.port}", core))
        ports = {"directly": server.port, "through a tap": tap.port}
        proxies = {"through a tap": tap.process}
        other = stack.enter_context(mitmproxy(server.port, core))
        if other is not None:
            ports["through mitmproxy"], proxies["through mitmproxy"] = other
        figures = {name: Figure(LOAD, name, "us") for name in ports}
        for _ in range(rounds):
            for name, port in ports.items():
                proxy = proxies.get(name)
                before = cpu_seconds(proxy)
                answer = load.ask(
                    "echo",
                    port=port,
                    connections=1,
                    in_flight=1,
                    payload=64,
                    seconds=seconds,
                    warm_up=seconds / 5,
                )
                figures[name].samples.append(1e6 / answer["messages"])
                if proxy is not None:  # its own processor time, which others disturb less
                    used = cpu_seconds(proxy) - before
                    figures[name].cpu.append(used / (answer["messages"] * seconds * 1.2) * 1e6)
    added = {
        name: [
            mine - base
            for mine, base in zip(figure.samples, figures["directly"].samples, strict=True)
        ]
        for name, figure in figures.items()
        if name != "directly"
    }
    figures |= {
        f"added {name}": Figure(LOAD, f"added {name}", "us", more) for name, more in added.items()
    }
    results.figures.extend(figures.values())
    if other is not None:
        pairs = zip(added["through a tap"], added["through mitmproxy"], strict=True)
        shares = [ours / theirs for ours, theirs in pairs]
        what = "what a tap adds to a round trip / what mitmproxy adds"
        spread = min(shares), max(shares)
        by_cpu = statistics.median(figures["through a tap"].cpu) / statistics.median(
            figures["through mitmproxy"].cpu
        )
        results.ratios.append(
            Ratio(what, statistics.median(shares), 0.25, False, by_cpu=by_cpu, spread=spread)
        )


def cpu_seconds(process: psutil.Process | None) -> float:
    times = None if process is None else process.cpu_times()
    return 0.0 if times is None else float(times.user + times.system)
