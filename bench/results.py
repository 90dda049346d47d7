"""What the benchmark found: figures, ratios against goals, one table, one file."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["Figure", "Ratio", "Results", "percentile"]

PACKAGES = ("websockets", "aiohttp", "picows", "uvloop", "ipykernel", "ipywidgets", "anywidget")


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Figure:
    """What was measured of one server under one load.

    Attributes:
        load: Short name of the load.
        server: Name of the server.
        unit: What a sample is.
        samples: One per round.
        cpu: CPU seconds of the server per million messages, one per round.
        more: Anything else that the load told, of its last round.
    """

    load: str
    server: str
    unit: str
    samples: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass
class Ratio:
    """A goal, and how far it was met.

    Attributes:
        what: The goal in words.
        value: What was measured.
        goal: The bound.
        at_least: Whether the bound is a lower one.
        unit: "" for a ratio.
        by_cpu: The same ratio from CPU time per message, which other processes disturb less.
        spread: Lowest and highest value over the rounds.
    """

    what: str
    value: float
    goal: float
    at_least: bool = True
    unit: str = ""
    by_cpu: float | None = None
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass
class Results:
    """All figures of one run."""

    figures: list[Figure] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def find(self, load: str, server: str) -> Figure | None:
        for figure in self.figures:
            if (figure.load, figure.server) == (load, server):
                return figure
        return None

    def compare(self, what: str, load: str, server: str, peer: str, goal: float) -> None:
        """Add the ratio of two servers under one load, if both were measured.

        Rounds are compared pairwise, because a round's two halves ran one after the other.
        """
        mine, other = self.find(load, server), self.find(load, peer)
        if mine is None or other is None:
            return
        each = [a / b for a, b in zip(mine.samples, other.samples, strict=True)]
        by_cpu = None
        if mine.cpu and other.cpu and min(mine.cpu) > 0:
            by_cpu = statistics.median(other.cpu) / statistics.median(mine.cpu)
        self.ratios.append(
            Ratio(
                what,
                statistics.median(each),
                goal,
                by_cpu=by_cpu,
                spread=(min(each), max(each)),
            )
        )

    def table(self) -> str:
        lines = [
            "",
            f"{'load':<22} {'server':<26} {'median':>12} {'lowest':>11} {'highest':>11}"
            f" {'CPU us/msg':>11}",
        ]
        load = ""
        for figure in self.figures:
            if figure.load != load:
                lines.append("-" * 98)
                load = figure.load
            cpu = f"{statistics.median(figure.cpu):11.2f}" if figure.cpu else f"{'':>11}"
            lines.append(
                f"{figure.load:<22} {figure.server:<26} {figure.median:>12,.1f} "
                f"{min(figure.samples):>11,.1f} {max(figure.samples):>11,.1f} {cpu} {figure.unit}"
            )
        lines += ["", f"{'goal':<66} {'wanted':>9} {'measured':>10} {'range':>15} {'by CPU':>7}"]
        lines.append("-" * 118)
        for ratio in self.ratios:
            sign = ">=" if ratio.at_least else "<="
            spread = f"{ratio.spread[0]:.2f} to {ratio.spread[1]:.2f}" if ratio.spread else ""
            by_cpu = f"{ratio.by_cpu:.2f}" if ratio.by_cpu is not None else ""
            lines.append(
                f"{ratio.what:<66} {sign} {ratio.goal:>6g} {ratio.value:>10.2f} {spread:>15} "
                f"{by_cpu:>7} {ratio.unit:<4} {'met' if ratio.met else 'MISSED'}"
            )
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join(lines)

    def write(self, path: Path, options: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "machine": machine(),
            "options": options,
            "figures": [asdict(figure) | {"median": figure.median} for figure in self.figures],
            "goals": [asdict(ratio) | {"met": ratio.met} for ratio in self.ratios],
            "problems": self.problems,
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Describe where this was measured."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "packages": versions,
        "commit": commit(),
    }


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
