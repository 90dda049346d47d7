"""Prints of a handler go to their cell and to a sink; all others pass through unchanged."""

from __future__ import annotations

import contextvars
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import SimpleNamespace
from typing import Any

import pytest

from astra_nb.jupyter.handler_output import (
    Lines,
    current_cell,
    handler_context,
    install,
    kept_from_cells,
    uninstall,
)


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
        (Shell({"metadata": {"cellId": "a1"}}), "a1"),
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
