"""What the panel costs while frames pour in: in a real JupyterLab, in a real Chromium."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from .cell import START
from .processes import LoadProcess
from .results import Figure, Ratio, Results, percentile
from .trace import CATEGORIES, task_cpu

if TYPE_CHECKING:
    from tests.browser.lab import Lab, NotebookPage

__all__ = ["measure", "why_not"]

LOAD = "panel"
PROBE = Path(__file__).with_name("panel_probe.js")
CELLS = (
    START + "import os; print('kernel', os.getpid())",
    "panel = server.panel(); panel",
    "panel.close()",
)
SETTLE = 3.0  # seconds that a phase has to come to rest before it is measured
LOOKS = 5  # at the memory, while frames pour in
FULL = 100_000  # records on the log when the panel is opened
# Frames per second, milliseconds, per cent of a core: by the frames a second that pass.
GOALS = {50_000: (59, 33, 7), 200_000: (55, 50, 15)}


def why_not() -> str:
    """Return what is missing for this part; "" when nothing is."""
    if find_spec("playwright") is None:
        return "there is no Playwright: pip install playwright"
    from tests.browser.conftest import NO_CHROMIUM
    from tests.browser.lab import find_chromium

    return "" if find_chromium() else NO_CHROMIUM


def measure(results: Results, load: LoadProcess, *, seconds: float, rate: int) -> None:
    """Measure `rate` frames per second for so many seconds, with the panel shown and without.

    Half of the frames are messages that come in, the other half are the echoes. The kernel's CPU
    time for the panel is what it takes with the panel, less what it takes without.
    """
    with open_lab() as lab:
        bench = PanelBench(results, load, lab, seconds, rate)
        before = bench.phase("load, no panel", rate, seconds / 2)
        bench.fill(rate)
        opened = bench.show()
        bench.phase("panel, no load", 0, seconds / 2)
        with_panel = bench.phase("load, panel", rate, seconds)
        with_panel["task_cpu_ms"] = bench.trace(rate, seconds / 2)
        bench.page.cell(2).run()
        after = bench.phase("load, no panel any more", rate, seconds / 2)
    add_goals(
        results,
        with_panel,
        statistics.mean([each["kernel_cpu_percent"] for each in (before, after)]),
        rate,
    )
    results.ratios += [
        Ratio(f"{LOAD}: opened on {FULL:,} records, ms until painted", opened["painted"], 500,
              at_least=False),
        Ratio(f"{LOAD}: rows in reach then", opened["rows"], FULL, at_least=True),
    ]  # fmt: skip


@contextmanager
def open_lab() -> Iterator[Lab]:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM_OPTIONS
    from tests.browser.lab import Lab, find_chromium
    from tests.jupyter_server import JupyterServer

    with (
        tempfile.TemporaryDirectory() as folder,
        JupyterServer(Path(folder), options=["--LabApp.expose_app_in_browser=True"]) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        try:
            lab = Lab(server, browser)
            yield lab
            lab.close()
        finally:
            browser.close()


class PanelBench:
    """A notebook with a server, opened in a browser, that is watched from all sides."""

    def __init__(
        self, results: Results, load: LoadProcess, lab: Lab, seconds: float, rate: int
    ) -> None:
        self.results = results
        self.load = load
        lab.write("panel.ipynb", [source.strip() for source in CELLS])
        self.page: NotebookPage = lab.open("panel.ipynb")
        self.page.cell(0).run()
        told = self.page.cell(0).text.split()
        self.port = int(told[told.index("port") + 1])
        self.kernel = psutil.Process(int(told[told.index("kernel") + 1]))
        self.page.page.evaluate(PROBE.read_text(encoding="utf-8"))
        self.devtools = self.page.context.new_cdp_session(self.page.page)

    def fill(self, rate: int) -> None:
        """Have the log full, as its ring holds so many frames."""
        Sender(self.load, self.port, rate, 1 + 1.5 * FULL / rate).result()

    def show(self) -> dict[str, float]:
        """Show the panel, with the clock time of each record in its row.

        Returns:
            Milliseconds: `created`, from running its cell until the view is in the page, and
            `painted`, from there until its rows are. `first`, from a jump to the oldest row until
            it is there. `rows`, how many can be scrolled to.
        """
        self.page.page.evaluate("astraProbe.watchOpening()")
        self.page.cell(1).run()
        opened: dict[str, float] = self.page.page.evaluate("astraProbe.opening")
        panel = self.page.page.locator(".astra-console")
        opened |= self.page.page.evaluate("astraProbe.jump()")
        self.results.figures += [
            Figure(f"{LOAD}: opened on {FULL:,} records", name, "ms", [opened[name]])
            for name in ("created", "painted", "first")
        ]
        panel.get_by_role("button", name="Follow").click()
        panel.locator("summary", has_text="Columns").click()
        panel.get_by_role("button", name="of day").click()
        return opened

    def phase(self, name: str, rate: int, seconds: float) -> dict[str, Any]:
        """Watch for so many seconds, under load when the rate is not 0, and note the figures."""
        sender = Sender(self.load, self.port, rate, SETTLE + seconds + 1) if rate else None
        self.page.page.wait_for_timeout(SETTLE * 1000)
        held = [self.held()]
        self.page.page.evaluate("astraProbe.begin()")
        started, cpu, others = time.perf_counter(), self.cpu(), all_cpu()
        memory = []
        for _ in range(LOOKS):
            memory.append((uss(self.kernel), sum(map(uss, renderers()))))
            self.page.page.wait_for_timeout(1000 * seconds / LOOKS)
        took = time.perf_counter() - started
        found: dict[str, Any] = self.page.page.evaluate("astraProbe.end()")
        cpu, others = self.cpu() - cpu, all_cpu() - others
        held.append(self.held())
        sent = sender.result() if sender else {"sent": 0, "rate": 0}
        told = {
            "seconds": took,
            "frames_per_second": 2 * sent["rate"],
            "fps": len(found["gaps"]) / found["seconds"],
            "longest_gap_ms": max(found["gaps"]),
            "long_tasks_ms": sorted(map(round, found["tasks"]), reverse=True)[:10],
            "longest_task_ms": max(found["tasks"], default=0),
            "latencies": found["latencies"],
            "messages_per_second": found["messages"] / found["seconds"],
            "comm_kib_per_second": found["bytes"] / 1024 / found["seconds"],
            "kernel_cpu_percent": 100 * cpu / took,
            "machine_cpu_percent": 100 * others / took,
            "kernel_mib": [round(kernel / 2**20, 1) for kernel, _ in memory],
            "browser_mib": [round(browser / 2**20, 1) for _, browser in memory],
            "browser_held_mib": held,
        }
        self.note(name, told)
        return told

    def trace(self, rate: int, seconds: float) -> float:
        """Return the longest task under load by its CPU time, in milliseconds.

        It is not measured along with the rest, because tracing costs something.
        """
        sender = Sender(self.load, self.port, rate, SETTLE + seconds + 1)
        self.page.page.wait_for_timeout(SETTLE * 1000)
        browser = self.page.lab.browser
        browser.start_tracing(page=self.page.page, categories=CATEGORIES)
        self.page.page.wait_for_timeout(seconds * 1000)
        tasks = task_cpu(browser.stop_tracing())
        sender.result()
        told = {"page_cpu_percent": sum(tasks) / seconds / 10}
        tasks = [task for task in tasks if task >= 1]
        name = f"{LOAD}: load, panel, traced"
        self.results.figures.append(
            Figure(name, "page", "ms of CPU, tasks from 1 on", tasks, more=told)
        )
        return max(tasks)

    def held(self) -> float:
        """The MiB of the browser's pages after a garbage collection."""
        self.devtools.send("HeapProfiler.collectGarbage")
        return round(sum(map(uss, renderers())) / 2**20, 1)

    def cpu(self) -> float:
        """The kernel's CPU time so far, in seconds."""
        times = self.kernel.cpu_times()
        return float(times.user + times.system)

    def note(self, name: str, told: dict[str, Any]) -> None:
        for unit, key in (
            ("fps", "fps"),
            ("ms, longest task", "longest_task_ms"),
            ("Jupyter messages/s", "messages_per_second"),
            ("% of a core, kernel", "kernel_cpu_percent"),
        ):
            self.results.figures.append(Figure(f"{LOAD}: {name}", unit, "", [told[key]]))
        more = {key: value for key, value in told.items() if key != "latencies"}
        self.results.figures[-1].more = more
        if told["latencies"]:
            self.results.figures.append(
                Figure(f"{LOAD}: {name}", "frame to pixel", "ms", told["latencies"])
            )


