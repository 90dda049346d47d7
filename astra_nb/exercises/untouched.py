"""Untouched answers: whether anything was written; a stub left as it was is not a wrong answer."""

from __future__ import annotations

import dis
from types import CodeType

__all__ = ["is_untouched"]

EMPTY = "".join(
    f"{start} empty(socket): {body}\n"
    for start in ("def", "async def")
    for body in ("...", "raise NotImplementedError", "raise NotImplementedError()")
)


def is_untouched(answer: object, stub: str) -> bool:
    """Return whether an answer is `...`, a function without a body, or does what the stub does.

    Names of parameters and variables, comments and docstrings make no difference.

    Raises:
        SyntaxError: The stub is not Python.
    """
    code = getattr(answer, "__code__", None)
    if not isinstance(code, CodeType):
        return answer is ...
    functions = compile(EMPTY + stub, "<stub>", "exec").co_consts
    return any(steps(code) == steps(each) for each in functions if isinstance(each, CodeType))


def steps(code: CodeType) -> list[tuple[str, object]]:
    """Return what a function does: its instructions, with variables by number, not by name."""
    found: list[tuple[str, object]] = []
    for step in dis.get_instructions(code):
        value = step.arg if step.opcode in dis.haslocal else step.argval
        value = steps(value) if isinstance(value, CodeType) else repr(value)
        found += [(step.opname, value)] if step.opname != "NOP" else []
    return found
