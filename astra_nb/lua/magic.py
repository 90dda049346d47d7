"""The `%%lua` cell magic."""

from __future__ import annotations

from typing import Any

from astra_nb.errors import LocalError

from .programs import Lua

__all__ = ["load", "unload"]

_current: Lua | None = None


def load(shell: Any) -> None:
    """Register `%%lua`; all such cells share one Lua state. Raise `LocalError` without lupa."""
    global _current
    unload(shell)
    lua = Lua()

    def run_cell(line: str, cell: str) -> None:
        """Run the cell as Lua; `%%lua name` binds the server that it made to that name."""
        name = line.strip()
        if name and not name.isidentifier():
            raise LocalError(
                f"%%lua takes the name of one Python variable, for the server that the cell "
                f"makes, not {name!r}"
            )
        earlier = lua.server
        # The line of %%lua counts: an error's line is the line of the cell.
        # shell.execution_count is one too high while a cell runs, from IPython 9 on.
        number = len(shell.history_manager.input_hist_parsed) - 1
        # Without a history the cell has no number.
        lua.run(f"\n{cell}", f"cell {number}" if number > 0 else "cell")
        if name:
            server = lua.server
            if server is None or server is earlier:
                raise LocalError(f"the cell made no server, so {name} was not set")
            shell.user_ns[name] = server

    shell.register_magic_function(run_cell, magic_kind="cell", magic_name="lua")
    _current = lua


def unload(shell: Any) -> None:
    """Shut down the servers of Lua cells and release their state."""
    global _current
    if _current is not None:
        _current.shutdown()
        _current = None
        shell.magics_manager.magics["cell"].pop("lua", None)
