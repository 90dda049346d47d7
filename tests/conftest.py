"""Every test ends as it began: no thread, socket, task or unheard asyncio error stays behind."""

from __future__ import annotations

import gc
import logging
import os
import signal
import stat
import threading
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import settings

# A test fails for what it finds, never for how long it took, and finds the same thing every time.
settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")

# A job in the background, or one under nohup, ignores interrupts, and so would all its children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Threads that are not a test's to end, by the start of their name, with the reason.
LASTING_THREADS = (
    "IPythonHistorySavingThread",  # IPython keeps one for each shell it ever made
    "pytest_timeout",  # the clock over this very test
)

SETTLE = 3.0  # seconds that threads and sockets have to go away after a test
AT_ONCE = 0.1  # seconds in which nearly all do, without a collection of garbage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put browser tests last: Playwright keeps a loop running in the main thread to the end."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave out of all collections of garbage what stays to the end: thousands of tests."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print before the closing line what was left out and why, such as for want of a browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests left out: {reason}")


def open_sockets() -> dict[int, int]:
    """The inode of each open socket of this process, with its file descriptor."""
    found = {}
    for name in os.listdir("/dev/fd"):
        try:
            status = os.fstat(int(name))
        except OSError:  # the descriptor that listed the folder, closed by now
            continue
        if stat.S_ISSOCK(status.st_mode):
            found[status.st_ino] = int(name)
    return found


def lasting(thread: threading.Thread) -> bool:
    return thread.name.startswith(LASTING_THREADS)


def describe_sockets(descriptors: set[int]) -> str:
    """Return what the sockets are, as far as the system knows."""
    known = {c.fd: c for c in psutil.Process().net_connections(kind="all")}
    lines = []
    for fd in sorted(descriptors):
        connection = known.get(fd)
        if connection is None:
            lines.append(f"fd {fd}")
        else:
            lines.append(
                f"fd {fd} {connection.laddr or '-'} -> {connection.raddr or '-'} "
                f"{connection.status}"
            )
    return "; ".join(lines)


class Errors(logging.Handler):
    """Keeps what asyncio could tell nobody: dropped tasks, exceptions that nobody asked for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a socket, or lets a task or an exception drop."""
    threads = set(threading.enumerate())
    sockets = open_sockets()
    errors = Errors()
    logger = logging.getLogger("asyncio")
    logger.addHandler(errors)
    try:
        yield
    finally:
        began = time.monotonic()
        while True:
            new_threads = [t for t in threading.enumerate() if t not in threads and not lasting(t)]
            new_sockets = {fd for ino, fd in open_sockets().items() if ino not in sockets}
            waited = time.monotonic() - began
            if not (new_threads or new_sockets) or waited > SETTLE:
                break
            if waited < AT_ONCE:
                time.sleep(0.001)
            else:
                gc.collect()
                time.sleep(0.01)
        logger.removeHandler(errors)

    left = []
    if new_threads:
        left.append(f"threads: {', '.join(repr(t) for t in new_threads)}")
    if new_sockets:
        left.append(f"sockets: {describe_sockets(new_sockets)}")
    if errors.messages:
        left.append("errors that asyncio could only log:\n" + "\n".join(errors.messages))
    if left:
        pytest.fail("left behind by this test: " + "\n".join(left), pytrace=False)
