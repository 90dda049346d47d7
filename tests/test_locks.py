"""Locks after a fork, and a latch that nothing leaves locked."""

from __future__ import annotations

import math
import os
import re
import signal
import threading

import pytest

from astra_nb.locks import Latch, make_lock, make_rlock, seconds
from tests.helpers import REPOSITORY, run_python

FORK = """
import os, signal
from astra_nb import FrameLog
from astra_nb.jupyter import handler_output
from astra_nb.log.records import NoticeRecord
log = FrameLog()
log.subscribe(lambda: None)
locks = [log._ring._lock, log._subscriptions._lock, handler_output._lock]
import threading
held, done = threading.Event(), threading.Event()
def hold():
    for lock in locks:
        lock.acquire()
    log._ring._settler = threading.get_ident()  # as in the middle of settle()
    held.set()
    done.wait(60)
    for lock in locks:
        lock.release()
thread = threading.Thread(target=hold, daemon=True)
thread.start()
held.wait(10)
child = os.fork()
if child == 0:
    signal.alarm(20)
    log.append(1, NoticeRecord, text="in the child")
    handler_output.install()
    handler_output.uninstall()
    os._exit(0 if [record.text for record in log] == ["in the child"] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_the_locks_that_another_thread_held() -> None:
    done = run_python("-W", "ignore::DeprecationWarning", "-c", FORK)
    assert (done.stdout, done.stderr) == ("0\n", ""), f"-{int(signal.SIGALRM)} is a deadlock"


def test_every_lock_of_the_package_is_one_that_a_fork_sets_free() -> None:
    # What only a page uses has no use in a forked child, which cannot reach the page.
    pages = ("widgets/", "exercises/")
    plain = [
        path.relative_to(REPOSITORY).as_posix()
        for path in sorted((REPOSITORY / "astra_nb").rglob("*.py"))
        if re.search(r"threading\.(R?Lock|Condition|Event|Semaphore)\(", path.read_text("utf-8"))
        and not any(f"astra_nb/{page}" in path.as_posix() for page in pages)
    ]
    assert plain == ["astra_nb/locks.py"]


def test_the_locks_are_locks() -> None:
    for lock in (make_lock(), make_rlock()):
        with lock:
            pass
        assert lock.acquire(blocking=False)
        lock.release()


def test_a_latch_wakes_its_waiter_and_stays_set() -> None:
    latch = Latch()
    assert not latch.is_set()
    assert latch.wait(0) is False
    assert latch.wait(-5) is False
    threading.Timer(0.01, latch.set).start()
    assert latch.wait() is True
    assert latch.wait(math.inf) is True
    latch.set()
    assert latch.is_set()


@pytest.mark.parametrize(
    ("timeout", "expected"), [(None, -1), (math.inf, -1), (1e300, -1), (-0.001, 0), (0, 0), (2, 2)]
)
def test_a_timeout_of_any_size_is_one_for_locks(timeout: float | None, expected: float) -> None:
    assert seconds(timeout) == expected
