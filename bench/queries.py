"""What people do with a full log: its memory, and the time of a print, a filter, an export."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable

from .results import Figure, Ratio, Results
from .wire import masked_frame

__all__ = ["measure"]

FRAMES = 100_000
PAYLOAD = 64
NAME = f"log of {FRAMES:,} frames of {PAYLOAD} B"
GOALS = (("memory", "MB", 30.0), ("filter(text=)", "ms", 400.0), ("to_jsonl()", "ms", 600.0))


def measure(results: Results, *, rounds: int) -> None:
    """Fill a log as an echo does, one frame in each entry, in a process of its own each time."""
    figures: dict[str, Figure] = {}
    for _ in range(rounds):
        child = subprocess.run(
            [sys.executable, "-m", "bench.queries"], check=True, stdout=subprocess.PIPE, text=True
        )
        for what, (unit, value) in json.loads(child.stdout).items():
            figures.setdefault(what, Figure(NAME, what, unit)).samples.append(value)
    results.figures.extend(figures.values())
    for what, unit, goal in GOALS:
        figure = figures[what]
        results.ratios.append(
            Ratio(
                f"{NAME}: {what}",
                figure.median,
                goal,
                at_least=False,
                unit=unit,
                spread=(min(figure.samples), max(figure.samples)),
            )
        )


def timed(call: Callable[[], object]) -> tuple[str, float]:
    gc.collect()
    started = time.perf_counter()
    call()
    return "ms", (time.perf_counter() - started) * 1000


def main() -> None:
    import psutil

    from astra_nb.log import FrameLog
    from astra_nb.net.serializing import put_frame
    from astra_nb.widgets.search import Query, search

    log = FrameLog(max_frames=FRAMES)
    process = psutil.Process()
    gc.collect()
    before = process.memory_full_info().uss
    for number in range(FRAMES // 2):
        text = f"message {number:08} ".encode().ljust(PAYLOAD, b"x")
        log.append_frames(1, "server", "received", masked_frame(text), 1)
        parts: list[bytes] = []
        put_frame(parts, 1, text, True, False)
        log.append_frames(1, "server", "sent", b"".join(parts), 1)
    assert len(log) == FRAMES
    gc.collect()
    memory = (process.memory_full_info().uss - before) / 1e6

    def search_all() -> None:
        below = search(log, Query("no such text")).below
        while below:
            below = search(log, Query("no such text"), below=below).below

    told = {
        "memory": ("MB", memory),
        "print(log)": timed(lambda: str(log)),
        "filter(text=)": timed(lambda: list(log.filter(text="00012345"))),
        "to_jsonl()": timed(log.to_jsonl),
        "search of the panel": timed(search_all),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
