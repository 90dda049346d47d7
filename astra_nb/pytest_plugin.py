"""A plugin of pytest: a failed test or cell shows the last frames of both ends, and why it closed.

    pytest -p astra_nb.pytest_plugin tests
    pytest -p astra_nb.pytest_plugin --nbval notebooks

A cell that nbval runs is asked for in its kernel.
"""

from __future__ import annotations

from collections.abc import Generator
from queue import Empty
from typing import Any

import pytest

TITLE = "WebSocket frames"
PATIENCE = 10  # seconds for a kernel to answer
MARKS = pytest.StashKey[dict[int, int]]()
# One expression, which leaves no name in the notebook, and does nothing where nobody imported us.
IN_KERNEL = (
    '__import__("sys").modules.get("astra_nb") and '
    'print(__import__("astra_nb.testing.failures", fromlist=["_"]).last_frames())'
)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note how far each log is before a test."""
    if not _is_cell(item):
        from astra_nb.testing.failures import mark  # slow, and pytest starts with this module

        item.stash[MARKS] = mark()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the frames to the report of a failure."""
    report = yield
    if report.failed and report.when == "call":
        told = _told_by_kernel(item) if _is_cell(item) else _told(item)
        # The traceback of a cell may have them already.
        if told and told.partition("\n")[0] not in str(report.longrepr):
            report.sections.append((TITLE, told))
    return report


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell"  # of nbval, which need not be installed


def _told(item: pytest.Item) -> str:
    from astra_nb.testing.failures import last_frames

    return last_frames(item.stash.get(MARKS, None))


def _told_by_kernel(cell: Any) -> str:
    kernel, text = cell.parent.kernel, ""
    if not kernel.is_alive():
        return ""
    try:
        asked = kernel.execute_cell_input(IN_KERNEL, allow_stdin=False)
        kernel.await_reply(asked, timeout=PATIENCE)
        while True:
            message = cell.parent.get_kernel_message(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                text += content["text"]
            elif content.get("execution_state") == "idle":
                return text.strip()
    except (Empty, RuntimeError):  # it is still at work on the cell, or has died
        return ""