class Sender:
    """The load generator at work, while this thread watches the page."""

    def __init__(self, load: LoadProcess, port: int, rate: int, seconds: float) -> None:
        self.answer: dict[str, Any] = {}
        self.problem: RuntimeError | None = None
        self.thread = threading.Thread(target=self._run, args=(load, port, rate, seconds))
        self.thread.start()

    def _run(self, load: LoadProcess, port: int, rate: int, seconds: float) -> None:
        try:
            self.answer = load.ask(
                "paced", port=port, rate=rate / 2, payload=64, seconds=seconds, replies=True
            )
        except RuntimeError as exc:
            self.problem = exc

    def result(self) -> dict[str, Any]:
        self.thread.join()
        if self.problem:
            raise self.problem
        return self.answer


def renderers() -> list[psutil.Process]:
    """The processes of the browser that pages live in."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def uss(process: psutil.Process) -> int:
    """The bytes of memory that belong to one process alone; 0 when it has ended."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def all_cpu() -> float:
    """The CPU time that all processes of this machine have taken, in seconds."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def add_goals(results: Results, told: dict[str, Any], without: float, rate: int) -> None:
    """Compare the figures of the phase with load and panel with the goals."""
    fps, latency, cpu = GOALS[min(GOALS, key=lambda each: abs(each - rate))]
    kernel, browser = told["kernel_mib"], told["browser_held_mib"]
    goals = [
        ("frames/s that passed", told["frames_per_second"], 0.98 * rate, True),
        ("fps", told["fps"], fps, True),
        ("longest task, ms", told["longest_task_ms"], 150, False),
        ("frame to pixel p95, ms", percentile(told["latencies"], 0.95), latency, False),
        ("kernel CPU for the panel, % of a core", told["kernel_cpu_percent"] - without, cpu, False),
        ("Jupyter messages/s", told["messages_per_second"], 100, False),
        ("kernel memory, end / begin", kernel[-1] / kernel[0], 1.1, False),
        ("browser memory without garbage, end / begin", browser[-1] / browser[0], 1.1, False),
    ]
    for what, value, goal, at_least in goals:
        by_cpu = told["task_cpu_ms"] if what.startswith("longest task") else None
        results.ratios.append(
            Ratio(f"{LOAD}: {what}", value, goal, at_least=at_least, by_cpu=by_cpu)
        )
