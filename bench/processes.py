"""Server and load processes, started on their own cores and always ended."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psutil

from .limits import cores

__all__ = ["LoadProcess", "ServerProcess", "cores_for"]


def cores_for() -> tuple[str, str]:
    """Choose a core for the servers and another one for the load; "" where there is none."""
    available = cores()
    if len(available) < 2:
        return "", ""
    return str(available[0]), str(available[1])


class Process:
    """A child process that exchanges lines of JSON and ends when its standard input does."""

    def __init__(self, *arguments: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.process = psutil.Process(self.child.pid)

    def read(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.child.args!r} ended with {self.child.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far, user and system."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Return the bytes of memory that belong to this process alone."""
        return int(self.process.memory_full_info().uss)

    def close(self) -> None:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ServerProcess(Process):
    """One of `bench.servers`.

    Attributes:
        name: Which.
        port: Where it listens.
    """

    def __init__(self, name: str, core: str) -> None:
        super().__init__("bench.servers", name, core)
        self.name = name
        try:
            self.port = int(self.read()["port"])
        except BaseException:
            self.close()
            raise


class LoadProcess(Process):
    """The load generator."""

    def __init__(self, core: str) -> None:
        super().__init__("bench.load", *([core] if core else []))

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have a load run and wait for its figures.

        Raises:
            RuntimeError: The load failed; the message says how.
        """
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.child.stdin.flush()
        answer = self.read()
        if "error" in answer:
            raise RuntimeError(f"load {do} {arguments}: {answer['error']}")
        return answer
