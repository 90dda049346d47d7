"""Guard: a student's code neither ends nor copies the process, and is stopped in any case.

What is forbidden is forbidden in the threads and tasks of a check alone, and in those that they
begin. The functions of `os`, `signal` and IPython that are replaced are put back after the check.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any, NoReturn

from astra_nb.jupyter import handler_output
from astra_nb.locks import make_lock
from astra_nb.net.blocking import LIBRARIES, place_of

FORBIDDEN = ("os.fork", "os.forkpty", "os.exec", "os.kill", "os.killpg", "signal.pthread_kill")
OWN_FOLDER = os.path.dirname(os.path.dirname(__file__))
STOPS = 4  # attempts to stop what does not end
STOP_EVERY = 0.2  # seconds between two of them

in_check: contextvars.ContextVar[bool] = contextvars.ContextVar("astra_nb_in_check", default=False)


class NotAllowed(RuntimeError):
    """A handler tried what ends or copies the whole process."""


class Stopped(BaseException):
    """Raised inside a student's code that did not end by itself."""


class StoppedAgain(Stopped):
    """Raised inside code that went on, and once more at its next line: an `except:` may catch it.

    Not at the first try: what its `finally` does is done.
    """

    def __init__(self) -> None:
        frame: Any = sys._getframe(1)  # noqa: SLF001  (documented)
        while frame is not None:
            if not is_library(frame.f_code):
                frame.f_trace = _stop_again
            frame = frame.f_back
        sys.settrace(lambda *_: None)  # on this thread, which ends with the check


def _stop_again(_: Any, event: str, __: Any) -> Any:
    if event == "line":
        raise Stopped  # Python ends tracing when that is raised here
    return _stop_again


def is_library(code: CodeType) -> bool:
    """Whether code belongs to Python's libraries or to this package, and not to a student."""
    return code.co_filename.startswith((OWN_FOLDER, *LIBRARIES, "<frozen "))


_lock = make_lock()
_users = 0
_replaced = contextlib.ExitStack()  # puts back what was there
_audit = functools.cache(sys.addaudithook)  # once: a hook cannot be taken away


@contextlib.contextmanager
def at_work() -> Iterator[contextvars.Context]:
    """Yield the context in which a check runs a student's code; what ends the process is forbidden.

    Prints of the context go to the check alone.
    """
    global _users
    _audit(_forbid)
    handler_output.install()
    with _lock:
        _users += 1
        if _users == 1:
            for owner, name, in_place in (
                (os, "_exit", _exit),
                (os, "abort", _exit),
                (signal, "raise_signal", _exit),
                (handler_output.shell(), "ask_exit", _exit),  # exit() and quit() of a notebook
                (threading, "excepthook", threading.__excepthook__),  # prints, whatever is there
            ):
                if hasattr(owner, name):
                    _replaced.enter_context(_replace(owner, name, in_place))
    try:
        context = contextvars.copy_context()
        context.run(in_check.set, True)
        context.run(handler_output.kept_from_cells.set, True)
        yield context
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _replaced.close()
        handler_output.uninstall()


@contextlib.contextmanager
def _replace(owner: Any, name: str, in_place: Callable[..., Any]) -> Iterator[None]:
    """Replace, for checks alone, a function of whose calls no audit event tells."""
    really = getattr(owner, name)

    def ours(*arguments: Any) -> Any:
        return (in_place if in_check.get() else really)(*arguments)

    setattr(owner, name, ours)
    yield
    if getattr(owner, name) is ours:  # nothing else has replaced it since
        setattr(owner, name, really)


def _exit(*_: Any) -> NoReturn:
    raise SystemExit


def _forbid(event: str, _: Any) -> None:
    if event in FORBIDDEN and in_check.get():
        raise NotAllowed(f"call {event}")


def close_after(threads: Iterable[threading.Thread], stack: contextlib.ExitStack) -> None:
    """Close a stack when these threads have ended, which may be long after the check."""
    alive = [thread for thread in threads if thread.is_alive()]
    for thread in alive:
        stack.callback(thread.join)  # called before what was put in earlier
    if alive:
        threading.Thread(target=stack.close, name="astra_nb check's rest", daemon=True).start()
    else:
        stack.close()


def place(thread: threading.Thread) -> str:
    """Return the line at which a thread is in a student's code; "" where it is in none."""
    found = place_of(thread.ident)
    return f"line {found.line}: {found.source}".rstrip(": ") if found is not None else ""


def interrupt(thread: threading.Thread, tries: int) -> None:
    """Raise `Stopped` in a thread, at its next step in Python: not within `time.sleep(1000)`.

    Args:
        tries: How often that was done before.
    """
    stop = ctypes.py_object(StoppedAgain if tries else Stopped)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), stop)


def stop(thread: threading.Thread, stack: contextlib.ExitStack) -> None:
    """Stop a thread, if that can be done, and close a stack when it has ended."""
    for tries in range(STOPS):
        if thread.is_alive():
            interrupt(thread, tries)
            thread.join(STOP_EVERY)
    close_after([thread], stack)
