"""The fault shelf: rules of RFC 6455 that can be broken on purpose, and what must follow.

A fault has a stage, which tells where its name goes:

- "request": `connect(url, faults=["request without Host"])`
- "answer": `server.websocket(path, handler, faults=["wrong accept key"])`, or for one connection
  `handshake.accept(faults=[...])` in a handshake hook
- "frame": `socket.break_rule("reserved opcode")`, at either end
- "conduct": `socket.break_rule("CLOSE not answered")`, or in either list above, from the beginning

The end that breaks a rule says so in its log. `print(faults.shelf())` lists them all.
"""

from __future__ import annotations

import dataclasses

from .wire.faults import FAULTS, Fault, fault_named

__all__ = ["FAULTS", "Fault", "named", "shelf"]


def named(name: str, *, seconds: float | None = None) -> Fault:
    """Return a fault of the shelf.

    Args:
        name: Its name, such as "late CLOSE".
        seconds: How late it comes or how long it lasts, where that can be chosen; None for the
            fault's own.

    Raises:
        KeyError: There is no such fault.
    """
    fault = fault_named(name)
    return fault if seconds is None else dataclasses.replace(fault, seconds=seconds)


def shelf() -> str:
    """Return all faults as text: the name, the ends, the rule, and what the other end must do."""
    lines = []
    for fault in FAULTS:
        lines.append(
            f"{fault.name} ({fault.stage}; {fault.who}; RFC 6455, section {fault.section})"
        )
        lines += [f"    {fault.breaks}", f"    {fault.answer}"]
    return "\n".join(lines)
