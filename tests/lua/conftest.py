from __future__ import annotations

from collections.abc import Iterator

import pytest

from astra_nb.lua import Lua


@pytest.fixture
def lua() -> Iterator[Lua]:
    """A Lua of the test's own, whose servers are gone after it."""
    lua = Lua()
    yield lua
    lua.shutdown()
