"""The last frames of both ends, and why connections closed, for the report of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from astra_nb.errors import LocalError
from astra_nb.log import FrameLog, table
from astra_nb.log.frame_log import living_logs
from astra_nb.log.records import ClosedRecord, FrameRecord, Record

__all__ = ["last_frames", "mark", "show_frames_on_failure"]

MOST_FRAMES = 8  # of one log
MOST_LOGS = 2  # of each end
COLUMNS = ("connection", "direction", "type", "fin", "mask", "length", "payload")


def mark() -> dict[int, int]:
    """Return how far each log is now, for `last_frames` to count from."""
    return {number: log.last_number for number, log in living_logs().items()}


def last_frames(since: Mapping[int, int] | None = None) -> str:
    """Return the last frames in the newest logs of both ends, and why their connections closed.

    Args:
        since: What `mark()` returned: logs that have nothing new are left out; None takes all.

    Returns:
        Text; "" when there is nothing to tell.
    """
    told: dict[str, list[str]] = {"server": [], "client": []}
    for number, log in reversed(living_logs().items()):
        after = 0 if since is None else since.get(number, 0)
        records = log.since(after)
        side = next((each.side for each in records if hasattr(each, "side")), None)
        if side is not None and len(told[side]) < MOST_LOGS:
            told[side].insert(0, _told(log, records, side))
    return "\n\n".join([*told["server"], *told["client"]])


def _told(log: FrameLog, records: Sequence[Record], side: str) -> str:
    frames = [each for each in records if isinstance(each, FrameRecord)][-MOST_FRAMES:]
    closed = [each for each in records if isinstance(each, ClosedRecord)]
    shown = table.text(frames, table.check_columns(COLUMNS), log.origin)
    lines = [f"The last rows of the {side}'s log:", shown if frames else "(no frames)"]
    lines += [f"Connection {each.connection}: {each.why_closed}" for each in closed[-MOST_FRAMES:]]
    ended = {each.connection for each in closed}
    still = {each.connection for each in frames} - ended
    lines += [f"Connection {number}: not closed so far." for number in sorted(still)]
    return "\n".join(lines)


def show_frames_on_failure() -> None:
    """Have each cell that raises show the last frames of both ends below its traceback.

    For notebooks that papermill or nbclient runs: what is shown is a note of the exception, so it
    stands wherever the traceback does. Under nbval the pytest plugin does it without this call.

    Raises:
        LocalError: This is not IPython.
    """
    from IPython.core.getipython import get_ipython  # slow, and for notebooks only

    shell = get_ipython()
    if shell is None:
        raise LocalError("show_frames_on_failure() is for cells of a notebook, run by IPython")
    marks: dict[int, int] = {}

    def begin(*_: object) -> None:
        marks.clear()
        marks.update(mark())

    def failed(
        shell: Any,
        kind: type[BaseException],
        error: BaseException,
        traceback: TracebackType,
        tb_offset: int | None = None,
    ) -> None:
        told = last_frames(marks)
        if told:
            error.add_note(f"\n{told}")
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    shell.events.register("pre_run_cell", begin)
    shell.set_custom_exc((Exception,), failed)  # type: ignore[no-untyped-call]
