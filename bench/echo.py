"""The echo loads: who answers how many messages per second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .processes import LoadProcess, ServerProcess
from .results import Figure, Results

__all__ = ["ECHO_LOADS", "ECHO_SERVERS", "EchoLoad", "add_goals", "run"]


@dataclass(frozen=True)
class EchoLoad:
    """One shape of traffic.

    Attributes:
        connections: How many are open.
        in_flight: Messages under way on each.
        payload: Bytes in each message.
    """

    connections: int
    in_flight: int
    payload: int

    @property
    def name(self) -> str:
        size = f"{self.payload} B" if self.payload < 1024 else f"{self.payload // 1024} KiB"
        return f"echo {self.connections}x{self.in_flight} {size}"


SHAPES = ((1, 1), (1, 64), (20, 16))
PAYLOADS = (64, 1024, 16384)
ECHO_LOADS = tuple(
    EchoLoad(connections, in_flight, payload)
    for payload in PAYLOADS
    for connections, in_flight in SHAPES
)
ECHO_SERVERS = (
    "astra async",
    "websockets asyncio",
    "astra async, log off",
    "aiohttp",
    "astra def",
    "websockets sync",
    "astra def, log off",
    "picows",
    "ceiling",
)


def run(
    results: Results,
    load: LoadProcess,
    servers: Sequence[ServerProcess],
    loads: Sequence[EchoLoad],
    *,
    seconds: float,
    rounds: int,
) -> None:
    """Measure each load at every server in turn, `rounds` times over."""
    for shape in loads:
        figures = {server.name: Figure(shape.name, server.name, "messages/s") for server in servers}
        for _ in range(rounds):
            for server in servers:
                before = server.cpu_seconds()
                answer = load.ask(
                    "echo",
                    port=server.port,
                    connections=shape.connections,
                    in_flight=shape.in_flight,
                    payload=shape.payload,
                    seconds=seconds,
                    warm_up=seconds / 5,
                )
                used = server.cpu_seconds() - before
                figure = figures[server.name]
                figure.samples.append(answer["messages"])
                figure.cpu.append(used / (answer["messages"] * seconds * 1.2) * 1e6)
                figure.more = answer
        results.figures.extend(figures.values())


def add_goals(results: Results) -> None:
    """Compare what was measured with the goals."""
    for load, server, peer, goal in (
        ("echo 20x16 64 B", "astra async", "picows", 2.0),
        ("echo 20x16 64 B", "astra async", "aiohttp", 3.3),
        ("echo 20x16 64 B", "astra async", "websockets asyncio", 5.5),
        ("echo 20x16 64 B", "astra def", "websockets sync", 3.0),
        ("echo 1x1 64 B", "astra async", "websockets asyncio", 1.1),
        ("echo 1x1 64 B", "astra async", "aiohttp", 1.15),
        ("echo 1x1 64 B", "astra async", "picows", 0.8),
        ("echo 1x1 64 B", "astra def", "websockets sync", 0.9),
        ("echo 20x16 16 KiB", "astra async", "websockets asyncio", 1.5),
        ("echo 20x16 16 KiB", "astra async", "aiohttp", 1.0),
        ("echo 20x16 16 KiB", "astra async", "picows", 0.7),
        ("echo 20x16 64 B", "astra async", "astra async, log off", 0.93),
        ("echo 20x16 64 B", "astra def", "astra def, log off", 0.93),
        ("echo 20x16 16 KiB", "astra async", "astra async, log off", 0.75),
        ("echo 20x16 16 KiB", "astra def", "astra def, log off", 0.75),
    ):
        results.compare(f"{load}: {server} / {peer}", load, server, peer, goal)
