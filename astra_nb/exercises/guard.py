"""Code of a student at work: no exit, no fork, no prints in the way, and an end in any case.

Everything here is for the threads and tasks of a check alone. The rest of the process, other
servers and other cells among it, never notices.
"""

from __future__ import annotations

import contextvars
import ctypes
import functools
import os
import signal
import sys
import threading
from types import ModuleType
from typing import Any

from astra_nb.jupyter import handler_output

__all__ = ["NotAllowed", "Output", "Stopped", "in_check", "interrupt", "protected_context"]

FORBIDDEN = {
    "os.fork": "fork a process",
    "os.forkpty": "fork a process",
    "os.exec": "replace this Python by another program",
    "os.kill": "send a signal to a process",
    "os.killpg": "send a signal to processes",
}
SHOWN_OUTPUT = 800  # characters
# What Python and the server themselves say of a handler; the finding says it in fewer words.
NOT_SHOWN = ("The handler of connection", "RuntimeWarning: Enable tracemalloc")
NEVER_AWAITED = "was never awaited"

in_check: contextvars.ContextVar[bool] = contextvars.ContextVar("astra_nb_in_check", default=False)


class NotAllowed(RuntimeError):
    """A handler tried what ends or copies the whole process."""


class Stopped(BaseException):
    """Raised inside a handler that did not end by itself."""


class Output:
    """Keeps the first characters that a handler prints, and counts the rest."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._kept = 0
        self.total = 0

    def __call__(self, stream: str, text: str) -> None:
        if stream == "stderr" and (text.startswith(NOT_SHOWN) or NEVER_AWAITED in text):
            return
        self.total += len(text)
        room = SHOWN_OUTPUT - self._kept
        if room > 0:
            self._pieces.append(text[:room])
            self._kept += min(len(text), room)

    def take(self, other: Output) -> None:
        """Take over what another one kept."""
        self._pieces, self._kept, self.total = other._pieces, other._kept, other.total

    @property
    def text(self) -> str:
        """What was printed, and how much of it is left out."""
        shown = "".join(self._pieces)
        left = self.total - self._kept
        return f"{shown}\n[{left:,} more characters]" if left else shown


_protected = False
_lock = threading.Lock()


def _protect() -> None:
    """Teach this process, once, that a check's handler neither ends nor copies it."""
    global _protected
    with _lock:
        if _protected:
            return
        _protected = True
        sys.addaudithook(_refuse)
        # No audit event tells of these.
        _keep_outside(os, "_exit", SystemExit)
        _keep_outside(os, "abort", SystemExit)
        _keep_outside(signal, "raise_signal", NotAllowed(FORBIDDEN["os.kill"]))
        _protect_kernel()


def _keep_outside(module: ModuleType, name: str, refusal: Any) -> None:
    """Return a function that works as before, except in a check's handler."""
    really = getattr(module, name)

    @functools.wraps(really)
    def outside(*arguments: Any) -> Any:
        if in_check.get():
            raise refusal
        return really(*arguments)

    setattr(module, name, outside)


def _protect_kernel() -> None:
    # In a notebook exit() and quit() are IPython's own, and would end the kernel.
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "ask_exit"):
        return
    really_ask = shell.ask_exit

    def ask_exit() -> None:
        if in_check.get():
            raise SystemExit
        really_ask()

    shell.ask_exit = ask_exit


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in FORBIDDEN and in_check.get():
        raise NotAllowed(FORBIDDEN[event])


def protected_context() -> contextvars.Context:
    """Return a context in which a check's handlers run; their prints go to the check."""
    _protect()
    context = contextvars.copy_context()
    context.run(in_check.set, True)
    context.run(handler_output.kept_from_cells.set, True)
    return context


def interrupt(thread: threading.Thread) -> None:
    """Raise `Stopped` in a thread, at its next step in Python.

    A thread inside a call of the operating system, such as `time.sleep(1000)`, hears of it when
    the call returns.
    """
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped)
        )
