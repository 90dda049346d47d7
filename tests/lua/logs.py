"""Looking at a server's log."""

from __future__ import annotations

from typing import Any

from astra_nb import Server


def found(server: Server, **criteria: Any) -> Any:
    """Wait for a record and give it, as what it turns out to be."""
    return server.log.wait_for(**criteria)
