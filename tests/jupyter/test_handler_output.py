"""Prints of a handler go to their cell and to a sink; all others pass through unchanged."""

from __future__ import annotations

import asyncio
import contextvars
import io
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import SimpleNamespace
from typing import Any

import pytest

from astra_nb.jupyter import handler_output
from astra_nb.jupyter.handler_output import (
    Lines,
    current_cell,
    handler_context,
    install,
    keep_from_autoreload,
    kept_from_cells,
    uninstall,
    wrap,
)


@pytest.fixture(autouse=True)
def first_user() -> Iterator[None]:
    """Begin each test without a user: a check whose handler sleeps on has not let go."""
    others = handler_output._users
    for _ in range(others):
        uninstall()
    yield
    for _ in range(others):
        install()


@contextmanager
def wrapped_streams() -> Iterator[SimpleNamespace]:
    """Plain streams in place of pytest's, wrapped; not a fixture, for pytest sets its own again."""
    plain = SimpleNamespace(out=io.StringIO(), err=io.StringIO())
    with redirect_stdout(plain.out), redirect_stderr(plain.err):
        install()
        try:
            yield plain
        finally:
            uninstall()


def sink_of(seen: list[tuple[str, str]]) -> contextvars.Context:
    return handler_context(contextvars.Context(), lambda *piece: seen.append(piece))


def test_what_a_handler_prints_goes_to_its_cell_and_to_its_sink() -> None:
    with wrapped_streams() as streams:
        seen: list[tuple[str, str]] = []
        context = sink_of(seen)
        context.run(print, "hello")
        context.run(print, "oh", file=sys.stderr)
        assert (streams.out.getvalue(), streams.err.getvalue()) == ("hello\n", "oh\n")
        assert seen == [("stdout", "hello"), ("stdout", "\n"), ("stderr", "oh"), ("stderr", "\n")]


def test_what_others_print_goes_to_no_sink() -> None:
    with wrapped_streams() as streams:
        seen: list[tuple[str, str]] = []
        sink_of(seen)
        print("a cell's own line")
        thread = threading.Thread(target=print, args=("another thread's",))
        thread.start()
        thread.join()
        assert seen == []
        assert streams.out.getvalue() == "a cell's own line\nanother thread's\n"


def test_each_handler_has_its_own_sink() -> None:
    with wrapped_streams():
        one: list[tuple[str, str]] = []
        other: list[tuple[str, str]] = []
        sink_of(one).run(sys.stdout.write, "1")
        sink_of(other).run(sys.stdout.writelines, ["2", "", "3"])
        assert (one, other) == ([("stdout", "1")], [("stdout", "2"), ("stdout", "3")])


def test_prints_can_be_kept_from_the_cell() -> None:
    with wrapped_streams() as streams:
        seen: list[tuple[str, str]] = []
        context = sink_of(seen)
        context.run(kept_from_cells.set, True)
        assert context.run(sys.stdout.write, "quiet") == 5
        assert (seen, streams.out.getvalue()) == ([("stdout", "quiet")], "")


def test_without_a_sink_nothing_is_kept_from_the_cell() -> None:
    with wrapped_streams() as streams:
        context = contextvars.Context()
        context.run(kept_from_cells.set, True)
        context.run(print, "still shown")
        assert streams.out.getvalue() == "still shown\n"


def test_all_else_of_a_stream_is_the_streams_own() -> None:
    with wrapped_streams() as streams:
        assert sys.stdout.getvalue == streams.out.getvalue  # type: ignore[union-attr]
        assert not sys.stdout.isatty()


def test_the_wrapper_goes_with_its_last_user() -> None:
    with wrapped_streams() as streams:
        wrapped = sys.stdout
        install()
        assert sys.stdout is wrapped
        uninstall()
        assert sys.stdout is wrapped is not streams.out
        uninstall()
        assert (sys.stdout, sys.stderr) == (streams.out, streams.err)
        install()  # taken away as the block ends


