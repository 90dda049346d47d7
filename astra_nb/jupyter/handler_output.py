"""Where a handler's prints go: to the cell that called `run()`, with a copy in the log.

In a Jupyter kernel, output belongs to the cell whose context variables the printing code
inherited; a plain thread has none and its prints land in the latest cell, or nowhere. So each
handler runs in a copy of the context in which `run()` was called, and so do the threads that it
starts.

A wrapper of `sys.stdout` and `sys.stderr` makes the copy. It is in place while a server runs, and
passes everything on. `%%capture` and `redirect_stdout` replace it for a while, so it is put back
when a handler starts and when a cell has ended.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TextIO

from astra_nb.locks import make_lock

__all__ = [
    "Lines",
    "OutputSink",
    "current_cell",
    "handler_context",
    "install",
    "keep_from_autoreload",
    "kept_from_cells",
    "shell",
    "tell",
    "uninstall",
    "wrap",
]

OutputSink = Callable[[str, str], object]
"""Called with "stdout" or "stderr" and the text, on the thread that prints."""

_sink: contextvars.ContextVar[OutputSink | None] = contextvars.ContextVar(
    "astra_nb_output_sink", default=None
)

kept_from_cells: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "astra_nb_kept_from_cells", default=False
)
"""Set where prints go only to the sink, whose reader shows them."""


@dataclass(eq=False)
class Lines:
    """Joins what `print` writes piece by piece, and passes it on in whole lines."""

    sink: OutputSink  # gets one or more lines without the last newline
    _pieces: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, stream: str, text: str) -> None:
        self._pieces.setdefault(stream, []).append(text)
        if text.endswith("\n"):
            self._pass_on(stream)

    def flush(self) -> None:
        """Pass on what does not end with a newline yet."""
        for stream in list(self._pieces):
            self._pass_on(stream)

    def _pass_on(self, stream: str) -> None:
        # The loop flushes while a handler's thread may print: the pieces may be gone.
        text = "".join(self._pieces.pop(stream, ()))
        if text:
            self.sink(stream, text.removesuffix("\n"))


class _Tee:
    """Passes everything to `stream`, and copies what a handler writes to its sink."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.stream = stream
        self._name = name

    def write(self, text: str) -> int:
        sink = _sink.get()
        quiet = sink is not None and kept_from_cells.get()
        written = len(text) if quiet else self.stream.write(text)
        if sink is not None and text:
            sink(self._name, text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


_lock = make_lock()
_users = 0


def install() -> None:
    """Wrap `sys.stdout` and `sys.stderr`. Pair each call with one `uninstall`."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            for owner, name, ours in _PATCHES:
                found = getattr(owner, name)
                # Else ours is still there, below what has replaced it.
                if name not in _patched or found is _plain[name]:
                    _plain[name] = found
                    setattr(owner, name, ours)
                    _patched.add(name)
            _at_end_of_cells("register")
    wrap()
    keep_from_autoreload()


def wrap(_: object = None) -> None:
    """Wrap the streams that are in place now, while there are users."""
    for name in ("stdout", "stderr") if _users else ():
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Tee):
            setattr(sys, name, _Tee(stream, name))


def uninstall() -> None:
    """Restore `sys.stdout` and `sys.stderr` after the last user."""
    global _users
    with _lock:
        _users -= 1
        if _users > 0:
            return
        _at_end_of_cells("unregister")
        # Something else may have replaced any of these since; that is not ours to undo.
        for owner, name, ours in _PATCHES:
            if getattr(owner, name) is ours:
                setattr(owner, name, _plain[name])
                _patched.remove(name)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, _Tee):
                setattr(sys, name, stream.stream)


def _at_end_of_cells(change: str) -> None:
    events = getattr(shell(), "events", None)
    if events is not None:
        for call in (wrap, keep_from_autoreload):
            getattr(events, change)("post_run_cell", call)


_plain: dict[str, Any] = {}  # never emptied: a thread may be on its way through
_patched: set[str] = set()


def _start(thread: threading.Thread) -> None:
    """Start a thread of a handler in the handler's context, which threads do not inherit."""
    # This package's own threads belong to no handler, whoever wakes them.
    if _sink.get() is not None and not thread.name.startswith("astra_nb"):
        context, plain = contextvars.copy_context(), thread.run

        def run() -> None:
            # It refers to this function, and this one to the thread. After a start that failed
            # there are two of them.
            vars(thread).pop("run", None)
            context.run(_run, thread, plain)

        thread.run = run  # type: ignore[method-assign]
    _plain["start"](thread)


def _run(thread: threading.Thread, plain: Any) -> None:
    """Run a thread; what ends it is told in its context, and so in the handler's log, too."""
    try:
        plain()
    except BaseException:  # noqa: BLE001  (whatever it is, `threading` tells it the same way)
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), thread)))


def _submit(pool: ThreadPoolExecutor, function: Any, /, *args: Any, **keys: Any) -> Any:
    """Run work in the context that submits it: a pool's threads may serve several handlers."""
    return _plain["submit"](pool, contextvars.copy_context().run, function, *args, **keys)


_PATCHES = ((threading.Thread, "start", _start), (ThreadPoolExecutor, "submit", _submit))


def handler_context(base: contextvars.Context, sink: OutputSink) -> contextvars.Context:
    """Return the context for one handler: a copy of `base` whose prints `sink` gets too."""
    context = base.copy()
    context.run(_sink.set, sink)
    return context


def tell(text: str) -> None:
    """Print to stderr, where a handler's prints go, what its log has as a record of its own.

    There is no copy in the log, unless prints go nowhere else.
    """

    def show() -> None:
        if not kept_from_cells.get():
            _sink.set(None)
        print(text, file=sys.stderr, end="", flush=True)  # noqa: T201

    contextvars.copy_context().run(show)


def keep_from_autoreload(_: object = None) -> None:
    """Have IPython's `%autoreload` leave this package alone, and print once what to do instead.

    It would give a running server the code of another version, piece by piece.
    """
    find_magic = getattr(shell(), "find_line_magic", None)
    aimport = find_magic("aimport") if find_magic is not None else None
    if aimport is None:
        return
    names = {name for name in list(sys.modules) if name.partition(".")[0] == _PACKAGE}
    if names <= _kept:
        return
    if not _kept:
        print(  # noqa: T201
            "%autoreload does not reload astra_nb while one of its servers runs; after an update "
            "of astra_nb, restart the kernel."
        )
    _kept.update(names)
    aimport(", ".join(f"-{name}" for name in sorted(names)))


_PACKAGE = __name__.partition(".")[0]
_kept: set[str] = set()


class CellRun(NamedTuple):
    """One execution of a notebook cell."""

    cell: str
    run: str


def current_run() -> CellRun | None:
    """Return which notebook cell is running, and in which execution; None where there is none.

    Front ends send the cell's id with the code; it stays the same when the cell is run again.
    """
    kernel = getattr(shell(), "kernel", None)
    if kernel is None:
        return None
    parent = kernel.get_parent("shell")
    cell = parent.get("metadata", {}).get("cellId")
    return CellRun(cell, parent["header"]["msg_id"]) if isinstance(cell, str) else None


def current_cell() -> str | None:
    """Return the id of the notebook cell that is running, or None where there is none."""
    run = current_run()
    return None if run is None else run.cell


def shell() -> Any:
    """Return IPython's shell; None where this does not run in one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
