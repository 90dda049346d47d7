"""What tests share: waiting on a condition, ports, and Python in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parent.parent

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout: float = 5.0, what: str = "") -> T:
    """Ask until the answer is true, and give that answer.

    Args:
        predicate: Asked every 5 ms; may raise nothing.
        timeout: Seconds until the wait fails. Generous: it is a deadline, not a measure.
        what: What is waited for, in words, for the message of a failure.

    Raises:
        AssertionError: The deadline passed; the message holds the last answer.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            subject = what or getattr(predicate, "__qualname__", repr(predicate))
            raise AssertionError(f"not within {timeout} s: {subject}; last answer: {answer!r}")
        time.sleep(0.005)


def free_port() -> int:
    """A port of the loopback address that nobody held a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def held_port() -> Iterator[int]:
    """A port of the loopback address that this process holds while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def python_environment(**changes: str) -> dict[str, str]:
    """This process's environment, in which a new Python finds the package of this repository."""
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **changes}


def run_python(
    *arguments: str | Path,
    cwd: str | Path | None = None,
    timeout: float = 60.0,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run this Python with the given arguments, to its end, and give what it printed.

    Raises:
        subprocess.TimeoutExpired: It did not end within `timeout` seconds; it was killed.
    """
    command: Sequence[str] = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env=dict(environment) if environment is not None else python_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