def test_a_stream_that_was_replaced_since_is_left_alone() -> None:
    with wrapped_streams() as streams, redirect_stdout(io.StringIO()) as other:
        uninstall()
        assert sys.stdout is other
        assert sys.stderr is streams.err
        install()


def test_a_missing_stream_stays_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    install()
    assert (sys.stdout, sys.stderr) == (None, None)
    uninstall()


def test_a_stream_that_comes_back_after_a_redirection_is_wrapped_again() -> None:
    with redirect_stdout(io.StringIO()) as plain:
        with redirect_stdout(io.StringIO()):
            install()
        assert sys.stdout is plain
        wrap()
        wrapped = sys.stdout
        assert wrapped is not plain
        wrap()
        assert sys.stdout is wrapped
        uninstall()
        wrap()  # nobody needs it any more
        assert sys.stdout is plain


def test_the_end_of_each_cell_wraps_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, Any]] = []
    events = SimpleNamespace(
        register=lambda event, call: calls.append((event, call)),
        unregister=lambda event, call: calls.remove((event, call)),
    )
    shell = SimpleNamespace(events=events)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with wrapped_streams():
        assert calls == [("post_run_cell", wrap), ("post_run_cell", keep_from_autoreload)]
    assert calls == []


# Threads


def in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def in_timer(function: Callable[[], object]) -> None:
    timer = threading.Timer(0, function)
    timer.start()
    timer.join()


def in_subclass(function: Callable[[], object]) -> None:
    class Thread(threading.Thread):
        def run(self) -> None:
            function()

    thread = Thread()
    thread.start()
    thread.join()


def in_thread_whose_run_is_its_own(function: Callable[[], object]) -> None:
    thread = threading.Thread()
    thread.run = function  # type: ignore[method-assign, assignment]
    thread.start()
    thread.join()


def in_grandchild(function: Callable[[], object]) -> None:
    in_thread(lambda: in_thread(function))


def in_pool(function: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()


def in_map(function: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(lambda _: function(), [1]))


def in_executor(function: Callable[[], object]) -> None:
    async def run() -> None:
        await asyncio.get_running_loop().run_in_executor(None, function)

    asyncio.run(run())


def in_to_thread(function: Callable[[], object]) -> None:
    asyncio.run(asyncio.to_thread(function))


def in_callback(function: Callable[[], object]) -> None:
    async def run() -> None:
        asyncio.get_running_loop().call_later(0, function)
        await asyncio.sleep(0.01)

    asyncio.run(run())


@pytest.mark.parametrize(
    "where",
    [
        in_thread,
        in_timer,
        in_subclass,
        in_thread_whose_run_is_its_own,
        in_grandchild,
        in_pool,
        in_map,
        in_executor,
        in_to_thread,
        in_callback,
    ],
)
def test_what_a_handlers_threads_print_is_the_handlers(where: Callable[..., None]) -> None:
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="the latest")
    with wrapped_streams():
        seen: list[tuple[str, str]] = []
        context = sink_of(seen)
        context.run(cell.set, "its own")
        context.run(where, lambda: sys.stdout.write(cell.get()))
        assert seen == [("stdout", "its own")]


def test_a_pool_serves_a_handler_and_a_cell() -> None:
    with wrapped_streams() as streams, ThreadPoolExecutor(1) as pool:
        one: list[tuple[str, str]] = []
        other: list[tuple[str, str]] = []
        sink_of(one).run(pool.submit, sys.stdout.write, "1").result()
        sink_of(other).run(pool.submit, sys.stdout.write, "2").result()
        pool.submit(sys.stdout.write, "a cell's").result()
        assert (one, other) == ([("stdout", "1")], [("stdout", "2")])
        assert streams.out.getvalue() == "12a cell's"


