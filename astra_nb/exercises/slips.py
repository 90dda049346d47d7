"""Slips that show in a source itself, for an answer that is not right: Python's known traps."""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, get_args

from astra_nb.wire.messages import MessageType

__all__ = ["slip_in"]

TYPES = get_args(MessageType)
CALLED = ("recv", "close", "clear", "start", "digest", "hexdigest", "encode", "decode", "drop")


def slip_in(function: Any) -> str:
    """Name the first slip in a function's source, with its line; "" when none is known."""
    with contextlib.suppress(OSError, TypeError, SyntaxError, ValueError):
        lines, first = inspect.getsourcelines(inspect.unwrap(function))
        tree = ast.parse(textwrap.dedent("".join(lines)))
        for node in ast.walk(tree):
            for look in SLIPS:
                for said in look(node):
                    number = max(first, 1) + getattr(node, "lineno", 1) - 1
                    return f"Line {number}: {said}"
    return ""


def _always_true(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.Or):
        return
    if not isinstance(node.values[0], ast.Compare):
        return
    for value in node.values[1:]:
        if isinstance(value, ast.Constant) and value.value:
            shown = ast.unparse(value)
            yield (
                f"`{ast.unparse(node)}` is always true, for {shown} by itself counts as true. "
                f"To compare with both: `... in (..., {shown})`."
            )


def _no_type(node: ast.AST) -> Iterator[str]:
    """message.type compared with a word that is no type."""
    if not isinstance(node, ast.Compare):
        return
    sides = [node.left, *node.comparators]
    if not any(isinstance(side, ast.Attribute) and side.attr == "type" for side in sides):
        return
    for side in sides:
        items = side.elts if isinstance(side, (ast.Tuple, ast.List, ast.Set)) else [side]
        for item in items:
            if isinstance(item, ast.Constant) and item.value not in (*TYPES, "continuation"):
                types = ", ".join(f'"{type}"' for type in TYPES)
                yield f"{item.value!r} is no type of a message: the types are {types}."
            elif isinstance(item, ast.Name) and item.id in ("str", "bytes"):
                yield f'message.type is a str such as "text", and never {item.id} itself.'


def _not_called(node: ast.AST) -> Iterator[str]:
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Attribute)
        and (node.value.attr in CALLED or node.value.attr.startswith("send"))
    ) or (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "recv"
    ):
        yield f"`{ast.unparse(node.value)}` is not called; the parentheses are missing."


def _target_called(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    for keyword in node.keywords:
        if keyword.arg == "target" and isinstance(keyword.value, ast.Call):
            call = ast.unparse(keyword.value)
            name = ast.unparse(keyword.value.func)
            yield (
                f"`target={call}` calls {name} here and now, before there is a thread; the target "
                "is given uncalled, and its arguments as args."
            )


def _is_literal(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Compare):
        return
    for operator, side in zip(node.ops, node.comparators, strict=True):
        if (
            isinstance(operator, (ast.Is, ast.IsNot))
            and isinstance(side, ast.Constant)
            and isinstance(side.value, (str, bytes, int))
            and not isinstance(side.value, bool)
        ):
            sign = "==" if isinstance(operator, ast.Is) else "!="
            yield f"`{ast.unparse(node)}` compares objects; values are compared with {sign}."


def _callback(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if isinstance(target, ast.Attribute) and target.attr.startswith("on"):
            yield (
                f"nobody looks at {ast.unparse(target)}, and nobody calls it: here recv() gives "
                "what comes, one message after the other."
            )


def _default(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for value in (*node.args.defaults, *node.args.kw_defaults):
            if isinstance(value, (ast.List, ast.Dict, ast.Set)):
                yield (
                    f"the default {ast.unparse(value)} is made once, and every call of "
                    f"{node.name} shares it."
                )


SLIPS: tuple[Callable[[ast.AST], Iterator[str]], ...] = (
    _always_true,
    _no_type,
    _not_called,
    _target_called,
    _is_literal,
    _callback,
    _default,
)
