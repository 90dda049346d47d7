"""What a browser's trace says of a page: how long its tasks took, in CPU time.

A task's wall time counts what other processes took in between; its CPU time does not.
"""

from __future__ import annotations

import json
from collections import defaultdict

__all__ = ["CATEGORIES", "task_cpu"]

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline"]


def task_cpu(trace: bytes) -> list[float]:
    """List the CPU time of each task of the busiest page's main thread, in milliseconds."""
    events = json.loads(trace)["traceEvents"]
    main_threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks: dict[tuple[int, int], list[float]] = defaultdict(list)
    for event in events:
        thread = (event["pid"], event["tid"])
        if event["ph"] == "X" and event["name"].endswith("RunTask") and thread in main_threads:
            tasks[thread].append(event.get("tdur", 0) / 1000)
    return max(tasks.values(), key=sum, default=[])