def test_the_packages_own_threads_belong_to_no_handler() -> None:
    with wrapped_streams():
        seen: list[tuple[str, str]] = []
        thread = threading.Thread(target=print, args=("shown",), name="astra_nb view")
        sink_of(seen).run(thread.start)
        thread.join()
        assert seen == []


def test_a_thread_that_could_not_start_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise RuntimeError("can't start new thread")

    with wrapped_streams():
        seen: list[tuple[str, str]] = []
        thread = threading.Thread(target=print, args=("at last",))
        context = sink_of(seen)
        with monkeypatch.context() as patched:
            for name in "_start_new_thread", "_start_joinable_thread":  # until 3.12, from 3.13 on
                patched.setattr(threading, name, fails, raising=False)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                context.run(thread.start)
        context.run(thread.start)
        thread.join()
        assert seen == [("stdout", "at last"), ("stdout", "\n")]


def test_threads_are_plain_again_after_the_last_user() -> None:
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    theirs: Any = in_pool
    with wrapped_streams():
        assert threading.Thread.start is not start
    assert threading.Thread.start is start
    try:
        with wrapped_streams():
            ours = ThreadPoolExecutor.submit
            # A debugger may put its own in place meanwhile, and take it away later.
            ThreadPoolExecutor.submit = theirs  # type: ignore[method-assign]
        assert ThreadPoolExecutor.submit == theirs
        ThreadPoolExecutor.submit = ours  # type: ignore[method-assign]
        with wrapped_streams(), ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: 7).result() == 7
        assert ThreadPoolExecutor.submit is submit
    finally:
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]


def test_a_pool_works_when_something_else_wraps_its_submit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with wrapped_streams():
        ours: Any = ThreadPoolExecutor.submit
        monkeypatch.setattr(
            ThreadPoolExecutor, "submit", lambda pool, *args, **keys: ours(pool, *args, **keys)
        )
    # Ours is below theirs and could not be taken away; it must not be put there once more.
    with wrapped_streams(), ThreadPoolExecutor() as pool:
        assert pool.submit(int, "7").result() == 7
    monkeypatch.undo()
    assert ThreadPoolExecutor.submit is ours
    with wrapped_streams(), ThreadPoolExecutor() as pool:
        assert pool.submit(int, "8").result() == 8


# Whole lines


def test_pieces_are_joined_to_lines_for_each_stream() -> None:
    seen: list[tuple[str, str]] = []
    lines = Lines(lambda *line: seen.append(line))
    for stream, text in [
        ("stdout", "got "),
        ("stderr", "oh"),
        ("stdout", "one"),
        ("stdout", "\n"),
        ("stdout", "two\nthree\n"),
    ]:
        lines(stream, text)
    assert seen == [("stdout", "got one"), ("stdout", "two\nthree")]
    lines.flush()
    lines.flush()
    assert seen[2:] == [("stderr", "oh")]


def test_an_empty_line_is_a_line_and_no_text_is_none() -> None:
    seen: list[tuple[str, str]] = []
    lines = Lines(lambda *line: seen.append(line))
    lines("stdout", "")
    lines.flush()
    assert seen == []
    lines("stdout", "\n")
    assert seen == [("stdout", "")]


# The cell


class Shell:
    """As much of IPython's shell as is asked for."""

    def __init__(self, message: dict[str, Any] | None) -> None:
        if message is not None:
            self.kernel = SimpleNamespace(get_parent=lambda channel: message)


@pytest.mark.parametrize(
    ("shell", "cell"),
    [
        (Shell({"header": {"msg_id": "7"}, "metadata": {"cellId": "a1"}}), "a1"),
        (Shell({"metadata": {"cellId": 7}}), None),
        (Shell({"metadata": {}}), None),
        (Shell({}), None),
        (Shell(None), None),
        (None, None),
    ],
)
def test_the_cell_is_the_one_that_the_front_end_names(
    shell: Shell | None, cell: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert current_cell() == cell


def test_without_ipython_there_is_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert current_cell() is None
