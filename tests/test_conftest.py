"""The guard that every test runs under does find what it looks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import REPOSITORY, run_python, wait_until

TESTS = """
import asyncio, gc, socket, threading

kept = []

def test_thread():
    threading.Thread(target=threading.Event().wait, name="left", daemon=True).start()

def test_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

def test_task():
    loop = asyncio.new_event_loop()
    loop.create_task(asyncio.sleep(60))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    del loop
    gc.collect()

def test_tidy():
    threading.Thread(target=int).start()
    socket.create_server(("127.0.0.1", 0)).close()
"""


def test_only_a_test_that_leaves_something_behind_fails(tmp_path: Path) -> None:
    guard = (REPOSITORY / "tests" / "conftest.py").read_text()
    assert "SETTLE = 3.0" in guard
    # The leaks are there for good: no need to wait for them to go.
    (tmp_path / "conftest.py").write_text(guard.replace("SETTLE = 3.0", "SETTLE = 0.1"))
    (tmp_path / "test_leaks.py").write_text(TESTS)

    run = run_python("-m", "pytest", "-rA", "-p", "no:cacheprovider", tmp_path, cwd=tmp_path)

    assert "4 passed, 3 errors" in run.stdout, run.stdout
    for name, message in {
        "test_thread": "threads: <Thread(left",
        "test_socket": "sockets: fd",
        "test_task": "Task was destroyed but it is pending!",
    }.items():
        _, _, report = run.stdout.partition(f"ERROR at teardown of {name} ")
        assert message in report.partition("ERROR at teardown")[0], run.stdout


def test_what_is_left_out_is_said_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((REPOSITORY / "tests" / "conftest.py").read_text())
    (tmp_path / "test_skips.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_page(n): pytest.skip('no browser here')\n"
    )
    run = run_python("-m", "pytest", "-p", "no:cacheprovider", tmp_path, cwd=tmp_path)
    assert "2 tests left out: no browser here\n" in run.stdout


def test_wait_until_gives_the_answer() -> None:
    answers = iter([0, "", 7])
    assert wait_until(lambda: next(answers)) == 7


def test_wait_until_says_what_did_not_come() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.01 s: the tide; last answer: False"):
        wait_until(lambda: False, timeout=0.01, what="the tide")
