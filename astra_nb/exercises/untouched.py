"""Was anything written at all? A stub that was left as it was is no wrong answer."""

from __future__ import annotations

import contextlib
import dis
import textwrap
from types import CodeType
from typing import Any

from .lines import code_of

__all__ = ["is_untouched"]

EMPTY_BODIES = ("pass", "...", "return", "raise NotImplementedError", "raise NotImplementedError()")
SKIPPED = {"RESUME", "NOP", "CACHE", "RETURN_GENERATOR", "POP_TOP", "COPY_FREE_VARS"}


def is_untouched(answer: object, stub: str) -> bool:
    """Return whether an answer is the stub, or a function without a body.

    What counts is what the code does: names of variables, comments and docstrings do not.
    """
    if answer is ... or answer is None:
        return answer is ...
    code = code_of(answer)
    if code is None:
        return False
    mine = steps(code)
    return any(mine == steps(other) for other in (*functions_in(stub), *empty_functions()))


def empty_functions() -> list[CodeType]:
    found = []
    for body in EMPTY_BODIES:
        for start in ("def", "async def"):
            found += functions_in(f"{start} handler(socket):\n    {body}\n")
    return found


def functions_in(source: str) -> list[CodeType]:
    """Compile a source, and give the code of its functions, nbgrader's form of them included."""
    found = []
    with contextlib.suppress(SyntaxError):
        module = compile(textwrap.dedent(source), "<stub>", "exec")
        found = [const for const in module.co_consts if isinstance(const, CodeType)]
    return found


def steps(code: CodeType) -> list[tuple[str, Any]]:
    """Return what a function does, instruction by instruction, constants by their value."""
    found: list[tuple[str, Any]] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname in SKIPPED:
            continue
        value: Any = instruction.argval
        if isinstance(value, CodeType):
            value = tuple(steps(value))
        elif instruction.opname.startswith(("LOAD_FAST", "STORE_FAST")):
            value = code.co_varnames.index(value) if value in code.co_varnames else value
        elif not isinstance(value, (str, bytes, int, float, tuple, type(None), type(...))):
            value = repr(value)
        found.append((instruction.opname, value))
    return found
