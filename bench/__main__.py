"""`python -m bench`: the servers in turn, medians and ratios in one table."""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path

from . import cell, crowd, echo, panel, queries, startup, tap
from .processes import LoadProcess, ServerProcess, cores_for
from .results import Results

RESULTS = Path(__file__).parent / "results"
PARTS = ("echo", "tap", "broadcast", "hold", "log", "startup", "cell", "panel")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compare the speed of astra_nb's server, its log on, with other servers.",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="only what has TEXT in its name: a part ("
        + ", ".join(PARTS)
        + ") or a load such as 'echo 20x16 64 B'; may be given several times",
    )
    parser.add_argument(
        "--server",
        action="append",
        metavar="NAME",
        help="only these servers in the echo loads: " + ", ".join(echo.ECHO_SERVERS),
    )
    parser.add_argument("--seconds", type=float, default=0.8, help="seconds of each sample")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each server and load")
    parser.add_argument("--connections", type=int, default=10_000, help="connections to hold")
    parser.add_argument(
        "--panel-seconds", type=float, default=20, help="seconds of frames under the panel"
    )
    parser.add_argument("--panel-rate", type=int, default=50_000, help="frames a second under it")
    parser.add_argument("--output", type=Path, help="where the JSON goes")
    return parser.parse_args()


def wanted(options: argparse.Namespace, name: str) -> bool:
    """Return whether `--only` names this part or load."""
    if not options.only:
        return True
    return any(text in name or name.startswith(text) for text in options.only)


def main() -> None:
    options = parse()
    results = Results()
    server_core, load_core = cores_for()
    loads = [load for load in echo.ECHO_LOADS if wanted(options, load.name)]
    names = options.server or echo.ECHO_SERVERS
    with contextlib.ExitStack() as stack:
        stack.callback(report, results, options)  # what was measured, also when a part fails
        load = stack.enter_context(LoadProcess(load_core))
        if loads:
            with contextlib.ExitStack() as open_servers:
                servers = [
                    open_servers.enter_context(ServerProcess(name, server_core)) for name in names
                ]
                say(f"echo: {len(loads)} loads, {len(servers)} servers, {options.rounds} rounds")
                echo.run(
                    results,
                    load,
                    servers,
                    loads,
                    seconds=options.seconds,
                    rounds=options.rounds,
                )
            echo.add_goals(results)
        if wanted(options, "tap"):
            say("tap: a round trip through it, and through mitmproxy where mitmdump is found")
            tap.measure(results, load, server_core, seconds=options.seconds, rounds=options.rounds)
        if wanted(options, "broadcast"):
            say("broadcast")
            with contextlib.ExitStack() as open_servers:
                crowd.broadcast(
                    results,
                    load,
                    [
                        open_servers.enter_context(ServerProcess(name, server_core))
                        for name in crowd.BROADCAST_SERVERS
                    ],
                    connections=1000,
                    seconds=options.seconds * 2,
                    rounds=options.rounds,
                )
        if wanted(options, "hold"):
            say(f"hold {options.connections:,} connections")
            crowd.hold(results, load, server_core, connections=options.connections)
        crowd.add_goals(results)
        if wanted(options, "log"):
            say("log")
            queries.measure(results, rounds=options.rounds)
        if wanted(options, "startup"):
            say("startup")
            startup.measure_import(results, count=11)
            startup.measure_run(results, count=40)
        if wanted(options, "cell"):
            say("cell")
            cell.measure(results, load, server_core, cells=200, rate=20_000)
        if wanted(options, "panel"):
            missing = panel.why_not()
            say(f"panel: left out, {missing}" if missing else "panel")
            if not missing:
                panel.measure(results, load, seconds=options.panel_seconds, rate=options.panel_rate)


def report(results: Results, options: argparse.Namespace) -> None:
    print(results.table())
    path = options.output or RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    results.write(path, {key: str(value) for key, value in vars(options).items()})
    print(f"\nwritten to {path}")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main()
