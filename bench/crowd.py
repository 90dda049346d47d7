"""Many connections: a broadcast to 1,000, and 10,000 that are open and idle."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .limits import raise_file_limit
from .processes import LoadProcess, ServerProcess
from .results import Figure, Ratio, Results

__all__ = ["BROADCAST_SERVERS", "HOLD_SERVERS", "add_goals", "broadcast", "hold"]

BROADCAST_SERVERS = ("astra broadcast", "websockets broadcast", "astra broadcast, log off")
HOLD_SERVERS = ("bare transport", "astra async", "websockets asyncio")
KIBIBYTE = 1024


def broadcast(
    results: Results,
    load: LoadProcess,
    servers: Sequence[ServerProcess],
    *,
    connections: int,
    seconds: float,
    rounds: int,
) -> None:
    """Measure broadcasts, `rounds` times over all servers in turn."""
    name = f"broadcast to {connections:,}"
    figures = {server.name: Figure(name, server.name, "messages/s") for server in servers}
    for _ in range(rounds):
        for server in servers:
            answer = load.ask(
                "broadcast",
                port=server.port,
                connections=connections,
                payload=64,
                seconds=seconds,
                warm_up=seconds / 5,
            )
            figures[server.name].samples.append(answer["messages"])
            figures[server.name].more = answer
    results.figures.extend(figures.values())


def hold(results: Results, load: LoadProcess, core: str, *, connections: int) -> None:
    """Open connections at a fresh server of each kind, hold them, and weigh the process."""
    most = raise_file_limit() - 200
    if connections > most:
        results.problems.append(
            f"only {most:,} connections were held, because of the limit of open files"
        )
        connections = most
    name = f"hold {connections:,}"
    for server_name in HOLD_SERVERS:
        with ServerProcess(server_name, core) as server:
            # Once through everything, so that what is loaded only once is not counted.
            load.ask("hold", port=server.port, connections=20)
            load.ask("ask_all", payload=64)
            load.ask("release")
            before = settled_memory(server)
            opened = load.ask("hold", port=server.port, connections=connections)
            held = settled_memory(server)
            answered = load.ask("ask_all", payload=64)
            load.ask("release")
        figure = Figure(name, server_name, "KiB per connection")
        figure.samples.append((held - before) / connections / KIBIBYTE)
        figure.more = {"opened": opened, "answered": answered}
        results.figures.append(figure)


def settled_memory(server: ServerProcess) -> int:
    """Weigh a server as soon as it has nothing left to do, at the latest after 10 s."""
    deadline = time.monotonic() + 10
    used = server.cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(0.3)
        used, last = server.cpu_seconds(), used
        if used - last < 0.02:
            break
    return server.memory()


def add_goals(results: Results) -> None:
    """Compare what was measured with the goals."""
    for figure in results.figures:
        if figure.load.startswith("broadcast") and figure.server == "astra broadcast":
            results.compare(
                f"{figure.load}: astra / websockets.broadcast",
                figure.load,
                "astra broadcast",
                "websockets broadcast",
                1.2,
            )
        if figure.load.startswith("hold") and figure.server == "astra async":
            bare = results.find(figure.load, "bare transport")
            if bare is not None:
                results.ratios.append(
                    Ratio(
                        f"{figure.load}: memory of ours beyond the transport's, each",
                        figure.median - bare.median,
                        12,
                        at_least=False,
                        unit="KiB",
                    )
                )
            opened = figure.more["opened"]["opened"]
            results.ratios.append(
                Ratio(
                    f"{figure.load}: answered",
                    figure.more["answered"]["answered"],
                    opened,
                    unit="",
                )
            )
